"""Memory: what may be written from and read into, without a copy and without harm."""

from __future__ import annotations

import array
import ctypes
import mmap
from collections.abc import Iterator
from typing import Any

import anysock
import pytest
from conftest import Connection, Thread

DATA = bytes(range(256)) * 16


@pytest.fixture
def pair() -> Iterator[Connection]:
    first, second = anysock.pair()
    with first, second:
        yield first, second


def mapped() -> mmap.mmap:
    memory = mmap.mmap(-1, len(DATA))
    memory[:] = DATA
    return memory


@pytest.mark.parametrize(
    "data",
    [
        DATA,
        bytearray(DATA),
        memoryview(DATA),
        memoryview(bytearray(DATA)),
        array.array("i", DATA),
        memoryview(DATA).cast("B", [64, 64]),
        (ctypes.c_char * len(DATA)).from_buffer_copy(DATA),
        mapped(),
    ],
    ids=lambda data: type(data).__name__,
)
def test_any_contiguous_buffer_is_written(pair: Connection, data: Any) -> None:
    first, second = pair
    first.write_all(data)
    assert second.read_full(len(DATA)) == DATA
    assert first.send(data) == len(DATA)
    assert second.read_full(len(DATA)) == DATA


@pytest.mark.parametrize(
    "buffer",
    [
        bytearray(len(DATA)),
        memoryview(bytearray(len(DATA))),
        array.array("d", bytes(len(DATA))),
        mmap.mmap(-1, len(DATA)),
    ],
    ids=lambda buffer: type(buffer).__name__,
)
def test_any_writable_buffer_is_read_into(pair: Connection, buffer: Any) -> None:
    first, second = pair
    for read in (second.read_into, second.read_full_into, second.recv_into):
        memoryview(buffer).cast("B")[:] = bytes(len(DATA))
        first.write_all(DATA)
        assert read(buffer) == len(DATA)
        assert bytes(memoryview(buffer)) == DATA


def test_a_part_of_a_buffer(pair: Connection) -> None:
    first, second = pair
    first.write_all(memoryview(DATA)[10:20])
    buffer = bytearray(b"................")
    assert second.read_into(memoryview(buffer)[3:]) == 10
    assert buffer == b"..." + DATA[10:20] + b"..."


@pytest.mark.parametrize("buffer", [bytes(8), memoryview(bytes(8))])
def test_what_is_read_only_is_not_read_into(pair: Connection, buffer: Any) -> None:
    first, second = pair
    first.write_all(b"x")
    for read in (second.read_into, second.read_full_into, second.recv_into, second.recv_from_into):
        with pytest.raises(BufferError):
            read(buffer)
    assert bytes(buffer) == bytes(8)
    assert second.read(8) == b"x"


def test_what_is_not_contiguous_is_refused(pair: Connection) -> None:
    first, second = pair
    with pytest.raises(BufferError):
        first.write(memoryview(DATA)[::2])
    with pytest.raises(BufferError):
        second.read_into(memoryview(bytearray(8))[::2])


@pytest.mark.parametrize("data", ["text", 7, None, [1, 2]])
def test_what_is_no_buffer_is_refused(pair: Connection, data: Any) -> None:
    first, second = pair
    for write in (first.write, first.write_all):
        with pytest.raises(TypeError):
            write(data)
    with pytest.raises(TypeError):
        second.read_into(data)


def test_nothing(pair: Connection) -> None:
    first, second = pair
    assert first.write(b"") == first.send(bytearray()) == 0
    first.write_all(b"")
    assert second.read(0) == second.read_full(0) == b""
    assert second.read_into(bytearray()) == 0
    with pytest.raises(ValueError):
        second.read(-1)


def test_several_pieces(pair: Connection) -> None:
    first, second = pair
    assert first.writev([b"head", bytearray(b", "), memoryview(b"body"), b""]) == 10
    pieces: list[Any] = [bytearray(3), array.array("B", bytes(4)), bytearray(100)]
    assert second.readv(pieces) == 10
    assert b"".join(bytes(piece) for piece in pieces)[:10] == b"head, body"
    assert first.writev([]) == 0
    with pytest.raises(BufferError):
        second.readv([bytearray(1), b"read-only"])


def test_a_buffer_in_use_keeps_its_size_and_is_free_afterwards(pair: Connection) -> None:
    first, second = pair
    buffer = bytearray(4)
    reader = Thread(second.read_full_into, buffer)
    first.write_all(b"ab")
    while second.options["available"]:
        pass  # until the reader has them, and so holds the buffer
    with pytest.raises(BufferError):
        buffer.extend(b"more")
    first.write_all(b"cd")
    assert reader.result() == 4
    buffer.extend(b"more")
    assert buffer == b"abcdmore"


def test_bytes_that_were_read_are_never_changed_later(pair: Connection) -> None:
    first, second = pair
    first.write_all(b"\0" * 10)
    one = second.read(10)
    first.write_all(b"second one")
    two = second.read(10)
    assert (one, two) == (b"\0" * 10, b"second one")
    # The interpreter shares bytes of length 1.
    first.write_all(b"z")
    assert second.read(1) == b"z"
    assert bytes([0]) == b"\0"


def test_megabytes_arrive_as_they_were(pair: Connection) -> None:
    first, second = pair
    data = bytearray(DATA) * 2048
    writer = Thread(first.write_all, data)
    assert second.read_full(len(data)) == data
    writer.result()


def test_a_text_with_a_null_character_is_refused(pair: Connection) -> None:
    first, _ = pair
    for call in (first.connect, first.bind, anysock.Socket, first.options.__getitem__, anysock.resolve):
        with pytest.raises(ValueError, match="null"):
            call("a\0b")
