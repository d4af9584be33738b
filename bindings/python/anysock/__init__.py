"""The same sockets on every system, in Python: a thin layer over the anysock library.

    with anysock.connect("example.com:80", timeout=10) as connection:
        connection.write_all(b"GET / HTTP/1.0\\r\\n\\r\\n")
        print(connection.read(4096))

Addresses are text, the same in and out. Timeouts are seconds, None is for ever. Errors are `OSError`. What
the kinds of sockets, the addresses, the flags and the options mean is in the library's manual.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ._abi import ANYSOCK_FLAG_DONT_WAIT as DONT_WAIT
from ._abi import ANYSOCK_EVENT_EDGE as EDGE
from ._abi import ANYSOCK_EVENT_ERROR as ERROR
from ._abi import ANYSOCK_EVENT_EXCEPT as EXCEPT
from ._abi import ANYSOCK_EVENT_HANGUP as HANGUP
from ._abi import ANYSOCK_FLAG_MORE as MORE
from ._abi import ANYSOCK_EVENT_ONESHOT as ONESHOT
from ._abi import ANYSOCK_FLAG_OOB as OOB
from ._abi import ANYSOCK_FLAG_PEEK as PEEK
from ._abi import ANYSOCK_EVENT_READ as READ
from ._abi import ANYSOCK_SHUT_BOTH as SHUT_BOTH
from ._abi import ANYSOCK_SHUT_READ as SHUT_READ
from ._abi import ANYSOCK_SHUT_WRITE as SHUT_WRITE
from ._abi import ANYSOCK_FLAG_TRUNC as TRUNC
from ._abi import ANYSOCK_HEADER_VERSION as __version__
from ._abi import ANYSOCK_FLAG_WAIT_ALL as WAIT_ALL
from ._abi import ANYSOCK_EVENT_WRITE as WRITE

if TYPE_CHECKING:
    from ._memory import Address
    from ._names import Interface, has, interfaces, resolve
    from ._open import adopt, connect, listen, pair
    from ._options import Options
    from ._readiness import Poller, Ready, wait_ready
    from ._socket import Socket
    from ._std.patch import patch

__all__ = [
    "Address",
    "DONT_WAIT",
    "EDGE",
    "ERROR",
    "EXCEPT",
    "HANGUP",
    "Interface",
    "MORE",
    "ONESHOT",
    "OOB",
    "Options",
    "PEEK",
    "Poller",
    "READ",
    "Ready",
    "SHUT_BOTH",
    "SHUT_READ",
    "SHUT_WRITE",
    "Socket",
    "TRUNC",
    "WAIT_ALL",
    "WRITE",
    "__version__",
    "adopt",
    "connect",
    "has",
    "interfaces",
    "listen",
    "pair",
    "patch",
    "resolve",
    "wait_ready",
]

#: What is loaded when it is asked for: who has come for one of the modules, as `anysock.loop`, does without.
_LATER = {
    "_memory": ["Address"],
    "_names": ["Interface", "has", "interfaces", "resolve"],
    "_open": ["adopt", "connect", "listen", "pair"],
    "_options": ["Options"],
    "_readiness": ["Poller", "Ready", "wait_ready"],
    "_socket": ["Socket"],
    "_std.patch": ["patch"],
}
_HOMES = {name: home for home, names in _LATER.items() for name in names}

if not TYPE_CHECKING:

    def __getattr__(name):
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        return value

    def __dir__():
        return sorted({*globals(), *_HOMES})
