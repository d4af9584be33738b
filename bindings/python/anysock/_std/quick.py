"""The calls that every program makes all the time, in the usual case: one call, one comparison. By the compiled helper where
there is one. Flags, odd arguments, signals and errors are the business of the class on top (`base`).
"""

from __future__ import annotations

from ctypes import c_int64
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, SupportsIndex

from .. import _abi
from .._handle import CLOSED
from .._helper import fast
from .._library import prepared
from .._memory import fresh_bytes
from .memory import ZEROED, lend, length_of, readable, sizes

# These have C's numbers at hand.
_read: Callable[..., int] = prepared(_abi.anysock_read)
_write: Callable[..., int] = prepared(_abi.anysock_write)
_write_all: Callable[..., int] = prepared(_abi.anysock_write_all)


class Quick:
    """A handle, and the quick calls on it. `_fast.Quick` is the same in C."""

    __slots__ = ("_handle", "_number", "_timed")

    _handle: int
    #: The handle as a C number, which ctypes need not convert.
    _number: c_int64
    #: Whether its calls may wait for a limited time: then it matters when they began.
    _timed: bool

    # What is not the usual case: every kind of arguments, and what has failed, for the reason that the library gave.
    _recv_any: Callable[..., bytes]
    _recv_failed: Callable[[int, int, float], bytes]
    _recv_into_any: Callable[..., int]
    _recv_into_failed: Callable[[int, Any, float], int]
    _send_any: Callable[..., int]
    _send_failed: Callable[[int, Any, float], int]
    _sendall_any: Callable[..., None]
    _sendall_failed: Callable[[int, Any, float], None]

    def __new__(cls, *arguments: Any, **keywords: Any) -> Any:
        self = object.__new__(cls)
        self._hold(CLOSED)
        self._timed = False
        return self

    def _hold(self, handle: int) -> None:
        """From now on the calls are for this handle."""
        self._handle, self._number = handle, c_int64(handle)

    def recv(self, bufsize: SupportsIndex, flags: int = 0, /) -> bytes:
        """What is there, up to `bufsize` bytes; empty at the end of the stream."""
        if flags or type(bufsize) is not int or bufsize <= 0:
            return self._recv_any(bufsize, flags)
        started = monotonic() if self._timed else 0.0
        data = bytes(bufsize) if bufsize <= ZEROED else fresh_bytes(bufsize)
        count = _read(self._number, data, sizes[bufsize])
        return data[:count] if count >= 0 else self._recv_failed(count, bufsize, started)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """As `recv`, into a writable buffer; how many bytes."""
        length = len(buffer) if type(buffer) is bytearray else length_of(buffer)
        if nbytes or flags or not length:
            return self._recv_into_any(buffer, nbytes, flags)
        started = monotonic() if self._timed else 0.0
        count = _read(self._number, lend(buffer), sizes[length])
        return count if count >= 0 else self._recv_into_failed(count, buffer, started)

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Writes what there is room for; how many bytes, at least one. Of a datagram, all."""
        memory = data if type(data) is bytes else readable(data)
        if flags or memory is None:
            return self._send_any(data, flags)
        started = monotonic() if self._timed else 0.0
        count = _write(self._number, memory, sizes[len(data) if memory is data else length_of(data)])
        # A caller may resize the buffer while an error, and with it this frame, still lives.
        memory = None
        return count if count >= 0 else self._send_failed(count, data, started)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Writes everything, in the time of one timeout. If that fails, nobody knows how much has gone."""
        memory = data if type(data) is bytes else readable(data)
        if flags or memory is None:
            return self._sendall_any(data, flags)
        started = monotonic() if self._timed else 0.0
        length = len(data) if memory is data else length_of(data)
        count = _write_all(self._number, memory, sizes[length])
        memory = None
        if count != length:
            self._sendall_failed(count, data, started)


if not TYPE_CHECKING and fast is not None:
    Quick = fast.Quick
