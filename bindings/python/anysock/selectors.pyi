# To a type checker it is the standard module, with a selector more.
import sys
from collections.abc import Mapping
from selectors import EVENT_READ as EVENT_READ
from selectors import EVENT_WRITE as EVENT_WRITE
from selectors import BaseSelector as BaseSelector
from selectors import SelectorKey as SelectorKey
from selectors import SelectSelector as SelectSelector
from typing import Any

if sys.platform != "win32":
    from selectors import PollSelector as PollSelector
if sys.platform == "linux":
    from selectors import EpollSelector as EpollSelector

class PollerSelector(BaseSelector):
    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey: ...
    def unregister(self, fileobj: Any) -> SelectorKey: ...
    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]: ...
    def get_map(self) -> Mapping[Any, SelectorKey]: ...

DefaultSelector = PollerSelector
