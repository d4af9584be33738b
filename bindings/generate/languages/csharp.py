"""C#: Abi.cs, the imports for P/Invoke, as old compilers take them too."""

from __future__ import annotations

from description import Constant, Description, Field, Function, Struct, Type
from text import grouped, indented, literal, opening, pascal, wrapped

SCALARS = {
    "uint8": "byte",
    "uint16": "ushort",
    "uint32": "uint",
    "int32": "int",
    "int64": "long",
    "size": "UIntPtr",
    "anysock_t": "long",
    "void": "void",
    "char": "byte",
}


def render(description: Description) -> dict[str, str]:
    head = opening("//", "The C interface: constants, structures, functions.", "")
    body = "\n".join(
        [
            '    /// <summary>What the loader asks for.</summary>\n    public const string Library = "anysock";\n',
            *(f"    // {title}\n\n" + "".join(map(constant, group)) for title, group in grouped(description)),
            "    // Structures.\n",
            *map(structure, description.structs),
            "    // Functions.\n",
            *map(function, description.functions),
            socket_errors(description),
        ]
    )
    return {
        "csharp/Anysock/Abi.cs": f"{head}\nusing System;\nusing System.Net.Sockets;\nusing System.Runtime.InteropServices;\n\nnamespace Anysock\n{{\n"
        + indented(f"public static unsafe class Abi\n{{\n{body}}}\n", "    ")
        + "}\n"
    }


def summary(text: str, indent: str = "    ") -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    lines = list(wrapped(text, ""))
    if len(lines) == 1:
        return f"{indent}/// <summary>{lines[0]}</summary>\n"
    body = "".join(f"{indent}/// {line}".rstrip() + "\n" for line in lines)
    return f"{indent}/// <summary>\n{body}{indent}/// </summary>\n"


def constant(each: Constant) -> str:
    kind = "string" if isinstance(each.value, str) else SCALARS[each.type]
    name = each.short if each.group == "E" else pascal(each.short.lower())
    return f"{summary(each.doc)}    public const {kind} {name} = {literal(each.value)};\n"


def csharp(type: Type) -> str:
    base = pascal(type.base) if type.is_struct else SCALARS[type.base]
    return f"{base}*" if type.pointer else base


def structure(struct: Struct) -> str:
    fields = "".join(map(member, struct.fields))
    head = f"{summary(struct.doc)}    [StructLayout(LayoutKind.Sequential)]\n"
    return f"{head}    public struct {pascal(struct.name)}\n    {{\n{fields}    }}\n"


def member(field: Field) -> str:
    kind, name = csharp(field.type), pascal(field.name)
    declared = f"fixed {kind} {name}[{field.type.array}]" if field.type.array else f"{kind} {name}"
    return f"{summary(field.doc, ' ' * 8)}        public {declared};\n"


def function(each: Function) -> str:
    arguments = ", ".join(f"{csharp(parameter.type)} {parameter.name}" for parameter in each.parameters)
    doc = summary(each.summary + (" May wait." if each.blocks else ""))
    attribute = (
        f'    [DllImport(Library, EntryPoint = "{each.name}", CallingConvention = CallingConvention.Cdecl)]\n'
    )
    return (
        f"{doc}{attribute}    public static extern {csharp(each.result)} {pascal(each.short)}({arguments});\n"
    )


def socket_errors(description: Description) -> str:
    rows = "".join(
        f"            case {each.name}: return SocketError.{each.classes['dotnet']};\n"
        for each in description.errors
        if each.classes["dotnet"] not in (None, "SocketError")
    )
    return f"""\
    /// <summary>What .NET calls an error.</summary>
    public static SocketError SocketErrorOf(long code)
    {{
        switch (code)
        {{
{rows}            default: return SocketError.SocketError;
        }}
    }}
"""
