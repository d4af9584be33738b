"""The wheel and the source distribution: what is in them, and that they need nothing else."""

from __future__ import annotations

import email
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from email.message import Message
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import pytest
from conftest import ROOT, install, run

pytestmark = pytest.mark.slow

PROJECT = ROOT / "bindings" / "python"
LIBRARY = {"win32": "anysock.dll", "darwin": "libanysock.dylib"}.get(sys.platform, "libanysock.so")
HELPER = "_fast.abi3.so"
LICENCES = ["LICENSE-APACHE", "LICENSE-MIT"]

#: A server and a client, and where what they use comes from.
PROGRAM = """
import sys, threading, anysock
from anysock import _helper

def serve(listener):
    with listener.accept() as connection:
        connection.write_all(connection.read_full(5).upper())

with anysock.listen("127.0.0.1:0") as listener:
    thread = threading.Thread(target=serve, args=[listener])
    thread.start()
    with anysock.connect(listener.local_address, timeout=30) as client:
        client.timeout = 30
        client.write_all(b"hello")
        print(client.read_full(5).decode())
    thread.join()
print(anysock.__file__)
print(anysock._library._library._name)
print(_helper.fast and _helper.fast.__file__)
"""


def bare(interpreter: Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the program with nothing of this machine's but what the environment has."""
    variables = {"PATH": str(interpreter.parent), **environment}
    assert not shutil.which("cargo", path=variables["PATH"])
    assert not shutil.which("rustc", path=variables["PATH"])
    command = [str(interpreter), "-c", PROGRAM]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)


def check_works(interpreter: Path, folder: Path, **environment: str) -> None:
    done = bare(interpreter, folder, **environment)
    assert done.returncode == 0, done.stderr
    greeting, module, library, helper = map(Path, done.stdout.splitlines())
    assert greeting == Path("HELLO")
    home = Path(sysconfig.get_path("platlib", vars={"platbase": str(interpreter.parents[1])})) / "anysock"
    assert (module, library) == (home / "__init__.py", home / LIBRARY)
    is_used = (home / HELPER).exists() and sys.version_info >= (3, 11)
    assert helper == (home / HELPER if is_used else Path("None"))


def metadata(wheel: Path, name: str) -> Message:
    with ZipFile(wheel) as archive:
        (path,) = (each for each in archive.namelist() if each.endswith(f".dist-info/{name}"))
        return email.message_from_bytes(archive.read(path))


def crate_version() -> str:
    found = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return found[1]


def test_works_without_rust_and_outside_of_the_repository(installed: Path, tmp_path: Path) -> None:
    check_works(installed, tmp_path)


def test_its_own_library_comes_before_the_systems(installed: Path, tmp_path: Path) -> None:
    for name in (LIBRARY, f"{LIBRARY}.0"):
        shutil.copy(os.environ["ANYSOCK_LIBRARY"], tmp_path / name)
    check_works(installed, tmp_path, LD_LIBRARY_PATH=str(tmp_path))


def test_the_variable_comes_before_its_own_library(installed: Path, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.so")
    done = bare(installed, tmp_path, ANYSOCK_LIBRARY=missing)
    assert done.returncode == 1
    assert missing in done.stderr and LIBRARY not in done.stderr


def test_tag_is_for_any_python_3_on_this_platform(wheel: Path) -> None:
    if sys.platform == "darwin":
        where = f"macosx_11_0_{platform.machine()}"
    else:
        where = re.sub("[-.]", "_", sysconfig.get_platform())
    assert wheel.name == f"anysock-{crate_version()}-py3-none-{where}.whl"
    description = metadata(wheel, "WHEEL")
    assert description.get_all("Tag") == [f"py3-none-{where}"]
    assert description["Root-Is-Purelib"] == "false"


def test_contents(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    source = (PROJECT / "anysock").rglob("*")
    expected = {str(path.relative_to(PROJECT)) for path in source if path.suffix in (".py", ".pyi", ".typed")}
    assert "anysock/py.typed" in expected
    assert names - {f"anysock/{HELPER}"} == expected | {f"anysock/{LIBRARY}", "anysock/anysock.json"}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the library is packed as cargo makes it")
def test_the_library_is_packed_as_it_is_shipped(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        library = archive.read(f"anysock/{LIBRARY}")
    assert b".gnu_debuglink" in library
    assert b".debug_info" not in library and b".symtab" not in library


def test_the_helper_is_in_it_where_it_can_be_built(wheel: Path, tmp_path: Path) -> None:
    with ZipFile(wheel) as archive:
        is_there = f"anysock/{HELPER}" in archive.namelist()
    assert is_there == bool(run(sys.executable, PROJECT / "fast" / "build.py", tmp_path))


def test_the_helper_is_left_out_without_a_word(tmp_path: Path) -> None:
    build = [sys.executable, PROJECT / "fast" / "build.py", tmp_path]
    broken = tmp_path / "compiler"
    broken.write_text("#!/bin/sh\necho trouble >&2\nexit 1\n")
    broken.chmod(0o755)
    for compiler in (tmp_path / "no compiler", broken):
        assert run(*build, env={**os.environ, "CC": f"'{compiler}'"}) == ""


def test_licences(wheel: Path) -> None:
    assert metadata(wheel, "METADATA").get_all("License-File") == LICENCES
    with ZipFile(wheel) as archive:
        for name in LICENCES:
            (path,) = (each for each in archive.namelist() if each.endswith(f"/licenses/{name}"))
            assert archive.read(path) == (ROOT / name).read_bytes()


def test_metadata(wheel: Path) -> None:
    says = metadata(wheel, "METADATA")
    assert says["Name"] == "anysock"
    assert says["Version"] == crate_version()
    assert says["Requires-Python"] == ">=3.9"
    assert says["License-Expression"] == "MIT OR Apache-2.0"
    assert says.get_all("Requires-Dist") is None
    assert "# anysock for Python" in says.get_payload()


def test_source_distribution_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path, cwd=PROJECT)
    (source,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"fast/build.py", "fast/_fast.c", "fast/fast.h", "fast/loop.c", "fast/queue.c", "fast/stream.c"} <= names
    crate = {"crate/Cargo.toml", "crate/Cargo.lock", "crate/src/lib.rs", "crate/LICENSE-MIT"}
    assert crate | {"anysock/py.typed", *LICENCES} <= names
    build = [sys.executable, "-m", "pip", "wheel", "--no-cache-dir", "--no-deps", "-w", tmp_path, source]
    run(*build, env={**os.environ, "CARGO_TARGET_DIR": str(tmp_path / "target")})
    (again,) = tmp_path.glob("*.whl")
    assert again.name == wheel.name
    with ZipFile(wheel) as one, ZipFile(again) as other:
        assert one.namelist() == other.namelist()
    check_works(install(again, tmp_path / "installed"), tmp_path)


def build_hook() -> ModuleType:
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", PROJECT / "hatch_build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_build_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = build_hook()
    with pytest.raises(RuntimeError, match="build from a checkout or an sdist"):
        hook.find_crate(tmp_path / "bindings" / "python")
    monkeypatch.setattr(hook, "CARGO", str(tmp_path / "cargo"))
    with pytest.raises(RuntimeError, match="built with Rust's cargo"):
        hook.build(ROOT)


def test_build_refuses_a_library_that_this_python_cannot_load(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    library = tmp_path / "release" / LIBRARY
    library.parent.mkdir()
    library.write_bytes(b"for another platform")
    cargo = tmp_path / "cargo"
    cargo.write_text(f"""#!/bin/sh\necho '{json.dumps({"target_directory": str(tmp_path)}, separators=(",", ":"))}'\n""")
    cargo.chmod(0o755)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    # Without a shell, so that nothing but cargo makes the library.
    variables = {**os.environ, "CARGO": str(cargo), "PATH": str(tmp_path)}
    done = subprocess.run(build, cwd=PROJECT, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "the anysock library can't be loaded" in done.stderr
    assert not list(tmp_path.glob("*.whl"))
