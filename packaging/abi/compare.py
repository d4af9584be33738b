"""Compares two descriptions of the interface (anysock.json): the newer may add, and change nothing.

    compare.py OLD NEW        prints what a program that was made for OLD would miss in NEW; exit status 1 if anything
    compare.py --bare FILE    prints a description without the words, to be kept

What may differ: words (documentation, messages, titles), the version, which errors a function may give, and what is new.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

#: What no program depends on.
WORDS = {
    "$schema", "version", "doc", "summary", "details", "remarks", "title", "page", "section", "message", "errors_doc",
    "license", "sections", "blocking", "classes", "os_numbers",
}

#: Which errors a function may give. The errors themselves are a list of the description's own.
FAILURES = {"errors", "system_errors"}

#: Lists whose order and length are part of the interface.
ORDERED = {"parameters", "fields"}

#: Values that one side may widen: from, to.
WIDER = {("nullable", None, "always")}

#: Not the interface's own number: the text that says it.
TEXT_OF_VERSION = "ANYSOCK_HEADER_VERSION"


def name_of(item: Any) -> str | None:
    return item.get("name") if isinstance(item, dict) else None


def compare(old: Any, new: Any, place: str, key: str, found: list[str]) -> None:
    if key in WORDS or place.endswith(f".{TEXT_OF_VERSION}.value"):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name, value in old.items():
            if name in WORDS or (name in FAILURES and key != ""):
                continue
            if name not in new:
                found.append(f"{place}.{name} is gone")
            else:
                compare(value, new[name], f"{place}.{name}", name, found)
    elif isinstance(old, list) and isinstance(new, list):
        compare_lists(old, new, place, key, found)
    elif old != new and (key, old, new) not in WIDER:
        found.append(f"{place} was {old!r} and is {new!r}")


def compare_lists(old: list[Any], new: list[Any], place: str, key: str, found: list[str]) -> None:
    named = all(name_of(item) for item in [*old, *new])
    if key in ORDERED:
        compare_in_order(old, new, place, found)
    elif named:
        there = {item["name"]: item for item in new}
        for item in old:
            if item["name"] not in there:
                found.append(f"{place}.{item['name']} is gone")
            else:
                compare(item, there[item["name"]], f"{place}.{item['name']}", "item", found)
    else:
        found.extend(f"{place} has lost {item!r}" for item in old if item not in new)


def compare_in_order(old: list[Any], new: list[Any], place: str, found: list[str]) -> None:
    names = [name_of(item) for item in old], [name_of(item) for item in new]
    if names[0] != names[1][: len(names[0])] or (place.endswith("parameters") and len(new) != len(old)):
        found.append(f"{place} was {', '.join(map(str, names[0]))} and is {', '.join(map(str, names[1]))}")
        return
    for before, after in zip(old, new):
        compare(before, after, f"{place}.{before['name']}", "item", found)


def bare(item: Any, top: bool = True) -> Any:
    if isinstance(item, dict):
        kept = {key: value for key, value in item.items() if key not in WORDS and (top or key not in FAILURES)}
        return {key: bare(value, False) for key, value in kept.items()}
    return [bare(each, False) for each in item] if isinstance(item, list) else item


def one_a_line(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n  " + ",\n  ".join(json.dumps(item) for item in value) + "\n]"
    return json.dumps(value)


def main(old_file: str, new_file: str) -> int:
    if old_file == "--bare":
        whole = json.loads(Path(new_file).read_text())
        kept = {"version": whole["version"], **bare(whole)}
        # A line for each item: small, and its changes can be read.
        lines = [f"{json.dumps(key)}: {one_a_line(value)}" for key, value in kept.items()]
        print("{\n" + ",\n".join(lines) + "\n}")
        return 0
    old, new = (json.loads(Path(file).read_text()) for file in (old_file, new_file))
    # A struct that says its own size may grow; what was in it stays where it was.
    for struct in old["structs"]:
        if struct["size_field"]:
            del struct["size"]
    found: list[str] = []
    compare(old, new, "anysock", "", found)
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
