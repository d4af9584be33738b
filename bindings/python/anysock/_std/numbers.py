"""Which of the library's handles owns a descriptor: for callers that are given descriptors, as `select` is.

Only sockets of `anysock.socket` are entered; whoever closes or gives away a handle takes it out first.
"""

from __future__ import annotations

#: Every handle is at least as large, and the system never numbers a descriptor so.
FIRST_HANDLE = 1 << 24

_LAST_HANDLE = (1 << 53) - 1

_owners: dict[int, int] = {}

#: Of handles that several have, as a descriptor in CPython may be that of several sockets: how many more than one.
_more: dict[int, int] = {}


def enter(fileno: int, handle: int) -> None:
    """Notes that an open handle owns a descriptor. Of a number that the system has given out again, the last counts."""
    _owners[fileno] = handle


def leave(fileno: int, handle: int) -> None:
    """Forgets it, while the descriptor is still open: afterwards its number may be somebody else's."""
    if _owners.get(fileno) == handle:
        del _owners[fileno]
        _more.pop(handle, None)


def share(handle: int) -> None:
    """Notes that one more has the handle, besides who has it already."""
    _more[handle] = _more.get(handle, 0) + 1


def is_given_up(handle: int) -> bool:
    """One of those who have the handle gives it up; whether it was the last."""
    others = _more.pop(handle, 0)
    if others > 1:
        _more[handle] = others - 1
    return others == 0


def handle_of(fileno: int) -> int | None:
    """The open handle that owns a descriptor, or None if none of ours does."""
    return _owners.get(fileno)


def resolve_number(number: int) -> int:
    """The handle that a number stands for, which may be one; of what is not the library's, the descriptor."""
    if number >= FIRST_HANDLE:
        return _handle(number)
    if number < 0:
        raise ValueError(f"file descriptor cannot be a negative integer ({number})")
    return handle_of(number) or number


def _handle(number: int) -> int:
    if number > _LAST_HANDLE:
        raise OverflowError("Python int too large to convert to C int")
    return number
