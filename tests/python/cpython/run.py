#!/usr/bin/env python3
"""CPython's own tests, with its own modules and with anysock's: every test that passes there has to pass here.

    run.py [MODULE ...]     compares these, or those of modules.txt, test by test with differences.txt
    run.py --show TEST      runs the module of one test with ours, and says what became of it

With "loop:" before its name, a module or test is run with the standard sockets on anysock's event loop.

What is not installed is said. Each module runs in processes of its own, both sides at once, two modules at a time: they
mostly wait.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

HERE = Path(__file__).resolve().parent
STANDARD, OURS, LOOP = "std", "ours", "loop"

#: The test did not get to its end: it hangs, or took the process with it.
UNFINISHED = "hangs"

#: How often a module is started again after such a test.
MOST_STARTS = 10

#: How often a module is run again of which a test differs. One that races with itself fails in a quarter of its runs.
MOST_RERUNS = 4

ROOT = HERE.parents[2]
os.environ.setdefault("ANYSOCK_LIBRARY", str(ROOT / "target" / "release" / "libanysock.so"))
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "bindings" / "python"), os.environ.get("PYTHONPATH", "")])

#: What becomes of a test, and why.
Outcomes = dict[str, tuple[str, str]]


def lines(name: str) -> list[str]:
    """A list beside this file, without its comments."""
    text = (HERE / name).read_text().splitlines()
    return [line.strip() for line in text if line.strip() and not line.startswith("#")]


def listed_differences() -> dict[str, str]:
    pairs = (line.split(": ", 1) for line in lines("differences.txt"))
    return {test: reason for test, reason in pairs}


def outcomes(side: str, module: str) -> Outcomes:
    """What becomes of each test of a module."""
    with tempfile.TemporaryDirectory() as place:
        journal = Path(place, "journal")
        for _ in range(MOST_STARTS):
            run_child(side, module, journal, Path(place))
            found = read(journal)
            if UNFINISHED not in (outcome for outcome, _ in list(found.values())[-1:]):
                break
    return found


def run_child(side: str, module: str, journal: Path, place: Path) -> None:
    command = [sys.executable, "-W", "ignore", str(HERE / "child.py"), side, module, str(journal)]
    # What it prints is of interest only to who looks at one test: the outcome has the reason.
    output = None if os.environ.get("VERBOSE") else subprocess.PIPE
    child = subprocess.run(command, cwd=place, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
    if not journal.exists():
        sys.exit(f"{module} can't be run with the modules of {side}:\n{(child.stderr or b'').decode()}")


def read(journal: Path) -> Outcomes:
    entries = (json.loads(line) for line in journal.read_text().splitlines())
    return {test: (outcome, why) for test, outcome, why in entries}


def side_and_name(entry: str) -> tuple[str, str]:
    """What a module or test is to be run with, and its name."""
    prefix, separator, name = entry.rpartition(":")
    return (LOOP if separator and prefix == LOOP else OURS), name


def compare(entry: str, listed: dict[str, str]) -> tuple[int, list[str]]:
    """Of one module, how many tests pass on both sides, and the complaints."""
    began = monotonic()
    side, module = side_and_name(entry)
    if side == LOOP:
        listed = {side_and_name(test)[1]: why for test, why in listed.items() if side_and_name(test)[0] == LOOP}
    with ThreadPoolExecutor() as pool:
        std, ours = pool.map(lambda side: outcomes(side, module), (STANDARD, side))
    passing = [test for test, (outcome, _) in std.items() if outcome == "passed"]
    for _ in range(MOST_RERUNS):
        if not any(is_bad(ours, test) and test not in listed for test in passing):
            break
        # As regrtest's own --rerun: some race with themselves, such as one that wants the number of a closed descriptor to be
        # nobody's while another thread opens some.
        print(f"{entry:24} is run again", flush=True)
        again = outcomes(side, module)
        ours |= {test: again[test] for test in passing if is_bad(ours, test) and test in again}
    good, different, complaints = 0, 0, []
    for test in passing:
        outcome, why = ours.get(test, ("missing", ""))
        if outcome == "passed" and test in listed:
            complaints.append(f"{test} passes, but is listed: {listed[test]}")
        elif outcome == "passed":
            good += 1
        elif test in listed:
            different += 1
        else:
            complaints.append(f"{test} {outcome}\n{indented(why)}")
    seconds = monotonic() - began
    print(f"{entry:24} {good:4} as with the standard modules, {different} listed, {seconds:.0f} s", flush=True)
    return good, complaints


def is_bad(ours: Outcomes, test: str) -> bool:
    return ours.get(test, ("missing", ""))[0] != "passed"


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def show(test: str) -> None:
    os.environ["VERBOSE"] = "1"
    side, test = side_and_name(test)
    parts = test.split(".")
    module = ".".join(parts[1:3]) if parts[1] == "test_asyncio" else parts[1]
    for name, (outcome, why) in outcomes(side, module).items():
        if name.startswith(test):
            print(name, outcome, indented(why), sep="\n")


def is_installed(entry: str) -> bool:
    module = side_and_name(entry)[1]
    return bool(importlib.util.find_spec("test") and importlib.util.find_spec(f"test.{module}"))


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--show"]:
        show(arguments[1])
        return 0
    listed, modules = listed_differences(), arguments or lines("modules.txt")
    passed, complaints = 0, []
    missing = [module for module in modules if not is_installed(module)]
    for module in missing:
        print(f"skip {module}: not installed with this Python")
    with ThreadPoolExecutor(2) as pool:
        there = (module for module in modules if module not in missing)
        for good, bad in pool.map(lambda module: compare(module, listed), there):
            passed += good
            complaints += bad
    for complaint in complaints:
        print(f"FAILED {complaint}")
    print(f"{passed} passed, {len(complaints)} failed, {len(missing)} skipped")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
