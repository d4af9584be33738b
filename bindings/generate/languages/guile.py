"""Guile: anysock.scm, a module over `(system foreign)`."""

from __future__ import annotations

from description import Constant, Description, Function, Struct, Type
from layer import Layer


class Guile(Layer):
    path = "guile/anysock.scm"
    mark = ";;;"
    types = {
        "uint8": "uint8", "uint16": "uint16", "uint32": "uint32", "int32": "int32", "int64": "int64", "size": "size_t",
        "anysock_t": "int64", "pointer": "'*",
    }  # fmt: skip

    def render(self, description: Description) -> dict[str, str]:
        library = description.library["unix"]
        self.head = f"""\
(define-module (anysock)
  #:use-module (system foreign)
  #:use-module (system foreign-library))

;; The file that ANYSOCK_LIBRARY names, else the installed library.
(define library (load-foreign-library (or (getenv "ANYSOCK_LIBRARY") "{library}")))

(define-syntax-rule (define-number name value) (define-public name value))
(define-syntax-rule (define-call name result argument ...)
  (define-public name
    (foreign-library-function library (symbol->string 'name) #:return-type result #:arg-types (list argument ...))))
"""
        return super().render(description)

    def constant(self, each: Constant) -> str:
        return f"(define-number {each.name} {self.literal(each.value)})\n"

    def structure(self, struct: Struct) -> str:
        members = []
        for field in struct.fields:
            kind = self.type(field.type)
            members.append(f"(make-list {field.type.array} {kind})" if field.type.array else kind)
        return f"{self.comment(struct.doc)}(define-public {struct.name} (list {' '.join(members)}))\n"

    def function(self, each: Function) -> str:
        arguments = "".join(f" {self.type(parameter.type)}" for parameter in each.parameters)
        return f"(define-call {each.name} {self.type(each.result)}{arguments})\n"


render = Guile().render
