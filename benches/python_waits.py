#!/usr/bin/env python3
"""anysock.select, anysock.selectors and asyncio on them against the standard modules, in rounds that alternate.

A thousand TCP sockets are waited for with none, one, ten or all of them ready; and an asyncio echo server has 64 connections: on
asyncio's own selector, on the library's, and on the library's sockets as well (`anysock.patch`). Linux alone. Run by hand:
PYTHONPATH=bindings/python ANYSOCK_LIBRARY=... benches/python_waits.py [rounds]
"""

from __future__ import annotations

import asyncio
import os
import resource
import select as standard
import selectors as standard_selectors
import signal
import socket as standard_socket
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import anysock
from anysock import select, selectors, socket

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 15
SOCKETS = 1000
CONNECTIONS, TURNS, SIZE = 64, 100, 64

#: What is measured, once: seconds for one.
Work = Callable[[], float]


def compare(name: str, rival: Work, own: Work) -> None:
    """Both in turn; how many times faster ours is, and the usual cost of each."""
    rounds = [(rival(), own()) for _ in range(ROUNDS)]
    ratios = [theirs / ours for theirs, ours in rounds]
    costs = [median(each) * 1e6 for each in zip(*rounds)]
    cells = (f"{cost:10.2f}" for cost in costs), (f"{ratio:8.2f}" for ratio in (median(ratios), min(ratios), max(ratios)))
    print(f"{name:44}", *cells[0], *cells[1], flush=True)


def repeated(call: Callable[[], Any], times: int) -> Work:
    """Of calls that don't wait: what they take of the processor's time, however busy it is."""

    def work() -> float:
        began = time.thread_time()
        for _ in range(times):
            call()
        return (time.thread_time() - began) / times

    return work


def waits() -> None:
    """What a wait for a thousand sockets costs."""
    pairs = []
    with standard_socket.create_server(("127.0.0.1", 0), backlog=SOCKETS) as listener:
        for _ in range(SOCKETS):
            client = socket.create_connection(listener.getsockname())
            pairs.append((client, listener.accept()[0]))
    ours = [client for client, _ in pairs]
    poll = standard.poll()
    epoll_selector, own_selector = standard_selectors.EpollSelector(), selectors.DefaultSelector()
    for client in ours:
        poll.register(client.fileno(), standard.POLLIN)
        epoll_selector.register(client.fileno(), standard_selectors.EVENT_READ)
        own_selector.register(client, selectors.EVENT_READ)
    # The library gets to know the list.
    repeated(lambda: select.select(ours, [], [], 0), 100)()
    ready = 0
    for count in (0, 1, 10, SOCKETS):
        for _, server in pairs[ready:count]:
            server.send(b"x")
        ready = count
        waited = f"{SOCKETS} sockets, {count or 'none'} ready"
        times = 4000 // max(1, count // 10)
        compare(
            f"select against poll: {waited}",
            repeated(lambda: poll.poll(0), max(20, times // 20)),
            repeated(lambda: select.select(ours, [], [], 0), times),
        )
        compare(
            f"selector against EpollSelector: {waited}",
            repeated(lambda: epoll_selector.select(0), times),
            repeated(lambda: own_selector.select(0), times),
        )


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def serve(tell: int) -> None:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    os.write(tell, b"%d\n" % server.sockets[0].getsockname()[1])
    await server.serve_forever()


class Server:
    """An asyncio echo server in a process of its own, and connections to it."""

    def __init__(self, selector: Callable[[], Any] | None, patched: bool = False) -> None:
        hear, tell = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            if patched:
                anysock.patch()
            loop = asyncio.SelectorEventLoop(selector() if selector else None)
            loop.run_until_complete(serve(tell))
        with open(hear) as line:
            os.close(tell)
            address = ("127.0.0.1", int(line.readline()))
        self.connections = [standard_socket.create_connection(address) for _ in range(CONNECTIONS)]
        self.clock = (~self.pid << 3) | 2

    def load(self) -> tuple[float, float]:
        """A request on every connection, and then the answers, again and again; seconds for one request, by the clock and of
        the server's processor time."""
        data = bytes(SIZE)
        began, before = time.perf_counter(), time.clock_gettime(self.clock)
        for _ in range(TURNS):
            for connection in self.connections:
                connection.send(data)
            for connection in self.connections:
                connection.recv(SIZE)
        requests = TURNS * CONNECTIONS
        return (time.perf_counter() - began) / requests, (time.clock_gettime(self.clock) - before) / requests

    def end(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def servers() -> None:
    """What a request costs an asyncio echo server. On one processor with its clients: on two it is chance how many requests
    the server finds when it looks, and that decides what one costs."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    own = Server(None)
    for name, other in (
        ("asyncio on the library's selector", Server(selectors.DefaultSelector)),
        ("asyncio on the library's selector and sockets", Server(None, patched=True)),
    ):
        compare(f"{name}, a request", lambda: own.load()[0], lambda: other.load()[0])
        compare(f"{name}, its processor time", lambda: own.load()[1], lambda: other.load()[1])
        other.end()
    own.end()


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(f"{'':44} {'standard':>10} {'anysock µs':>10} {'ratio':>8} {'min':>8} {'max':>8}")
    waits()
    servers()
