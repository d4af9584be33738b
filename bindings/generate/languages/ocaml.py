"""OCaml: anysock.ml, bindings with the library ctypes. What may wait gives up the runtime's lock."""

from __future__ import annotations

from description import Constant, Description, Function, Struct, Type
from layer import Layer
from text import wrapped


class OCaml(Layer):
    path = "ocaml/anysock.ml"
    head = """\
open Ctypes
open Foreign

(* Numbers are OCaml's int: handles, counts and errors have 63 bits at the most. *)
let int64 = view ~read:Int64.to_int ~write:Int64.of_int int64_t
let int32 = view ~read:Int32.to_int ~write:Int32.of_int int32_t
let size = view ~read:Unsigned.Size_t.to_int ~write:Unsigned.Size_t.of_int size_t
let anysock_t = int64
"""
    types = {
        "uint8": "uint8_t", "uint16": "uint16_t", "uint32": "uint32_t", "int32": "int32", "int64": "int64", "size": "size",
        "anysock_t": "anysock_t", "text": "string", "pointer": "(ptr void)",
    }  # fmt: skip

    def titled(self, title: str, body: str) -> str:
        return f"(* {title} *)\n\n{body}" if body else ""

    def comment(self, text: str) -> str:
        # In its comments OCaml reads texts and characters.
        lines = list(wrapped(text.replace('"', "").replace("'", "’"), "   "))
        return f"(* {chr(10).join(lines).strip()} *)\n"

    def brief(self, each: Function) -> str:
        return self.comment(each.summary + (" May wait." if each.blocks else ""))

    def render(self, description: Description) -> dict[str, str]:
        (text,) = super().render(description).values()
        # Lines of comment do not exist: the head is one comment.
        head, rest = text.split("\n\n", 1)
        lines = [line.removeprefix("//").strip() for line in head.splitlines()]
        return {self.path: f"(* {(chr(10) + '   ').join(filter(None, lines))} *)\n\n{rest}"}

    def constant(self, each: Constant) -> str:
        value = self.literal(each.value)
        return f"let {each.name.lower()} = {f'({value})' if value.startswith('-') else value}\n"

    def structure(self, struct: Struct) -> str:
        def kind(type: Type) -> str:
            return f"(array {type.array} {self.type(type)})" if type.array else self.type(type)

        fields = "".join(
            f'let {struct.name}_{field.name} = field {struct.name} "{field.name}" {kind(field.type)}\n'
            for field in struct.fields
        )
        head = f'{self.comment(struct.doc)}let {struct.name} : [`{struct.name}] structure typ = structure "{struct.name}"\n'
        return f"{head}{fields}let () = seal {struct.name}\n"

    def function(self, each: Function) -> str:
        kinds = [self.type(parameter.type) for parameter in each.parameters] or ["void"]
        lock = " ~release_runtime_lock:true" if each.blocks else ""
        result = "string" if each.answer == "text" else self.type(each.result)
        return f'let {each.name} = foreign "{each.name}"{lock}\n    ({" @-> ".join(kinds)} @-> returning {result})\n'


render = OCaml().render
