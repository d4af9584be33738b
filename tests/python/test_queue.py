"""The batch queue as a program in Python uses it: operations and events by struct, and in asyncio's loop by its descriptor."""

from __future__ import annotations

import asyncio
import sys
from ctypes import POINTER, cast, create_string_buffer, string_at
from struct import Struct

import pytest

from anysock import _abi as abi

RECORD = Struct("8q")
LENGTH = 16


class Queue:
    """A queue, and room for what it is told and tells."""

    def __init__(self) -> None:
        self.handle = abi.anysock_queue_open(0, 0)
        assert self.handle > 0
        self.done = create_string_buffer(LENGTH * RECORD.size)

    def run(self, *operations: tuple[int, ...], timeout: int = 0) -> list[tuple[int, ...]]:
        wanted = create_string_buffer(b"".join(RECORD.pack(*fields) for fields in operations))
        count = abi.anysock_queue_run(
            self.handle,
            cast(wanted, POINTER(abi.anysock_op)),
            len(operations),
            cast(self.done, POINTER(abi.anysock_done)),
            LENGTH,
            timeout,
        )
        assert count >= 0
        return list(RECORD.iter_unpack(self.done.raw[: count * RECORD.size]))

    def close(self) -> None:
        assert abi.anysock_close(self.handle) == 0


def pair() -> tuple[int, int]:
    one, other = abi.anysock_t(), abi.anysock_t()
    assert abi.anysock_pair(b"tcp", one, other) == 0
    return one.value, other.value


def test_an_echo() -> None:
    queue, (one, other) = Queue(), pair()
    assert queue.run((7, one, abi.ANYSOCK_OP_READ, abi.ANYSOCK_QUEUE_MULTI, 0, 0, 0, 0)) == []
    assert abi.anysock_write(other, b"hello", 5) == 5
    [(token, handle, op, flags, result, data, value, buffer)] = queue.run(timeout=60_000_000)
    assert (token, handle, op, flags, value) == (7, one, abi.ANYSOCK_OP_READ, abi.ANYSOCK_QUEUE_MORE, 0)
    assert string_at(data, result) == b"hello"
    assert queue.run((0, one, abi.ANYSOCK_OP_WRITE, abi.ANYSOCK_QUEUE_QUIET, data, result, 0, buffer)) == []
    back = create_string_buffer(5)
    assert abi.anysock_read_full(other, back, 5) == 5 and back.raw == b"hello"
    for handle in (one, other):
        abi.anysock_close(handle)
    queue.close()


@pytest.mark.skipif(sys.platform == "win32", reason="a queue has no descriptor on Windows")
def test_a_queue_in_the_loop_of_asyncio() -> None:
    queue, (one, other) = Queue(), pair()
    told: list[int] = []

    async def main() -> None:
        loop, both = asyncio.get_running_loop(), asyncio.Event()

        def look() -> None:
            told.extend(event[0] for event in queue.run())
            if {1, 2} <= set(told):
                both.set()

        loop.add_reader(abi.anysock_fd(queue.handle), look)
        queue.run(
            (1, one, abi.ANYSOCK_OP_READ, 0, 0, 0, 0, 0),
            (2, 0, abi.ANYSOCK_OP_TIMER, 0, 0, 0, 20_000, 0),
        )
        loop.call_later(0.01, abi.anysock_write, other, b"x", 1)
        await asyncio.wait_for(both.wait(), 60)
        loop.remove_reader(abi.anysock_fd(queue.handle))

    asyncio.run(main())
    assert sorted(told) == [1, 2]
    for handle in (one, other):
        abi.anysock_close(handle)
    queue.close()
