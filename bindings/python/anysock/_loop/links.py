"""A socket in the hands of the queue: the handle by which it knows it, until the socket is its owner's again."""

from __future__ import annotations

from typing import Any

from .. import _abi
from .._errors import check
from .._std.addresses import FAMILIES
from .._std.numbers import handle_of

_TIMEOUT = _abi.ANYSOCK_OPT_TIMEOUT.encode()


def is_known(sock: Any) -> bool:
    """Whether it is of a family that the library has. What is not is read and written by asyncio's own transports."""
    return sock.family in FAMILIES


class Link:
    """The handle of a socket: its own if it is one of the library's, else one that takes the descriptor over for a while."""

    __slots__ = ("_is_lent", "handle")

    def __init__(self, sock: Any) -> None:
        handle = handle_of(sock.fileno())
        self._is_lent = handle is None
        self.handle = check(_abi.anysock_adopt(sock.fileno())) if handle is None else handle
        # That a program's calls must not wait says nothing about the queue's.
        _abi.anysock_set(self.handle, _TIMEOUT, -1)

    def end(self) -> None:
        """Nothing of it goes on in the queue; the socket may be closed."""
        if self._is_lent:
            _abi.anysock_release(self.handle)
