"""What transports of connections and of datagrams have in common: a socket in the hands of the queue, a protocol, and an end.

After asyncio's `_SelectorTransport`, whose words and order of calls programs know.
"""

from __future__ import annotations

import warnings
from asyncio import constants, futures, transports, trsock
from asyncio.log import logger
from contextvars import copy_context
from typing import Any

from .._std.failures import failure
from .links import Link

#: asyncio's: limits of what is waiting to be written, and the protocol's part in it.
FlowControl: Any = transports._FlowControlMixin


class SocketTransport(FlowControl):  # type: ignore[misc]
    """A socket, and the protocol that hears of it."""

    # For an object whose making has failed.
    _sock: Any = None

    _loop: Any

    def __init__(
        self,
        loop: Any,
        sock: Any,
        protocol: Any,
        waiter: Any = None,
        extra: Any = None,
        server: Any = None,
        context: Any = None,
    ) -> None:
        super().__init__(extra, loop)
        self._link = Link(sock)
        self._batch = loop._batch
        self._extra["socket"] = trsock.TransportSocket(sock)
        self._extra["sockname"] = _name(sock.getsockname)
        if "peername" not in self._extra:
            self._extra["peername"] = _name(sock.getpeername)
        self._sock = sock
        self._sock_fd = sock.fileno()
        #: In which the protocol is called, from its first call to its last.
        self._context = copy_context() if context is None else context
        self._server = server
        self._conn_lost = 0
        self._closing = self._paused = False
        self._reading = 0
        #: What came while the protocol did not want it.
        self._stash: list[tuple[int, Any, Any]] = []
        self._prepare()
        self._changed()
        self.set_protocol(protocol)
        if server is not None:
            loop._attach(server, self)
        loop._transports[self._sock_fd] = self
        loop.call_soon(protocol.connection_made, self, context=self._context)
        # Not before `connection_made`, nor before who waits for the transport has it.
        loop.call_soon(loop.call_soon, self._start_reading)
        if waiter is not None:
            loop.call_soon(futures._set_result_unless_cancelled, waiter, None)  # type: ignore[attr-defined]

    def _prepare(self) -> None:
        """The link and the context are there, and the protocol is not."""

    def _changed(self) -> None:
        """Something is not as it was that decides what is the usual case."""

    def __repr__(self) -> str:
        words = [type(self).__name__]
        if self._sock is None:
            words.append("closed")
        elif self._closing:
            words.append("closing")
        words.append(f"fd={self._sock_fd}")
        if self._loop is not None and not self._loop.is_closed():
            words.append(f"read={'polling' if self._reading else 'idle'}")
            size = self.get_write_buffer_size()
            words.append(f"write=<{'polling' if size else 'idle'}, bufsize={size}>")
        return f"<{' '.join(words)}>"

    def __del__(self, _warn: Any = warnings.warn) -> None:
        if self._sock is not None:
            _warn(f"unclosed transport {self!r}", ResourceWarning, source=self)
            self._link.end()
            self._sock.close()

    # The protocol

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol
        self._protocol_connected = True

    def get_protocol(self) -> Any:
        return self._protocol

    # Reading

    def is_reading(self) -> bool:
        return not self._closing and not self._paused

    def pause_reading(self) -> None:
        if not self.is_reading():
            return
        self._paused = True
        self._changed()
        self._stop_reading()
        if self._loop.get_debug():
            logger.debug("%r pauses reading", self)

    def resume_reading(self) -> None:
        if self._closing or not self._paused:
            return
        self._paused = False
        self._changed()
        if self._stash:
            self._loop.call_soon(self._hand_over)
        self._start_reading()
        if self._loop.get_debug():
            logger.debug("%r resumes reading", self)

    def _hand_over(self) -> None:
        """What came while reading was paused, unless that has been paused again."""
        try:
            while self._stash and self.is_reading():
                self._came(*self._stash.pop(0))
        finally:
            self._changed()
            # If one of them has ended the loop, the others are told when it goes on.
            if self._stash and self.is_reading():
                self._loop.call_soon(self._hand_over)

    def _start_reading(self) -> None:
        raise NotImplementedError

    def _stop_reading(self) -> None:
        if self._reading:
            self._batch.cancel(self._reading, self._link.handle)
            self._reading = 0

    def _came(self, result: int, data: Any, sender: Any) -> None:
        raise NotImplementedError

    # The end

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._stop_reading()
        if self._is_idle():
            self._conn_lost += 1
        self._changed()
        if self._conn_lost:
            self._loop.call_soon(self._call_connection_lost, None, context=self._context)

    def _is_idle(self) -> bool:
        """Whether everything is written."""
        return not self.get_write_buffer_size()

    def abort(self) -> None:
        self._force_close(None)

    def _fatal_error(self, exc: BaseException, message: str = "Fatal error on transport") -> None:
        if isinstance(exc, OSError):
            if self._loop.get_debug():
                logger.debug("%r: %s", self, message, exc_info=exc)
        else:
            self._loop.call_exception_handler(
                {"message": message, "exception": exc, "transport": self, "protocol": self._protocol}
            )
        self._force_close(exc)

    def _force_close(self, exc: BaseException | None) -> None:
        if self._conn_lost:
            return
        self._drop_unsent()
        self._closing = True
        self._stop_reading()
        self._conn_lost += 1
        self._changed()
        self._loop.call_soon(self._call_connection_lost, exc, context=self._context)

    def _drop_unsent(self) -> None:
        raise NotImplementedError

    def _call_connection_lost(self, exc: BaseException | None) -> None:
        try:
            if self._protocol_connected:
                self._protocol.connection_lost(exc)
        finally:
            self._link.end()
            self._sock.close()
            self._sock = self._protocol = None
            server, self._server = self._server, None
            if server is not None:
                self._loop._detach(server, self)
            self._loop = None

    def _call_protocol(self, name: str, *arguments: Any) -> tuple[bool, Any]:
        """Calls the protocol in the transport's context, as `_ask`."""
        result: tuple[bool, Any] = self._context.run(self._ask, name, *arguments)
        return result

    def _ask(self, name: str, *arguments: Any) -> tuple[bool, Any]:
        """Whether the call has worked, and its result. The connection of a protocol that raises is lost."""
        try:
            return True, getattr(self._protocol, name)(*arguments)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, f"Fatal error: protocol.{name}() call failed.")
            return False, None

    def _warn_of_lost_connection(self) -> None:
        if self._conn_lost >= constants.LOG_THRESHOLD_FOR_CONNLOST_WRITES:
            logger.warning("socket.send() raised exception.")
        self._conn_lost += 1


def _name(ask: Any) -> Any:
    try:
        return ask()
    except OSError:
        return None


def error_of(result: int) -> Exception:
    """The exception for a failed operation."""
    return failure(result)


def check_bytes(data: Any) -> None:
    """Refuses what a transport can't send."""
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
