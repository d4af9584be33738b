"""Messages of Python's socket module: several buffers, control data, addresses. Control data goes through as it is."""

from __future__ import annotations

import _socket
from collections.abc import Iterable, Iterator, Sequence
from ctypes import addressof, byref, c_char, pointer, sizeof
from struct import Struct
from time import monotonic
from typing import TYPE_CHECKING, Any

from .. import _abi
from .._abi import anysock_buffer as Buffer
from .._abi import anysock_message as Message
from .._memory import Loan, loans
from .._resume import READING, READING_URGENT, WRITING, uninterrupted
from .addresses import nowhere, python
from .arguments import as_int, flags_in, flags_out
from .failures import failure
from .memory import lend, length_of

if TYPE_CHECKING:
    from .base import socket

#: `struct cmsghdr`: length with the header, level, type; what follows is aligned as its first field.
_HEADER = Struct("@Nii")
_ALIGNMENT = Struct("@N").size

#: How many buffers one call takes.
_MOST_BUFFERS = 1024

#: No system has more, and none sends more in one piece.
_MOST_CONTROL = 1 << 16

#: What comes back: bytes, control data, flags, the sender's address.
Received = tuple[int, list[tuple[int, int, bytes]], int, Any]


def receive_from(sock: socket, memory: Any, length: int, flags: Any) -> tuple[int, Any]:
    """Receives into writable memory: how many bytes, and the sender's address."""
    lent = lend(memory)
    count, _, _, sender = _receive(sock, (Buffer * 1)(Buffer(addressof(lent), length)), 0, flags)
    return count, sender


def receive(sock: socket, buffers: Iterable[Any], ancbufsize: Any, flags: Any) -> Received:
    """Receives into buffers in turn."""
    pieces, size = list(buffers), as_int(ancbufsize)
    if not 0 <= size <= _MOST_CONTROL:
        raise ValueError("invalid ancillary data buffer length")
    _check_count(pieces)
    lent = [lend(piece) for piece in pieces]
    places = [Buffer(addressof(memory), length_of(piece)) for memory, piece in zip(lent, pieces)]
    return _receive(sock, (Buffer * len(pieces))(*places), size, flags)


def _receive(sock: socket, lent: Any, size: int, flags: Any) -> Received:
    started, ours, handle = monotonic(), flags_in(flags), sock._handle
    sender = nowhere()
    message = Message(size=sizeof(Message), buffers=lent, buffer_count=len(lent), address=pointer(sender))
    control = (c_char * size)()
    if size:
        message.raw_control, message.raw_length = addressof(control), size
    wait = READING_URGENT if ours & _abi.ANYSOCK_OOB else READING
    call = lambda more: _abi.anysock_recv_message(handle, byref(message), ours | more)
    count = uninterrupted(handle, wait, call)
    if count < 0:
        raise sock._failed(count, started)
    beside = list(_split(control.raw[: message.raw_length])) if size else []
    return count, beside, flags_out(message.flags), python(sender, sock._family)


def _split(control: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The pieces of control data, of which the last may have been cut."""
    place = 0
    while place + _HEADER.size <= len(control):
        length, level, kind = _HEADER.unpack_from(control, place)
        yield level, kind, control[place + _HEADER.size : place + length]
        place += max(_aligned(length), _HEADER.size)


def _aligned(length: int) -> int:
    return -(-length // _ALIGNMENT) * _ALIGNMENT


def send_to(sock: socket, data: Any, flags: Any, place: Any) -> int:
    """Sends one piece of memory to an address."""
    with Loan(data) as memory:
        return _send(sock, (Buffer * 1)(Buffer(*memory)), b"", flags, place)


def send(sock: socket, buffers: Iterable[Any], ancdata: Iterable[Any], flags: Any, place: Any) -> int:
    """Sends buffers in turn, with control data, to an address or None."""
    pieces = list(buffers)
    _check_count(pieces)
    control = b"".join(_joined(*_item(item)) for item in ancdata)
    with loans(pieces) as lent:
        return _send(sock, lent, control, flags, place)


def _check_count(pieces: Sequence[Any]) -> None:
    if len(pieces) > _MOST_BUFFERS:
        raise failure(_abi.ANYSOCK_EMSGSIZE)


def _item(item: Any) -> tuple[int, int, bytes]:
    if not isinstance(item, (tuple, list)) or len(item) != 3:
        raise TypeError("[sendmsg() ancillary data items] must be (cmsg_level, cmsg_type, cmsg_data)")
    level, kind, data = item
    return as_int(level), as_int(kind), bytes(memoryview(data))


def _joined(level: int, kind: int, data: bytes) -> bytes:
    length = _HEADER.size + len(data)
    return (_HEADER.pack(length, level, kind) + data).ljust(_aligned(length), b"\0")


def _send(sock: socket, lent: Any, control: bytes, flags: Any, place: Any) -> int:
    started, ours, handle = monotonic(), flags_in(flags), sock._handle
    message = Message(size=sizeof(Message), buffers=lent, buffer_count=len(lent))
    if place is not None:
        message.address = pointer(place)
    with Loan(control) as (address, length):
        if length:
            message.raw_control, message.raw_length = address, length
        call = lambda more: _abi.anysock_send_message(handle, byref(message), ours | more)
        count = uninterrupted(handle, WRITING, call)
    if count < 0:
        raise sock._failed(count, started)
    return count
