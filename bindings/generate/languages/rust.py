"""Rust: src/abi.rs, the declarations for `extern "C"`."""

from __future__ import annotations

from description import Constant, Description, Error, Function, Parameter, Struct, Type
from text import comment, full, grouped, indented, opening

SCALARS = {
    "uint8": "u8",
    "uint16": "u16",
    "uint32": "u32",
    "int32": "i32",
    "int64": "i64",
    "size": "usize",
    "void": "c_void",
    "char": "c_char",
}


def render(description: Description) -> dict[str, str]:
    parts = [
        opening("//!", "The C interface: constants, structures, functions.", ""),
        "#![allow(non_camel_case_types)]\n\nuse std::ffi::{CStr, c_char, c_void};\nuse std::io::ErrorKind;\n",
        *(f"// {title}\n\n{''.join(map(constant, group))}" for title, group in grouped(description)),
        kinds(description.errors),
        f"// Types.\n\n{comment(description.handle_doc, '/// ')}pub type anysock_t = i64;\n",
        *map(structure, description.structs),
        '// Functions. Those that take neither an address nor a descriptor are safe with any numbers, but a close: it takes a queue\'s\n'
        '// memory away.\n\n'
        '#[cfg_attr(not(feature = "bundled"), link(name = "anysock"))]\nunsafe extern "C" {\n'
        + "\n".join(map(function, description.functions))
        + "}\n",
    ]
    return {"rust/src/abi.rs": "\n".join(parts)}


def constant(each: Constant) -> str:
    if isinstance(each.value, str):
        kind, value = "&CStr", f'c"{each.value}"'
    else:
        kind, value = SCALARS[each.type], str(each.value)
    return f"{comment(each.doc, '/// ')}pub const {each.name}: {kind} = {value};\n"


def kinds(errors: list[Error]) -> str:
    named: dict[str, list[str]] = {}
    for each in errors:
        named.setdefault(each.classes["rust"] or "Other", []).append(f"ANYSOCK_{each.name}")
    del named["Other"]
    rows = "".join(f"        {' | '.join(names)} => ErrorKind::{kind},\n" for kind, names in named.items())
    head = "/// What the standard library calls an error; `Other` where it has no word.\n"
    return f"""{head}pub const fn kind(code: i64) -> ErrorKind {{
    match code {{
{rows}        _ => ErrorKind::Other,
    }}
}}
"""


def structure(struct: Struct) -> str:
    fields = "".join(
        f"{comment(field.doc, '    /// ')}    pub {field.name}: {rust(field.type)},\n"
        for field in struct.fields
    )
    head = f"{comment(struct.doc, '/// ')}#[repr(C)]\n#[derive(Clone, Copy, Debug)]\n"
    return f"{head}pub struct {struct.name} {{\n{fields}}}\n"


def function(each: Function) -> str:
    arguments = ", ".join(f"{name(parameter)}: {rust(parameter.type)}" for parameter in each.parameters)
    # A descriptor may be anybody's: using it is its owner's to allow.
    trusts = any(parameter.type.pointer or parameter.name == "fd" for parameter in each.parameters)
    trusts |= each.name == "anysock_close"
    safe = "" if trusts else "safe "
    declaration = f"pub {safe}fn {each.name}({arguments}) -> {rust(each.result)};\n"
    return f"{indented(full(each, '/// '), '    ')}    {declaration}"


def name(parameter: Parameter) -> str:
    return "r#type" if parameter.name == "type" else parameter.name


def rust(type: Type) -> str:
    base = type.base if type.base.startswith("anysock_") else SCALARS[type.base]
    if type.pointer:
        return f"*const {base}" if type.is_const else f"*mut {base}"
    return f"[{base}; {type.array}]" if type.array else base
