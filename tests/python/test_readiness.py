"""Readiness: select over sockets without a limit, and the poller."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import resource
import sys
from collections.abc import Iterator
from typing import Any, Callable

import anysock
import pytest
from anysock import EDGE, HANGUP, ONESHOT, READ, WRITE
from conftest import PATIENCE, Connection, Thread


def test_what_is_ready_keeps_its_order(connection: Connection, listener: anysock.Socket) -> None:
    client, server = connection
    assert anysock.wait_ready([client, server], [server, client], timeout=0) == ([], [server, client], [])
    client.write_all(b"x")
    with anysock.connect(listener.local_address) as _:
        everyone = [listener, client, server]
        while len(anysock.wait_ready(everyone, timeout=PATIENCE)[0]) < 2:
            pass
        assert anysock.wait_ready(everyone) == ([listener, server], [], [])
        assert anysock.wait_ready(reversed(everyone)) == ([server, listener], [], [])
        assert anysock.wait_ready([server] * 3) == ([server], [], [])
        assert anysock.wait_ready({server}, iter([client])) == ([server], [client], [])


def test_end_of_stream_is_readable(connection: Connection) -> None:
    client, server = connection
    server.shutdown(anysock.SHUT_WRITE)
    assert anysock.wait_ready([client], timeout=PATIENCE) == ([client], [], [])


def test_thousands() -> None:
    many = 1100
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2 * many + 100:
        pytest.skip(f"only {soft} descriptors are allowed")
    pairs = [anysock.pair() for _ in range(many)]
    readers = [first for first, _ in pairs]
    try:
        assert anysock.wait_ready(readers, timeout=0) == ([], [], [])
        loud = [0, 7, 1023, 1024, many - 1]
        for place in loud:
            pairs[place][1].write(b"x")
        assert anysock.wait_ready(readers) == ([readers[place] for place in loud], [], [])
        assert len(anysock.wait_ready((), readers)[1]) == many
        with anysock.Poller() as poller:
            for place, reader in enumerate(readers):
                poller.set(reader, READ | WRITE, place)
            # More than one wait tells at once.
            found: set[int] = set()
            while len(found) < many:
                found |= {ready.data for ready in poller.wait(PATIENCE)}
            for reader in readers:
                poller.set(reader, READ)
            assert {ready.socket for ready in poller.wait(PATIENCE)} == {readers[place] for place in loud}
    finally:
        for first, second in pairs:
            first.close()
            second.close()


@pytest.fixture
def poller() -> Iterator[anysock.Poller]:
    with anysock.Poller() as poller:
        yield poller


def test_poller(poller: anysock.Poller, connection: Connection) -> None:
    client, server = connection
    data = object()
    poller.set(client, READ, data)
    assert poller.wait(0) == []
    server.write_all(b"x")
    assert poller.wait(PATIENCE) == [(client, READ, data)]
    assert poller.wait(PATIENCE) == [(client, READ, data)]
    poller.set(client, READ | WRITE, "other")
    ready = poller.wait(PATIENCE)[0]
    assert (ready.socket, ready.events, ready.data) == (client, READ | WRITE, "other")
    poller.remove(client)
    assert poller.wait(0) == []
    with pytest.raises(FileNotFoundError):
        poller.remove(client)


def test_edge_and_oneshot(poller: anysock.Poller, connection: Connection) -> None:
    client, server = connection
    poller.set(client, READ | EDGE)
    server.write_all(b"x")
    assert len(poller.wait(PATIENCE)) == 1
    assert poller.wait(0) == []
    server.write_all(b"x")
    assert len(poller.wait(PATIENCE)) == 1
    poller.set(client, READ | ONESHOT)
    assert len(poller.wait(PATIENCE)) == 1
    assert poller.wait(0) == []
    poller.set(client, READ | ONESHOT)
    assert len(poller.wait(PATIENCE)) == 1


def test_hangup(poller: anysock.Poller) -> None:
    first, second = anysock.pair()
    with first:
        poller.set(first, READ)
        second.close()
        assert poller.wait(PATIENCE)[0].events == READ | HANGUP


def test_wake(poller: anysock.Poller) -> None:
    poller.wake()
    assert poller.wait() == []
    waiter = Thread(poller.wait)
    poller.wake()
    assert waiter.result() == []


def test_a_closed_socket_leaves(poller: anysock.Poller) -> None:
    first, second = anysock.pair()
    poller.set(second, WRITE)
    poller.set(first, WRITE)
    second.close()
    assert [ready.socket for ready in poller.wait(PATIENCE)] == [first]
    first.close()
    assert poller.wait(0) == []


def test_a_poller_lets_go_of_what_was_closed(poller: anysock.Poller) -> None:
    for _ in range(500):
        first, second = anysock.pair()
        with first, second:
            poller.set(first, READ)
    gc.collect()
    assert len([each for each in gc.get_objects() if isinstance(each, anysock.Socket)]) < 200


def test_a_closed_poller_holds_on_to_nothing(poller: anysock.Poller, connection: Connection) -> None:
    data = object()
    poller.set(connection[0], READ, data)
    held = sys.getrefcount(data)
    poller.close()
    assert sys.getrefcount(data) == held - 1


def test_a_failed_registration_leaves_the_old_one(poller: anysock.Poller, connection: Connection) -> None:
    client, _ = connection
    poller.set(client, WRITE, "old")
    with pytest.raises(OSError) as caught:
        poller.set(client, 1 << 20, "new")
    assert caught.value.errno == errno.EINVAL
    assert poller.wait(PATIENCE) == [(client, WRITE, "old")]


def test_registering_while_another_thread_waits(poller: anysock.Poller, connection: Connection) -> None:
    client, server = connection
    waiter = Thread(poller.wait)
    poller.set(client, READ, "late")
    server.write_all(b"x")
    assert waiter.result() == [(client, READ, "late")]


def test_closing_a_socket_ends_the_wait_once(poller: anysock.Poller) -> None:
    first, second = anysock.pair()
    with second:
        poller.set(first, READ)
        waiter = Thread(poller.wait, PATIENCE)
        waiter.join(0.1)
        first.close()
        try:
            assert waiter.result() == []
        except OSError as error:
            assert error.errno == errno.ECANCELED
        assert poller.wait(0) == []


@pytest.mark.skipif(os.name == "nt", reason="a completion port is no descriptor")
def test_a_poller_fits_into_another_event_loop(poller: anysock.Poller, connection: Connection) -> None:
    """asyncio waits for the poller beside its own things, for what the kernel knows and what only the library knows."""

    async def found(what: Callable[[], object]) -> list[Any]:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(poller.fileno(), ready.set)
        try:
            await asyncio.sleep(0)
            assert not ready.is_set()
            loop.call_soon(what)
            await asyncio.wait_for(ready.wait(), PATIENCE)
        finally:
            loop.remove_reader(poller.fileno())
        return [each.data for each in poller.wait(0)]

    client, server = connection
    poller.set(client, READ, "client")
    assert asyncio.run(found(lambda: server.write(b"x"))) == ["client"]
    assert client.read(1) == b"x"
    assert poller.wait(0) == []
    assert asyncio.run(found(poller.wake)) == []
    assert asyncio.run(found(lambda: client.shutdown(anysock.SHUT_READ))) == ["client"]
