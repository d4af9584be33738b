"""Zig: anysock.zig, declarations for `extern`."""

from __future__ import annotations

from description import Constant, Function, Struct, Type
from layer import Layer


class Zig(Layer):
    path = "zig/anysock.zig"
    head = "pub const anysock_t = i64;\n"
    types = {
        "uint8": "u8", "uint16": "u16", "uint32": "u32", "int32": "i32", "int64": "i64", "size": "usize",
        "anysock_t": "anysock_t", "void": "anyopaque", "char": "u8", "string": "[:0]const u8",
    }  # fmt: skip

    def type(self, type: Type) -> str:
        base = type.base if type.is_struct else self.types[type.base]
        if not type.pointer:
            return base
        const = "const " if type.is_const else ""
        if type.is_text_in:
            return "?[*:0]const u8"
        return f"?*{const}{base}" if type.base == "void" else f"?[*]{const}{base}"

    def constant(self, each: Constant) -> str:
        return f"pub const {each.name}: {self.of(each)} = {self.literal(each.value)};\n"

    def structure(self, struct: Struct) -> str:
        fields = "".join(
            f"    {self.name(field.name)}: {f'[{field.type.array}]' if field.type.array else ''}{self.type(field.type)},\n"
            for field in struct.fields
        )
        return f"{self.comment(struct.doc)}pub const {struct.name} = extern struct {{\n{fields}}};\n"

    def function(self, each: Function) -> str:
        arguments = ", ".join(
            f"{self.name(parameter.name)}: {self.type(parameter.type)}" for parameter in each.parameters
        )
        result = "[*:0]const u8" if each.answer == "text" else self.type(each.result)
        return f"pub extern fn {each.name}({arguments}) {result};\n"


render = Zig().render
