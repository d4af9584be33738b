"""Runs an unchanged program on the library: `python -m anysock program.py arguments`, or `-m module arguments`."""

from __future__ import annotations

import io
import os
import runpy
import sys
from types import ModuleType

from ._patch import patch

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
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    elif os.path.isdir(sys.argv[0]):
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        _run(sys.argv[0])


def _run(path: str) -> None:
    """Runs a program in a module of its own, which stays: its threads may outlive its text."""
    sys.path[0] = os.path.dirname(os.path.abspath(path))
    module = ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    with io.open_code(path) as text:
        code = compile(text.read(), path, "exec")
    exec(code, vars(module))


if __name__ == "__main__":
    main()
