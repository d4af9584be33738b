"""Signals: Ctrl-C ends every wait, and a signal whose handler returns ends none (PEP 475)."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import anysock
import pytest
from conftest import PATIENCE, Connection, Thread, full_listener, python

OPENING = """
import sys, anysock
from time import sleep
def ready(): print("ready", flush=True)
listener = anysock.listen("127.0.0.1:0")
client = anysock.connect(listener.local_address)
server = listener.accept()
"""

BLOCKING = {
    "accept": "listener.accept()",
    "for": "for connection in listener: pass",
    "read": "client.read(1)",
    "read_full": "client.read_full(1)",
    "recv_from": "anysock.pair('unixgram')[0].recv_from(1)",
    "read with a timeout": "client.timeout = 1000; client.read(1)",
    "write_all": "client.write_all(bytes(1 << 27))",
    "wait_ready": "anysock.wait_ready([client, listener], (), [client])",
    "wait_ready for nothing": "anysock.wait_ready()",
    "poller": "poller = anysock.Poller(); poller.set(client, anysock.READ); poller.wait()",
    "poller of nothing": "anysock.Poller().wait()",
    "connect": "anysock.connect(sys.argv[1], 'unix')",
    "connect with a timeout": "anysock.connect(sys.argv[1], 'unix', timeout=1000)",
}


@pytest.mark.parametrize("call", BLOCKING)
def test_ctrl_c(call: str, tmp_path: Path) -> None:
    with full_listener(tmp_path / "full"):
        with python(f"{OPENING}\nready()\n{BLOCKING[call]}", tmp_path / "full") as child:
            assert child.line() == "ready"
            code, output, errors = child.interrupt()
    assert "KeyboardInterrupt" in errors
    assert code == -signal.SIGINT
    assert output == ""


def test_ctrl_c_can_be_caught_and_the_socket_goes_on() -> None:
    program = f"""{OPENING}
try:
    ready()
    client.read(1)
except KeyboardInterrupt:
    server.write_all(b"still here")
    print(client.read(20).decode())
"""
    with python(program) as child:
        assert child.line() == "ready"
        code, output, _ = child.interrupt()
    assert output == "still here\n"
    assert code == 0


class Alarms:
    """Signals that come all the time, to a handler that counts them and returns."""

    def __init__(self) -> None:
        self.count = 0
        self.some = threading.Event()
        self.pause = 0.005
        self.deadline = monotonic() + PATIENCE

    def handle(self, *_: object) -> None:
        self.count += 1
        if self.count == 5:
            self.some.set()
        assert monotonic() < self.deadline, "the wait does not end"
        self.ring()

    def ring(self) -> None:
        """The next one, after this one: on a busy machine they shall not pile up.

        One that comes just before a wait does not end it, as in all of Python; then another follows.
        """
        signal.setitimer(signal.ITIMER_REAL, self.pause, 20 * self.pause)


@pytest.fixture
def alarms() -> Iterator[Alarms]:
    alarms = Alarms()
    before = signal.signal(signal.SIGALRM, alarms.handle)
    alarms.ring()
    yield alarms
    alarms.pause = 0
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def after_some(alarms: Alarms, call: Any, *arguments: Any) -> Thread:
    """Does something in another thread, as soon as some signals have come."""

    def wait_and_call() -> Any:
        assert alarms.some.wait(PATIENCE)
        return call(*arguments)

    return Thread(wait_and_call)


READS = [
    lambda sock: sock.read(10),
    lambda sock: sock.read_full(5),
    lambda sock: sock.recv(5, anysock.WAIT_ALL),
    lambda sock: sock.recv_from(10)[0],
]


@pytest.mark.parametrize("timeout", [None, PATIENCE])
@pytest.mark.parametrize("read", READS)
def test_reading_goes_on(alarms: Alarms, connection: Connection, read: Any, timeout: Any) -> None:
    client, server = connection
    client.timeout = timeout
    writer = after_some(alarms, server.write_all, b"hello")
    assert read(client) == b"hello"
    assert alarms.count >= 5
    assert client.timeout == timeout
    writer.result()


@pytest.mark.parametrize("timeout", [None, PATIENCE])
def test_accepting_goes_on(alarms: Alarms, listener: anysock.Socket, timeout: Any) -> None:
    listener.timeout = timeout
    client = after_some(alarms, anysock.connect, listener.local_address)
    with listener.accept() as server, client.result() as connected:
        assert server.peer_address == connected.local_address
    assert alarms.count >= 5


@pytest.mark.parametrize("timeout", [None, PATIENCE])
def test_connecting_goes_on(alarms: Alarms, tmp_path: Path, timeout: Any) -> None:
    with full_listener(tmp_path / "full") as full:
        acceptor = after_some(alarms, full.accept)
        with anysock.Socket("unix") as client:
            client.connect_timeout = timeout
            client.connect(tmp_path / "full")
            assert client.connect_timeout == timeout
        acceptor.result()[0].close()
    assert alarms.count >= 5


def test_connecting_to_a_name_goes_on(alarms: Alarms, listener: anysock.Socket) -> None:
    port = listener.local_address.split(":")[-1]
    for _ in range(50):
        with anysock.connect(f"localhost:{port}", timeout=PATIENCE) as client, listener.accept() as server:
            assert client.local_address == server.peer_address


def test_select_and_poller_go_on(alarms: Alarms, connection: Connection) -> None:
    client, server = connection
    writer = after_some(alarms, server.write_all, b"x")
    assert anysock.wait_ready([client]) == ([client], [], [])
    writer.result()
    assert client.read(1) == b"x"
    alarms.count = 0
    alarms.some.clear()
    with anysock.Poller() as poller:
        poller.set(client, anysock.READ, "data")
        writer = after_some(alarms, server.write_all, b"x")
        assert poller.wait(PATIENCE) == [(client, anysock.READ, "data")]
        writer.result()
    assert alarms.count >= 5


SHORT = 0.3


@contextmanager
def for_a_while() -> Iterator[None]:
    """The wait is not cut by the signals; that they do not prolong it for ever, the handler sees to."""
    start = monotonic()
    yield
    assert monotonic() - start >= 0.99 * SHORT


@pytest.mark.parametrize("read", READS)
def test_the_time_for_reading_is_for_all_of_it(alarms: Alarms, connection: Connection, read: Any) -> None:
    client, _ = connection
    client.timeout = SHORT
    with for_a_while(), pytest.raises(TimeoutError):
        read(client)


def test_the_time_for_read_full_is_for_all_of_it_when_bytes_trickle(
    alarms: Alarms, connection: Connection
) -> None:
    client, server = connection
    client.timeout = SHORT
    done = threading.Event()

    def trickle() -> None:
        while not done.wait(0.01):
            server.write(b".")

    writer = Thread(trickle)
    with for_a_while():
        assert 0 < len(client.read_full(1 << 20)) < 1 << 20
    done.set()
    writer.result()


def test_the_time_for_the_rest_is_for_all_of_it(
    alarms: Alarms, connection: Connection, tmp_path: Path
) -> None:
    client, _ = connection
    with for_a_while():
        assert anysock.wait_ready([client], timeout=SHORT) == ([], [], [])
    with anysock.Poller() as poller, for_a_while():
        assert poller.wait(SHORT) == []
    client.timeout = SHORT
    with for_a_while(), pytest.raises(TimeoutError) as caught:
        client.write_all(bytes(1 << 26))
    assert caught.value.characters_written > 0  # type: ignore[attr-defined]
    with full_listener(tmp_path / "full"), for_a_while(), pytest.raises(TimeoutError):
        anysock.connect(tmp_path / "full", "unix", timeout=SHORT)
    with anysock.listen("127.0.0.1:0") as listener:
        listener.accept_timeout = SHORT
        with for_a_while(), pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize("timeout", [None, PATIENCE])
def test_no_byte_is_lost(alarms: Alarms, timeout: Any) -> None:
    alarms.pause = 0.001
    data = os.urandom(1 << 16) * 256
    digest = hashlib.sha256(data).digest()
    first, second = anysock.pair("tcp")
    with first, second:
        first.timeout = timeout
        # The main thread hears the signals: it first writes everything, then reads everything.
        reader = Thread(second.read_full, len(data))
        first.write_all(data)
        assert hashlib.sha256(reader.result()).digest() == digest
        writer = Thread(second.write_all, data)
        assert hashlib.sha256(first.read_full(len(data))).digest() == digest
        writer.result()
    assert alarms.count >= 5


def test_read_full_takes_one_datagram(alarms: Alarms) -> None:
    first, second = anysock.pair("unixgram")
    with first, second:
        writer = after_some(alarms, lambda: [first.write(b"one"), first.write(b"two")])
        assert second.read_full(100) == b"one"
        assert second.read_full(100) == b"two"
        writer.result()


def test_other_threads_hear_nothing(alarms: Alarms, connection: Connection) -> None:
    client, server = connection
    reader = Thread(client.read, 10)
    assert alarms.some.wait(PATIENCE)
    # To the thread itself, as the system does when the main thread is busy.
    for _ in range(5):
        assert reader.ident
        signal.pthread_kill(reader.ident, signal.SIGALRM)
    server.write_all(b"hello")
    assert reader.result() == b"hello"


def test_a_handler_that_raises_ends_the_wait(connection: Connection) -> None:
    class Enough(Exception):
        pass

    def handle(*_: object) -> None:
        raise Enough

    client, server = connection
    before = signal.signal(signal.SIGALRM, handle)
    try:
        for call in (
            lambda: client.read(1),
            lambda: client.read_full(9),
            lambda: anysock.wait_ready([client]),
        ):
            signal.setitimer(signal.ITIMER_REAL, 0.05, 0.5)
            with pytest.raises(Enough):
                call()
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    server.write_all(b"x")
    assert client.read(1) == b"x"


#: A machine of its own, whose name server takes questions and never answers.
SILENT_RESOLVER = """
import ctypes, fcntl, os, socket, struct, sys, tempfile
CLONE_NEWNS, CLONE_NEWNET, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x40000000, 0x1000, 0x4000, 0x40000
libc = ctypes.CDLL(None)
if os.getuid() or libc.unshare(CLONE_NEWNET | CLONE_NEWNS) or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
    sys.exit(77)
for path, text in (
    ("/etc/resolv.conf", "nameserver 127.0.0.7\\noptions timeout:30 attempts:2\\n"),
    ("/etc/nsswitch.conf", "hosts: files dns\\nservices: files\\n"),
):
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(text)
        file.flush()
        if libc.mount(file.name.encode(), path.encode(), None, MS_BIND, None):
            sys.exit(77)
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
fcntl.ioctl(server, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
server.bind(("127.0.0.7", 53))
def asked(): return server.recv(512)
"""

RESOLVING = {
    "resolve": "anysock.resolve('slow.example:80')",
    "resolve with a timeout": "anysock.resolve('slow.example:80', timeout=1000)",
    "connect": "anysock.connect('slow.example:80')",
    "connect with a timeout": "anysock.connect('slow.example:80', timeout=1000)",
    "listen": "anysock.listen('slow.example:80')",
    "send_to": "anysock.Socket('udp').send_to(b'x', 'slow.example:80')",
    "getaddrinfo": "ours.getaddrinfo('slow.example', 80)",
    "create_connection": "ours.create_connection(('slow.example', 80))",
    "connect of the standard's": "ours.socket().connect(('slow.example', 80))",
    "gethostbyname": "ours.gethostbyname('slow.example')",
}


@pytest.mark.parametrize("call", RESOLVING)
def test_ctrl_c_while_a_name_is_resolved(call: str) -> None:
    # The question has left when the server has it.
    program = f"""{SILENT_RESOLVER}
import anysock, threading
from anysock import socket as ours
threading.Thread(target=lambda: (asked(), print("ready", flush=True)), daemon=True).start()
{RESOLVING[call]}
"""
    with python(program) as child:
        assert child.process.stdout
        if child.process.stdout.readline() == "":
            code, _, errors = child.finish()
            assert code == 77, errors
            pytest.skip("no network of its own to be had")
        code, _, errors = child.interrupt()
    assert "KeyboardInterrupt" in errors
    assert code == -signal.SIGINT


def test_handlers_run_at_once_while_a_name_is_resolved() -> None:
    program = f"""{SILENT_RESOLVER}
import anysock, signal, threading
count = 0
def handle(*_):
    global count
    count += 1
    if count == 3:
        raise RuntimeError("three")
signal.signal(signal.SIGALRM, handle)
def ring():
    asked()
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
threading.Thread(target=ring, daemon=True).start()
try:
    anysock.resolve("slow.example:80")
except RuntimeError:
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(count, anysock.resolve("127.0.0.1:http"))
"""
    with python(program) as child:
        code, output, errors = child.finish()
    if code == 77:
        pytest.skip("no network of its own to be had")
    assert (code, output, errors) == (0, "3 ['127.0.0.1:80']\n", "")
