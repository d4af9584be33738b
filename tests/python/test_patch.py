"""`anysock.patch` and `python -m anysock`: whole programs on the library's modules, without a change."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from conftest import PATIENCE, run


def program(text: str, *flags: str) -> list[str]:
    """What a program prints that runs by itself, line by line; a warning is an error."""
    return run(sys.executable, "-W", "error", *flags, "-c", text).splitlines()


def test_imports_mean_the_library_afterwards() -> None:
    text = """
import anysock
anysock.patch()
import socket, select, selectors, _socket, asyncio, http.client, subprocess
from socket import socket as kind
import anysock.socket, anysock.select, anysock.selectors
assert socket is anysock.socket and select is anysock.select and selectors is anysock.selectors
assert kind is anysock.socket.socket and issubclass(kind, _socket.socket)
assert asyncio.selector_events.selectors is selectors and http.client.socket is socket
loop = asyncio.new_event_loop()
print(type(loop._selector).__module__, type(loop._csock).__module__)
loop.close()
"""
    assert program(text) == ["anysock.selectors anysock.socket"]


def test_what_was_imported_before_is_swapped_too() -> None:
    text = """
import asyncio, http.client, selectors, socketserver, subprocess
from socket import create_connection
import anysock
anysock.patch()
anysock.patch()
import anysock.socket
print(asyncio.selector_events.socket.__name__, http.client.socket.__name__, selectors.__name__)
print(create_connection is anysock.socket.create_connection, subprocess._PopenSelector.__module__)
"""
    assert program(text) == ["anysock.socket anysock.socket anysock.selectors", "True anysock.selectors"]


def test_the_librarys_own_modules_keep_the_standard_ones() -> None:
    text = """
import anysock
anysock.patch()
import sys
from anysock import _errors, selectors
from anysock._std import others
print(_errors.socket.__name__, others._system.__name__, selectors._standard.__name__)
from anysock import resolve
try:
    resolve("no.such.host.invalid:80")
except OSError as error:
    import socket
    print(isinstance(error, socket.gaierror))
"""
    assert program(text) == ["socket select selectors", "True"]


def test_a_class_that_comes_too_early_is_told_of() -> None:
    text = """
import socket, warnings, anysock
class Early(socket.socket): pass
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    anysock.patch()
print(caught[0].category.__name__, caught[0].message)
"""
    assert program(text) == ["RuntimeWarning patch() comes too late for __main__.Early: import them after it"]


SCRIPT = """
import os, sys, socket, select, __main__
sys.path.index(os.path.dirname(os.path.abspath(__file__)))
import neighbour
print(__name__, socket.__name__, select.__name__, sys.argv[1:], __main__.socket is socket, neighbour.socket is socket)
def main():
    sys.exit(3)
main()
"""


def module(path: Path, *arguments: Any, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "anysock", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=path, check=False, **more)


def test_a_script_runs_unchanged(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    script = tmp_path / "folder" / "script.py"
    script.write_text(SCRIPT)
    (tmp_path / "folder" / "neighbour.py").write_text("import socket")
    done = module(tmp_path, "folder/script.py", "-m", "b c")
    assert done.stdout == "__main__ anysock.socket anysock.select ['-m', 'b c'] True True\n"
    assert (done.returncode, done.stderr) == (3, "")


def test_a_module_and_a_folder_run_unchanged(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__main__.py").write_text(
        "import sys, socket; print(__name__, socket.__name__, sys.argv[1:])"
    )
    for arguments in (["-m", "package"], ["package"]):
        done = module(tmp_path, *arguments, "x")
        assert (done.stdout, done.stderr) == ("__main__ anysock.socket ['x']\n", "")


#: What a program can see of how it was started.
ABOUT = """
import os, sys, threading
def annotated(number: 1 + 1): pass
print(sorted(globals()))
print(__name__, __file__, __package__, globals().get("__cached__"), type(__loader__), getattr(__loader__, "name", ""))
print(__spec__ and (__spec__.name, __spec__.origin), globals().get("__annotations__"), annotated.__annotations__)
print(sys.argv, sys.path, sys.modules["__main__"].__dict__ is globals(), annotated.__code__.co_filename)
"""

STARTS = ["program.py a", "./program.py", "../{}/program.py", "link/program.py", "folder -x", "archive.zip", "-m folder y",
          "-m module", "missing.py", "folder/nothing", "-m missing"]


@pytest.mark.parametrize("flags", [[], ["-P"]] if sys.version_info >= (3, 11) else [[]])
@pytest.mark.parametrize("start", STARTS)
def test_a_program_sees_what_it_would_see_without(tmp_path: Path, start: str, flags: list[str]) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").mkdir()
    for name in ("program.py", "module.py", "folder/__main__.py"):
        (tmp_path / name).write_text(ABOUT)
    (tmp_path / "link" / "program.py").symlink_to("../program.py")
    with ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.write(tmp_path / "program.py", "__main__.py")
    arguments = start.format(tmp_path.name).split()
    plain, here = (
        subprocess.run(
            [sys.executable, *flags, *more, *arguments], capture_output=True, text=True, cwd=tmp_path, check=False
        )
        for more in ([], ["-m", "anysock"])
    )
    assert (here.stdout, here.stderr, here.returncode) == (plain.stdout, plain.stderr, plain.returncode)


def test_threads_outlive_the_scripts_text(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        """
import socket, threading
first, second = socket.socketpair()
GREETING = b"hello"
def serve():
    with first:
        first.sendall(first.recv(100) + GREETING)
    print(heard.recv(100).decode())
heard = second
threading.Thread(target=serve).start()
threading.Timer(0.2, second.send, [b"well, "]).start()
"""
    )
    done = module(tmp_path, script)
    assert (done.stdout, done.stderr) == ("well, hello\n", "")


def test_an_error_is_the_scripts(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import socket\nsocket.socket().connect(('127.0.0.1', 'no port'))\n")
    done = module(tmp_path, script)
    assert done.returncode == 1
    assert "script.py\", line 2" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("TypeError")


@pytest.mark.parametrize("arguments", [[], ["-m"], ["--help"]])
def test_usage(tmp_path: Path, arguments: list[str]) -> None:
    done = module(tmp_path, *arguments)
    assert done.stderr.startswith("usage: python -m anysock")
    assert done.returncode == 1


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    done = module(tmp_path, "missing.py")
    assert "missing.py" in done.stderr.splitlines()[-1]
    assert os.listdir(tmp_path) == []
