"""Listeners: one operation of the queue brings connections until it is cancelled."""

from __future__ import annotations

import errno
from asyncio import constants, trsock
from asyncio.log import logger
from typing import Any

from .. import _abi
from .._std.base import arrived
from ..socket import socket
from .links import Link
from .transport import error_of

_MULTI = _abi.ANYSOCK_QUEUE_MULTI

#: What is lacking for a while, after which it is worth another try.
_SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Listener:
    """A listener. `accepted` is called with each connection, as a socket, and its address."""

    def __init__(self, loop: Any, sock: Any, server: Any, accepted: Any) -> None:
        self._loop, self._sock, self._server, self._accepted = loop, sock, server, accepted
        self._link = Link(sock)
        self._is_open = True
        self._listen()

    def _listen(self) -> None:
        if self._is_open:
            self._loop._batch.want(self._came, self._link.handle, _abi.ANYSOCK_OP_ACCEPT, _MULTI)

    def _came(self, flags: int, result: int, *_: Any) -> None:
        if not self._is_open:
            if result >= 0:
                _abi.anysock_close(result)
            return
        if result < 0:
            self._failed(error_of(result))
            return
        descriptor, address = arrived(result, self._sock.family)
        conn = socket(self._sock.family, self._sock.type, self._sock.proto, descriptor)
        if self._loop.get_debug():
            logger.debug("%r got a new connection from %r: %r", self._server, address, conn)
        self._accepted(conn, address)

    def _failed(self, error: Any) -> None:
        if error.errno == errno.ECANCELED:
            return
        if error.errno not in _SCARCE:
            self._listen()
            raise error
        self._loop.call_exception_handler(
            {
                "message": "socket.accept() out of system resource",
                "exception": error,
                "socket": trsock.TransportSocket(self._sock),
            }
        )
        self._loop.call_later(constants.ACCEPT_RETRY_DELAY, self._listen)

    def end(self) -> None:
        """Nothing comes any more; the socket may be closed."""
        self._is_open = False
        self._link.end()
