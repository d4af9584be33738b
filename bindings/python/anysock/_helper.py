"""Finds the compiled helper `_fast`, which spares ctypes in the calls that programs make all the time.

It is the file that the environment variable ANYSOCK_FAST names ("0": there is none), else it lies beside this module. Without
it everything works, and takes longer.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from ._library import address_of

_VARIABLE = "ANYSOCK_FAST"
_NONE = "0"
_NAME = f"{__package__}._fast"

#: What it is compiled for.
_OLDEST = (3, 11)

#: Objects of a CPython without its lock are laid out in another way.
_HAS_LOCK = "t" not in getattr(sys, "abiflags", "")


def _find() -> Any:
    named = os.environ.get(_VARIABLE)
    if named == _NONE:
        return None
    if named and not _HAS_LOCK:
        raise ImportError(f"{named} is for a CPython with a global interpreter lock; {_VARIABLE} must not name it here")
    if named:
        return _load(named)
    # In a wheel it lies beside this module for interpreters that it does not fit as well.
    if sys.version_info < _OLDEST or not _HAS_LOCK:
        return None
    try:
        from . import _fast  # type: ignore[attr-defined]
    except ImportError:
        return None
    return _fast


def _load(path: str) -> Any:
    from importlib.machinery import ExtensionFileLoader
    from importlib.util import module_from_spec, spec_from_loader

    # What a loader is to typeshed differs between versions of Python.
    loader: Any = ExtensionFileLoader(_NAME, path)
    spec: Any = spec_from_loader(_NAME, loader)
    module = sys.modules[_NAME] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


#: The helper, or None.
fast = _find()

if fast is not None:
    fast.bind(address_of)
