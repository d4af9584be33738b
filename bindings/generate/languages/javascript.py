"""JavaScript: the constants, and the declarations for Node with koffi, for Deno and for Bun."""

from __future__ import annotations

from collections.abc import Callable

from description import Description, Function, Struct, Type
from text import camel, comment, full, grouped, literal, opening

HOME = "javascript/src/abi"

GROUPS = {
    None: "header",
    "E": "errors",
    "OPT": "options",
    "SHUT": "shut",
    "FLAG": "flags",
    "EVENT": "events",
    "CONTROL": "controls",
    "OP": "operations",
    "QUEUE": "queue",
}


def render(description: Description) -> dict[str, str]:
    return {
        f"{HOME}/constants.js": constants(description),
        f"{HOME}/koffi.js": koffi(description),
        f"{HOME}/deno.js": deno(description),
        f"{HOME}/bun.js": bun(description),
    }


# Constants.


def constants(description: Description) -> str:
    parts = [
        opening("//", "The constants of the C interface, its errors, and the layouts of its structures.", "")
    ]
    for title, group in grouped(description):
        prefix = f"{group[0].group}_" if group[0].group not in (None, "E") else ""
        rows = "".join(
            comment(each.doc, "  // ") + f"  {each.short.removeprefix(prefix)}: {literal(each.value)},\n"
            for each in group
        )
        parts.append(f"// {title}\nexport const {GROUPS[group[0].group]} = Object.freeze({{\n{rows}}});\n")
    texts = "".join(f'  [{each.code}, ["{each.name}", "{each.message}"]],\n' for each in description.errors)
    parts.append(
        f"// Of each error its name and what it means.\nexport const errorTexts = new Map([\n{texts}]);\n"
    )
    layouts = "".join(map(layout, description.structs))
    parts.append(
        "// Where the fields of structures lie on 64-bit systems.\n"
        f"export const layouts = Object.freeze({{\n{layouts}}});\n"
    )
    library = ", ".join(f'{system}: "{name}"' for system, name in description.library.items())
    parts.append(f"// What the loader asks for.\nexport const library = Object.freeze({{ {library} }});\n")
    return "\n".join(parts)


def layout(struct: Struct) -> str:
    rows = "".join(
        f'    {field.name}: {{ offset: {field.offset["LP64"]}, type: "{"pointer" if field.type.pointer else field.type.base}" }},\n'
        for field in struct.fields
    )
    return f"  {struct.name}: {{\n    size: {struct.size['LP64']},\n{rows}  }},\n"


# Node, with koffi: numbers are Number where they fit, pointers are buffers, texts are strings.


def koffi(description: Description) -> str:
    rows = "".join(
        f"{full(each, '    // ')}    {camel(each.short)}: library.func("
        f'"{each.name}", "{koffi_type(each.result)}", [{quoted(each, koffi_type)}]),\n'
        for each in description.functions
    )
    head = opening(
        "//",
        "The functions for Node, with koffi; each has `.async(..., callback)`, which runs on a worker thread.",
        "",
    )
    return f"{head}\nexport function declare(koffi, path) {{\n  const library = koffi.load(path);\n  return {{\n{rows}  }};\n}}\n"


def koffi_type(type: Type) -> str:
    if type.pointer:
        return "str" if type.is_text_in else "void *"
    return {"size": "size_t", "anysock_t": "int64_t"}.get(type.base, f"{type.base}_t")


# Deno.


def deno(description: Description) -> str:
    rows = "".join(map(deno_symbol, description.functions))
    head = opening(
        "//",
        "The functions for Deno.dlopen; those that may wait have a sibling that leaves the event loop alone.",
        "",
    )
    return f"{head}\nexport const symbols = {{\n{rows}}};\n"


def deno_symbol(each: Function) -> str:
    shape = (
        f'parameters: [{quoted(each, deno_type)}], result: "{"pointer" if each.answer == "text" else "i64"}"'
    )
    text = f"{comment(each.summary, '  // ')}  {each.name}: {{ {shape} }},\n"
    if each.blocks:
        text += f'  {each.name}_async: {{ name: "{each.name}", {shape}, nonblocking: true }},\n'
    return text


def deno_type(type: Type) -> str:
    if type.pointer:
        return "buffer"
    return {"size": "usize", "int32": "i32", "uint32": "u32"}.get(type.base, "i64")


# Bun.


def bun(description: Description) -> str:
    rows = "".join(
        f"{comment(each.summary, '  // ')}  {each.name}: {{ "
        f'args: [{quoted(each, bun_type)}], returns: "{"cstring" if each.answer == "text" else "i64_fast"}" }},\n'
        for each in description.functions
    )
    head = opening("//", "The functions for dlopen of bun:ffi. Texts are buffers that a NUL ends.", "")
    return f"{head}\nexport const symbols = {{\n{rows}}};\n"


def bun_type(type: Type) -> str:
    if type.pointer:
        return "ptr"
    return {"size": "usize", "int32": "i32", "uint32": "u32"}.get(type.base, "i64")


def quoted(function: Function, name: Callable[[Type], str]) -> str:
    return ", ".join(f'"{name(parameter.type)}"' for parameter in function.parameters)
