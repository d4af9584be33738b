"""The standard module `select` for the library's sockets too, and without its limit of 1,024 descriptors.

All of it takes sockets, handles, file numbers and whatever has `fileno()`. `select` and `poll` remember what they
are asked about again and again: then a call costs what is ready instead of what is watched. `epoll` is the system's.
"""

from __future__ import annotations

import select as _standard
import threading
from select import *  # noqa: F403  The constants, and what else this system has.
from typing import Any

from . import _abi
from ._errors import check, failure
from ._std.others import select_others
from ._std.numbers import FIRST_HANDLE
from ._std.waitable import resolve
from ._std.watch import Answer, Question
from ._time import microseconds

if hasattr(_standard, "poll"):
    from ._std.poll import poll  # noqa: F401
if hasattr(_standard, "epoll"):
    from ._std.poll import epoll  # noqa: F401

__all__ = [name for name in vars(_standard) if not name.startswith("_")]


class _Thread(threading.local):
    """What a thread keeps."""

    #: What it has asked last, if the same lists will ask the same.
    question: Question | None = None


_thread = _Thread()


def select(rlist: Any, wlist: Any, xlist: Any, timeout: float | None = None, /) -> Answer:
    """Waits until something is ready to be read, to be written, or exceptional; of each list, what is.

    All are empty when the time, in seconds, is over. A socket that another thread closes meanwhile ends the wait with
    `OSError(ECANCELED)`.
    """
    limit = microseconds(timeout)
    question = _thread.question
    # It is busy if this is a signal handler that came in the middle of it.
    if question is not None and not question.busy and question.is_of(rlist, wlist, xlist):
        count = question.ask(limit)
        if count >= 0:
            return question.answer(count)
        # A socket was closed, and its number may be another's by now.
        if count != _abi.ANYSOCK_EBADF:
            raise failure(count)
    lists, numbers = zip(*map(_look_up, (rlist, wlist, xlist)))
    if not all(number >= FIRST_HANDLE for each in numbers for number in each) or not any(numbers):
        return select_others(lists, numbers, timeout)
    question = Question(lists, numbers)
    ready = question.answer(check(question.ask(limit)))
    _thread.question = question if question.is_steady() else None
    return ready


def _look_up(things: Any) -> tuple[list[Any], list[int]]:
    """What is in a list, and what it stands for. The list may change meanwhile: `fileno()` may do what it likes."""
    met, numbers = [], []
    for thing in things if isinstance(things, list) else list(things):
        numbers.append(resolve(thing))
        met.append(thing)
    return met, numbers
