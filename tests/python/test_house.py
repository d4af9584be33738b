"""Where the package's code lies: which module may import which, read from the text, late imports and those for types
included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

import pytest
from conftest import ROOT

PACKAGE = ROOT / "bindings" / "python" / "anysock"

MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")
}

#: On top of the package's own classes: the stand-ins, and the modules under which programs find them.
STAND_INS = {"anysock._std", "anysock.socket", "anysock.select", "anysock.selectors"}

#: On top of these.
LOOP = {"anysock._loop", "anysock.loop"}

#: What offers all of it.
FRONTS = {"anysock.__init__", "anysock.__main__"}


def imports(module: str) -> Iterator[str]:
    """The package's modules that one of them imports."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        above = module.split(".")[: -node.level] + ([node.module] if node.module else [])
        named = [".".join([*above, alias.name]) for alias in node.names]
        yield from (name for name in [".".join(above), *named] if name in MODULES)


GRAPH = {module: set(imports(module)) for module in MODULES}


def is_in(module: str, rooms: set[str]) -> bool:
    return any(module == each or module.startswith(f"{each}.") for each in rooms)


def imported(outside: set[str], rooms: set[str]) -> dict[str, set[str]]:
    """Of the modules that are not in some rooms, those that import one of them."""
    modules = {module for module in MODULES if not is_in(module, outside) and module not in FRONTS}
    found = {module: {each for each in GRAPH[module] if is_in(each, rooms)} for module in modules}
    return {module: each for module, each in found.items() if each}


def test_no_module_imports_one_that_imports_it() -> None:
    assert "anysock._abi" in GRAPH["anysock._std.base"]
    try:
        tuple(TopologicalSorter(GRAPH).static_order())
    except CycleError as error:
        pytest.fail(f"a circle: {' <- '.join(error.args[1])}")


def test_the_packages_own_classes_know_nothing_of_the_stand_ins() -> None:
    assert "anysock._std.base" in imported(set(), STAND_INS)
    assert imported(STAND_INS | LOOP, STAND_INS) == {}


def test_only_the_loop_knows_of_the_loop() -> None:
    assert "anysock.loop" in imported(set(), LOOP)
    assert imported(LOOP, LOOP) == {}


def test_what_happens_to_a_forgotten_handle_is_said_once() -> None:
    said = {name for name, path in MODULES.items() if "def __del__" in path.read_text(encoding="utf-8")}
    # asyncio's transports have a socket, and a warning of their own.
    assert said == {"anysock._handle", "anysock._loop.transport"}
