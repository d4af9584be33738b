"""An event loop for asyncio on the library's batch queue: what a program wants of all its sockets goes to the system in one
call, and what happened comes back in one.

    import anysock.loop
    anysock.loop.run(main())

With asyncio's own words: `asyncio.Runner(loop_factory=anysock.loop.new_event_loop)`, or for a program that exists,
`anysock.loop.install()`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from functools import lru_cache
from typing import Any, TypeVar

from ._loop.base import Loop as Loop

__all__ = ["EventLoopPolicy", "Loop", "install", "new_event_loop", "run"]

_T = TypeVar("_T")


def new_event_loop() -> Loop:
    """A new loop."""
    return Loop()


def run(
    main: Coroutine[Any, Any, _T],
    *,
    debug: bool | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = new_event_loop,
) -> _T:
    """Runs a coroutine to its end in a new loop, as `asyncio.run`."""
    if sys.version_info >= (3, 11):
        with asyncio.Runner(debug=debug, loop_factory=loop_factory) as runner:
            return runner.run(main)
    return _run(main, debug, loop_factory)


def _run(main: Coroutine[Any, Any, _T], debug: bool | None, loop_factory: Any) -> _T:
    """What `asyncio.run` does in versions of Python where no loop can be named to it."""
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("anysock.loop.run() cannot be called from a running event loop")
    if not asyncio.iscoroutine(main):
        raise ValueError(f"a coroutine was expected, got {main!r}")
    loop = loop_factory()
    try:
        asyncio.set_event_loop(loop)
        if debug is not None:
            loop.set_debug(debug)
        result: _T = loop.run_until_complete(main)
        return result
    finally:
        try:
            asyncio.runners._cancel_all_tasks(loop)  # type: ignore[attr-defined]
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


@lru_cache(maxsize=None)
def _policy() -> Any:
    class EventLoopPolicy(asyncio.DefaultEventLoopPolicy):
        """asyncio's policy, with this loop for its new loops."""

        __module__ = __name__
        __qualname__ = "EventLoopPolicy"
        _loop_factory: Any = Loop

    return EventLoopPolicy


def __getattr__(name: str) -> Any:
    """Policies go out of use: since Python 3.14 it is worth a warning to name one."""
    if name == "EventLoopPolicy":
        return _policy()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def install() -> None:
    """From now on asyncio makes loops of this kind, whoever asks for one."""
    asyncio.set_event_loop_policy(_policy()())
