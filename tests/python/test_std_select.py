"""`anysock.select`, where it does more than the standard module or does it otherwise. What is the same in both, CPython's own
tests show (`cpython`)."""

from __future__ import annotations

import errno
import os
import select as standard
import signal
import socket as standard_socket
from collections.abc import Iterator
from time import monotonic
from typing import Any

import anysock
import pytest
from anysock import select, socket
from conftest import PATIENCE, Connection, Thread, python

READ, WRITE = select.POLLIN, select.POLLOUT


@pytest.fixture
def pair() -> Iterator[Any]:
    first, second = socket.socketpair()
    with first, second:
        yield first, second


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for end in (reader, writer):
        try:
            os.close(end)
        except OSError:
            pass


def test_handles_sockets_and_numbers_side_by_side(connection: Connection, pair: Any, pipe: tuple[int, int]) -> None:
    (client, server), (first, second), (reader, writer) = connection, pair, pipe
    stranger, other = standard_socket.socketpair()
    with stranger, other:
        watched = [client, client.handle, first, first.fileno(), reader, stranger, stranger.fileno()]
        assert select.select(watched, [], [], 0) == ([], [], [])
        server.write_all(b"x")
        assert select.select(watched, [], [], PATIENCE) == ([client, client.handle], [], [])
        client.read(1)
        second.send(b"x")
        assert select.select(watched, [], [], PATIENCE) == ([first, first.fileno()], [], [])
        first.recv(1)
        os.write(writer, b"x")
        assert select.select(watched, [], [], PATIENCE) == ([reader], [], [])
        os.read(reader, 1)
        other.send(b"x")
        assert select.select(watched, [writer], [], PATIENCE) == ([stranger, stranger.fileno()], [writer], [])


def test_what_is_somebody_elses_keeps_its_mode_and_its_life(pair: Any) -> None:
    stranger, other = standard_socket.socketpair()
    with stranger, other:
        assert select.select([pair[0], stranger], [], [], 0) == ([], [], [])
        assert os.get_blocking(stranger.fileno())
        stranger.send(b"x")
        assert other.recv(1) == b"x"


def test_a_list_that_comes_again_is_asked_anew_when_something_has_changed(pair: Any) -> None:
    first, second = pair
    everyone = [first, first.fileno()]
    assert select.select(everyone, [], [], 0) == ([], [], [])
    second.send(b"x")
    assert select.select(everyone, [], [], PATIENCE) == (everyone, [], [])
    assert select.select(everyone[:1], everyone, [], PATIENCE) == ([first], everyone, [])
    first.recv(1)
    assert select.select(everyone, [], [], 0) == ([], [], [])


def test_an_answer_does_not_shorten_the_next_question() -> None:
    pairs = [socket.socketpair() for _ in range(3)]
    everyone = [first for first, _ in pairs]
    for first, second in reversed(pairs):
        second.send(b"x")
        assert select.select(everyone, [], [], PATIENCE) == ([first], [], [])
        first.recv(1)
    for first, second in pairs:
        first.close()
        second.close()


def newest_slot() -> int:
    """Where the library puts the next handle: as far up as there are handles."""
    with anysock.Socket() as one:
        return one.handle % (1 << 24)


def test_what_was_borrowed_is_given_back(pair: Any, pipe: tuple[int, int]) -> None:
    select.select([pair[0], pipe[0]], [], [], 0)
    before = newest_slot()
    for _ in range(10):
        assert select.select([pair[0], pipe[0]], [], [], 0) == ([], [], [])
    assert newest_slot() == before


def test_a_number_that_another_socket_has_got_stands_for_that(pair: Any) -> None:
    old, peer = socket.socketpair()
    number = old.fileno()
    peer.send(b"x")
    assert select.select([number], [], [], PATIENCE) == ([number], [], [])
    old.close()
    peer.close()
    new, peer = socket.socketpair()
    with new, peer:
        both = {new.fileno(): (new, peer), peer.fileno(): (peer, new)}
        assert number in both
        assert select.select([number], [], [], 0) == ([], [], [])
        both[number][1].send(b"x")
        assert select.select([number], [], [], PATIENCE) == ([number], [], [])


def test_a_number_that_left_the_library_is_the_systems(pair: Any) -> None:
    first, second = pair
    number = first.fileno()
    assert select.select([number], [], [], 0) == ([], [], [])
    assert first.detach() == number
    try:
        second.send(b"x")
        assert select.select([number], [], [], PATIENCE) == ([number], [], [])
    finally:
        os.close(number)
    with pytest.raises(OSError) as caught:
        select.select([number], [], [], 0)
    assert caught.value.errno == errno.EBADF


def test_closed_ones_are_refused_as_in_the_standard_module(pair: Any, connection: Connection) -> None:
    first, _ = pair
    for closed in (first, connection[0]):
        assert select.select([closed], [], [], 0) == ([], [], [])
        closed.close()
        with pytest.raises(ValueError, match="negative"):
            select.select([closed], [], [], 0)
    with pytest.raises(OSError) as caught:
        select.select([(1 << 24) + 12345], [], [], 0)
    assert caught.value.errno == errno.EBADF
    with pytest.raises(OverflowError):
        select.select([1 << 60], [], [], 0)


def test_closing_a_socket_ends_the_wait(pair: Any, pipe: tuple[int, int]) -> None:
    for beside in ([], [pipe[0]]):
        first, second = socket.socketpair()
        with second:
            waiter = Thread(select.select, [first, *beside], [], [])
            waiter.join(0.1)
            first.close()
            with pytest.raises((OSError, ValueError)):
                waiter.result()


def test_there_is_no_limit_of_1024() -> None:
    pairs = [standard_socket.socketpair() for _ in range(600)]
    ours = [socket.socketpair() for _ in range(600)]
    try:
        far, close = pairs[-1]
        assert far.fileno() > 1023
        everyone = [first for first, _ in pairs]
        # The system's alone, ours alone, and both.
        close.send(b"x")
        assert select.select(everyone, [], [], PATIENCE) == ([far], [], [])
        with pytest.raises(ValueError):
            standard.select(everyone, [], [], 0)
        ours[-1][1].send(b"x")
        mine = [first for first, _ in ours]
        assert select.select(mine, [], [], PATIENCE) == ([mine[-1]], [], [])
        assert select.select(mine + everyone, [], [], PATIENCE) == ([mine[-1], far], [], [])
        assert len(select.select([], mine, [], PATIENCE)[1]) == 600
    finally:
        for first, second in pairs + ours:
            first.close()
            second.close()


def test_files_are_always_ready(pair: Any) -> None:
    with open(__file__) as file:
        assert select.select([file, pair[0]], [pair[1]], [], PATIENCE) == ([file], [pair[1]], [])


def test_a_time_that_is_over(pair: Any) -> None:
    began = monotonic()
    for timeout in (0, 0.01, 0.01):
        assert select.select([pair[0]], [], [pair[1]], timeout) == ([], [], [])
    assert monotonic() - began >= 0.02
    with pytest.raises(ValueError):
        select.select([pair[0]], [], [], -1)


WAITS = {
    "select": "select.select([first], [], [])",
    "select of a handle alone": "select.select([raw.detach()], [], [])",
    "select beside a pipe": "select.select([first, os.pipe()[0]], [], [])",
    "select of nothing": "select.select([], [], [])",
    "poll": "poll = select.poll(); poll.register(first, select.POLLIN); poll.poll()",
    "epoll": "epoll = select.epoll(); epoll.register(first, select.EPOLLIN); epoll.poll()",
    "selector": "selector = selectors.DefaultSelector(); selector.register(first, 1); selector.select()",
    "selector of nothing": "selectors.DefaultSelector().select(1000)",
}


@pytest.mark.parametrize("wait", WAITS)
def test_ctrl_c(wait: str) -> None:
    program = f"""
import os
import anysock
from anysock import select, selectors, socket
first, second = socket.socketpair()
raw, peer = anysock.pair()
print("ready", flush=True)
{WAITS[wait]}
"""
    with python(program) as child:
        assert child.line() == "ready"
        code, _, errors = child.interrupt()
    assert "KeyboardInterrupt" in errors
    assert code == -signal.SIGINT


def test_signals_end_no_wait(pair: Any) -> None:
    calls = []
    before = signal.signal(signal.SIGALRM, lambda *_: calls.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        poll = select.poll()
        poll.register(pair[0], READ)
        for wait in (lambda: select.select([pair[0]], [], [], 0.1), lambda: poll.poll(100)):
            began = monotonic()
            assert not any(wait())
            assert monotonic() - began >= 0.1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(calls) >= 2


def test_a_signal_handler_may_select_too(pair: Any) -> None:
    first, second = pair
    found: list[Any] = []

    def look(*_: Any) -> None:
        found.append(select.select([first], [first], [], 0))
        second.send(b"x")

    before = signal.signal(signal.SIGALRM, look)
    try:
        assert select.select([first], [], [], 0) == ([], [], [])
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        assert select.select([first], [], [], PATIENCE) == ([first], [], [])
    finally:
        signal.signal(signal.SIGALRM, before)
    assert found == [([], [first], [])]


# poll objects.


def test_poll_says_exactly_what_the_system_says(pair: Any) -> None:
    first, second = pair
    ours, exact = select.poll(), standard.poll()
    for poll in (ours, exact):
        poll.register(first.fileno(), READ | WRITE)
    assert ours.poll(0) == exact.poll(0) == [(first.fileno(), WRITE)]
    second.send(b"x")
    assert ours.poll() == exact.poll() == [(first.fileno(), READ | WRITE)]
    second.close()
    assert ours.poll() == exact.poll()
    assert ours.poll()[0][1] & select.POLLHUP


def test_poll_takes_handles_sockets_and_strangers(connection: Connection, pair: Any, pipe: tuple[int, int]) -> None:
    client, server = connection
    poll = select.poll()
    poll.register(client.handle, READ)
    poll.register(pair[0], READ)
    assert poll.poll(0) == []
    server.write_all(b"x")
    assert poll.poll() == [(client.fileno(), READ)]
    poll.register(pipe[0], READ)
    os.write(pipe[1], b"x")
    assert sorted(poll.poll()) == sorted([(client.fileno(), READ), (pipe[0], READ)])
    poll.unregister(client)
    poll.unregister(pipe[0])
    poll.modify(pair[0], WRITE)
    assert poll.poll() == [(pair[0].fileno(), WRITE)]
    with pytest.raises(KeyError):
        poll.unregister(client)
    with pytest.raises(FileNotFoundError):
        poll.modify(client, READ)


def test_poll_tells_what_was_closed(pair: Any) -> None:
    first, second = pair
    number = first.fileno()
    poll = select.poll()
    poll.register(first, READ)
    assert poll.poll(0) == []
    waiter = Thread(poll.poll)
    waiter.join(0.1)
    first.close()
    assert waiter.result() in ([(number, select.POLLNVAL)], [])
    assert poll.poll() == [(number, select.POLLNVAL)]


def test_poll_wakes_for_a_hang_up_that_nobody_asked_for(pair: Any) -> None:
    first, second = pair
    poll = select.poll()
    poll.register(first, 0)
    second.close()
    assert poll.poll() == [(first.fileno(), select.POLLHUP)]


# epoll objects.


@pytest.mark.skipif(not hasattr(standard, "epoll"), reason="this system has no epoll")
def test_epoll_takes_handles_and_sockets(connection: Connection, pair: Any) -> None:
    client, server = connection
    with select.epoll() as epoll:
        epoll.register(client.handle, select.EPOLLIN | select.EPOLLRDHUP)
        epoll.register(pair[0], select.EPOLLIN | select.EPOLLET)
        assert epoll.poll(0) == []
        pair[1].send(b"x")
        assert epoll.poll() == [(pair[0].fileno(), select.EPOLLIN)]
        assert epoll.poll(0) == []
        server.shutdown(anysock.SHUT_WRITE)
        assert epoll.poll() == [(client.fileno(), select.EPOLLIN | select.EPOLLRDHUP)]
        epoll.unregister(client)
        epoll.modify(pair[0], select.EPOLLOUT)
        assert epoll.poll() == [(pair[0].fileno(), select.EPOLLOUT)]
        again = select.epoll.fromfd(os.dup(epoll.fileno()))
        assert again.poll() == epoll.poll()
        again.close()
    assert epoll.closed
