"""The example servers on a poller: echo and HTTP. Their clients are of the standard library, or curl, or the
examples."""

from __future__ import annotations

import http.client
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import C_EXAMPLES, PATIENCE, Child, Thread, example

IDLE = 500
#: More than the buffers of two sockets hold.
LARGE = os.urandom(1 << 20) * 32


def connect(server: str) -> socket.socket:
    host, _, port = server.rpartition(":")
    return socket.create_connection((host, int(port)), PATIENCE)


def receive(client: socket.socket, length: int) -> bytes:
    """So many bytes, or as many as come before the end."""
    data = bytearray()
    while len(data) < length and (part := client.recv(min(length - len(data), 1 << 20))):
        data += part
    return bytes(data)


def receive_rest(client: socket.socket) -> bytes:
    return receive(client, 1 << 40)


@contextmanager
def idle_clients(server: str, count: int = IDLE) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(connect(server)) for _ in range(count)]


def expect_rest(server: Child, readers: list[socket.socket], writers: list[socket.socket]) -> None:
    """For a while nobody can read, or write, and meanwhile the server waits: it does not ask again and again."""
    clock = ~server.process.pid << 3 | 2  # what clock_getcpuclockid(3) says: the processor time of that process
    before = time.clock_gettime(clock)
    assert select.select(readers, writers, [], 1) == ([], [], [])
    assert time.clock_gettime(clock) - before < 0.1


@pytest.fixture(params=["poller_echo_server", "queue_echo_server", "queue_echo_server.py"])
def echo_server(request: pytest.FixtureRequest) -> Iterator[str]:
    with example(request.param, "127.0.0.1:0") as server:
        yield server.address()


def expect_echo(client: socket.socket, text: bytes = b"hello") -> None:
    client.sendall(text)
    assert receive(client, len(text)) == text


@pytest.mark.parametrize("client", ["echo_client.py", "echo_client"])
def test_echo_servers_and_the_clients(client: str, echo_server: str) -> None:
    for _ in range(2):
        with example(client, echo_server, "hello", "wie geht's, 世界") as child:
            assert child.finish() == (0, "hello\nwie geht's, 世界\n", "")


def test_echo_servers_send_all_back_to_a_half_closed_client(echo_server: str) -> None:
    def say_everything() -> None:
        client.sendall(LARGE)
        client.shutdown(socket.SHUT_WR)

    with connect(echo_server) as client:
        writer = Thread(say_everything)
        assert receive_rest(client) == LARGE
        writer.result()


def fill(client: socket.socket, data: bytes) -> int:
    """Sends until the other side takes no more for good: it has stopped reading. How much it was."""
    sent = 0
    client.settimeout(0.5)
    with suppress(socket.timeout):
        while sent < len(data):
            sent += client.send(data[sent : sent + 65536])
    client.settimeout(PATIENCE)
    return sent


def test_poller_echo_server_waits_for_a_client_that_does_not_read() -> None:
    with example("poller_echo_server", "127.0.0.1:0") as server:
        address = server.address()
        with connect(address) as slow, connect(address) as quick:
            sent = fill(slow, LARGE)
            assert sent < len(LARGE)
            for _ in range(20):
                expect_echo(quick)
            expect_rest(server, [quick], [slow])
            assert receive(slow, sent) == LARGE[:sent]
            expect_echo(slow)


@contextmanager
def http_server(*file: Path) -> Iterator[str]:
    with example("http_server", "127.0.0.1:0", *file) as server:
        yield server.address()


@pytest.fixture
def large_page(tmp_path: Path) -> Iterator[str]:
    """A server whose page is large: its address."""
    (tmp_path / "page.html").write_bytes(LARGE)
    with http_server(tmp_path / "page.html") as server:
        yield server


GET = b"GET / HTTP/1.1\r\nHost: anysock\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: anysock\r\nConnection: close\r\n\r\n"


def expect_page(client: socket.socket) -> None:
    client.sendall(GET)
    answer = http.client.HTTPResponse(client, method="GET")
    answer.begin()
    assert answer.status == 200 and b"<h1>One thread, one poller</h1>" in answer.read()


def whole_answer(server: str, request: bytes) -> bytes:
    with connect(server) as client:
        client.sendall(request)
        return receive_rest(client)


def curl(*arguments: Any) -> str:
    program = shutil.which("curl")
    if not program:
        pytest.skip("curl is not installed")
    command = [program, "-sS", "--noproxy", "*", "--max-time", PATIENCE, *arguments]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True).stdout


def test_curl_fetches_two_pages_over_one_connection() -> None:
    with http_server() as server:
        url = f"http://{server}/"
        output = curl("--write-out", "%{http_code} %{num_connects}\n", url, url)
        assert output.count("<h1>One thread, one poller</h1>") == 2
        assert "200 1\n" in output and "200 0\n" in output
        assert curl("--head", url).startswith("HTTP/1.1 200 OK\n")


def test_the_queues_http_server_keeps_connections_and_takes_requests_in_advance() -> None:
    with example("queue_http_server", "127.0.0.1:0") as child:
        server = child.address()
        url = f"http://{server}/"
        output = curl("--write-out", "%{http_code} %{num_connects}\n", url, url)
        assert output.count("<h1>One thread, one queue</h1>") == 2
        assert "200 1\n" in output and "200 0\n" in output
        assert curl("--head", url).startswith("HTTP/1.1 200 OK\n")
        with connect(server) as client:
            writer = Thread(client.sendall, (GET + GET.replace(b"GET", b"HEAD", 1)) * 1000 + LAST)
            answers = receive_rest(client)
            writer.result()
        assert answers.count(b"HTTP/1.1 200 OK\r\n") == 2000 and answers.count(b"<h1>") == 1000
        assert answers.endswith(b"Not here.\n") and b"HTTP/1.1 404 Not Found" in answers
        assert whole_answer(server, b"POST / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 501 ")
        assert whole_answer(server, b"GET /" + b"x" * 5000).startswith(b"HTTP/1.1 431 ")


PIPELINE = """
init = function()
    local requests = {}
    for number = 1, 16 do requests[number] = wrk.format("GET", "/") end
    all = table.concat(requests)
end
request = function() return all end
"""


@pytest.mark.parametrize("in_advance", [False, True])
def test_wrk_finds_no_fault_with_the_queues_http_server(in_advance: bool, tmp_path: Path) -> None:
    program = shutil.which("wrk")
    if not program:
        pytest.skip("wrk is not installed")
    (tmp_path / "pipeline.lua").write_text(PIPELINE)
    script = ["--script", str(tmp_path / "pipeline.lua")] if in_advance else []
    with example("queue_http_server", "127.0.0.1:0") as child:
        command = [program, "--threads", "1", "--connections", "50", "--duration", "1s", *script]
        output = subprocess.run([*command, f"http://{child.address()}/"], capture_output=True, text=True, check=True).stdout
    answered = re.search(r"(\d+) requests in ", output)
    assert answered and int(answered[1]) > 50, output
    # It names socket errors and answers that are none of success where there are some.
    assert "Socket errors" not in output and "Non-2xx" not in output, output


def test_curl_sends_a_large_body(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(LARGE)
    with http_server() as server:
        told = f"200 OK, {len(LARGE)} bytes received\n"
        arguments = ("--data-binary", f"@{tmp_path}/body", f"http://{server}/")
        assert curl(*arguments) == told
        assert curl("--include", *arguments).startswith("HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\n")
        with connect(server) as client:
            # In pieces, without an invitation, with whatever bytes; and the next request comes at once.
            body = b"\0\r\n\r\n" + LARGE
            client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:100])
            client.sendall(body[100:] + LAST)
            answers = receive_rest(client)
        assert answers.startswith(b"HTTP/1.1 200 OK\r\n") and b"200 OK, %d bytes" % len(body) in answers
        assert answers.endswith(b"\r\n\r\n404 Not Found, 0 bytes received\n")


def test_requests_in_advance_are_answered_in_order() -> None:
    # Far more than the server holds at a time.
    with http_server() as server, connect(server) as client:
        writer = Thread(client.sendall, (GET + GET.replace(b"GET", b"HEAD", 1)) * 1000 + LAST)
        answers = receive_rest(client)
        writer.result()
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 2000
    assert answers.count(b"<h1>One thread, one poller</h1>") == 1000
    assert answers.endswith(b"Connection: close\r\n\r\n404 Not Found, 0 bytes received\n")


def test_a_request_byte_by_byte_and_another_in_between() -> None:
    with http_server() as server, connect(server) as slow, connect(server) as quick:
        slow.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in LAST:
            slow.send(bytes([byte]))
            expect_page(quick)
        assert receive_rest(slow).startswith(b"HTTP/1.1 404 Not Found\r\n")


def test_a_large_page_and_a_client_that_does_not_read_it(large_page: str) -> None:
    with connect(large_page) as slow:
        slow.sendall(GET + LAST)
        for _ in range(3):
            assert whole_answer(large_page, LAST).startswith(b"HTTP/1.1 404 Not Found\r\n")
        # Both halves are over for the client once it has asked; it still gets all.
        slow.shutdown(socket.SHUT_WR)
        head, _, rest = receive_rest(slow).partition(b"\r\n\r\n")
    assert b"Content-Length: %d\r\n" % len(LARGE) in head
    assert rest[: len(LARGE)] == LARGE
    assert rest[len(LARGE) :].startswith(b"HTTP/1.1 404 Not Found\r\n")


def test_a_client_that_asks_and_asks_and_does_not_read(tmp_path: Path) -> None:
    (tmp_path / "page").write_bytes(LARGE)
    with example("http_server", "127.0.0.1:0", tmp_path / "page") as server:
        address = server.address()
        with connect(address) as greedy:
            assert fill(greedy, GET * 1_000_000) < 1_000_000 * len(GET)
            assert whole_answer(address, LAST).startswith(b"HTTP/1.1 404 Not Found\r\n")
            expect_rest(server, [], [greedy])


def request(text: str) -> bytes:
    return text.encode().replace(b"\n", b"\r\n") + b"\r\n\r\n"


STATUSES = {
    request("GET / HTTP/1.0"): b"200 OK",
    b"\r\n\r\nGET /?query HTTP/1.1\nHost: a\nConnection: Close\n\n": b"200 OK",
    request("GET /nothing HTTP/1.0"): b"404 Not Found",
    request("POST /nothing HTTP/1.0"): b"404 Not Found",
    request("DELETE / HTTP/1.0"): b"501 Not Implemented",
    request("nonsense"): b"400 Bad Request",
    request("GET /"): b"400 Bad Request",
    request("GET / HTTP/2.0"): b"505 HTTP Version Not Supported",
    request("GET / HTTP/1.1"): b"400 Bad Request",
    request("GET / HTTP/1.1\nHost : a"): b"400 Bad Request",
    request("GET / HTTP/1.1\nHost: a\n b"): b"400 Bad Request",
    b"GET / HTTP/1.1\r\nHost: \0\r\n\r\n": b"400 Bad Request",
    request("POST / HTTP/1.1\nHost: a\nContent-Length: -1"): b"400 Bad Request",
    request("POST / HTTP/1.1\nHost: a\nContent-Length: 5 5"): b"400 Bad Request",
    request("POST / HTTP/1.1\nHost: a\nContent-Length: 5\nContent-Length: 6"): b"400 Bad Request",
    request("POST / HTTP/1.1\nHost: a\nContent-Length: 99999999999999999999"): b"400 Bad Request",
    request("POST / HTTP/1.1\nHost: a\nContent-Length: 1000000001"): b"413 Content Too Large",
    request("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked"): b"411 Length Required",
    b"GET /" + b"x" * 9000: b"414 URI Too Long",
    b"GET / HTTP/1.1\r\n" + b"Field: value\r\n" * 1000: b"431 Request Header Fields Too Large",
}


def test_what_the_http_server_says() -> None:
    with http_server() as server:
        for text, status in STATUSES.items():
            head, _, content = whole_answer(server, text).partition(b"\r\n\r\n")
            assert head.split(b"\r\n")[0] == b"HTTP/1.1 " + status, text
            assert b"\r\nConnection: close" in head
            assert b"\r\nContent-Length: %d\r\n" % len(content) in head


# Both of them.

Exchange = Callable[[socket.socket], None]
EXCHANGES = [("poller_echo_server", expect_echo), ("http_server", expect_page)]


@pytest.mark.parametrize(("name", "exchange"), EXCHANGES)
def test_500_clients_who_say_nothing(name: str, exchange: Exchange) -> None:
    with example(name, "127.0.0.1:0") as server:
        address = server.address()
        with idle_clients(address) as idle:
            for _ in range(20):
                with connect(address) as client:
                    exchange(client)
            expect_rest(server, idle[:400], [])
            for client in idle[::50]:
                exchange(client)


@pytest.mark.parametrize(("name", "exchange"), EXCHANGES)
def test_out_of_descriptors(name: str, exchange: Exchange) -> None:
    """Who comes too late is served when others have gone."""
    if not (C_EXAMPLES / name).exists():
        pytest.skip(f"{name} is not built: make examples")
    limited = 'ulimit -n 20 && exec "$0" 127.0.0.1:0'
    with Child("sh", "-c", limited, C_EXAMPLES / name) as server:
        with idle_clients(server.address(), 40) as clients:
            exchange(clients[0])
            expect_rest(server, clients, [])
            for client in clients:
                exchange(client)
                client.close()
        code, _, errors = server.interrupt()
    assert code == 0
    assert "EMFILE" in errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("name", "exchange"), EXCHANGES)
def test_one_signal_ends_it(name: str, exchange: Exchange, number: signal.Signals) -> None:
    with example(name, "127.0.0.1:0") as server, connect(server.address()) as client:
        exchange(client)
        server.process.send_signal(number)
        assert server.finish() == (0, "", "")
        assert receive_rest(client) == b""
