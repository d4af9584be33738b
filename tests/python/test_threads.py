"""Threads: a socket that is closed under a call that blocks on it, and one that several use at once."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anysock
import pytest
from anysock import _abi
from conftest import PATIENCE, Thread, full_listener, python


def fill(sock: anysock.Socket) -> anysock.Socket:
    """Writes until there is no more room."""
    with pytest.raises(BlockingIOError):
        while True:
            sock.send(bytes(1 << 16), anysock.DONT_WAIT)
    return sock


def error_of_a_blocked_call(make: Callable[[], Any], block: Callable[[Any], Any]) -> OSError:
    """Closes what another thread is blocked on. If that thread was too slow to block, it gets more time."""
    for pause in (0.02, 0.2, 2, 20):
        sock = make()
        thread = Thread(block, sock)
        thread.join(pause)
        sock.close()
        with pytest.raises(OSError) as caught:
            thread.result()
        if caught.value.errno != errno.EBADF:
            return caught.value
    return caught.value


@pytest.fixture
def kept() -> Any:
    """The other ends, so that nobody else closes them."""
    sockets: list[anysock.Socket] = []
    yield sockets
    for sock in sockets:
        sock.close()


def end(kept: list[anysock.Socket], kind: str = "unix") -> anysock.Socket:
    first, second = anysock.pair(kind)
    kept.append(second)
    return first


@pytest.mark.parametrize("kind", ["tcp", "unix", "unixgram", "unixpacket"])
@pytest.mark.parametrize(
    "read",
    [
        lambda sock: sock.read(1),
        lambda sock: sock.read_full(10),
        lambda sock: sock.recv_from(1),
        lambda sock: anysock.wait_ready([sock]),
    ],
)
def test_close_ends_reading(kind: str, read: Any, kept: Any) -> None:
    assert error_of_a_blocked_call(lambda: end(kept, kind), read).errno == errno.ECANCELED


def write_on(sock: anysock.Socket) -> None:
    """Writes until that fails: the kernel may find more room where there was none."""
    while True:
        sock.write(b"x")


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_close_ends_writing(kind: str, kept: Any) -> None:
    error = error_of_a_blocked_call(lambda: fill(end(kept, kind)), write_on)
    assert error.errno == errno.ECANCELED


def test_close_in_the_middle_of_write_all_tells_how_much_was_written(kept: Any) -> None:
    error: Any = error_of_a_blocked_call(lambda: end(kept), lambda sock: sock.write_all(bytes(1 << 24)))
    assert error.errno == errno.ECANCELED
    kept[-1].timeout = PATIENCE
    assert len(kept[-1].read_full(1 << 24)) == error.characters_written > 0


def test_close_ends_accepting() -> None:
    error = error_of_a_blocked_call(lambda: anysock.listen("127.0.0.1:0"), lambda sock: sock.accept())
    assert error.errno == errno.ECANCELED


def test_close_ends_connecting(tmp_path: Path) -> None:
    with full_listener(tmp_path / "full"):
        error = error_of_a_blocked_call(
            lambda: anysock.Socket("unix"), lambda sock: sock.connect(tmp_path / "full")
        )
    assert error.errno == errno.ECANCELED


def test_close_ends_a_pollers_wait() -> None:
    assert error_of_a_blocked_call(anysock.Poller, lambda poller: poller.wait()).errno == errno.ECANCELED


def test_of_many_who_close_none_fails(kept: Any) -> None:
    for _ in range(50):
        sock = end(kept)
        start = threading.Barrier(4)

        def close(sock: anysock.Socket = sock, start: threading.Barrier = start) -> None:
            start.wait()
            sock.close()

        for thread in [Thread(close) for _ in range(4)]:
            thread.result()
        assert sock.closed


def test_a_closed_socket_never_reaches_another(kept: Any) -> None:
    """Its number may be known to a thread that is late; whoever is opened next has another one."""
    stale = end(kept)
    handle = stale.handle
    stale.close()
    others = [end(kept) for _ in range(100)]
    assert handle not in [other.handle for other in others]
    assert _abi.anysock_write(handle, b"for a stranger", 14) == _abi.ANYSOCK_EBADF
    with pytest.raises(OSError) as caught:
        anysock.Socket.from_handle(handle)
    assert caught.value.errno == errno.EBADF
    for other in others:
        other.close()


def test_both_directions_at_once() -> None:
    first, second = anysock.pair("tcp")
    data = bytes(1 << 22)
    with first, second:
        threads = [Thread(sock.write_all, data) for sock in (first, second)]
        readers = [Thread(sock.read_full, len(data)) for sock in (first, second)]
        for reader in readers:
            assert reader.result() == data
        for thread in threads:
            thread.result()


def test_several_threads_accept(listener: anysock.Socket) -> None:
    acceptors = [Thread(listener.accept) for _ in range(8)]
    clients = [anysock.connect(listener.local_address) for _ in acceptors]
    servers = [acceptor.result() for acceptor in acceptors]
    assert {sock.local_address for sock in clients} == {sock.peer_address for sock in servers}
    for sock in clients + servers:
        sock.close()


BLOCKED_AT_THE_END = """
import threading
import anysock

listener = anysock.listen("127.0.0.1:0")
first, second = anysock.pair("tcp")
poller = anysock.Poller()
poller.set(first, anysock.READ)
begun = threading.Semaphore(0)


def wait(call):
    begun.release()
    call()


calls = [listener.accept, lambda: first.read(1), lambda: anysock.wait_ready([second]), poller.wait]
for call in calls:
    threading.Thread(target=wait, args=[call], daemon=True).start()
for _ in calls:
    begun.acquire()
"""


def test_a_program_ends_while_calls_wait() -> None:
    assert python(BLOCKED_AT_THE_END).finish() == (0, "", "")
