"""glue/calls.h: every function in terms of macros, for languages whose foreign interface is C that is compiled against
them (Erlang, R, Tcl). Each has a file of C by hand that says what the macros are. Functions that are given addresses within
memory are left out."""

from __future__ import annotations

from description import Description, Function, Parameter
from text import brief, opening

#: Structures without a pointer: memory that any language can fill.
FLAT = ("anysock_address", "anysock_event")


def render(description: Description) -> dict[str, str]:
    functions = usable(description)
    rows = "".join(f"    EACH({each.short}, {len(arguments(each))}, {int(each.blocks)}) \\\n" for each in functions)
    head = opening(
        " *",
        "Every function in terms of macros, which are the including file's; and a list of them, EACH(name, arguments, may wait).",
        "",
    )
    body = "\n".join(map(function, functions))
    return {"glue/calls.h": f"/*\n{head} */\n\n#define ANYSOCK_FUNCTIONS \\\n{rows}    /* end */\n\n{body}"}


def usable(description: Description) -> list[Function]:
    return [each for each in description.functions if not any(map(holds_addresses, each.parameters))]


def without_structures(description: Description) -> Description:
    """What such a language has: the functions that are given no addresses within memory."""
    return Description(**{**vars(description), "structs": [], "functions": usable(description)})


def holds_addresses(parameter: Parameter) -> bool:
    return parameter.type.is_struct and parameter.type.base not in FLAT


def lengths(each: Function) -> set[str]:
    return {parameter.length for parameter in each.parameters if parameter.length}


def is_single(parameter: Parameter) -> bool:
    """A place for one number or structure that the function fills."""
    return parameter.type.pointer and parameter.direction == "out" and not parameter.length


def arguments(each: Function) -> list[Parameter]:
    """What a language passes: a length is that of its memory, and what is filled comes back."""
    return [
        parameter for parameter in each.parameters if parameter.name not in lengths(each) and not is_single(parameter)
    ]


def element(parameter: Parameter) -> str:
    return (
        "char"
        if parameter.type.base in ("void", "char")
        else parameter.type.c.removeprefix("const ").removesuffix(" *")
    )


def taken(each: Function) -> list[str]:
    """How the parameters come out of the arguments."""
    places = {parameter.name: at for at, parameter in enumerate(arguments(each))}
    lines = []
    for parameter in each.parameters:
        name = parameter.name
        if name in lengths(each):
            continue
        if not parameter.type.pointer:
            lines.append(f"NUMBER({name}, {places[name]});")
        elif parameter.type.is_text_in:
            lines.append(f"TEXT({name}, {places[name]});")
        elif is_single(parameter):
            lines.append(f"PLACE({name}, {element(parameter)});")
        elif parameter.direction == "in":
            lines.append(f"BYTES({name}, {element(parameter)}, {places[name]});")
        else:
            lines.append(f"ROOM({name}, {element(parameter)}, {places[name]});")
    return lines


def given(each: Function) -> list[str]:
    """How what was filled comes back: bytes, a number, or a text."""
    lines = []
    for parameter in each.parameters:
        if is_single(parameter):
            lines.append(f"GIVE_{'BYTES' if parameter.type.is_struct else 'NUMBER'}({parameter.name});")
        elif parameter.direction == "out" and parameter.type.base == "char":
            lines.append(f"GIVE_TEXT({parameter.name});")
        elif parameter.direction == "out":
            lines.append(f"GIVE_ROOM({parameter.name}, answer);")
    return lines


def passed(each: Function) -> str:
    counts = {parameter.length: f"{parameter.name}_count" for parameter in each.parameters if parameter.length}
    return ", ".join(counts.get(parameter.name, parameter.name) for parameter in each.parameters)


def function(each: Function) -> str:
    call = f"{each.name}({passed(each)})"
    if each.answer == "text":
        lines = [*taken(each), f"RETURN_TEXT({call});"]
    else:
        lines = [*taken(each), f"int64_t answer = {call};", *given(each), "RETURN(answer);"]
    doc = brief(each, " * ").strip()
    body = "".join(f"    {line}\n" for line in lines)
    return f"/*\n {doc}\n */\nFUNCTION({each.short}) {{\n{body}}}\n"
