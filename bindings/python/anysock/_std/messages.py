"""Messages of Python's socket module: several buffers, control data, addresses. Control data goes through as it is."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from ctypes import addressof, byref, c_char, pointer, sizeof
from struct import Struct
from time import monotonic
from typing import Any, SupportsIndex

from .. import _abi
from .._abi import anysock_buffer as Buffer
from .._abi import anysock_message as Message
from .._memory import Loan, loans
from .._numbers import as_int
from .._resume import READING, READING_URGENT, WRITING, uninterrupted
from .addresses import flat, nowhere, python
from .arguments import as_size, flags_in, flags_out, part
from .failures import failure
from .memory import lend, length_of
from .owned import Owned

#: `struct cmsghdr`: length with the header, level, type; what follows is aligned as its first field.
_HEADER = Struct("@Nii")
_ALIGNMENT = Struct("@N").size

#: How many buffers one call takes.
_MOST_BUFFERS = 1024

#: No system has more, and none sends more in one piece.
_MOST_CONTROL = 1 << 16

#: What comes back: bytes, control data, flags, the sender's address.
Received = tuple[int, list[tuple[int, int, bytes]], int, Any]


class Messages(Owned):
    """A socket that sends and receives messages."""

    __slots__ = ()

    # Receiving

    def recvfrom(self, bufsize: SupportsIndex, flags: int = 0, /) -> tuple[bytes, Any]:
        """A datagram, cut at `bufsize` bytes, and its sender's address."""
        size = as_size(bufsize, "recvfrom")
        data = bytearray(size)
        count, sender = self._receive_from(data, size, flags)
        # As long as the datagram was, with MSG_TRUNC.
        return bytes(memoryview(data)[:count]).ljust(count, b"\0"), sender

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        """As `recvfrom`, into a writable buffer; how many bytes, and the sender's address."""
        length = part(nbytes, length_of(buffer), "recvfrom_into")
        return self._receive_from(buffer, length, flags)

    def _receive_from(self, memory: Any, length: int, flags: Any) -> tuple[int, Any]:
        lent = lend(memory)
        count, _, _, sender = self._receive_message((Buffer * 1)(Buffer(addressof(lent), length)), 0, flags)
        return count, sender

    def recvmsg(self, bufsize: SupportsIndex, ancbufsize: int = 0, flags: int = 0, /) -> tuple[Any, ...]:
        """A message: data, control data as (level, type, data), flags, and the sender's address."""
        size = as_size(bufsize, "recvmsg()")
        data = bytearray(size)
        count, *rest = self._receive_pieces([data], ancbufsize, flags)
        return (bytes(data[:count]), *rest)

    def recvmsg_into(self, buffers: Iterable[Any], ancbufsize: int = 0, flags: int = 0, /) -> tuple[Any, ...]:
        """As `recvmsg`, into writable buffers in turn; how many bytes, and the same for the rest."""
        return self._receive_pieces(list(buffers), ancbufsize, flags)

    def _receive_pieces(self, pieces: Sequence[Any], ancbufsize: Any, flags: Any) -> Received:
        size = as_int(ancbufsize)
        if not 0 <= size <= _MOST_CONTROL:
            raise ValueError("invalid ancillary data buffer length")
        _check_count(pieces)
        lent = [lend(piece) for piece in pieces]
        places = [Buffer(addressof(memory), length_of(piece)) for memory, piece in zip(lent, pieces)]
        return self._receive_message((Buffer * len(pieces))(*places), size, flags)

    def _receive_message(self, lent: Any, size: int, flags: Any) -> Received:
        started, ours, handle = monotonic(), flags_in(flags), self._handle
        sender = nowhere()
        message = Message(size=sizeof(Message), buffers=lent, buffer_count=len(lent), address=pointer(sender))
        control = (c_char * size)()
        if size:
            message.raw_control, message.raw_length = addressof(control), size
        wait = READING_URGENT if ours & _abi.ANYSOCK_FLAG_OOB else READING
        call = lambda more: _abi.anysock_recv_message(handle, byref(message), ours | more)
        count = uninterrupted(handle, wait, call)
        if count < 0:
            raise self._failed(count, started)
        beside = list(_split(control.raw[: message.raw_length])) if size else []
        return count, beside, flags_out(message.flags), python(sender, self._family)

    # Sending

    def sendto(self, data: Any, *rest: Any) -> int:
        """Sends a datagram: `sendto(data, address)` or `sendto(data, flags, address)`."""
        if not 1 <= len(rest) <= 2:
            raise TypeError(f"sendto() takes 2 or 3 arguments ({len(rest) + 1} given)")
        flags = rest[0] if len(rest) == 2 else 0
        place = flat(self._family, rest[-1], "sendto")
        sys.audit("socket.sendto", self, rest[-1])
        with Loan(data) as memory:
            return self._send_message((Buffer * 1)(Buffer(*memory)), b"", flags, place)

    def sendmsg(
        self, buffers: Iterable[Any], ancdata: Iterable[Any] = (), flags: int = 0, address: Any = None, /
    ) -> int:
        """Sends a message: data, control data as (level, type, data), to an address."""
        place = None if address is None else flat(self._family, address, "sendmsg")
        sys.audit("socket.sendmsg", self, address)
        pieces = list(buffers)
        _check_count(pieces)
        control = b"".join(_joined(*_item(item)) for item in ancdata)
        with loans(pieces) as lent:
            return self._send_message(lent, control, flags, place)

    def _send_message(self, lent: Any, control: bytes, flags: Any, place: Any) -> int:
        started, ours, handle = monotonic(), flags_in(flags), self._handle
        message = Message(size=sizeof(Message), buffers=lent, buffer_count=len(lent))
        if place is not None:
            message.address = pointer(place)
        with Loan(control) as (address, length):
            if length:
                message.raw_control, message.raw_length = address, length
            call = lambda more: _abi.anysock_send_message(handle, byref(message), ours | more)
            count = uninterrupted(handle, WRITING, call)
        if count < 0:
            raise self._failed(count, started)
        return count

    def sendmsg_afalg(self, *_: Any, **__: Any) -> int:
        """For a family that this library does not have."""
        raise OSError("algset is only supported for AF_ALG")


def _check_count(pieces: Sequence[Any]) -> None:
    if len(pieces) > _MOST_BUFFERS:
        raise failure(_abi.ANYSOCK_EMSGSIZE)


def _split(control: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The pieces of control data, of which the last may have been cut."""
    place = 0
    while place + _HEADER.size <= len(control):
        length, level, kind = _HEADER.unpack_from(control, place)
        yield level, kind, control[place + _HEADER.size : place + length]
        place += max(_aligned(length), _HEADER.size)


def _aligned(length: int) -> int:
    return -(-length // _ALIGNMENT) * _ALIGNMENT


def _item(item: Any) -> tuple[int, int, bytes]:
    if not isinstance(item, (tuple, list)) or len(item) != 3:
        raise TypeError("[sendmsg() ancillary data items] must be (cmsg_level, cmsg_type, cmsg_data)")
    level, kind, data = item
    return as_int(level), as_int(kind), bytes(memoryview(data))


def _joined(level: int, kind: int, data: bytes) -> bytes:
    length = _HEADER.size + len(data)
    return (_HEADER.pack(length, level, kind) + data).ljust(_aligned(length), b"\0")
