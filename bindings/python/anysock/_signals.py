"""What happens to a wait when a signal comes (PEP 475).

The library ends the wait with EINTR. By the time the call has returned to the interpreter, Python has run its
handlers, and one that raises (Ctrl-C) ends it all. If none has, the call is made again, for the rest of its
time. In other threads than the main one no handler runs, and the wait simply goes on.
"""

from __future__ import annotations

from typing import Callable

from . import _abi


def repeat(call: Callable[[], int]) -> int:
    """Makes a call until it is not interrupted."""
    result = call()
    if result != _abi.ANYSOCK_EINTR:
        return result
    while result == _abi.ANYSOCK_EINTR:
        result = call()
    return closed_meanwhile(result)


def closed_meanwhile(result: int) -> int:
    """Of a repeated call: its handle was open at first, so whoever closed it has cancelled the call."""
    return result if result != _abi.ANYSOCK_EBADF else _abi.ANYSOCK_ECANCELED
