"""What raw layers have in common that declare the C interface name by name: a language says how it writes a constant, a structure
and a function, and where the file lies. Not here: the languages with a template of their own shape."""

from __future__ import annotations

from description import Constant, Description, Function, Struct, Type
from text import brief, comment, grouped, literal, opening


class Layer:
    """One file: constants, structures, functions, each with its comment."""

    #: Where the file lies under `bindings`.
    path: str
    about = "The C interface: constants, structures, functions."
    #: What begins a line of comment.
    mark = "//"
    indent = ""
    #: Text before the constants, before the functions, and at the end.
    head = functions_head = tail = ""
    #: The language's name for each type of C; `pointer` is a pointer that it does not dereference.
    types: dict[str, str] = {}
    #: Words that the language reserves, and that names in C may not be there.
    reserved: frozenset[str] = frozenset({"type"})

    def constant(self, each: Constant) -> str:
        raise NotImplementedError

    def structure(self, struct: Struct) -> str:
        raise NotImplementedError

    def function(self, each: Function) -> str:
        raise NotImplementedError

    def render(self, description: Description) -> dict[str, str]:
        blocks = [
            self.head,
            *(self.titled(title, "".join(map(self.documented, group))) for title, group in grouped(description)),
            self.titled("Structures.", "\n".join(map(self.structure, description.structs))),
            self.functions_head,
            self.titled(
                "Functions.", "\n".join(self.brief(each) + self.function(each) for each in description.functions)
            ),
            self.tail,
        ]
        text = opening(self.mark, self.about, "") + "\n" + "\n".join(filter(None, blocks))
        return {self.path: "".join(f"{line.rstrip()}\n" for line in text.splitlines())}

    def titled(self, title: str, body: str) -> str:
        return f"{self.prefix}{title}\n\n{body}" if body else ""

    @property
    def prefix(self) -> str:
        return f"{self.indent}{self.mark} "

    def comment(self, text: str) -> str:
        return comment(text, self.prefix)

    def brief(self, each: Function) -> str:
        """What a function does, and whether it may wait."""
        return brief(each, self.prefix) + ("" if not each.blocks else f"{self.prefix}May wait.\n")

    def documented(self, each: Constant) -> str:
        return self.comment(each.doc) + self.indent + self.constant(each)

    def name(self, name: str) -> str:
        """The name of a parameter or a field."""
        return f"the_{name}" if name in self.reserved else name

    def type(self, type: Type) -> str:
        """The language's type of a parameter, a field or a result."""
        if type.pointer:
            return self.types["text"] if type.is_text_in and "text" in self.types else self.types["pointer"]
        return type.base if type.is_struct else self.types[type.base]

    def of(self, each: Constant) -> str:
        """The language's type of a constant: that of its number, or `string`."""
        return self.types["string"] if each.type == "text" else self.types[each.type]

    literal = staticmethod(literal)
