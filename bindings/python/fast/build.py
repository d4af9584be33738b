#!/usr/bin/env python3
"""Compiles the helper `anysock._fast` into a folder, and prints its file; prints nothing where that can't be done.

    build.py FOLDER

One file serves every CPython from 3.11 on. It wants a C compiler and this interpreter's headers. Windows' compilers are not
looked for.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

SOURCES = sorted(map(str, Path(__file__).parent.glob("*.c")))
NAME = "_fast.abi3.so"

OPTIONS = ["-O2", "-shared", "-fPIC", "-fvisibility=hidden"]
if sys.platform == "darwin":
    # A bundle finds the interpreter's functions when it is loaded.
    OPTIONS = ["-O2", "-bundle", "-undefined", "dynamic_lookup"]


def is_possible(compiler: str, headers: Path) -> bool:
    """Whether this interpreter knows the stable interface, and all that is needed is there."""
    knows = sys.implementation.name == "cpython" and sys.version_info >= (3, 11)
    is_free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    is_here = os.name == "posix" and shutil.which(compiler) and (headers / "Python.h").exists()
    return bool(knows and not is_free_threaded and is_here)


def build(folder: Path) -> Path | None:
    """The helper's file, or None."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    headers = Path(sysconfig.get_path("include"))
    if not is_possible(compiler[0], headers):
        return None
    file = folder / NAME
    flags = shlex.split(os.environ.get("CFLAGS", ""))
    command = [*compiler, *OPTIONS, *flags, f"-I{headers}", *SOURCES, "-o", str(file)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return file if done.returncode == 0 else None


if __name__ == "__main__":
    print(build(Path(sys.argv[1])) or "", end="")
