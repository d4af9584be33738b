"""What CPython calls `_socket`, on this library: the half of its socket module that is written in C.

Sockets are ours (`base`); names, databases and constants are the interpreter's own. `anysock.socket` is made on top.
"""

from __future__ import annotations

import _socket
from types import ModuleType
from typing import Any

from .. import _abi
from .._numbers import handle_of, leave
from .base import pair, socket
from .failures import failure

__all__ = ["module"]


def socketpair(family: Any = None, type: int = _socket.SOCK_STREAM, proto: int = 0) -> tuple[socket, socket]:
    """Two sockets that are connected to each other, of the unix family unless another is named."""
    default = getattr(_socket, "AF_UNIX", _socket.AF_INET)
    return pair(default if family is None else family, type, proto)


def close(fd: int, /) -> None:
    """Closes a descriptor, whether or not a socket of ours owns it."""
    handle = handle_of(fd)
    if handle is None:
        return _socket.close(fd)
    leave(fd, handle)
    result = _abi.anysock_close(handle)
    if result < 0:
        raise failure(result)


def _stand_in() -> ModuleType:
    module = ModuleType("_socket", _socket.__doc__)
    names = {name: value for name, value in vars(_socket).items() if not name.startswith("__")}
    ours: dict[str, Any] = {"socket": socket, "SocketType": socket, "close": close}
    if "socketpair" in names:
        ours["socketpair"] = socketpair
    vars(module).update(names, **ours)
    return module


module = _stand_in()
