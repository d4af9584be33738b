"""anysock.socket against the standard module: what CPython's own tests leave out.

Where it is the point that both do the same, both are asked. Not here: CPython's tests (`cpython`).
"""

from __future__ import annotations

import array
import copy
import errno
import gc
import inspect
import os
import pickle
import re
import signal
import socket as standard
import struct
import subprocess
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from anysock import socket as ours
from anysock._std import numbers
from conftest import PATIENCE, Thread, full_listener, python
from test_signals import Alarms, after_some, alarms  # noqa: F401

MODULES = [standard, ours]
LINUX = hasattr(standard, "AF_NETLINK")

Pair = tuple[Any, Any]


def tcp_pair(module: Any = ours) -> Pair:
    """A TCP connection: client and server."""
    with module.create_server(("127.0.0.1", 0)) as listener:
        client = module.create_connection(listener.getsockname(), timeout=PATIENCE)
        client.settimeout(None)
        return client, listener.accept()[0]


@pytest.fixture
def connection() -> Iterator[Pair]:
    client, server = tcp_pair()
    with client, server:
        yield client, server


# What others find in the descriptor


def program_talks(module: Any) -> bool:
    """Whether a program that is started on an accepted socket may wait for what comes."""
    with module.create_server(("127.0.0.1", 0)) as listener:
        client = standard.create_connection(listener.getsockname(), timeout=PATIENCE)
        server = listener.accept()[0]
    with client, server, subprocess.Popen(["cat"], stdin=server.fileno(), stdout=server.fileno()) as cat:
        server.close()
        with pytest.raises(subprocess.TimeoutExpired):
            cat.wait(0.2)
        client.sendall(b"hello")
        client.shutdown(standard.SHUT_WR)
        return client.recv(5) == b"hello" and client.recv(5) == b"" and cat.wait(PATIENCE) == 0


@pytest.mark.parametrize("module", MODULES)
def test_a_program_is_started_on_an_accepted_socket(module: Any) -> None:
    assert program_talks(module)


@pytest.mark.parametrize("module", MODULES)
def test_the_descriptor_blocks_if_the_timeout_is_none(module: Any) -> None:
    with module.socket() as fresh, module.create_server(("127.0.0.1", 0)) as listener:
        one, other = module.socketpair()
        with one, other:
            for sock in (fresh, listener, one, other):
                sock.settimeout(None)
                assert os.get_blocking(sock.fileno())
                sock.settimeout(5)
                assert not os.get_blocking(sock.fileno())
                sock.setblocking(True)
                assert os.get_blocking(sock.fileno())
                sock.setblocking(False)
                assert not os.get_blocking(sock.fileno())


@pytest.mark.parametrize("blocking", [True, False])
def test_the_mode_that_others_set_is_theirs(connection: Pair, blocking: bool) -> None:
    client, server = connection
    with ours.create_server(("127.0.0.1", 0)) as listener:
        for sock, call in ((client, lambda: client.recv(1)), (listener, listener.accept)):
            sock.settimeout(0.05)
            os.set_blocking(sock.fileno(), blocking)
            with pytest.raises(TimeoutError if issubclass(ours.timeout, TimeoutError) else ours.timeout):
                call()
            assert os.get_blocking(sock.fileno()) == blocking


# What there is


def test_every_name_is_there() -> None:
    assert set(dir(standard)) <= set(dir(ours))
    assert set(standard.__all__) == set(ours.__all__)
    assert not [name for name in set(dir(ours)) - set(dir(standard)) if not name.startswith("_")]


def test_constants_and_exceptions_are_the_standard_ones() -> None:
    for name in dir(standard):
        value = getattr(standard, name)
        if isinstance(value, (int, str, tuple)) and not name.startswith("__"):
            assert getattr(ours, name) == value, name
    for name in ("error", "timeout", "gaierror", "herror"):
        assert getattr(ours, name) is getattr(standard, name)


def test_signatures_are_the_standard_ones() -> None:
    def signatures(place: Any) -> dict[str, Any]:
        public = {name: value for name, value in vars(place).items() if not name.startswith("_")}
        functions = {name: value for name, value in public.items() if inspect.isfunction(value)}
        # A default that stands for none is another object in each.
        return {name: re.sub("0x[0-9a-f]+", "", str(inspect.signature(value))) for name, value in functions.items()}

    for place, other in [(standard, ours), (standard.socket, ours.socket), (standard.SocketIO, ours.SocketIO)]:
        found = signatures(other)
        for name, signature in signatures(place).items():
            assert found[name] == signature, name


def test_every_method_is_there() -> None:
    assert set(dir(standard.socket)) <= set(dir(ours.socket))
    assert ours.SocketType is ours.socket.__mro__[1]


def test_the_class_takes_no_other_attributes() -> None:
    for module in MODULES:
        with module.socket() as sock, pytest.raises(AttributeError):
            sock.something = 1


@pytest.mark.skipif(not LINUX, reason="families of Linux")
@pytest.mark.parametrize("family", ["AF_NETLINK", "AF_PACKET", "AF_VSOCK", "AF_CAN", "AF_ALG", "AF_TIPC"])
def test_other_families_are_not_supported(family: str) -> None:
    number = getattr(ours, family, None)
    if number is None:
        pytest.skip(f"this Python has no {family}")
    with pytest.raises(OSError) as caught:
        ours.socket(number, ours.SOCK_RAW)
    assert caught.value.errno in (errno.EAFNOSUPPORT, errno.EPERM, errno.ESOCKTNOSUPPORT)


@pytest.mark.skipif(not LINUX, reason="a family of Linux")
def test_a_descriptor_of_another_family_is_left_alone() -> None:
    with standard.socket(standard.AF_NETLINK, standard.SOCK_RAW) as netlink:
        with pytest.raises(OSError) as caught:
            ours.socket(fileno=netlink.fileno())
        assert caught.value.errno == errno.EAFNOSUPPORT
        assert netlink.getsockname()


# The same answers


def outcome(call: Callable[[], Any]) -> Any:
    """What a call comes to: its result, or what kind of error."""
    try:
        return call()
    except OSError as error:
        return type(error), error.errno, error.strerror
    except Exception as error:
        return type(error)


GARBAGE: list[Callable[[Any, Any], Any]] = [
    lambda module, sock: module.socket(99999),
    lambda module, sock: module.socket(module.AF_INET, 99),
    lambda module, sock: module.socket(module.AF_INET, module.SOCK_SEQPACKET),
    lambda module, sock: module.socket(module.AF_INET, module.SOCK_STREAM, module.IPPROTO_UDP),
    lambda module, sock: module.socket("x"),
    lambda module, sock: module.socket(2**40),
    lambda module, sock: module.socket(fileno=-1),
    lambda module, sock: module.socket(fileno=1.5),
    lambda module, sock: module.socket(fileno="x"),
    lambda module, sock: module.socket(fileno=99999),
    lambda module, sock: module.socketpair(module.AF_INET),
    lambda module, sock: module.socketpair(module.AF_UNIX, 99),
    lambda module, sock: sock.bind(1),
    lambda module, sock: sock.bind(None),
    lambda module, sock: sock.bind(()),
    lambda module, sock: sock.bind(("127.0.0.1",)),
    lambda module, sock: sock.bind(("127.0.0.1", "80")),
    lambda module, sock: sock.bind(("127.0.0.1", 65536)),
    lambda module, sock: sock.bind(("127.0.0.1", -1)),
    lambda module, sock: sock.bind(("127.0.0.1", 1.5)),
    lambda module, sock: sock.bind((1, 2)),
    lambda module, sock: sock.bind(("a\0b", 1)),
    lambda module, sock: sock.bind(("203.0.113.1", 1)),
    lambda module, sock: sock.bind(("::1", 1)),
    lambda module, sock: sock.connect(("127.0.0.1", 65536)),
    lambda module, sock: sock.connect_ex(("127.0.0.1", 1)),
    lambda module, sock: sock.connect(("256.0.0.1", 1)),
    lambda module, sock: sock.connect([1, 2]),
    lambda module, sock: sock.listen("x"),
    lambda module, sock: sock.listen(2**40),
    lambda module, sock: sock.accept(),
    lambda module, sock: sock.recv(-1),
    lambda module, sock: sock.recv("x"),
    lambda module, sock: sock.recv([1, 2]),
    lambda module, sock: sock.recv(1.5),
    lambda module, sock: sock.recv(0),
    lambda module, sock: sock.recv(10),
    lambda module, sock: sock.recv(10, "x"),
    lambda module, sock: sock.recv(10, 2**40),
    lambda module, sock: sock.recv(),
    lambda module, sock: sock.recv(bufsize=10),
    lambda module, sock: sock.recv_into(b"read only"),
    lambda module, sock: sock.recv_into("text"),
    lambda module, sock: sock.recv_into(None),
    lambda module, sock: sock.recv_into(bytearray(4), 5),
    lambda module, sock: sock.recv_into(bytearray(4), -1),
    lambda module, sock: sock.recv_into(bytearray(0)),
    lambda module, sock: sock.recvfrom(-1),
    lambda module, sock: sock.recvfrom_into(bytearray(4), 5),
    lambda module, sock: sock.recvfrom_into(bytearray(4), -1),
    lambda module, sock: sock.recvmsg(-1),
    lambda module, sock: sock.recvmsg(1, -1),
    lambda module, sock: sock.recvmsg_into([b"read only"]),
    lambda module, sock: sock.recvmsg_into(1),
    lambda module, sock: sock.send("text"),
    lambda module, sock: sock.send(None),
    lambda module, sock: sock.send(1),
    lambda module, sock: sock.send(b"x"),
    lambda module, sock: sock.send(b"x", "y"),
    lambda module, sock: sock.sendall("text"),
    lambda module, sock: sock.sendall(b"x"),
    lambda module, sock: sock.sendto(b"x"),
    lambda module, sock: sock.sendto(b"x", 1, 2, 3),
    lambda module, sock: sock.sendto(b"x", "y", ("127.0.0.1", 1)),
    lambda module, sock: sock.sendto("x", ("127.0.0.1", 1)),
    lambda module, sock: sock.sendto(b"x", None),
    lambda module, sock: sock.sendmsg(b"x"),
    lambda module, sock: sock.sendmsg([1]),
    lambda module, sock: sock.sendmsg(1),
    lambda module, sock: sock.sendmsg([b"x"], 1),
    lambda module, sock: sock.sendmsg([b"x"], [1]),
    lambda module, sock: sock.sendmsg([b"x"], [(1, 2)]),
    lambda module, sock: sock.sendmsg([b"x"], [(1, 2, "x")]),
    lambda module, sock: sock.sendmsg([b"x"], [], 2**40),
    lambda module, sock: sock.sendmsg([b"x"] * 1025),
    lambda module, sock: sock.settimeout(-1),
    lambda module, sock: sock.settimeout("x"),
    lambda module, sock: sock.settimeout(float("nan")),
    lambda module, sock: sock.settimeout(float("inf")),
    lambda module, sock: sock.settimeout(1e30),
    lambda module, sock: sock.settimeout(()),
    lambda module, sock: sock.settimeout(),
    lambda module, sock: sock.setblocking(),
    lambda module, sock: sock.shutdown(-1),
    lambda module, sock: sock.shutdown(3),
    lambda module, sock: sock.shutdown(module.SHUT_RDWR),
    lambda module, sock: sock.shutdown("x"),
    lambda module, sock: sock.getpeername(),
    lambda module, sock: sock.getsockopt(-1, -1),
    lambda module, sock: sock.getsockopt(module.SOL_SOCKET, module.SO_TYPE, -1),
    lambda module, sock: sock.getsockopt(module.SOL_SOCKET, module.SO_TYPE, 1025),
    lambda module, sock: sock.getsockopt(module.SOL_SOCKET, module.SO_TYPE, 4),
    lambda module, sock: sock.getsockopt(module.SOL_SOCKET, module.SO_TYPE),
    lambda module, sock: sock.setsockopt(module.SOL_SOCKET, module.SO_TYPE, 1),
    lambda module, sock: sock.setsockopt(module.SOL_SOCKET, module.SO_REUSEADDR, 2**40),
    lambda module, sock: sock.setsockopt(module.SOL_SOCKET, module.SO_REUSEADDR, "x"),
    lambda module, sock: sock.setsockopt(module.SOL_SOCKET, module.SO_REUSEADDR, None),
    lambda module, sock: sock.setsockopt(module.SOL_SOCKET, module.SO_REUSEADDR, 1, 4),
    lambda module, sock: sock.setsockopt(module.SOL_SOCKET, module.SO_REUSEADDR, bytes(4), 4),
    lambda module, sock: sock.setsockopt(module.SOL_SOCKET, module.SO_LINGER, b"short"),
    lambda module, sock: sock.makefile("x"),
    lambda module, sock: sock.sendfile(b"x"),
    lambda module, sock: module.close(-1),
    lambda module, sock: module.close("x"),
    lambda module, sock: module.dup(-1),
    lambda module, sock: module.create_connection(("127.0.0.1", 1)),
    lambda module, sock: module.create_connection(("127.0.0.1", -1)),
]


@pytest.mark.parametrize("call", GARBAGE, ids=[inspect.getsource(call).strip()[21:-1] for call in GARBAGE])
@pytest.mark.parametrize("family, kind", [("AF_INET", "SOCK_STREAM"), ("AF_INET", "SOCK_DGRAM"), ("AF_UNIX", "SOCK_STREAM")])
def test_garbage_comes_to_the_same(family: str, kind: str, call: Callable[[Any, Any], Any]) -> None:
    found = []
    for module in MODULES:
        with module.socket(getattr(module, family), getattr(module, kind)) as sock:
            sock.setblocking(False)
            found.append(outcome(lambda: call(module, sock)))
    assert found[1] == found[0]


# Addresses

ADDRESSES: list[tuple[str, Any]] = [
    ("AF_INET", ("", 0)),
    ("AF_INET", ("localhost", 0)),
    ("AF_INET", (b"127.0.0.1", 0)),
    ("AF_INET", (bytearray(b"127.0.0.1"), 0)),
    ("AF_INET6", ("::1", 0)),
    ("AF_INET6", ("::1", 0, 0)),
    ("AF_INET6", ("::1", 0, 0, 0)),
    ("AF_INET6", ("", 0)),
    ("AF_INET6", ("::ffff:127.0.0.1", 0)),
    ("AF_INET6", ("::1", 0, -1)),
    ("AF_INET6", ("::1", 0, 1 << 20)),
    ("AF_INET6", ("::1", 0, 0, 0, 0)),
    ("AF_INET6", ("127.0.0.1", 0)),
    ("AF_UNIX", "\0anysock"),
    ("AF_UNIX", b"\0any\xff\0sock"),
    ("AF_UNIX", b"\0" + 107 * b"x"),
    ("AF_UNIX", b"\0" + 108 * b"x"),
    ("AF_UNIX", 108 * "x"),
]


@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
@pytest.mark.parametrize("family, address", ADDRESSES)
def test_names_are_the_same(family: str, address: Any, kind: str) -> None:
    def named(module: Any) -> Any:
        with module.socket(getattr(module, family), getattr(module, kind)) as sock:
            sock.bind(address)
            name = sock.getsockname()
            # The port is another one.
            return name if family == "AF_UNIX" else (name[0], *name[2:])

    assert outcome(lambda: named(ours)) == outcome(lambda: named(standard))


@pytest.mark.skipif(not LINUX, reason="names of Linux")
def test_linux_chooses_a_name_of_a_unix_socket() -> None:
    with ours.socket(ours.AF_UNIX) as sock:
        sock.bind("")
        assert re.fullmatch(rb"\0[0-9a-f]{5}", sock.getsockname())


@pytest.mark.skipif(not LINUX, reason="names of Linux")
def test_an_abstract_name_of_no_letters_is_a_name() -> None:
    # In a network of its own: there is only one such name.
    text = """
import ctypes, os, sys, socket as standard
from anysock import socket as ours
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
if ctypes.CDLL(None).unshare(CLONE_NEWNET | (CLONE_NEWUSER if os.getuid() else 0)):
    sys.exit(77)
for module in (standard, ours):
    with module.socket(module.AF_UNIX, module.SOCK_DGRAM) as one, module.socket(module.AF_UNIX, module.SOCK_DGRAM) as two:
        one.bind(b"\\0")
        two.connect(b"\\0")
        two_peer = two.getpeername()
        one.connect(b"\\0")
        one.send(b"x")
        print(one.getsockname(), two_peer, one.recvfrom(1))
"""
    with python(text) as child:
        code, output, errors = child.finish()
    if code == 77:
        pytest.skip("no network of its own to be had")
    assert errors == ""
    expected, here = output.splitlines()
    assert here == expected


def test_unix_peers_are_told_as_ever(tmp_path: Path) -> None:
    # No text in any encoding.
    path = os.fsencode(tmp_path) + b"/\xff\xfe"
    for module in MODULES:
        with module.socket(module.AF_UNIX, module.SOCK_DGRAM) as receiver:
            receiver.bind(path)
            assert receiver.getsockname() == os.fsdecode(path)
            with module.socket(module.AF_UNIX, module.SOCK_DGRAM) as sender:
                sender.sendto(b"from nobody", path)
                assert receiver.recvfrom(100) == (b"from nobody", None)
                assert receiver.getsockname() == os.fsdecode(path)
                assert sender.getsockname() == ""
        os.unlink(path)
        with module.socket(module.AF_UNIX) as listener, module.socket(module.AF_UNIX) as client:
            listener.bind(path)
            listener.listen()
            client.connect(path)
            server, address = listener.accept()
            with server:
                assert (address, server.getpeername(), client.getpeername()) == ("", "", os.fsdecode(path))
        os.unlink(path)


def test_both_families_on_one_socket() -> None:
    with ours.create_server(("", 0), family=ours.AF_INET6, dualstack_ipv6=True) as listener:
        port = listener.getsockname()[1]
        with ours.create_connection(("127.0.0.1", port)) as client:
            server, address = listener.accept()
            with server:
                assert address == ("::ffff:127.0.0.1", client.getsockname()[1], 0, 0)
                assert server.getpeername() == address
    with ours.socket(ours.AF_INET6, ours.SOCK_DGRAM) as one, ours.socket(ours.AF_INET, ours.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        one.sendto(b"x", ("::ffff:127.0.0.1", other.getsockname()[1]))
        data, address = other.recvfrom(10)
        assert other.sendto(data, address) == 1
        assert one.recvfrom(10) == (b"x", ("::ffff:127.0.0.1", other.getsockname()[1], 0, 0))


def test_a_sockets_file_is_made_of_the_standard_class(connection: Pair) -> None:
    client, server = connection
    with client.makefile("wb") as writer, server.makefile("rb") as reader:
        assert isinstance(reader.raw, standard.SocketIO) and ours.SocketIO is standard.SocketIO
        writer.write(b"a line\n")
        writer.flush()
        assert reader.readline() == b"a line\n"


@pytest.mark.skipif(not LINUX, reason="a flag of Linux")
@pytest.mark.parametrize("kind", ["SOCK_DGRAM", "SOCK_SEQPACKET", "SOCK_STREAM"])
def test_a_datagrams_length_is_told_however_little_is_received(kind: str) -> None:
    def received(module: Any, call: Callable[[Any, int], bytes]) -> list[tuple[int, bytes]]:
        first, second = module.socketpair(module.AF_UNIX, getattr(module, kind))
        with first, second:
            first.send(b"0123456789")
            found = [call(second, flags) for flags in (module.MSG_PEEK | module.MSG_TRUNC, module.MSG_TRUNC)]
            # What lies behind the room there was, is in CPython memory that nobody has written to.
            return [(len(data), data[:4]) for data in found]

    calls: list[Callable[[Any, int], bytes]] = [
        lambda sock, flags: sock.recv(4, flags),
        lambda sock, flags: sock.recvfrom(4, flags)[0],
        lambda sock, flags: sock.recvmsg(4, 0, flags)[0],
        lambda sock, flags: bytes(sock.recv_into(bytearray(6), 4, flags)),
    ]
    if sys.version_info >= (3, 15):
        # CPython's own refuse a length of more than the bytes that they make: their `recv_into` alone can tell it.
        calls = calls[-1:]
    for call in calls:
        assert received(ours, call) == received(standard, call)
    first, second = ours.socketpair(ours.AF_UNIX, ours.SOCK_DGRAM)
    with first, second:
        first.send(b"0123456789")
        assert second.recv(4, ours.MSG_TRUNC) == b"0123" + bytes(6)


# Errors, and what follows them


def refused_address() -> Any:
    with standard.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()


@pytest.mark.parametrize("timeout", [None, PATIENCE])
def test_a_connect_that_has_failed_may_be_tried_again(timeout: Any) -> None:
    address = refused_address()
    with ours.socket() as sock:
        sock.settimeout(timeout)
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError) as caught:
                sock.connect(address)
            assert (caught.value.errno, caught.value.filename) == (errno.ECONNREFUSED, None)
            assert sock.connect_ex(address) == errno.ECONNREFUSED
        with ours.create_server(("127.0.0.1", 0)) as listener:
            sock.connect(listener.getsockname())
            assert sock.connect_ex(listener.getsockname()) == errno.EISCONN
            listener.accept()[0].close()
            assert sock.recv(1) == b""


def test_a_connect_that_does_not_wait() -> None:
    for module in MODULES:
        with module.socket() as sock:
            sock.setblocking(False)
            with pytest.raises(BlockingIOError) as caught:
                sock.connect(refused_address())
            assert caught.value.errno == errno.EINPROGRESS
            select_writable(sock)
            assert sock.getsockopt(module.SOL_SOCKET, module.SO_ERROR) == errno.ECONNREFUSED
            # It is told once.
            assert sock.getsockopt(module.SOL_SOCKET, module.SO_ERROR) == 0


def select_writable(sock: Any) -> None:
    import select

    assert select.select([], [sock], [], PATIENCE)[1] == [sock]


def test_an_error_is_told_once() -> None:
    for module in MODULES:
        client, server = tcp_pair(module)
        with client, server:
            server.setsockopt(module.SOL_SOCKET, module.SO_LINGER, array.array("i", [1, 0]))
            server.close()
            with pytest.raises(ConnectionResetError):
                client.recv(1)
            assert client.recv(1) == b""
            with pytest.raises(BrokenPipeError):
                client.send(b"x")


def end_with_a_reset(end: Any) -> None:
    """Closes it so that the other end is reset; what has happened on the loopback, the other end knows at once."""
    end.setsockopt(standard.SOL_SOCKET, standard.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


def after_reset(module: Any) -> Any:
    client, server = tcp_pair(module)
    end_with_a_reset(server)
    return client


def after_reset_elsewhere(module: Any) -> Any:
    return module.socket(fileno=after_reset(standard).detach())


def after_shutdown(module: Any) -> Any:
    client, server = tcp_pair(module)
    client.shutdown(standard.SHUT_WR)
    # It lives as long as the client.
    weakref.finalize(client, server.close)
    return client


def refused_elsewhere(module: Any) -> Any:
    with standard.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    client = standard.socket()
    client.setblocking(False)
    assert client.connect_ex(address) == errno.EINPROGRESS
    return module.socket(fileno=client.detach())


def fresh(module: Any) -> Any:
    return module.socket()


ENDINGS = [after_reset, after_reset_elsewhere, after_shutdown, refused_elsewhere, fresh]
QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "send nothing": lambda end: end.send(b""),
    "sendall nothing": lambda end: end.sendall(b""),
    "sendmsg nothing": lambda end: end.sendmsg([]),
    "recvmsg nothing": lambda end: end.recvmsg(0),
    "recvfrom nothing": lambda end: end.recvfrom(0),
    "recv nothing": lambda end: end.recv(0),
    "recv": lambda end: end.recv(8),
    "SO_ERROR": lambda end: end.getsockopt(standard.SOL_SOCKET, standard.SO_ERROR),
    "peer": lambda end: end.getpeername()[0],
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("ending", ENDINGS)
def test_how_a_stream_is_whichever_way_it_is_asked(ending: Callable[[Any], Any], question: str) -> None:
    def answers(module: Any) -> list[Any]:
        with ending(module) as end:
            end.settimeout(0)
            return [outcome(lambda: QUESTIONS[question](end)) for _ in range(3)]

    assert answers(ours) == answers(standard)


def test_who_has_connected_is_told_although_it_has_gone() -> None:
    with ours.create_server(("127.0.0.1", 0)) as listener:
        client = standard.create_connection(listener.getsockname(), timeout=PATIENCE)
        address = client.getsockname()
        end_with_a_reset(client)
        connection, peer = listener.accept()
        with connection:
            assert peer == address
            with pytest.raises(ConnectionResetError):
                connection.recv(1)


def test_nothing_is_set_unasked() -> None:
    with ours.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        assert sock.getsockopt(ours.SOL_SOCKET, ours.SO_REUSEADDR) == 0
    with ours.socket(ours.AF_INET6) as sock, standard.socket(standard.AF_INET6) as other:
        option = ours.IPPROTO_IPV6, ours.IPV6_V6ONLY
        assert sock.getsockopt(*option) == other.getsockopt(*option)


def test_a_timeout_has_no_number(connection: Pair) -> None:
    client, _ = connection
    client.settimeout(0.01)
    for call in (lambda: client.recv(1), lambda: client.recv_into(bytearray(1)), lambda: client.recvmsg(1)):
        with pytest.raises(ours.timeout, match="^timed out$") as caught:
            call()
        assert caught.value.errno is None
    with pytest.raises(ours.timeout):
        client.sendall(bytes(1 << 26))


def test_default_timeouts() -> None:
    ours.setdefaulttimeout(2.5)
    try:
        with ours.socket() as sock, standard.socket() as other:
            assert sock.gettimeout() == other.gettimeout() == sock.timeout == 2.5
    finally:
        ours.setdefaulttimeout(None)


# Several threads


@contextmanager
def blocked(call: Callable[[], Any]) -> Iterator[Thread]:
    """A thread whose call has begun to wait, as far as the system tells."""
    began = threading.Event()

    def run() -> Any:
        began.set()
        return call()

    thread = Thread(run)
    assert began.wait(PATIENCE)
    status = Path(f"/proc/self/task/{thread.native_id}/stat")
    deadline = monotonic() + PATIENCE
    while status.exists() and status.read_text().rsplit(")")[-1].split()[0] != "S":
        assert monotonic() < deadline
    yield thread


CLOSED_UNDER: dict[str, Callable[[Any, Any], Any]] = {
    "recv": lambda sock, _: sock.recv(1),
    "recv with a timeout": lambda sock, _: (sock.settimeout(PATIENCE), sock.recv(1)),
    "recv_into": lambda sock, _: sock.recv_into(bytearray(1)),
    "recvfrom": lambda sock, _: sock.recvfrom(1),
    "recvmsg": lambda sock, _: sock.recvmsg(1),
    "sendall": lambda sock, _: sock.sendall(bytes(1 << 27)),
    "read": lambda sock, _: sock.makefile("rb").read(),
    "connect": lambda sock, path: sock.connect(path),
    "accept": lambda sock, _: sock.accept(),
}


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="looks at /proc")
@pytest.mark.parametrize("name", CLOSED_UNDER)
def test_close_ends_a_call_in_another_thread(name: str, tmp_path: Path) -> None:
    call, path = CLOSED_UNDER[name], str(tmp_path / "full")
    with full_listener(tmp_path / "full"), ours.create_server(("127.0.0.1", 0)) as listener:
        client, server = tcp_pair()
        unconnected = ours.socket(ours.AF_UNIX)
        sock = {"accept": listener, "connect": unconnected}.get(name, client)
        with client, server, unconnected, blocked(lambda: call(sock, path)) as thread:
            # What makefile has lent is not waited for.
            sock._real_close()
            with pytest.raises(OSError) as caught:
                thread.result()
            assert caught.value.errno == errno.ECANCELED
            with pytest.raises(OSError) as caught:
                sock.recv(1)
            assert caught.value.errno == errno.EBADF


def test_a_listener_that_is_shut_lets_go_of_accept() -> None:
    with ours.create_server(("127.0.0.1", 0)) as listener:
        accepting = Thread(listener.accept)
        deadline = monotonic() + PATIENCE
        while accepting.is_alive() and monotonic() < deadline:
            listener.shutdown(ours.SHUT_RDWR)
            accepting.join(0.01)
        with pytest.raises(OSError) as caught:
            accepting.result()
        assert caught.value.errno == errno.EINVAL


def test_many_threads_on_one_socket() -> None:
    one, other = ours.socketpair(ours.AF_UNIX, ours.SOCK_DGRAM)
    with one, other:
        readers = [Thread(lambda: [other.recv(10) for _ in range(100)]) for _ in range(4)]
        writers = [Thread(lambda: [one.send(b"%d" % number) for number in range(100)]) for _ in range(4)]
        for writer in writers:
            writer.result()
        received = sorted(int(data) for reader in readers for data in reader.result())
        assert received == sorted(4 * list(range(100)))


# Signals

OPENING = """
import sys
from anysock import socket
def ready(): print("ready", flush=True)
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
"""

BLOCKING = {
    "accept": "listener.accept()",
    "accept with a timeout": "listener.settimeout(1000); listener.accept()",
    "recv": "client.recv(1)",
    "recv with a timeout": "client.settimeout(1000); client.recv(1)",
    "recv with flags": "client.recv(10, socket.MSG_WAITALL)",
    "recv_into": "client.recv_into(bytearray(1))",
    "recvfrom": "client.recvfrom(1)",
    "recvfrom_into": "client.recvfrom_into(bytearray(1))",
    "recvmsg": "client.recvmsg(1)",
    "recvmsg_into": "client.recvmsg_into([bytearray(1)])",
    "send": "while True: client.send(bytes(1 << 20))",
    "sendall": "client.sendall(bytes(1 << 27))",
    "sendall with a timeout": "client.settimeout(1000); client.sendall(bytes(1 << 27))",
    "sendmsg": "while True: client.sendmsg([bytes(1 << 20)])",
    "sendfile": "f = open(sys.argv[2], 'rb'); client.sendfile(f)",
    "makefile": "client.makefile().read()",
    "connect": "socket.socket(socket.AF_UNIX).connect(sys.argv[1])",
    "connect with a timeout": "s = socket.socket(socket.AF_UNIX); s.settimeout(1000); s.connect(sys.argv[1])",
    "connect_ex": "socket.socket(socket.AF_UNIX).connect_ex(sys.argv[1])",
}


@pytest.fixture(scope="module")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "large"
    with path.open("wb") as file:
        file.truncate(1 << 28)
    return path


@pytest.mark.parametrize("call", BLOCKING)
def test_ctrl_c(call: str, tmp_path: Path, large_file: Path) -> None:
    with full_listener(tmp_path / "full"):
        program = f"{OPENING}\nready()\n{BLOCKING[call]}"
        with python(program, tmp_path / "full", large_file) as child:
            assert child.line() == "ready"
            code, _, errors = child.interrupt()
    assert "KeyboardInterrupt" in errors
    assert code == -signal.SIGINT


@pytest.mark.parametrize("timeout", [None, PATIENCE])
def test_calls_go_on_after_signals(alarms: Alarms, tmp_path: Path, timeout: Any) -> None:  # noqa: F811
    client, server = tcp_pair()
    with client, server, ours.create_server(("127.0.0.1", 0)) as listener:
        client.settimeout(timeout)
        listener.settimeout(timeout)
        receives: list[Callable[[], Any]] = [
            lambda: client.recv(5),
            lambda: client.recv(5, ours.MSG_WAITALL),
            lambda: client.recvfrom(5)[0],
            lambda: client.recvmsg(5)[0],
            lambda: client.makefile("rb", buffering=0).read(5),
        ]
        for receive in receives:
            alarms.count = 0
            alarms.some.clear()
            writer = after_some(alarms, server.sendall, b"hello")
            assert receive() == b"hello"
            assert alarms.count >= 5
            writer.result()
        alarms.some.clear()
        alarms.count = 0
        other = after_some(alarms, ours.create_connection, listener.getsockname())
        listener.accept()[0].close()
        other.result().close()
        with full_listener(tmp_path / "full") as full, ours.socket(ours.AF_UNIX) as late:
            alarms.some.clear()
            alarms.count = 0
            late.settimeout(timeout)
            acceptor = after_some(alarms, full.accept)
            late.connect(str(tmp_path / "full"))
            acceptor.result()[0].close()
            assert alarms.count >= 5


SHORT = 0.3


def test_a_timeout_is_for_all_of_a_call(alarms: Alarms, tmp_path: Path) -> None:  # noqa: F811
    client, server = tcp_pair()
    with client, server, ours.create_server(("127.0.0.1", 0)) as listener, full_listener(tmp_path / "full"):
        late = ours.socket(ours.AF_UNIX)
        calls: list[tuple[Any, Callable[[], Any]]] = [
            (client, lambda: client.recv(1)),
            (client, lambda: client.recv_into(bytearray(1))),
            (client, lambda: client.recvmsg(1)),
            (client, lambda: client.sendall(bytes(1 << 26))),
            (listener, lambda: listener.accept()),
            (late, lambda: late.connect(str(tmp_path / "full"))),
        ]
        for sock, call in calls:
            sock.settimeout(SHORT)
            began = monotonic()
            with pytest.raises(ours.timeout):
                call()
            assert monotonic() - began >= 0.99 * SHORT
        late.close()


def test_no_byte_is_lost_to_signals(alarms: Alarms) -> None:  # noqa: F811
    alarms.pause = 0.001
    client, server = tcp_pair()
    data = os.urandom(1 << 16) * 256
    with client, server:
        reader = Thread(lambda: server.makefile("rb").read(len(data)))
        client.sendall(data)
        assert reader.result() == data
        writer = Thread(server.sendall, data)
        assert client.makefile("rb").read(len(data)) == data
        writer.result()
    assert alarms.count >= 5


# Files


def test_sendfile_goes_on_as_long_as_something_goes(tmp_path: Path, connection: Pair) -> None:
    client, server = connection
    data = os.urandom(1 << 16) * 64
    path = tmp_path / "data"
    path.write_bytes(data)
    # Less than the whole takes, more than a part.
    client.settimeout(0.5)
    pause = threading.Event()

    def slowly() -> bytes:
        received = b""
        while len(received) < len(data) - 10:
            pause.wait(0.005)
            received += server.recv(1 << 16)
        return received

    reader = Thread(slowly)
    with path.open("rb") as file:
        assert client.sendfile(file, offset=10) == len(data) - 10
        assert file.tell() == len(data)
    assert reader.result() == data[10:]


def test_sendfile_tells_a_timeout_and_where_it_stopped(tmp_path: Path, connection: Pair) -> None:
    client, _ = connection
    path = tmp_path / "data"
    path.write_bytes(bytes(1 << 26))
    client.settimeout(0.05)
    with path.open("rb") as file:
        with pytest.raises(ours.timeout):
            client.sendfile(file)
        assert 0 < file.tell() < 1 << 26


def test_descriptors_arrive_as_numbers() -> None:
    one, other = ours.socketpair()
    with one, other, ours.create_server(("127.0.0.1", 0)) as listener:
        read, write = os.pipe()
        ours.send_fds(one, [b"here"], [read, listener.fileno()])
        data, descriptors, flags, address = ours.recv_fds(other, 10, 2)
        assert (data, flags, address) == (b"here", 0, None)
        os.write(write, b"through the pipe")
        assert os.read(descriptors[0], 100) == b"through the pipe"
        with ours.socket(fileno=descriptors[1]) as again:
            assert again.getsockname() == listener.getsockname()
        for number in (read, write, descriptors[0]):
            os.close(number)


# Descriptors


def test_the_owner_of_a_descriptor_is_known() -> None:
    with ours.socket() as sock:
        number, handle = sock.fileno(), sock._handle
        assert handle and numbers.handle_of(number) == handle
    assert (sock.fileno(), sock._handle, numbers.handle_of(number)) == (-1, 0, None)
    with ours.socket() as sock:
        number = sock.detach()
        assert numbers.handle_of(number) is None
        os.close(number)
    first, second = ours.socketpair()
    with first, second:
        assert {numbers.handle_of(end.fileno()) for end in (first, second)} == {first._handle, second._handle}
        ours.close(first.fileno())
        with pytest.raises(OSError):
            first.close()


def test_a_descriptor_is_asked_for_when_the_program_wants_it() -> None:
    """Each connect of a socket whose descriptor others may know costs more."""
    with ours.create_server(("127.0.0.1", 0)) as listener, ours.create_connection(listener.getsockname()) as client:
        accepted, _ = listener.accept()
        with accepted:
            accepted.settimeout(5)
            for sock in (listener, client, accepted):
                assert sock._handle not in numbers._owners.values()
                assert numbers.handle_of(sock.fileno()) == sock._handle
                assert os.get_blocking(sock.fileno()) == (sock.gettimeout() is None)


def test_a_descriptor_may_be_that_of_several_sockets(connection: Pair) -> None:
    client, server = connection
    twin = ours.socket(fileno=client.fileno())
    assert twin.fileno() == client.fileno()
    twin.send(b"x")
    assert server.recv(1) == b"x"
    # Giving it up does not take it away from the other.
    assert twin.detach() == client.fileno()
    client.send(b"y")
    assert server.recv(1) == b"y"


@pytest.mark.parametrize("timeout", [None, 0.0, 1.0])
def test_a_descriptor_is_given_away_in_the_mode_that_is_expected(timeout: Any) -> None:
    with ours.socket() as sock:
        sock.settimeout(timeout)
        number = sock.detach()
    assert os.get_blocking(number) == (timeout is None)
    os.close(number)


def test_only_sockets_are_taken_over() -> None:
    read, write = os.pipe()
    for number in (read, write):
        with pytest.raises(OSError) as caught:
            ours.socket(fileno=number)
        assert caught.value.errno == errno.ENOTSOCK
        # It is still open.
        os.close(number)


def test_inheritance() -> None:
    with ours.socket() as sock:
        assert not sock.get_inheritable()
        sock.set_inheritable(True)
        assert sock.get_inheritable() and os.get_inheritable(sock.fileno())
        with sock.dup() as twin:
            assert not twin.get_inheritable()


def test_no_descriptor_is_left_behind() -> None:
    def open_and_close() -> None:
        client, server = tcp_pair()
        first, second = ours.socketpair()
        for sock in (client, server, first, second):
            twin = sock.dup()
            with twin, sock:
                sock.setblocking(False)
            os.close(ours.socket().detach())
        with pytest.raises(OSError):
            ours.socket(ours.AF_INET, ours.SOCK_STREAM, ours.IPPROTO_UDP)
        with pytest.raises(OSError):
            ours.create_connection(refused_address())

    open_and_close()
    before = len(os.listdir("/dev/fd")), dict(numbers._owners)
    for _ in range(30):
        open_and_close()
    gc.collect()
    assert (len(os.listdir("/dev/fd")), dict(numbers._owners)) == before


def test_a_forgotten_socket_is_closed_with_a_warning() -> None:
    sock = ours.socket()
    number, text = sock.fileno(), repr(sock)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del sock
        gc.collect()
    assert [(each.category, str(each.message)) for each in caught] == [(ResourceWarning, f"unclosed {text}")]
    with pytest.raises(OSError):
        os.fstat(number)


# The watchdog's thread.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_after_a_fork_both_have_it(connection: Pair) -> None:
    client, server = connection
    child = os.fork()
    if child == 0:
        try:
            client.sendall(b"from the child")
            client.close()
            server.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert server.recv(100) == b"from the child"
    client.sendall(b"from the parent")
    assert server.recv(100) == b"from the parent"


def test_it_can_be_neither_pickled_nor_copied() -> None:
    # The class on top, and the one that CPython has in C.
    for kind in ours.socket, ours.SocketType:
        sock = kind()
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="cannot pickle"):
                attempt(sock)
        sock.close()


@pytest.mark.parametrize("size", [1 << 63, 1 << 64, (1 << 64) + 3, -(1 << 64)])
def test_sizes_that_no_memory_has_are_not_cut(connection: Pair, size: int) -> None:
    client, server = connection
    server.sendall(b"hello")
    for call in (
        lambda: client.recv(size),
        lambda: client.recvfrom(size),
        lambda: client.recv_into(bytearray(9), size),
        lambda: client.recvfrom_into(bytearray(9), size),
    ):
        with pytest.raises(OverflowError):
            call()
    assert client.recv(9) == b"hello"


# Memory


def test_memory_of_every_kind(connection: Pair) -> None:
    client, server = connection
    pieces: list[Any] = [
        b"bytes",
        bytearray(b"bytearray"),
        memoryview(b"memoryview"),
        memoryview(bytearray(b"memoryview")),
        array.array("i", [1, 2, 3]),
        memoryview(bytes(1 << 16)),
    ]
    for data in pieces:
        flat = bytes(data)
        for send in (client.send, client.sendall, lambda data: client.sendmsg([data])):
            send(data)
            assert server.recv(len(flat), ours.MSG_WAITALL) == flat
    for room in (bytearray(8), array.array("i", [0, 0]), memoryview(bytearray(8))):
        client.sendall(b"12345678")
        assert server.recv_into(room) == 8
        assert bytes(room) == b"12345678"
    # Nothing holds on to it.
    room = bytearray(8)
    client.sendall(b"12345678")
    server.recv_into(room)
    room.extend(b"more")
    for wrong in (memoryview(b"12345678")[::2], "text", 1):
        with pytest.raises((TypeError, BufferError)):
            client.send(wrong)


# What others may watch

AUDIT = """
sys.addaudithook(lambda event, arguments: event.startswith("socket.") and print(event, arguments[1:]))
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
address = s.getsockname()
c = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
print(c.connect_ex(("127.0.0.1", 1)))
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.sendto(b"x", ("127.0.0.1", 9))
try:
    u.sendmsg([b"x"], [], 0, ("127.0.0.1", 9))
except OSError:
    pass
socket.gethostbyname("127.0.0.1")
socket.getservbyname("http")
"""


def test_audit_events_are_the_same() -> None:
    printed = []
    for opening in ("import socket", "from anysock import socket"):
        with python(f"import sys\n{opening}\n{AUDIT}") as child:
            code, output, errors = child.finish()
        assert code == 0, errors
        # Ports differ, and before 3.10 the names of the numbers are told.
        rest = r"object at 0x\w+|, \d{4,5}\)|<\w+\.\w+: (?=\d+>)|(?<=\d)>"
        printed.append([re.sub(rest, "", line) for line in output.splitlines()])
    assert printed[0] == printed[1]
    assert len(printed[0]) > 8
