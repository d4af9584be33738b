# To a type checker the loop is asyncio's, whose names and types it has.
import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["EventLoopPolicy", "Loop", "install", "new_event_loop", "run"]

_T = TypeVar("_T")

class Loop(asyncio.SelectorEventLoop): ...
class EventLoopPolicy(asyncio.DefaultEventLoopPolicy): ...

def new_event_loop() -> Loop: ...
def run(
    main: Coroutine[Any, Any, _T],
    *,
    debug: bool | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = ...,
) -> _T: ...
def install() -> None: ...
