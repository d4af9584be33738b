"""Ways to get a socket in one step."""

from __future__ import annotations

from ctypes import byref

from . import _abi
from ._errors import check
from ._memory import Address, text_in
from ._numbers import as_int64
from ._socket import Socket


def connect(address: Address, kind: str = "tcp", timeout: float | None = None) -> Socket:
    """A socket that is connected. The timeout, in seconds, is for connecting alone."""
    socket = Socket(kind)
    try:
        socket.connect_timeout = timeout
        socket.connect(address)
        socket.connect_timeout = None
    except BaseException:
        socket.close()
        raise
    return socket


def listen(address: Address, kind: str = "tcp", backlog: int = 0) -> Socket:
    """A listener."""
    socket = Socket(kind)
    try:
        socket.bind(address)
        socket.listen(backlog)
    except BaseException:
        socket.close()
        raise
    return socket


def pair(kind: str = "unix") -> tuple[Socket, Socket]:
    """Two sockets that are connected to each other; "tcp" gives them over the loopback."""
    first, second = _abi.anysock_t(), _abi.anysock_t()
    check(_abi.anysock_pair(text_in(kind), byref(first), byref(second)), kind)
    return Socket.from_handle(first.value), Socket.from_handle(second.value)


def adopt(descriptor: int) -> Socket:
    """Takes over a descriptor of the system: a socket, on Unix also a pipe or terminal."""
    return Socket.from_handle(check(_abi.anysock_adopt(as_int64(descriptor))))
