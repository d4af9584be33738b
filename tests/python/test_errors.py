"""Errors: the exception's type, its number as the host counts, its text, and what it is about."""

from __future__ import annotations

import errno
import socket
import threading
from pathlib import Path
from typing import Any

import anysock
import pytest
from anysock import _abi
from anysock._errors import check, failure
from conftest import PATIENCE


def test_refused() -> None:
    with anysock.Socket("tcp4") as bound:
        bound.bind("127.0.0.1:0")
        with pytest.raises(ConnectionRefusedError) as caught:
            anysock.connect(bound.local_address, timeout=PATIENCE)
        assert caught.value.errno == errno.ECONNREFUSED
        assert caught.value.strerror == "connection refused"
        assert caught.value.filename == bound.local_address
        assert str(caught.value).endswith(f"connection refused: '{bound.local_address}'")


def test_address_in_use(listener: anysock.Socket) -> None:
    with pytest.raises(OSError) as caught:
        anysock.listen(listener.local_address)
    assert caught.value.errno == errno.EADDRINUSE


def test_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        anysock.connect(tmp_path / "nobody", "unix")
    with pytest.raises(OSError) as caught:
        anysock.connect(str(tmp_path / ("x" * 200)), "unix")
    assert caught.value.errno == errno.ENAMETOOLONG


def test_broken_pipe() -> None:
    first, second = anysock.pair()
    with first:
        second.close()
        with pytest.raises(BrokenPipeError):
            first.write(b"x")
        with pytest.raises(BrokenPipeError) as caught:
            first.write_all(b"x")
        assert caught.value.characters_written == 0  # type: ignore[attr-defined]


def test_reset(listener: anysock.Socket) -> None:
    with anysock.connect(listener.local_address) as client:
        with listener.accept() as server:
            server.options["linger"] = 0
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                client.read(1)


def test_how_much_was_written_before_the_failure() -> None:
    first, second = anysock.pair()
    with first, second:
        first.timeout = 0
        with pytest.raises(BlockingIOError) as caught:
            first.write_all(bytes(1 << 24))
        written = caught.value.characters_written
        assert 0 < written < 1 << 24
        assert len(second.read_full(written)) == written
        first.timeout = 0.01
        with pytest.raises(TimeoutError) as late:
            first.write_all(bytes(1 << 24))
        assert late.value.characters_written > 0  # type: ignore[attr-defined]


def test_what_was_read_before_the_failure_is_returned_first() -> None:
    first, second = anysock.pair()
    with first, second:
        second.timeout = 0.01
        first.write_all(b"abc")
        assert second.read_full(10) == b"abc"
        with pytest.raises(TimeoutError):
            second.read_full(10)


def test_names_that_do_not_resolve() -> None:
    numbers = (socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_SERVICE, socket.EAI_FAIL)
    for address in ("no-such-host.invalid:80", "localhost:no-such-service"):
        for attempt in (anysock.resolve, anysock.connect):
            with pytest.raises(socket.gaierror) as caught:
                attempt(address)
            assert isinstance(caught.value, OSError) and caught.value.errno in numbers


@pytest.mark.parametrize("address", ["", "nonsense", "127.0.0.1", "127.0.0.1:99999", "[::1:80"])
def test_what_is_no_address(address: str) -> None:
    with anysock.Socket("tcp") as sock, pytest.raises(OSError) as caught:
        sock.bind(address)
    assert caught.value.errno == errno.EINVAL


def test_kinds_and_options_that_are_none(listener: anysock.Socket) -> None:
    with pytest.raises(OSError) as caught:
        anysock.Socket("decnet")
    assert (caught.value.errno, caught.value.filename) == (errno.EINVAL, "decnet")
    with pytest.raises(OSError) as caught:
        listener.options["no.such.option"]
    assert (caught.value.errno, caught.value.filename) == (errno.ENOPROTOOPT, "no.such.option")
    with pytest.raises(PermissionError):
        listener.options["kind"] = "udp"


def test_not_connected() -> None:
    with anysock.Socket("tcp") as sock:
        for attempt in (
            lambda: sock.read(1),
            lambda: sock.write(b"x"),
            lambda: sock.peer_address,
            sock.shutdown,
        ):
            with pytest.raises(OSError) as caught:
                attempt()
            assert caught.value.errno == errno.ENOTCONN


CLOSED: list[Any] = [
    lambda sock: sock.read(1),
    lambda sock: sock.read_full(1),
    lambda sock: sock.write(b"x"),
    lambda sock: sock.write_all(b"x"),
    lambda sock: sock.recv_from(1),
    lambda sock: sock.send_to(b"x", "127.0.0.1:1"),
    lambda sock: sock.accept(),
    lambda sock: sock.connect("127.0.0.1:1"),
    lambda sock: sock.bind("127.0.0.1:0"),
    lambda sock: sock.listen(),
    lambda sock: sock.shutdown(),
    lambda sock: sock.local_address,
    lambda sock: sock.timeout,
    lambda sock: sock.options["tcp.nodelay"],
    lambda sock: sock.fileno(),
    lambda sock: sock.release(),
    lambda sock: anysock.wait_ready([sock], timeout=0),
]


@pytest.mark.parametrize("call", CLOSED)
def test_a_closed_socket_is_a_bad_descriptor(call: Any) -> None:
    sock = anysock.Socket("tcp")
    sock.close()
    with pytest.raises(OSError) as caught:
        call(sock)
    assert caught.value.errno == errno.EBADF


def test_every_code_becomes_an_exception() -> None:
    codes = {name[8:]: code for name, code in vars(_abi).items() if name.startswith("ANYSOCK_E") and code < 0}
    for name, code in codes.items():
        error = failure(code)
        if name == "EINTERNAL":
            assert isinstance(error, RuntimeError)
        elif name.startswith("EAI_"):
            assert isinstance(error, socket.gaierror)
            assert error.errno == getattr(socket, name, -code)
        else:
            assert type(error) is type(OSError(getattr(errno, name, -code), ""))
            assert isinstance(error, OSError) and error.errno == getattr(errno, name, -code)
    assert failure(-20530).errno == 530  # type: ignore[attr-defined]
    assert check(0) == 0 and check(7) == 7


def test_timeouts_that_make_no_sense(listener: anysock.Socket) -> None:
    for value in (-1, -0.001, float("nan")):
        with pytest.raises(ValueError):
            listener.timeout = value
        with pytest.raises(ValueError):
            anysock.wait_ready([listener], timeout=value)
    for value in (float("inf"), 1e300):
        with pytest.raises(OverflowError):
            listener.timeout = value


def test_errors_do_not_depend_on_the_thread(listener: anysock.Socket) -> None:
    """Nothing about an error is kept in the thread, so one thread's does not show in another's."""
    found = []

    def attempt(kind: str) -> None:
        for _ in range(200):
            with pytest.raises(OSError) as caught:
                anysock.Socket(kind)
            found.append((kind, caught.value.filename, caught.value.errno))

    threads = [threading.Thread(target=attempt, args=(kind,)) for kind in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(kind == subject and number == errno.EINVAL for kind, subject, number in found)
