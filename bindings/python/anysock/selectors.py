"""The standard module `selectors` on the library. `DefaultSelector` waits by a poller of the library's.

Every selector takes sockets, handles, file numbers and whatever has `fileno()`.
"""

from __future__ import annotations

import errno
import os
import selectors as _standard
import struct
import sys
from math import ceil
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector, SelectorKey
from time import monotonic
from typing import Any

from . import _abi, select
from ._abi import anysock_poller_set as _set
from ._abi import anysock_poller_wait as _wait
from ._errors import check
from ._handle import CLOSED, Handle, interruptible
from ._signals import repeat
from ._time import FOREVER, Deadline
from ._waitable import FIRST_HANDLE, resolve

__all__ = ["BaseSelector", "DefaultSelector", "EVENT_READ", "EVENT_WRITE", "PollerSelector", "SelectSelector", "SelectorKey"]

#: `anysock_event`: token, handle, events, and what is reserved.
_event = struct.Struct("=qqii")

#: One wait reports no more; what else is ready comes with the next.
_MOST = 4096


class _Selector(_standard._BaseSelectorImpl):  # type: ignore[misc,name-defined]
    """What the standard selectors have in common, for the library's own objects too: their `fd` is the handle."""

    def _fileobj_lookup(self, fileobj: Any) -> int:
        if isinstance(fileobj, Handle) and not fileobj.closed:
            return fileobj.handle
        return super()._fileobj_lookup(fileobj)  # type: ignore[no-any-return]


class SelectSelector(_Selector, _standard.SelectSelector):
    """By `select`."""

    _select = staticmethod(select.select)


class _Room:
    """Memory for what a wait reports."""

    __slots__ = ("capacity", "events", "view")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.events = (_abi.anysock_event * capacity)()
        self.view = memoryview(self.events).cast("B")


class PollerSelector(_Selector):
    """By a poller: a wait costs what is ready, not what is registered.

    A socket of the library's that is closed leaves by itself. What is somebody else's should be unregistered before it
    is closed, as with the standard selectors.
    """

    _poller = CLOSED

    def __init__(self) -> None:
        super().__init__()
        self._handles: dict[int, int] = {}
        #: Of those, the ones that wait for descriptors which are somebody else's.
        self._borrowed: set[int] = set()
        #: Of the waits that have come back: several threads may wait.
        self._rooms: list[_Room] = []
        self._poller = interruptible(_abi.anysock_poller_open())

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        key = super().register(fileobj, events, data)
        try:
            handle = self._handles[key.fd] = self._handle_for(key.fd)
            check(_set(self._poller, handle, events, key.fd))
        except BaseException:
            self.unregister(fileobj)
            raise
        return key  # type: ignore[no-any-return]

    def _handle_for(self, fd: int) -> int:
        number = resolve(fd)
        if number >= FIRST_HANDLE:
            return number
        handle: int = _abi.anysock_borrow(number)
        if handle == _abi.ANYSOCK_ENOTSOCK:
            # A file is always ready; epoll says so in these words.
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        self._borrowed.add(check(handle))
        return handle

    def unregister(self, fileobj: Any) -> SelectorKey:
        key = super().unregister(fileobj)
        handle = self._handles.pop(key.fd, CLOSED)
        # Fails if the socket is closed: it has left by itself.
        _set(self._poller, handle, 0, 0)
        if handle in self._borrowed:
            self._borrowed.remove(handle)
            _abi.anysock_close(handle)
        return key  # type: ignore[no-any-return]

    def modify(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        key = self.get_key(fileobj)
        if not events or events & ~(EVENT_READ | EVENT_WRITE):
            raise ValueError(f"Invalid events: {events!r}")
        if events != key.events:
            try:
                check(_set(self._poller, self._handles[key.fd], events, key.fd))
            except BaseException:
                self.unregister(fileobj)
                raise
        key = self._fd_to_key[key.fd] = key._replace(events=events, data=data)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """What is ready. Also empty when a registered socket was closed by another thread meanwhile."""
        limit = FOREVER if timeout is None else ceil(timeout * 1_000_000) if timeout > 0 else 0
        room = self._room()
        started = monotonic() if limit > 0 else None
        count = _wait(self._poller, room.events, room.capacity, limit)
        if count == _abi.ANYSOCK_EINTR:
            deadline = Deadline(limit, started)
            count = repeat(lambda: _wait(self._poller, room.events, room.capacity, deadline.remaining()))
        if count <= 0:
            self._rooms.append(room)
            return [] if count == _abi.ANYSOCK_ECANCELED or not check(count) else []
        key_of = self._fd_to_key.get
        # The library's events have the numbers of these. Another thread may have taken something out.
        ready = [
            (key, events & key.events)
            for token, _, events, _ in _event.iter_unpack(room.view[: count * _event.size])
            if (key := key_of(token))
        ]
        self._rooms.append(room)
        return ready

    def _room(self) -> _Room:
        wanted = min(len(self._fd_to_key), _MOST)
        room = self._rooms.pop() if self._rooms else None
        return room if room and room.capacity >= wanted else _Room(max(16, 2 * wanted))

    def close(self) -> None:
        poller, self._poller = self._poller, CLOSED
        _abi.anysock_close(poller)
        while self._borrowed:
            _abi.anysock_close(self._borrowed.pop())
        super().close()

    def __del__(self, is_finalizing: Any = sys.is_finalizing) -> None:
        if self._poller != CLOSED and not is_finalizing():
            self.close()


if hasattr(select, "poll"):

    class PollSelector(_standard.PollSelector):
        """By a `poll` object."""

        _selector_cls = select.poll

    __all__ += ["PollSelector"]

if hasattr(select, "epoll"):

    class EpollSelector(_standard.EpollSelector):
        """By an `epoll` object, which is the system's."""

        _selector_cls = select.epoll

    __all__ += ["EpollSelector"]

DefaultSelector = PollerSelector
