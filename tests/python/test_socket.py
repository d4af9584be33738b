"""What a socket does: servers and clients of every kind, options, addresses, life and death."""

from __future__ import annotations

import copy
import ctypes
import errno
import gc
import os
import pickle
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import anysock
import pytest
from anysock import _abi
from conftest import PATIENCE, Child, Connection, Thread


def test_tcp(listener: anysock.Socket) -> None:
    with anysock.Socket("tcp") as client:
        client.connect_timeout = PATIENCE
        client.connect(listener.local_address)
        with listener.accept() as server:
            assert server.peer_address == client.local_address
            assert client.peer_address == server.local_address == listener.local_address
            client.write_all(b"question")
            assert server.read_full(8) == b"question"
            assert server.write(b"answer") == 6
            server.shutdown(anysock.SHUT_WRITE)
            assert client.read_full(100) == b"answer"
            assert client.read(100) == b""
            client.write_all(b"thanks")
            assert server.read(100) == b"thanks"


@pytest.mark.parametrize("kind", ["unix", "unixpacket"])
def test_unix_connection(kind: str, tmp_path: Path) -> None:
    with anysock.listen(tmp_path / "socket", kind) as listener:
        assert listener.local_address == str(tmp_path / "socket")
        with anysock.connect(tmp_path / "socket", kind) as client, listener.accept() as server:
            assert client.local_address == server.peer_address == ""
            client.write_all(b"one")
            client.write_all(b"two")
            # A packet socket keeps the borders.
            assert server.read_full(6) == (b"onetwo" if kind == "unix" else b"one")


@pytest.mark.parametrize("kind", ["udp4", "udp", "unixgram"])
def test_datagrams(kind: str, tmp_path: Path) -> None:
    addresses = ["127.0.0.1:0"] * 2 if kind != "unixgram" else [str(tmp_path / name) for name in "ab"]
    with anysock.Socket(kind) as first, anysock.Socket(kind) as second:
        first.bind(addresses[0])
        second.bind(addresses[1])
        second.timeout = PATIENCE
        for datagram in (b"hello", b"", b"x" * 1000):
            assert first.send_to(datagram, second.local_address) == len(datagram)
            assert second.recv_from(2000) == (datagram, first.local_address)
        first.connect(second.local_address)
        first.write(b"connected")
        buffer = bytearray(20)
        assert second.recv_from_into(buffer) == (9, first.local_address)
        assert buffer[:9] == b"connected"


def test_read_full_takes_one_datagram() -> None:
    first, second = anysock.pair("unixgram")
    with first, second:
        for datagram in (b"one", b"two"):
            first.write_all(datagram)
        assert second.read_full(100) == b"one"
        assert second.read_full(100) == b"two"


def test_flags(connection: Connection) -> None:
    client, server = connection
    client.send(b"abc", anysock.MORE)
    client.send(b"def")
    assert server.recv(6, anysock.WAIT_ALL | anysock.PEEK) == b"abcdef"
    assert server.recv(6, anysock.WAIT_ALL) == b"abcdef"
    with pytest.raises(BlockingIOError):
        server.recv(1, anysock.DONT_WAIT)
    with pytest.raises(BlockingIOError):
        server.recv(1, anysock.DONT_WAIT | anysock.WAIT_ALL)
    client.send(b"!", anysock.OOB)
    assert anysock.wait_ready((), (), [server], PATIENCE) == ([], [], [server])
    assert server.recv(1, anysock.OOB) == b"!"


def test_the_real_length_of_a_datagram() -> None:
    first, second = anysock.pair("unixgram")
    with first, second:
        first.write(b"0123456789")
        assert second.recv_into(bytearray(4), anysock.PEEK | anysock.TRUNC) == 10
        assert second.recv(4, anysock.TRUNC) == b"0123"


def test_listener_is_iterable_until_it_is_closed(listener: anysock.Socket) -> None:
    def serve() -> list[str]:
        peers = []
        for connection in listener:
            with connection:
                peers.append(connection.peer_address)
                connection.write_all(b"bye")
        return peers

    server = Thread(serve)
    mine = []
    for _ in range(3):
        with anysock.connect(listener.local_address) as client:
            mine.append(client.local_address)
            assert client.read_full(3) == b"bye"
    listener.close()
    assert server.result() == mine


def test_a_name_is_resolved_and_tried(listener: anysock.Socket) -> None:
    port = listener.local_address.split(":")[-1]
    with anysock.connect(f"localhost:{port}", timeout=PATIENCE) as client:
        assert client.peer_address == listener.local_address


def test_without_waiting_connect_is_finished_later(listener: anysock.Socket) -> None:
    with anysock.Socket("tcp4") as client:
        client.timeout = 0
        try:
            client.connect(listener.local_address)
        except BlockingIOError as error:
            assert error.errno == errno.EINPROGRESS
            assert anysock.wait_ready((), [client], (), PATIENCE)[1] == [client]
            client.connect(listener.local_address)
        assert client.peer_address == listener.local_address


def test_options(connection: Connection) -> None:
    client, _ = connection
    client.options["tcp.nodelay"] = 1
    assert client.options["tcp.nodelay"] == 1
    client.options["tcp.nodelay"] = False
    assert client.options["tcp.nodelay"] == 0
    assert client.options["kind"] == client.kind == "tcp"
    assert client.options["tcp.state"] == "established"
    assert client.options["type"] == 1
    congestion = client.options["tcp.congestion"]
    assert isinstance(congestion, str)
    client.options["tcp.congestion"] = congestion
    with pytest.raises(OverflowError):
        client.options["receive_buffer"] = 2**70


def test_raw_options(connection: Connection) -> None:
    client, _ = connection
    client.set_raw(socket.IPPROTO_TCP, socket.TCP_NODELAY, struct.pack("i", 1))
    assert client.options["tcp.nodelay"] == 1
    assert struct.unpack("i", client.get_raw(socket.IPPROTO_TCP, socket.TCP_NODELAY, 4)) == (1,)


def test_fileno_is_the_systems(connection: Connection) -> None:
    client, server = connection
    server.write_all(b"x")
    with socket.socket(fileno=os.dup(client.fileno())) as other:
        other.settimeout(PATIENCE)
        assert other.recv(1) == b"x"


def test_adopt_and_release() -> None:
    first, second = socket.socketpair()
    with second:
        ours = anysock.adopt(first.detach())
        assert ours.kind == "unix"
        ours.write_all(b"ours")
        descriptor = ours.release()
        assert ours.closed
        with socket.socket(fileno=descriptor) as again:
            again.sendall(b"again")
        assert second.recv(20) == b"oursagain"


def test_adopted_pipe() -> None:
    readable, writable = (anysock.adopt(descriptor) for descriptor in os.pipe())
    with readable:
        with writable:
            assert readable.kind == "stream"
            writable.write_all(b"through the pipe")
            assert anysock.wait_ready([readable], (), (), PATIENCE)[0] == [readable]
            assert readable.read_full(7) == b"through"
            writer = Thread(writable.write_all, b", in two parts")
            assert readable.recv(23, anysock.WAIT_ALL) == b" the pipe, in two parts"
            writer.result()
        assert readable.read_full(100) == b""
        with pytest.raises(OSError) as caught:
            readable.shutdown()
        assert caught.value.errno == errno.ENOTSOCK


def test_detach_and_from_handle() -> None:
    first, second = anysock.pair("tcp")
    with second:
        assert first.options["interruptible"] == 1
        handle = first.detach()
        assert first.closed and first.handle == 0
        first.close()
        value = ctypes.c_int64(-1)
        assert _abi.anysock_get(handle, b"interruptible", ctypes.byref(value)) == value.value == 0
        with anysock.Socket.from_handle(handle) as again:
            again.write_all(b"x")
        assert second.read(10) == b"x"


def test_names(listener: anysock.Socket) -> None:
    assert "127.0.0.1:80" in anysock.resolve("localhost:80", "tcp4", timeout=PATIENCE)
    loopback = [each for each in anysock.interfaces() if each.address == "127.0.0.1/8"]
    assert loopback and "loopback" in loopback[0].flags and loopback[0].index > 0
    assert anysock.has("tcp4") and anysock.has("tcp.nodelay") and not anysock.has("decnet")


def test_repr(connection: Connection) -> None:
    client, server = connection
    assert repr(client) == f"<anysock.Socket tcp {client.local_address} -> {server.local_address}>"
    client.close()
    assert repr(client) == "<anysock.Socket closed>"
    for end in anysock.pair():
        with end:
            assert repr(end) == "<anysock.Socket unix>"
    with anysock.Socket("udp") as unbound, anysock.Poller() as poller:
        assert repr(unbound) == "<anysock.Socket udp>"
        assert repr(poller) == "<anysock.Poller>"


def test_closing_twice_does_no_harm(connection: Connection) -> None:
    client, server = connection
    with client:
        client.close()
        client.close()
    assert client.closed
    assert server.read(1) == b""


def test_a_socket_is_neither_copied_nor_pickled(listener: anysock.Socket) -> None:
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            attempt(listener)


@pytest.mark.parametrize("number", [1 << 64, 1 << 63, (1 << 64) + 3, -(1 << 64)])
def test_numbers_that_c_has_no_room_for_are_not_cut(number: int) -> None:
    first, second = anysock.pair("tcp")
    with first, second, anysock.Poller() as poller:
        second.write_all(b"hello")
        calls: list[Callable[[], object]] = [
            lambda: first.read(number),
            lambda: first.read_full(number),
            lambda: first.recv_from(number),
            lambda: first.recv(1, number),
            lambda: first.recv_into(bytearray(1), number),
            lambda: first.recv_from(1, number),
            lambda: first.send(b"x", number),
            lambda: first.send_to(b"x", "127.0.0.1:1", number),
            lambda: first.shutdown(number),
            lambda: first.listen(number),
            lambda: first.get_raw(socket.SOL_SOCKET, socket.SO_TYPE, number),
            lambda: first.get_raw(number, socket.SO_TYPE, 4),
            lambda: first.set_raw(socket.SOL_SOCKET, number, bytes(4)),
            lambda: poller.set(first, number),
            lambda: anysock.adopt(number),
            lambda: anysock.Socket.from_handle(number),
        ]
        for call in calls:
            with pytest.raises(OverflowError):
                call()
        assert first.read(9) == b"hello"


def test_what_is_no_number_and_no_text_is_a_type_error(connection: Connection) -> None:
    for call in (
        lambda: connection[0].read(1.5),  # type: ignore[arg-type]
        lambda: connection[0].listen(1.0),  # type: ignore[arg-type]
        lambda: anysock.Socket(b"tcp"),  # type: ignore[arg-type]
        lambda: anysock.connect(b"127.0.0.1:1"),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(OSError) as caught:
        anysock.Socket.from_handle(-1)
    assert caught.value.errno == errno.EBADF


def test_a_forgotten_socket_is_closed_with_a_warning() -> None:
    first, second = anysock.pair()
    with second:
        with pytest.warns(ResourceWarning, match="unclosed <anysock.Socket unix"):
            del first
            gc.collect()
        assert second.read(1) == b""


def test_a_socket_that_was_never_opened_goes_silently() -> None:
    with pytest.raises(OSError):
        anysock.Socket("decnet")
    gc.collect()


def test_the_interpreter_ends_silently_with_open_sockets() -> None:
    program = "import anysock; s = anysock.listen('127.0.0.1:0'); p = anysock.Poller(); p.set(s, 1); s.me = s"
    with Child(sys.executable, "-X", "dev", "-c", program) as child:
        assert child.finish() == (0, "", "")


# Other threads, which Python warns of, are no obstacle to the library.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_shares_the_connection(connection: Connection) -> None:
    client, server = connection
    child = os.fork()
    if child == 0:
        try:
            client.write_all(b"from the child")
            client.close()
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert server.read_full(14) == b"from the child"
    client.write_all(b"from the parent")
    assert server.read_full(15) == b"from the parent"


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_program_that_is_started_inherits_nothing_unless_asked(connection: Connection) -> None:
    client, server = connection
    program = "import os, sys; os.write(int(sys.argv[1]), b'inherited')"
    with Child(sys.executable, "-c", program, client.fileno()) as child:
        assert child.finish()[0] == 1
    client.options["inherit"] = 1
    descriptor = client.fileno()
    if os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", program, str(descriptor)]) != 0:
        pytest.fail("the descriptor was not inherited")
    assert server.read_full(9) == b"inherited"
