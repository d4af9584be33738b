"""What happens to a wait when a signal comes (PEP 475).

The library ends the wait with EINTR. By the time the call has returned to the interpreter, Python has run its
handlers, and one that raises (Ctrl-C) ends it all. If none has, the call is made again, for the rest of its
time. In other threads than the main one no handler runs, and the wait simply goes on.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import Any, Callable, TypeVar

from . import _abi

_T = TypeVar("_T")


def repeat(call: Callable[[], int]) -> int:
    """Makes a call until it is not interrupted."""
    result = call()
    if result != _abi.ANYSOCK_EINTR:
        return result
    while result == _abi.ANYSOCK_EINTR:
        result = call()
    return closed_meanwhile(result)


def interruptibly(call: Callable[[], _T]) -> _T:
    """Makes a call that no handle stands for, which a signal would end. Handlers run in the main thread, so that waits for
    another thread's answer instead; if a handler raises something, nobody waits for it any more."""
    if threading.current_thread() is not threading.main_thread():
        return call()
    outcome: list[Callable[[], _T]] = []
    done = threading.Lock()
    done.acquire()

    def run() -> None:
        try:
            value = call()
            outcome.append(lambda: value)
        except BaseException as error:
            outcome.append(partial(_throw, error))
        finally:
            done.release()

    try:
        threading.Thread(target=run, name="anysock", daemon=True).start()
    except RuntimeError:
        # No thread is to be had.
        return call()
    done.acquire()
    return outcome.pop()()


def _throw(error: BaseException) -> Any:
    raise error


def closed_meanwhile(result: int) -> int:
    """Of a repeated call: its handle was open at first, so whoever closed it has cancelled the call."""
    return result if result != _abi.ANYSOCK_EBADF else _abi.ANYSOCK_ECANCELED
