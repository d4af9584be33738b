#!/usr/bin/env python3
"""file_transfer: sends files to another machine, each with a checksum.

    ./file_transfer.py receive :7001 incoming           one sender after the other; --once: just the first
    ./file_transfer.py send 127.0.0.1:7001 a.txt b.jpg

For each file there go over the wire, numbers in network byte order: "ANYF", the name's length (2 bytes), the
file's size (8 bytes), the name in UTF-8, the content, its CRC-32 (4 bytes). The receiver answers with one
byte: "K" when it has the file, "E" when the checksum is wrong or it does not want it. The sender half-closes
after the last file.

What it is not: safe on an open network. Anybody may send, and anybody on the way may read.
"""

from __future__ import annotations

import argparse
import os
import struct
import sys
import tempfile
import zlib
from io import FileIO
from pathlib import Path

import anysock

MAGIC = b"ANYF"
HEAD = struct.Struct("!4sHQ")
CHECKSUM = struct.Struct("!I")
DONE, REFUSED = b"K", b"E"
CHUNK = 1 << 18
PATIENCE = 30.0


def read_exactly(socket: anysock.Socket, size: int) -> bytes:
    data = socket.read_full(size)
    if len(data) < size:
        raise ConnectionError("the stream ends in the middle of a file")
    return data


# -- Sending --


def send(address: str, paths: list[Path]) -> int:
    """Sends files; how many were refused."""
    refused = 0
    with anysock.connect(address, timeout=PATIENCE) as receiver:
        receiver.timeout = PATIENCE
        for path in paths:
            answer = send_file(receiver, path)
            print(f"{path}: {'received' if answer == DONE else 'refused'}", flush=True)
            refused += answer != DONE
        receiver.shutdown(anysock.SHUT_WRITE)
        if receiver.read(1):
            raise ConnectionError("the receiver says more than it was asked")
    return refused


def send_file(receiver: anysock.Socket, path: Path) -> bytes:
    name = path.name.encode()
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        receiver.write_all(HEAD.pack(MAGIC, len(name), size) + name)
        checksum = send_content(receiver, file, size)
    receiver.write_all(CHECKSUM.pack(checksum))
    return read_exactly(receiver, 1)


def send_content(receiver: anysock.Socket, file: FileIO, size: int) -> int:
    checksum = 0
    buffer = memoryview(bytearray(CHUNK))
    while size > 0:
        count = file.readinto(buffer[:size])
        if not count:
            raise EOFError(f"{file.name} has become shorter")
        receiver.write_all(buffer[:count])
        checksum = zlib.crc32(buffer[:count], checksum)
        size -= count
    return checksum


# -- Receiving --


def receive(address: str, directory: Path, once: bool) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    with anysock.listen(address) as listener:
        print(f"listening on {listener.local_address}", flush=True)
        for sender in listener:
            with sender:
                try:
                    receive_files(sender, directory)
                except (OSError, ValueError) as error:
                    print(f"file_transfer.py: {error}", file=sys.stderr)
            if once:
                return


def receive_files(sender: anysock.Socket, directory: Path) -> None:
    sender.timeout = PATIENCE
    while True:
        head = sender.read_full(HEAD.size)
        if not head:
            return
        if len(head) < HEAD.size or not head.startswith(MAGIC):
            raise ValueError(f"{sender.peer_address} sends no files")
        _, length, size = HEAD.unpack(head)
        name = read_exactly(sender, length).decode(errors="replace")
        received = receive_file(sender, directory, name, size)
        print(f"{name!r}: {size} bytes, {'received' if received else 'refused'}", flush=True)
        sender.write_all(DONE if received else REFUSED)


def receive_file(sender: anysock.Socket, directory: Path, name: str, size: int) -> bool:
    """Receives one file, which appears under its name once it is whole; whether it does."""
    with tempfile.TemporaryDirectory(dir=directory, prefix=".") as scratch:
        part = Path(scratch, "part")
        with part.open("wb", buffering=0) as file:
            is_whole = receive_content(sender, file, size)
        if not is_whole or not is_plain(name):
            return False
        try:
            part.replace(directory / name)
        except OSError as error:
            print(f"file_transfer.py: {error}", file=sys.stderr)
            return False
    return True


def receive_content(sender: anysock.Socket, file: FileIO, size: int) -> bool:
    """Reads all of it, even if it can't be stored: what follows it must be found."""
    checksum = 0
    is_stored = True
    buffer = memoryview(bytearray(CHUNK))
    while size > 0:
        count = sender.read_into(buffer[:size])
        if count == 0:
            raise ConnectionError("the stream ends in the middle of a file")
        checksum = zlib.crc32(buffer[:count], checksum)
        is_stored = is_stored and store(file, buffer[:count])
        size -= count
    return read_exactly(sender, CHECKSUM.size) == CHECKSUM.pack(checksum) and is_stored


def store(file: FileIO, data: memoryview) -> bool:
    try:
        return file.write(data) == len(data)
    except OSError as error:
        print(f"file_transfer.py: {error}", file=sys.stderr)
        return False


def is_plain(name: str) -> bool:
    """Whether it names a file in this directory, on any system."""
    return name not in ("", ".", "..") and not any(sign in name for sign in "/\\:\0\ufffd")


def main() -> int:
    parser = argparse.ArgumentParser(description="Sends files to another machine, each with a checksum.")
    commands = parser.add_subparsers(dest="command", required=True)
    receiving = commands.add_parser("receive")
    receiving.add_argument("address")
    receiving.add_argument("directory", type=Path)
    receiving.add_argument("--once", action="store_true", help="end after the first sender")
    sending = commands.add_parser("send")
    sending.add_argument("address")
    sending.add_argument("files", type=Path, nargs="+")
    arguments = parser.parse_args()
    try:
        if arguments.command == "send":
            return 1 if send(arguments.address, arguments.files) else 0
        receive(arguments.address, arguments.directory, arguments.once)
    except (OSError, EOFError) as error:
        print(f"file_transfer.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
