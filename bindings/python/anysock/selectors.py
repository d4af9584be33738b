"""The standard module `selectors` on the library. `DefaultSelector` waits by a poller of the library's.

Every selector takes sockets, handles, file numbers and whatever has `fileno()`.
"""

from __future__ import annotations

import errno
import os
import selectors as _standard
import struct
from ctypes import byref, c_char, c_int64, c_size_t
from itertools import islice
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector, SelectorKey
from time import monotonic
from typing import Any

from . import _abi, select
from ._errors import check
from ._handle import CLOSED, Handle, Owner, interruptible
from ._library import prepared
from ._signals import repeat
from ._std.numbers import FIRST_HANDLE
from ._std.waitable import resolve
from ._time import FOREVER, PREPARED_FOREVER, PREPARED_NOW, Deadline, microseconds

#: The library's events have the same numbers.
_EVENTS = EVENT_READ | EVENT_WRITE

_set = _abi.anysock_poller_set
_wait = prepared(_abi.anysock_poller_wait)
_glance = prepared(_abi.anysock_poller_wait, waits=False)

#: Of an `anysock_event` the token and the events.
_report = struct.Struct("=q8xi4x")
_first = _report.unpack_from

#: One wait reports no more; what else is ready comes with the next.
_MOST = 4096


class _Selector(_standard._BaseSelectorImpl):
    """What the standard selectors have in common, for the library's own objects too: their `fd` is the handle."""

    def _fileobj_lookup(self, fileobj: Any) -> int:
        if isinstance(fileobj, Handle) and not fileobj.closed:
            return fileobj.handle
        return super()._fileobj_lookup(fileobj)


class SelectSelector(_Selector, _standard.SelectSelector):
    """By `select`."""

    _select = staticmethod(select.select)


class PollerSelector(_Selector, Owner):
    """By a poller: a wait costs what is ready, not what is registered.

    A socket of the library's that is closed leaves by itself. What is somebody else's should be unregistered before it
    is closed, as with the standard selectors.
    """

    _handle = CLOSED

    def __init__(self) -> None:
        super().__init__()
        self._handles: dict[int, int] = {}
        #: Of those, the ones that wait for descriptors which are somebody else's.
        self._borrowed: set[int] = set()
        #: Memory for reports. It is out of here while a wait uses it: several threads may wait.
        self._rooms: list[tuple[Any, Any, bytearray]] = []
        self._handle = interruptible(_abi.anysock_poller_open())
        self._prepared = c_int64.from_param(self._handle)

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        key = super().register(fileobj, events, data)
        try:
            handle = self._handles[key.fd] = self._handle_for(key.fd)
            check(_set(self._handle, handle, events, key.fd))
        except BaseException:
            self.unregister(fileobj)
            raise
        return key

    def _handle_for(self, fd: int) -> int:
        number = resolve(fd)
        if number >= FIRST_HANDLE:
            return number
        handle: int = _abi.anysock_borrow(number)
        if handle == _abi.ANYSOCK_ENOTSOCK:
            # A file is always ready and can't be waited for. These are epoll's words for it.
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        self._borrowed.add(check(handle))
        return handle

    def unregister(self, fileobj: Any) -> SelectorKey:
        key = super().unregister(fileobj)
        handle = self._handles.pop(key.fd, CLOSED)
        # Fails if the socket is closed: it has left by itself.
        _set(self._handle, handle, 0, 0)
        if handle in self._borrowed:
            self._borrowed.remove(handle)
            _abi.anysock_close(handle)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        key = self.get_key(fileobj)
        if not events or events & ~_EVENTS:
            raise ValueError(f"Invalid events: {events!r}")
        if events != key.events:
            try:
                check(_set(self._handle, self._handles[key.fd], events, key.fd))
            except BaseException:
                self.unregister(fileobj)
                raise
        key = self._fd_to_key[key.fd] = key._replace(events=events, data=data)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """What is ready. Nothing may be when a registered socket was closed by another thread."""
        try:
            room = self._rooms.pop()
        except IndexError:
            room = self._make_room()
        places, capacity, memory = room
        started = None
        if timeout is None:
            count = _wait(self._prepared, places, capacity, PREPARED_FOREVER)
        elif timeout <= 0:
            count = _glance(self._prepared, places, capacity, PREPARED_NOW)
        else:
            started = monotonic()
            count = _wait(self._prepared, places, capacity, c_int64.from_param(microseconds(timeout)))
        if count < 0:
            count = self._resume(count, room, timeout, started)
        # What another thread has taken out meanwhile is left out.
        keys = self._fd_to_key
        ready = []
        if count == 1:
            # The usual case, written out.
            token, events = _first(memory)
            if token in keys:
                ready.append((keys[token], events & _EVENTS))
        elif count:
            for token, events in islice(_report.iter_unpack(memory), count):
                if token in keys:
                    ready.append((keys[token], events & _EVENTS))
        self._rooms.append(room)
        return ready

    def _make_room(self) -> tuple[Any, Any, bytearray]:
        capacity = min(max(64, 2 * len(self._fd_to_key)), _MOST)
        memory = bytearray(capacity * _report.size)
        places = (c_char * len(memory)).from_buffer(memory)
        return byref(places), c_size_t.from_param(capacity), memory

    def _resume(self, result: int, room: tuple[Any, ...], timeout: float | None, started: float | None) -> int:
        """How many reports there are in the end, after a wait that has failed."""
        if result == _abi.ANYSOCK_EINTR:
            deadline = Deadline(FOREVER if timeout is None else microseconds(max(timeout, 0)), started)
            result = repeat(lambda: _wait(self._prepared, *room[:2], c_int64.from_param(deadline.remaining())))
        return 0 if result == _abi.ANYSOCK_ECANCELED else check(result)

    def close(self) -> None:
        poller, self._handle = self._handle, CLOSED
        self._prepared = c_int64.from_param(CLOSED)
        _abi.anysock_close(poller)
        while self._borrowed:
            _abi.anysock_close(self._borrowed.pop())
        super().close()

    def _complain(self) -> None:
        """The standard selectors don't."""

    def _end(self) -> None:
        self.close()


if hasattr(select, "poll"):

    class PollSelector(_standard.PollSelector):
        """By a `poll` object."""

        _selector_cls = select.poll


if hasattr(select, "epoll"):

    class EpollSelector(_standard.EpollSelector):
        """By an `epoll` object, which is the system's."""

        _selector_cls = select.epoll


DefaultSelector = PollerSelector

# What else this system has is the standard module's.
_others = {name: each for name, each in vars(_standard).items() if name.endswith("Selector") and name not in globals()}
globals().update(_others)

__all__ = ["EVENT_READ", "EVENT_WRITE", "SelectorKey"]
__all__ += [name for name in globals() if name.endswith("Selector") and not name.startswith("_")]
