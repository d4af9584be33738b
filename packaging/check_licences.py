"""Checks the crates that are linked into the library, on any system: each has a licence that a product may be shipped with, and
comes from the registry.

    check_licences.py        prints each with its licence; exit status 1 if one is not allowed
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: No obligation beyond naming the authors.
ALLOWED = {"MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "Unicode-3.0"}


def allows(expression: str) -> bool:
    """Whether one choice has allowed licences alone. The crates' expressions have no parentheses."""
    choices = re.split(r" OR |/", expression)
    return any(all(part.strip() in ALLOWED for part in choice.split(" AND ")) for choice in choices)


def linked() -> list[dict]:
    command = [os.environ.get("CARGO", "cargo"), "metadata", "--format-version", "1", "--locked"]
    found = json.loads(subprocess.check_output(command, cwd=ROOT))
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    reached, pending = set(), [found["resolve"]["root"]]
    while pending:
        for dependency in nodes[pending.pop()]["deps"]:
            if any(kind["kind"] != "dev" for kind in dependency["dep_kinds"]) and dependency["pkg"] not in reached:
                reached.add(dependency["pkg"])
                pending.append(dependency["pkg"])
    return [package for package in found["packages"] if package["id"] in reached]


def main() -> int:
    status = 0
    for package in linked():
        fine = package["license"] and allows(package["license"]) and (package["source"] or "").startswith("registry+")
        status |= not fine
        print(f"{'ok' if fine else 'FAIL'} {package['name']} {package['version']}: {package['license']}")
    return status


if __name__ == "__main__":
    sys.exit(main())
