"""From the library's results to the exceptions of CPython's socket module, with the host's own words."""

from __future__ import annotations

import os

from .. import _abi
from .._errors import failure as _library_failure
from .._errors import host_number

_TIMED_OUT = "timed out"


def failure(code: int) -> Exception:
    """The exception for a negative result."""
    if code == _abi.ANYSOCK_EINTERNAL:
        return _library_failure(code)
    number = host_number(code)
    return OSError(number, os.strerror(number))


def timed_out() -> OSError:
    """What a socket's own timeout raises: it has no number."""
    # Until 3.10 it is not the builtin one.
    from _socket import timeout

    return timeout(_TIMED_OUT)
