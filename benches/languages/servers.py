#!/usr/bin/env python3
"""What a request costs an echo server on the batch queue, in processor time, against one on the language's own sockets:
`make bench-languages`.

    benches/languages/servers.py [LANGUAGE...]

Each language's two servers stand under one load (../load.c), 64 connections by default (CONNECTIONS), and take turns in slices
of some milliseconds, so that what else the machine does meets both. The ratio is the median of the rounds'; beside it stand its
quartiles. A language that is not installed is left out. Not here: what the library itself costs (../run).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BINDINGS = ROOT / "bindings"
LIBRARY = Path(os.environ.get("ANYSOCK_LIBRARY", ROOT / "target/release/libanysock.so")).resolve()
CONNECTIONS = int(os.environ.get("CONNECTIONS", "64"))
ROUNDS = int(os.environ.get("ROUNDS", "9"))
WARM_UP = 2
SLICES = 3
REQUESTS = 1500
SIZE = 64
JAVA = "source bindings/java/tools.sh; "

#: Language: what it is compared with, how both are built, the server on the queue, its own.
LANGUAGES = {
    "Ruby": (
        "IO.select",
        "ruby -rffi -e ''",
        "ruby -I bindings/ruby/lib bindings/ruby/examples/queue_echo_server.rb",
        "ruby benches/languages/own.rb",
    ),
    "PHP": (
        "stream_select",
        "php -r 'extension_loaded(\"ffi\") or exit(1);'",
        "php -d ffi.enable=1 bindings/php/examples/queue_echo_server.php",
        "php benches/languages/own.php",
    ),
    "LuaJIT": (
        "LuaSocket's select",
        "ls /usr/share/lua/5.1/socket.lua",
        "luajit bindings/lua/examples/queue_echo_server.lua",
        "luajit benches/languages/own.lua",
    ),
    "Node": (
        "net",
        "bindings/javascript/install",
        "node bindings/javascript/examples/queue_echo_server.js",
        "node benches/languages/own.mjs",
    ),
    "Java": (
        "a Selector",
        JAVA
        + '"${javac[@]}" -d $out bindings/java/src/main/java/anysock/*.java bindings/java/examples/QueueEcho.java benches/languages/Own.java',
        JAVA + "exec $java --enable-native-access=ALL-UNNAMED -XX:+UseSerialGC -cp $out QueueEcho",
        JAVA + "exec $java -XX:+UseSerialGC -cp $out Own",
    ),
    "Go": (
        "net, a goroutine a connection",
        "go build -o $out/own benches/languages/own.go && cd bindings/go && CGO_CFLAGS=-I$top/include CGO_LDFLAGS=-L$out go build -o $out/queue ./examples/queue",
        "$out/queue",
        "$out/own",
    ),
}


def environment(out: Path) -> dict[str, str]:
    return {
        **os.environ,
        "ANYSOCK_LIBRARY": str(LIBRARY),
        "LD_LIBRARY_PATH": str(out),
        "LUA_PATH": f"{BINDINGS}/lua/?/init.lua;{BINDINGS}/lua/?.lua;;",
        "GOMAXPROCS": "1",
        "out": str(out),
        "top": str(ROOT),
    }


def start(command: str, out: Path, stack: ExitStack) -> tuple[int, int]:
    """A server's process and port."""
    *before, last = command.split("; ")
    last = last if last.startswith("exec ") else f"exec {last}"
    script = "; ".join([*before, f"{last} 127.0.0.1:0"])
    process = subprocess.Popen(
        ["bash", "-c", script], cwd=ROOT, env=environment(out), stdout=subprocess.PIPE, text=True
    )
    stack.callback(process.wait)
    stack.callback(process.kill)
    assert process.stdout
    said = process.stdout.readline()
    if not said.startswith("listening on "):
        raise OSError(f"{command} says {said!r}")
    return process.pid, int(said.rpartition(":")[2])


def measured(out: Path, queue: str, own: str) -> tuple[float, float, list[float]]:
    """Microseconds of a processor a request, on the queue and on the language's own, and the rounds' ratios."""
    with ExitStack() as stack:
        servers = [start(queue, out, stack), start(own, out, stack)]
        places = [f"{pid}:{port}" for pid, port in servers]
        numbers = [SIZE, CONNECTIONS, WARM_UP + ROUNDS, SLICES, REQUESTS, -1]
        said = subprocess.run(
            [out / "load", "tcp", *map(str, numbers), *places], check=True, capture_output=True, text=True
        ).stdout
    costs: dict[int, dict[int, list[int]]] = {}
    for line in said.splitlines():
        turn, server, _, processor, _ = map(int, line.split())
        if turn >= WARM_UP:
            costs.setdefault(turn, {}).setdefault(server, []).append(processor)
    medians = [[median(costs[turn][server]) for turn in costs] for server in (0, 1)]
    ratios = [mine / other for mine, other in zip(*medians)]
    a_request = [median(each) / REQUESTS / 1000 for each in medians]
    return a_request[0], a_request[1], ratios


def main(wanted: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        for name in ("libanysock.so", "libanysock.so.0"):
            (out / name).symlink_to(LIBRARY)
        subprocess.run(["cc", "-O2", "-o", out / "load", ROOT / "benches/load.c"], check=True)
        print(
            f"Processor time of a request, microseconds: {CONNECTIONS} connections, messages of {SIZE} bytes, load {os.getloadavg()[0]:.0f}.\n"
        )
        print(
            "| language | on the queue | its own | ratio | quartiles | against |\n| --- | ---: | ---: | ---: | --- | --- |"
        )
        for language in (each for each in LANGUAGES if not wanted or each in wanted):
            against, build, queue, own = LANGUAGES[language]
            built = subprocess.run(
                ["bash", "-c", build], cwd=ROOT, env=environment(out), capture_output=True, text=True
            )
            if built.returncode != 0:
                print(
                    f"skip {language}: {(built.stderr.strip() or 'not installed').splitlines()[-1]}", file=sys.stderr
                )
                continue
            mine, other, ratios = measured(out, queue, own)
            low, _, high = quantiles(ratios, n=4)
            print(
                f"| {language} | {mine:.2f} | {other:.2f} | {median(ratios):.2f} | {low:.2f} to {high:.2f} | {against} |",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
