"""The compiled helper: what it does by itself. That sockets are the same with and without it, all the other tests say,
which run with both."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

import pytest
from anysock import _abi, _calls, _helper, pair
from anysock import socket as ours
from conftest import python

needs_helper = pytest.mark.skipif(_helper.fast is None, reason="the compiled helper is not used")

SHOW = "from anysock import _helper; print(_helper.fast and _helper.fast.__file__)"


def test_the_variable_says_that_there_is_none() -> None:
    with python(SHOW, ANYSOCK_FAST="0") as child:
        assert child.line() == "None"


def test_the_variable_names_its_file_and_no_other_is_tried(tmp_path: Path) -> None:
    missing = str(tmp_path / "_fast.abi3.so")
    with python(SHOW, ANYSOCK_FAST=missing) as child:
        code, _, errors = child.finish()
    assert code == 1
    assert "ImportError" in errors and missing in errors


def test_a_python_without_its_lock_does_without(tmp_path: Path) -> None:
    (tmp_path / "_fast.abi3.so").touch()
    free = "import sys; sys.abiflags = 't'; "
    with python(free + SHOW, ANYSOCK_FAST=str(tmp_path / "_fast.abi3.so")) as child:
        code, _, errors = child.finish()
    assert code == 1 and "global interpreter lock" in errors
    with python(free + SHOW, ANYSOCK_FAST="") as child:
        assert child.line() == "None"


@needs_helper
def test_it_is_used() -> None:
    fast: Any = _helper.fast
    with ours.socket() as sock:
        assert isinstance(sock, fast.Quick)
        assert sock.recv.__self__ is sock and not hasattr(sock.recv, "__func__")
    assert _calls.recv is fast.recv


@needs_helper
def test_without_the_library_every_call_is_an_error() -> None:
    text = """
import sys
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
spec = spec_from_loader("_fast", ExtensionFileLoader("_fast", sys.argv[1]))
fast = module_from_spec(spec)
spec.loader.exec_module(fast)
print(fast.recv(1, 10, 0), fast.recv_into(1, bytearray(10), 0), fast.send(1, b"data", 0))
class Sock(fast.Quick):
    def _recv_failed(self, *rest): return rest
    _recv_into_failed = _send_failed = _sendall_failed = _recv_failed
print(Sock().recv(10), Sock().recv_into(bytearray(1)), Sock().send(b"data"), Sock().sendall(b""))
for wrong in ({}, lambda name: name, lambda name: 1 / 0):
    try:
        fast.bind(wrong)
    except Exception as error:
        print(type(error).__name__)
"""
    fast: Any = _helper.fast
    with python(text, fast.__file__) as child:
        assert child.line() == "-38 -38 -38"
        data = bytearray(1)
        assert child.line() == f"(-38, 10, 0.0) (-38, {data!r}, 0.0) (-38, b'data', 0.0) (-38, b'', 0.0)"
        assert [child.line() for _ in range(3)] == ["TypeError", "TypeError", "ZeroDivisionError"]


@pytest.mark.parametrize(
    "call, kind",
    [
        (lambda handle: _calls.recv(handle, -1, 0), ValueError),
        (lambda handle: _calls.recv(handle, None, 0), TypeError),  # type: ignore[arg-type]
        (lambda handle: _calls.recv(1 << 80, 1, 0), OverflowError),
        (lambda handle: _calls.recv("handle", 1, 0), TypeError),  # type: ignore[arg-type]
        (lambda handle: _calls.recv(handle, 1, 1 << 40), OverflowError),
        (lambda handle: _calls.recv(handle, 1), TypeError),  # type: ignore[call-arg]
        (lambda handle: _calls.recv_into(handle, b"read-only", 0), BufferError),  # type: ignore[arg-type]
        (lambda handle: _calls.recv_into(handle, 1, 0), TypeError),  # type: ignore[arg-type]
        (lambda handle: _calls.recv_into(handle, memoryview(bytearray(8))[::2], 0), BufferError),
        (lambda handle: _calls.send(handle, "text", 0), TypeError),  # type: ignore[arg-type]
        (lambda handle: _calls.send(handle, memoryview(b"12345678")[::2], 0), BufferError),
    ],
)
@needs_helper
def test_garbage(call: Any, kind: type[Exception]) -> None:
    first, second = pair()
    with first, second:
        first.timeout = 0
        with pytest.raises(kind):
            call(first.handle)


def test_errors_are_the_librarys_numbers() -> None:
    assert _calls.recv(0, 10, 0) == _calls.send(0, b"data", 0) == _calls.recv_into(0, bytearray(1), 0)
    assert _calls.recv(0, 10, 0) == _abi.ANYSOCK_EBADF
    first, second = pair()
    with first, second:
        first.timeout = 0
        assert _calls.recv(first.handle, 10, 0) == _abi.ANYSOCK_EAGAIN
        # Kept on the stack, and in memory of its own.
        for size in (1, 16384, 16385, 100_000):
            second.write_all(b"12345678")
            assert _calls.recv(first.handle, size, 0) == b"12345678"[:size]
            first.read(7 if size == 1 else 0)
        assert _calls.recv(first.handle, 0, 0) == b""


def test_nothing_is_held_after_a_call() -> None:
    first, second = ours.socketpair()
    with first, second:
        first.setblocking(False)
        data, room = bytearray(b"12345678"), bytearray(8)
        # Other tests' sockets are of the same type.
        gc.collect()
        before = sys.getrefcount(data), sys.getrefcount(room), sys.getrefcount(type(first))
        for _ in range(100):
            second.send(data)
            assert first.recv_into(room) == 8
            second.sendall(data)
            assert first.recv(8) == b"12345678"
            for call in (lambda: first.recv(8), lambda: first.recv_into(room), lambda: first.recv_into(room, 1 << 20)):
                with pytest.raises((BlockingIOError, ValueError)):
                    call()
        second.close()
        for wrong in (lambda: second.send(data), lambda: second.sendall(data), lambda: second.recv_into(room)):
            with pytest.raises(OSError) as caught:
                wrong()
            # While the error lives, as well.
            data.extend(b"more")
            room.extend(b"more")
            del caught
        assert (sys.getrefcount(data), sys.getrefcount(room), sys.getrefcount(type(first))) == before
