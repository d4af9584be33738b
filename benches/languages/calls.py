#!/usr/bin/env python3
"""What one call costs in each language by its raw layer, and one event of the batch queue: `make bench-languages`.

    benches/languages/calls.py [LANGUAGE...]

A call is a read that would block. An event is one of 64 operations that do nothing, made and looked at as the language does it.
The loops of each program in `calls` run many times and not at all, and what the processor took more is divided: starting up does
not count. The least of some rounds. Not here: servers (servers.py).
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from servers import BINDINGS, JAVA, LIBRARY, ROOT, environment

HERE = Path(__file__).resolve().parent / "calls"
ROUNDS = int(os.environ.get("ROUNDS", "5"))
READS, RUNS, EVENTS = 1_000_000, 40_000, 64
JS = f"{HERE}/calls.mjs"

#: Language: how it is built, how it is run.
LANGUAGES = {
    "C": (f"cc -O2 -I{ROOT}/include -o $out/c {HERE}/calls.c -L$out -lanysock", "$out/c"),
    "Go": (
        f"mkdir $out/go && cp {HERE}/calls.go $out/go && cd $out/go && CGO_CFLAGS=-I{ROOT}/include CGO_LDFLAGS=-L$out go build -o $out/calls-go calls.go",
        "$out/calls-go",
    ),
    "Java": (
        JAVA + f'"${{javac[@]}}" -d $out bindings/java/src/main/java/anysock/*.java {HERE}/Calls.java',
        JAVA + "exec $java --enable-native-access=ALL-UNNAMED -XX:+UseSerialGC -cp $out Calls",
    ),
    "Node": ("bindings/javascript/install", f"node {JS}"),
    "Deno": ("bindings/javascript/install; deno --version", f"deno run --quiet --allow-all {JS}"),
    "Bun": ("bindings/javascript/install; bun --version", f"bun {JS}"),
    "Python": ("python3 --version", f"python3 {HERE}/calls.py"),
    "C#": (
        f"mcs -unsafe -langversion:latest -r:System.Core -out:$out/calls.exe {HERE}/Calls.cs bindings/csharp/Anysock/*.cs",
        "mono $out/calls.exe",
    ),
    "Ruby": ("ruby -rffi -e ''", f"ruby -I bindings/ruby/lib {HERE}/calls.rb"),
    "LuaJIT": ("luajit -v", f"luajit {HERE}/calls.lua"),
    "PHP": ("php -r 'extension_loaded(\"ffi\") or exit(1);'", f"php -d ffi.enable=1 {HERE}/calls.php"),
    "Perl": ("perl -MFFI::Platypus -e ''", f"perl -I bindings/perl/lib {HERE}/calls.pl"),
}


def processor_seconds(command: str, what: str, times: int, variables: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        ["bash", "-c", f"{command} {what} {times}"], cwd=ROOT, env=variables, check=True, stdout=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def nanoseconds(command: str, what: str, times: int, variables: dict[str, str]) -> float:
    rounds = [
        (processor_seconds(command, what, times, variables), processor_seconds(command, what, 0, variables))
        for _ in range(ROUNDS)
    ]
    return (min(much for much, _ in rounds) - min(none for _, none in rounds)) / times * 1e9


def main(wanted: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        for name in ("libanysock.so", "libanysock.so.0"):
            (out / name).symlink_to(LIBRARY)
        variables = environment(out)
        variables["PYTHONPATH"] = str(BINDINGS / "python")
        variables["PATH"] += os.pathsep + str(BINDINGS / "javascript/node_modules/.bin")
        print(
            f"Processor time, nanoseconds, load {os.getloadavg()[0]:.0f}.\n\n| language | a call | an event |\n| --- | ---: | ---: |"
        )
        for language in (each for each in LANGUAGES if not wanted or each in wanted):
            build, run = LANGUAGES[language]
            built = subprocess.run(["bash", "-c", build], cwd=ROOT, env=variables, capture_output=True, text=True)
            if built.returncode != 0:
                print(
                    f"skip {language}: {(built.stderr.strip() or 'not installed').splitlines()[-1]}", file=sys.stderr
                )
                continue
            a_call = nanoseconds(run, "read", READS, variables)
            an_event = nanoseconds(run, "queue", RUNS, variables) / EVENTS
            print(f"| {language} | {a_call:.0f} | {an_event:.0f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
