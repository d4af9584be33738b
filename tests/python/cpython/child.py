"""Runs one of CPython's test modules in this process, with its own modules or with ours, and notes what becomes of each test.

Not for people: `run.py` starts it, as `child.py SIDE MODULE JOURNAL`. The tests that the journal has already are left out.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: Nothing in those modules takes as long, however busy the machine is: seconds.
PATIENCE = 120


def cases(suite: Any) -> Iterator[Any]:
    """The tests of a suite, in their order."""
    for each in suite:
        if isinstance(each, unittest.TestSuite):
            yield from cases(each)
        else:
            yield each


class Journal(unittest.TestResult):
    """Writes down what becomes of each test, as it happens: this process may not live to tell."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.done = {json.loads(line)[0] for line in path.read_text().splitlines()} if path.exists() else set()
        self._file = path.open("a")
        self._outcome, self._why = "passed", ""

    def note(self, name: str, outcome: str, why: str = "") -> None:
        self._file.write(json.dumps([name, outcome, why]) + "\n")
        self._file.flush()

    def startTest(self, test: Any) -> None:
        super().startTest(test)
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        self._outcome, self._why = "passed", ""
        self.note(test.id(), "hangs")

    def stopTest(self, test: Any) -> None:
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()
        self.note(test.id(), self._outcome, self._why)

    def _bad(self, test: Any, outcome: str, why: str) -> None:
        self._outcome, self._why = outcome, why
        if not isinstance(test, unittest.TestCase):
            # What was to be done before a whole class or module.
            self.note(test.id(), outcome, why)

    def addError(self, test: Any, error: Any) -> None:
        self._bad(test, "failed", self._exc_info_to_string(error, test))

    def addFailure(self, test: Any, error: Any) -> None:
        self._bad(test, "failed", self._exc_info_to_string(error, test))

    def addSkip(self, test: Any, reason: str) -> None:
        self._bad(test, "skipped", reason)

    def addSubTest(self, test: Any, subtest: Any, error: Any) -> None:
        if error:
            self._bad(test, "failed", self._exc_info_to_string(error, subtest))

    def addUnexpectedSuccess(self, test: Any) -> None:
        self._bad(test, "failed", "unexpected success")


def use_loop() -> None:
    """Our event loop in place of asyncio's, whoever asks for one."""
    import asyncio

    from anysock._loop.streams import StreamTransport
    from anysock.loop import Loop, install

    # A test of TLS asks asyncio's transports for this, and goes on without it only if the connection is lost in time.
    StreamTransport._read_ready_cb = True
    asyncio.SelectorEventLoop = asyncio.unix_events.SelectorEventLoop = Loop  # type: ignore[misc, attr-defined]
    if hasattr(asyncio, "EventLoop"):
        asyncio.EventLoop = Loop
    # Tests go back to the default, which has had another name since Python 3.14.
    names = vars(asyncio.unix_events)
    policy: Any = names.get("_DefaultEventLoopPolicy") or names["DefaultEventLoopPolicy"]
    policy._loop_factory = Loop
    install()


def main(side: str, module: str, path: str) -> None:
    if side == "ours":
        # For all that is imported from now on.
        import anysock

        anysock.patch()
    elif side == "loop":
        use_loop()
    from test import support

    # Some ask for the network who mean only this machine. What does not pass with the standard modules does not count.
    support.use_resources = ["network"]
    journal = Journal(Path(path))
    try:
        found = unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(f"test.{module}"))
    except unittest.SkipTest as reason:
        return journal.note(module, "skipped", str(reason))
    suite = unittest.TestSuite(each for each in cases(found) if each.id() not in journal.done)
    suite.run(journal)


if __name__ == "__main__":
    main(*sys.argv[1:])
