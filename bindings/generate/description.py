"""include/anysock.json as objects, which the templates read. Not here: the templates (`languages`); what each key means (the
schema, include/anysock.schema.json)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The types of C that are numbers, apart from a handle.
SCALARS = ("uint8", "uint16", "uint32", "int32", "int64", "size")


@dataclass(frozen=True)
class Type:
    """The type of a parameter, a field or a result."""

    #: A scalar, `void` for bytes, `char` for text, a handle or a structure.
    base: str
    pointer: bool
    #: As C declares it: `const char *`.
    c: str
    #: The length of an array in a structure; `None` if it is none.
    array: int | None = None

    @property
    def is_text_in(self) -> bool:
        """A text that the library reads, up to its NUL."""
        return self.c == "const char *"

    @property
    def is_struct(self) -> bool:
        return self.base.startswith("anysock_") and self.base != "anysock_t"

    @property
    def is_const(self) -> bool:
        return self.c.startswith("const ")


@dataclass(frozen=True)
class Parameter:
    name: str
    type: Type
    #: `in`, `out` or `inout`.
    direction: str
    #: Whether NULL is allowed: `never`, `when_empty` (with length 0) or `always`; `None` if it is no pointer.
    nullable: str | None
    #: The parameter that has the number of elements or bytes; `None` for one element, or text to its NUL.
    length: str | None
    #: The group of constants that the number is made of; `None` for any number.
    group: str | None
    doc: str


@dataclass(frozen=True)
class Function:
    name: str
    #: The version of the library that brought it.
    since: str
    section: str
    summary: str
    details: str
    parameters: list[Parameter]
    #: What a success returns: `zero`, `handle`, `count`, `length`, `boolean`, `descriptor`, `number` or `text`.
    answer: str
    result: Type
    returns: str
    #: Whether the result may be a negative error.
    fails: bool
    #: The names of its errors.
    errors: list[str]
    #: Whether a call may wait.
    blocks: bool
    remarks: str

    @property
    def short(self) -> str:
        """Its name without the library's."""
        return self.name.removeprefix("anysock_")


@dataclass(frozen=True)
class Field:
    name: str
    type: Type
    #: In bytes, by data model: `LP64`, `LLP64`, `ILP32`.
    offset: dict[str, int]
    doc: str


@dataclass(frozen=True)
class Struct:
    name: str
    doc: str
    #: In bytes, by data model.
    size: dict[str, int]
    fields: list[Field]

    @property
    def short(self) -> str:
        return self.name.removeprefix("anysock_")


@dataclass(frozen=True)
class Constant:
    name: str
    group: str | None
    type: str
    value: int | str
    doc: str

    @property
    def short(self) -> str:
        """Its name without the library's."""
        return self.name.removeprefix("ANYSOCK_")


@dataclass(frozen=True)
class Error:
    name: str
    code: int
    message: str
    source: str
    aliases: list[str]
    classes: dict[str, str | None]


@dataclass(frozen=True)
class Description:
    version: str
    abi: int
    #: The library's file name, by system.
    library: dict[str, str]
    handle_doc: str
    #: By name, the title of a section of the interface, and its page in the manual.
    sections: dict[str, tuple[str, str]]
    structs: list[Struct]
    functions: list[Function]
    constants: list[Constant]
    errors: list[Error]

    @classmethod
    def read(cls, path: Path) -> Description:
        return cls.of(json.loads(path.read_text(encoding="utf-8")))

    @classmethod
    def of(cls, data: dict[str, Any]) -> Description:
        (handle,) = data["types"]
        return cls(
            version=data["version"],
            abi=data["abi"],
            library=data["library"],
            handle_doc=handle["doc"],
            sections={each["name"]: (each["title"], Path(each["page"]).name) for each in data["sections"]},
            structs=[_struct(struct) for struct in data["structs"]],
            functions=[_function(function) for function in data["functions"]],
            constants=[Constant(**constant) for constant in data["constants"]],
            errors=[_error(error) for error in data["errors"]],
        )

    def size_of(self, type: Type, model: str) -> int:
        """The size of a type in bytes, in a data model."""
        if type.pointer or type.base == "size":
            one = 8 if model in ("LP64", "LLP64") else 4
        elif type.is_struct:
            (struct,) = (struct for struct in self.structs if struct.name == type.base)
            one = struct.size[model]
        else:
            one = {"uint8": 1, "uint16": 2, "uint32": 4, "int32": 4}.get(type.base, 8)
        return one * (type.array or 1)

    def group(self, *names: str | None) -> list[Constant]:
        return [constant for constant in self.constants if constant.group in names]


def _type(data: dict[str, Any]) -> Type:
    return Type(data["type"], data.get("pointer", "*" in data["c"]), data["c"], data.get("array"))


def _struct(data: dict[str, Any]) -> Struct:
    fields = [Field(each["name"], _type(each), each["offset"], each["doc"]) for each in data["fields"]]
    return Struct(data["name"], data["doc"], data["size"], fields)


def _parameter(data: dict[str, Any]) -> Parameter:
    return Parameter(
        name=data["name"],
        type=_type(data),
        direction=data["direction"],
        nullable=data.get("nullable"),
        length=data.get("length"),
        group=data.get("group"),
        doc=data["doc"],
    )


def _function(data: dict[str, Any]) -> Function:
    return Function(
        name=data["name"],
        since=data["since"],
        section=data["section"],
        summary=data["summary"],
        details=data["details"],
        parameters=[_parameter(parameter) for parameter in data["parameters"]],
        answer=data["result"]["class"],
        result=_type(data["result"]),
        returns=data["result"]["doc"],
        fails=data["fails"],
        errors=data["errors"],
        blocks=data["blocking"]["class"] == "maybe",
        remarks=data["remarks"],
    )


def _error(data: dict[str, Any]) -> Error:
    keys = ("name", "code", "message", "source", "aliases", "classes")
    return Error(**{key: data[key] for key in keys})
