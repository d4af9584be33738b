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
from ._errors import check
from ._others import select_others
from ._time import microseconds
from ._waitable import FIRST_HANDLE, resolve
from ._watch import Question

if hasattr(_standard, "poll"):
    from ._poll import poll  # noqa: F401
if hasattr(_standard, "epoll"):
    from ._poll import epoll  # noqa: F401


class _Thread(threading.local):
    """What a thread keeps."""

    #: The last question, unless it is being asked.
    question: Question | None = None


_thread = _Thread()


def select(
    rlist: Any, wlist: Any, xlist: Any, timeout: float | None = None, /
) -> tuple[list[Any], list[Any], list[Any]]:
    """Waits until something is ready to be read, to be written, or exceptional; of each list, what is.

    All are empty when the time, in seconds, is over. A socket that another thread closes meanwhile ends the wait with
    `OSError(ECANCELED)`.
    """
    limit = microseconds(timeout)
    lists = [each if type(each) is list else list(each) for each in (rlist, wlist, xlist)]
    # A signal handler may come back here.
    question, _thread.question = _thread.question, None
    count = _abi.ANYSOCK_EBADF
    if question and question.is_of(lists):
        count = question.ask(limit)
    if count == _abi.ANYSOCK_EBADF:
        # Other lists; or a socket was closed, and its number may be another's by now.
        lists, numbers = zip(*map(_look_up, lists))
        if any(number < FIRST_HANDLE for each in numbers for number in each) or not any(numbers):
            return select_others(lists, numbers, timeout)
        question = Question(lists, numbers)
        count = question.ask(limit)
    check(count)
    if question.is_steady:
        _thread.question = question
    return question.answer()


def _look_up(things: list[Any]) -> tuple[list[Any], list[int]]:
    """What is in the list, and what it stands for. It may change meanwhile: `fileno()` may do what it likes."""
    met, numbers = [], []
    for thing in things:
        numbers.append(resolve(thing))
        met.append(thing)
    return met, numbers
