"""The addresses of Python's socket module, tuples and paths, and the library's flat ones.

Hosts that are no numbers go to the interpreter's resolver, as they do in CPython; unlike there, handlers run meanwhile.
"""

from __future__ import annotations

import _socket
import os
from functools import lru_cache
from operator import index
from struct import Struct
from typing import Any

from .. import _abi
from .._abi import anysock_address as Flat
from .._signals import interruptibly

_INET = _socket.AF_INET
_INET6 = _socket.AF_INET6
_UNIX = getattr(_socket, "AF_UNIX", None)

#: The library's numbers for them.
FAMILIES = {_UNIX: 1, _INET: 2, _INET6: 10}
_LIBRARY_UNIX, _LIBRARY_INET, _LIBRARY_INET6 = FAMILIES.values()

#: Family, port, length, scope, a zero, octets or path.
_LAYOUT = Struct("=iHHII112s")

_PORTS = range(1 << 16)
_FLOWS = range(1 << 20)

#: What a path may have, without the NUL that ends it; an abstract name has none.
_LONGEST_PATH = 107


def flat(family: int, address: Any, caller: str) -> Flat:
    """Python's address as the library takes it, for the method of that name."""
    if family == _INET:
        host, port = _inet(address, caller)
        return _numbers(_INET, host, port, 0)
    if family == _INET6:
        host, port, scope = _inet6(address, caller)
        return _numbers(_INET6, host, port, scope)
    return _unix(address, caller)


def _inet(address: Any, caller: str) -> tuple[str, int]:
    if not isinstance(address, tuple):
        raise TypeError(f"{caller}(): AF_INET address must be tuple, not {type(address).__name__}")
    if len(address) != 2:
        raise TypeError("AF_INET address must be a pair (host, port)")
    host, port = address
    return numeric_host(_INET, host), _port(port, caller)


def _inet6(address: Any, caller: str) -> tuple[str, int, int]:
    if not isinstance(address, tuple):
        raise TypeError(f"{caller}(): AF_INET6 address must be tuple, not {type(address).__name__}")
    if not 2 <= len(address) <= 4:
        raise TypeError("AF_INET6 address must be a tuple (host, port[, flowinfo[, scopeid]])")
    host, port, flow, scope = (*address, 0, 0)[:4] if len(address) < 4 else address
    if index(flow) not in _FLOWS:
        raise OverflowError(f"{caller}(): flowinfo must be 0-1048575.")
    host = numeric_host(_INET6, host)
    port = _port(port, caller)
    host, _, zone = host.partition("%")
    return host, port, index(scope) or _interface(zone)


def _interface(zone: str) -> int:
    if not zone:
        return 0
    return int(zone) if zone.isdigit() else _socket.if_nametoindex(zone)


def _port(port: Any, caller: str) -> int:
    number = index(port)
    if number not in _PORTS:
        raise OverflowError(f"{caller}(): port must be 0-65535.")
    return number


def numeric_host(family: int, host: Any) -> str:
    """A host in numbers: of a name's addresses the first."""
    name = _host_name(host)
    if name == "":
        return "0.0.0.0" if family == _INET else "::"
    if name in ("255.255.255.255", "<broadcast>"):
        if family != _INET:
            raise OSError("address family mismatched")
        return "255.255.255.255"
    if is_numeric(family, name):
        return name
    return str(interruptibly(lambda: _socket.getaddrinfo(name, None, family))[0][4][0])


def _host_name(host: Any) -> str:
    if isinstance(host, str):
        name = host if host.isascii() else host.encode("idna").decode("ascii")
    elif isinstance(host, (bytes, bytearray)):
        name = host.decode("latin-1")
    else:
        raise TypeError(f"str, bytes or bytearray expected, not {type(host).__name__}")
    if "\0" in name:
        raise TypeError("host name must not contain null character")
    return name


@lru_cache(maxsize=256)
def is_numeric(family: int, host: str) -> bool:
    """Whether it is an address of the family, in the one notation that needs no resolver."""
    try:
        _socket.inet_pton(family, host)
    except (OSError, UnicodeError):
        return False
    return True


@lru_cache(maxsize=256)
def _numbers(family: int, host: str, port: int, scope: int) -> Flat:
    """Addresses are only ever read, and many calls have the same."""
    octets = _socket.inet_pton(family, host)
    return Flat.from_buffer_copy(_LAYOUT.pack(FAMILIES[family], port, len(octets), scope, 0, octets))


def _unix(address: Any, caller: str) -> Flat:
    if isinstance(address, str):
        path = os.fsencode(address)
    else:
        try:
            path = bytes(memoryview(address))
        except TypeError:
            kind = type(address).__name__
            raise TypeError(f"{caller}(): AF_UNIX address must be str or bytes, not {kind}") from None
    abstract = path[:1] in (b"", b"\0")
    if len(path) > _LONGEST_PATH + abstract:
        raise OSError("AF_UNIX path too long")
    if not abstract:
        # As in C, a path ends at its first NUL.
        path = path.partition(b"\0")[0]
    return Flat.from_buffer_copy(_LAYOUT.pack(_LIBRARY_UNIX, 0, len(path), 0, 0, path))


def python(address: Flat, family: int, nobody: Any = None) -> Any:
    """The library's address as Python has it for a socket of the family; `nobody` for none."""
    found, port, length, scope, _, rest = _LAYOUT.unpack(address)
    if found == 0:
        return nobody
    octets = rest[:length]
    if found == _LIBRARY_UNIX:
        return octets if octets[:1] == b"\0" else os.fsdecode(octets)
    if found == _LIBRARY_INET6:
        return _socket.inet_ntop(_INET6, octets), port, 0, scope
    host = _socket.inet_ntop(_INET, octets)
    # To the library an IPv4 peer is one, whatever the family of the socket.
    return (host, port) if family == _INET else (f"::ffff:{host}", port, 0, 0)


def nowhere() -> Flat:
    """Room for an address."""
    return Flat()
