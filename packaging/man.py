"""Writes the manual pages: one in section 3 for each function, of the description that the header's comments are in
(include/anysock.json), and the overview in section 7, of the manual's own pages.

    man.py FOLDER        makes FOLDER/man3 and FOLDER/man7

The only date in them is SOURCE_DATE_EPOCH, or that of the description.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "include" / "anysock.json"

#: The width of a line in a terminal, without the indent.
COLUMNS = 72

#: What the overview is made of.
OVERVIEW = ["introduction.md", "rules.md", "blocking.md", "readiness.md"]


def plain(text: str) -> str:
    """Text for roff: nothing in it is taken for a command or an escape."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga").replace("^", "\\(ha").replace("~", "\\(ti")
    return "".join(letter if letter.isascii() else f"\\[u{ord(letter):04X}]" for letter in text)


def inline(text: str) -> str:
    """A line of Markdown: code and strong words are bold, links are their words."""
    text = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text)
    pieces = re.split(r"(`[^`]+`|\*\*.+?\*\*)", text)
    said = []
    for piece in pieces:
        if piece.startswith("`") and piece.endswith("`") and len(piece) > 2:
            said.append(f"\\fB{plain(piece[1:-1])}\\fR")
        elif piece.startswith("**") and piece.endswith("**") and len(piece) > 4:
            said.append(f"\\fB{plain(piece[2:-2].replace('`', ''))}\\fR")
        else:
            said.append(plain(piece))
    joined = "".join(said)
    return "\\&" + joined if joined.startswith((".", "\\(aq")) else joined


def paragraph(text: str) -> list[str]:
    return [".P", inline(" ".join(text.split()))] if text.strip() else []


def code(lines: list[str]) -> list[str]:
    """As it stands; an empty line is none to roff."""
    return [".P", ".RS 4", ".nf", *(plain(line) if line[:1] not in ("", ".", "'") else f"\\&{plain(line)}" for line in lines), ".fi", ".RE"]


def markdown(text: str) -> Iterator[str]:
    """As much of Markdown as the manual uses: headings, paragraphs, lists, tables, code."""
    pending: list[str] = []
    fenced: list[str] | None = None
    for line in [*text.splitlines(), ""]:
        if line.startswith("```"):
            if fenced is not None:
                yield from code(fenced)
            fenced = [] if fenced is None else None
        elif fenced is not None:
            fenced.append(line)
        elif line.startswith(("#", "- ", "|", "> ")) or not line.strip():
            yield from paragraph("\n".join(pending))
            pending = []
            yield from block(line)
        else:
            pending.append(line)
    yield from paragraph("\n".join(pending))


def block(line: str) -> Iterator[str]:
    if line.startswith("# "):
        yield f".SH {plain(line[2:]).upper()}"
    elif line.startswith("#"):
        yield f".SS {plain(line.lstrip('# '))}"
    elif line.startswith("- "):
        yield ".IP \\(bu 2"
        yield inline(line[2:])
    elif line.startswith("> "):
        yield from paragraph(line[2:])
    elif line.startswith("|"):
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if any(cells) and not all(re.fullmatch(r"[-: ]*", cell) for cell in cells):
            yield ".TP"
            yield inline(cells[0]) or "\\&"
            yield inline("; ".join(cells[1:])) or "\\&"


class Pages:
    """The description, and what every page says alike."""

    def __init__(self) -> None:
        self.description = json.loads(SOURCE.read_text())
        moment = int(os.environ.get("SOURCE_DATE_EPOCH", SOURCE.stat().st_mtime))
        self.date = time.strftime("%Y-%m-%d", time.gmtime(moment))
        self.errors = {error["name"]: error for error in self.description["errors"]}
        self.functions = self.description["functions"]

    def head(self, name: str, section: int) -> list[str]:
        return [f'.TH {name.upper()} {section} {self.date} "anysock {self.description["version"]}" "anysock"', ".nh", ".ad l"]

    def function(self, item: dict[str, Any]) -> str:
        name = item["name"]
        lines = [*self.head(name, 3), ".SH NAME", f"{name} \\- {plain(lower(first_sentence(item['summary'])))}"]
        lines += [".SH SYNOPSIS", ".nf", ".B #include <anysock.h>", ".P", *self.prototype(item), ".fi"]
        lines += [".P", "Link with \\fB\\-lanysock\\fR."]
        lines += [".SH DESCRIPTION", *text(item["summary"]), *text(item["details"])]
        lines += [part for parameter in item["parameters"] for part in self.parameter(parameter)]
        lines += [".SH RETURN VALUE", *text(item["result"]["doc"])]
        if item["fails"]:
            lines += [".P", "What is less than 0 is an error."]
        if item["errors"]:
            lines += [".SH ERRORS", *(part for error in item["errors"] for part in self.error(error))]
        lines += [".SH NOTES", *text(item["remarks"])] if item["remarks"] else []
        lines += [".SH VERSIONS", f"Since anysock {item['since']}."]
        lines += [".SH SEE ALSO", self.others(item)]
        return joined(lines)

    def prototype(self, item: dict[str, Any]) -> list[str]:
        """On one line, or with a line for each parameter."""
        parameters = [declaration(each["c"], each["name"]) for each in item["parameters"]] or ["void"]
        opening = f"{declaration(item['result']['c'], item['name'])}("
        between = ", " if len(opening + ", ".join(parameters)) < COLUMNS else f",\n{' ' * len(opening)}"
        return [f"\\fB{plain(line)}\\fR" for line in f"{opening}{between.join(parameters)});".split("\n")]

    def parameter(self, item: dict[str, Any]) -> list[str]:
        return [".TP", f"\\fI{plain(item['name'])}\\fR", *(text(item["doc"])[1:] or ["\\&"])]

    def error(self, name: str) -> list[str]:
        found = self.errors[name]
        return [".TP", f"\\fB{plain(found['constant'])}\\fR ({plain(str(found['code']))})", inline(found["message"].capitalize() + ".")]

    def others(self, item: dict[str, Any]) -> str:
        near = [each["name"] for each in self.functions if each["section"] == item["section"] and each is not item]
        return ",\n".join(f"\\fB{name}\\fR(3)" for name in near) + (",\n" if near else "") + "\\fBanysock\\fR(7)"

    def overview(self) -> str:
        lines = [*self.head("anysock", 7), ".SH NAME", f"anysock \\- {plain('the same sockets for every language on every system')}"]
        lines += [".SH SYNOPSIS", ".B #include <anysock.h>", ".P", "Link with \\fB\\-lanysock\\fR."]
        for page in OVERVIEW:
            lines += markdown((ROOT / "docs" / page).read_text())
        lines += [".SH FUNCTIONS"]
        for section in self.description["sections"]:
            names = [each for each in self.functions if each["section"] == section["name"]]
            if names:
                lines += [f".SS {plain(section['title'])}"]
            for each in names:
                lines += [".TP", f"\\fB{each['name']}\\fR(3)", inline(first_sentence(each["summary"]))]
        return joined(lines)


def joined(lines: list[str]) -> str:
    """A page. What opens a section opens a paragraph as well."""
    kept: list[str] = []
    for line in lines:
        if line and not (line == ".P" and kept[-1].startswith((".SH", ".SS", ".P"))):
            kept.append(line)
    return "\n".join(kept) + "\n"


def declaration(kind: str, name: str) -> str:
    return f"{kind}{name}" if kind.endswith("*") else f"{kind} {name}"


def first_sentence(summary: str) -> str:
    return re.split(r"(?<=[.;])\s", summary, maxsplit=1)[0].rstrip(".;").replace("`", "")


def lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def text(words: str) -> list[str]:
    return [line for part in words.split("\n\n") for line in paragraph(part)]


def main(folder: Path) -> None:
    pages = Pages()
    for section in (3, 7):
        (folder / f"man{section}").mkdir(parents=True, exist_ok=True)
        for old in (folder / f"man{section}").iterdir():
            old.unlink()
    for item in pages.functions:
        (folder / "man3" / f"{item['name']}.3").write_text(pages.function(item))
    (folder / "man7" / "anysock.7").write_text(pages.overview())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
