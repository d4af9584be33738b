"""Finds and loads the anysock library, and gives its functions their prototypes, whatever their names.

The library is looked for in this order; the first place that applies decides:
1. the file that the environment variable ANYSOCK_LIBRARY names, and no other;
2. beside this module, where a wheel carries it;
3. where the system's loader looks for installed libraries.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from typing import Any, Callable

_VARIABLE = "ANYSOCK_LIBRARY"

_NAMES = {
    "win32": ["anysock.dll"],
    "darwin": ["libanysock.0.dylib", "libanysock.dylib"],
}.get(sys.platform, ["libanysock.so.0", "libanysock.so"])


def _candidates() -> Iterator[str]:
    named = os.environ.get(_VARIABLE)
    if named:
        yield named
        return
    beside = (os.path.join(os.path.dirname(__file__), name) for name in _NAMES)
    yield from filter(os.path.exists, beside)
    yield from _NAMES
    # The last resort: it may start the compiler to find out. Loading it takes longer than the rest of the package.
    from ctypes.util import find_library

    found = find_library("anysock")
    if found:
        yield found


def _load() -> ctypes.CDLL:
    failures: list[str] = []
    for candidate in _candidates():
        try:
            return ctypes.CDLL(candidate)
        except OSError as error:
            failures.append(f"  {candidate}: {error}")
    tried = "\n".join(failures)
    raise ImportError(f"the anysock library can't be loaded; {_VARIABLE} may name its file. Tried:\n{tried}")


_library = _load()


def require(abi_version: int) -> None:
    """Refuses a library that was made for another header."""
    version = getattr(_library, "anysock_abi_version", None)
    if version is None:
        raise _lacks("anysock_abi_version")
    version.restype = ctypes.c_int64
    if version() != abi_version:
        found = f"{_library._name} has version {version()} of the interface"
        raise ImportError(f"{found}, and this package needs version {abi_version}")


def _lacks(name: str) -> ImportError:
    """Says of a library without this function what it is instead."""
    version = getattr(_library, "anysock_version", None)
    if version is None:
        return ImportError(f"{_library._name} is not the anysock library: it has no function {name}")
    version.restype = ctypes.c_char_p
    found = f"{_library._name} is anysock {version().decode()}, which is older than this package"
    return ImportError(f"{found}: it has no function {name}")


def foreign(prototype: Callable[..., Any]) -> Callable[..., Any]:
    """The library's function of that name, with the types of the annotations and the docstring.

    The global interpreter lock is released while it runs.
    """
    function: Any = getattr(_library, prototype.__name__, None)
    if function is None:
        raise _lacks(prototype.__name__)
    *function.argtypes, function.restype = prototype.__annotations__.values()
    function.__doc__ = prototype.__doc__
    return function  # type: ignore[no-any-return]


#: The same library; the global interpreter lock is kept while its functions run.
_locked = ctypes.PyDLL(_library._name, handle=_library._handle)


def prepared(function: Callable[..., Any], waits: bool = True) -> Callable[..., Any]:
    """The same function for arguments that are prepared, by the types' `from_param` or by `byref`, or C's already.

    None is converted or checked: a Python number is an `int` of C to it, a handle has to be a `c_int64`.
    Converting four arguments costs as much as waiting for a thousand sockets; giving the interpreter's lock away
    for a call that never waits costs a tenth of it.
    """
    same: Any = (_library if waits else _locked)[function.__name__]
    same.restype = function.restype  # type: ignore[attr-defined]
    return same  # type: ignore[no-any-return]


def address_of(name: str) -> int:
    """Where a function of the library is, for the compiled helper."""
    return ctypes.cast(_library[name], ctypes.c_void_p).value or 0
