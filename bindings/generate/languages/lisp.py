"""Common Lisp: anysock.lisp, alien routines for SBCL."""

from __future__ import annotations

from description import Constant, Function, Struct, Type
from layer import Layer


def dashed(name: str) -> str:
    return name.replace("_", "-").lower()


class Lisp(Layer):
    path = "lisp/anysock.lisp"
    mark = ";;;"
    head = """\
(defpackage :anysock (:use :common-lisp :sb-alien))
(in-package :anysock)

(defmacro defconst (name value)
  "A constant that everybody may use; loading it twice is no error."
  `(progn (export ',name) (sb-int:defconstant-eqx ,name ,value #'equal)))
"""
    types = {
        "uint8": "(unsigned 8)", "uint16": "(unsigned 16)", "uint32": "(unsigned 32)", "int32": "(signed 32)",
        "int64": "(signed 64)", "size": "size-t", "anysock_t": "(signed 64)", "text": "c-string", "pointer": "(* t)",
    }  # fmt: skip

    def constant(self, each: Constant) -> str:
        return f"(defconst +{dashed(each.short)}+ {self.literal(each.value)})\n"

    def type(self, type: Type) -> str:
        return f"(struct {dashed(type.base)})" if type.is_struct and not type.pointer else super().type(type)

    def structure(self, struct: Struct) -> str:
        def kind(type: Type) -> str:
            return f"(array {self.type(type)} {type.array})" if type.array else self.type(type)

        fields = "\n    ".join(f"({dashed(field.name)} {kind(field.type)})" for field in struct.fields)
        name = dashed(struct.name)
        return f"{self.comment(struct.doc)}(define-alien-type {name}\n  (struct {name}\n    {fields}))\n(export '{name})\n"

    def function(self, each: Function) -> str:
        arguments = "".join(
            f"\n  ({dashed(self.name(parameter.name))} {self.type(parameter.type)})" for parameter in each.parameters
        )
        name = dashed(each.short)
        # A name of its own: several are Common Lisp's, as `read` and `open`.
        result = "c-string" if each.answer == "text" else self.type(each.result)
        return (
            f'(export \'anysock-{name})\n(define-alien-routine ("{each.name}" anysock-{name}) {result}{arguments})\n'
        )


render = Lisp().render
