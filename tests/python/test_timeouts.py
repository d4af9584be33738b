"""Timeouts: when a wait ends, and when it does not. Only that it is not too early is measured: machines are
busy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import anysock
import pytest
from conftest import Connection, full_listener

SHORT = 0.05


@contextmanager
def at_least(seconds: float) -> Iterator[None]:
    start = monotonic()
    yield
    # Two clocks, one of which may be read just before the other.
    assert monotonic() - start >= seconds * 0.99


PROPERTIES = ["timeout", "read_timeout", "write_timeout", "connect_timeout", "accept_timeout"]


@pytest.mark.parametrize("name", PROPERTIES)
def test_properties(name: str) -> None:
    with anysock.Socket("tcp") as sock:
        assert getattr(sock, name) is None
        for value in (1.5, 0, 10, None, 0.000001):
            setattr(sock, name, value)
            assert getattr(sock, name) == value
        assert sock.options[name] == 1
        setattr(sock, name, 1e-9)
        assert sock.options[name] == 1  # rounded up: 0 would not wait at all


def test_properties_are_described() -> None:
    for name in PROPERTIES:
        assert getattr(anysock.Socket, name).__doc__


READS: list[Callable[[anysock.Socket], object]] = [
    lambda sock: sock.read(1),
    lambda sock: sock.read_full(10),
    lambda sock: sock.recv(1, anysock.WAIT_ALL),
    lambda sock: sock.recv_from(1),
    lambda sock: sock.read_into(bytearray(1)),
    lambda sock: sock.readv([bytearray(1)]),
]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("name", ["timeout", "read_timeout"])
def test_reading(connection: Connection, name: str, read: Callable[[anysock.Socket], object]) -> None:
    client, _ = connection
    setattr(client, name, SHORT)
    with at_least(SHORT), pytest.raises(TimeoutError):
        read(client)
    setattr(client, name, 0)
    with pytest.raises(BlockingIOError):
        read(client)


def test_writing(connection: Connection) -> None:
    client, server = connection
    client.write_timeout = SHORT
    data = bytes(1 << 20)
    with at_least(SHORT), pytest.raises(TimeoutError):
        while True:
            client.write(data)
    with pytest.raises(TimeoutError):
        client.write_all(data)
    client.write_timeout = 0
    with pytest.raises(BlockingIOError):
        client.write(data)
    assert server.read(10)


def test_accepting(listener: anysock.Socket) -> None:
    listener.accept_timeout = SHORT
    with at_least(SHORT), pytest.raises(TimeoutError):
        listener.accept()
    with pytest.raises(TimeoutError):
        next(iter(listener))
    listener.accept_timeout = 0
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_connecting(tmp_path: Path) -> None:
    with full_listener(tmp_path / "full"):
        with at_least(SHORT), pytest.raises(TimeoutError) as caught:
            anysock.connect(tmp_path / "full", "unix", timeout=SHORT)
        assert caught.value.filename == str(tmp_path / "full")


def test_an_accepted_connection_starts_without(listener: anysock.Socket) -> None:
    listener.timeout = 5
    with anysock.connect(listener.local_address, timeout=5) as client, listener.accept() as server:
        assert client.connect_timeout is None
        assert server.timeout is server.accept_timeout is None


def test_waiting_for_many(connection: Connection) -> None:
    client, server = connection
    with at_least(SHORT):
        assert anysock.wait_ready([client, server], timeout=SHORT) == ([], [], [])
    with at_least(SHORT):
        assert anysock.wait_ready(timeout=SHORT) == ([], [], [])
    with anysock.Poller() as poller:
        poller.set(client, anysock.READ)
        with at_least(SHORT):
            assert poller.wait(SHORT) == []
        assert poller.wait(0) == []


def test_resolving_without_time() -> None:
    assert anysock.resolve("127.0.0.1:80", timeout=0) == ["127.0.0.1:80"]
    with pytest.raises(BlockingIOError):
        anysock.resolve("localhost:80", timeout=0)
