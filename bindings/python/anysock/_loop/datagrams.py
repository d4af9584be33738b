"""Transports of datagrams."""

from __future__ import annotations

from asyncio import transports
from functools import lru_cache
from typing import Any

from .. import _abi
from .._abi import anysock_address as Flat
from .._std.addresses import flat, python
from .transport import SocketTransport, check_bytes, error_of

_MULTI = _abi.ANYSOCK_QUEUE_MULTI
_RECEIVE_FROM = _abi.ANYSOCK_OP_RECEIVE_FROM
_CANCELED = _abi.ANYSOCK_ECANCELED


class DatagramTransport(SocketTransport, transports.DatagramTransport):
    """A socket of datagrams."""

    def __init__(
        self, loop: Any, sock: Any, protocol: Any, address: Any = None, waiter: Any = None, extra: Any = None
    ) -> None:
        self._address = address
        #: How much is under way, and how many datagrams.
        self._size = self._under_way = 0
        super().__init__(loop, sock, protocol, waiter, extra)
        self._family = sock.family

    # Receiving

    def _start_reading(self) -> None:
        if self.is_reading() and not self._reading:
            self._reading = self._batch.want(self._received, self._link.handle, _RECEIVE_FROM, _MULTI)

    def _received(self, flags: int, result: int, data: Any, sender: Any) -> None:
        if result == _CANCELED or self._conn_lost:
            return
        if result < 0:
            # It ends the operation, and not the socket.
            self._reading = 0
            self._start_reading()
        if self._stash or self._paused:
            self._stash.append((result, data, sender))
        else:
            self._came(result, data, sender)

    def _came(self, result: int, data: Any, sender: Any) -> None:
        if self._closing:
            return
        if result < 0:
            self._context.run(self._protocol.error_received, error_of(result))
        else:
            self._context.run(self._protocol.datagram_received, data, _address(sender, self._family))

    # Sending

    def sendto(self, data: Any, addr: Any = None) -> None:
        check_bytes(data)
        if self._address:
            if addr not in (None, self._address):
                raise ValueError(f"Invalid address: must be None or {self._address}")
            addr = self._address
        if self._conn_lost and self._address:
            self._warn_of_lost_connection()
            return
        if self._conn_lost:
            return
        try:
            place = self._place(addr)
        except OSError as error:
            # A name that is not known, or is another family's. What is no address at all is the caller's mistake.
            self._protocol.error_received(error)
            return
        content = bytes(data)
        self._size += len(content)
        self._under_way += 1
        sent = lambda flags, result, *_: self._context.run(self._sent, len(content), result)
        self._batch.send(sent, self._link.handle, content, place)
        self._maybe_pause_protocol()

    def _place(self, addr: Any) -> bytes | None:
        """Where to; without an address the system knows, or says that it does not."""
        is_connected = self._extra["peername"] or addr is None
        return None if is_connected else bytes(flat(self._family, addr, "sendto"))

    def _sent(self, size: int, result: int) -> None:
        if self._conn_lost:
            return
        self._size -= size
        self._under_way -= 1
        if result < 0:
            self._protocol.error_received(error_of(result))
        self._maybe_resume_protocol()
        if self._closing and self._is_idle() and not self._conn_lost:
            self._conn_lost += 1
            self._call_connection_lost(None)

    def get_write_buffer_size(self) -> int:
        return self._size

    def _is_idle(self) -> bool:
        # There are empty ones.
        return not self._under_way

    def _drop_unsent(self) -> None:
        self._size = 0


@lru_cache(maxsize=1024)
def _address(sender: bytes, family: int) -> Any:
    return python(Flat.from_buffer_copy(sender), family)
