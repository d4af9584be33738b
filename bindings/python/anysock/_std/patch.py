"""Swaps the standard modules `socket`, `select` and `selectors` for the library's, in the whole program."""

from __future__ import annotations

import _socket
import select
import selectors
import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from types import ModuleType
from typing import Any

# What the standard modules were, whatever their names stand for later.
_STANDARD = (_socket, select, selectors, socket)

#: These stay on the standard modules. A TLS socket takes over the descriptor of the socket that it wraps, and is the
#: standard library's from then on, because its half in C takes no other.
_UNCHANGED = frozenset(["_socket", "_ssl", "select", "selectors", "socket", "ssl"])


def patch() -> None:
    """From now on, `import socket`, `select` and `selectors` mean the library's modules; asyncio follows.

    It should come before other imports. What was imported before is searched for references to the standard modules,
    their functions and classes, and these are swapped too. What can't be, sockets that are open and classes that are made
    of the standard `socket`, stays what it is; of such classes a `RuntimeWarning` tells. More than once does no harm.

    TLS sockets of the module `ssl` stay the standard library's, and work: wrapping a socket hands its descriptor over.
    asyncio's TLS runs on the library.
    """
    with suppress(ImportError):
        import ssl  # noqa: F401  While `socket` still is what it must be made of.
    ours = _ours()
    replacements = dict(_replacements(ours))
    for name, module in list(sys.modules.items()):
        if isinstance(module, ModuleType) and name not in _UNCHANGED and not _is_own(name):
            _swap(module, replacements)
    sys.modules.update(ours)
    _warn_of_what_stays()


def _ours() -> dict[str, ModuleType]:
    """The library's modules by the names of the standard ones."""
    from .. import select, selectors, socket
    from .half_in_c import module

    return {"_socket": module, "select": select, "selectors": selectors, "socket": socket}


def _is_own(name: str) -> bool:
    package, _, _ = __package__.partition(".")
    return name.partition(".")[0] == package


def _replacements(ours: dict[str, ModuleType]) -> Iterator[tuple[int, tuple[Any, Any]]]:
    """By its identity, each module, function and class with what takes its place."""
    for standard in _STANDARD:
        module = ours[standard.__name__]
        yield id(standard), (standard, module)
        for name, old in vars(standard).items():
            new = vars(module).get(name, old)
            if callable(old) and new is not old and not name.startswith("_"):
                yield id(old), (old, new)


def _swap(module: ModuleType, replacements: dict[int, tuple[Any, Any]]) -> None:
    names = vars(module)
    for name, value in list(names.items()):
        if id(value) in replacements and not name.startswith("__"):
            names[name] = replacements[id(value)][1]


def _warn_of_what_stays() -> None:
    """Of classes that were made of the standard socket before, and are therefore not on the library."""
    made = {each for each in _descendants(socket.socket) if each.__module__ != "ssl"}
    if made:
        names = ", ".join(sorted(f"{each.__module__}.{each.__qualname__}" for each in made))
        warnings.warn(f"patch() comes too late for {names}: import them after it", RuntimeWarning, stacklevel=3)


def _descendants(kind: type[Any]) -> Iterator[type[Any]]:
    for each in kind.__subclasses__():
        yield each
        yield from _descendants(each)
