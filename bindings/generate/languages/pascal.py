"""Pascal: anysock.pas, a unit for Free Pascal."""

from __future__ import annotations

from description import Constant, Function, Struct, Type
from layer import Layer


class Pascal(Layer):
    path = "pascal/anysock.pas"
    head = """\
{$mode objfpc}{$packrecords c}
unit anysock;

interface

{$linklib anysock}

type
  anysock_t = int64;
  Panysock_t = ^anysock_t;
"""
    functions_head = ""
    tail = "implementation\n\nend.\n"
    reserved = frozenset({"type", "set"})
    types = {
        "uint8": "byte", "uint16": "word", "uint32": "longword", "int32": "longint", "int64": "int64", "size": "sizeuint",
        "anysock_t": "anysock_t", "text": "pchar", "pointer": "pointer",
    }  # fmt: skip

    def type(self, type: Type) -> str:
        if type.pointer and type.base == "char":
            return "pchar"
        if type.pointer and type.base != "void":
            return "P" + (type.base if type.is_struct or type.base == "anysock_t" else self.types[type.base])
        return super().type(type)

    def constant(self, each: Constant) -> str:
        value = f"'{each.value}'" if isinstance(each.value, str) else str(each.value)
        return f"const {each.name} = {value};\n"

    def structure(self, struct: Struct) -> str:
        def kind(type: Type) -> str:
            return f"array[0..{type.array - 1}] of {self.type(type)}" if type.array else self.type(type)

        fields = "".join(f"    {self.name(field.name)}: {kind(field.type)};\n" for field in struct.fields)
        head = f"{self.comment(struct.doc)}type\n  P{struct.name} = ^{struct.name};\n"
        return f"{head}  {struct.name} = record\n{fields}  end;\n"

    def function(self, each: Function) -> str:
        arguments = "; ".join(
            f"{self.name(parameter.name)}: {self.type(parameter.type)}" for parameter in each.parameters
        )
        parameters = f"({arguments})" if arguments else ""
        return f"function {each.name}{parameters}: {self.type(each.result)}; cdecl; external 'anysock';\n"


render = Pascal().render
