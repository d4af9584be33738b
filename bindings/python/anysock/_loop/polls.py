"""Waits for descriptors, in the shape in which asyncio's loop asks for them: as a selector whose `select` runs the queue."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from selectors import EVENT_READ, EVENT_WRITE, SelectorKey
from typing import Any, Callable

from .. import _abi
from .._std.failures import failure
from .._std.numbers import FIRST_HANDLE, resolve_number
from .._time import FOREVER, microseconds
from .batch import Batch, Event

_MULTI = _abi.ANYSOCK_QUEUE_MULTI

#: The library's events have the same numbers.
_EVENTS = EVENT_READ | EVENT_WRITE

#: What is told unasked, and means that reading and writing would tell more.
_TROUBLE = _abi.ANYSOCK_EVENT_HANGUP | _abi.ANYSOCK_EVENT_ERROR

#: Of a descriptor that is ready: its key, and for what.
Ready = Callable[[SelectorKey, int], None]


class _Poll:
    """A descriptor that is waited for."""

    __slots__ = ("_batch", "_handle", "_is_borrowed", "_tell", "_token", "key")

    def __init__(self, batch: Batch, key: SelectorKey, tell: Ready) -> None:
        self.key = key
        self._batch, self._tell = batch, tell
        number = resolve_number(key.fd)
        self._is_borrowed = number < FIRST_HANDLE
        self._handle = _borrow(number) if self._is_borrowed else number
        self._token = 0
        self.wait()

    def wait(self) -> None:
        """Waits for what the key says, and for nothing else any more."""
        self.stop()
        op, events = _abi.ANYSOCK_OP_POLL, self.key.events
        self._token = self._batch.want(self._ready, self._handle, op, _MULTI, 0, 0, events)

    def stop(self) -> None:
        if self._token:
            self._batch.cancel(self._token, self._handle)
            self._token = 0

    def end(self) -> None:
        self.stop()
        if self._is_borrowed:
            # What is wanted of it ends by that, too.
            _abi.anysock_close(self._handle)

    def _ready(self, flags: int, result: int, *_: Any) -> None:
        # After a change, what was reported before may still come.
        if self._token and result > 0:
            events = result | (_EVENTS if result & _TROUBLE else 0)
            self._tell(self.key, events & self.key.events)


def _borrow(number: int) -> int:
    handle: int = _abi.anysock_borrow(number)
    if handle == _abi.ANYSOCK_ENOTSOCK:
        # A file is always ready and can't be waited for. These are epoll's words for it.
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
    if handle < 0:
        raise failure(handle)
    return handle


class Polls:
    """What asyncio's loop takes for its selector. `tell` is called with what is ready."""

    def __init__(self, batch: Batch, tell: Ready) -> None:
        self._batch, self._tell = batch, tell
        self._polls: dict[int, _Poll] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        key = SelectorKey(fileobj, _descriptor(fileobj), events, data)
        if key.fd in self._polls:
            raise KeyError(f"{fileobj!r} (FD {key.fd}) is already registered")
        self._polls[key.fd] = _Poll(self._batch, key, self._tell)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        poll = self._poll(fileobj)
        before, poll.key = poll.key, poll.key._replace(events=events, data=data)
        if events != before.events:
            poll.wait()
        return poll.key

    def unregister(self, fileobj: Any) -> SelectorKey:
        poll = self._poll(fileobj)
        del self._polls[poll.key.fd]
        poll.end()
        return poll.key

    def get_key(self, fileobj: Any) -> SelectorKey:
        return self._poll(fileobj).key

    def get_map(self) -> Mapping[int, SelectorKey]:
        return _Registered(self)

    def descriptors(self) -> Iterable[int]:
        """Those that are registered."""
        return self._polls.keys()

    def _poll(self, fileobj: Any) -> _Poll:
        try:
            return self._polls[self._registered(fileobj)]
        except KeyError:
            raise KeyError(f"{fileobj!r} is not registered") from None

    def _registered(self, fileobj: Any) -> int:
        """The descriptor of what may have been closed since it was registered."""
        try:
            return _descriptor(fileobj)
        except ValueError:
            for fd, poll in self._polls.items():
                if poll.key.fileobj is fileobj:
                    return fd
            raise

    def select(self, timeout: float | None = None) -> list[Event]:
        """Everything that has happened, not with descriptors alone."""
        if timeout is None:
            return self._batch.run(FOREVER)
        return self._batch.run(microseconds(timeout) if timeout > 0 else 0)

    def close(self) -> None:
        while self._polls:
            self._polls.popitem()[1].end()
        self._batch.close()


class _Registered(Mapping[Any, SelectorKey]):
    """What is registered, by its descriptor or by the object that has that: since Python 3.13 asyncio asks here."""

    def __init__(self, polls: Polls) -> None:
        self._polls = polls

    def __getitem__(self, fileobj: Any) -> SelectorKey:
        return self._polls.get_key(fileobj)

    def __iter__(self) -> Iterator[int]:
        return iter(self._polls.descriptors())

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _descriptor(fileobj: Any) -> int:
    if isinstance(fileobj, int):
        fd = fileobj
    else:
        try:
            fd = int(fileobj.fileno())
        except (AttributeError, TypeError, ValueError):
            raise ValueError(f"Invalid file object: {fileobj!r}") from None
    if fd < 0:
        raise ValueError(f"Invalid file descriptor: {fd}")
    return fd
