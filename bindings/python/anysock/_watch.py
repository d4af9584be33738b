"""A question to the library's select as programs put it: which of these things are ready? Turning things into handles
costs more than asking, so a question may be kept for when it comes again. Not here: what a thing is (`_waitable`).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import lru_cache
from time import monotonic
from typing import Any

from . import _abi
from ._handle import interruptible
from ._select import HandleSet, select
from ._time import Deadline
from ._waitable import is_steady


@lru_cache(None)
def _ear() -> int:
    """A handle that has a wait hear of signals, whatever the others' options say. It is never ready, as a stream that
    is never connected."""
    return interruptible(_abi.anysock_open(b"tcp"))


class Watched(HandleSet):
    """Things, and the handles that they stand for, of which the library leaves those that are ready."""

    __slots__ = ("_all", "_handles", "_named", "_things")

    def __init__(self, things: Sequence[Any], handles: Sequence[int], *more: int) -> None:
        self._things, self._handles = things, handles
        self._named = dict(zip(handles, things))
        self._all = array("q", [*handles, *more])
        super().__init__(self._all)

    def answer(self) -> list[Any]:
        """What the library has left, each thing as often as it was given; afterwards it may be asked again."""
        ready = set(self) if len(self._named) < len(self._things) else list(self)
        self.restore(self._all)
        if type(ready) is list:
            return [self._named[handle] for handle in ready]
        return [thing for thing, handle in zip(self._things, self._handles) if handle in ready]


class Question:
    """Three lists of things, with their handles. One thread at a time may ask it."""

    __slots__ = ("_lists", "_references", "_sets", "is_steady")

    def __init__(self, lists: Sequence[list[Any]], handles: Sequence[Sequence[int]]) -> None:
        self._lists = tuple(lists)
        ears = [(_ear(),), (), ()]
        self._sets = [Watched(*each, *ear) for *each, ear in zip(lists, handles, ears)]
        self._references = [each.reference for each in self._sets]
        #: Whether the same lists ask the same again.
        self.is_steady = all(map(is_steady, (thing for each in lists for thing in each)))

    def is_of(self, lists: Sequence[list[Any]]) -> bool:
        """Whether it asks about these."""
        first, second, third = self._lists
        return lists[0] == first and lists[1] == second and lists[2] == third

    def ask(self, limit: int) -> int:
        """How much is ready, or an error; signals don't end the wait, unless their handlers raise something."""
        started = monotonic() if limit > 0 else None
        count: int = _abi.anysock_select(*self._references, limit)
        return count if count != _abi.ANYSOCK_EINTR else select(self._sets, Deadline(limit, started))

    def answer(self) -> tuple[list[Any], list[Any], list[Any]]:
        """What is ready, after it was asked successfully."""
        first, second, third = self._sets
        return first.answer(), second.answer(), third.answer()
