"""Python: anysock/_abi.py, the interface as ctypes sees it."""

from __future__ import annotations

from description import Description, Function, Struct, Type
from text import NOTICE, comment, full, grouped, indented, literal

OPENING = f'''\
"""The C interface of anysock, as ctypes sees it: constants, structures, functions.

{NOTICE}
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

WIDTH = 110


def render(description: Description) -> dict[str, str]:
    parts = [
        OPENING + "\n\n".join(constants(description)),
        f"{comment(description.handle_doc, '#: ')}anysock_t = c_int64",
        *(structure(struct) for struct in description.structs),
        "require(ANYSOCK_HEADER_ABI)",
        *(function(each) for each in description.functions),
    ]
    return {"python/anysock/_abi.py": "\n\n\n".join(parts) + "\n"}


def constants(description: Description) -> list[str]:
    blocks = []
    for title, group in grouped(description):
        lines = "".join(comment(each.doc, "#: ") + f"{each.name} = {literal(each.value)}\n" for each in group)
        blocks.append(f"# {title}\n\n{lines}".rstrip())
    return blocks


def docstring(text: str) -> str:
    text = text.rstrip("\n").replace("\\", "\\\\")
    end = "\n" if "\n" in text else ""
    return indented(f'"""{text}{end}"""', "    ")


def structure(struct: Struct) -> str:
    fields = "".join(
        indented(comment(field.doc, "#: "), " " * 8) + f'        ("{field.name}", {ctype(field.type)}),\n'
        for field in struct.fields
    )
    doc = docstring(comment(struct.doc, ""))
    return f"class {struct.name}(Structure):\n{doc}\n\n    _fields_ = [\n{fields}    ]"


def function(each: Function) -> str:
    arguments = [f"{parameter.name}: {ctype(parameter.type)}" for parameter in each.parameters]
    head, tail = f"def {each.name}(", f") -> {ctype(each.result)}:"
    line = head + ", ".join(arguments) + tail
    if len(line) > WIDTH:
        line = "\n".join([head, *(f"    {argument}," for argument in arguments), tail])
    return f"@foreign\n{line}\n{docstring(full(each, ''))}"


def ctype(type: Type) -> str:
    base = type.base if type.base.startswith("anysock_") else f"c_{type.base.replace('size', 'size_t')}"
    if not type.pointer:
        return f"{base} * {type.array}" if type.array else base
    if type.base == "void":
        return "c_void_p"
    # Memory that the library fills in is an array, never Python's immutable bytes.
    return "c_char_p" if type.is_text_in else f"POINTER({base})"
