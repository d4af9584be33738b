# pyright: strict
"""A sample program for the type checkers, in their strictest modes: an echo server on a poller, a client, datagrams,
options. It runs as well, and ends by itself.
"""

from __future__ import annotations

import sys
from array import array
from pathlib import Path
from threading import Thread

import anysock


class Echo:
    """Gives back what it is sent, to any number of connections, until it is told to stop."""

    def __init__(self, listener: anysock.Socket) -> None:
        self.poller = anysock.Poller()
        self.listener = listener
        self.stopped = False
        self.poller.set(listener, anysock.READ)

    def run(self) -> None:
        while not self.stopped:
            for ready in self.poller.wait(timeout=30):
                self.attend(ready)

    def attend(self, ready: anysock.Ready) -> None:
        if ready.socket is self.listener:
            connection = self.listener.accept()
            connection.options["tcp.nodelay"] = 1
            self.poller.set(connection, anysock.READ | anysock.ONESHOT, data=connection.peer_address)
            return
        data = ready.socket.recv(4096, anysock.DONT_WAIT)
        if not data:
            self.poller.remove(ready.socket)
            ready.socket.close()
            return
        ready.socket.write_all(data)
        self.poller.set(ready.socket, anysock.READ | anysock.ONESHOT, ready.data)

    def stop(self) -> None:
        self.stopped = True
        self.poller.wake()


def ask(address: anysock.Address, question: bytes, timeout: float | None = None) -> bytes:
    with anysock.connect(address, timeout=timeout) as connection:
        connection.timeout = timeout
        before: float | None = connection.read_timeout
        connection.read_timeout = before
        connection.write_all(memoryview(question))
        answer = bytearray(len(question))
        count = connection.read_full_into(answer)
        connection.shutdown(anysock.SHUT_WRITE)
        return bytes(answer[:count])


def datagrams() -> tuple[bytes, str]:
    with anysock.Socket("udp4") as receiver, anysock.Socket("udp4") as sender:
        receiver.bind("127.0.0.1:0")
        receiver.timeout = 30
        sender.send_to(array("B", b"datagram"), receiver.local_address)
        readable, _, _ = anysock.wait_ready([receiver], timeout=30)
        return readable[0].recv_from(100)


def pieces() -> list[int]:
    first, second = anysock.pair()
    with first, second:
        first.writev([b"head", bytearray(b"body")])
        head, body = bytearray(4), bytearray(4)
        return [second.readv([head, body]), *head[:1]]


def describe(socket: anysock.Socket) -> str:
    buffer = socket.options["receive_buffer"]
    size = buffer if isinstance(buffer, int) else len(buffer)
    return f"{socket.kind} {socket.local_address}, descriptor {socket.fileno()}, buffer {size}"


def refused(path: Path) -> int | None:
    try:
        anysock.connect(path, "unix").close()
    except OSError as error:
        return error.errno
    return None


def main() -> int:
    with anysock.listen("127.0.0.1:0", backlog=16) as listener:
        print(describe(listener))
        echo = Echo(listener)
        with echo.poller:
            thread = Thread(target=echo.run)
            thread.start()
            print(ask(listener.local_address, b"question", timeout=30).decode())
            echo.stop()
            thread.join()
    data, sender = datagrams()
    print(data.decode(), sender.rpartition(":")[0], pieces(), refused(Path("missing")))
    names: list[str] = [interface.name for interface in anysock.interfaces() if "up" in interface.flags]
    addresses: list[str] = anysock.resolve("127.0.0.1:80", timeout=1)
    print(len(names) > 0, addresses, anysock.has("tcp4"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
