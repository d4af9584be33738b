"""`poll` and `epoll` objects as the standard module's, for the library's sockets and handles too.

Both speak of descriptors: what was registered by its handle is reported by its descriptor.
"""

from __future__ import annotations

import select as _system
from collections.abc import Sequence
from typing import Any

from .. import _abi
from .._time import FOREVER, microseconds
from .numbers import FIRST_HANDLE, handle_of
from .waitable import descriptor_of, resolve
from .watch import Question

#: What each of the library's three sets is for. epoll's numbers are the same.
_EVENTS = (_READ, _WRITE, _EXCEPT) = (_system.POLLIN, _system.POLLOUT, _system.POLLPRI)

#: What the library's select can wait for, and what it tells unasked along with that.
_ASKABLE = _READ | _WRITE | _EXCEPT | _system.POLLERR | _system.POLLHUP

#: The longest time that poll(2) takes, in milliseconds.
_LONGEST = 2**31 - 1


class Poll:
    """What `poll()` makes, and nothing else, as in the standard module. As long as all that is registered is the library's, and every mask asks for
    `POLLIN` or `POLLOUT`, it waits by the library: a call then costs what is ready."""

    def __new__(cls) -> Poll:
        raise TypeError(f"cannot create '{cls.__module__}.{cls.__qualname__}' instances")

    @classmethod
    def make(cls) -> Poll:
        """An object that waits for what is registered with it."""
        self = object.__new__(cls)
        self._begin()
        return self

    def _begin(self) -> None:
        self._masks: dict[int, int] = {}
        self._handles: dict[int, int] = {}
        # The system's word on everything: what is wrong with an argument, and what exactly is ready.
        self._exact = _system.poll()
        self._question: Question | None = None

    def register(self, fd: Any, eventmask: int = _READ | _EXCEPT | _WRITE, /) -> None:
        """Watches something, or changes what it is watched for."""
        number = resolve(fd)
        descriptor = descriptor_of(number)
        self._exact.register(descriptor, eventmask)
        self._note(descriptor, number, eventmask)

    def modify(self, fd: Any, eventmask: int, /) -> None:
        """Changes what it is watched for; `OSError(ENOENT)` if it is not."""
        number = resolve(fd)
        descriptor = descriptor_of(number)
        self._exact.modify(descriptor, eventmask)
        self._note(descriptor, number, eventmask)

    def _note(self, descriptor: int, number: int, eventmask: int) -> None:
        self._masks[descriptor] = eventmask
        self._handles[descriptor] = number
        self._question = None

    def unregister(self, fd: Any, /) -> None:
        """Watches it no more; `KeyError` if it was not watched."""
        descriptor = descriptor_of(resolve(fd))
        self._exact.unregister(descriptor)
        del self._masks[descriptor], self._handles[descriptor]
        self._question = None

    def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]:
        """Waits until something is ready; descriptors and events of what is. The time is in milliseconds."""
        # Another thread may come meanwhile.
        question, self._question = self._question or self._ask_the_library(), None
        if question is None:
            return self._exact.poll(timeout)
        count = question.ask(_limit(timeout))
        if count < 0:
            # Something is closed. The system has a word for that, and knows whose its number is now; but of what was
            # closed during the wait it must not wait on.
            return self._exact.poll(timeout if count == _abi.ANYSOCK_EBADF else 0)
        ready = question.answer(count)
        self._question = question
        return self._tell(ready) if count else []

    def _ask_the_library(self) -> Question | None:
        """The question whether something is ready, if the library can answer it."""
        masks = self._masks
        handles = {descriptor: handle_of(descriptor) or self._handles[descriptor] for descriptor in masks}
        is_simple = all(not mask & ~_ASKABLE and mask & (_READ | _WRITE) for mask in masks.values())
        if not masks or not is_simple or min(handles.values()) < FIRST_HANDLE:
            return None
        lists = [[each for each in masks if masks[each] & event] for event in _EVENTS]
        return Question(lists, [[handles[descriptor] for descriptor in each] for each in lists])

    def _tell(self, ready: Sequence[list[int]]) -> list[tuple[int, int]]:
        """What exactly is ready: the library does not tell one error from another, and the system not all of them."""
        events: dict[int, int] = {}
        for each, event in zip(ready, _EVENTS):
            for descriptor in each:
                events[descriptor] = events.get(descriptor, 0) | event
        exact = _system.poll()
        for descriptor in events:
            exact.register(descriptor, self._masks[descriptor])
        events.update(exact.poll(0))
        return list(events.items())


#: Not a function: one that is put into a class would become its method, and the standard one does not.
poll = Poll.make


def _limit(timeout: float | None) -> int:
    """A time for poll(2), in the library's unit."""
    if timeout is None or timeout < 0:
        return FOREVER
    if timeout > _LONGEST:
        raise OverflowError("timeout is too large")
    return microseconds(timeout / 1000)


class epoll:
    """The system's own epoll, which takes the library's sockets and handles as well.

    It tells what the system tells, in the system's words (`EPOLLRDHUP`, `EPOLLEXCLUSIVE` and the rest), and a
    socket that is closed leaves it without a word. The library's own way to the same is `anysock.Poller`.
    """

    def __init__(self, sizehint: int = -1, flags: int = 0) -> None:
        self._epoll = _system.epoll(sizehint, flags)

    @classmethod
    def fromfd(cls, fd: int, /) -> epoll:
        """Takes over a descriptor of an epoll."""
        self = cls.__new__(cls)
        self._epoll = _system.epoll.fromfd(fd)
        return self

    def fileno(self) -> int:
        """The epoll's own descriptor."""
        return self._epoll.fileno()

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._epoll.closed

    def close(self) -> None:
        """Closes it; more than once does no harm."""
        self._epoll.close()

    def register(self, fd: Any, eventmask: int = _READ | _EXCEPT | _WRITE) -> None:
        """Watches something."""
        self._epoll.register(descriptor_of(resolve(fd)), eventmask)

    def modify(self, fd: Any, eventmask: int) -> None:
        """Changes what it is watched for."""
        self._epoll.modify(descriptor_of(resolve(fd)), eventmask)

    def unregister(self, fd: Any) -> None:
        """Watches it no more."""
        self._epoll.unregister(descriptor_of(resolve(fd)))

    def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:
        """Waits until something is ready; descriptors and events of what is. The time is in seconds."""
        return self._epoll.poll(timeout, maxevents)

    def __enter__(self) -> epoll:
        self._epoll.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
