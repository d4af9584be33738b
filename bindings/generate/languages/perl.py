"""Perl: lib/Anysock/Abi.pm, for FFI::Platypus."""

from __future__ import annotations

from description import Constant, Description, Field, Function, Struct, Type
from text import brief, comment, grouped, opening

#: What `pack` calls a field.
PACKED = {
    "uint8": "C",
    "uint16": "S",
    "uint32": "L",
    "int32": "l",
    "int64": "q",
    "size": "Q",
    "anysock_t": "q",
}

NUMBERS = {"int32": "sint32", "uint32": "uint32", "int64": "sint64", "size": "size_t", "anysock_t": "sint64"}


def render(description: Description) -> dict[str, str]:
    head = opening("#", "The C interface: constants, layouts of structures, functions.", "")
    library = description.library
    constants = "\n".join(
        f"# {title}\nuse constant {{\n{''.join(map(constant, group))}}};\n"
        for title, group in grouped(description)
    )
    names = "".join(f"    {each.code} => '{each.name}',\n" for each in description.errors)
    packs = "".join(structure(description, struct) for struct in description.structs)
    functions = "".join(map(function, description.functions))
    text = f"""\
{head}
package Anysock::Abi;

use strict;
use warnings;
use FFI::Platypus 2.00;

{constants}
# Of each error its name.
our %ERROR_NAMES = (
{names});

# For pack and unpack, on 64-bit systems.
our %LAYOUTS = (
{packs});

# The file that ANYSOCK_LIBRARY names, else the installed library.
my %installed = (MSWin32 => '{library["windows"]}', darwin => '{library["macos"]}');
our $FFI = FFI::Platypus->new(
    api => 2,
    lib => $ENV{{ANYSOCK_LIBRARY}} || $installed{{$^O}} || '{library["unix"]}',
);

{functions}
1;
"""
    return {"perl/lib/Anysock/Abi.pm": text}


def constant(each: Constant) -> str:
    value = f"'{each.value}'" if isinstance(each.value, str) else str(each.value)
    return f"{comment(each.doc, '    # ')}    {each.short} => {value},\n"


def structure(description: Description, struct: Struct) -> str:
    packed, end = [], 0
    for field in struct.fields:
        offset, size = field.offset["LP64"], description.size_of(field.type, "LP64")
        packed += [f"x{offset - end}"] * (offset > end)
        packed.append(pack(field, size))
        end = offset + size
    whole = struct.size["LP64"]
    packed += [f"x{whole - end}"] * (whole > end)
    return f"    {struct.name} => {{ size => {whole}, pack => '{' '.join(packed)}' }},\n"


def pack(field: Field, size: int) -> str:
    if field.type.pointer:
        return "Q"
    return f"a{size}" if field.type.array or field.type.is_struct else PACKED[field.type.base]


def perl(type: Type) -> str:
    if type.pointer:
        return "string" if type.is_text_in else "opaque"
    return NUMBERS[type.base]


def function(each: Function) -> str:
    arguments = ", ".join(f"'{perl(parameter.type)}'" for parameter in each.parameters)
    return f"{brief(each, '# ')}$FFI->attach({each.name} => [{arguments}] => '{perl(each.result)}');\n"
