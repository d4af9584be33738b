"""What an editor and a type checker are told: types, checked by mypy and pyright, and docstrings."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import DynamicClassAttribute
from typing import Any

import anysock
import pytest
from conftest import ROOT, run

PROJECT = ROOT / "bindings" / "python"
SAMPLES = Path(__file__).parent / "typing"

#: The first and the last that the package is for.
VERSIONS = ["3.9", "3.15"]


def mypy(*arguments: Any, path: str = "") -> None:
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", os.devnull, *arguments]
    run(*command, env={**os.environ, "MYPYPATH": path})


def pyright(python: Path, *arguments: Any) -> str:
    """With what the environment of another Python has, which it finds as the first one on the path."""
    pytest.importorskip("pyright")
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    # Where this one finds the package without it being installed.
    del variables["PYTHONPATH"]
    return run(sys.executable, "-m", "pyright", *arguments, env=variables)


@pytest.mark.slow
def test_package_is_strictly_typed() -> None:
    pytest.importorskip("hatchling")
    mypy(PROJECT / "anysock", PROJECT / "hatch_build.py")
    generator = PROJECT.parent / "generate"
    mypy(*generator.rglob("*.py"), path=str(generator))


@pytest.mark.slow
@pytest.mark.parametrize(
    "example", sorted((ROOT / "examples" / "python").glob("*.py")), ids=lambda path: path.name
)
def test_examples_are_strictly_typed(example: Path) -> None:
    mypy(example, path=str(PROJECT))


@pytest.mark.slow
def test_programs_that_use_it_are_checked_by_mypy(installed: Path) -> None:
    mypy("--python-executable", installed, *SAMPLES.glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_programs_that_use_it_are_checked_by_pyright(installed: Path, version: str) -> None:
    pyright(installed, "--pythonversion", version, *SAMPLES.glob("*.py"))


@pytest.mark.slow
def test_nothing_public_lacks_a_type(installed: Path) -> None:
    report = pyright(installed, "--verifytypes", "anysock", "--ignoreexternal")
    assert str(installed.parents[1]) in report
    assert "Type completeness score: 100%" in report


def test_sample_program_runs() -> None:
    says = run(sys.executable, SAMPLES / "sample.py").splitlines()
    assert says[1:] == ["question", "datagram 127.0.0.1 [8, 104] 2", "True ['127.0.0.1:80'] True"]


def public_modules() -> Iterator[Any]:
    yield anysock
    for module in pkgutil.walk_packages(anysock.__path__, "anysock."):
        if not any(part.startswith("_") for part in module.name.split(".")):
            yield importlib.import_module(module.name)


def is_own(value: Any) -> bool:
    return str(getattr(value, "__module__", None)).split(".")[0] == anysock.__name__


def is_documentable(value: Any) -> bool:
    # An enumeration's members are numbers to its user.
    is_property = inspect.isdatadescriptor(value) and not isinstance(value, DynamicClassAttribute)
    return inspect.isclass(value) or inspect.isroutine(value) or is_property


def documentable(owner: Any, place: str) -> Iterator[tuple[str, Any]]:
    """The package's own classes and functions, and the methods and properties of its classes."""
    if inspect.isclass(owner):
        own = [vars(base) for base in reversed(owner.__mro__) if is_own(base)]
        members = {name: value for names in own for name, value in names.items()}
    else:
        listed = getattr(owner, "__all__", vars(owner))
        members = {name: getattr(owner, name) for name in listed if is_own(getattr(owner, name))}
    for name, value in members.items():
        if name.startswith("_"):
            continue
        if is_documentable(value):
            yield f"{place}.{name}", value
        if inspect.isclass(value):
            yield from documentable(value, f"{place}.{name}")


# To name a policy is worth a warning, since Python 3.14.
@pytest.mark.filterwarnings("ignore:.*EventLoopPolicy:DeprecationWarning")
def test_everything_public_has_a_docstring() -> None:
    found: dict[str, Any] = {}
    for module in public_modules():
        found[module.__name__] = module
        found.update(documentable(module, module.__name__))
    assert {"anysock.pair", "anysock.Socket.read", "anysock.Socket.timeout"} < found.keys()
    assert [name for name, value in found.items() if not inspect.getdoc(value)] == []
