"""What a wheel can do where it is installed, with nothing but what is in it: a server and its client, a poller, a queue, the stand-ins
for the standard modules, an event loop. Says who used what; an exception says what does not hold.

    wheel.py FOLDER        where the package must come from
"""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path

import anysock
import anysock.loop
import anysock.select
import anysock.socket
from anysock import _helper


def shout(listener: anysock.Socket) -> None:
    with listener.accept() as connection:
        connection.write_all(connection.read_full(5).upper())


def talk() -> None:
    with anysock.listen("127.0.0.1:0") as listener:
        thread = threading.Thread(target=shout, args=[listener])
        thread.start()
        with anysock.connect(listener.local_address, timeout=30) as client:
            client.write_all(b"hello")
            assert client.read_full(5) == b"HELLO"
        thread.join()


def talk_as_the_standard_modules() -> None:
    first, second = anysock.socket.socketpair()
    with first, second:
        first.sendall(b"hello")
        assert anysock.select.select([second], [], [], 30) == ([second], [], [])
        assert second.recv(5) == b"hello"


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readexactly(5))
    await writer.drain()
    writer.close()


async def talk_on_a_loop() -> None:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello")
    assert await reader.read() == b"hello"
    writer.close()
    server.close()


def main(home: Path) -> None:
    library = Path(anysock._library._library._name)
    helper = _helper.fast and Path(_helper.fast.__file__)
    assert Path(anysock.__file__).parent == library.parent == home / "anysock", (anysock.__file__, library)
    # CPython from 3.11 on loads the compiled helper.
    if sys.version_info >= (3, 11) and sys.platform != "win32":
        assert helper and helper.parent == library.parent, helper
    talk()
    talk_as_the_standard_modules()
    anysock.loop.run(talk_on_a_loop())
    print(sys.version.split()[0], library.name, helper.name if helper else "without the helper")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
