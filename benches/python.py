#!/usr/bin/env python3
"""anysock.socket against the standard module, in rounds that alternate: what ctypes costs.

One call (64 bytes, one thread, CPython's socket on the other end), a ping-pong of 64 bytes over TCP with another process, and
bulk over TCP to another process. Rounds are short and many, and of each side the round counts that was quicker than nine of
ten: on a machine that others use, too, that is one which nobody has interrupted. Run by hand: PYTHONPATH=bindings/python ANYSOCK_LIBRARY=... benches/python.py
"""

from __future__ import annotations

import os
import socket as standard
import sys
from collections.abc import Callable
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from anysock import socket as ours

ROUNDS = int(os.environ.get("ROUNDS", "400"))
CALLS, TURNS, CHUNKS = 100, 50, 10
SIZE, CHUNK = 64, 1 << 16

#: What is measured, once: seconds for one.
Work = Callable[[], float]


def connected(module: Any) -> tuple[Any, Any]:
    """A TCP connection to this machine."""
    with module.create_server(("127.0.0.1", 0)) as listener:
        client = module.create_connection(listener.getsockname())
        server, _ = listener.accept()
    for end in (client, server):
        end.setsockopt(module.IPPROTO_TCP, module.TCP_NODELAY, 1)
    return client, server


def in_another_process(work: Callable[[], None]) -> None:
    if os.fork() == 0:
        try:
            work()
        finally:
            os._exit(0)


def one_call(prepare: Callable[[Any, Any], Callable[[], Any]], before: str, after: str) -> Callable[[Any], Work]:
    """The cost of one method; the other end's part, CPython's own, is done within and the same on both sides."""

    def make(module: Any) -> Work:
        near, far = standard.socketpair()
        sock = module.socket(fileno=far.detach())
        call = prepare(module, sock)
        data, buffer = bytes(SIZE), bytearray(SIZE)
        first = (lambda: near.send(data)) if before else None
        last = (lambda: near.recv_into(buffer)) if after else None

        def work() -> float:
            total = 0.0
            for _ in range(CALLS):
                if first:
                    first()
                began = perf_counter()
                call()
                total += perf_counter() - began
                if last:
                    last()
            return total / CALLS

        return work

    return make


def send(_: Any, sock: Any) -> Callable[[], Any]:
    data = bytes(SIZE)
    return lambda: sock.send(data)


def recv(_: Any, sock: Any) -> Callable[[], Any]:
    return lambda: sock.recv(SIZE)


def recv_into(_: Any, sock: Any) -> Callable[[], Any]:
    buffer = bytearray(SIZE)
    return lambda: sock.recv_into(buffer)


def recv_into_view(_: Any, sock: Any) -> Callable[[], Any]:
    view = memoryview(bytearray(SIZE))
    return lambda: sock.recv_into(view)


def sendall(_: Any, sock: Any) -> Callable[[], Any]:
    data = bytes(SIZE)
    return lambda: sock.sendall(data)


def ping_pong(module: Any) -> Work:
    client, server = connected(module)

    def echo() -> None:
        client.close()
        while data := server.recv(SIZE):
            server.send(data)

    in_another_process(echo)
    server.close()
    data, buffer = bytes(SIZE), bytearray(SIZE)

    def work() -> float:
        began = perf_counter()
        for _ in range(TURNS):
            client.send(data)
            client.recv_into(buffer)
        return (perf_counter() - began) / TURNS

    return work


def bulk(module: Any) -> Work:
    client, server = connected(module)

    def drain() -> None:
        client.close()
        buffer, done = bytearray(CHUNK), 0
        while count := server.recv_into(buffer):
            done += count
            if done == CHUNK * CHUNKS:
                server.send(b"!")
                done = 0

    in_another_process(drain)
    server.close()
    data = bytes(CHUNK)

    def work() -> float:
        began = perf_counter()
        for _ in range(CHUNKS):
            client.sendall(data)
        client.recv(1)
        return (perf_counter() - began) / CHUNKS

    return work


CASES = {
    "send 64 bytes": one_call(send, "", "read"),
    "sendall 64 bytes": one_call(sendall, "", "read"),
    "recv 64 bytes": one_call(recv, "written", ""),
    "recv_into a bytearray": one_call(recv_into, "written", ""),
    "recv_into a memoryview": one_call(recv_into_view, "written", ""),
    "ping-pong, two processes": ping_pong,
    "bulk, 64 KiB a call": bulk,
}


def compare(make: Callable[[Any], Work]) -> tuple[float, float, list[float]]:
    """What both take, in microseconds, and the ratio of each round."""
    sides = [make(standard), make(ours)]
    for work in sides:
        work()
    rounds = []
    for number in range(ROUNDS):
        # Who comes first changes, so that neither always finds the caches warm.
        order = (0, 1) if number % 2 else (1, 0)
        times = {side: sides[side]() for side in order}
        rounds.append((times[0] * 1e6, times[1] * 1e6))
    one, other = zip(*rounds)
    return quantiles(one, n=10)[0], quantiles(other, n=10)[0], [b / a for a, b in rounds]


def main(wanted: str = "") -> None:
    print("| anysock.socket against the standard module | standard µs | anysock µs | ratio | median of the rounds' ratios |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, make in CASES.items():
        if wanted in name:
            theirs, own, ratios = compare(make)
            cells = [theirs, own, own / theirs, median(ratios)]
            print(f"| {name} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
