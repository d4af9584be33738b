#!/usr/bin/env python3
"""Writes the raw layer of every language from include/anysock.json.

    python3 bindings/generate [--check] [LANGUAGE...]

With `--check` it compares instead of writing. A language is a module in `languages`, whose `render` makes its files.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

import languages
from description import Description

BINDINGS = Path(__file__).resolve().parents[1]
DESCRIPTION = BINDINGS.parent / "include" / "anysock.json"


def known() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(languages.__path__)]


def files(description: Description, wanted: list[str]) -> Iterator[tuple[Path, str]]:
    for name in wanted:
        language = importlib.import_module(f"languages.{name}")
        for path, text in language.render(description).items():
            yield BINDINGS / path, text


def is_current(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    wanted = [argument for argument in arguments if argument != "--check"] or known()
    unknown = set(wanted) - set(known())
    if unknown:
        raise SystemExit(f"no template for {', '.join(sorted(unknown))}; there are {', '.join(known())}")
    stale = []
    for path, text in files(Description.read(DESCRIPTION), wanted):
        if is_current(path, text):
            continue
        stale.append(path)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path in stale if check else []:
        print(f"{path} is out of date: run `make header`", file=sys.stderr)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
