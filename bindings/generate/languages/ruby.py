"""Ruby: lib/anysock/abi.rb, for the gem ffi. What may wait gives up the interpreter's lock."""

from __future__ import annotations

from description import Constant, Description, Function, Struct, Type
from text import comment, full, grouped, indented, literal, opening, pascal


def render(description: Description) -> dict[str, str]:
    names = ", ".join(f"'{name}'" for name in description.library.values())
    parts = [
        "    extend FFI::Library\n",
        "    # The file that ANYSOCK_LIBRARY names, else the installed library.\n"
        f"    ffi_lib ENV.fetch('ANYSOCK_LIBRARY', [{names}])\n",
        *(f"    # {title}\n\n" + "".join(map(constant, group)) for title, group in grouped(description)),
        *map(structure, description.structs),
        *map(function, description.functions),
    ]
    head = opening("#", "The C interface: constants, structures, functions.", "")
    body = "module Anysock\n  module Abi\n" + "\n".join(parts) + "  end\nend\n"
    return {"ruby/lib/anysock/abi.rb": f"# frozen_string_literal: true\n\n{head}\nrequire 'ffi'\n\n{body}"}


def constant(each: Constant) -> str:
    return (
        f"{comment(each.doc, '    # ')}    {each.short} = {literal(each.value).replace(chr(34), chr(39))}\n"
    )


def ruby(type: Type) -> str:
    if type.pointer:
        return ":string" if type.is_text_in else ":pointer"
    if type.is_struct:
        return pascal(type.base.removeprefix("anysock_"))
    base = {"size": ":size_t", "anysock_t": ":int64"}.get(type.base, f":{type.base}")
    return f"[{base}, {type.array}]" if type.array else base


def structure(struct: Struct) -> str:
    fields = ",\n".join(f":{field.name}, {ruby(field.type)}" for field in struct.fields)
    fields = indented(fields, " " * 13).lstrip()
    doc = comment(struct.doc, "    # ")
    return f"{doc}    class {pascal(struct.short)} < FFI::Struct\n      layout {fields}\n    end\n"


def function(each: Function) -> str:
    arguments = ", ".join(ruby(parameter.type) for parameter in each.parameters)
    blocking = ", blocking: true" if each.blocks else ""
    call = f":{each.name}, [{arguments}], {ruby(each.result)}{blocking}"
    return f"{full(each, '    # ')}    attach_function {call}\n"
