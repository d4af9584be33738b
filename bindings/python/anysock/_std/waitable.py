"""What programs hand over to be waited for, and which of the library's handles it is. Not here: waiting."""

from __future__ import annotations

from typing import Any

from .. import _abi
from .._errors import check
from .._handle import Handle
from .base import socket
from .numbers import FIRST_HANDLE, resolve_number


def resolve(thing: Any) -> int:
    """The handle that something stands for; of what is not the library's, the descriptor: a smaller number.

    It may be a handle, a file number, or an object with `fileno()`.
    """
    if getattr(type(thing), "fileno", None) is socket.fileno:
        number = thing._handle or -1
    elif isinstance(thing, int):
        number = thing
    elif isinstance(thing, Handle):
        number = thing.handle or -1
    else:
        number = _fileno(thing)
    return resolve_number(number)


def _fileno(thing: Any) -> int:
    fileno = getattr(thing, "fileno", None)
    if fileno is None:
        raise TypeError("argument must be an int, or have a fileno() method.")
    number = fileno()
    if not isinstance(number, int):
        raise TypeError("fileno() returned a non-integer")
    return number


def descriptor_of(number: int) -> int:
    """The system's number for what `resolve` has found."""
    return check(_abi.anysock_fd(number)) if number >= FIRST_HANDLE else number


def is_steady(thing: Any) -> bool:
    """Whether it stands for the same handle until that is closed: `fileno()` of a strange class may say what it likes."""
    return type(thing) is int or isinstance(thing, Handle) or type(thing).fileno is socket.fileno
