"""Waiting for many sockets at once: select, and the poller. What ready means is in the manual."""

from __future__ import annotations

from collections.abc import Iterable
from threading import RLock
from typing import Any, NamedTuple

from . import _abi
from ._errors import check
from ._handle import Handle
from ._numbers import as_int
from ._select import HandleSet, select
from ._signals import repeat
from ._socket import Socket
from ._time import Deadline, microseconds


def wait_ready(
    readable: Iterable[Socket] = (),
    writable: Iterable[Socket] = (),
    exceptional: Iterable[Socket] = (),
    timeout: float | None = None,
) -> tuple[list[Socket], list[Socket], list[Socket]]:
    """Waits until a socket is ready, as select(2) without its limit; of each of the three, those that are.

    All are empty when the time, in seconds, is over.
    """
    watched = [{socket.handle: socket for socket in each} for each in (readable, writable, exceptional)]
    if not any(watched):
        # A wait for nothing would hear no signal. A stream that was never connected is never ready.
        with Socket() as nothing:
            return wait_ready([nothing], timeout=timeout)
    sets = [HandleSet(each) for each in watched]
    check(select(sets, Deadline(microseconds(timeout))))
    first, second, third = ([sockets[handle] for handle in ready] for sockets, ready in zip(watched, sets))
    return first, second, third


class Ready(NamedTuple):
    """What a wait reports."""

    socket: Socket
    #: What it is ready for: `READ`, `WRITE`, `EXCEPT`, `HANGUP`, `ERROR`, added up.
    events: int
    #: What it was registered with.
    data: Any


#: More that are ready come with the next wait.
_Events = _abi.anysock_event * 256


class Poller(Handle):
    """Watches sockets that are registered once: a wait costs what is ready, not what is registered.

    Any thread may register, wait and wake.
    """

    def __init__(self) -> None:
        # A signal handler may come back here.
        self._lock = RLock()
        self._registered: dict[int, tuple[Socket, Any]] = {}
        self._many = 64
        self._own(check(_abi.anysock_poller_open()))

    def __repr__(self) -> str:
        return "<anysock.Poller closed>" if self.closed else "<anysock.Poller>"

    def set(self, socket: Socket, events: int, data: Any = None) -> None:
        """Registers a socket for `READ`, `WRITE`, `EXCEPT` added up, or changes what for.

        It is reported as long as it is ready; with `EDGE` added, once for each change; with `ONESHOT`, once.
        A socket that is closed leaves by itself.
        """
        handle, events = socket.handle, as_int(events)
        with self._lock:
            self._forget_the_closed()
            before = self._registered.get(handle)
            # Beforehand, as another thread's wait may at once have something to report.
            self._registered[handle] = (socket, data)
            result = _abi.anysock_poller_set(self._handle, handle, events, handle)
            if result < 0 and before:
                self._registered[handle] = before
            elif result < 0 or events == 0:
                del self._registered[handle]
        check(result)

    def remove(self, socket: Socket) -> None:
        """Takes a socket out."""
        self.set(socket, 0)

    def _forget_the_closed(self) -> None:
        """Now and then, so that a poller does not hold on to all sockets that there have ever been."""
        if len(self._registered) < self._many:
            return
        for handle, (socket, _) in list(self._registered.items()):
            if socket.closed:
                del self._registered[handle]
        self._many = max(64, 2 * len(self._registered))

    def close(self) -> None:
        """Closes it, and lets go of the sockets; more than once does no harm."""
        super().close()
        self._registered = {}

    def wait(self, timeout: float | None = None) -> list[Ready]:
        """Waits until something is ready. Nothing is when the time, in seconds, is over, and after `wake`."""
        handle, events, deadline = self._handle, _Events(), Deadline(microseconds(timeout))
        count = repeat(lambda: _abi.anysock_poller_wait(handle, events, len(events), deadline.remaining()))
        ready = []
        for event in events[: check(count)]:
            socket, data = self._registered.get(event.token, (None, None))
            if socket:
                ready.append(Ready(socket, event.events, data))
        return ready

    def fileno(self) -> int:
        """A descriptor for another event loop, such as asyncio's `add_reader`: readable when a wait would report something.

        It may be readable without that, and a wait that does not wait then makes it rest. It is the poller's, not to be
        closed; Windows has none.
        """
        return check(_abi.anysock_fd(self._handle))

    def wake(self) -> None:
        """Makes one wait return at once: the one that waits now, or else the next."""
        check(_abi.anysock_poller_wake(self._handle))
