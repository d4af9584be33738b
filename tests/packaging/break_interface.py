"""Prints a description of the interface with one thing changed that the comparison must see.

    break_interface.py swap|gone|number|add DESCRIPTION.json
    break_interface.py types DUMP.abi
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any


def named(items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(item for item in items if item["name"] == name)


def swap(description: dict[str, Any]) -> None:
    first, second, *_ = fields = named(description["structs"], "anysock_event")["fields"]
    first["offset"], second["offset"] = second["offset"], first["offset"]
    fields[:2] = second, first


def gone(description: dict[str, Any]) -> None:
    description["functions"].remove(named(description["functions"], "anysock_read"))


def number(description: dict[str, Any]) -> None:
    named(description["errors"], "EINTR")["code"] = -5


def add(description: dict[str, Any]) -> None:
    description["functions"].append({**named(description["functions"], "anysock_read"), "name": "anysock_new"})


def types(dump: str) -> str:
    """The names of the first two members of `anysock_event` change places."""
    found = re.search(r"<class-decl name='anysock_event'.*?</class-decl>", dump, re.DOTALL)
    assert found
    swapped = found[0].replace("name='token'", "name='?'").replace("name='handle'", "name='token'").replace("name='?'", "name='handle'")
    assert swapped != found[0]
    return dump.replace(found[0], swapped)


def main(change: str, file: str) -> None:
    text = Path(file).read_text()
    if change == "types":
        print(types(text))
        return
    description = json.loads(text)
    {"swap": swap, "gone": gone, "number": number, "add": add}[change](description)
    json.dump(description, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
