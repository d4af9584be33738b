"""Java: Abi.java, handles of the foreign functions and layouts of the structures, for Java 22 and later."""

from __future__ import annotations

from description import Constant, Description, Function, Parameter, Struct, Type
from text import LICENSE, NOTICE, camel, full, grouped, literal, wrapped

PATH = "java/src/main/java/anysock/Abi.java"

LAYOUTS = {
    "uint8": "JAVA_BYTE",
    "uint16": "JAVA_SHORT",
    "uint32": "JAVA_INT",
    "int32": "JAVA_INT",
    "int64": "JAVA_LONG",
    "size": "JAVA_LONG",
    "anysock_t": "JAVA_LONG",
}
TYPES = {
    "JAVA_BYTE": "byte",
    "JAVA_SHORT": "short",
    "JAVA_INT": "int",
    "JAVA_LONG": "long",
    "ADDRESS": "MemorySegment",
}

OPENING = f"""\
// {NOTICE}
// {LICENSE}

package anysock;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/** The C interface of anysock: constants, layouts of structures, functions. Lengths are those of 64-bit systems. */
@SuppressWarnings("restricted") // that foreign functions are called is what this class is for
public final class Abi {{
    private Abi() {{}}
"""

LOADER = """\
    // The library: the file that the property anysock.library or the variable ANYSOCK_LIBRARY names, else the installed one.

    private static final Linker LINKER = Linker.nativeLinker();
    private static final SymbolLookup LIBRARY = SymbolLookup.libraryLookup(library(), Arena.global());

    private static String library() {
        String named = System.getProperty("anysock.library", System.getenv("ANYSOCK_LIBRARY"));
        if (named != null && !named.isEmpty()) return named;
        String system = System.getProperty("os.name");
        if (system.startsWith("Windows")) return "%(windows)s";
        return system.startsWith("Mac") ? "%(macos)s" : "%(unix)s";
    }

    private static MethodHandle function(String name, MemoryLayout result, MemoryLayout... parameters) {
        MemorySegment address = LIBRARY.find(name).orElseThrow(() -> new UnsatisfiedLinkError(name));
        return LINKER.downcallHandle(address, FunctionDescriptor.of(result, parameters));
    }

    private static AssertionError never(Throwable thrown) {
        return new AssertionError("a foreign function throws nothing", thrown);
    }
"""


def render(description: Description) -> dict[str, str]:
    parts = [
        OPENING,
        *(f"    // {title}\n\n" + "".join(map(constant, group)) for title, group in grouped(description)),
        "    // Structures.\n\n" + "\n".join(map(structure, description.structs)),
        LOADER % description.library,
        *map(function, description.functions),
    ]
    return {PATH: "\n".join(parts) + "}\n"}


def javadoc(text: str, indent: str = "    ") -> str:
    lines = text.replace("&", "&amp;").replace("<", "&lt;").replace("*/", "").rstrip("\n").split("\n")
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    return (
        f"{indent}/**\n" + "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines) + f"{indent} */\n"
    )


def constant(each: Constant) -> str:
    kind = "String" if isinstance(each.value, str) else TYPES[LAYOUTS[each.type]]
    doc = javadoc("\n".join(wrapped(each.doc, "")))
    return f"{doc}    public static final {kind} {each.short} = {literal(each.value)};\n"


def layout(type: Type) -> str:
    if type.pointer:
        return "ADDRESS"
    inner = layout_name(type.base) if type.is_struct else LAYOUTS[type.base]
    return f"MemoryLayout.sequenceLayout({type.array}, {inner})" if type.array else inner


def layout_name(struct: str) -> str:
    """`ADDRESS` alone is a pointer."""
    return f"{struct.removeprefix('anysock_').upper()}_LAYOUT"


def structure(struct: Struct) -> str:
    members = ",\n".join(f'        {layout(field.type)}.withName("{field.name}")' for field in struct.fields)
    doc = javadoc("\n".join(wrapped(struct.doc, "")))
    return f"{doc}    public static final StructLayout {layout_name(struct.name)} = MemoryLayout.structLayout(\n{members});\n"


def function(each: Function) -> str:
    name = f"{each.short.upper()}_HANDLE"
    result = layout(each.result)
    layouts = "".join(f", {layout(parameter.type)}" for parameter in each.parameters)
    handle = f'    private static final MethodHandle {name} = function("{each.name}", {result}{layouts});\n'
    arguments = ", ".join(map(argument, each.parameters))
    values = ", ".join(parameter.name for parameter in each.parameters)
    call = f"({TYPES[result]}) {name}.invokeExact({values})"
    if each.answer == "text":
        call = f"({call}).reinterpret(Long.MAX_VALUE).getString(0)"
    kind = "String" if each.answer == "text" else "long"
    return f"""{handle}
{javadoc(full(each, ""))}    public static {kind} {camel(each.short)}({arguments}) {{
        try {{
            return {call};
        }} catch (Throwable thrown) {{
            throw never(thrown);
        }}
    }}
"""


def argument(parameter: Parameter) -> str:
    return f"{TYPES[layout(parameter.type)]} {parameter.name}"
