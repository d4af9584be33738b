"""Checks the manual: links lead somewhere, every piece of C fits the header, every piece of Python compiles, and the programs
that stand there whole run: servers are asked, clients ask them.

    check_docs.py        needs the library of `make build`, or where RELEASE says
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RELEASE = Path(os.environ.get("RELEASE", ROOT / "target/release")).resolve()
CC = os.environ.get("CC", "cc")
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "bindings/python/README.md"]

#: Declarations for the names that the manual's pieces of C use without declaring them.
NAMES = """
#include <anysock.h>
#include <stdio.h>
#include <string.h>
extern anysock_t h, q, server, listener;
extern anysock_op ops[128];
extern anysock_done done[128];
extern size_t wanted;
void answer(const char *data, int64_t length, const anysock_address *sender);
"""

#: Where the programs of the manual listen, and what they say.
PLACE, GREETING = "7000", b"hello\n"


def pieces(page: Path, language: str) -> Iterator[tuple[str, str]]:
    """Each piece of a language, with its place."""
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, found.start()) + 2
        yield f"{page.relative_to(ROOT)}:{line}", found[1]


# -- Links. --

def anchor(heading: str) -> str:
    words = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).lower(), flags=re.UNICODE)
    return words.strip().replace(" ", "-")


def anchors(page: Path) -> set[str]:
    text = page.read_text(encoding="utf-8")
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)} | set(re.findall(r'id="([^"]+)"', text))


def check_links(page: Path) -> Iterator[str]:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, place = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists():
            yield f"{page.relative_to(ROOT)}: {target} is not there"
        elif place and file.suffix == ".md" and place not in anchors(file):
            yield f"{page.relative_to(ROOT)}: {target} has no such heading"


# -- C. --

def compiles(source: str, *arguments: str) -> str:
    """What the compiler has to say against it."""
    command = [CC, "-std=c11", "-Wall", "-Werror", "-Wno-unused", f"-I{ROOT / 'include'}", "-x", "c", "-", *arguments]
    return subprocess.run(command, input=source, capture_output=True, text=True, check=False).stderr


def as_source(piece: str) -> str:
    """A whole program as it is; a struct under another name, and as large as the header's; functions again; else statements."""
    if "int main" in piece:
        return piece
    structs = re.findall(r"^typedef struct (\w+) \{", piece, re.MULTILINE)
    same = ""
    for name in structs:
        found = re.search(rf"^typedef struct {name} \{{.*?^\}} {name};$", piece, re.MULTILINE | re.DOTALL)
        assert found
        piece = piece.replace(found[0], "")
        same += re.sub(rf"(struct |\}} ){name}\b", rf"\1their_{name}", found[0])
        same += f'\n_Static_assert(sizeof(their_{name}) == sizeof({name}), "{name}");\n'
        members = re.sub(r"/\*.*?\*/", "", found[0].partition("{")[2].rpartition("}")[0])
        for field in re.findall(r"(\w+)(?:\[\d+\])?;", members):
            same += f'_Static_assert(__builtin_offsetof(their_{name}, {field}) == __builtin_offsetof({name}, {field}), "{field}");\n'
    if not piece.strip() or re.match(r"\s*(const char \*|int64_t |void )\w+\(", piece):
        return NAMES + same + piece
    return f"{NAMES}{same}\nvoid piece(void);\nvoid piece(void) {{\n{piece}\n}}\n"


def check_c(page: Path) -> Iterator[str]:
    for place, piece in pieces(page, "c"):
        said = compiles(as_source(piece), "-fsyntax-only")
        if said:
            yield f"{place}: {said}"


# -- Python. --

def check_python(page: Path) -> Iterator[str]:
    for place, piece in pieces(page, "python"):
        try:
            compile(textwrap.dedent(piece), place, "exec")
        except SyntaxError as error:
            yield f"{place}: {error}"


# -- Programs. --

def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "bindings/python"), "ANYSOCK_LIBRARY": str(RELEASE / "libanysock.so")}


def ask(port: str, server: subprocess.Popen[bytes]) -> bytes:
    """What a server says; it may not be there yet."""
    while server.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", int(port)), timeout=30) as connection:
                return connection.makefile("rb").read()
        except ConnectionRefusedError:
            continue
    return b""


def check_server(place: str, command: list[str], port: str, client: str | None) -> Iterator[str]:
    with subprocess.Popen(command, env=environment()) as server:
        try:
            said = ask(port, server)
            if said != GREETING:
                yield f"{place}: the server says {said!r}"
            elif client is not None:
                done = subprocess.run([sys.executable, "-c", client], env=environment(), capture_output=True, timeout=60, check=False)
                if GREETING.strip() not in done.stdout:
                    yield f"{place}: the client says {done.stdout!r}, {done.stderr.decode()}"
        finally:
            server.kill()


def check_programs(page: Path, folder: Path) -> Iterator[str]:
    for place, piece in pieces(page, "c"):
        if "int main" in piece and PLACE in piece:
            port, program = free_port(), str(folder / "program")
            said = compiles(piece.replace(PLACE, port), "-o", program, f"-L{RELEASE}", "-lanysock", f"-Wl,-rpath,{RELEASE}")
            yield from [f"{place}: {said}"] if said else check_server(place, [program], port, None)
    programs = list(pieces(page, "python"))
    servers = [(place, piece) for place, piece in programs if "anysock.listen" in piece]
    clients = [piece for _, piece in programs if "anysock.connect(" in piece]
    for place, piece in servers:
        port = free_port()
        client = "import anysock\n" + clients[0].replace(PLACE, port) if clients else None
        yield from check_server(place, [sys.executable, "-c", piece.replace(PLACE, port)], port, client)


def main() -> int:
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        for page in PAGES:
            problems += [*check_links(page), *check_c(page), *check_python(page), *check_programs(page, Path(folder))]
    print("\n".join(problems) or f"{len(PAGES)} pages: links, code and programs are right")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
