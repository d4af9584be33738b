"""What CPython calls `_socket`, on this library: the half of its socket module that is written in C.

Sockets are ours (`base`); names, databases and constants are the interpreter's own. `anysock.socket` is made on top.
"""

from __future__ import annotations

import _socket
from functools import partial, update_wrapper
from types import ModuleType
from typing import Any, Callable

from .. import _abi
from .._signals import interruptibly
from .addresses import is_numeric
from .base import pair, socket
from .failures import failure
from .numbers import handle_of, leave

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


def _asked(ask: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """A question about a host, during which handlers run. What is a number is no question."""
    host = arguments[0] if arguments else named.get("host")
    if not isinstance(host, str) or is_numeric(_socket.AF_INET, host) or is_numeric(_socket.AF_INET6, host):
        return ask(*arguments, **named)
    return interruptibly(partial(ask, *arguments, **named))


#: What asks the resolver about a host.
_QUESTIONS = ("getaddrinfo", "gethostbyname", "gethostbyname_ex")


def _stand_in() -> ModuleType:
    module = ModuleType("_socket", _socket.__doc__)
    names = {name: value for name, value in vars(_socket).items() if not name.startswith("__")}
    ours: dict[str, Any] = {"socket": socket, "SocketType": socket, "close": close}
    if "socketpair" in names:
        ours["socketpair"] = socketpair
    for name in _QUESTIONS:
        ours[name] = update_wrapper(partial(_asked, names[name]), names[name])
    vars(module).update(names, **ours)
    return module


module = _stand_in()
