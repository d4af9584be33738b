"""Runs an unchanged program on the library: `python -m anysock program.py arguments`, or `-m module arguments`."""

from __future__ import annotations

import io
import os
import runpy
import sys
from importlib.machinery import SourceFileLoader
from pkgutil import get_importer
from types import ModuleType
from typing import Any

from ._std.patch import patch

#: What a main module has from its start in this version of Python, and not in each.
_HAS_ANNOTATIONS, _HAS_CACHED = sys.version_info < (3, 14), sys.version_info < (3, 15)

_USAGE = "usage: python -m anysock [-m module | program.py] [argument ...]"


def main() -> None:
    """Makes of this process what `python` would have made of it with the same arguments."""
    arguments = sys.argv[1:]
    is_module = arguments[:1] == ["-m"]
    if len(arguments) <= is_module or arguments[0] in ("-h", "--help"):
        sys.exit(_USAGE)
    patch()
    sys.argv[:] = arguments[is_module:]
    if is_module:
        _run_module(sys.argv[0], True)
    else:
        _run(os.path.join(os.getcwd(), sys.argv[0]))


def _run(path: str) -> None:
    """Runs what an absolute path names."""
    # `-m` has put the current folder there, unless it was told not to.
    is_safe = getattr(sys.flags, "safe_path", False)
    others = sys.path[not is_safe :]
    if get_importer(path) is None:
        folder = os.path.dirname(os.path.realpath(path))
        sys.path[:] = others if is_safe else [folder, *others]
        _run_file(path)
    else:
        # A folder or an archive, which has a `__main__`.
        sys.path[:] = [path, *others]
        _run_module("__main__", False)


def _run_module(name: str, names_program: bool) -> None:
    """Runs a module as the interpreter does it: this is the function that `python -m` calls."""
    _begin()
    runpy._run_module_as_main(name, names_program)  # type: ignore[attr-defined]


def _begin(**names: Any) -> ModuleType:
    """A main module of its own, which stays: a program's threads may outlive its text."""
    module = ModuleType("__main__")
    if _HAS_ANNOTATIONS:
        names["__annotations__"] = {}
    vars(module).update(names)
    sys.modules["__main__"] = module
    return module


def _run_file(path: str) -> None:
    try:
        with io.open_code(path) as file:
            text = file.read()
    except OSError as error:
        reason = f"[Errno {error.errno}] {error.strerror}"
        print(f"{sys.executable}: can't open file {path!r}: {reason}", file=sys.stderr)
        sys.exit(2)
    names = {"__cached__": None} if _HAS_CACHED else {}
    module = _begin(__file__=path, __loader__=SourceFileLoader("__main__", path), **names)
    # Without what this text has imported from `__future__`.
    exec(compile(text, path, "exec", dont_inherit=True), vars(module))


if __name__ == "__main__":
    main()
