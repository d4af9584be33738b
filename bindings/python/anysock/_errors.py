"""From the library's results to Python's exceptions. Nothing here calls a socket."""

from __future__ import annotations

import errno
import socket

from . import _abi

_EXCEPTION = "ANYSOCK_E"
_RESOLVER = "ANYSOCK_EAI_"
_OS_ERROR = "EOS_"


def _numbers() -> dict[int, int]:
    """The library counts as Linux does, everywhere; Python as the host does. The names are the same."""
    numbers = {}
    for name, code in vars(_abi).items():
        if not name.startswith(_EXCEPTION) or code >= 0:
            continue
        home = socket if name.startswith(_RESOLVER) else errno
        numbers[code] = getattr(home, name[len("ANYSOCK_") :], -code)
    return numbers


_HOST_NUMBERS = _numbers()
_RESOLVER_CODES = frozenset(code for name, code in vars(_abi).items() if name.startswith(_RESOLVER))


def failure(code: int, subject: str | None = None) -> Exception:
    """The exception for a negative result: of `OSError` the subclass that belongs to its number.

    `subject` is the address or option that it is about; it becomes the error's `filename`.
    """
    message = _abi.anysock_error_message(code).decode()
    if code == _abi.ANYSOCK_EINTERNAL:
        return RuntimeError(message)
    kind = socket.gaierror if code in _RESOLVER_CODES else OSError
    about = () if subject is None else (subject,)
    return kind(host_number(code), message, *about)


def host_number(code: int) -> int:
    """The host's number for an error."""
    if code in _HOST_NUMBERS:
        return _HOST_NUMBERS[code]
    name = _abi.anysock_error_name(code).decode()
    # What only this system knows keeps the system's own number: "EOS_530" is 530.
    return int(name[len(_OS_ERROR) :]) if name.startswith(_OS_ERROR) else -code


def check(result: int, subject: str | None = None) -> int:
    """The result, if it is none of the errors."""
    if result < 0:
        raise failure(result, subject)
    return result
