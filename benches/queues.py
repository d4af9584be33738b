"""The batch queue on each of its engines, beside servers by hand and peers, under one load (load.c): processor time of a request
against raw epoll, median latency, system calls and instructions of a request, memory of an idle connection; datagrams against
recvmmsg(2) and sendmmsg(2). Draws a plot. Called by `run`, which prints.

Not here: how a load is measured (`servers`).
"""

import os
import re
import resource
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from statistics import median

import servers
from servers import AGAIN, RAW

SERVERS = {
    RAW: ("raw epoll", None),
    AGAIN: ("raw epoll, another of the same", None),
    "queue": ("queue", None),
    "libuv": ("libuv", "libuv"),
    "libevent": ("libevent", "libevent_core"),
    "liburing": ("liburing, always in flight", "liburing"),
}
ENGINES = ("io_uring", "epoll", "poll")
#: What a wait with poll(2) costs grows with the connections.
MOST_BY_POLL = 64
SIZES = (64, 4096)
DATAGRAMS = {"raw_udp": ("recvmmsg, sendmmsg", None), "queue_udp": ("queue", None)}
IDLE = 4000


def name_of(server):
    if server.startswith("queue"):
        return f"queue, {server.partition(' ')[2]}"
    return {**SERVERS, **DATAGRAMS}[server][0]


def with_engines(programs):
    """The queue's program, once for each engine."""
    commands = {}
    for server, program in programs.items():
        if server.startswith("queue"):
            commands.update({f"{server} {engine}": ["env", f"ENGINE={engine}", *program] for engine in ENGINES})
        else:
            commands[server] = program
    return commands


def loads(programs, load, row, head):
    """Tables of every size and number of connections; what the plot shows of them."""
    points = {}
    for size in SIZES:
        for connections in servers.REQUESTS:
            some = {name: command for name, command in programs.items() if connections <= MOST_BY_POLL or not name.endswith(" poll")}
            costs = servers.measure(some, load, connections, size=size)
            servers.table(costs, connections, row, head, f", {size:,} B", name_of)
            print()
            for server, rounds in costs.items():
                points[size, server, connections] = median(ratio for _, _, ratio, _ in rounds)
            if connections == max(servers.REQUESTS):
                latencies(costs, connections, size, row, head)
    return points


def latencies(costs, connections, size, row, head):
    head(f"median latency, {connections:,} connections, {size:,} B", "us", "ratio")
    first = next(iter(costs.values()))
    for server, rounds in costs.items():
        ratio = median(own[3] / raw[3] for own, raw in zip(rounds, first))
        row(name_of(server), f"{median(latency for *_, latency in rounds) / 1e3:,.0f}", f"{ratio:.3f}")
    print()


def datagrams(programs, load, row, head):
    for connections in (1, 64):
        costs = servers.measure(programs, load, connections, kind="udp")
        servers.table(costs, connections, row, head, ", UDP, 64 B", name_of)
        print()


# System calls.


def calls(command, load, requests, directory):
    """From the server's start to its end, with 64 connections."""
    out = Path(directory, "server.calls")
    servers.exchange(["strace", "-f", "-c", "-I2", "-o", out, *command], load, 64, requests)
    return sum(int(line.split()[3]) for line in out.read_text().splitlines() if re.match(r" *\d+\.\d+ ", line) and not line.endswith("total"))


def count_calls(programs, load, directory, row, head):
    head("echo server, system calls of a request", "64 at once")
    for server, command in programs.items():
        if server != AGAIN:
            row(name_of(server), f"{servers.a_request(lambda requests: calls(command, load, requests, directory)):.2f}")


# Memory.


def resident(pid):
    """Bytes that are the process's own."""
    return int(re.search(r"^RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1]) * 1024


def idle(command):
    """What a connection that is open takes in the server, once the first thousand are."""
    with servers.running(*command) as (process, place):
        port = int(place.partition(":")[2])
        clients = [connected(port) for _ in range(1000)]
        before = resident(process.pid)
        clients += [connected(port) for _ in range(IDLE)]
        after = resident(process.pid)
        for client in clients:
            client.close()
    return (after - before) / IDLE


def connected(port):
    """A connection that the server has taken."""
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(b"x")
    assert client.recv(1) == b"x"
    return client


def weigh(programs, row, head):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * IDLE), hard))
    head("echo server, memory of an idle connection", "bytes")
    for server, command in programs.items():
        if server.startswith("queue"):
            row(name_of(server), f"{idle(command):.0f}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# The plot.


def plot(points, path, machine):
    """Processor time against raw epoll's, by connections."""
    try:
        import matplotlib
    except ImportError:
        print("\nNo plot is drawn: there is no matplotlib.", file=sys.stderr)
        return
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "anysock"
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(SIZES), figsize=(10, 4.5), sharey=True)
    for axes, size in zip(panels, SIZES):
        for server in dict.fromkeys(name for _, name, _ in points):
            if server in (RAW, AGAIN) or server.endswith(" poll"):
                continue
            line = sorted((connections, ratio) for (other, name, connections), ratio in points.items() if (other, name) == (size, server))
            ours = server.startswith("queue")
            axes.plot(*zip(*line), marker="o", linewidth=2.5 if ours else 1.2, linestyle="-" if ours else "--", label=name_of(server))
        axes.axhline(1, color="black", linewidth=0.8)
        axes.set(xscale="log", xlabel="connections", title=f"messages of {size:,} B")
        axes.grid(which="major", alpha=0.3)
    panels[0].set_ylabel("processor time of a request, raw epoll = 1")
    panels[-1].legend(fontsize=8)
    figure.suptitle(f"An echo server\n{machine}", fontsize=10)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    print(f"\nThe plot is in {path}.\n")


def report(build, directory, path, machine, row, head):
    programs = with_engines(servers.build_all(build, directory, SERVERS))
    load = build("load", directory)
    print(f"Load of the machine before: {os.getloadavg()[0]:.1f}.\n")
    plot(loads(programs, load, row, head), path, machine)
    datagrams(with_engines(servers.build_all(build, directory, DATAGRAMS)), load, row, head)
    weigh(programs, row, head)
    if shutil.which("strace"):
        print()
        count_calls(programs, load, directory, row, head)
    if shutil.which("valgrind"):
        print("\nInstructions in user space, a request.\n")
        servers.count(programs, load, directory, row, head, name_of)
    print(f"\nLoad of the machine after: {os.getloadavg()[0]:.1f}.")
