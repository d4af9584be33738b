"""A socket's handle and its life, its timeouts and its options: what a call on it needs. Not here: the calls."""

from __future__ import annotations

import _socket
import os
import sys
from contextlib import suppress
from ctypes import byref, c_int32, c_int64
from math import isnan
from operator import index
from time import monotonic
from typing import Any

from .. import _abi
from .._handle import CLOSED, Owner
from .._memory import Loan, fresh_bytes
from .._numbers import as_int
from .._options import get_number
from .._resume import Wait, resume
from .._time import microseconds
from .addresses import FAMILIES
from .failures import failure, timed_out
from .numbers import enter, handle_of, is_given_up, leave, share
from .quick import Quick

_TIMEOUT = _abi.ANYSOCK_OPT_TIMEOUT.encode()
_OURS = tuple(option.encode() for option in (_abi.ANYSOCK_OPT_NATIVE, _abi.ANYSOCK_OPT_INTERRUPTIBLE))

#: What a type may have beside it, on some systems.
_NONBLOCK = getattr(_socket, "SOCK_NONBLOCK", 0)
BESIDE_TYPE = _NONBLOCK | getattr(_socket, "SOCK_CLOEXEC", 0)

_PROTOCOL = getattr(_socket, "SO_PROTOCOL", None)

_LONGEST_OPTION = 1024

#: The longest timeout, in seconds, that CPython takes.
_LONGEST_TIMEOUT = 2**63 / 1e9


class Opened(int):
    """A handle where CPython has a descriptor: `accept` gives it to the class that is made on top of this one.

    Asking for the descriptor would make it one that others know, whose mode each connect must look at.
    """


class Owned(Owner, Quick):
    """A socket that can be opened, taken over, set and closed."""

    __slots__ = ("_family", "_fileno", "_proto", "_timeout", "_type")

    _family: int
    _fileno: int
    _proto: int
    _timeout: float | None
    _type: int

    def __new__(cls, *arguments: Any, **keywords: Any) -> Any:
        self = Quick.__new__(cls)
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
            self._own(int(fileno))
        else:
            family, type, proto = self._adopt(fileno, family, type, proto)
        self._family, self._type, self._proto = family, type & ~BESIDE_TYPE, proto
        self._begin(type)

    def _begin(self, type: int) -> None:
        timeout = 0.0 if type & _NONBLOCK else _socket.getdefaulttimeout()
        if timeout is not None:
            self.settimeout(timeout)

    def _own(self, handle: int) -> None:
        for option in _OURS:
            _abi.anysock_set(handle, option, 1)
        self._hold(handle)

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
        self._know(number)
        return (
            _python_family(get_number(handle, _abi.ANYSOCK_OPT_FAMILY)) if family == -1 else family,
            self.getsockopt(_socket.SOL_SOCKET, _socket.SO_TYPE) if type == -1 else type,
            (self.getsockopt(_socket.SOL_SOCKET, _PROTOCOL) if _PROTOCOL else 0) if proto == -1 else proto,
        )

    def _know(self, fileno: int) -> None:
        self._fileno = fileno
        enter(fileno, self._handle)

    def __repr__(self) -> str:
        about = f"fd={Owned.fileno(self)}, family={self._family}, type={self._type}, proto={self._proto}"
        return f"<socket object, {about}>"

    def _end(self) -> None:
        # Not what the class on top makes of `close`: files that were made of the socket are gone with it.
        Owned.close(self)

    # What it is

    family = property(lambda self: self._family, doc="The socket's family.")
    type = property(lambda self: self._type, doc="The socket's type.")
    proto = property(lambda self: self._proto, doc="The socket's protocol.")
    timeout = property(lambda self: self._timeout, doc="The timeout in seconds; None is for ever.")

    def fileno(self) -> int:
        """The system's descriptor; -1 once the socket is closed."""
        handle = self._handle
        if self._fileno < 0 and handle != CLOSED:
            descriptor = _abi.anysock_fd(handle)
            # Another thread may have closed it meanwhile.
            if self._handle == handle:
                self._know(self._check(descriptor))
                _set_mode(descriptor, self._timeout is None)
        return self._fileno

    # Closing

    def close(self) -> None:
        """Closes it; more than once does no harm. Calls blocked on it in other threads end with ECANCELED."""
        handle, fileno = self._forget()
        if handle != CLOSED:
            leave(fileno, handle)
            self._check(_abi.anysock_close(handle))

    def detach(self) -> int:
        """Gives the descriptor away; the socket is closed."""
        Owned.fileno(self)
        handle, fileno = self._forget()
        if handle != CLOSED and is_given_up(handle):
            leave(fileno, handle)
            _abi.anysock_release(handle)
            _set_mode(fileno, self._timeout is None)
        return fileno

    def _forget(self) -> tuple[int, int]:
        handle, fileno = self._handle, self._fileno
        self._hold(CLOSED)
        self._fileno = -1
        return handle, fileno

    # Timeouts

    def settimeout(self, value: Any, /) -> None:
        """How many seconds a call may wait: None is for ever, 0 not at all."""
        timeout = None if value is None else _seconds(value)
        self._check(_abi.anysock_set(self._handle, _TIMEOUT, microseconds(timeout)))
        self._timeout, self._timed = timeout, bool(timeout)
        if self._fileno >= 0:
            _set_mode(self._fileno, timeout is None)

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
                raise TypeError("setsockopt() requires 4 arguments when the third argument is None")
            self._check(_abi.anysock_set_raw(self._handle, level, optname, None, as_int(optlen)))
        elif optlen is not None:
            raise TypeError("setsockopt() only takes 4 arguments when the third argument is None")
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

    def _check_interrupted(self, result: int, started: float) -> None:
        """Raises what a call has failed with, unless it was a signal."""
        if result != _abi.ANYSOCK_EINTR:
            raise self._failed(result, started)

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
    result: int = _abi.anysock_open_raw(family, type & ~BESIDE_TYPE, proto)
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


def _option(value: Any) -> c_int32:
    try:
        return c_int32(as_int(value))
    except OverflowError:
        if sys.version_info >= (3, 15):
            raise
        # CPython tried it as bytes then.
        raise TypeError(f"a bytes-like object is required, not {type(value).__name__!r}") from None


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


def _set_mode(fileno: int, blocking: bool) -> None:
    """Has others find the descriptor in the mode in which CPython would have it; here nothing depends on that."""
    with suppress(OSError, AttributeError):
        os.set_blocking(fileno, blocking)
