"""CPython's socket module on this library: `from anysock import socket` instead of `import socket`.

CPython's module has a half in C, `_socket`, and a half in Python on top of it. Here the first is ours (`_std.half_in_c`), and the
second is the interpreter's own, run once more on top of that: so that classes, functions, constants and their behaviour
are those of the version at hand, and nothing is written twice. What differs is in the manual.
"""

# mypy: ignore-errors
# For type checkers there is socket.pyi.

import os as _os

from ._std.half_in_c import module as _half_in_c
from ._std.standard import run as _run

_run(globals(), _half_in_c)

# The very class of the standard module, which works on any socket: sockets of `ssl` make their files of it, and programs ask
# what a file is made of.
from socket import SocketIO  # noqa: E402


# That half would go to the system behind the library's back here.
def _sendfile_use_sendfile(self, file, offset=0, count=None):
    """Sends a file; how many bytes. `_GiveupOnSendfile` for what is none."""
    self._check_sendfile_params(file, offset, count)
    try:
        fileno = file.fileno()
        size = _os.fstat(fileno).st_size
    except (AttributeError, OSError) as error:
        raise _GiveupOnSendfile(error)
    if not size:
        return 0
    if self.gettimeout() == 0:
        raise ValueError("non-blocking sockets are not supported")
    total = 0
    try:
        while sent := self._send_file(fileno, offset + total, -1 if count is None else count - total):
            total += sent
    except timeout:
        raise
    except OSError as error:
        if total:
            raise
        raise _GiveupOnSendfile(error)
    finally:
        if total and hasattr(file, "seek"):
            file.seek(offset + total)
    return total


if hasattr(_os, "sendfile"):
    socket._sendfile_use_sendfile = _sendfile_use_sendfile
del _sendfile_use_sendfile

