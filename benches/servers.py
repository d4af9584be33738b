"""Echo servers under one load (load.c): what a request costs each of them in processor time, against raw epoll, and how
many instructions in user space. The peers are built where their headers are. Called by `run`, which prints."""

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
REQUESTS = {64: 3000, 1000: 3000}


def flags_of(package):
    if package is None:
        return []
    command = ["pkg-config", "--cflags", "--libs", package]
    with contextlib.suppress(FileNotFoundError):
        found = subprocess.run(command, capture_output=True, text=True)
        return shlex.split(found.stdout) if found.returncode == 0 else None
    return None


def build_all(build, directory):
    """The servers that can be built here, and the names of the others."""
    programs, missing = {}, []
    for server, (name, package) in SERVERS.items():
        flags = flags_of(package)
        if flags is None:
            missing.append(name)
        else:
            programs[server] = programs[RAW] if server == AGAIN else build(f"servers/{server}", directory, flags)
    return programs, missing


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


def measure(programs, load, connections):
    """Of each server the rounds' times: nanoseconds and nanoseconds of processor time a request, and the latter as a
    ratio to raw epoll's in the same turn. A round's is the median of its slices."""
    ours, others = processors()
    with contextlib.ExitStack() as stack:
        places = [stack.enter_context(running(program, processor=ours))[1] for program in programs.values()]
        numbers = [connections, ROUNDS, SLICES, REQUESTS[connections], others]
        command = [load, *map(str, numbers), *places]
        lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    slices = {server: [[] for _ in range(ROUNDS)] for server in programs}
    for line in lines:
        turn, number, wall, taken = map(int, line.split())
        slices[list(programs)[number]][turn].append((wall, taken))
    return {server: [summary(*pair) for pair in zip(rounds, slices[RAW])] for server, rounds in slices.items()}


def summary(slices, raw):
    walls, times = zip(*slices)
    ratio = median(taken / base for (_, taken), (_, base) in zip(slices, raw))
    return median(walls), median(times), ratio


def table(costs, connections, row, head):
    head(f"echo server, {connections:,} connections", "req/s", "ns", "min", "median", "max")
    for server, rounds in costs.items():
        walls, times, ratios = zip(*rounds)
        requests = REQUESTS[connections]
        cells = (f"{ratio:.3f}" for ratio in (min(ratios), median(ratios), max(ratios)))
        row(SERVERS[server][0], f"{requests / median(walls) * 1e9:,.0f}", f"{median(times) / requests:,.0f}", *cells)


# Instructions.


def instructions(program, load, connections, requests, directory):
    """In user space, from the server's start to its end."""
    out = Path(directory, "server.profile")
    out.unlink(missing_ok=True)
    callgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", f"--log-file={out}.log", program]
    with running(*callgrind) as (process, place):
        subprocess.run([load, *map(str, [connections, 1, 1, requests, -1]), place], check=True, stdout=subprocess.PIPE)
        process.send_signal(signal.SIGTERM)
        process.wait()
    return int(re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE)[1])


def count(programs, load, directory, row, head):
    """The difference that more requests make, so that neither the start nor the connections count."""
    few, many = 1000, 6000
    crowds = (1, 64)
    head("echo server, a request", *(f"{crowd} at once" for crowd in crowds))
    for server, program in programs.items():
        if server == AGAIN:
            continue
        cells = []
        for crowd in crowds:
            costs = [instructions(program, load, crowd, number, directory) for number in (few, many)]
            # The load sends a tenth in advance.
            cells.append((costs[1] - costs[0]) / ((many - few) * 1.1))
        row(SERVERS[server][0], *(f"{cell:.0f}" for cell in cells))


def report(build, directory, row, head):
    programs, missing = build_all(build, directory)
    load = build("load", directory)
    if missing:
        print(f"Not here, for want of their headers: {', '.join(missing)}.\n")
    for connections in REQUESTS:
        table(measure(programs, load, connections), connections, row, head)
        print()
    if shutil.which("valgrind"):
        print("Instructions in user space, a request.\n")
        count(programs, load, directory, row, head)
