"""What a loop does all the time, in C where the compiled helper is: `call_soon`, and a turn. Without it asyncio's own do it.

Not here: the loop (`base`).
"""

from __future__ import annotations

import contextvars
import heapq
from asyncio import events
from typing import TYPE_CHECKING, Any

from .._helper import fast


class Core:
    """A base of the loop, in front of asyncio's."""

    def _run_once(self) -> None:
        self._run_once_any()  # type: ignore[attr-defined]

    #: In C: calls `_run_once_any`, `_call_soon_any`, `_forget_cancelled`, `_handle_failed` for what is not the usual case.


class _NoLoop:
    """Enough of a loop for a handle."""

    def get_debug(self) -> bool:
        return False


def _prepare(helper: Any) -> None:
    """Shows the helper a handle of asyncio's, so that it finds the fields of others."""

    def callback() -> None: ...

    parts = callback, (object(),), _NoLoop(), contextvars.copy_context()
    handle = events.Handle(*parts)  # type: ignore[arg-type]
    helper.prepare(handle, parts, events.TimerHandle, contextvars.copy_context, heapq.heappop)


if not TYPE_CHECKING and fast is not None:
    Core = fast.Core
    _prepare(fast)
