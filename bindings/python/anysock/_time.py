"""Time: seconds as Python has them, microseconds as the library has them, and when a wait must end."""

from __future__ import annotations

import math
from ctypes import c_int64
from time import monotonic

from ._abi import ANYSOCK_SECOND
from ._numbers import as_int64

FOREVER = -1

#: For functions that are `prepared`.
PREPARED_FOREVER = c_int64.from_param(FOREVER)
PREPARED_NOW = c_int64.from_param(0)


def microseconds(seconds: float | None) -> int:
    """Rounded up, so that a wait is never shorter than asked; `None` is for ever."""
    if seconds is None:
        return FOREVER
    if not seconds >= 0:
        raise ValueError(f"a timeout must not be negative: {seconds!r}")
    return as_int64(math.ceil(seconds * ANYSOCK_SECOND))


def seconds(microseconds: int) -> float | None:
    """The other way round."""
    return None if microseconds == FOREVER else microseconds / ANYSOCK_SECOND


class Deadline:
    """The moment when a wait must end, however often signals interrupt it (PEP 475)."""

    __slots__ = ("_end",)

    def __init__(self, timeout: int, started: float | None = None) -> None:
        begin = monotonic() if started is None else started
        self._end = None if timeout == FOREVER else begin + timeout / ANYSOCK_SECOND

    @property
    def is_never(self) -> bool:
        return self._end is None

    def remaining(self) -> int:
        """What is left, in the library's unit."""
        if self._end is None:
            return FOREVER
        return microseconds(max(0.0, self._end - monotonic()))
