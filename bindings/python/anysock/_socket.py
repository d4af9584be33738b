"""`Socket`: a connection, a listener, a datagram socket. Not here: waiting for many (`_readiness`)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from ctypes import c_char
from time import monotonic
from typing import Any, Callable, TypeVar

from . import _abi, _calls, _resume
from ._errors import check, failure
from ._handle import CLOSED, Handle
from ._memory import Address, Loan, ReadableBuffer, WriteableBuffer, fresh_bytes, loans, text_in, text_out
from ._numbers import as_int, as_int64
from ._options import Options, Timeout
from ._resume import ACCEPTING, READING, READING_URGENT, WRITING, Wait, complete, resume, uninterrupted
from ._signals import repeat

_S = TypeVar("_S", bound="Socket")

#: Room for any address.
_AddressText = c_char * 1024


class Socket(Handle):
    """A socket of any kind: "tcp", "udp", "unix" and what else the manual names, with the addresses it names.

    Calls wait as long as the timeouts allow. Signal handlers run meanwhile, and the wait then goes on for the
    rest of its time; Ctrl-C ends it. Any thread may use the socket, or close it under the others. What fails
    raises `OSError`, in the subclass that belongs to its number.
    """

    timeout: Timeout = Timeout("For every call whose own timeout is None.")
    read_timeout: Timeout = Timeout("For reading and receiving; None leaves it to `timeout`.")
    write_timeout: Timeout = Timeout("For writing and sending; None leaves it to `timeout`.")
    connect_timeout: Timeout = Timeout(
        "For connecting, over all addresses of a name; None leaves it to `timeout`."
    )
    accept_timeout: Timeout = Timeout("For accepting; None leaves it to `timeout`.")

    def __init__(self, kind: str = "tcp") -> None:
        self._own(check(_abi.anysock_open(text_in(kind)), kind))

    @classmethod
    def from_handle(cls: type[_S], handle: int) -> _S:
        """Takes over a handle that C code has opened, or that `detach` has given away."""
        self = cls.__new__(cls)
        # No handle is negative: these are the library's errors.
        self._own(max(as_int64(handle), CLOSED))
        return self

    def __repr__(self) -> str:
        if self.closed:
            return "<anysock.Socket closed>"
        words = ["anysock.Socket"]
        with suppress(OSError):
            words.append(self.kind)
            words.append(self.local_address)
            peer = self.peer_address
            words.append(peer and f"-> {peer}")
        return f"<{' '.join(filter(None, words))}>"

    # What it is

    @property
    def kind(self) -> str:
        """What it was opened as; "stream" for a pipe or terminal that was adopted."""
        return str(self.options[_abi.ANYSOCK_OPT_KIND])

    @property
    def local_address(self) -> str:
        """Its own address; empty for a unix socket without a name."""
        return self._address(_abi.anysock_local_address)

    @property
    def peer_address(self) -> str:
        """The other end's address; empty for a unix socket without a name."""
        return self._address(_abi.anysock_peer_address)

    def _address(self, ask: Callable[[int, Any, int], int]) -> str:
        return text_out(lambda text, capacity: ask(self._handle, text, capacity))

    @property
    def options(self) -> Options:
        """Options by name: `socket.options["tcp.nodelay"] = 1`."""
        return Options(self)

    def set_raw(self, level: int, name: int, value: ReadableBuffer) -> None:
        """Sets an option by the system's own numbers, to the bytes of `value`."""
        with Loan(value) as (address, length):
            check(_abi.anysock_set_raw(self._handle, as_int(level), as_int(name), address, length))

    def get_raw(self, level: int, name: int, size: int) -> bytes:
        """An option by the system's own numbers: at most `size` bytes."""
        value = fresh_bytes(size)
        return value[: check(_abi.anysock_get_raw(self._handle, as_int(level), as_int(name), value, len(value)))]

    # Server and client

    def bind(self, address: Address) -> None:
        """Takes an address of its own. Port 0 asks for a free port, which `local_address` then tells."""
        handle, text = self._handle, text_in(address)
        check(repeat(lambda: _abi.anysock_bind(handle, text)), os.fspath(address))

    def listen(self, backlog: int = 0) -> None:
        """Becomes a listener. The backlog is how many connections may wait; 0 is the system's maximum."""
        check(_abi.anysock_listen(self._handle, as_int(backlog)))

    def accept(self: _S) -> _S:
        """Takes the next connection of a listener."""
        handle = self._handle
        connection = uninterrupted(handle, ACCEPTING, lambda _: _abi.anysock_accept(handle))
        return self.from_handle(check(connection))

    def __iter__(self: _S) -> Iterator[_S]:
        """The connections of a listener as they come, until it is closed."""
        while not self.closed:
            try:
                connection = self.accept()
            except OSError:
                if self.closed:
                    return
                raise
            yield connection

    def connect(self, address: Address) -> None:
        """Connects, to the first address of a name that answers. A datagram socket only notes its peer.

        With a timeout of 0 it raises `BlockingIOError`: once the socket is writable, connect again to learn
        the outcome.
        """
        check(_resume.connect(self._handle, text_in(address)), os.fspath(address))

    def shutdown(self, how: int = _abi.ANYSOCK_SHUT_BOTH) -> None:
        """Shuts the reading half, the writing half (the peer reads the end of the stream), or both."""
        check(_abi.anysock_shutdown(self._handle, as_int(how)))

    # Reading

    def read(self, size: int) -> bytes:
        """What is there, up to `size` bytes; empty at the end of the stream."""
        return self.recv(size)

    def read_into(self, buffer: WriteableBuffer) -> int:
        """As `read`, into a writable buffer; how many bytes."""
        return self.recv_into(buffer)

    def read_full(self, size: int) -> bytes:
        """`size` bytes, or a datagram; fewer if the stream ends or fails after some: the next call tells."""
        data = fresh_bytes(size)
        with Loan(data) as (address, _):
            count = self._read_full(address, len(data))
        return data[:count]

    def read_full_into(self, buffer: WriteableBuffer) -> int:
        """As `read_full`, into a writable buffer; how many bytes."""
        with Loan(buffer, writable=True) as (address, length):
            return self._read_full(address, length)

    def _read_full(self, address: int, length: int) -> int:
        handle, started = self._handle, monotonic()
        result = _abi.anysock_read_full(handle, address, length)
        if result == length:
            return length
        # A datagram is whole when it has come.
        enough = length if self._is_byte_stream() else 1

        def step(done: int) -> int:
            rest = address + done, length - done
            return resume(handle, READING, started, lambda more: _abi.anysock_recv(handle, *rest, more))

        count, result = complete(result, enough, step)
        return count or check(result)

    def _is_byte_stream(self) -> bool:
        with suppress(OSError):
            return self.kind.startswith("tcp") or self.kind in ("unix", "stream")
        return False

    def recv(self, size: int, flags: int = 0) -> bytes:
        """As `read`, with flags: `PEEK`, `OOB`, `WAIT_ALL`, `DONT_WAIT`."""
        handle, started = self._handle, monotonic()
        data = _calls.recv(handle, size, flags)
        if not isinstance(data, bytes):
            memory = fresh_bytes(size)
            call = lambda more: _abi.anysock_recv(handle, memory, len(memory), flags | more)
            data = memory[: _resumed(data, handle, _reading(flags), started, call)]
        return data

    def recv_into(self, buffer: WriteableBuffer, flags: int = 0) -> int:
        """As `recv`, into a writable buffer; how many bytes, or with `TRUNC` the datagram's real length."""
        handle, started = self._handle, monotonic()
        count = _calls.recv_into(handle, buffer, flags)
        if count < 0:
            call = lambda more: _calls.recv_into(handle, buffer, flags | more)
            count = _resumed(count, handle, _reading(flags), started, call)
        return count

    def recv_from(self, size: int, flags: int = 0) -> tuple[bytes, str]:
        """A datagram, cut at `size` bytes, and its sender's address."""
        data = fresh_bytes(size)
        count, sender = self._recv_from(data, len(data), flags)
        return data[:count], sender

    def recv_from_into(self, buffer: WriteableBuffer, flags: int = 0) -> tuple[int, str]:
        """As `recv_from`, into a writable buffer; how many bytes, and the sender's address."""
        with Loan(buffer, writable=True) as (address, length):
            return self._recv_from(address, length, flags)

    def _recv_from(self, memory: Any, length: int, flags: int) -> tuple[int, str]:
        handle, flags, sender = self._handle, as_int(flags), _AddressText()

        def call(more: int) -> Any:
            return _abi.anysock_recv_from(handle, memory, length, flags | more, sender, len(sender))

        count = check(uninterrupted(handle, READING, call))
        return count, sender.value.decode()

    def readv(self, buffers: Sequence[WriteableBuffer]) -> int:
        """As `read_into`, into several writable buffers in turn; how many bytes in all."""
        handle = self._handle
        with loans(buffers, writable=True) as pieces:
            call = lambda _: _abi.anysock_readv(handle, pieces, len(pieces))
            return check(uninterrupted(handle, READING, call))

    # Writing

    def write(self, data: ReadableBuffer) -> int:
        """Writes what there is room for; how many bytes, at least one. Of a datagram, all."""
        return self.send(data)

    def write_all(self, data: ReadableBuffer) -> None:
        """Writes everything. What fails tells in `characters_written` how much had been written before."""
        handle, started = self._handle, monotonic()
        with Loan(data) as (address, length):

            def step(done: int) -> int:
                rest = address + done, length - done
                return resume(handle, WRITING, started, lambda more: _abi.anysock_send(handle, *rest, more))

            result = _abi.anysock_write_all(handle, address, length)
            count, result = complete(result, length, step)
        if count < length or result < 0:
            error = failure(result)
            error.characters_written = count  # type: ignore[attr-defined]
            raise error

    def send(self, data: ReadableBuffer, flags: int = 0) -> int:
        """As `write`, with flags: `OOB`, `DONT_WAIT`, `MORE`."""
        handle, started = self._handle, monotonic()
        count = _calls.send(handle, data, flags)
        if count < 0:
            call = lambda more: _calls.send(handle, data, flags | more)
            count = _resumed(count, handle, WRITING, started, call)
        return count

    def send_to(self, data: ReadableBuffer, address: Address, flags: int = 0) -> int:
        """Sends a datagram to an address."""
        handle, text, flags = self._handle, text_in(address), as_int(flags)
        with Loan(data) as (memory, length):
            call = lambda more: _abi.anysock_send_to(handle, memory, length, flags | more, text)
            return check(uninterrupted(handle, WRITING, call), os.fspath(address))

    def writev(self, buffers: Sequence[ReadableBuffer]) -> int:
        """As `write`, from several buffers in turn; how many bytes in all."""
        handle = self._handle
        with loans(buffers) as pieces:
            call = lambda _: _abi.anysock_writev(handle, pieces, len(pieces))
            return check(uninterrupted(handle, WRITING, call))

    # The system's own descriptor

    def fileno(self) -> int:
        """The system's descriptor, lent: good until the socket is closed. It never blocks."""
        return check(_abi.anysock_fd(self._handle))

    def release(self) -> int:
        """Gives the system's descriptor away, which lives on; the socket is closed."""
        descriptor = check(_abi.anysock_release(self._handle))
        self._handle = CLOSED
        return descriptor


def _reading(flags: int) -> Wait:
    return READING_URGENT if flags & _abi.ANYSOCK_FLAG_OOB else READING


def _resumed(result: int, handle: int, wait: Wait, started: float, call: Callable[[int], int]) -> int:
    """The result of a call that has failed: after a signal it is made again, for the rest of its time."""
    return check(resume(handle, wait, started, call) if result == _abi.ANYSOCK_EINTR else result)
