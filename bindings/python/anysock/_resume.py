"""How a socket's call goes on after a signal: for the rest of its time, and without losing bytes."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic
from typing import Any, Callable, NamedTuple

from . import _abi
from ._options import get_number
from ._select import select_one
from ._signals import closed_meanwhile, repeat
from ._time import FOREVER, Deadline


class Wait(NamedTuple):
    """What a call waits for: the event that ends it, and whose timeout rules it."""

    event: int
    timeout: str


READING = Wait(_abi.ANYSOCK_EVENT_READ, _abi.ANYSOCK_OPT_READ_TIMEOUT)
READING_URGENT = Wait(_abi.ANYSOCK_EVENT_EXCEPT, _abi.ANYSOCK_OPT_READ_TIMEOUT)
WRITING = Wait(_abi.ANYSOCK_EVENT_WRITE, _abi.ANYSOCK_OPT_WRITE_TIMEOUT)
ACCEPTING = Wait(_abi.ANYSOCK_EVENT_READ, _abi.ANYSOCK_OPT_ACCEPT_TIMEOUT)


def uninterrupted(handle: int, wait: Wait, call: Callable[[int], int]) -> int:
    """The result of a call, however many signals come. `call` is given flags to add to its own."""
    started = monotonic()
    result = call(0)
    return result if result != _abi.ANYSOCK_EINTR else resume(handle, wait, started, call)


def resume(handle: int, wait: Wait, started: float, call: Callable[[int], int]) -> int:
    """Makes an interrupted call again.

    The timeout belongs to the handle, and can't be shortened for one thread. So the rest of the time is spent
    in select, and the call itself must not wait. One that can't be told so (accept) may have to all the same,
    if another thread has taken what it was woken for.
    """
    timeout = _ruling_timeout(handle, wait.timeout)
    deadline = Deadline(timeout, started)
    if deadline.is_never:
        return closed_meanwhile(repeat(lambda: call(0)))
    result = _abi.ANYSOCK_EAGAIN
    while result in (_abi.ANYSOCK_EAGAIN, _abi.ANYSOCK_EINTR):
        result = select_one(handle, wait.event, deadline)
        if result == 0:
            return _abi.ANYSOCK_ETIMEDOUT if timeout else _abi.ANYSOCK_EAGAIN
        if result > 0:
            result = call(_abi.ANYSOCK_FLAG_DONT_WAIT)
    return closed_meanwhile(result)


def complete(result: int, length: int, step: Callable[[int], int]) -> tuple[int, int]:
    """Goes on with a transfer that may have been cut short: how much is done, and the last step's result.

    A short count does not say why. Another step does: after a signal it goes on, else it fails or ends.
    """
    done = max(result, 0)
    while done < length and (result > 0 or result == _abi.ANYSOCK_EINTR):
        result = step(done)
        done += max(result, 0)
    return done, result


def connect(handle: int, address: bytes) -> int:
    """Connects, however many signals come: the attempt goes on, and connecting again waits for it."""
    started = monotonic()
    result: int = _abi.anysock_connect(handle, address)
    if result != _abi.ANYSOCK_EINTR:
        return result
    option = _abi.ANYSOCK_OPT_CONNECT_TIMEOUT
    timeout = _timeout(handle, option)
    deadline = Deadline(_ruling_timeout(handle, option), started)

    def again() -> Any:
        # Select knows nothing of an attempt at several addresses. But only one thread connects a socket, so
        # it may shorten the timeout; to 1 at the least, because 0 would ask for a connect in the background.
        _abi.anysock_set(handle, option.encode(), deadline.remaining() or 1)
        return _abi.anysock_connect(handle, address)

    try:
        return closed_meanwhile(repeat(again))
    finally:
        _abi.anysock_set(handle, option.encode(), timeout)


def _ruling_timeout(handle: int, option: str) -> int:
    timeout = _timeout(handle, option)
    return timeout if timeout != FOREVER else _timeout(handle, _abi.ANYSOCK_OPT_TIMEOUT)


def _timeout(handle: int, option: str) -> int:
    # That the handle has been closed is for the call itself to tell.
    with suppress(OSError):
        return get_number(handle, option)
    return FOREVER
