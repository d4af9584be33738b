"""Python's memory for the calls that must be quick; all else borrows it from `_memory`.

ctypes lends writable memory by itself, and passes `bytes` as they are. What is neither, a `memoryview` of bytes say, is
copied while that is cheaper than the buffer protocol through ctypes.
"""

from __future__ import annotations

from ctypes import c_char
from typing import Any

from .._memory import fresh_bytes

#: Up to here, zeroed memory costs less than a call for memory that is not.
_ZEROED = 4096

#: Up to here, a copy costs less than a loan.
_COPIED = 16384

#: Lends writable memory to a call, whatever its length is: `TypeError` for what is not writable.
lend = (c_char * 0).from_buffer


def room(size: int) -> bytes:
    """Bytes that a call is going to fill in, before anyone else sees them."""
    return bytes(size) if size <= _ZEROED else fresh_bytes(size)


def length_of(buffer: Any) -> int:
    """Its length in bytes."""
    return len(buffer) if type(buffer) is bytearray else memoryview(buffer).nbytes


def readable(data: Any) -> Any:
    """What `data` holds, in a form that a call takes as it is; None if it must be borrowed."""
    if type(data) is bytearray:
        return lend(data)
    view = memoryview(data)
    return view.tobytes() if view.nbytes <= _COPIED and view.c_contiguous else None
