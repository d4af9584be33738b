#!/usr/bin/env python3
"""Servers on event loops: processor time and latency of a request, against uvloop's where that is installed, else asyncio's.
An echo by asyncio's protocols and by its streams, and uvicorn's "hello" where that and httptools are installed.

The load is that of the other servers' benchmark (load.c): connections that wait for their answer before they send again, the
servers taking turns. Draws loops.svg beside the library, if there is matplotlib. By hand:
PYTHONPATH=bindings/python ANYSOCK_LIBRARY=... ANYSOCK_FAST=... benches/python_loop.py [CONNECTIONS ...]
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import shlex
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent

ROUNDS, SLICES, REQUESTS = int(os.environ.get("ROUNDS", "7")), 5, 2000
CONNECTIONS = [1, 64, 1000]
LOOPS = ["uvloop", "anysock", "asyncio"]
APIS = ["protocol", "streams", "uvicorn"]
COLOURS = {"uvloop": "tab:gray", "anysock": "tab:blue", "asyncio": "tab:orange"}

#: What is asked of an HTTP server, and how long a message is otherwise.
REQUEST, SIZE = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 64

#: Of a loop and a number of connections: microseconds of processor time a request, that by the first loop's, and microseconds
#: within which half of the requests are answered. Medians.
Costs = tuple[float, float, float]


class Echo(asyncio.Protocol):
    """Sends back what comes."""

    def connection_made(self, transport: Any) -> None:
        self.write = transport.write

    def data_received(self, data: bytes) -> None:
        self.write(data)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def hello(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


async def serve_uvicorn() -> None:
    import uvicorn

    # It names its protocol, as uvicorn's own: by that asyncio knows that no write should wait for an acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(2000)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(hello, http="httptools", lifespan="off", access_log=False, log_level="error", timeout_keep_alive=3600)
    await uvicorn.Server(config).serve([listener])


async def serve(api: str) -> None:
    loop = asyncio.get_running_loop()
    if api == "uvicorn":
        await serve_uvicorn()
        return
    if api == "protocol":
        server: Any = await loop.create_server(Echo, "127.0.0.1", 0, backlog=2000)
    else:
        server = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=2000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def make_loop(name: str) -> Any:
    if name == "uvloop":
        import uvloop

        return uvloop.new_event_loop()
    if name == "anysock":
        import anysock.loop

        return anysock.loop.new_event_loop()
    return asyncio.SelectorEventLoop()


def processors() -> tuple[int, int]:
    usable = sorted(os.sched_getaffinity(0))
    return (usable[0], usable[-1]) if len(usable) > 1 else (-1, -1)


@contextlib.contextmanager
def running(name: str, api: str, processor: int) -> Any:
    command = [sys.executable, __file__, "--serve", name, api]

    def prepare() -> None:
        if processor >= 0:
            os.sched_setaffinity(0, {processor})

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=prepare) as process:
        try:
            assert process.stdout
            yield f"{process.pid}:{int(process.stdout.readline())}"
        finally:
            process.kill()


def length_of_answer(place: str) -> int:
    """How long an HTTP server's answer is; it is the same each time."""
    with socket.create_connection(("127.0.0.1", int(place.partition(":")[2]))) as connection:
        connection.sendall(REQUEST.encode())
        answer = b""
        while not answer.endswith(b"hello"):
            answer += connection.recv(65536)
    return len(answer)


def measure(load: Path, api: str, names: list[str], connections: int) -> dict[str, Costs]:
    ours, others = processors()
    with contextlib.ExitStack() as stack:
        places = [stack.enter_context(running(name, api, ours)) for name in names]
        size, environment = SIZE, dict(os.environ)
        if api == "uvicorn":
            size, environment["MESSAGE"] = length_of_answer(places[0]), REQUEST
        numbers = [size, connections, ROUNDS, SLICES, REQUESTS, others]
        command = [str(load), "tcp", *map(str, numbers), *places]
        lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout.splitlines()
    taken: list[list[int]] = [[] for _ in names]
    latencies: list[list[int]] = [[] for _ in names]
    for line in lines:
        _, number, _, time, latency = map(int, line.split())
        taken[number].append(time)
        latencies[number].append(latency)
    ratios = [median(time / base for time, base in zip(each, taken[0])) for each in taken]
    times = [median(each) / REQUESTS / 1000 for each in taken]
    return dict(zip(names, zip(times, ratios, (median(each) / 1000 for each in latencies))))


def available() -> tuple[list[str], list[str]]:
    """The loops, and what can be served on them."""
    has = lambda *packages: all(map(importlib.util.find_spec, packages))
    names = [name for name in LOOPS if name != "uvloop" or has("uvloop")]
    return names, [api for api in APIS if api != "uvicorn" or has("uvicorn", "httptools")]


def row(*cells: Any) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def plot(costs: dict[tuple[str, int], dict[str, Costs]], path: Path) -> None:
    """Processor time a request, a group of bars for each server and number of connections."""
    try:
        import matplotlib
    except ImportError:
        print("No plot is drawn: there is no matplotlib.", file=sys.stderr)
        return
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "anysock"
    from matplotlib import pyplot

    names = list(next(iter(costs.values())))
    figure, axes = pyplot.subplots(figsize=(9, 4.5))
    width = 0.8 / len(names)
    for place, name in enumerate(names):
        ratios = [each[name][1] for each in costs.values()]
        at = [group + (place - (len(names) - 1) / 2) * width for group in range(len(costs))]
        axes.bar(at, ratios, width, label=name, color=COLOURS[name])
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_xticks(range(len(costs)), [f"{api}\n{crowd:,}" for api, crowd in costs])
    axes.set(ylabel=f"processor time a request, {names[0]}: 1", xlabel="server, and number of connections")
    axes.legend()
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    print(f"The plot is in {path}.")


def starts(names: list[str]) -> None:
    """Milliseconds of processor time to import a loop, asyncio's own import left out, and to make, run and close one."""
    modules = {"uvloop": "uvloop", "anysock": "anysock.loop", "asyncio": "asyncio"}
    text = """
import asyncio, sys, time
begin = time.process_time()
module = __import__(sys.argv[1], fromlist=["new_event_loop"])
imported = time.process_time()
async def nothing(): pass
for _ in range(20):
    loop = module.new_event_loop()
    loop.run_until_complete(nothing())
    loop.close()
print(imported - begin, (time.process_time() - imported) / 20)
"""
    row("milliseconds", "import", "make, run, close")
    row("---", "---", "---")
    # Compiled beforehand, as what is installed.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as environment["PYTHONPYCACHEPREFIX"]:
        for name in names:
            command = [sys.executable, "-c", text, modules[name]]
            once = lambda: subprocess.check_output(command, text=True, env=environment).split()
            once()
            runs = [tuple(map(float, once())) for _ in range(3 * ROUNDS)]
            row(name, *(f"{1000 * median(each):.2f}" for each in zip(*runs)))


def main(crowds: list[int]) -> None:
    names, apis = available()
    costs: dict[tuple[str, int], dict[str, Costs]] = {}
    with tempfile.TemporaryDirectory() as directory:
        load = Path(directory, "load")
        flags = shlex.split(os.environ.get("CFLAGS", "-O2"))
        subprocess.run([os.environ.get("CC", "cc"), *flags, HERE / "load.c", "-o", load], check=True)
        ratios = [f"{name} : {names[0]}" for name in names[1:]]
        row("server", "connections", *(f"{name} µs" for name in names), *ratios, *(f"latency, {name} µs" for name in names))
        row(*["---"] * (2 + 3 * len(names) - 1))
        for api in apis:
            for crowd in crowds:
                costs[api, crowd] = cost = measure(load, api, names, crowd)
                cells = [f"{cost[name][0]:.2f}" for name in names] + [f"{cost[name][1]:.2f}" for name in names[1:]]
                row(api, crowd, *cells, *(f"{cost[name][2]:,.0f}" for name in names))
    starts(names)
    plot(costs, Path(os.environ.get("ANYSOCK_LIBRARY", "target/release/libanysock.so")).parent / "loops.svg")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        loop = make_loop(sys.argv[2])
        loop.run_until_complete(serve(sys.argv[3]))
    else:
        main([int(number) for number in sys.argv[1:]] or CONNECTIONS)
