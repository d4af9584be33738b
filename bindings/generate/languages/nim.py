"""Nim: anysock.nim, which loads the library when the program starts."""

from __future__ import annotations

from description import Constant, Description, Function, Struct, Type
from layer import Layer


class Nim(Layer):
    path = "nim/anysock.nim"
    mark = "#"
    reserved = frozenset({"type"})
    types = {
        "uint8": "uint8", "uint16": "uint16", "uint32": "uint32", "int32": "int32", "int64": "int64", "size": "csize_t",
        "anysock_t": "anysock_t", "void": "pointer", "char": "cstring", "string": "string",
    }  # fmt: skip

    def render(self, description: Description) -> dict[str, str]:
        library = description.library
        self.head = (
            "type anysock_t* = int64\n\n"
            "# What the loader asks for.\n"
            "const library =\n"
            f'  when defined(windows): "{library["windows"]}"\n'
            f'  elif defined(macosx): "{library["macos"]}"\n'
            f'  else: "{library["unix"]}"\n'
        )
        return super().render(description)

    def type(self, type: Type) -> str:
        if type.pointer and type.base not in ("void", "char"):
            return f"ptr {type.base if type.is_struct else self.types[type.base]}"
        return type.base if type.is_struct else self.types[type.base]

    def constant(self, each: Constant) -> str:
        kind = "" if each.type == "text" else f": {self.of(each)}"
        return f"const {each.name}*{kind} = {self.literal(each.value)}\n"

    def structure(self, struct: Struct) -> str:
        def kind(type: Type) -> str:
            return f"array[{type.array}, {self.type(type)}]" if type.array else self.type(type)

        fields = "".join(f"  {self.name(field.name)}*: {kind(field.type)}\n" for field in struct.fields)
        return f"{self.comment(struct.doc)}type {struct.name}* {{.bycopy.}} = object\n{fields}"

    def function(self, each: Function) -> str:
        arguments = ", ".join(
            f"{self.name(parameter.name)}: {self.type(parameter.type)}" for parameter in each.parameters
        )
        return f"proc {each.name}*({arguments}): {self.type(each.result)} {{.importc, cdecl, dynlib: library.}}\n"


render = Nim().render
