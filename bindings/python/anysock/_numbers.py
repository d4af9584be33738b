"""Which of the library's handles owns a descriptor: for callers that are given descriptors, as `select` is.

Only sockets of `anysock.socket` are entered; whoever closes or gives away a handle takes it out first.
"""

from __future__ import annotations

_owners: dict[int, int] = {}


def enter(fileno: int, handle: int) -> None:
    """Notes that an open handle owns a descriptor. Of a number that the system has given out again, the last counts."""
    _owners[fileno] = handle


def leave(fileno: int, handle: int) -> None:
    """Forgets it, while the descriptor is still open: afterwards its number may be somebody else's."""
    if _owners.get(fileno) == handle:
        del _owners[fileno]


def handle_of(fileno: int) -> int | None:
    """The open handle that owns a descriptor, or None if none of ours does."""
    return _owners.get(fileno)
