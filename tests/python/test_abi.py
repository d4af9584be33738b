"""The layer under the sockets: the generated module and the search for the library."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from anysock import _abi
from conftest import ROOT, python

PACKAGE = ROOT / "bindings" / "python" / "anysock"
HEADER = (ROOT / "include" / "anysock.h").read_text(encoding="utf-8")
LIBRARY = os.environ["ANYSOCK_LIBRARY"]


def test_every_function_and_constant_of_the_header_is_there() -> None:
    functions = re.findall(r"\b(anysock_\w+)\(", re.sub(r"/\*.*?\*/", "", HEADER, flags=re.DOTALL))
    constants = re.findall(r"#define (ANYSOCK_\w+) ", HEADER)
    assert len(functions) > 40 and len(constants) > 150
    assert not [name for name in functions + constants if not hasattr(_abi, name)]


def test_prototypes() -> None:
    read: Any = _abi.anysock_read
    assert read.argtypes == [ctypes.c_int64, ctypes.c_void_p, ctypes.c_size_t]
    assert read.restype is ctypes.c_int64
    version: Any = _abi.anysock_version
    assert version.restype is ctypes.c_char_p
    assert "recv(2)" in read.__doc__
    assert version().decode() == _abi.ANYSOCK_HEADER_VERSION
    assert _abi.anysock_abi_version() == _abi.ANYSOCK_HEADER_ABI
    assert _abi.anysock_error_name(_abi.ANYSOCK_ECONNREFUSED) == b"ECONNREFUSED"
    assert ctypes.sizeof(_abi.anysock_event) == 24


def test_structures_of_datagrams_have_the_layout_of_the_manual() -> None:
    assert ctypes.sizeof(_abi.anysock_address) == 128
    assert _abi.anysock_address.bytes.offset == 16
    assert _abi.anysock_address.bytes.size == 112
    if ctypes.sizeof(ctypes.c_void_p) == 8:
        assert ctypes.sizeof(_abi.anysock_datagram) == 40
        assert _abi.anysock_datagram.segment.offset == 36


def import_error(**environment: str) -> str:
    with python("import anysock", **environment) as child:
        code, _, errors = child.finish()
    assert code == 1
    assert "ImportError" in errors
    return errors


def test_the_variable_names_the_library_and_no_other_is_tried(tmp_path: Path) -> None:
    missing = str(tmp_path / "libanysock.so")
    errors = import_error(ANYSOCK_LIBRARY=missing)
    assert missing in errors
    assert errors.count("cannot open shared object") == 1


def test_without_any_library_the_error_says_where_it_was_looked_for(tmp_path: Path) -> None:
    # In a checkout that is installed as editable, a library lies beside the package.
    shutil.copytree(PACKAGE, tmp_path / "anysock", ignore=shutil.ignore_patterns("*anysock.*"))
    errors = import_error(ANYSOCK_LIBRARY="", PYTHONPATH=str(tmp_path))
    assert "ANYSOCK_LIBRARY" in errors
    assert "libanysock.so.0" in errors


def test_the_library_is_found_beside_the_package(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "anysock")
    shutil.copy(LIBRARY, tmp_path / "anysock" / "libanysock.so.0")
    program = "import anysock; print(anysock.__file__)"
    with python(program, PYTHONPATH=str(tmp_path), ANYSOCK_LIBRARY="") as child:
        assert child.line() == str(tmp_path / "anysock" / "__init__.py")


def test_the_library_is_found_where_it_is_installed(tmp_path: Path) -> None:
    shutil.copy(LIBRARY, tmp_path / "libanysock.so.0")
    program = "import anysock; print(anysock.has('tcp'))"
    with python(program, LD_LIBRARY_PATH=str(tmp_path), ANYSOCK_LIBRARY="") as child:
        assert child.line() == "True"


def test_a_library_of_another_version_is_refused(tmp_path: Path) -> None:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if not compiler:
        pytest.skip("no C compiler")
    source, library = tmp_path / "other.c", tmp_path / "other.so"
    source.write_text("#include <stdint.h>\nint64_t anysock_abi_version(void) { return 99; }\n")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    assert "version 99" in import_error(ANYSOCK_LIBRARY=str(library))


def test_an_older_library_is_called_older(tmp_path: Path) -> None:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if not compiler:
        pytest.skip("no C compiler")
    source, library = tmp_path / "older.c", tmp_path / "older.so"
    source.write_text('const char *anysock_version(void) { return "0.0.9"; }\n')
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    errors = import_error(ANYSOCK_LIBRARY=str(library))
    assert "is anysock 0.0.9, which is older than this package: it has no function" in errors


def test_a_library_that_is_something_else_is_refused() -> None:
    import _ctypes

    assert "is not the anysock library" in import_error(ANYSOCK_LIBRARY=_ctypes.__file__)
