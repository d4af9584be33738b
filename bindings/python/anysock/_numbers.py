"""Numbers that callers hand over, checked as CPython's parser of arguments does it: ctypes alone would cut them in silence.
Not here: what they mean."""

from __future__ import annotations

import sys
from operator import index
from typing import SupportsIndex


def as_int(number: SupportsIndex) -> int:
    """A C `int`."""
    return _fitting(number, 2**31 - 1, "signed integer is out of range of a C int")


def as_int64(number: SupportsIndex) -> int:
    """An `int64_t`."""
    return _fitting(number, 2**63 - 1, "integer does not fit into 64 bits")


def as_ssize(number: SupportsIndex) -> int:
    """The length of memory, or what is to be one."""
    return _fitting(number, sys.maxsize, "Python int too large to convert to C ssize_t")


def _fitting(number: SupportsIndex, most: int, complaint: str) -> int:
    value = index(number)
    if -most - 1 <= value <= most:
        return value
    raise OverflowError(complaint)
