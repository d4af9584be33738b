"""Python's memory, and numbers, for the calls that must be quick; all else goes by way of `_memory` and `_abi`.

ctypes lends writable memory by itself, and passes `bytes` as they are. What is neither, a `memoryview` of bytes say, is
copied while that is cheaper than the buffer protocol through ctypes.
"""

from __future__ import annotations

from ctypes import c_char, c_size_t
from typing import Any

#: Up to here, `bytes` of zeros to be filled in cost less than a call for such that are not.
ZEROED = 4096

#: Up to here, a copy costs less than a loan.
_COPIED = 16384

#: Lends writable memory to a call, whatever its length is: `TypeError` for what is not writable.
lend = (c_char * 0).from_buffer


class _Sizes(dict[int, c_size_t]):
    """Lengths as C numbers. Programs have few; those that come first are kept."""

    _most = 2048

    def __missing__(self, length: int) -> c_size_t:
        size = c_size_t(length)
        if len(self) < self._most:
            self[length] = size
        return size


sizes = _Sizes()


def length_of(buffer: Any) -> int:
    """Its length in bytes."""
    return len(buffer) if type(buffer) is bytearray else memoryview(buffer).nbytes


def readable(data: Any) -> Any:
    """What `data` holds, in a form that a call takes as it is; None if it must be borrowed."""
    if type(data) is bytearray:
        return lend(data)
    view = memoryview(data)
    return view.tobytes() if view.nbytes <= _COPIED and view.c_contiguous else None
