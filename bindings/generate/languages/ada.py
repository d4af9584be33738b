"""Ada: anysock.ads, a package of imports."""

from __future__ import annotations

from description import Constant, Function, Struct, Type
from layer import Layer


class Ada(Layer):
    path = "ada/anysock.ads"
    mark = "--"
    indent = "   "
    head = """\
with Interfaces;          use Interfaces;
with Interfaces.C;
with Interfaces.C.Strings;
with System;

package Anysock is

   subtype anysock_t is Integer_64;
   type Octets is array (Positive range <>) of aliased Unsigned_8 with Convention => C;
"""
    tail = "end Anysock;\n"
    types = {
        "uint8": "Unsigned_8", "uint16": "Unsigned_16", "uint32": "Unsigned_32", "int32": "Integer_32", "int64": "Integer_64",
        "size": "Interfaces.C.size_t", "anysock_t": "anysock_t", "text": "Interfaces.C.char_array", "pointer": "System.Address",
    }  # fmt: skip

    def constant(self, each: Constant) -> str:
        if isinstance(each.value, str):
            return f'{each.name} : constant String := "{each.value}";\n'
        return f"{each.name} : constant := {each.value};\n"

    def structure(self, struct: Struct) -> str:
        def kind(type: Type) -> str:
            return f"Octets (1 .. {type.array})" if type.array else self.type(type)

        fields = "".join(f"      {self.name(field.name)} : {kind(field.type)};\n" for field in struct.fields)
        return f"{self.comment(struct.doc)}   type {struct.name} is record\n{fields}   end record with Convention => C;\n"

    def function(self, each: Function) -> str:
        arguments = ";\n      ".join(
            f"{self.name(parameter.name)} : {self.type(parameter.type)}" for parameter in each.parameters
        )
        parameters = f"\n     ({arguments})" if arguments else ""
        result = "Interfaces.C.Strings.chars_ptr" if each.answer == "text" else self.type(each.result)
        return (
            f"   function {each.name}{parameters}\n      return {result}\n"
            f'      with Import, Convention => C, External_Name => "{each.name}";\n'
        )


render = Ada().render
