"""Strangers: programs over the standard socket module, HTTP servers and clients, curl, and a Redis server."""

from __future__ import annotations

import functools
import http.client
import http.server
import os
import shutil
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anysock
import pytest
from conftest import PATIENCE, Child, Thread, example

DATA = os.urandom(1 << 20)


def host_and_port(address: str) -> tuple[str, int]:
    host, port = address.rsplit(":", 1)
    return host.strip("[]"), int(port)


# The standard socket module.


def echo(sock: socket.socket) -> None:
    """Sends back what comes, until the end of the stream."""
    with sock:
        sock.settimeout(PATIENCE)
        while data := sock.recv(65536):
            sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)


def say_everything(sock: anysock.Socket) -> None:
    sock.write_all(DATA)
    sock.shutdown(anysock.SHUT_WRITE)


STREAMS = [
    (socket.AF_INET, "tcp"),
    (socket.AF_INET, "tcp4"),
    (socket.AF_INET6, "tcp6"),
    (socket.AF_UNIX, "unix"),
]


def standard_address(family: int, path: Path) -> Any:
    return str(path) if family == socket.AF_UNIX else ("::1" if family == socket.AF_INET6 else "127.0.0.1", 0)


def as_text(address: Any) -> str:
    """The standard module's address as ours."""
    if isinstance(address, str):
        return address
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@pytest.mark.parametrize(("family", "kind"), STREAMS, ids=[kind for _, kind in STREAMS])
def test_our_client_and_a_standard_server(family: int, kind: str, tmp_path: Path) -> None:
    with socket.socket(family) as listener:
        listener.bind(standard_address(family, tmp_path / "server"))
        listener.listen()
        server = Thread(lambda: echo(listener.accept()[0]))
        with anysock.connect(as_text(listener.getsockname()), kind, timeout=PATIENCE) as client:
            client.timeout = PATIENCE
            writer = Thread(say_everything, client)
            assert client.read_full(len(DATA) + 1) == DATA
            assert client.read(1) == b""
            writer.result()
        server.result()


@pytest.mark.parametrize(("family", "kind"), STREAMS, ids=[kind for _, kind in STREAMS])
def test_a_standard_client_and_our_server(family: int, kind: str, tmp_path: Path) -> None:
    address = {"tcp6": "[::1]:0", "unix": str(tmp_path / "server")}.get(kind, "127.0.0.1:0")
    with anysock.listen(address, kind) as listener:
        client = socket.socket(family)
        name = listener.local_address
        client.connect(name if kind == "unix" else host_and_port(name))
        answers = Thread(echo, client)
        with listener.accept() as server:
            server.timeout = PATIENCE
            assert kind == "unix" or server.local_address == name
            writer = Thread(say_everything, server)
            assert server.read_full(len(DATA) + 1) == DATA
            writer.result()
        answers.result()


@pytest.mark.parametrize("kind", ["udp4", "udp6", "unixgram"])
def test_datagrams_both_ways(kind: str, tmp_path: Path) -> None:
    family = {"udp4": socket.AF_INET, "udp6": socket.AF_INET6, "unixgram": socket.AF_UNIX}[kind]
    with socket.socket(family, socket.SOCK_DGRAM) as theirs, anysock.Socket(kind) as ours:
        theirs.bind(standard_address(family, tmp_path / "theirs"))
        theirs.settimeout(PATIENCE)
        ours.timeout = PATIENCE
        ours.bind({"udp4": "127.0.0.1:0", "udp6": "[::1]:0"}.get(kind, tmp_path / "ours"))
        for size in (0, 1, 1400):
            ours.send_to(DATA[:size], as_text(theirs.getsockname()))
            data, sender = theirs.recvfrom(2000)
            assert (data, as_text(sender)) == (DATA[:size], ours.local_address)
            theirs.sendto(data, sender)
            assert ours.recv_from(2000) == (DATA[:size], as_text(theirs.getsockname()))


def test_packets_both_ways(tmp_path: Path) -> None:
    path = str(tmp_path / "packets")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen()
        with anysock.connect(path, "unixpacket") as ours, listener.accept()[0] as theirs:
            for packet in (b"one", b"two"):
                ours.write(packet)
            assert [theirs.recv(100) for _ in range(2)] == [b"one", b"two"]
            for packet in (b"three", b"four"):
                theirs.send(packet)
            assert [ours.read(100) for _ in range(2)] == [b"three", b"four"]


# HTTP.


@pytest.fixture
def web_server(tmp_path: Path) -> Iterator[str]:
    """Python's own, on standard sockets: its address."""
    (tmp_path / "page.html").write_bytes(DATA)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Handler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield as_text(server.server_address)
        server.shutdown()
        thread.join()


def test_our_client_reads_from_a_standard_web_server(web_server: str) -> None:
    with anysock.connect(web_server, timeout=PATIENCE) as client:
        client.timeout = PATIENCE
        client.write_all(b"GET /page.html HTTP/1.0\r\n\r\n")
        head, _, content = client.read_full(len(DATA) + 10_000).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 OK\r\n")
    assert content == DATA


def test_the_client_example_reads_from_a_standard_web_server(web_server: str, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("a short page\n")
    with example("client.py", web_server, "/short.txt") as client:
        assert client.finish() == (0, "HTTP/1.0 200 OK\na short page\n", "")
    with example("client.py", web_server, "/nothing") as client:
        assert client.line() == "HTTP/1.0 404 File not found"
    with example("client.py", "127.0.0.1:1") as client:
        code, _, errors = client.finish()
        assert code == 1 and "connection refused" in errors


@pytest.fixture(params=["select_server.py", "select_server"])
def select_server(request: Any) -> Iterator[str]:
    """The Python example, and the C one: its address."""
    with example(request.param, "127.0.0.1:0") as server:
        yield server.address()


def test_http_client_keeps_the_connection(select_server: str) -> None:
    client = http.client.HTTPConnection(*host_and_port(select_server), timeout=PATIENCE)
    client.connect()
    mine = client.sock.getsockname()
    for count in range(1, 4):
        client.request("GET", "/")
        answer = client.getresponse()
        page = answer.read().decode()
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert f"Requests answered: {count}" in page and "Clients connected: 1" in page
        assert client.sock.getsockname() == mine
    client.request("HEAD", "/")
    answer = client.getresponse()
    assert answer.status == 200 and answer.read() == b"" and int(answer.headers["Content-Length"]) > 100
    client.close()


def test_urllib(select_server: str) -> None:
    with urllib.request.urlopen(f"http://{select_server}/?query", timeout=PATIENCE) as answer:
        assert answer.status == 200
        assert b"<h1>One thread, one select</h1>" in answer.read()
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"http://{select_server}/nothing", timeout=PATIENCE)
    with caught.value as answer:
        assert answer.code == 404


CASES = {
    b"GET / HTTP/1.0\r\n\r\n": b"HTTP/1.1 200 OK",
    b"\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n": b"HTTP/1.1 200 OK",
    b"GET / HTTP/1.1\nConnection: close\n\n": b"HTTP/1.1 200 OK",
    b"nonsense\r\n\r\n": b"HTTP/1.1 400 Bad Request",
    b"GET /\r\n\r\n": b"HTTP/1.1 400 Bad Request",
    b"GET / HTTP/2.0\r\n\r\n": b"HTTP/1.1 505 HTTP Version Not Supported",
    b"DELETE / HTTP/1.1\r\n\r\n": b"HTTP/1.1 501 Not Implemented",
    b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello": b"HTTP/1.1 413 Content Too Large",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": b"HTTP/1.1 413 Content Too Large",
    b"GET /" + b"x" * 9000: b"HTTP/1.1 414 URI Too Long",
    b"GET / HTTP/1.1\r\n" + b"Field: value\r\n" * 1000: b"HTTP/1.1 431 Request Header Fields Too Large",
}


def whole_answer(server: str, request: bytes) -> bytes:
    with anysock.connect(server, timeout=PATIENCE) as client:
        client.timeout = PATIENCE
        client.write_all(request)
        return client.read_full(1 << 16)


@pytest.mark.parametrize("request_text", CASES, ids=lambda text: text[:20].decode().strip())
def test_what_the_select_server_says(select_server: str, request_text: bytes) -> None:
    answer = whole_answer(select_server, request_text)
    assert answer.split(b"\r\n")[0] == CASES[request_text]
    assert b"Connection: close\r\n" in answer


def test_requests_sent_in_advance_are_answered_in_order(select_server: str) -> None:
    request = b"GET / HTTP/1.1\r\n\r\n" * 50 + b"GET /last HTTP/1.1\r\nConnection: close\r\n\r\n"
    answers = whole_answer(select_server, request)
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 50
    for count in range(1, 51):
        assert answers.count(b"Requests answered: %d<" % count) == 1
    assert answers.index(b"Requests answered: 50<") < answers.index(b"HTTP/1.1 404 Not Found\r\n")


def test_a_request_that_comes_byte_by_byte(select_server: str) -> None:
    with anysock.connect(select_server, timeout=PATIENCE) as client:
        client.timeout = PATIENCE
        client.options["tcp.nodelay"] = 1
        for byte in b"GET / HTTP/1.0\r\n\r\n":
            client.write(bytes([byte]))
        assert client.read_full(1 << 16).startswith(b"HTTP/1.1 200 OK\r\n")


def test_curl_among_500_idle_clients(select_server: str) -> None:
    curl = shutil.which("curl")
    if not curl:
        pytest.skip("curl is not installed")
    idle = [anysock.connect(select_server, timeout=PATIENCE) for _ in range(500)]
    try:
        command = [curl, "-sS", "--fail", "--max-time", str(PATIENCE), f"http://{select_server}/"]
        page = subprocess.run([*command, *command[-1:]], capture_output=True, text=True, check=True).stdout
        assert "Clients connected: 501" in page
        assert "Requests answered: 1<" in page and "Requests answered: 2<" in page
        assert anysock.wait_ready(idle, timeout=0) == ([], [], [])
        idle[250].write_all(b"GET / HTTP/1.0\r\n\r\n")
        assert anysock.wait_ready(idle, timeout=PATIENCE)[0] == [idle[250]]
        idle[250].timeout = PATIENCE
        assert idle[250].read_full(1 << 16).startswith(b"HTTP/1.1 200 OK\r\n")
    finally:
        for client in idle:
            client.close()


def test_ctrl_c_ends_the_select_server() -> None:
    with example("select_server.py", "127.0.0.1:0") as server, anysock.connect(server.address()) as client:
        client.write_all(b"GET /nothing HTTP/1.1\r\n\r\n")
        assert client.read(1) == b"H"
        code, _, errors = server.interrupt()
        assert (code, errors) == (0, "")
        assert client.read_full(1000).endswith(b"\r\n\r\n404 Not Found\n")


# Redis.


def command(*words: bytes) -> bytes:
    """A command in Redis' protocol (RESP)."""
    return b"".join([b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)])


@pytest.mark.parametrize("place", [0, 1], ids=["unix", "tcp"])
def test_redis(redis: str, place: int) -> None:
    with anysock.connect(redis.split()[place], ["unix", "tcp"][place], timeout=PATIENCE) as client:
        client.timeout = PATIENCE
        client.write_all(b"PING\r\n")
        assert client.read_full(7) == b"+PONG\r\n"
        client.write_all(command(b"SET", b"key", DATA))
        assert client.read_full(5) == b"+OK\r\n"
        client.write_all(command(b"GET", b"key"))
        reply = b"$%d\r\n%s\r\n" % (len(DATA), DATA)
        assert client.read_full(len(reply)) == reply
        client.write_all(command(b"GET", b"no such key") + command(b"NONSENSE"))
        assert client.read_full(5) == b"$-1\r\n"
        assert client.read(100).startswith(b"-ERR unknown command")


def test_redis_tells_subscribers(redis: str) -> None:
    address = redis.split()[1]
    with anysock.connect(address) as subscriber, anysock.connect(address) as publisher:
        subscriber.timeout = publisher.timeout = PATIENCE
        subscriber.write_all(command(b"SUBSCRIBE", b"news"))
        confirmation = b"*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n"
        assert subscriber.read_full(len(confirmation)) == confirmation
        assert anysock.wait_ready([subscriber, publisher], timeout=0) == ([], [], [])
        publisher.write_all(command(b"PUBLISH", b"news", b"hello"))
        assert anysock.wait_ready([subscriber], timeout=PATIENCE)[0] == [subscriber]
        message = b"*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n"
        assert subscriber.read_full(len(message)) == message
        assert publisher.read_full(4) == b":1\r\n"
