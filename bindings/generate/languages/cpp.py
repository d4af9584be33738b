"""C++: constants.hpp, the constants and errors in C++'s manner. The functions and structures are the C header's."""

from __future__ import annotations

from description import Constant, Description, Error
from text import comment, grouped, literal, opening

#: The namespace of a group.
SPACES = {
    "OPT": "option",
    "SHUT": "shut",
    "FLAG": "flag",
    "EVENT": "event",
    "CONTROL": "control",
    "OP": "op",
    "QUEUE": "queue_flag",
}


def render(description: Description) -> dict[str, str]:
    head = opening("//", "The constants of the C interface, and its errors as `std::error_condition`.", "")
    spaces = "\n".join(
        space(title, group) for title, group in grouped(description) if group[0].group in SPACES
    )
    text = f"""\
{head}
#ifndef ANYSOCK_CONSTANTS_HPP
#define ANYSOCK_CONSTANTS_HPP

#include <cstdint>
#include <system_error>

namespace anysock {{

{codes(description.errors)}
{conditions(description.errors)}
{spaces}
}} // namespace anysock

template <> struct std::is_error_code_enum<anysock::errc> : std::true_type {{}};

#endif
"""
    return {"cpp/include/anysock/constants.hpp": text}


def name(error: Error) -> str:
    return error.classes["cpp"] or error.name.lower()


def codes(errors: list[Error]) -> str:
    rows = "".join(f"{comment(each.message, '    /// ')}    {name(each)} = {each.code},\n" for each in errors)
    head = (
        "/// What can go wrong: Linux's numbers, negated, on every system, named as `std::errc` names them.\n"
    )
    return f"{head}enum class errc : int {{\n{rows}}};\n"


def conditions(errors: list[Error]) -> str:
    known = (each for each in errors if each.classes["cpp"])
    rows = "".join(f"    case errc::{name(each)}: return std::errc::{name(each)};\n" for each in known)
    head = "/// The portable condition of an error; `std::errc{}` of one that the standard has no word for.\n"
    body = f"    switch (error) {{\n{rows}    default: return std::errc{{}};\n    }}\n"
    return f"{head}constexpr std::errc portable(errc error) noexcept\n{{\n{body}}}\n"


def space(title: str, group: list[Constant]) -> str:
    rows = "".join(map(constant, group))
    return f"/// {title}\nnamespace {SPACES[group[0].group or '']} {{\n{rows}}}\n"


def constant(each: Constant) -> str:
    own = each.short.removeprefix(f"{each.group}_").lower()
    kind = "const char *" if isinstance(each.value, str) else f"std::{each.type}_t "
    return f"{comment(each.doc, '/// ')}inline constexpr {kind}{own} = {literal(each.value)};\n"
