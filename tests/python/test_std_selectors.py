"""`anysock.selectors`, where it does more than the standard module, and asyncio on it. What is the same in both, CPython's own
tests show (`cpython`)."""

from __future__ import annotations

import asyncio
import copy
import gc
import os
import selectors as standard
import signal
import socket as standard_socket
import sys
import threading
from collections.abc import Coroutine, Iterator
from time import monotonic
from typing import Any

import anysock
import pytest
from anysock import selectors, socket
from conftest import PATIENCE, Connection, Thread

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


@pytest.fixture
def selector() -> Iterator[Any]:
    with selectors.DefaultSelector() as selector:
        yield selector


def ready(selector: Any, timeout: float | None = PATIENCE) -> dict[Any, int]:
    """Objects, and what they are ready for."""
    return {key.fileobj: events for key, events in selector.select(timeout)}


@pytest.mark.parametrize("kind", ["DefaultSelector", "SelectSelector", "PollSelector", "EpollSelector"])
def test_sockets_handles_and_strangers_side_by_side(kind: str, connection: Connection) -> None:
    client, server = connection
    first, second = socket.socketpair()
    stranger, other = standard_socket.socketpair()
    reader, writer = os.pipe()
    with first, second, stranger, other, getattr(selectors, kind)() as selector:
        assert isinstance(selector, standard.BaseSelector)
        for each in (client, first, stranger, reader):
            selector.register(each, READ, each)
        assert selector.select(0) == []
        for each, tell in [
            (client, lambda: server.write(b"x")),
            (first, lambda: second.send(b"x")),
            (stranger, lambda: other.send(b"x")),
            (reader, lambda: os.write(writer, b"x")),
        ]:
            tell()
            assert ready(selector) == {each: READ}
            selector.modify(each, WRITE) if each is not reader else selector.unregister(each)
            if each is not reader:
                assert ready(selector) == {each: WRITE}
                assert selector.unregister(each).fileobj is each
        assert ready(selector, 0) == {}
        assert os.get_blocking(stranger.fileno())
    os.close(reader)
    os.close(writer)


def test_a_raw_handle(selector: Any, connection: Connection) -> None:
    client, server = connection
    key = selector.register(client.handle, READ, "data")
    server.write(b"x")
    assert selector.select() == [(key, READ)]
    assert selector.get_key(client.handle) == key == selector.unregister(client.handle)


def test_what_is_unregistered_and_closed_lets_its_peer_know(selector: Any) -> None:
    reader, writer = os.pipe()
    selector.register(reader, READ)
    selector.unregister(reader)
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        os.write(writer, b"x")
    os.close(writer)


def test_what_was_borrowed_is_given_back(selector: Any) -> None:
    def slot() -> int:
        with anysock.Socket() as one:
            return one.handle % (1 << 24)

    reader, writer = os.pipe()
    before = slot()
    for _ in range(10):
        selector.register(reader, READ)
        selector.unregister(reader)
    assert slot() == before
    os.close(reader)
    os.close(writer)


def test_a_stranger_that_is_closed_without_being_unregistered_is_closed(selector: Any) -> None:
    reader, writer = os.pipe()
    selector.register(reader, READ)
    os.close(reader)
    # Nothing of ours keeps it open.
    with pytest.raises(BrokenPipeError):
        os.write(writer, b"x")
    assert selector.select(0) == []
    selector.unregister(reader)
    os.close(writer)


def test_a_closed_socket_leaves_and_its_number_may_come_again(selector: Any) -> None:
    for _ in range(3):
        first, second = socket.socketpair()
        selector.register(first, READ)
        second.send(b"x")
        assert ready(selector) == {first: READ}
        first.close()
        assert selector.select(0) == []
        assert selector.unregister(first).fileobj is first
        second.close()


def test_closing_a_socket_ends_the_wait(selector: Any) -> None:
    first, second = socket.socketpair()
    with second:
        selector.register(first, READ)
        waiter = Thread(selector.select)
        waiter.join(0.1)
        first.close()
        assert waiter.result() == []


def test_registering_while_another_thread_waits(selector: Any) -> None:
    first, second = socket.socketpair()
    with first, second:
        waiter = Thread(selector.select)
        waiter.join(0.05)
        key = selector.register(first, READ)
        second.send(b"x")
        assert waiter.result() == [(key, READ)]


def test_several_threads_wait(selector: Any) -> None:
    pairs = [socket.socketpair() for _ in range(4)]
    keys = {selector.register(first, READ) for first, _ in pairs}
    waiters = [Thread(selector.select) for _ in range(3)]
    for _, second in pairs:
        second.send(b"x")
    for waiter in waiters:
        found = waiter.result()
        assert found and {key for key, _ in found} <= keys
    for first, second in pairs:
        first.close()
        second.close()


def test_more_than_one_wait_can_tell() -> None:
    pairs = [socket.socketpair() for _ in range(1100)]
    with selectors.DefaultSelector() as selector:
        selector.register(pairs[0][0], WRITE)
        assert len(selector.select()) == 1
        for first, _ in pairs[1:]:
            selector.register(first, WRITE)
        found: set[Any] = set()
        while len(found) < len(pairs):
            found |= ready(selector).keys()
    for first, second in pairs:
        first.close()
        second.close()


def test_a_failed_registration_leaves_nothing_behind(selector: Any) -> None:
    with open(__file__) as file, pytest.raises(PermissionError):
        selector.register(file, READ)
    first, second = socket.socketpair()
    with first, second:
        selector.register(first, READ)
        with pytest.raises(ValueError):
            selector.modify(first, 1 << 20)
        number = first.fileno()
        first.close()
        with pytest.raises(OSError):
            selector.modify(number, WRITE)
    assert dict(selector.get_map()) == {}


def test_signals_end_no_wait(selector: Any) -> None:
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        began = monotonic()
        assert selector.select(0.1) == []
        assert monotonic() - began >= 0.1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no list of open descriptors here")
def test_a_selector_has_one_owner(selector: Any, connection: Connection) -> None:
    selector.register(connection[0], WRITE)
    with pytest.raises(TypeError, match="cannot pickle"):
        copy.copy(selector)
    gc.collect()
    assert ready(selector) == {connection[0]: WRITE}


def test_a_selector_that_is_forgotten_gives_its_descriptors_back() -> None:
    reader, writer = os.pipe()
    gc.collect()
    before = os.listdir("/proc/self/fd")
    for _ in range(50):
        selectors.DefaultSelector().register(reader, READ)
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == len(before)
    os.close(reader)
    os.close(writer)


# asyncio.


def run(main: Coroutine[Any, Any, Any]) -> Any:
    loop = asyncio.SelectorEventLoop(selectors.DefaultSelector())
    try:
        return loop.run_until_complete(asyncio.wait_for(main, PATIENCE))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def converse(sock: Any, data: bytes) -> bytes:
    """Says something to a server, and hears all that it says."""
    reader, writer = await asyncio.open_connection(sock=sock)
    hearing = asyncio.ensure_future(reader.read())
    writer.write(data)
    await writer.drain()
    writer.write_eof()
    answer = await hearing
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize("module", [socket, standard_socket], ids=["ours", "standard"])
def test_asyncio_streams(module: Any) -> None:
    async def main() -> list[bytes]:
        listener = module.create_server(("127.0.0.1", 0))
        server = await asyncio.start_server(echo, sock=listener)
        address = listener.getsockname()
        said = [bytes([number]) * 100_000 for number in range(20)]
        heard = await asyncio.gather(*(converse(module.create_connection(address), each) for each in said))
        server.close()
        await server.wait_closed()
        assert heard == said
        return list(heard)

    assert len(run(main())) == 20


def test_asyncio_sockets() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
            listener.setblocking(False)
            client.setblocking(False)
            accepting = asyncio.ensure_future(loop.sock_accept(listener))
            await loop.sock_connect(client, listener.getsockname())
            server, _ = await accepting
            with server:
                await loop.sock_sendall(client, b"hello")
                assert await loop.sock_recv(server, 100) == b"hello"

    run(main())


@pytest.mark.skipif(sys.platform == "win32", reason="pipes can't be watched here")
def test_asyncio_pipes_and_children() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        reader, writer = os.pipe()
        told = asyncio.Event()
        loop.add_reader(reader, told.set)
        os.write(writer, b"x")
        await told.wait()
        assert loop.remove_reader(reader)
        os.close(reader)
        os.close(writer)
        watcher = asyncio.ThreadedChildWatcher() if sys.version_info < (3, 12) else None
        if watcher:
            asyncio.set_child_watcher(watcher)
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "print(input() * 2)", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await child.communicate(b"ab\n")
        assert output.split() == [b"abab"]

    run(main())


@pytest.mark.skipif(sys.platform == "win32", reason="no signal handlers here")
def test_asyncio_hears_signals_and_other_threads() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        for notify in (
            lambda told: loop.add_signal_handler(signal.SIGUSR1, told.set) or os.kill(os.getpid(), signal.SIGUSR1),
            lambda told: threading.Timer(0.05, loop.call_soon_threadsafe, [told.set]).start(),
        ):
            told = asyncio.Event()
            notify(told)
            await told.wait()
        loop.remove_signal_handler(signal.SIGUSR1)

    run(main())
