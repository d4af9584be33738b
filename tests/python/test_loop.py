"""The event loop: what it promises beside asyncio's own tests, which run with it as well (cpython/modules.txt)."""

from __future__ import annotations

import asyncio
import contextvars
import errno
import gc
import os
import signal
import socket
import struct
import sys
import tempfile
import threading
import warnings
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anysock.loop
import pytest
from anysock import _abi
from anysock import socket as ours
from anysock._helper import fast
from anysock._loop.batch import Collector
from conftest import PATIENCE, Child, python

MODULES = [socket, ours]


def run(main: Callable[..., Awaitable[Any]], *arguments: Any, **more: Any) -> Any:
    """What a coroutine comes to in a loop of its own, if it ends in time."""

    async def in_time() -> Any:
        return await asyncio.wait_for(main(*arguments), PATIENCE)

    return anysock.loop.run(in_time(), **more)


class Recorder(asyncio.Protocol):
    """Notes what it is told."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.data = bytearray()
        self.made, self.ended, self.lost = loop.create_future(), loop.create_future(), loop.create_future()
        self.arrival = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self.made.set_result(transport)

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.arrival.set()

    def eof_received(self) -> bool | None:
        self.ended.set_result(None)
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)

    async def until(self, length: int) -> bytes:
        while len(self.data) < length:
            self.arrival.clear()
            await self.arrival.wait()
        return bytes(self.data)


async def connected(kind: Callable[[], Any] = Recorder) -> tuple[Any, Any, Any, Any]:
    """A connection: both transports and both protocols."""
    loop = asyncio.get_running_loop()
    arrived = loop.create_future()

    def accept() -> Any:
        protocol = kind()
        arrived.set_result(protocol)
        return protocol

    server = await loop.create_server(accept, "127.0.0.1", 0)
    client, near = await loop.create_connection(kind, *server.sockets[0].getsockname())
    far = await arrived
    server.close()
    return client, near, await far.made, far


# Ways to it


def test_the_ways_to_a_loop() -> None:
    async def kind() -> type:
        return type(asyncio.get_running_loop())

    assert anysock.loop.run(kind()) is anysock.loop.Loop
    assert anysock.loop.run(kind(), loop_factory=asyncio.SelectorEventLoop) is not anysock.loop.Loop
    loop = anysock.loop.new_event_loop()
    try:
        assert loop.run_until_complete(kind()) is anysock.loop.Loop
        assert isinstance(loop, asyncio.AbstractEventLoop)
    finally:
        loop.close()
        loop.close()
    with pytest.raises((ValueError, TypeError)):
        anysock.loop.run(42)  # type: ignore[arg-type]


def test_install_makes_it_asyncios_own() -> None:
    text = """
import asyncio, anysock.loop
anysock.loop.install()
async def main():
    print(type(asyncio.get_running_loop()).__module__)
    async with asyncio.timeout(10) if hasattr(asyncio, "timeout") else asyncio.Lock():
        process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
        print((await process.communicate(b"through cat"))[0].decode())
asyncio.run(main())
"""
    with python(text) as child:
        assert child.finish() == (0, "anysock._loop.base\nthrough cat\n", "")


def test_its_policy_is_made_for_who_asks_for_it() -> None:
    """Since Python 3.14 asyncio warns of policies; who only imports the loop is not warned."""
    text = """
import pickle, warnings
warnings.simplefilter("error")
import anysock.loop
print("EventLoopPolicy" in anysock.loop.__all__)
warnings.simplefilter("ignore")
policy = anysock.loop.EventLoopPolicy()
print(type(policy) is anysock.loop.EventLoopPolicy, pickle.loads(pickle.dumps(type(policy))) is type(policy))
loop = policy.new_event_loop()
print(type(loop).__module__)
loop.close()
print(hasattr(anysock.loop, "missing"))
"""
    with python(text) as child:
        assert child.finish() == (0, "True\nTrue True\nanysock._loop.base\nFalse\n", "")


def test_the_helper_collects_if_it_is_there() -> None:
    assert Collector.__module__ == ("anysock._loop.batch" if fast is None else "anysock._fast")


def test_what_a_client_does_not_need_is_not_loaded() -> None:
    text = """
import asyncio, sys
before = set(sys.modules)
import anysock.loop
loaded = {name for name in set(sys.modules) - before}
print(sorted(loaded & {"ctypes.util", "pathlib", "shutil", "dataclasses", "anysock.socket", "anysock._socket"}))
import anysock
print(anysock.Socket.__name__, "Poller" in dir(anysock), hasattr(anysock, "missing"))
"""
    with python(text) as child:
        assert child.finish() == (0, "[]\nSocket True False\n", "")


# Connections


@pytest.mark.parametrize("protocol", [0, socket.IPPROTO_TCP])
@pytest.mark.parametrize("module", MODULES)
def test_no_write_waits_for_an_acknowledgement(module: Any, protocol: int) -> None:
    """Whether or not the listener's socket names its protocol: uvicorn's and `create_server`'s does not."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        made: list[Recorder] = []
        listener = module.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
        listener.bind(("127.0.0.1", 0))
        server = await loop.create_server(lambda: made.append(Recorder()) or made[-1], sock=listener)
        client, _ = await loop.create_connection(Recorder, *listener.getsockname())
        while not made:
            await asyncio.sleep(0)
        for transport in (client, await made[0].made):
            sock = transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.proto == protocol
        client.close()
        server.close()

    run(main)


def test_what_is_written_arrives_whole_and_in_order() -> None:
    async def main() -> None:
        client, near, server, far = await connected()
        pieces = [bytes([number % 251]) * (number * 37) for number in range(300)]
        for piece in pieces:
            client.write(piece)
        client.writelines([bytearray(b"at"), memoryview(b"the end")])
        client.write_eof()
        assert await far.until(len(b"".join(pieces))) and await far.ended is None
        assert far.data == b"".join(pieces) + b"atthe end"
        # The end of the stream is the end of this side, too, as the protocol has said nothing else.
        assert await far.lost is None and await near.lost is None
        assert client.is_closing() and server.is_closing()

    run(main)


def test_lines_are_written_together_or_not_at_all() -> None:
    async def main() -> None:
        client, near, server, far = await connected()
        with pytest.raises(TypeError):
            client.writelines([b"of these ", "none"])
        client.writelines(iter([b"all ", bytearray(b"of "), memoryview(b"these")]))
        client.close()
        assert await far.lost is None and far.data == b"all of these"

    run(main)


def test_who_writes_on_and_on_into_a_lost_connection_is_warned(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        client, near, server, far = await connected()
        server.abort()
        await near.lost
        for _ in range(7):
            client.write(b"nobody reads it")
        with pytest.raises(TypeError):
            client.write("text")

    run(main)
    assert [record.message for record in caplog.records] == ["socket.send() raised exception."] * 3


def test_what_a_program_changes_afterwards_is_not_sent() -> None:
    async def main() -> None:
        client, near, server, far = await connected()
        data = bytearray(b"as it was")
        client.write(data)
        data[:] = b"otherwise"
        assert await far.until(9) == b"as it was"
        client.close()
        await far.lost

    run(main)


def test_a_peer_that_does_not_read_stops_the_writer() -> None:
    class Paused(Recorder):
        paused = resumed = 0

        def pause_writing(self) -> None:
            self.paused += 1

        def resume_writing(self) -> None:
            self.resumed += 1
            self.arrival.set()

    async def main() -> None:
        client, near, server, far = await connected(Paused)
        server.pause_reading()
        server.pause_reading()
        written = 0
        while not near.paused:
            client.write(bytes(100_000))
            written += 100_000
            await asyncio.sleep(0)
        assert client.get_write_buffer_size() > 0 and not near.resumed
        server.resume_reading()
        await far.until(written)
        while not near.resumed:
            await near.arrival.wait()
        assert near.paused == near.resumed == 1
        client.close()
        await far.lost

    run(main)


def test_nothing_is_lost_or_mixed_up_by_pauses() -> None:
    class Shy(Recorder):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            transport = self.made.result()
            transport.pause_reading()
            assert not transport.is_reading()
            asyncio.get_running_loop().call_soon(transport.resume_reading)

    async def main() -> None:
        client, near, server, far = await connected(Shy)
        sent = b"".join(number.to_bytes(4, "big") for number in range(100_000))
        for start in range(0, len(sent), 10_000):
            client.write(sent[start : start + 10_000])
            await asyncio.sleep(0)
        client.close()
        assert await far.until(len(sent)) == sent
        assert await far.lost is None

    run(main)


def test_what_has_come_for_a_protocol_that_was_paused_meanwhile_waits() -> None:
    class Pauses(Recorder):
        other: Any = None

        def data_received(self, data: bytes) -> None:
            assert self.made.result().is_reading()
            super().data_received(data)
            if self.other:
                self.other.pause_reading()

    async def main() -> None:
        # Whose data is told first holds up the other's, which came in the same turn.
        one, other = await connected(Pauses), await connected(Pauses)
        one[3].other, other[3].other = other[2], one[2]
        for each in (one, other):
            each[0].write(b"first")
        while not (one[3].data or other[3].data):
            await asyncio.sleep(0)
        held = other if one[3].data else one
        for each in (one, other):
            each[3].other = None
        held[0].write(b" second")
        held[0].close()
        for _ in range(10):
            await asyncio.sleep(0.001)
        assert held[3].data == b"" and not held[3].ended.done()
        held[2].resume_reading()
        assert await held[3].lost is None
        assert held[3].data == b"first second"
        (one if held is other else other)[0].abort()
        await asyncio.gather(one[3].lost, other[3].lost)

    run(main)


def test_buffers_of_a_protocol_are_filled_however_small_they_are() -> None:
    class Buffered(asyncio.BufferedProtocol):
        def __init__(self) -> None:
            self.made = asyncio.get_running_loop().create_future()
            self.lost = asyncio.get_running_loop().create_future()
            self.buffer, self.data = bytearray(7), bytearray()

        def connection_made(self, transport: Any) -> None:
            self.made.set_result(transport)

        def get_buffer(self, sizehint: int) -> bytearray:
            return self.buffer

        def buffer_updated(self, nbytes: int) -> None:
            self.data += self.buffer[:nbytes]

        def connection_lost(self, exc: Exception | None) -> None:
            self.lost.set_result(exc)

    async def main() -> None:
        client, near, server, far = await connected(Buffered)
        sent = bytes(range(256)) * 1000
        client.write(sent)
        client.close()
        assert await far.lost is None
        assert far.data == sent

    run(main)


def test_a_protocol_that_raises_loses_its_connection_and_no_other() -> None:
    class Raises(Recorder):
        def data_received(self, data: bytes) -> None:
            raise ZeroDivisionError

    async def main() -> None:
        loop, told = asyncio.get_running_loop(), []
        loop.set_exception_handler(lambda _, context: told.append(context))
        client, near, server, far = await connected(Raises)
        other = await connected()
        client.write(b"x")
        other[0].write(b"fine")
        assert type(await far.lost) is ZeroDivisionError
        assert await other[3].until(4) == b"fine"
        assert [context["message"] for context in told] == ["Fatal error: protocol.data_received() call failed."]
        other[0].close()
        await other[3].lost

    run(main)


def test_what_an_exception_has_left_is_told_in_the_next_turn() -> None:
    class Interrupts(Recorder):
        interrupts = True

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if Interrupts.interrupts:
                Interrupts.interrupts = False
                raise KeyboardInterrupt

    async def all_of(many: list[Any]) -> None:
        await asyncio.wait_for(asyncio.gather(*(each[3].until(4) for each in many)), PATIENCE)

    async def abort(many: list[Any]) -> None:
        for client, *_ in many:
            client.abort()
        await asyncio.gather(*(each.lost for _, near, _, far in many for each in (near, far)))

    loop = anysock.loop.new_event_loop()
    try:
        many = [loop.run_until_complete(connected(Interrupts)) for _ in range(20)]
        for client, *_ in many:
            client.write(b"1234")
        with pytest.raises(KeyboardInterrupt):
            loop.run_forever()
        loop.run_until_complete(all_of(many))
        loop.run_until_complete(abort(many))
    finally:
        loop.close()


def test_a_reset_and_an_abort_are_told() -> None:
    async def main() -> None:
        client, near, server, far = await connected()
        sock = client.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.write(bytes(10_000_000))
        client.abort()
        assert await near.lost is None
        assert isinstance(await far.lost, ConnectionResetError)
        for _ in range(10):
            client.write(b"to nobody")

    run(main)


@pytest.mark.parametrize("module", MODULES, ids=["standard", "anysock"])
def test_sockets_of_either_kind_are_taken_and_closed(module: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        first, second = module.socketpair()
        first.setblocking(False)
        second.setblocking(False)
        transport, protocol = await loop.create_connection(Recorder, sock=first)
        await loop.sock_sendall(second, b"by hand")
        assert await protocol.until(7) == b"by hand"
        transport.write(b"an answer")
        assert await loop.sock_recv(second, 100) == b"an answer"
        handle = transport._link.handle  # type: ignore[attr-defined]
        assert _abi.anysock_fd(handle) == first.fileno()
        transport.close()
        await protocol.lost
        assert first.fileno() == -1 and _abi.anysock_fd(handle) == _abi.ANYSOCK_EBADF
        assert await loop.sock_recv(second, 100) == b""
        second.close()

    run(main)


def test_unix_sockets(tmp_path: Path) -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()

        server = await asyncio.start_unix_server(serve, str(tmp_path / "socket"))
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "socket"))
        writer.write(b"hello\n")
        assert await reader.read() == b"HELLO\n"
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    run(main)


def test_many_connections_at_once() -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(100):
                writer.write(data)
            writer.close()

        async def talk(number: int) -> None:
            reader, writer = await asyncio.open_connection(*address)
            for turn in range(5):
                text = f"{number} {turn}\n".encode()
                writer.write(text)
                assert await reader.readline() == text
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=500)
        address = server.sockets[0].getsockname()
        await asyncio.gather(*map(talk, range(300)))
        server.close()
        await server.wait_closed()

    run(main)


def test_files_are_sent(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "file").write_bytes(content)

    async def main() -> None:
        client, near, server, far = await connected()
        loop = asyncio.get_running_loop()
        with (tmp_path / "file").open("rb") as file:
            client.write(b"before")
            assert await loop.sendfile(client, file, 1000, 2_000_000) == 2_000_000
            assert file.tell() == 2_001_000
            client.write(b"behind")
            assert await loop.sendfile(client, file, 2_999_999) == 1
        client.close()
        assert await far.lost is None
        assert far.data == b"before" + content[1000:2_001_000] + b"behind" + content[-1:]

    run(main)


def test_what_can_not_be_sent_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")

    async def main() -> None:
        client, near, server, far = await connected()
        loop = asyncio.get_running_loop()
        with (tmp_path / "file").open("rb") as file, (tmp_path / "file").open() as text:
            for refused in [(text,), (file, -1), (file, 0, -1), (file, 0, 0)]:
                with pytest.raises(ValueError):
                    await loop.sendfile(client, *refused)
            with pytest.raises(TypeError):
                await loop.sendfile(client, file, 0.5)  # type: ignore[arg-type]
            assert await loop.sendfile(client, file) == 7
        client.close()
        assert await far.lost is None and far.data == b"content"

    run(main)


# Datagrams


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.came: asyncio.Queue[Any] = asyncio.Queue()
        self.lost = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.came.put_nowait((data, addr))

    def error_received(self, exc: Exception) -> None:
        self.came.put_nowait(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


def test_datagrams() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server, far = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", 0))
        place = server.get_extra_info("sockname")
        client, near = await loop.create_datagram_endpoint(Datagrams, remote_addr=place)
        own = client.get_extra_info("sockname")
        for number in range(100):
            client.sendto(b"%d" % number)
            assert await far.came.get() == (b"%d" % number, own)
        server.sendto(b"back", own)
        server.sendto(bytearray(60_000), own)
        assert await near.came.get() == (b"back", place)
        assert await near.came.get() == (bytes(60_000), place)
        with pytest.raises(ValueError):
            client.sendto(b"elsewhere", ("127.0.0.1", 1))
        with pytest.raises(TypeError):
            server.sendto("text", own)  # type: ignore[arg-type]
        server.sendto(b"last", own)
        server.close()
        assert await far.lost is None
        assert await near.came.get() == (b"last", place)
        client.sendto(b"to nobody")
        assert isinstance(await near.came.get(), ConnectionRefusedError)
        # That ends nothing.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(place)
            other.sendto(b"again", own)
            assert await near.came.get() == (b"again", place)
        client.close()
        assert await near.lost is None

    run(main)


def test_a_datagram_that_is_too_long_is_told_and_ends_nothing() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", 0))
        own = transport.get_extra_info("sockname")
        transport.sendto(bytes(70_000), own)
        assert isinstance(await protocol.came.get(), OSError)
        transport.sendto(b"short", own)
        assert await protocol.came.get() == (b"short", own)
        transport.close()
        await protocol.lost

    run(main)


def test_a_datagram_that_has_no_way_is_told_and_ends_nothing() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", 0))
        own = transport.get_extra_info("sockname")
        transport.sendto(b"of another family", ("::1", 9))
        assert isinstance(await protocol.came.get(), socket.gaierror)
        for nowhere in [("127.0.0.1", 1 << 16), ("127.0.0.1",), 42]:
            with pytest.raises((TypeError, OverflowError)):
                transport.sendto(b"to no address", nowhere)
        for content in [b"", b"after that"]:
            transport.sendto(content, own)
            assert await protocol.came.get() == (content, own)
        transport.close()
        await protocol.lost

    run(main)


@pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="a family of Linux")
def test_a_family_that_the_library_has_not_goes_asyncios_way() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, socket.NETLINK_ROUTE)
        netlink.setblocking(False)
        netlink.bind((0, 0))
        transport, protocol = await loop.create_datagram_endpoint(Datagrams, sock=netlink)
        # RTM_GETLINK, as a dump.
        transport.sendto(struct.pack("=IHHIIBxHiII", 32, 18, 0x301, 1, 0, 0, 0, 0, 0, 0), (0, 0))
        data, sender = await protocol.came.get()
        assert len(data) > 16 and sender == (0, 0)
        transport.close()
        await protocol.lost

    run(main)


# Descriptors


def test_descriptors_are_watched() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        read, write = os.pipe()
        readable, writable = asyncio.Event(), asyncio.Event()
        loop.add_reader(read, readable.set)
        loop.add_writer(write, writable.set)
        await writable.wait()
        assert loop.remove_writer(write) and not loop.remove_writer(write)
        assert not readable.is_set()
        os.write(write, b"x")
        await readable.wait()
        # As long as it is so.
        readable.clear()
        await readable.wait()
        os.read(read, 1)
        assert loop.remove_reader(read)
        os.close(read)
        os.close(write)
        with tempfile.TemporaryFile() as file, pytest.raises(PermissionError):
            loop.add_reader(file, print)
        with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
            loop.add_reader(write, print)

    run(main)


@pytest.mark.parametrize("module", MODULES)
def test_a_descriptor_that_was_closed_is_not_watched_any_more(module: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        near, far = module.socketpair()
        loop.add_reader(near, print)
        loop.add_writer(near, print)
        assert loop.remove_writer(near) and not loop.remove_writer(near)
        loop.add_writer(far, loop.remove_writer, far)
        near.close()
        assert loop.remove_reader(near)
        with pytest.raises(ValueError):
            loop.remove_reader(near)
        far.close()
        assert loop.remove_writer(far)

    run(main)


# Names


def test_names_need_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        before = threading.active_count()
        found = await loop.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)
        assert found == socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)
        found = await loop.getaddrinfo("localhost", None, family=socket.AF_INET, type=socket.SOCK_DGRAM)
        assert found == socket.getaddrinfo("localhost", None, family=socket.AF_INET, type=socket.SOCK_DGRAM)
        with pytest.raises(socket.gaierror):
            await loop.getaddrinfo("no.such.host.invalid", 80, type=socket.SOCK_STREAM)
        with pytest.raises(socket.gaierror):
            await loop.getaddrinfo(".".join(["x" * 63] * 5), 80, type=socket.SOCK_STREAM)
        assert threading.active_count() == before
        # What is not the library's to say.
        for host in ["no..host", "x" * 64]:
            with pytest.raises(UnicodeError):
                await loop.getaddrinfo(host, 80, type=socket.SOCK_STREAM)
        found = await loop.getaddrinfo(None, 80, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        assert found == socket.getaddrinfo(None, 80, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: ["another's"])
        assert await loop.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM) == ["another's"]

    run(main)


# Threads, signals, processes


def test_other_threads_wake_it() -> None:
    async def main() -> None:
        loop, heard = asyncio.get_running_loop(), asyncio.Event()
        thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(heard.set))
        loop.call_later(0.05, thread.start)
        await heard.wait()
        thread.join()
        assert await asyncio.gather(*(loop.run_in_executor(None, pow, 2, number) for number in range(20))) == [
            2**number for number in range(20)
        ]

    run(main)


def test_signals_are_heard() -> None:
    async def main() -> None:
        loop, heard = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, heard.set)
        loop.call_later(0.05, os.kill, os.getpid(), signal.SIGUSR1)
        await heard.wait()
        assert loop.remove_signal_handler(signal.SIGUSR1)

    run(main)


@pytest.mark.parametrize("what", ["asyncio.sleep(1000)", "asyncio.get_running_loop().create_future()"])
def test_ctrl_c_ends_it(what: str) -> None:
    text = f"""
import asyncio, anysock.loop
async def main():
    print("waits", flush=True)
    await {what}
anysock.loop.run(main())
"""
    with python(text) as child:
        assert child.line() == "waits"
        code, _, errors = child.interrupt()
    assert code in (-signal.SIGINT, 130) and "KeyboardInterrupt" in errors


# The watchdog's thread.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_has_loops_of_its_own() -> None:
    async def main() -> None:
        client, near, server, far = await connected()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                asyncio._set_running_loop(None)

                async def in_the_child() -> bytes:
                    mine = await connected()
                    mine[0].write(b"mine")
                    return bytes(await mine[3].until(4))

                code = 0 if anysock.loop.run(in_the_child()) == b"mine" else 2
            finally:
                os._exit(code)
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        assert status == 0
        client.write(b"still here")
        assert await far.until(10) == b"still here"
        client.close()
        await far.lost

    run(main)


# What is left


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts Linux's descriptors")
def test_a_loop_that_can_not_be_made_leaves_nothing() -> None:
    text = """
import asyncio, os, resource, sys
import anysock.loop
sys.unraisablehook = lambda _: None
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
def fill():
    try:
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return len(held)
made = []
for room in range(8):
    before = fill()
    for _ in range(room):
        os.close(held.pop())
    try:
        anysock.loop.new_event_loop().close()
        made.append(room)
    except OSError:
        pass
    assert fill() == before, room
print(len(made) > 0 and 0 not in made)
"""
    with python(text) as child:
        assert child.finish() == (0, "True\n", "")


def test_no_descriptor_is_left_behind() -> None:
    async def main() -> None:
        client, near, server, far = await connected()
        client.write(b"x" * 100)
        await far.until(100)
        client.close()
        await asyncio.gather(near.lost, far.lost)
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", 0))
        transport.close()
        await protocol.lost

    run(main)
    gc.collect()
    before = len(os.listdir("/dev/fd"))
    for _ in range(20):
        run(main)
    gc.collect()
    assert len(os.listdir("/dev/fd")) == before


def test_a_forgotten_loop_and_its_transports_are_freed() -> None:
    loop = anysock.loop.new_event_loop()
    client, near, server, far = loop.run_until_complete(connected())
    gone = [weakref.ref(each) for each in (loop, client, server)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del loop, client, near, server, far
        gc.collect()
    assert [each() for each in gone] == [None, None, None]


def test_slow_callbacks_are_told_in_debug_mode(caplog: pytest.LogCaptureFixture) -> None:
    class Slow(Recorder):
        def data_received(self, data: bytes) -> None:
            threading.Event().wait(0.05)
            super().data_received(data)

    async def main() -> None:
        asyncio.get_running_loop().slow_callback_duration = 0.01
        client, near, server, far = await connected(Slow)
        client.write(b"x")
        await far.until(1)
        client.close()
        await far.lost

    run(main, debug=True)
    assert any("_read" in record.getMessage() and "took" in record.getMessage() for record in caplog.records)


def test_transports_describe_themselves() -> None:
    async def main() -> None:
        client, near, server, far = await connected()
        assert repr(client).startswith("<StreamTransport fd=")
        assert client.get_extra_info("peername") == server.get_extra_info("sockname")
        assert client.get_extra_info("sockname") == server.get_extra_info("peername")
        client.close()
        assert "closing" in repr(client)
        await near.lost
        assert "closed" in repr(client)

    run(main)


@pytest.mark.skipif(fast is None, reason="the compiled helper is not used")
def test_garbage_for_the_collector() -> None:
    collector: Any = Collector()
    for wrong in [
        lambda: collector.want(print),
        lambda: collector.want(print, "handle", 1),
        lambda: collector.want(print, 1, 1, 0, 0, 0, 0, 0),
        lambda: collector.send(print, 1, "text"),
        lambda: collector.send(print, 1, bytearray(b"data")),
        lambda: collector.send(print, 1, b"data", b"no address"),
        lambda: collector.resolve(print, b"tcp", b"a\0b"),
        lambda: collector.resolve(print, "tcp", b"a"),
        lambda: collector.cancel(1),
        lambda: collector.run("now"),
    ]:
        with pytest.raises((TypeError, ValueError)):
            wrong()


# Turns, timers and handles, which the helper has of its own


def test_callbacks_come_in_their_order_and_with_their_arguments() -> None:
    async def main() -> None:
        loop, called = asyncio.get_running_loop(), []

        def note(*arguments: Any) -> None:
            called.append(arguments)

        for count in range(6):
            loop.call_soon(note, *range(count))
        first = loop.call_soon(note, "never")
        assert isinstance(first, asyncio.Handle) and "note" in repr(first) and not first.cancelled()
        first.cancel()
        assert first.cancelled()
        await asyncio.sleep(0)
        assert called == [tuple(range(count)) for count in range(6)]

    run(main)


def test_what_callbacks_add_waits_until_a_stopped_loop_goes_on() -> None:
    """And what else the turn has, handlers of events and timers, does not wait for it."""
    loop, order = anysock.loop.new_event_loop(), list[str]()
    read, write = os.pipe()

    def end() -> None:
        order.append("stop")
        loop.stop()
        loop.call_soon(order.append, "added")
        loop.call_soon(order.append, "added, too")

    def readable() -> None:
        order.append("event")
        loop.remove_reader(read)

    try:
        os.write(write, b"x")
        loop.add_reader(read, readable)
        loop.call_soon(end)
        loop.run_forever()
        assert order == ["stop", "event"]
        loop.call_soon(order.append, "later")
        loop.run_until_complete(asyncio.sleep(0))
        assert order == ["stop", "event", "added", "added, too", "later"]
        # Stopped beforehand, it has one turn.
        loop.call_soon(lambda: loop.call_soon(order.append, "last"))
        loop.stop()
        loop.run_forever()
        assert order[-1] == "later"
        loop.run_until_complete(asyncio.sleep(0))
        assert order[-1] == "last"
    finally:
        loop.close()
        os.close(read)
        os.close(write)


def test_a_callback_that_was_there_first_comes_before_an_event() -> None:
    class Notes(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            order.append("event")
            asyncio.get_running_loop().call_soon(order.append, "after it")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Notes, local_addr=("127.0.0.1", 0))
        transport.sendto(b"to itself", transport.get_extra_info("sockname"))
        loop.call_soon(order.append, "callback")
        while len(order) < 3:
            await asyncio.sleep(0)
        transport.close()

    order: list[str] = []
    run(main)
    assert order == ["callback", "event", "after it"]


def test_a_callback_may_cancel_its_own_handle() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def cancel(value: list[int]) -> None:
            handle.cancel()
            gc.collect()
            done.set_result(value)

        handle = loop.call_soon(cancel, [1, 2, 3])
        assert await done == [1, 2, 3]

    run(main)


@pytest.mark.parametrize("kind", ["stream", "datagram"])
def test_a_protocol_is_called_in_one_context_that_is_no_others(kind: str) -> None:
    whose: contextvars.ContextVar[str] = contextvars.ContextVar("whose", default="nobody's")

    class Marked(Recorder):
        """Notes whose context it is called in."""

        def connection_made(self, transport: Any) -> None:
            self.found = [whose.get()]
            whose.set(repr(self))
            super().connection_made(transport)

        def data_received(self, data: bytes, _: Any = None) -> None:
            self.found.append(whose.get())
            super().data_received(data)

        datagram_received = data_received

        def eof_received(self) -> None:
            self.found.append(whose.get())

        def connection_lost(self, exc: Exception | None) -> None:
            self.found.append(whose.get())
            super().connection_lost(exc)

    async def streams() -> list[Marked]:
        loop = asyncio.get_running_loop()
        accepted: list[Marked] = []

        def accept() -> Marked:
            accepted.append(Marked())
            return accepted[-1]

        server = await loop.create_server(accept, "127.0.0.1", 0)
        for _ in range(2):
            transport, near = await loop.create_connection(Marked, *server.sockets[0].getsockname())
            transport.write(b"a")
            # More than goes at once, so that the connection is lost when an event says that it is written.
            transport.write(bytes(1 << 22))
            transport.close()
            accepted.append(near)
            await near.lost
        server.close()
        return accepted

    async def datagrams() -> list[Marked]:
        loop = asyncio.get_running_loop()
        found = []
        for _ in range(2):
            transport, protocol = await loop.create_datagram_endpoint(Marked, ("127.0.0.1", 0))
            transport.sendto(b"a", transport.get_extra_info("sockname"))
            await protocol.until(1)
            transport.close()
            found.append(protocol)
        return found

    async def main() -> None:
        for protocol in await (streams() if kind == "stream" else datagrams()):
            await protocol.lost
            first, *others = protocol.found
            assert first == "nobody's"
            assert others and set(others) == {repr(protocol)}
        assert whose.get() == "nobody's"

    run(main)


def test_callbacks_run_in_the_context_that_they_were_given() -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="none")

    async def main() -> None:
        loop, seen = asyncio.get_running_loop(), []
        other = contextvars.copy_context()
        other.run(name.set, "other")
        name.set("mine")
        note = lambda: seen.append(name.get())
        loop.call_soon(note)
        loop.call_soon(note, context=None)
        loop.call_soon(note, context=other)
        name.set("later")
        loop.call_soon(note)
        await asyncio.sleep(0)
        assert seen == ["mine", "mine", "other", "later"]

    run(main)


def test_a_callback_that_raises_is_told_and_stops_no_other() -> None:
    async def main() -> None:
        loop, told = asyncio.get_running_loop(), []
        loop.set_exception_handler(lambda _, context: told.append(context))
        done = loop.create_future()
        handle = loop.call_soon(divmod, 1, 0)
        loop.call_soon(done.set_result, "fine")
        assert await done == "fine"
        (context,) = told
        assert type(context["exception"]) is ZeroDivisionError and context["handle"] is handle
        assert context["message"].startswith("Exception in callback ")

    run(main)


def test_what_ends_a_loop_leaves_the_other_callbacks_for_its_next_run() -> None:
    loop = anysock.loop.new_event_loop()
    called: list[int] = []

    def leave() -> None:
        raise SystemExit(3)

    try:
        loop.call_soon(leave)
        loop.call_soon(called.append, 1)
        with pytest.raises(SystemExit):
            loop.run_forever()
        assert called == []
        loop.call_soon(loop.stop)
        loop.run_forever()
        assert called == [1]
    finally:
        loop.close()


def test_bad_calls_are_refused_as_asyncio_refuses_them() -> None:
    loop = anysock.loop.new_event_loop()
    try:
        with pytest.raises(TypeError):
            loop.call_soon()
        with pytest.raises(TypeError):
            loop.call_soon(print, unknown=1)
        with pytest.raises(TypeError):
            loop._batch = None  # type: ignore[assignment]
            if fast is None:
                raise TypeError
    finally:
        loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_soon(print)


def test_timers_come_when_they_are_due_and_in_their_order() -> None:
    async def main() -> None:
        loop, called = asyncio.get_running_loop(), []
        done = loop.create_future()
        begin = loop.time()
        note = lambda name: called.append((name, loop.time() >= begin + 0.001 * name))
        for name in (30, 10, 20):
            loop.call_later(0.001 * name, note, name)
        loop.call_later(0.015, note, 15).cancel()
        loop.call_at(begin + 0.04, done.set_result, None)
        loop.call_later(0, note, 0)
        await done
        assert called == [(0, True), (10, True), (20, True), (30, True)]
        await asyncio.sleep(0.001)

    run(main)


def test_cancelled_timers_are_not_kept() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(5):
            for timer in [loop.call_later(PATIENCE - 1, print) for _ in range(300)]:
                timer.cancel()
            await asyncio.sleep(0)
        assert len(loop._scheduled) < 700  # type: ignore[attr-defined]
        first = loop.call_later(0.001, print)
        first.cancel()
        await asyncio.sleep(0.001)
        assert first not in loop._scheduled  # type: ignore[attr-defined]

    run(main)


def test_a_turn_may_be_made_within_a_callback() -> None:
    """As programs do that make asyncio re-entrant."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        pairs = [await connected() for _ in range(8)]
        for client, *_ in pairs:
            client.write(b"1234")

        class Nested(Recorder):
            depth = 0

            def data_received(self, data: bytes) -> None:
                super().data_received(data)
                Nested.depth += 1
                for _ in range(3):
                    loop.call_soon(lambda: None)
                    loop._run_once()  # type: ignore[attr-defined]
                Nested.depth -= 1

        for *_, server, far in pairs:
            nested = Nested()
            nested.made.set_result(server)
            server.set_protocol(nested)
        while Nested.depth or any(server.get_protocol().data != b"1234" for *_, server, _ in pairs):
            await asyncio.sleep(0)
        for client, near, server, _ in pairs:
            client.abort()
            await asyncio.gather(near.lost, server.get_protocol().lost)

    run(main)


def test_nothing_is_left_of_connections_and_loops() -> None:
    async def main(kept: list[Any]) -> None:
        client, near, server, far = await connected()
        for data in (b"a", b"b", bytes(200_000)):
            client.write(data)
        await far.until(200_002)
        client.close()
        await far.lost
        await near.lost
        kept += map(weakref.ref, (client, server, near, far))

    def once() -> weakref.ref[Any]:
        kept: list[Any] = []
        loop = anysock.loop.new_event_loop()
        loop.run_until_complete(main(kept))
        loop.close()
        gc.collect()
        assert [each() for each in kept] == [None] * 4
        return weakref.ref(loop)

    loops = [once() for _ in range(3)]
    gc.collect()
    assert [each() for each in loops] == [None] * 3


def test_a_write_to_a_reset_connection_is_told() -> None:
    async def main() -> None:
        client, near, server, far = await connected()
        server.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Only writes can tell it.
        client.pause_reading()
        server.abort()
        await far.lost
        while not near.lost.done():
            client.write(b"into the void")
            await asyncio.sleep(0)
        assert isinstance(await near.lost, ConnectionError)
        client.write(b"later")

    run(main)


@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
def test_a_protocol_of_either_kind_may_take_over(debug: bool) -> None:
    class Buffered(asyncio.BufferedProtocol):
        def __init__(self) -> None:
            self.room, self.data = bytearray(3), bytearray()
            self.next: Any = None

        def get_buffer(self, sizehint: int) -> bytearray:
            return self.room

        def buffer_updated(self, nbytes: int) -> None:
            self.data += self.room[:nbytes]
            if self.next and len(self.data) == 6:
                self.transport.set_protocol(self.next)

    async def main() -> None:
        client, near, server, far = await connected()
        first: Any = Buffered()
        first.transport, first.next = server, far
        server.set_protocol(first)
        client.write(b"123456789")
        assert await far.until(3) == b"789"
        assert first.data == b"123456"
        client.close()
        await far.lost

    run(main, debug=debug)


@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
@pytest.mark.parametrize("wrong", ["raises", "none", "empty", "readonly", "updated"])
def test_a_protocol_whose_buffers_are_wrong_loses_its_connection(wrong: str, debug: bool) -> None:
    class Buffered(asyncio.BufferedProtocol):
        def get_buffer(self, sizehint: int) -> Any:
            if wrong == "raises":
                raise ZeroDivisionError
            return {"none": None, "empty": bytearray(), "readonly": b"123"}.get(wrong, bytearray(3))

        def buffer_updated(self, nbytes: int) -> None:
            raise ZeroDivisionError

        def connection_lost(self, exc: Exception | None) -> None:
            self.lost.set_result(exc)

    async def main() -> None:
        loop, told = asyncio.get_running_loop(), []
        loop.set_exception_handler(lambda _, context: told.append(context["message"]))
        client, near, server, far = await connected()
        protocol: Any = Buffered()
        protocol.lost = loop.create_future()
        server.set_protocol(protocol)
        client.write(b"data")
        assert await protocol.lost is not None
        name = "buffer_updated" if wrong == "updated" else "get_buffer"
        assert told == [f"Fatal error: protocol.{name}() call failed."]
        await near.lost

    run(main, debug=debug)


# Servers


@pytest.mark.skipif(sys.version_info < (3, 13), reason="before Python 3.13 asyncio leaves the path")
def test_the_path_of_a_unix_server_is_taken_away(tmp_path: Path) -> None:
    async def main() -> None:
        loop, path = asyncio.get_running_loop(), tmp_path / "socket"
        server = await loop.create_unix_server(Recorder, path)
        assert path.exists()
        server.close()
        await server.wait_closed()
        assert not path.exists()

    run(main)


# Other interpreters of the process

IN_ANOTHER_INTERPRETER = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
text = '''
import asyncio, anysock.loop
async def echo(reader, writer):
    writer.write(await reader.readexactly(1000))
    writer.close()
async def main():
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(bytes(1000))
        assert await reader.read() == bytes(1000)
        writer.close()
anysock.loop.run(main())
'''
def made(isolated):
    if sys.version_info >= (3, 13):
        return interpreters.create("isolated" if isolated else "legacy")
    return interpreters.create(isolated=isolated)
for isolated in (False, True):
    interpreter = made(isolated)
    try:
        failed = interpreters.run_string(interpreter, text)
        print(failed.formatted if failed else "works")
    except interpreters.RunFailedError as error:
        print(error)
    interpreters.destroy(interpreter)
exec(text)
print("works")
"""


def test_each_interpreter_of_a_process_may_have_one() -> None:
    with python(IN_ANOTHER_INTERPRETER) as child:
        code, output, errors = child.finish()
    assert (code, errors) == (0, "")
    shares, isolated, first = output.splitlines()
    assert shares == first == "works"
    # In Python 3.12 ctypes is not for interpreters with a lock of their own, and says so.
    assert isolated == "works" or "_ctypes does not support loading in subinterpreters" in isolated
    assert isolated == "works" or sys.version_info[:2] == (3, 12)


IN_A_POOL_OF_INTERPRETERS = """
from concurrent.futures import InterpreterPoolExecutor
def number_through_a_loop(number):
    import asyncio, anysock.loop
    from anysock import socket
    async def main():
        loop = asyncio.get_running_loop()
        first, second = socket.socketpair()
        with first, second:
            first.setblocking(False)
            await loop.sock_sendall(first, bytes([number]))
            second.setblocking(False)
            return (await loop.sock_recv(second, 1))[0]
    return anysock.loop.run(main())
if __name__ == "__main__":
    with InterpreterPoolExecutor(3) as pool:
        print(list(pool.map(number_through_a_loop, range(12))))
"""


@pytest.mark.skipif(sys.version_info < (3, 14), reason="the pool is new in Python 3.14")
def test_a_pool_of_interpreters_has_loops(tmp_path: Path) -> None:
    # The pool's interpreters load the functions from the program's file.
    program = tmp_path / "program.py"
    program.write_text(IN_A_POOL_OF_INTERPRETERS)
    with Child(sys.executable, program) as child:
        assert child.finish() == (0, f"{list(range(12))}\n", "")
