"""The calls on a handle that programs make all the time: by the compiled helper, or else by ctypes.

Each gives what the library gives, errors included. Not here: what becomes of these (`_socket`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _abi
from ._helper import fast
from ._memory import Loan, ReadableBuffer, WriteableBuffer, fresh_bytes
from ._numbers import as_int


def recv(handle: int, size: int, flags: int) -> bytes | int:
    """Bytes, or an error's number."""
    data = fresh_bytes(size)
    count: int = _abi.anysock_recv(handle, data, len(data), as_int(flags))
    return data[:count] if count >= 0 else count


def recv_into(handle: int, buffer: WriteableBuffer, flags: int) -> int:
    """How many bytes, or an error's number."""
    with Loan(buffer, writable=True) as (address, length):
        return _abi.anysock_recv(handle, address, length, as_int(flags))  # type: ignore[no-any-return]


def send(handle: int, data: ReadableBuffer, flags: int) -> int:
    """How many bytes, or an error's number."""
    if type(data) is bytes:
        return _abi.anysock_send(handle, data, len(data), as_int(flags))  # type: ignore[no-any-return]
    with Loan(data) as (address, length):
        return _abi.anysock_send(handle, address, length, as_int(flags))  # type: ignore[no-any-return]


if not TYPE_CHECKING and fast is not None:
    recv, recv_into, send = fast.recv, fast.recv_into, fast.send
