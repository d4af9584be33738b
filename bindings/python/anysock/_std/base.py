"""The class that CPython calls `_socket.socket`: a native handle of the library, used as its programs expect.

Not here: what programs do all the time, in the usual case (`quick`), messages with addresses and control data
(`messages`), a socket's life, timeouts and options (`owned`).
"""

from __future__ import annotations

import _socket
import sys
from ctypes import byref
from time import monotonic
from typing import Any, Callable, SupportsIndex

from .. import _abi
from .._abi import anysock_recv as receive
from .._abi import anysock_send as transmit
from .._memory import Loan, fresh_bytes
from .._numbers import as_int
from .._resume import ACCEPTING, READING, READING_URGENT, WRITING, complete, resume, uninterrupted
from .._select import select_one
from .._time import FOREVER, Deadline, microseconds
from .addresses import FAMILIES, flat, nowhere, python
from .arguments import as_size, flags_in, part
from .failures import failure
from .memory import lend, length_of
from .messages import Messages
from .owned import BESIDE_TYPE, Opened

_CONNECT_TIMEOUT = _abi.ANYSOCK_OPT_CONNECT_TIMEOUT.encode()

_BACKLOG = min(_socket.SOMAXCONN, 128)


class socket(Messages):
    """A socket, with the methods that CPython writes in C."""

    __slots__ = ()

    # Names

    def getsockname(self) -> Any:
        """The socket's own address."""
        return self._address(_abi.anysock_local_flat)

    def getpeername(self) -> Any:
        """The address of the other end."""
        return self._address(_abi.anysock_peer_flat)

    def _address(self, ask: Callable[[int, Any], int]) -> Any:
        address = nowhere()
        self._check(ask(self._handle, address))
        return python(address, self._family, "")

    # Server and client

    def bind(self, address: Any, /) -> None:
        """Takes an address of its own."""
        place = flat(self._family, address, "bind")
        sys.audit("socket.bind", self, address)
        self._check(_abi.anysock_bind_flat(self._handle, place))

    def listen(self, backlog: int = _BACKLOG, /) -> None:
        """Becomes a listener, with as many connections waiting as the backlog says."""
        self._check(_abi.anysock_listen(self._handle, max(0, as_int(backlog))))

    def _accept(self) -> tuple[Opened, Any]:
        """The next connection, and the peer's address."""
        started, handle = monotonic(), self._handle
        result = uninterrupted(handle, ACCEPTING, lambda _: _abi.anysock_accept(handle))
        if result < 0:
            raise self._failed(result, started)
        return arrived(result, self._family)

    def connect(self, address: Any, /) -> None:
        """Connects to an address. With a timeout of 0, `BlockingIOError` says that it is on its way."""
        place = flat(self._family, address, "connect")
        sys.audit("socket.connect", self, address)
        started = monotonic()
        result = self._connect(place, started)
        if result < 0:
            raise self._failed(result, started)

    def connect_ex(self, address: Any, /) -> int:
        """As `connect`, but an error of the system is the result and not raised."""
        place = flat(self._family, address, "connect_ex")
        sys.audit("socket.connect", self, address)
        started = monotonic()
        result = self._connect(place, started)
        if result >= 0:
            return 0
        if self._is_timeout(result, started):
            result = _abi.ANYSOCK_EWOULDBLOCK
        number = getattr(failure(result), "errno", None)
        return -result if number is None else number

    def _connect(self, place: Any, started: float) -> int:
        result: int = _abi.anysock_connect_flat(self._handle, place)
        if result != _abi.ANYSOCK_EINTR:
            return result
        # The attempt goes on, and the kernel says so when asked again.
        handle, deadline = self._handle, Deadline(microseconds(self._timeout), started)
        try:
            while result == _abi.ANYSOCK_EINTR:
                _abi.anysock_set(handle, _CONNECT_TIMEOUT, deadline.remaining() or 1)
                result = _abi.anysock_connect_flat(handle, place)
        finally:
            _abi.anysock_set(handle, _CONNECT_TIMEOUT, FOREVER)
        if result == _abi.ANYSOCK_EALREADY:
            ready = select_one(handle, _abi.ANYSOCK_EVENT_WRITE, deadline)
            # Asked once more, it tells the outcome.
            result = _abi.anysock_connect_flat(handle, place) if ready > 0 else ready or _abi.ANYSOCK_ETIMEDOUT
        return 0 if result == _abi.ANYSOCK_EISCONN else result

    def shutdown(self, how: int, /) -> None:
        """Shuts the reading half, the writing half, or both."""
        self._check(_abi.anysock_shutdown(self._handle, as_int(how) + 1))

    # What is not the usual case of reading

    def _recv_any(self, bufsize: SupportsIndex, flags: int = 0, /) -> bytes:
        size = as_size(bufsize, "recv")
        data = fresh_bytes(size)
        count = self._receive(data, size, flags)
        # With MSG_TRUNC it is as long as the datagram was, whatever of it there was room for.
        return data[:count].ljust(count, b"\0")

    def _recv_failed(self, result: int, size: int, started: float) -> bytes:
        self._check_interrupted(result, started)
        data = fresh_bytes(size)
        return data[: self._again(result, READING, started, receive, data, size, 0)]

    def _recv_into_any(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        length = part(nbytes, length_of(buffer), "recv_into")
        # It refuses what is not writable with CPython's exception.
        lend(buffer)
        with Loan(buffer, writable=True) as (address, _):
            return self._receive(address, length, flags)

    def _recv_into_failed(self, result: int, buffer: Any, started: float) -> int:
        self._check_interrupted(result, started)
        # With a loan that ends: a caller may resize the buffer while the error, and with it this frame, still lives.
        with Loan(buffer, writable=True) as (address, length):
            return self._again(result, READING, started, receive, address, length, 0)

    def _receive(self, memory: Any, length: int, flags: int) -> int:
        if length == 0:
            return 0
        started, ours = monotonic(), flags_in(flags)
        wait = READING_URGENT if ours & _abi.ANYSOCK_FLAG_OOB else READING
        count: int = receive(self._handle, memory, length, ours)
        if count < 0:
            count = self._again(count, wait, started, receive, memory, length, ours)
        return count

    # Of writing

    def _send_any(self, data: Any, flags: int = 0, /) -> int:
        started, ours = monotonic(), flags_in(flags)
        with Loan(data) as (address, length):
            count: int = transmit(self._handle, address, length, ours)
            if count < 0:
                count = self._again(count, WRITING, started, transmit, address, length, ours)
        return count

    def _send_failed(self, result: int, data: Any, started: float) -> int:
        self._check_interrupted(result, started)
        with Loan(data) as (address, length):
            return self._again(result, WRITING, started, transmit, address, length, 0)

    def _sendall_any(self, data: Any, flags: int = 0, /) -> None:
        started, ours, handle = monotonic(), flags_in(flags), self._handle
        with Loan(data) as (address, length):
            if ours:
                call = lambda more: transmit(handle, address, length, ours | more)
                count = uninterrupted(handle, WRITING, call)
            else:
                count = _abi.anysock_write_all(handle, address, length)
        if count != length:
            self._send_rest(data, count, ours, started)

    def _sendall_failed(self, result: int, data: Any, started: float) -> None:
        self._send_rest(data, result, 0, started)

    def _send_rest(self, data: Any, result: int, flags: int, started: float) -> None:
        """Goes on after a signal has cut it short, and tells the error that did."""
        handle = self._handle
        with Loan(data) as (address, length):

            def step(done: int) -> int:
                rest = address + done, length - done
                return resume(handle, WRITING, started, lambda more: transmit(handle, *rest, flags | more))

            count, result = complete(result, length, step)
        if count < length or result < 0:
            raise self._failed(result, started)

    def _send_file(self, file: int, offset: int, length: int) -> int:
        """Sends bytes of an open file; how many, which may be fewer for a signal or the end of the time."""
        started, handle = monotonic(), self._handle
        sent: int = _abi.anysock_send_file(handle, file, offset, length)
        while sent == _abi.ANYSOCK_EINTR:
            ready = select_one(handle, _abi.ANYSOCK_EVENT_WRITE, Deadline(microseconds(self._timeout), started))
            sent = _abi.anysock_send_file(handle, file, offset, length) if ready > 0 else ready or _abi.ANYSOCK_ETIMEDOUT
        if sent < 0:
            raise self._failed(sent, started)
        return sent


def pair(family: int, type: int, proto: int) -> tuple[socket, socket]:
    """Two sockets that are connected to each other."""
    family, type, proto = as_int(family), as_int(type), as_int(proto)
    kinds = {_socket.SOCK_STREAM: b"unix", _socket.SOCK_DGRAM: b"unixgram", _socket.SOCK_SEQPACKET: b"unixpacket"}
    kind = kinds.get(type & ~BESIDE_TYPE)
    if FAMILIES.get(family) != 1 or kind is None or proto != 0:
        # The system has the right word for it: opening such a socket fails as well, or there are no pairs of them.
        socket(family, type, proto).close()
        raise failure(_abi.ANYSOCK_EOPNOTSUPP)
    first, second = _abi.anysock_t(), _abi.anysock_t()
    result = _abi.anysock_pair(kind, byref(first), byref(second))
    if result < 0:
        raise failure(result)
    return _wrapped(first.value, family, type), _wrapped(second.value, family, type)


def _wrapped(handle: int, family: int, type: int) -> socket:
    return socket(family, type, 0, Opened(handle))


def arrived(handle: int, family: int) -> tuple[Opened, Any]:
    """Of a connection that was accepted: what its socket is made of, and the peer's address."""
    address = nowhere()
    # What the listener was told of a peer stays known.
    _abi.anysock_peer_flat(handle, address)
    return Opened(handle), python(address, family, "")
