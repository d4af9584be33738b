"""COBOL: anysock.cpy, a copybook with the constants and the functions' parameters. A CALL needs no declaration."""

from __future__ import annotations

from description import Constant, Function, Struct, Type
from layer import Layer


def dashed(name: str) -> str:
    return name.replace("_", "-")


class Cobol(Layer):
    path = "cobol/anysock.cpy"
    about = "The C interface: constants; the layouts of structures and the parameters of functions, as comments."
    mark = "*>"
    indent = "       "
    head = """\
       *> What a call returns: a CALL takes 64 bits of a POINTER alone, hence RETURNING ANYSOCK-ANSWER; ANYSOCK-RESULT is its number.
       01  ANYSOCK-ANSWER USAGE POINTER.
       01  ANYSOCK-RESULT REDEFINES ANYSOCK-ANSWER BINARY-DOUBLE.
"""

    def constant(self, each: Constant) -> str:
        value = f'z"{each.value}"' if isinstance(each.value, str) else str(each.value)
        return f"78  {dashed(each.name)} VALUE {value}.\n"

    def structure(self, struct: Struct) -> str:
        rows = "".join(
            f"{self.prefix}  {dashed(field.name)} (offset {field.offset['LP64']}, {field.type.c})\n"
            for field in struct.fields
        )
        return f"{self.comment(f'{struct.name}: {struct.doc}')}{rows}"

    def function(self, each: Function) -> str:
        lines = [f'CALL "{each.name}" USING' if each.parameters else f'CALL "{each.name}"']
        for parameter in each.parameters:
            lines.append(f"    BY {self.passed(parameter.type)} {dashed(parameter.name)}")
        lines.append("    RETURNING ANYSOCK-ANSWER")
        return "".join(f"{self.prefix}  {line}\n" for line in lines)

    def passed(self, type: Type) -> str:
        """A value is passed in 32 bits where nobody says more."""
        if type.pointer:
            return "REFERENCE"
        return "VALUE" if type.base == "int32" else "VALUE SIZE 8"


render = Cobol().render
