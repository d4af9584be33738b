"""The manual's reference, docs/reference.md: every function, structure and constant, as C declares it."""

from __future__ import annotations

from collections.abc import Iterator

from description import Constant, Description, Function, Parameter, Struct
from text import grouped, mark

OPENING = """\
<!-- Generated from include/anysock.json by bindings/generate (`make header`); do not edit. -->

# Reference

Everything that the header declares, in its order. The other pages say how it goes together; `include/anysock.json` has the same for machines.
Options are in [Options](options.md), errors in [Errors](errors.md).

A pointer's memory is read (in), written (out) or both (inout), and is not kept after the call; with length 0 it may be `NULL`. Every function may be
called from any thread.
"""

#: What a function of this version need not say.
FIRST = "0.1.0"

#: How long a line of code may be.
COLUMNS = 100

#: They have pages of their own.
ELSEWHERE = ("E", "OPT")


def render(description: Description) -> dict[str, str]:
    blocks = [OPENING, *functions(description), *structures(description), *constants(description)]
    return {"../docs/reference.md": "\n".join(blocks)}


def functions(description: Description) -> Iterator[str]:
    section = ""
    for each in description.functions:
        if each.section != section:
            section = each.section
            title, page = description.sections[section]
            yield f"## {title}\n\nExplained in [{page.removesuffix('.md').capitalize()}]({page}).\n"
        yield function(each)


def function(each: Function) -> str:
    parts = [f"### `{each.name}`", f"```c\n{declaration(each)}\n```", each.summary, each.details]
    parts.append("\n".join(map(parameter, each.parameters)))
    parts += [f"**Returns** {each.returns}", each.remarks, f"Since {each.since}." if each.since != FIRST else ""]
    return "\n\n".join(filter(None, parts)) + "\n"


def parameter(each: Parameter) -> str:
    use = mark(each).removeprefix(", ")
    return f"- `{each.name}`{f' ({use})' if use else ''}: {each.doc}"


def declaration(each: Function) -> str:
    """On one line, or with a line for each parameter."""
    opening = f"{declared(each.result.c, each.name)}("
    arguments = [declared(one.type.c, one.name) for one in each.parameters] or ["void"]
    between = ", " if len(opening + ", ".join(arguments)) < COLUMNS else f",\n{' ' * len(opening)}"
    return f"{opening}{between.join(arguments)});"


def declared(kind: str, name: str) -> str:
    return kind + name if kind.endswith("*") else f"{kind} {name}"


def structures(description: Description) -> Iterator[str]:
    yield f"## Structures\n\n`typedef int64_t anysock_t;` {description.handle_doc}\n"
    yield from map(structure, description.structs)


def structure(struct: Struct) -> str:
    head = "| field | type | offset | |\n| --- | --- | --- | --- |\n"
    rows = "".join(
        f"| `{field.name}` | `{field.type.c}`{f'`[{field.type.array}]`' if field.type.array else ''} "
        f"| {field.offset['LP64']} | {field.doc} |\n"
        for field in struct.fields
    )
    size = f"{struct.size['LP64']} bytes where a pointer has 8, {struct.size['ILP32']} where it has 4."
    return f"### `{struct.name}`\n\n{struct.doc} {size}\n\n{head}{rows}"


def constants(description: Description) -> Iterator[str]:
    yield "## Constants\n"
    for title, group in grouped(description):
        if group[0].group not in ELSEWHERE:
            yield f"### {title.rstrip('.')}\n\n| constant | value | |\n| --- | --- | --- |\n" + "".join(
                map(constant, group)
            )


def constant(each: Constant) -> str:
    value = f'"{each.value}"' if isinstance(each.value, str) else each.value
    return f"| `{each.name}` | {value} | {each.doc} |\n"
