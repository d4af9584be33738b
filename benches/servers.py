"""Echo servers under one load (load.c): what a request costs each of them in processor time, against raw epoll, and how
many instructions in user space. The peers are built where their headers are. Called by `run`, which prints, and by `queues`."""

import contextlib
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent

RAW = "raw_epoll"
#: Runs beside the first: how far its ratio is from 1 tells how far those of the others can be trusted.
AGAIN = "raw_epoll again"
#: Server: its name in the table, and the package of pkg-config that it needs.
SERVERS = {
    RAW: ("raw epoll", None),
    AGAIN: ("raw epoll, another of the same", None),
    "anysock": ("anysock", None),
    "libuv": ("libuv", "libuv"),
    "libevent": ("libevent", "libevent_core"),
    "apr": ("APR", "apr-1"),
}

ROUNDS = 9
#: Of each server, in a round. Connections: requests of a slice.
SLICES = 5
REQUESTS = {1: 1000, 8: 2000, 64: 3000, 1000: 3000}


def flags_of(package):
    if package is None:
        return []
    command = ["pkg-config", "--cflags", "--libs", package]
    with contextlib.suppress(FileNotFoundError):
        found = subprocess.run(command, capture_output=True, text=True)
        return shlex.split(found.stdout) if found.returncode == 0 else None
    return None


def build_all(build, directory, servers):
    """The commands of the servers that can be built here. Says which can't."""
    programs, missing = {}, []
    for server, (name, package) in servers.items():
        flags = flags_of(package)
        if flags is None:
            missing.append(name)
        else:
            programs[server] = programs[RAW] if server == AGAIN else [build(f"servers/{server}", directory, flags)]
    if missing:
        print(f"Not here, for want of their headers: {', '.join(missing)}.\n")
    return programs


def processors():
    """One for the servers and one for the load; -1 when there is but one for both."""
    usable = sorted(os.sched_getaffinity(0))
    return (usable[0], usable[-1]) if len(usable) > 1 else (-1, -1)


def prepare(processor):
    """In the process of a server, before it begins."""
    if processor >= 0:
        os.sched_setaffinity(0, {processor})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextlib.contextmanager
def running(*command, processor=-1):
    """A server that listens: its process, and the PID:PORT by which the load knows it."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: prepare(processor)) as process:
        try:
            yield process, f"{process.pid}:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def measure(programs, load, connections, kind="tcp", size=64):
    """Of each server the rounds' times: nanoseconds of a slice, nanoseconds of processor time, the latter as a ratio to that of
    the first server in the same turn, and nanoseconds of latency. A round's is the median of its slices."""
    ours, others = processors()
    with contextlib.ExitStack() as stack:
        places = [stack.enter_context(running(*program, processor=ours))[1] for program in programs.values()]
        numbers = [size, connections, ROUNDS, SLICES, REQUESTS[connections], others]
        command = [load, kind, *map(str, numbers), *places]
        lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    slices = {server: [[] for _ in range(ROUNDS)] for server in programs}
    for line in lines:
        turn, number, *times = map(int, line.split())
        slices[list(programs)[number]][turn].append(times)
    first = next(iter(slices.values()))
    return {server: [summary(*pair) for pair in zip(rounds, first)] for server, rounds in slices.items()}


def summary(slices, firsts):
    walls, times, latencies = zip(*slices)
    ratio = median(taken / base for (_, taken, _), (_, base, _) in zip(slices, firsts))
    return median(walls), median(times), ratio, median(latencies)


def table(costs, connections, row, head, what="", name_of=lambda server: SERVERS[server][0]):
    head(f"echo server, {connections:,} connections{what}", "req/s", "ns", "min", "median", "max")
    for server, rounds in costs.items():
        walls, times, ratios, _ = zip(*rounds)
        requests = REQUESTS[connections]
        cells = (f"{ratio:.3f}" for ratio in (min(ratios), median(ratios), max(ratios)))
        row(name_of(server), f"{requests / median(walls) * 1e9:,.0f}", f"{median(times) / requests:,.0f}", *cells)


# Instructions.


def exchange(command, load, connections, requests):
    """Has a server answer so many requests, and end."""
    with running(*command) as (process, place):
        numbers = [64, connections, 1, 1, requests, -1]
        subprocess.run([load, "tcp", *map(str, numbers), place], check=True, stdout=subprocess.PIPE)
        process.send_signal(signal.SIGTERM)
        process.wait()


def instructions(program, load, connections, requests, directory):
    """In user space, from the server's start to its end."""
    out = Path(directory, "server.profile")
    out.unlink(missing_ok=True)
    # A command may begin with env(1), which becomes the server.
    callgrind = ["valgrind", "--tool=callgrind", "--trace-children=yes", f"--callgrind-out-file={out}", f"--log-file={out}.log"]
    exchange([*callgrind, *program], load, connections, requests)
    return int(re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE)[1])


#: The difference that more requests make, so that neither the start nor the connections count.
FEW, MANY = 1000, 6000


def a_request(count):
    """What one request costs, by a function that says what so many cost from the start to the end."""
    # The load sends a tenth in advance.
    return (count(MANY) - count(FEW)) / ((MANY - FEW) * 1.1)


def count(programs, load, directory, row, head, name_of=lambda server: SERVERS[server][0]):
    crowds = (1, 64)
    head("echo server, a request", *(f"{crowd} at once" for crowd in crowds))
    for server, program in programs.items():
        if server == AGAIN:
            continue
        cells = []
        for crowd in crowds:
            cells.append(a_request(lambda number: instructions(program, load, crowd, number, directory)))
        row(name_of(server), *(f"{cell:.0f}" for cell in cells))


def report(build, directory, row, head):
    programs = build_all(build, directory, SERVERS)
    load = build("load", directory)
    for connections in REQUESTS:
        table(measure(programs, load, connections), connections, row, head)
        print()
    if shutil.which("valgrind"):
        print("Instructions in user space, a request.\n")
        count(programs, load, directory, row, head)
