"""Builds the library with cargo and puts it into the wheel; into the source distribution goes its source.

Hatchling runs this. The wheel depends on the platform, and on no version of CPython: the package is Python
that loads the library by itself. Beside it lies the compiled helper, where it can be compiled (fast/build.py), for the
interpreters that can load it.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CARGO = os.environ.get("CARGO", "cargo")

#: Where a source distribution carries the crate.
CARRIED = "crate"

#: A library that was built elsewhere, and the platform that it is for: how `packaging/wheels` makes all of them.
PREBUILT = os.environ.get("ANYSOCK_PREBUILT")
PLATFORM = os.environ.get("ANYSOCK_PLATFORM")
#: What the library was made of: goes into the wheel as PEP 770 says.
BILL = os.environ.get("ANYSOCK_BILL_OF_MATERIALS")

#: The library's file, as the system names it.
LIBRARY = {"win32": "anysock.dll", "darwin": "libanysock.dylib"}.get(sys.platform, "libanysock.so")

#: Where there is no shell for `packaging/build`, which makes the library as it is shipped.
BUILD = ["rustc", "--release", "--locked", "--lib", "--crate-type", "cdylib,staticlib"]

#: What is changed and not committed yet is packed as it is.
PACKAGE = ["package", "--quiet", "--locked", "--no-verify", "--allow-dirty"]

#: The oldest macOS that the library is built for.
MACOS = "11.0"


class LibraryHook(BuildHookInterface[Any]):
    """What hatchling calls before and after it puts an archive together."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        crate = find_crate(root)
        if self.target_name == "sdist":
            self._add_source(crate, build_data)
            return
        if PREBUILT and PLATFORM:
            library, tag = Path(PREBUILT), PLATFORM
        else:
            library, tag = build(crate), platform_tag()
            check_loads(root, library)
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{tag}"
        if BILL:
            build_data["sbom_files"].append(BILL)
        files = [library, *self._build_helper(root)]
        if version == "editable":
            for file in files:
                shutil.copy(file, root / "anysock")
            return
        # The description of the interface is for whoever generates code from it.
        for file in [*files, crate / "include" / "anysock.json"]:
            build_data["force_include"][str(file)] = f"anysock/{file.name}"

    def _build_helper(self, root: Path) -> list[Path]:
        """The helper's file, or none: the package does without."""
        self._compiled = tempfile.TemporaryDirectory()
        command = [sys.executable, str(root / "fast" / "build.py"), self._compiled.name]
        found = subprocess.check_output(command, text=True)
        return [Path(found)] if found else []

    def _add_source(self, crate: Path, build_data: dict[str, Any]) -> None:
        if crate.name == CARRIED:
            return
        self._unpacked = tempfile.TemporaryDirectory()
        source = package(crate, Path(self._unpacked.name))
        build_data["force_include"][str(source)] = CARRIED

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        for folder in ("_unpacked", "_compiled"):
            if hasattr(self, folder):
                getattr(self, folder).cleanup()


def find_crate(root: Path) -> Path:
    """In the repository two folders up, in a source distribution beside this file."""
    places = [root / CARRIED, root.parent.parent]
    for place in places:
        if (place / "Cargo.toml").exists():
            return place
    looked = " or ".join(map(str, places))
    raise RuntimeError(f"the anysock library's source is not in {looked}: build from a checkout or an sdist")


def cargo(crate: Path, *arguments: str) -> str:
    return run(crate, CARGO, *arguments)


def run(crate: Path, *command: str) -> str:
    """What a command prints; its complaints go to the terminal."""
    environment = dict(os.environ)
    if sys.platform == "darwin":
        environment["MACOSX_DEPLOYMENT_TARGET"] = MACOS
    try:
        # In the crate's folder: cargo's and rustup's configuration is looked for from there.
        return subprocess.check_output(command, cwd=crate, env=environment, text=True)
    except FileNotFoundError:
        raise RuntimeError(f"anysock is built with Rust's cargo, and there is no {CARGO} here") from None


def build(crate: Path) -> Path:
    """Compiles the library; its file."""
    if not shutil.which(CARGO):
        raise RuntimeError(f"anysock is built with Rust's cargo, and there is no {CARGO} here")
    script = crate / "packaging" / "build"
    run(crate, *([str(script)] if script.exists() and shutil.which("bash") else [CARGO, *BUILD]))
    found = json.loads(cargo(crate, "metadata", "--no-deps", "--format-version", "1"))
    library = Path(found["target_directory"], "release", LIBRARY)
    if not library.exists():
        raise RuntimeError(f"cargo has built no {library}")
    return library


def check_loads(root: Path, library: Path) -> None:
    """The tag promises this interpreter's platform, but cargo may be set up to build for another one."""
    environment = {**os.environ, "ANYSOCK_LIBRARY": str(library), "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", "import anysock"], env=environment, check=True)


def platform_tag() -> str:
    """On Linux this machine's alone: which others have all that it needs (manylinux), auditwheel finds out."""
    if sys.platform == "darwin":
        # Not the interpreter's own, which may be for two processors and for older systems than the library.
        name = f"macosx-{MACOS}-{platform.machine()}"
    else:
        name = sysconfig.get_platform()
    return name.replace("-", "_").replace(".", "_")


def package(crate: Path, folder: Path) -> Path:
    """The crate as it is published: what it is built from, and nothing of its tests."""
    cargo(crate, *PACKAGE, "--target-dir", str(folder))
    (archive,) = folder.glob("package/*.crate")
    with tarfile.open(archive) as packed:
        packed.extractall(folder)
    return folder / archive.stem
