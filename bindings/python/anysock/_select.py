"""select over bare handles. Not here: select over sockets (`_readiness`)."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from ctypes import POINTER, byref, c_int64, cast

from . import _abi
from ._signals import repeat
from ._time import Deadline

_Pointer = POINTER(c_int64)

#: What each of the three sets is for, in their order.
EVENTS = (_abi.ANYSOCK_EVENT_READ, _abi.ANYSOCK_EVENT_WRITE, _abi.ANYSOCK_EVENT_EXCEPT)


class HandleSet:
    """Handles in memory that the library reads, and shortens to those that are ready."""

    __slots__ = ("_array", "_set", "reference")

    def __init__(self, handles: Iterable[int]) -> None:
        self._array = array("q", handles)
        address, count = self._array.buffer_info()
        self._set = _abi.anysock_handles(count, cast(address, _Pointer))
        self.reference = byref(self._set)

    def __iter__(self) -> Iterator[int]:
        return iter(self._array[: self._set.count])


def select(sets: Sequence[HandleSet], deadline: Deadline) -> int:
    """How many of the sets' handles are ready; 0 when the time is over."""
    references = [each.reference for each in sets]
    return repeat(lambda: _abi.anysock_select(*references, deadline.remaining()))


def select_one(handle: int, event: int, deadline: Deadline) -> int:
    """The same for one handle."""
    return select([HandleSet([handle] if event == asked else []) for asked in EVENTS], deadline)
