"""The quick half of a transport, in Python: what comes goes to the protocol, what is written waits for the end of the turn.

`_fast.Stream` is the same in C, and quicker. Not here: what is not the usual case (`streams`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from .. import _abi
from .._helper import fast

_MULTI = _abi.ANYSOCK_QUEUE_MULTI
_READ = _abi.ANYSOCK_OP_READ


class Stream:
    """Bytes on their way between a queue and a transport."""

    __slots__ = (
        "_batch", "_get_buffer", "_give", "_handle", "_is_listed", "_owner", "_run", "_unsent", "_updated",
        "high_water", "is_lost", "reads", "size", "tells", "writes", "writing",
    )  # fmt: skip

    def __init__(self, batch: Any, owner: Any, handle: int, run: Callable[..., Any], /) -> None:
        self._batch, self._owner, self._handle, self._run = batch, owner, handle, run
        self._give: Any = None
        self._get_buffer: Any = None
        self._updated: Any = None
        self._unsent: list[bytes] = []
        self._is_listed = False
        #: How much was written and is not the system's yet; with more than the other, the transport is asked.
        self.size = self.high_water = 0
        #: The number of the write that is under way, or 0.
        self.writing = 0
        #: Whether what comes goes straight to the protocol, and what is written is the usual case.
        self.reads = self.writes = False
        #: Whether the transport hears of every write that has ended; whether the connection is lost.
        self.tells = self.is_lost = False

    def give_to(self, data_received: Any, get_buffer: Any, buffer_updated: Any, /) -> None:
        """Says what is called with what comes."""
        self._give, self._get_buffer, self._updated = data_received, get_buffer, buffer_updated

    def end(self) -> None:
        """Forgets the transport and the protocol."""
        self.reads = self.writes = False
        self._unsent = []
        self._owner = self._give = self._get_buffer = self._updated = None

    # Reading

    def read(self) -> int:
        """Wants what comes; the number of the operation."""
        token: int = self._batch.want(self._read, self._handle, _READ, _MULTI)
        return token

    def _read(self, flags: int, result: int, data: Any, more: Any) -> None:
        if result <= 0 or not self.reads:
            if self._owner is not None:
                self._owner._read(flags, result, data, more)
        elif self._get_buffer is None:
            self._deliver(data)
        else:
            self._fill(memoryview(data))

    def _deliver(self, data: bytes) -> None:
        try:
            self._run(self._give, data)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._owner._protocol_failed(error, "data_received")

    def _fill(self, rest: memoryview) -> None:
        """Fills the protocol's own buffers, unless it becomes one that takes bytes."""
        while rest and not self.is_lost and self._get_buffer is not None:
            name = "get_buffer"
            try:
                buffer = memoryview(self._run(self._get_buffer, len(rest))).cast("B")
                size = min(len(buffer), len(rest))
                buffer[:size] = rest[:size]
                if size:
                    name = "buffer_updated"
                    self._run(self._updated, size)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                self._owner._protocol_failed(error, name)
                return
            if not size:
                self._owner._no_room()
                return
            rest = rest[size:]
        if rest and not self.is_lost and self._give is not None:
            self._deliver(bytes(rest))

    # Writing

    def write(self, data: Any, /) -> None:
        """Writes bytes, which go at the end of the turn."""
        if not self.writes or type(data) is not bytes:
            if self._owner is not None:
                self._owner._write_any(data)
            return
        if not data:
            return
        self._unsent.append(data)
        self.size += len(data)
        if self.size > self.high_water:
            self._owner._write_much()
        self.list()

    def list(self) -> None:
        """What waits goes at the end of the turn."""
        if self._unsent and not self._is_listed and not self.writing:
            self._is_listed = True
            self._batch.listed.append(self)

    def take(self) -> bytes:
        """Takes all that waits."""
        data = self._unsent[0] if len(self._unsent) == 1 else b"".join(self._unsent)
        self._unsent = []
        return data

    def put(self, data: bytes, /) -> None:
        """Puts bytes at the end of what waits, and does nothing else."""
        if data:
            self._unsent.append(data)

    def flush(self, directly: bool) -> None:
        """Writes what waits: by a call of its own if nobody wants to hear of the end, or as an operation of the queue."""
        self._is_listed = False
        data = self.take()
        if not data:
            return
        if directly and not self.tells:
            sent: int = _abi.anysock_send(self._handle, data, len(data), _abi.ANYSOCK_FLAG_DONT_WAIT)
            if sent < 0 and sent != _abi.ANYSOCK_EAGAIN:
                self._owner._written(0, sent, None, 0)
                return
            self.size -= max(sent, 0)
            data = data[max(sent, 0) :]
        if data:
            self.writing = self._batch.send(self._written, self._handle, data)

    def _written(self, flags: int, result: int, data: Any, more: Any) -> None:
        if result < 0 or self.is_lost:
            if self._owner is not None:
                self._owner._written(flags, result, data, more)
            return
        self.writing = 0
        self.size -= result
        self.list()
        if self.tells:
            self._owner._progress()


if not TYPE_CHECKING and fast is not None:
    Stream = fast.Stream
