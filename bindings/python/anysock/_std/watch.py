"""A question to the library's select as programs put it: which of these things are ready? Turning things into handles
costs more than asking, so a question may be kept for when it comes again. Not here: what a thing is (`waitable`).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from ctypes import POINTER, byref, c_int64, cast, sizeof
from functools import lru_cache
from time import monotonic
from typing import Any

from .. import _abi
from .._handle import interruptible
from .._library import prepared
from .._signals import repeat
from .._time import FOREVER, PREPARED_FOREVER, PREPARED_NOW, Deadline
from .waitable import is_steady

_ask = prepared(_abi.anysock_select)

_Pointer = POINTER(c_int64)

#: Of each of three lists, what is ready.
Answer = tuple[list[Any], list[Any], list[Any]]


@lru_cache(None)
def _ear() -> int:
    """A handle that has a wait hear of signals, whatever the others' options say. It is never ready, as a stream that
    is never connected."""
    return interruptible(_abi.anysock_open(b"tcp"))


def _set_of(handles: array[int]) -> Any:
    return _abi.anysock_handles(len(handles), cast(handles.buffer_info()[0], _Pointer))


class Question:
    """Three lists of things, and the handles that they stand for. It may be asked again and again, by one at a time."""

    __slots__ = ("_all", "_arrays", "_fresh", "_handles", "_lists", "_memory", "_named", "_references", "_sets", "busy")

    def __init__(self, lists: Sequence[list[Any]], handles: Sequence[Sequence[int]]) -> None:
        self._lists, self._handles = lists, handles
        self._named = [dict(zip(*each)) for each in zip(handles, lists)]
        # The library leaves in the arrays what is ready, and in the sets how much.
        self._arrays = [array("q", each) for each in handles]
        self._arrays[0].append(_ear())
        self._all = [each[:] for each in self._arrays]
        self._sets = (_abi.anysock_handles * 3)(*map(_set_of, self._arrays))
        self._references = [byref(self._sets, place * sizeof(_abi.anysock_handles)) for place in range(3)]
        self._memory = memoryview(self._sets).cast("B")
        self._fresh = bytes(self._memory)
        #: Whether it is being asked.
        self.busy = False

    def is_steady(self) -> bool:
        """Whether the same lists will ask the same."""
        return all(is_steady(thing) for each in self._lists for thing in each)

    def is_of(self, rlist: Any, wlist: Any, xlist: Any) -> bool:
        """Whether it asks about these lists."""
        first, second, third = self._lists
        return bool(rlist == first and wlist == second and xlist == third)

    def ask(self, limit: int) -> int:
        """How much is ready, or an error; signals don't end the wait, unless their handlers raise something."""
        self.busy = True
        started = None
        if limit == 0:
            count = _ask(*self._references, PREPARED_NOW)
        elif limit == FOREVER:
            count = _ask(*self._references, PREPARED_FOREVER)
        else:
            started = monotonic()
            count = _ask(*self._references, c_int64.from_param(limit))
        if count == _abi.ANYSOCK_EINTR:
            count = self._ask_until(Deadline(limit, started))
        self.busy = False
        return count  # type: ignore[no-any-return]

    def _ask_until(self, deadline: Deadline) -> int:
        return repeat(lambda: _ask(*self._references, c_int64.from_param(deadline.remaining())))

    def answer(self, count: int) -> Answer:
        """What is ready, after it was asked and there was so much; now it may be asked again."""
        if count == 0:
            self._memory[:] = self._fresh
            return [], [], []
        counts = [each.count for each in self._sets]
        first, second, third = map(self._ready, range(3), counts)
        self._memory[:] = self._fresh
        for each, everything, changed in zip(self._arrays, self._all, counts):
            each[:changed] = everything[:changed]
        return first, second, third

    def _ready(self, which: int, count: int) -> list[Any]:
        """Of one of the lists, the things that are ready, each as often as it was given."""
        ready, named, things = self._arrays[which][:count], self._named[which], self._lists[which]
        if len(named) == len(things):
            return [named[handle] for handle in ready]
        among = set(ready)
        return [thing for thing, handle in zip(things, self._handles[which]) if handle in among]
