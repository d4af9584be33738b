"""The class that CPython calls `_socket.socket`: a native handle of the library, used as its programs expect.

The paths that every program takes all the time (`recv`, `recv_into`, `send`) do the call and one comparison; flags, signals
and errors are out of line. Not here: messages with control data (`messages`), addresses (`addresses`).
"""

from __future__ import annotations

import _socket
import os
import sys
import warnings
from collections.abc import Iterable
from contextlib import suppress
from ctypes import byref, c_int32, c_int64
from math import isnan
from operator import index
from time import monotonic
from typing import Any, Callable, SupportsIndex

from .. import _abi
from .._abi import anysock_recv as receive
from .._abi import anysock_send as transmit
from .._handle import CLOSED
from .._library import prepared
from .._memory import Loan, fresh_bytes
from .._numbers import enter, handle_of, is_given_up, leave, share
from .._options import get_number
from .._resume import ACCEPTING, READING, READING_URGENT, WRITING, Wait, complete, resume, uninterrupted
from .._select import select_one
from .._time import FOREVER, Deadline, microseconds
from . import messages
from .addresses import FAMILIES, flat, nowhere, python
from .arguments import as_int, as_size, flags_in
from .failures import failure, timed_out
from .memory import ZEROED, lend, length_of, readable, sizes

# For the quick paths, which have C's numbers at hand.
_read: Callable[..., int] = prepared(_abi.anysock_read)
_write: Callable[..., int] = prepared(_abi.anysock_write)
_write_all: Callable[..., int] = prepared(_abi.anysock_write_all)

_TIMEOUT = _abi.ANYSOCK_OPT_TIMEOUT.encode()
_CONNECT_TIMEOUT = _abi.ANYSOCK_OPT_CONNECT_TIMEOUT.encode()
_OURS = tuple(option.encode() for option in (_abi.ANYSOCK_OPT_NATIVE, _abi.ANYSOCK_OPT_INTERRUPTIBLE))

#: What a type may have beside it, on some systems.
_NONBLOCK = getattr(_socket, "SOCK_NONBLOCK", 0)
_BESIDE_TYPE = _NONBLOCK | getattr(_socket, "SOCK_CLOEXEC", 0)

_PROTOCOL = getattr(_socket, "SO_PROTOCOL", None)

_LONGEST_OPTION = 1024

#: The longest timeout, in seconds, that CPython takes.
_LONGEST_TIMEOUT = 2**63 / 1e9

_BACKLOG = min(_socket.SOMAXCONN, 128)


#: As a C number.
_NOTHING = c_int64(CLOSED)


class Opened(int):
    """A descriptor whose handle is known: `accept` says so to the class that is made on top of this one."""

    handle: int


class socket:
    """A socket, with the methods that CPython writes in C."""

    __slots__ = ("_family", "_fileno", "_handle", "_number", "_proto", "_timeout", "_type")

    _family: int
    _fileno: int
    _handle: int
    #: The handle as a C number, which ctypes need not convert.
    _number: c_int64
    _proto: int
    _timeout: float | None
    _type: int

    def __new__(cls, *arguments: Any, **keywords: Any) -> Any:
        self = object.__new__(cls)
        self._handle, self._number = CLOSED, _NOTHING
        self._fileno = -1
        self._family = self._type = self._proto = 0
        self._timeout = None
        return self

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: Any = None) -> None:
        family, type, proto = as_int(family), as_int(type), as_int(proto)
        sys.audit("socket.__new__", self, family, type, proto)
        if fileno is None:
            family = _socket.AF_INET if family == -1 else family
            type = _socket.SOCK_STREAM if type == -1 else type
            proto = max(proto, 0)
            self._own(_open(family, type, proto))
        elif isinstance(fileno, Opened):
            self._own(fileno.handle)
        else:
            family, type, proto = self._adopt(fileno, family, type, proto)
        self._family, self._type, self._proto = family, type & ~_BESIDE_TYPE, proto
        self._begin(type)

    def _begin(self, type: int) -> None:
        timeout = 0.0 if type & _NONBLOCK else _socket.getdefaulttimeout()
        if timeout is not None:
            self.settimeout(timeout)

    def _own(self, handle: int) -> None:
        for option in _OURS:
            _abi.anysock_set(handle, option, 1)
        self._handle, self._number = handle, c_int64(handle)
        self._fileno = _abi.anysock_fd(handle)
        enter(self._fileno, handle)

    def _adopt(self, fileno: Any, family: int, type: int, proto: int) -> tuple[int, int, int]:
        """Takes a descriptor over. One that is ours already is ours twice, as it would be in CPython."""
        if isinstance(fileno, float):
            raise TypeError("integer argument expected, got float")
        number = as_int(fileno)
        if number < 0:
            raise ValueError("negative file descriptor")
        handle = handle_of(number)
        if handle is None:
            handle = _adopt_socket(number)
        else:
            share(handle)
        self._own(handle)
        return (
            _python_family(get_number(handle, _abi.ANYSOCK_OPT_FAMILY)) if family == -1 else family,
            self.getsockopt(_socket.SOL_SOCKET, _socket.SO_TYPE) if type == -1 else type,
            (self.getsockopt(_socket.SOL_SOCKET, _PROTOCOL) if _PROTOCOL else 0) if proto == -1 else proto,
        )

    def __repr__(self) -> str:
        about = f"fd={self._fileno}, family={self._family}, type={self._type}, proto={self._proto}"
        return f"<socket object, {about}>"

    def __del__(self, is_finalizing: Any = sys.is_finalizing) -> None:
        # When the interpreter ends, the system closes everything, and what a warning needs may be gone.
        if self._handle == CLOSED or is_finalizing():
            return
        try:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
        finally:
            socket.close(self)

    # What it is

    family = property(lambda self: self._family, doc="The socket's family.")
    type = property(lambda self: self._type, doc="The socket's type.")
    proto = property(lambda self: self._proto, doc="The socket's protocol.")
    timeout = property(lambda self: self._timeout, doc="The timeout in seconds; None is for ever.")

    def fileno(self) -> int:
        """The system's descriptor; -1 once the socket is closed."""
        return self._fileno

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

    # Closing

    def close(self) -> None:
        """Closes it; more than once does no harm. Calls blocked on it in other threads end with ECANCELED."""
        handle, fileno = self._forget()
        if handle != CLOSED:
            leave(fileno, handle)
            self._check(_abi.anysock_close(handle))

    def detach(self) -> int:
        """Gives the descriptor away; the socket is closed."""
        handle, fileno = self._forget()
        if handle != CLOSED and is_given_up(handle):
            leave(fileno, handle)
            _abi.anysock_release(handle)
            # Whoever gets it expects the mode in which CPython would have had it.
            with suppress(OSError, AttributeError):
                os.set_blocking(fileno, self._timeout is None)
        return fileno

    def _forget(self) -> tuple[int, int]:
        handle, self._handle, self._number = self._handle, CLOSED, _NOTHING
        fileno, self._fileno = self._fileno, -1
        return handle, fileno

    # Timeouts

    def settimeout(self, value: Any, /) -> None:
        """How many seconds a call may wait: None is for ever, 0 not at all."""
        timeout = None if value is None else _seconds(value)
        self._check(_abi.anysock_set(self._handle, _TIMEOUT, microseconds(timeout)))
        self._timeout = timeout

    def gettimeout(self) -> float | None:
        """How many seconds a call may wait."""
        return self._timeout

    def setblocking(self, flag: Any, /) -> None:
        """Whether a call may wait for ever, or not at all."""
        self.settimeout(None if flag else 0.0)

    def getblocking(self) -> bool:
        """Whether a call may wait."""
        return self._timeout != 0

    # Options

    def setsockopt(self, level: int, optname: int, value: Any, optlen: int | None = None, /) -> None:
        """Sets an option by the system's numbers: to a number, to bytes, or with None to so many bytes that are not there."""
        level, optname = as_int(level), as_int(optname)
        if value is None:
            if optlen is None:
                raise TypeError("socket option should be integer, bytes-like object or None with a length")
            self._check(_abi.anysock_set_raw(self._handle, level, optname, None, as_int(optlen)))
        elif hasattr(value, "__index__"):
            self._check(_abi.anysock_set_raw(self._handle, level, optname, byref(_option(value)), 4))
        else:
            with Loan(value) as (address, length):
                self._check(_abi.anysock_set_raw(self._handle, level, optname, address, length))

    def getsockopt(self, level: int, optname: int, buflen: int = 0, /) -> Any:
        """An option by the system's numbers: a number, or with a length that many bytes at most."""
        level, optname, size = as_int(level), as_int(optname), as_int(buflen)
        if size == 0:
            number = c_int32()
            self._check(_abi.anysock_get_raw(self._handle, level, optname, byref(number), 4))
            return number.value
        if not 0 < size <= _LONGEST_OPTION:
            raise OSError("getsockopt buflen out of range")
        value = fresh_bytes(size)
        return value[: self._check(_abi.anysock_get_raw(self._handle, level, optname, value, size))]

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
        """The descriptor of the next connection, and the peer's address."""
        started, handle = monotonic(), self._handle
        result = uninterrupted(handle, ACCEPTING, lambda _: _abi.anysock_accept(handle))
        if result < 0:
            raise self._failed(result, started)
        opened = Opened(_abi.anysock_fd(result))
        opened.handle = result
        address = nowhere()
        # A peer that has gone meanwhile has no address any more.
        _abi.anysock_peer_flat(result, address)
        return opened, python(address, self._family, "")

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
            ready = select_one(handle, _abi.ANYSOCK_WRITE, deadline)
            # Asked once more, it tells the outcome.
            result = _abi.anysock_connect_flat(handle, place) if ready > 0 else ready or _abi.ANYSOCK_ETIMEDOUT
        return 0 if result == _abi.ANYSOCK_EISCONN else result

    def shutdown(self, how: int, /) -> None:
        """Shuts the reading half, the writing half, or both."""
        self._check(_abi.anysock_shutdown(self._handle, as_int(how) + 1))

    # Reading

    def recv(self, bufsize: SupportsIndex, flags: int = 0, /) -> bytes:
        """What is there, up to `bufsize` bytes; empty at the end of the stream."""
        if flags or type(bufsize) is not int or bufsize <= 0:
            return self._recv(as_size(bufsize, "recv"), flags)
        started = monotonic() if self._timeout else 0.0
        data = bytes(bufsize) if bufsize <= ZEROED else fresh_bytes(bufsize)
        count = _read(self._number, data, sizes[bufsize])
        if count < 0:
            count = self._again(count, READING, started, receive, data, bufsize, 0)
        return data[:count]

    def _recv(self, size: int, flags: int) -> bytes:
        data = fresh_bytes(size)
        return data[: self._recv_into(data, size, flags)]

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """As `recv`, into a writable buffer; how many bytes."""
        length = len(buffer) if type(buffer) is bytearray else length_of(buffer)
        if nbytes or flags or not length:
            return self._recv_part(buffer, _part(nbytes, length, "recv_into"), flags)
        started = monotonic() if self._timeout else 0.0
        count = _read(self._number, lend(buffer), sizes[length])
        if count < 0:
            return self._recv_again(count, buffer, started)
        return count

    def _recv_part(self, buffer: Any, length: int, flags: int) -> int:
        # It refuses what is not writable with CPython's exception.
        lend(buffer)
        with Loan(buffer, writable=True) as (address, _):
            return self._recv_into(address, length, flags)

    def _recv_again(self, result: int, buffer: Any, started: float) -> int:
        # With a loan that ends: a caller may resize the buffer while the error, and with it this frame, still lives.
        with Loan(buffer, writable=True) as (address, length):
            return self._again(result, READING, started, receive, address, length, 0)

    def _recv_into(self, memory: Any, length: int, flags: int) -> int:
        if length == 0:
            return 0
        started, ours = monotonic(), flags_in(flags)
        wait = READING_URGENT if ours & _abi.ANYSOCK_OOB else READING
        count: int = receive(self._handle, memory, length, ours)
        if count < 0:
            count = self._again(count, wait, started, receive, memory, length, ours)
        return count

    def recvfrom(self, bufsize: SupportsIndex, flags: int = 0, /) -> tuple[bytes, Any]:
        """A datagram, cut at `bufsize` bytes, and its sender's address."""
        size = as_size(bufsize, "recvfrom")
        data = bytearray(size)
        count, sender = messages.receive_from(self, data, size, flags)
        return bytes(memoryview(data)[:count]), sender

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        """As `recvfrom`, into a writable buffer; how many bytes, and the sender's address."""
        length = _part(nbytes, length_of(buffer), "recvfrom_into")
        return messages.receive_from(self, buffer, length, flags)

    def recvmsg(self, bufsize: SupportsIndex, ancbufsize: int = 0, flags: int = 0, /) -> tuple[Any, ...]:
        """A message: data, control data as (level, type, data), flags, and the sender's address."""
        size = as_size(bufsize, "recvmsg()")
        data = bytearray(size)
        count, *rest = messages.receive(self, [data], ancbufsize, flags)
        return (bytes(data[:count]), *rest)

    def recvmsg_into(self, buffers: Iterable[Any], ancbufsize: int = 0, flags: int = 0, /) -> tuple[Any, ...]:
        """As `recvmsg`, into writable buffers in turn; how many bytes, and the same for the rest."""
        return messages.receive(self, buffers, ancbufsize, flags)

    # Writing

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Writes what there is room for; how many bytes, at least one. Of a datagram, all."""
        memory = data if type(data) is bytes else readable(data)
        if flags or memory is None:
            return self._send(data, flags)
        started = monotonic() if self._timeout else 0.0
        length = len(data) if memory is data else length_of(data)
        count = _write(self._number, memory, sizes[length])
        if count < 0:
            memory = None
            return self._send_again(count, data, started)
        return count

    def _send_again(self, result: int, data: Any, started: float) -> int:
        # As `_recv_again`.
        with Loan(data) as (address, length):
            return self._again(result, WRITING, started, transmit, address, length, 0)

    def _send(self, data: Any, flags: int) -> int:
        started, ours = monotonic(), flags_in(flags)
        with Loan(data) as (address, length):
            count: int = transmit(self._handle, address, length, ours)
            if count < 0:
                count = self._again(count, WRITING, started, transmit, address, length, ours)
        return count

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Writes everything, in the time of one timeout. If that fails, nobody knows how much has gone."""
        started = monotonic() if self._timeout else 0.0
        memory = data if type(data) is bytes else readable(data)
        if flags or memory is None:
            return self._send_all(data, flags, started)
        length = len(data) if memory is data else length_of(data)
        count = _write_all(self._number, memory, sizes[length])
        if count != length:
            # As `_recv_again`.
            memory = None
            self._send_rest(data, count, 0, started)

    def _send_all(self, data: Any, flags: int, started: float) -> None:
        ours, handle = flags_in(flags), self._handle
        with Loan(data) as (address, length):
            if ours:
                call = lambda more: transmit(handle, address, length, ours | more)
                count = uninterrupted(handle, WRITING, call)
            else:
                count = _abi.anysock_write_all(handle, address, length)
        if count != length:
            self._send_rest(data, count, ours, started)

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

    def sendto(self, data: Any, *rest: Any) -> int:
        """Sends a datagram: `sendto(data, address)` or `sendto(data, flags, address)`."""
        if not 1 <= len(rest) <= 2:
            raise TypeError(f"sendto() takes 2 or 3 arguments ({len(rest) + 1} given)")
        flags = rest[0] if len(rest) == 2 else 0
        place = flat(self._family, rest[-1], "sendto")
        sys.audit("socket.sendto", self, rest[-1])
        return messages.send_to(self, data, flags, place)

    def sendmsg(
        self, buffers: Iterable[Any], ancdata: Iterable[Any] = (), flags: int = 0, address: Any = None, /
    ) -> int:
        """Sends a message: data, control data as (level, type, data), to an address."""
        place = None if address is None else flat(self._family, address, "sendmsg")
        sys.audit("socket.sendmsg", self, address)
        return messages.send(self, buffers, ancdata, flags, place)

    def sendmsg_afalg(self, *_: Any, **__: Any) -> int:
        """For a family that this library does not have."""
        raise OSError("algset is only supported for AF_ALG")

    def _send_file(self, file: int, offset: int, length: int) -> int:
        """Sends bytes of an open file; how many, which may be fewer for a signal or the end of the time."""
        started, handle = monotonic(), self._handle
        sent: int = _abi.anysock_send_file(handle, file, offset, length)
        while sent == _abi.ANYSOCK_EINTR:
            ready = select_one(handle, _abi.ANYSOCK_WRITE, Deadline(microseconds(self._timeout), started))
            sent = _abi.anysock_send_file(handle, file, offset, length) if ready > 0 else ready or _abi.ANYSOCK_ETIMEDOUT
        if sent < 0:
            raise self._failed(sent, started)
        return sent

    # Results

    def _again(
        self, result: int, wait: Wait, started: float, call: Any, memory: Any, length: int, flags: int
    ) -> int:
        """A transfer that has failed: goes on after a signal for the rest of its time, or raises."""
        handle = self._handle
        if result == _abi.ANYSOCK_EINTR:
            result = resume(handle, wait, started, lambda more: call(handle, memory, length, flags | more))
        if result < 0:
            raise self._failed(result, started)
        return result

    def _check(self, result: int) -> int:
        """The result of a call that does not wait, if it is no error."""
        if result < 0:
            raise failure(result)
        return result

    def _failed(self, result: int, started: float) -> Exception:
        """The exception for a call that may have waited."""
        return timed_out() if self._is_timeout(result, started) else failure(result)

    def _is_timeout(self, result: int, started: float) -> bool:
        """Whether it is the socket's own timeout that is over. A connection's may be, too."""
        if result != _abi.ANYSOCK_ETIMEDOUT or not self._timeout:
            return False
        return monotonic() - started >= self._timeout


def _open(family: int, type: int, proto: int) -> int:
    result: int = _abi.anysock_open_raw(family, type & ~_BESIDE_TYPE, proto)
    if result < 0:
        raise failure(result)
    return result


def _adopt_socket(fileno: int) -> int:
    handle: int = _abi.anysock_adopt(fileno)
    if handle < 0:
        raise failure(handle)
    # Pipes and terminals are handles as well, but no sockets.
    result = _abi.anysock_get(handle, _abi.ANYSOCK_OPT_TYPE.encode(), byref(c_int64()))
    if result < 0:
        _abi.anysock_release(handle)
        raise failure(result)
    return handle


def _python_family(number: int) -> int:
    return next(family for family, known in FAMILIES.items() if known == number and family is not None)


def pair(family: int, type: int, proto: int) -> tuple[socket, socket]:
    """Two sockets that are connected to each other."""
    family, type, proto = as_int(family), as_int(type), as_int(proto)
    kinds = {_socket.SOCK_STREAM: b"unix", _socket.SOCK_DGRAM: b"unixgram", _socket.SOCK_SEQPACKET: b"unixpacket"}
    kind = kinds.get(type & ~_BESIDE_TYPE)
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
    opened = Opened(_abi.anysock_fd(handle))
    opened.handle = handle
    return socket(family, type, 0, opened)


def _option(value: Any) -> c_int32:
    try:
        return c_int32(as_int(value))
    except OverflowError:
        # CPython tries it as bytes then.
        raise TypeError(f"a bytes-like object is required, not {type(value).__name__!r}") from None


def _part(nbytes: SupportsIndex, length: int, caller: str) -> int:
    """How much of a buffer is to be used; 0 is all of it."""
    wanted = as_size(nbytes, caller)
    if wanted > length:
        raise ValueError("buffer too small for requested bytes")
    return wanted or length


def _seconds(value: Any) -> float:
    """A timeout, as CPython takes it."""
    if not hasattr(value, "__float__") and not hasattr(value, "__index__"):
        raise TypeError(f"'{type(value).__name__}' object cannot be interpreted as an integer")
    seconds = float(value) if hasattr(value, "__float__") else float(index(value))
    if isnan(seconds):
        raise ValueError("Invalid value NaN (not a number)")
    if seconds < 0:
        raise ValueError("Timeout value out of range")
    if seconds > _LONGEST_TIMEOUT:
        raise OverflowError("timeout doesn't fit into C timeval")
    return seconds
