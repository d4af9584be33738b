"""D: anysock.d, declarations for `extern (C)`."""

from __future__ import annotations

from description import Constant, Function, Struct, Type
from layer import Layer


class D(Layer):
    path = "d/anysock.d"
    head = "module anysock;\n\nextern (C) nothrow @nogc:\n\nalias anysock_t = long;\n"
    reserved = frozenset({"type", "scope"})
    types = {
        "uint8": "ubyte", "uint16": "ushort", "uint32": "uint", "int32": "int", "int64": "long", "size": "size_t",
        "anysock_t": "anysock_t", "void": "void", "char": "char", "string": "string",
    }  # fmt: skip

    def type(self, type: Type) -> str:
        base = type.base if type.is_struct else self.types[type.base]
        if not type.pointer:
            return base
        return f"const({base})*" if type.is_const else f"{base}*"

    def constant(self, each: Constant) -> str:
        return f"enum {self.of(each)} {each.name} = {self.literal(each.value)};\n"

    def structure(self, struct: Struct) -> str:
        fields = "".join(
            f"    {self.type(field.type)}{f'[{field.type.array}]' if field.type.array else ''} {self.name(field.name)};\n"
            for field in struct.fields
        )
        return f"{self.comment(struct.doc)}struct {struct.name}\n{{\n{fields}}}\n"

    def function(self, each: Function) -> str:
        arguments = ", ".join(
            f"{self.type(parameter.type)} {self.name(parameter.name)}" for parameter in each.parameters
        )
        return f"{self.type(each.result)} {each.name}({arguments});\n"


render = D().render
