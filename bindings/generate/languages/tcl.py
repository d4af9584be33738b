"""Tcl: anysock.tcl, which loads the extension and has the constants. The functions are glue/calls.h's."""

from __future__ import annotations

from description import Constant, Description, Function
from languages.glue import arguments, without_structures
from layer import Layer


class Tcl(Layer):
    path = "tcl/anysock.tcl"
    about = "The C interface: constants; the functions come with the extension that it loads."
    mark = "#"
    indent = "    "
    head = """\
load [file join [file dirname [info script]] libanysocktcl[info sharedlibextension]] Anysock

namespace eval anysock {
"""
    tail = "}\n"

    def constant(self, each: Constant) -> str:
        return f"variable {each.short} {each.value}\n"

    def function(self, each: Function) -> str:
        return f"{self.prefix}anysock::{' '.join([each.short, *(parameter.name for parameter in arguments(each))])}\n"

    def render(self, description: Description) -> dict[str, str]:
        return super().render(without_structures(description))


render = Tcl().render
