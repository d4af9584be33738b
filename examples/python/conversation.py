#!/usr/bin/env python3
"""conversation: both ends of the conversation that every language has with every other (tests/languages/README.md).

    ./conversation.py listen 127.0.0.1:0
    ./conversation.py talk ADDRESS NOBODY       where the server is, and where nobody listens

What it is not: an example of a server. It serves one client at a time.
"""

from __future__ import annotations

import errno
import sys
import threading
import time
import zlib
from collections.abc import Callable

import anysock

PATIENCE = 30.0
MEBIBYTE = 1 << 20


def failure(call: Callable[[], object]) -> str:
    """The name of the error that a call raises."""
    try:
        call()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "nothing"


def read_to_end(socket: anysock.Socket) -> bytes:
    return b"".join(iter(lambda: socket.read(65536), b""))


# The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.


def answer(client: anysock.Socket) -> None:
    whole = read_to_end(client)
    client.write_all(b"%d %d\n" % (len(whole), zlib.adler32(whole)))
    client.write_all(whole)


def serve(address: str) -> None:
    with anysock.listen(address) as listener:
        print(f"listening on {listener.local_address}", flush=True)
        for client in listener:
            with client:
                try:
                    answer(client)
                except OSError as error:
                    print(f"conversation.py: {error}", file=sys.stderr)


# The client: a line for each step.


def ready(server: anysock.Socket) -> str:
    """Which of two has something to read: one to whom nobody speaks, or the server."""
    idle, other = anysock.pair("tcp")
    with idle, other:
        readable, _, _ = anysock.wait_ready([idle, server], timeout=PATIENCE)
    return " ".join("server" if socket is server else "idle" for socket in readable)


def cancelled() -> str:
    while True:
        idle, other = anysock.pair("tcp")
        names: list[str] = []
        reader = threading.Thread(target=lambda read=idle.read, put=names.append: put(failure(lambda: read(1))))
        reader.start()
        time.sleep(0.02)
        idle.close()
        reader.join()
        other.close()
        # Else the thread came too late to be blocked.
        if names != ["EBADF"]:
            return names[0]


def talk(address: str, nobody: str) -> None:
    print("refused", failure(lambda: anysock.connect(nobody)))
    server = anysock.connect(f"localhost:{address.rpartition(':')[2]}", timeout=PATIENCE)
    print("connected", server.peer_address)
    server.timeout = 0.05
    print("silence", failure(lambda: server.read(1)))
    server.timeout = PATIENCE
    server.write_all(bytes(i % 251 for i in range(MEBIBYTE)))
    server.shutdown(anysock.SHUT_WRITE)
    print("ready", ready(server))
    line, _, echo = read_to_end(server).partition(b"\n")
    print("answer", line.decode())
    print("echo", len(echo), zlib.adler32(echo))
    print("cancelled", cancelled())
    server.close()
    print("gone", failure(lambda: server.read(1)))


def main() -> int:
    if len(sys.argv) == 3 and sys.argv[1] == "listen":
        serve(sys.argv[2])
    elif len(sys.argv) == 4 and sys.argv[1] == "talk":
        talk(*sys.argv[2:])
    else:
        print("usage: conversation.py listen ADDRESS | conversation.py talk ADDRESS NOBODY", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
