"""bindings/generate: the raw layer of every language is what the description says, and loads where the language is there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

BINDINGS = ROOT / "bindings"
GENERATOR = BINDINGS / "generate"
DESCRIPTION = ROOT / "include" / "anysock.json"
VERSION = json.loads(DESCRIPTION.read_text(encoding="utf-8"))["version"]


def generate(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "bindings" / "generate"), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_every_language_is_up_to_date() -> None:
    result = generate(ROOT, "--check")
    assert result.returncode == 0, result.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The generator and the description, alone."""
    shutil.copytree(GENERATOR, tmp_path / "bindings" / "generate")
    (tmp_path / "include").mkdir()
    shutil.copy(DESCRIPTION, tmp_path / "include")
    return tmp_path


def rewrite(root: Path, change: Any) -> None:
    path = root / "include" / "anysock.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    change(description)
    path.write_text(json.dumps(description), encoding="utf-8")


def made(root: Path) -> list[Path]:
    files = (path for path in (root / "bindings").rglob("*") if path.is_file())
    return [path for path in files if "generate" not in path.parts]


def test_what_is_stale_is_named(copy: Path) -> None:
    assert generate(copy).returncode == 0
    assert generate(copy, "--check").returncode == 0
    rewrite(copy, lambda description: description["constants"][-1].update(value=77))
    result = generate(copy, "--check")
    assert result.returncode == 1
    assert "_abi.py is out of date" in result.stderr


def test_what_is_new_reaches_every_language(copy: Path) -> None:
    def change(description: Any) -> None:
        description["functions"].append({**description["functions"][-1], "name": "anysock_novelty"})
        description["constants"].append({**description["constants"][-1], "name": "ANYSOCK_EVENT_NOVELTY"})

    rewrite(copy, change)
    assert generate(copy).returncode == 0
    folders: dict[str, str] = {}
    for path in made(copy):
        folder = path.relative_to(copy / "bindings").parts[0]
        folders[folder] = folders.get(folder, "") + path.read_text(encoding="utf-8").lower()
    assert len(folders) >= 10
    # Go and C++ call the functions by the header, and C++ has its constants too.
    assert {folder for folder, text in folders.items() if text.count("novelty") < 2} <= {"cpp", "go"}


def test_an_unknown_type_stops_it(copy: Path) -> None:
    def change(description: Any) -> None:
        description["functions"][-1]["parameters"][0].update(type="float", c="float")

    rewrite(copy, change)
    assert generate(copy, "rust").returncode != 0
    assert not made(copy)


def test_an_unknown_language_is_refused(copy: Path) -> None:
    result = generate(copy, "klingon")
    assert result.returncode != 0
    assert "no template for klingon" in result.stderr


LOADERS = {
    "lua": ["luajit", "-e", "package.path = '{0}/lua/?.lua'; local a = require 'anysock.abi'; "
            "print(require 'ffi'.string(a.C.anysock_version()))"],
    "perl": ["perl", "-I{0}/perl/lib", "-MAnysock::Abi", "-e", "print Anysock::Abi::anysock_version()"],
    "php": ["php", "-d", "ffi.enable=1", "-r",
            "require '{0}/php/src/Abi.php'; echo Anysock\\Abi::library()->anysock_version();"],
    "ruby": ["ruby", "-I{0}/ruby/lib", "-e", "require 'anysock/abi'; puts Anysock::Abi.anysock_version"],
}  # fmt: skip


@pytest.mark.parametrize("language", LOADERS)
def test_raw_layers_load(language: str) -> None:
    command = [word.replace("{0}", str(BINDINGS)) for word in LOADERS[language]]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    result = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    if "FFI" in result.stderr or "ffi" in result.stderr:
        pytest.skip(f"{language} has no foreign interface here: {result.stderr.strip().splitlines()[0]}")
    assert result.stdout.strip() == VERSION, result.stderr
