#!/usr/bin/env python3
"""Writes anysock/_abi.py, the C interface as ctypes sees it, from include/anysock.h.

The header must be understood to the last line: a declaration of a new shape stops the generator instead of
going missing. With `--check` it compares instead of writing. No C parser: it knows that header's few shapes.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from re import Match

HERE = Path(__file__).resolve().parent
HEADER = HERE.parents[1] / "include" / "anysock.h"
MODULE = HERE / "anysock" / "_abi.py"
WIDTH = 110

OPENING = '''\
"""The C interface of anysock, as ctypes sees it: constants, structures, functions.

Generated from include/anysock.h by generate.py; do not edit.
"""

# mypy: ignore-errors
# The annotations are not Python's types but those of C, for `foreign` to read.

from ctypes import (
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_int32,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint16,
    c_uint32,
    c_void_p,
)

from ._library import foreign, require

'''

SCALARS = {
    "int32_t": "c_int32",
    "int64_t": "c_int64",
    "size_t": "c_size_t",
    "uint8_t": "c_uint8",
    "uint16_t": "c_uint16",
    "uint32_t": "c_uint32",
}
POINTERS = {
    "void": "c_void_p",
    "const void": "c_void_p",
    "const char": "c_char_p",
    # Memory that the library fills in: an array, never Python's immutable bytes.
    "char": "POINTER(c_char)",
}


def shape(text: str) -> re.Pattern[str]:
    return re.compile(text, re.DOTALL)


DOC = r"/\*\*(?!<)(?P<doc>.*?)\*/"
SHAPES = {
    "doc": shape(DOC),
    "comment": shape(r"/\*(?P<text>.*?)\*/"),
    "guard": shape(
        r"#ifdef __cplusplus\n.*?#endif[^\n]*|#(include <\w+\.h>|(ifndef|define) ANYSOCK_H\n|endif[^\n]*)"
    ),
    "constant": shape(r'#define (?P<name>ANYSOCK_\w+) (?P<value>"[^"]*"|[^\s/]+)( */\*\*<(?P<doc>.*?)\*/)?'),
    "alias": shape(r"typedef (?P<type>\w+) (?P<name>\w+);"),
    "struct": shape(r"typedef struct (?P<name>\w+) \{(?P<fields>.*?)\s*\} (?P=name);"),
    "function": shape(r"(?P<result>[\w ]+?[ *]+)(?P<name>anysock_\w+)\((?P<parameters>[^)]*)\);"),
}
FIELD = shape(rf"\s*({DOC})?\s*(?P<declaration>[^;/]+);")
DECLARATION = re.compile(r"(?P<type>.*?)\s*(?P<name>\w+)(\[(?P<count>\d+)\])?$")


def pieces(text: str) -> Iterator[tuple[str, Match[str]]]:
    """Takes the header apart, and leaves nothing out but white space."""
    text = text.rstrip()
    place = 0
    while place < len(text):
        kind, match = piece(text, place)
        yield kind, match
        place = match.end()


def piece(text: str, place: int) -> tuple[str, Match[str]]:
    while text[place].isspace():
        place += 1
    for kind, known in SHAPES.items():
        match = known.match(text, place)
        if match:
            return kind, match
    line = text.count("\n", 0, place) + 1
    raise SystemExit(f"{HEADER}:{line}: generate.py does not know this shape")


def words(comment: str) -> str:
    """A comment without its stars."""
    lines = (re.sub(r"^\s*\* ?", "", line).rstrip() for line in comment.strip().splitlines())
    return "\n".join(lines)


def remark(comment: str) -> str:
    """A comment before a constant, a type or a field."""
    return "".join(f"#: {line}".rstrip() + "\n" for line in words(comment).splitlines())


def docstring(comment: str) -> str:
    text = words(comment).replace("\\", "\\\\")
    end = "\n" if "\n" in text else ""
    return textwrap.indent(f'"""{text}{end}"""', "    ")


class Module:
    """The Python module, as far as the header has been read."""

    def __init__(self) -> None:
        self.types: dict[str, str] = dict(SCALARS)
        self.constants: list[str] = []
        self.declarations: list[str] = []
        self.functions: list[str] = []

    def text(self) -> str:
        constants = OPENING + "\n".join(self.constants)
        parts = [constants, *self.declarations, "require(ANYSOCK_ABI_VERSION)", *self.functions]
        return "\n\n\n".join(parts) + "\n"

    def read(self, header: str) -> None:
        doc = ""
        for kind, match in pieces(header):
            add = {
                "constant": self.constant,
                "alias": self.alias,
                "struct": self.struct,
                "function": self.function,
            }.get(kind)
            if add:
                add(match, doc)
            elif kind == "comment" and self.constants:
                self.constants.append(f"\n# {words(match['text'])}")
            doc = match["doc"] if kind == "doc" else ""

    def constant(self, match: Match[str], doc: str) -> None:
        line = f"{match['name']} = {match['value'].strip('()')}"
        if match["doc"]:
            line += f"  # {match['doc'].strip()}"
        if doc and self.constants:
            self.constants.append("")
        self.constants.append(remark(doc) + line)

    def alias(self, match: Match[str], doc: str) -> None:
        self.declarations.append(f"{remark(doc)}{match['name']} = {self.types[match['type']]}")
        self.types[match["name"]] = match["name"]

    def struct(self, match: Match[str], doc: str) -> None:
        rest = FIELD.sub("", match["fields"])
        if rest.strip():
            raise SystemExit(f"{HEADER}: fields of {match['name']} that generate.py does not know: {rest}")
        lines = [f"class {match['name']}(Structure):", docstring(doc), "", "    _fields_ = ["]
        for field in FIELD.finditer(match["fields"]):
            name, kind = self.declaration(field["declaration"])
            lines.append(textwrap.indent(f'{remark(field["doc"])}("{name}", {kind}),', " " * 8))
        self.declarations.append("\n".join([*lines, "    ]"]))
        self.types[match["name"]] = match["name"]

    def function(self, match: Match[str], doc: str) -> None:
        parameters = [] if match["parameters"] == "void" else match["parameters"].split(",")
        arguments = [f"{name}: {kind}" for name, kind in map(self.declaration, parameters)]
        head, tail = f"def {match['name']}(", f") -> {self.type(match['result'])}:"
        line = head + ", ".join(arguments) + tail
        if len(line) > WIDTH:
            line = "\n".join([head, *(f"    {argument}," for argument in arguments), tail])
        self.functions.append(f"@foreign\n{line}\n{docstring(doc)}")

    def declaration(self, text: str) -> tuple[str, str]:
        """Of `const char *address`, the name and the type."""
        match = DECLARATION.match(" ".join(text.split()))
        assert match, text
        kind = self.type(match["type"])
        return match["name"], f"{kind} * {match['count']}" if match["count"] else kind

    def type(self, text: str) -> str:
        """What ctypes calls a C type. A `KeyError` is a type that the header has not declared."""
        target, star, _ = text.replace("struct ", "").strip().partition("*")
        target = target.strip()
        if not star:
            return self.types[target]
        return POINTERS.get(target) or f"POINTER({self.types[target.replace('const ', '')]})"


def main() -> int:
    module = Module()
    module.read(HEADER.read_text(encoding="utf-8"))
    if "--check" not in sys.argv[1:]:
        MODULE.write_text(module.text(), encoding="utf-8")
        return 0
    if MODULE.read_text(encoding="utf-8") == module.text():
        return 0
    print(f"{MODULE} is out of date: run {__file__}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
