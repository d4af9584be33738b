"""What callers hand over, checked as CPython's parser of arguments does it. Not here: numbers alone (`_numbers`)."""

from __future__ import annotations

import _socket
import errno
import os
from functools import lru_cache
from typing import SupportsIndex

from .. import _abi
from .._numbers import as_int, as_ssize

#: The host's flags, and what they are to the library. Those that only ask for what it always does are nothing.
_FLAGS = {
    "MSG_PEEK": _abi.ANYSOCK_FLAG_PEEK,
    "MSG_OOB": _abi.ANYSOCK_FLAG_OOB,
    "MSG_WAITALL": _abi.ANYSOCK_FLAG_WAIT_ALL,
    "MSG_DONTWAIT": _abi.ANYSOCK_FLAG_DONT_WAIT,
    "MSG_TRUNC": _abi.ANYSOCK_FLAG_TRUNC,
    "MSG_MORE": _abi.ANYSOCK_FLAG_MORE,
    "MSG_CTRUNC": 0,
    "MSG_NOSIGNAL": 0,
    "MSG_CMSG_CLOEXEC": 0,
    "MSG_CONFIRM": 0,
    "MSG_EOR": 0,
}
_KNOWN = [(getattr(_socket, name), flag) for name, flag in _FLAGS.items() if hasattr(_socket, name)]

#: What comes back with a message.
_TOLD = [
    (_abi.ANYSOCK_FLAG_TRUNC, getattr(_socket, "MSG_TRUNC", 0)),
    (_abi.ANYSOCK_FLAG_CONTROL_TRUNC, getattr(_socket, "MSG_CTRUNC", 0)),
    (_abi.ANYSOCK_FLAG_OOB, _socket.MSG_OOB),
]


def as_size(number: SupportsIndex, caller: str) -> int:
    """A length."""
    value = as_ssize(number)
    if value < 0:
        raise ValueError(f"negative buffersize in {caller}")
    return value


def part(nbytes: SupportsIndex, length: int, caller: str) -> int:
    """How much of a buffer is to be used; 0 is all of it."""
    wanted = as_size(nbytes, caller)
    if wanted > length:
        raise ValueError("buffer too small for requested bytes")
    return wanted or length


@lru_cache(maxsize=64)
def flags_in(flags: SupportsIndex) -> int:
    """Flags of a send or receive as the library has them."""
    rest, ours = as_int(flags), 0
    for bit, flag in _KNOWN:
        if rest & bit:
            rest, ours = rest & ~bit, ours | flag
    if rest:
        raise OSError(errno.EOPNOTSUPP, f"{os.strerror(errno.EOPNOTSUPP)}: flags {rest:#x}")
    return ours


def flags_out(flags: int) -> int:
    """What the library tells of a message, as the host does."""
    return sum(bit for flag, bit in _TOLD if flags & flag)
