"""The examples that are no servers for many: echo and file transfer, and whether Python and C understand each
other."""

from __future__ import annotations

import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import anysock
import pytest
from conftest import PATIENCE, Thread, example


def test_echo_client(listener: anysock.Socket) -> None:
    def echo() -> None:
        with listener.accept() as client:
            while data := client.read(100):
                client.write_all(data)

    server = Thread(echo)
    with example("echo_client.py", listener.local_address, "hello", "wie geht's, 世界") as client:
        assert client.finish() == (0, "hello\nwie geht's, 世界\n", "")
    server.result()


def test_echo_client_notices_a_wrong_echo(listener: anysock.Socket) -> None:
    def answer(text: bytes) -> None:
        with listener.accept() as client:
            client.read_full(6)
            client.write_all(text)

    for text, complaint in ((b"HELLO\n", "the echo of"), (b"hello\nx", "more than"), (b"hel", "the echo of")):
        server = Thread(answer, text)
        with example("echo_client.py", listener.local_address, "hello") as client:
            code, _, errors = client.finish()
        assert code == 1 and complaint in errors
        server.result()


# File transfer.

PROGRAMS = ["file_transfer.py", "file_transfer"]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    large = os.urandom(3_000_017)
    contents = {"empty": b"", "small.txt": b"some text\n", "large.bin": large, "Grüße.txt": b"!"}
    directory = tmp_path / "outgoing"
    directory.mkdir()
    for name, content in contents.items():
        (directory / name).write_bytes(content)
    return sorted(directory.iterdir())


@pytest.mark.parametrize("receiver", PROGRAMS)
@pytest.mark.parametrize("sender", PROGRAMS)
def test_file_transfer(sender: str, receiver: str, files: list[Path], tmp_path: Path) -> None:
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    with example(receiver, "receive", "127.0.0.1:0", incoming, "--once") as receiving:
        with example(sender, "send", receiving.address(), *files) as sending:
            code, _, errors = sending.finish()
            assert (code, errors) == (0, "")
        assert receiving.finish()[0] == 0
    assert {path.name: path.read_bytes() for path in incoming.iterdir()} == {
        path.name: path.read_bytes() for path in files
    }


def message(name: bytes, content: bytes, checksum: Any = None) -> bytes:
    head = b"ANYF" + struct.pack("!HQ", len(name), len(content))
    checksum = zlib.crc32(content) if checksum is None else checksum
    return head + name + content + struct.pack("!I", checksum)


@pytest.mark.parametrize("receiver", PROGRAMS)
def test_receiver_refuses_what_is_wrong(receiver: str, tmp_path: Path) -> None:
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    with example(receiver, "receive", "127.0.0.1:0", incoming) as receiving:
        address = receiving.address()
        with anysock.connect(address, timeout=PATIENCE) as sender:
            sender.timeout = PATIENCE
            for text, answer in (
                (message(b"good", b"content"), b"K"),
                (message(b"bad", b"content", checksum=1), b"E"),
                (message(b"../secret", b"stolen"), b"E"),
                (message(b"..", b""), b"E"),
                (message(b"", b"nameless"), b"E"),
                (message(b"good", b"newer content"), b"K"),
            ):
                sender.write_all(text)
                assert sender.read_full(1) == answer, text
            sender.shutdown(anysock.SHUT_WRITE)
            assert sender.read(1) == b""
        for text in (b"GET / HTTP/1.0\r\n\r\n", message(b"cut", b"content")[:-6]):
            with anysock.connect(address, timeout=PATIENCE) as stranger:
                stranger.timeout = PATIENCE
                stranger.write_all(text)
                # It ends without an answer, or with a reset at any moment, because not all was read.
                with suppress(OSError):
                    stranger.shutdown(anysock.SHUT_WRITE)
                    assert stranger.read(1) == b""
        with example("file_transfer.py", "send", address, tmp_path / "secret") as again:
            assert again.finish()[0] == 0
    assert {path.name: path.read_bytes() for path in incoming.iterdir()} == {
        "good": b"newer content",
        "secret": b"secret",
    }
    assert (tmp_path / "secret").read_bytes() == b"secret"


@pytest.mark.parametrize("sender", PROGRAMS)
def test_sender_tells_what_was_refused(sender: str, listener: anysock.Socket, files: list[Path]) -> None:
    def refuse() -> bytes:
        with listener.accept() as client:
            head = client.read_full(14)
            length, size = struct.unpack("!HQ", head[4:])
            rest = client.read_full(length + size + 4)
            client.write_all(b"E")
            assert client.read(1) == b""
            return head + rest

    receiver = Thread(refuse)
    small = next(path for path in files if path.name == "small.txt")
    with example(sender, "send", listener.local_address, small) as sending:
        assert sending.finish()[0] != 0
    assert receiver.result() == message(b"small.txt", b"some text\n")


def test_sender_without_a_receiver() -> None:
    with example("file_transfer.py", "send", "127.0.0.1:1", __file__) as sending:
        code, _, errors = sending.finish()
    assert code == 1 and "connection refused" in errors
