"""select over descriptors that are not the library's, or not all of them: pipes, files, other modules' sockets."""

from __future__ import annotations

import errno
import os
import select as _system
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .. import _abi
from .._errors import check
from .._time import Deadline, microseconds
from .numbers import FIRST_HANDLE
from .waitable import descriptor_of
from .watch import Answer, Question

_Lists = Sequence[list[Any]]
_Numbers = Sequence[list[int]]

#: select(2) can be asked about no descriptor that is larger, where there is poll(2) for those.
_LARGEST = 1023

_MILLISECONDS = 1000


def select_others(lists: _Lists, numbers: _Numbers, timeout: float | None) -> Answer:
    """As `select.select`, for things of which some are not the library's."""
    try:
        if any(number >= FIRST_HANDLE for each in numbers for number in each):
            return _ask_the_library(lists, numbers, timeout)
    except OSError as error:
        # Files can't be waited for, but the system knows that they are always ready.
        if error.errno != errno.ENOTSOCK:
            raise
    descriptors = [[descriptor_of(number) for number in each] for each in numbers]
    ready = _ask_the_system(descriptors, timeout)
    first, second, third = (
        [thing for thing, descriptor in zip(things, each) if descriptor in found]
        for things, each, found in zip(lists, descriptors, ready)
    )
    return first, second, third


def _ask_the_library(lists: _Lists, numbers: _Numbers, timeout: float | None) -> Answer:
    descriptors = {number for each in numbers for number in each if number < FIRST_HANDLE}
    with _borrowed(descriptors) as handles:
        question = Question(lists, [[handles.get(number, number) for number in each] for each in numbers])
        return question.answer(check(question.ask(microseconds(timeout))))


@contextmanager
def _borrowed(descriptors: set[int]) -> Iterator[dict[int, int]]:
    """Handles that wait for descriptors, until the `with` block ends."""
    handles: dict[int, int] = {}
    try:
        for descriptor in descriptors:
            handles[descriptor] = check(_abi.anysock_borrow(descriptor))
        yield handles
    finally:
        for handle in handles.values():
            _abi.anysock_close(handle)


def _ask_the_system(descriptors: _Numbers, timeout: float | None) -> Sequence[set[int]]:
    """Of three lists, the descriptors that are ready."""
    largest = max((descriptor for each in descriptors for descriptor in each), default=0)
    if largest <= _LARGEST or not hasattr(_system, "poll"):
        readable, writable, exceptional = descriptors
        return [set(each) for each in _system.select(readable, writable, exceptional, timeout)]
    return _poll(descriptors, Deadline(microseconds(timeout)))


def _poll(descriptors: _Numbers, deadline: Deadline) -> Sequence[set[int]]:
    """select by poll(2)."""
    asked = (_system.POLLIN, _system.POLLOUT, _system.POLLPRI)
    told = (_system.POLLIN | _system.POLLHUP | _system.POLLERR, _system.POLLOUT | _system.POLLERR, _system.POLLPRI)
    masks: dict[int, int] = {}
    for each, mask in zip(descriptors, asked):
        for descriptor in each:
            masks[descriptor] = masks.get(descriptor, 0) | mask
    poll = _system.poll()
    for descriptor, mask in masks.items():
        poll.register(descriptor, mask)
    while True:
        remaining = deadline.remaining()
        found = poll.poll(None if deadline.is_never else -(-remaining // _MILLISECONDS))
        if any(events & _system.POLLNVAL for _, events in found):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        ready = [
            {descriptor for descriptor, events in found if events & mask}.intersection(each)
            for each, mask in zip(descriptors, told)
        ]
        if any(ready) or not found:
            return ready
        # A hang-up of which select would not tell, and poll would tell for ever.
        for descriptor, _ in found:
            poll.unregister(descriptor)
