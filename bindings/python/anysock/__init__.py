"""The same sockets on every system, in Python: a thin layer over the anysock library.

    with anysock.connect("example.com:80", timeout=10) as connection:
        connection.write_all(b"GET / HTTP/1.0\\r\\n\\r\\n")
        print(connection.read(4096))

Addresses are text, the same in and out. Timeouts are seconds, None is for ever. Errors are `OSError`. What
the kinds of sockets, the addresses, the flags and the options mean is in the library's manual.
"""

from ._abi import ANYSOCK_DONT_WAIT as DONT_WAIT
from ._abi import ANYSOCK_EDGE as EDGE
from ._abi import ANYSOCK_ERROR as ERROR
from ._abi import ANYSOCK_EXCEPT as EXCEPT
from ._abi import ANYSOCK_HANGUP as HANGUP
from ._abi import ANYSOCK_MORE as MORE
from ._abi import ANYSOCK_ONESHOT as ONESHOT
from ._abi import ANYSOCK_OOB as OOB
from ._abi import ANYSOCK_PEEK as PEEK
from ._abi import ANYSOCK_READ as READ
from ._abi import ANYSOCK_SHUT_BOTH as SHUT_BOTH
from ._abi import ANYSOCK_SHUT_READ as SHUT_READ
from ._abi import ANYSOCK_SHUT_WRITE as SHUT_WRITE
from ._abi import ANYSOCK_TRUNC as TRUNC
from ._abi import ANYSOCK_VERSION as __version__
from ._abi import ANYSOCK_WAIT_ALL as WAIT_ALL
from ._abi import ANYSOCK_WRITE as WRITE
from ._memory import Address
from ._names import Interface, has, interfaces, resolve
from ._open import adopt, connect, listen, pair
from ._options import Options
from ._patch import patch
from ._readiness import Poller, Ready, wait_ready
from ._socket import Socket

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
