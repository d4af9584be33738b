"""Transports of connections. What is written in one turn of the loop goes out as one piece when it ends."""

from __future__ import annotations

import socket
from asyncio import constants, protocols, transports
from asyncio.log import logger
from typing import Any

from .. import _abi, _calls
from .stream import Stream
from .transport import SocketTransport, check_bytes, error_of

_CANCELED = _abi.ANYSOCK_ECANCELED


class StreamTransport(SocketTransport, transports.Transport):
    """A connection."""

    _start_tls_compatible = True
    _sendfile_compatible = constants._SendfileMode.TRY_NATIVE

    #: Its limits are set before it is there.
    _stream: Any = None

    def __init__(self, loop: Any, sock: Any, *rest: Any, **more: Any) -> None:
        self._eof = False
        self._empty_waiter: Any = None
        super().__init__(loop, sock, *rest, **more)
        if _is_tcp(sock):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _prepare(self) -> None:
        self._stream = Stream(self._batch, self, self._link.handle, self._context.run)
        self._stream.high_water = self._high_water
        # Without a frame of Python's.
        self.__dict__["write"] = self._stream.write

    def _changed(self) -> None:
        stream = self._stream
        stream.is_lost = bool(self._conn_lost)
        stream.reads = not (self._paused or self._stash or self._closing)
        stream.writes = not (self._eof or self._conn_lost) and self._empty_waiter is None
        stream.tells = self._closing or self._eof or self._protocol_paused or self._empty_waiter is not None

    # Reading

    def set_protocol(self, protocol: Any) -> None:
        super().set_protocol(protocol)
        if isinstance(protocol, protocols.BufferedProtocol):
            self._stream.give_to(None, protocol.get_buffer, protocol.buffer_updated)
        else:
            self._stream.give_to(protocol.data_received, None, None)

    def _start_reading(self) -> None:
        if self.is_reading() and not self._reading:
            self._reading = self._stream.read()

    def _read(self, flags: int, result: int, data: Any, _: Any) -> None:
        """What is not the usual case: reading is paused, the stream ends, or there is an error."""
        if result == _CANCELED or self._conn_lost:
            return
        if result <= 0:
            self._reading = 0
        if self._stash or self._paused:
            self._stash.append((result, data, None))
            self._changed()
        else:
            self._came(result, data, None)

    def _came(self, result: int, data: Any, _: Any) -> None:
        if result > 0:
            if not self._closing:
                self._deliver(data)
        elif result == 0:
            self._end_of_stream()
        else:
            self._fatal_error(error_of(result), "Fatal read error on socket transport")

    def _deliver(self, data: bytes) -> None:
        """What waited, given to whatever protocol there is by now."""
        rest = memoryview(data)
        while rest and not self._conn_lost and isinstance(self._protocol, protocols.BufferedProtocol):
            size = self._fill(rest)
            if not size:
                return
            rest = rest[size:]
        if rest and not self._conn_lost:
            self._call_protocol("data_received", bytes(rest))

    def _fill(self, rest: memoryview) -> int:
        """Fills one of the protocol's own buffers; how much, 0 if that has ended the connection."""
        works, buffer = self._call_protocol("get_buffer", len(rest))
        if not works:
            return 0
        try:
            room = memoryview(buffer).cast("B")
            size = min(len(room), len(rest))
            room[:size] = rest[:size]
        except (TypeError, ValueError, BufferError) as exc:
            self._protocol_failed(exc, "get_buffer")
            return 0
        if not size:
            self._no_room()
        return size if size and self._call_protocol("buffer_updated", size)[0] else 0

    def _no_room(self) -> None:
        error = RuntimeError("get_buffer() returned an empty buffer")
        self._fatal_error(error, "Fatal error: protocol.get_buffer() call failed.")

    def _protocol_failed(self, exc: BaseException, name: str) -> None:
        self._fatal_error(exc, f"Fatal error: protocol.{name}() call failed.")

    def _end_of_stream(self) -> None:
        if self._loop.get_debug():
            logger.debug("%r received EOF", self)
        works, keeps_open = self._call_protocol("eof_received")
        if works and not keeps_open:
            self.close()

    # Writing

    def _set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        super()._set_write_buffer_limits(high, low)
        if self._stream is not None:
            self._stream.high_water = self._high_water

    def write(self, data: Any) -> None:
        """Once the connection is lost; before, the stream's own stands in its place."""
        self._write_any(data)

    def _write_any(self, data: Any) -> None:
        """What is not bytes, or can't be written now."""
        if type(data) is not bytes:
            check_bytes(data)
            # What can be changed is sent as it is now.
            data = bytes(data)
        if self._eof:
            raise RuntimeError("Cannot call write() after write_eof()")
        if self._empty_waiter is not None:
            raise RuntimeError("unable to write; sendfile is in progress")
        if not data:
            return
        if self._conn_lost:
            self._warn_of_lost_connection()
        else:
            self._stream.write(data)

    def _write_much(self) -> None:
        """So much that the protocol should stop, unless it goes at once."""
        stream = self._stream
        if not stream.writing:
            data = stream.take()
            count = _calls.send(self._link.handle, data, _abi.ANYSOCK_FLAG_DONT_WAIT)
            if count < 0 and count != _abi.ANYSOCK_EAGAIN:
                self._write_failed(error_of(count))
                return
            rest = data[max(count, 0) :]
            stream.put(rest)
            stream.size = len(rest)
        self._maybe_pause_protocol()
        self._changed()

    def _written(self, flags: int, result: int, *_: Any) -> None:
        stream = self._stream
        stream.writing = 0
        if self._conn_lost:
            return
        if result < 0:
            self._write_failed(error_of(result))
            return
        stream.size -= result
        stream.list()
        self._progress()

    def _progress(self) -> None:
        """A write has ended well."""
        if self._protocol_paused:
            self._context.run(self._maybe_resume_protocol)
            self._changed()
        if not self._stream.size and not self._conn_lost:
            self._all_written()

    def _write_failed(self, exc: Exception) -> None:
        self._fatal_error(exc, "Fatal write error on socket transport")
        if self._empty_waiter is not None and not self._empty_waiter.done():
            self._empty_waiter.set_exception(exc)

    def _all_written(self) -> None:
        if self._empty_waiter is not None and not self._empty_waiter.done():
            self._empty_waiter.set_result(None)
        if self._closing:
            self._conn_lost += 1
            self._context.run(self._call_connection_lost, None)
        elif self._eof:
            self._shut()

    def _shut(self) -> None:
        self._sock.shutdown(socket.SHUT_WR)

    def get_write_buffer_size(self) -> int:
        size: int = self._stream.size
        return size

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if self._closing or self._eof:
            return
        self._eof = True
        self._changed()
        if not self._stream.size:
            self._shut()

    def _drop_unsent(self) -> None:
        stream = self._stream
        stream.take()
        stream.size = 0
        if stream.writing:
            self._batch.cancel(stream.writing, self._link.handle)
            stream.writing = 0

    def _call_connection_lost(self, exc: BaseException | None) -> None:
        try:
            super()._call_connection_lost(exc)
        finally:
            self._changed()
            self._stream.end()
            # A cycle.
            self.__dict__.pop("write", None)
        if self._empty_waiter is not None and not self._empty_waiter.done():
            self._empty_waiter.set_exception(ConnectionError("Connection is closed by peer"))

    # For `sendfile`

    def _make_empty_waiter(self) -> Any:
        if self._empty_waiter is not None:
            raise RuntimeError("Empty waiter is already set")
        self._empty_waiter = self._loop.create_future()
        self._changed()
        if not self._stream.size:
            self._empty_waiter.set_result(None)
        return self._empty_waiter

    def _reset_empty_waiter(self) -> None:
        self._empty_waiter = None
        self._changed()


def _is_tcp(sock: Any) -> bool:
    """Whether or not the socket names its protocol, which asyncio goes by."""
    is_stream = sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM
    return is_stream and sock.proto in (0, socket.IPPROTO_TCP)
