"""What sockets and pollers have in common: a handle that is owned, closed once, and hears Ctrl-C."""

from __future__ import annotations

import sys
import warnings
from typing import Any, TypeVar

from . import _abi
from ._errors import check

_H = TypeVar("_H", bound="Handle")

#: Not a handle of anything: what uses it gets EBADF.
CLOSED = 0

_INTERRUPTIBLE = _abi.ANYSOCK_OPT_INTERRUPTIBLE.encode()


def interruptible(handle: int) -> int:
    """A handle that was opened just now. Every wait for it ends with EINTR when a signal comes, and Python gets to run
    its handlers."""
    result = _abi.anysock_set(check(handle), _INTERRUPTIBLE, 1)
    if result < 0:
        _abi.anysock_close(handle)
    check(result)
    return handle


class Owner:
    """Owns a handle, which is closed at the latest when nobody refers to its owner any more."""

    __slots__ = ()

    _handle: int

    def _end(self) -> None:
        """Closes it, whatever a class on top makes of closing."""
        raise NotImplementedError

    def __reduce__(self) -> Any:
        # A copy would close it, too.
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")

    def _complain(self) -> None:
        warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=3, source=self)

    def __del__(self, is_finalizing: Any = sys.is_finalizing) -> None:
        # When the interpreter ends, the system closes everything, and what a warning needs may be gone.
        if self._handle == CLOSED or is_finalizing():
            return
        try:
            self._complain()
        finally:
            self._end()


class Handle(Owner):
    """One of the library's handles, as an object."""

    # For an object whose making has failed.
    _handle = CLOSED

    def _own(self, handle: int) -> None:
        self._handle = interruptible(handle)

    @property
    def handle(self) -> int:
        """The number by which the library, and C code in this process, knows it; 0 once it is closed."""
        return self._handle

    @property
    def closed(self) -> bool:
        """Whether it has been closed, detached or released."""
        return self._handle == CLOSED

    def close(self) -> None:
        """Closes it; more than once does no harm.

        Calls blocked on it in other threads end with `OSError(ECANCELED)`, later ones with `OSError(EBADF)`.
        """
        # Two threads that come at once may both see the number: it is never given out again.
        handle, self._handle = self._handle, CLOSED
        if handle != CLOSED:
            _abi.anysock_close(handle)

    def detach(self) -> int:
        """Gives the handle to somebody else, who has to close it; this object counts as closed."""
        handle, self._handle = self._handle, CLOSED
        _abi.anysock_set(handle, _INTERRUPTIBLE, 0)
        return handle

    def __enter__(self: _H) -> _H:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _end(self) -> None:
        self.close()
