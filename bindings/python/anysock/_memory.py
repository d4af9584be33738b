"""Lends Python's memory to the library: bytes-like objects without a copy, for one call each; and texts.

It speaks CPython's buffer protocol, because ctypes alone takes the address of nothing that is read-only.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Callable, Union

from . import _abi
from ._errors import check
from ._numbers import as_ssize

#: An address: text, or for the unix kinds a path.
Address = Union[str, "os.PathLike[str]"]

if TYPE_CHECKING:
    # What has a buffer is a type of its own from Python 3.12 on; before, type checkers alone know it.
    from _typeshed import ReadableBuffer as ReadableBuffer
    from _typeshed import WriteableBuffer as WriteableBuffer
else:
    ReadableBuffer = WriteableBuffer = Any


class _PyBuffer(ctypes.Structure):
    """`Py_buffer`, whose layout is part of CPython's stable interface."""

    _fields_ = [
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.c_void_p),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    ]


_get_buffer = ctypes.pythonapi.PyObject_GetBuffer
_get_buffer.argtypes = [ctypes.py_object, ctypes.POINTER(_PyBuffer), ctypes.c_int]
_get_buffer.restype = ctypes.c_int

_release_buffer = ctypes.pythonapi.PyBuffer_Release
_release_buffer.argtypes = [ctypes.POINTER(_PyBuffer)]
_release_buffer.restype = None

_new_bytes = ctypes.pythonapi.PyBytes_FromStringAndSize
_new_bytes.argtypes = [ctypes.c_char_p, ctypes.c_ssize_t]
_new_bytes.restype = ctypes.py_object

_READABLE = 0
_WRITABLE = 1


class Loan:
    """The memory of a contiguous bytes-like object: address and length, fixed until the `with` block ends.

    A `bytearray` can't be resized meanwhile. `BufferError` if it is read-only and `writable` is asked for.
    """

    __slots__ = ("_buffer",)

    def __init__(self, owner: ReadableBuffer, writable: bool = False) -> None:
        self._buffer = _PyBuffer()
        _get_buffer(owner, self._buffer, _WRITABLE if writable else _READABLE)

    def __enter__(self) -> tuple[int, int]:
        # An empty object may have no address.
        return self._buffer.buf or 0, self._buffer.len

    def __exit__(self, *exception: object) -> None:
        _release_buffer(self._buffer)


@contextmanager
def loans(owners: Iterable[ReadableBuffer], writable: bool = False) -> Iterator[Any]:
    """The memory of several objects, as an array for the library."""
    with ExitStack() as stack:
        lent = [_abi.anysock_buffer(*stack.enter_context(Loan(owner, writable))) for owner in owners]
        yield (_abi.anysock_buffer * len(lent))(*lent)


def fresh_bytes(size: int) -> bytes:
    """Bytes that the library is going to fill in before anyone else sees them."""
    length = as_ssize(size)
    if length < 0:
        raise ValueError("negative size")
    return _new_bytes(None, length)  # type: ignore[no-any-return]


def text_in(text: Address) -> bytes:
    """A text as the library takes it."""
    data = str.encode(os.fspath(text))
    if b"\0" in data:
        raise ValueError(f"embedded null character in {text!r}")
    return data


def text_out(write: Callable[[Any, int], int], subject: Any = None, capacity: int = 1024) -> str:
    """A text that the library writes, however long it is."""
    while True:
        text = ctypes.create_string_buffer(capacity)
        length = check(write(text, capacity), subject)
        if length < capacity:
            return text.raw[:length].decode()
        capacity = length + 1
