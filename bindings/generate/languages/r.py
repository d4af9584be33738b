"""R: anysock.R, constants and functions over the compiled glue/calls.h."""

from __future__ import annotations

from description import Constant, Description, Function
from languages.glue import arguments, without_structures
from layer import Layer


class R(Layer):
    path = "r/anysock.R"
    about = (
        'The C interface: constants and functions. The extension is to be loaded before: dyn.load("libanysockr.so").'
    )
    mark = "#"

    def constant(self, each: Constant) -> str:
        return f"{each.name} <- {self.literal(each.value)}\n"

    def function(self, each: Function) -> str:
        names = [parameter.name for parameter in arguments(each)]
        given = ", ".join([f'"r_{each.short}"', *names])
        return f"{each.name} <- function({', '.join(names)}) .External({given})\n"

    def render(self, description: Description) -> dict[str, str]:
        return super().render(without_structures(description))


render = R().render
