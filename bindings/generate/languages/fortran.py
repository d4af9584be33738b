"""Fortran: anysock.f90, a module of interfaces with `bind(C)` (Fortran 2018)."""

from __future__ import annotations

from description import Constant, Function, Parameter, Struct, Type
from layer import Layer

#: Fortran ends a line at 132 characters; a long list of parameters goes on in the next.
WIDTH = 100


class Fortran(Layer):
    path = "fortran/anysock.f90"
    mark = "!"
    indent = "  "
    head = "module anysock\n  use, intrinsic :: iso_c_binding\n  implicit none\n  public\n"
    functions_head = "  interface\n"
    tail = "  end interface\nend module anysock\n"
    types = {
        "uint8": "integer(c_int8_t)", "uint16": "integer(c_int16_t)", "uint32": "integer(c_int32_t)",
        "int32": "integer(c_int32_t)", "int64": "integer(c_int64_t)", "size": "integer(c_size_t)",
        "anysock_t": "integer(c_int64_t)", "pointer": "type(c_ptr)", "string": "character(len=*)",
    }  # fmt: skip

    def constant(self, each: Constant) -> str:
        if isinstance(each.value, str):
            return f'character(len=*), parameter :: {each.name} = "{each.value}" // c_null_char\n'
        return f"{self.of(each)}, parameter :: {each.name} = {each.value}\n"

    def structure(self, struct: Struct) -> str:
        def kind(type: Type) -> str:
            return f"type({type.base})" if type.is_struct and not type.pointer else self.type(type)

        fields = "".join(
            f"    {kind(field.type)} :: {field.name}{f'({field.type.array})' if field.type.array else ''}\n"
            for field in struct.fields
        )
        return f"{self.comment(struct.doc)}  type, bind(C) :: {struct.name}\n{fields}  end type\n"

    def argument(self, each: Parameter) -> str:
        """Memory is any array, a text one of characters; what may be NULL is a pointer."""
        if not each.type.pointer:
            return f"{self.types[each.type.base]}, value :: {each.name}"
        if each.nullable == "always":
            return f"type(c_ptr), value :: {each.name}"
        # What is filled in part keeps the rest.
        place = f"intent({'in' if each.direction == 'in' else 'inout'}) :: {each.name}(*)"
        if each.type.base == "void":
            return f"type(*), {place}"
        if each.type.base == "char":
            return f"character(kind=c_char), {place}"
        if each.type.is_struct:
            return f"type({each.type.base}), {place}"
        return f"{self.types[each.type.base]}, {place if each.length else place.removesuffix('(*)')}"

    def function(self, each: Function) -> str:
        names = self.broken(", ".join(parameter.name for parameter in each.parameters))
        lines = "".join(f"      {self.argument(parameter)}\n" for parameter in each.parameters)
        result = self.type(each.result)
        return (
            f'    function {each.name}({names}) &\n        bind(C, name="{each.name}") result(answer)\n'
            f"      import\n{lines}      {result} :: answer\n    end function\n"
        )

    @staticmethod
    def broken(names: str) -> str:
        """In lines of a length that compilers take."""
        if len(names) < WIDTH:
            return names
        cut = names.rindex(", ", 0, WIDTH) + 1
        return names[:cut] + " &\n       " + names[cut:]

    def type(self, type: Type) -> str:
        return self.types["pointer"] if type.pointer else super().type(type)


render = Fortran().render
