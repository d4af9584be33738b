"""The library's batch queue: what is wanted is collected, and one call hands it over and brings back what happened.

Whoever wants something names a target, which is called with what came of it. Not here: what it is good for.
"""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import byref, c_char, c_int64, c_size_t, create_string_buffer, string_at
from itertools import count, islice
from struct import Struct
from typing import TYPE_CHECKING, Any, Callable

from .. import _abi
from .._errors import check, failure
from .._handle import CLOSED, interruptible
from .._helper import fast
from .._library import prepared
from .stream import Stream

#: What is called with an event: its flags, its result, the bytes that came, and the address they came from; for what brings
#: no bytes, the event's value.
Target = Callable[[int, int, Any, Any], None]

#: What a run reports: the target and its arguments.
Event = tuple[Target, int, int, Any, Any]

_MORE = _abi.ANYSOCK_QUEUE_MORE

#: As much as a stream is read at once; memory that nothing is received into is never touched.
_BUFFERS, _BUFFER_SIZE = 256, 1 << 16

#: How many events a run reports at the most: so that replies to the first of many need not wait for the last.
_MOST_EVENTS = 128

#: `anysock_op` and `anysock_done` are eight numbers each.
_RECORD = Struct("=8q")
_pack = _RECORD.pack

_ADDRESS = 128

_RECEIVE_FROM = _abi.ANYSOCK_OP_RECEIVE_FROM

#: Operations whose event is of no interest unless it is an error: nobody waits for them.
_QUIET = _abi.ANYSOCK_QUEUE_QUIET

#: So many writes are cheaper one by one; the library's engine would not gather them either.
_FEW = 4

_SEND_LIMIT = _abi.ANYSOCK_OPT_QUEUE_SEND_LIMIT.encode()
_ENGINE = _abi.ANYSOCK_OPT_QUEUE_ENGINE.encode()
_GATHERING_ENGINE = b"io_uring"

_run = prepared(_abi.anysock_queue_run)


def _content_offset() -> int:
    """How far behind its head CPython keeps what a `bytes` object holds."""
    offset = bytes.__basicsize__ - 1
    probe = b"anysock's probe"
    if string_at(id(probe) + offset, len(probe)) != probe:
        raise ImportError("anysock.loop needs CPython")
    return offset


_OFFSET = _content_offset()


class Collector:
    """Collects what is wanted of a queue. `_fast.Collector` is the same in C."""

    #: Called with the error of a run that has taken nothing.
    _run_failed: Callable[[int], None]

    def __init__(self) -> None:
        self._done = memoryview(bytearray(_MOST_EVENTS * _RECORD.size))
        self._places = byref((c_char * len(self._done)).from_buffer(self._done))
        self._capacity = c_size_t(_MOST_EVENTS)
        self._tokens = count(1)
        self._targets: dict[int, Target] = {}
        self._wanted: list[bytes] = []
        # What these point at, until they are handed over.
        self._kept: list[Any] = []
        #: Streams that have something to write.
        self.listed: list[Stream] = []

    def _serve(self, queue: int, gathers: bool, /) -> None:
        """Says which queue it is for, and whether that makes one system call of many writes."""
        self._gathers = gathers
        address, length = c_int64(), c_int64()
        check(_abi.anysock_queue_memory(queue, byref(address), byref(length)))
        self._base = address.value
        self._memory = memoryview((c_char * length.value).from_address(self._base)).cast("B")
        self._number = c_int64(queue)

    def want(
        self,
        target: Target,
        handle: int,
        op: int,
        flags: int = 0,
        data: int = 0,
        length: int = 0,
        value: int = 0,
        /,
    ) -> int:
        """Wants an operation; the number by which it can be cancelled."""
        token = next(self._tokens)
        self._targets[token] = target
        self._wanted.append(_pack(token, handle, op, flags, data, length, value, 0))
        return token

    def send(self, target: Target, handle: int, data: bytes, address: bytes | None = None, /) -> int:
        """Wants bytes to be written, or as a datagram to be sent to a flat address."""
        self._kept.append(data)
        place = id(data) + _OFFSET
        if address is None:
            return self.want(target, handle, _abi.ANYSOCK_OP_WRITE, 0, place, len(data))
        self._kept.append(address)
        op = _abi.ANYSOCK_OP_SEND_TO
        return self.want(target, handle, op, 0, place, len(data), id(address) + _OFFSET)

    def resolve(self, target: Target, kind: bytes, text: bytes, /) -> int:
        """Wants the addresses of a name."""
        if b"\0" in kind + text:
            raise ValueError("embedded null byte")
        self._kept += (kind, text)
        place = id(text) + _OFFSET
        return self.want(target, 0, _abi.ANYSOCK_OP_RESOLVE, 0, place, 0, id(kind) + _OFFSET)

    def cancel(self, token: int, handle: int, /) -> None:
        """Ends an operation; its target hears of that, or of what came first."""
        self._wanted.append(_pack(0, handle, _abi.ANYSOCK_OP_CANCEL, _QUIET, 0, 0, token, 0))

    def run(self, timeout: int, /) -> list[Event]:
        """Hands over what is wanted, waits until something has happened, and tells what."""
        directly = not self._gathers or len(self.listed) <= _FEW
        while self.listed:
            self.listed.pop().flush(directly)
        wanted = self._wanted
        ops, limit = b"".join(wanted), c_int64(timeout)
        number = _run(self._number, ops, c_size_t(len(wanted)), self._places, self._capacity, limit)
        if number < 0 and number != _abi.ANYSOCK_EINTR:
            self._run_failed(number)
        wanted.clear()
        self._kept.clear()
        return list(self._events(number)) if number > 0 else []

    def _events(self, number: int) -> Iterator[Event]:
        targets, memory, base = self._targets, self._memory, self._base
        for token, _, op, flags, result, data, value, buffer in islice(_RECORD.iter_unpack(self._done), number):
            target = targets.get(token) if flags & _MORE else targets.pop(token, None)
            came: Any = None
            more: Any = value
            if buffer:
                start = data - base
                came = bytes(memory[start : start + max(result, 0)])
                if op == _RECEIVE_FROM:
                    more = bytes(memory[value - base : value - base + _ADDRESS])
                self._wanted.append(_pack(0, 0, _abi.ANYSOCK_OP_GIVE, 0, 0, 0, 0, buffer))
            if target is not None:
                yield target, flags, result, came, more

    def _forget(self) -> None:
        """Forgets all operations."""
        self._targets.clear()
        self._wanted.clear()
        self._kept.clear()


if not TYPE_CHECKING and fast is not None:
    Collector = fast.Collector


class Batch(Collector):
    """A queue. All but `wake` belongs to one thread."""

    _queue = CLOSED

    def __init__(self, failed: Callable[[Any, BaseException], None]) -> None:
        super().__init__()
        self.failed = failed
        self._queue = interruptible(check(_abi.anysock_queue_open(_BUFFERS, _BUFFER_SIZE)))
        check(_abi.anysock_set(self._queue, _SEND_LIMIT, 0))
        try:
            self._serve(self._queue, _engine(self._queue) == _GATHERING_ENGINE)
        except BaseException:
            self.close()
            raise

    def _run_failed(self, result: int) -> None:
        raise failure(result)

    def _told_badly(self, target: Any, error: BaseException) -> None:
        """An event's target has raised something: the helper's word."""
        self.failed(target, error)

    def wake(self) -> None:
        """Ends a run that waits, or the next that would. From any thread, and from signal handlers."""
        _abi.anysock_queue_wake(self._queue)

    def close(self) -> None:
        """Ends all operations, without a word to their targets."""
        queue, self._queue = self._queue, CLOSED
        if queue != CLOSED:
            _abi.anysock_close(queue)
        self._forget()


def _engine(queue: int) -> bytes:
    """The word for how the queue works."""
    # The first run makes what works; a question before it makes that too, for the answer alone.
    result = _abi.anysock_queue_run(queue, None, 0, None, 0, 0)
    if result != _abi.ANYSOCK_EINTR:
        check(result)
    text = create_string_buffer(32)
    check(_abi.anysock_get_text(queue, _ENGINE, text, len(text)))
    return text.value
