"""The loop: asyncio's own for selectors, whose selector is the queue, and whose transports and listeners use it directly."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio import events, format_helpers, sslproto
from contextlib import suppress
from heapq import heapify, heappop
from selectors import EVENT_READ, EVENT_WRITE, SelectorKey
from time import monotonic
from typing import TYPE_CHECKING, Any

from .. import _abi
from .._errors import failure as name_error
from .batch import Batch, Event
from .core import Core
from .datagrams import DatagramTransport
from .links import is_known
from .names import answer, question
from .polls import Polls
from .streams import StreamTransport
from .transport import error_of

if TYPE_CHECKING:
    from .servers import Listener

_Selector: Any = asyncio.SelectorEventLoop

#: From so many on it matters how many of them are cancelled, as with asyncio.
_MANY_TIMERS = 100

#: Since then, a server knows its transports.
_KNOWS_TRANSPORTS = sys.version_info >= (3, 13)


class Loop(Core, _Selector):  # type: ignore[misc]
    """An event loop of asyncio's on the library's batch queue."""

    # asyncio's: timers, and how many of them were cancelled.
    _scheduled: list[Any]
    _timer_cancelled_count: int

    #: Without a frame of Python's.
    time = monotonic

    def __init__(self, selector: Any = None) -> None:
        self._batch = Batch(self._told_badly)
        #: What has happened and was not told yet, because a callback has ended the loop.
        self._untold: list[Event] = []
        #: What callbacks have added in the turn in which the loop was stopped.
        self._postponed: list[Any] = []
        self._listeners: dict[int, Listener] = {}
        try:
            super().__init__(_Waits(self, self._batch, self._ready_to))
        except BaseException:
            self._batch.close()
            raise

    # What has happened

    def _process_events(self, event_list: Any) -> None:
        if self._untold:
            event_list = [*self._untold, *event_list]
            self._untold = []
        if self._debug:
            # As callbacks of the loop's, so that slow ones are told.
            for target, *arguments in event_list:
                self._add_callback(events.Handle(target, arguments, self, None))
            return
        told = added = 0
        try:
            # Who was there first comes first.
            for _ in range(len(self._ready)):
                # A turn within a callback takes some away.
                if self._ready and not (handle := self._ready.popleft())._cancelled:
                    handle._run()
            added = len(self._ready)
            for target, flags, result, data, more in event_list:
                told += 1
                target(flags, result, data, more)
        except BaseException as error:
            # The others are told in the next turn.
            self._untold = list(event_list[told:])
            if isinstance(error, (SystemExit, KeyboardInterrupt)):
                raise
            self._told_badly(target, error)
        if self._stopping:
            self._postponed = [self._ready.popleft() for _ in range(min(added, len(self._ready)))]

    def _told_badly(self, target: Any, error: BaseException) -> None:
        self.call_exception_handler({"message": f"Exception in callback {target!r}", "exception": error})

    def _ready_to(self, key: SelectorKey, mask: int) -> None:
        fileobj, (reader, writer) = key.fileobj, key.data
        if mask & EVENT_READ and reader is not None:
            if reader._cancelled:
                self._remove_reader(fileobj)
            else:
                self._add_callback(reader)
        if mask & EVENT_WRITE and writer is not None:
            if writer._cancelled:
                self._remove_writer(fileobj)
            else:
                self._add_callback(writer)

    def _write_to_self(self) -> None:
        self._batch.wake()

    # What is not the usual case of the turn in C

    def _run_once_any(self) -> None:
        try:
            super(Core, self)._run_once()
        finally:
            self._ready.extendleft(reversed(self._postponed))
            self._postponed.clear()

    def _call_soon_any(self, *arguments: Any, **named: Any) -> Any:
        handle = super(Core, self).call_soon(*arguments, **named)
        if handle._source_traceback:
            # This frame.
            del handle._source_traceback[-1]
        return handle

    def _forget_cancelled(self) -> None:
        """Takes cancelled timers away: all if they are many, or else those that come first."""
        if len(self._scheduled) > _MANY_TIMERS and 2 * self._timer_cancelled_count > len(self._scheduled):
            kept = [timer for timer in self._scheduled if not timer._cancelled]
            for timer in self._scheduled:
                timer._scheduled = not timer._cancelled
            heapify(kept)
            self._scheduled, self._timer_cancelled_count = kept, 0
        while self._scheduled and self._scheduled[0]._cancelled:
            self._timer_cancelled_count -= 1
            heappop(self._scheduled)._scheduled = False

    def _handle_failed(self, handle: Any, error: BaseException) -> None:
        """What a handle does by itself when its callback raises something."""
        callback = format_helpers._format_callback_source(handle._callback, handle._args)
        self.call_exception_handler({"message": f"Exception in callback {callback}", "exception": error, "handle": handle})

    # Transports

    def _make_socket_transport(
        self,
        sock: Any,
        protocol: Any,
        waiter: Any = None,
        *,
        extra: Any = None,
        server: Any = None,
        context: Any = None,
    ) -> Any:
        if not is_known(sock):
            more = {"extra": extra, "server": server, **_named(context)}
            return super()._make_socket_transport(sock, protocol, waiter, **more)
        return StreamTransport(self, sock, protocol, waiter, extra, server, context)

    def _make_ssl_transport(
        self,
        rawsock: Any,
        protocol: Any,
        sslcontext: Any,
        waiter: Any = None,
        *,
        server_side: bool = False,
        server_hostname: Any = None,
        extra: Any = None,
        server: Any = None,
        context: Any = None,
        **timeouts: Any,
    ) -> Any:
        secured = sslproto.SSLProtocol(
            self, protocol, sslcontext, waiter, server_side, server_hostname, **timeouts
        )
        self._make_socket_transport(rawsock, secured, extra=extra, server=server, context=context)
        return secured._app_transport

    def _make_datagram_transport(
        self, sock: Any, protocol: Any, address: Any = None, waiter: Any = None, extra: Any = None
    ) -> Any:
        if not is_known(sock):
            return super()._make_datagram_transport(sock, protocol, address, waiter, extra)
        return DatagramTransport(self, sock, protocol, address, waiter, extra)

    def _attach(self, server: Any, transport: Any) -> None:
        server._attach(*([transport] if _KNOWS_TRANSPORTS else []))

    def _detach(self, server: Any, transport: Any) -> None:
        server._detach(*([transport] if _KNOWS_TRANSPORTS else []))

    # Servers

    def _start_serving(
        self,
        protocol_factory: Any,
        sock: Any,
        sslcontext: Any = None,
        server: Any = None,
        backlog: int = 100,
        *timeouts: Any,
        context: Any = None,
    ) -> None:
        if not is_known(sock):
            named = _named(context)
            super()._start_serving(protocol_factory, sock, sslcontext, server, backlog, *timeouts, **named)
            return

        # Clients do without it, and without `anysock.socket`.
        from .servers import Listener

        def accepted(conn: Any, address: Any) -> None:
            extra = {"peername": address}
            # What one connection sets in its context, no other sees.
            named = _named(None if context is None else context.copy())
            serving = self._accept_connection2(
                protocol_factory, conn, extra, sslcontext, server, *timeouts, **named
            )
            self.create_task(serving, **named)

        self._listeners[sock.fileno()] = Listener(self, sock, server, accepted)

    def _stop_serving(self, sock: Any) -> None:
        listener = self._listeners.pop(sock.fileno(), None)
        if listener is not None:
            listener.end()
        # It closes the socket, and since Python 3.13 takes away the path of a unix socket.
        super()._stop_serving(sock)

    # Names

    async def getaddrinfo(
        self, host: Any, port: Any, *, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> Any:
        """As getaddrinfo(3), by the library's resolver if the question is one for it."""
        asked = question(host, port, family, type, proto, flags)
        if asked is None:
            return await super().getaddrinfo(host, port, family=family, type=type, proto=proto, flags=flags)
        future: Any = self.create_future()

        def answered(_: int, result: int, text: Any, *rest: Any) -> None:
            if future.done():
                return
            if result < 0:
                future.set_exception(name_error(result))
            else:
                future.set_result(answer(text, type))

        return await self._outcome(future, self._batch.resolve(answered, asked.kind, asked.text))

    async def _outcome(self, future: Any, token: int, handle: int = 0) -> Any:
        """What comes of an operation that ends with the task that waits for it."""
        try:
            return await future
        except asyncio.CancelledError:
            self._batch.cancel(token, handle)
            raise

    # Files

    async def _sendfile_native(self, transp: Any, file: Any, offset: int, count: int | None) -> int:
        self._check_sendfile_params(transp._sock, file, offset, count)
        descriptor, length = _file(file, count)
        if not length:
            return 0
        resumes = transp.is_reading()
        transp.pause_reading()
        await transp._make_empty_waiter()
        sent = 0
        try:
            while sent < length:
                more = await self._send_file(transp, descriptor, offset + sent, length - sent)
                if more == 0:
                    break
                sent += more
        except OSError as error:
            if sent or isinstance(error, ConnectionError):
                raise
            raise asyncio.SendfileNotAvailableError("the library can't send this file") from error
        finally:
            with suppress(OSError):
                os.lseek(descriptor, offset + sent, os.SEEK_SET)
            transp._reset_empty_waiter()
            if resumes:
                transp.resume_reading()
        return sent

    async def _send_file(self, transport: Any, descriptor: int, offset: int, length: int) -> int:
        future: Any = self.create_future()

        def sent(flags: int, result: int, _: Any, before: int) -> None:
            if future.done():
                return
            if result < 0 and not before:
                future.set_exception(error_of(result))
            else:
                # What has gone before an error counts; the error comes with the next.
                future.set_result(max(result, before))

        handle, op = transport._link.handle, _abi.ANYSOCK_OP_SEND_FILE
        token = self._batch.want(sent, handle, op, 0, descriptor, length, offset)
        count: int = await self._outcome(future, token, handle)
        return count


class _Waits(Polls):
    """The loop's selector: what could not be told comes first."""

    def __init__(self, loop: Loop, *rest: Any) -> None:
        super().__init__(*rest)
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Event]:
        return super().select(0 if self._loop._untold else timeout)


def _named(context: Any) -> dict[str, Any]:
    """A context as asyncio's own methods take it since Python 3.15. Before, it has none for them."""
    return {} if context is None else {"context": context}


def _file(file: Any, count: int | None) -> tuple[int, int]:
    """A file's descriptor, and how much of it is to be sent."""
    try:
        descriptor = file.fileno()
        size = os.fstat(descriptor).st_size
    except (AttributeError, OSError) as error:
        raise asyncio.SendfileNotAvailableError("not a regular file") from error
    return descriptor, count or size
