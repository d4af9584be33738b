"""Go: abi.go, the constants and errors. The functions are called through cgo, which reads the header itself."""

from __future__ import annotations

from description import Constant, Description, Error
from text import comment, grouped, literal, opening, pascal

#: What a constant's type is in Go, where it has one of its own.
TYPES = {"EVENT": "Events", "FLAG": "Flags", "SHUT": "How"}


def render(description: Description) -> dict[str, str]:
    parts = [
        opening("//", "The constants of the C interface, and its errors.", ""),
        "package anysock\n",
        TYPE_DECLARATIONS,
        *(block(title, group) for title, group in grouped(description)),
        names(description.errors),
    ]
    return {"go/abi.go": "\n".join(parts)}


TYPE_DECLARATIONS = """\
// Errno is an error: Linux's number, negated, on every system; the resolver and this library have their own.
type Errno int64

// Events are what a poller watches for and reports, added up.
type Events int32

// Flags change how one call sends or receives, added up.
type Flags int32

// How says which halves of a connection are shut.
type How int32
"""


def block(title: str, group: list[Constant]) -> str:
    lines = "".join(f"{comment(each.doc, chr(9) + '// ')}\t{declaration(each)}\n" for each in group)
    return f"// {title}\nconst (\n{lines})\n"


def declaration(each: Constant) -> str:
    if each.group == "E":
        return f"{each.short} Errno = {each.value}"
    kind = TYPES.get(each.group or "", "")
    return f"{pascal(each.short.lower())} {kind}".rstrip() + f" = {literal(each.value)}"


def names(errors: list[Error]) -> str:
    rows = "".join(f'\tcase {each.name}:\n\t\treturn "{each.name}", "{each.message}"\n' for each in errors)
    head = "// text is the name and the meaning of an error; nothing for a number that the header has no name for."
    return f'{head}\nfunc (e Errno) text() (name, meaning string) {{\n\tswitch e {{\n{rows}\t}}\n\treturn "", ""\n}}\n'
