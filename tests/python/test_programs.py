"""Real programs, without a change, on the library: each script runs by `python -m anysock` in a process of its own, and has
strangers to talk to."""

from __future__ import annotations

import http.client
import http.server
import importlib.util
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import PATIENCE, Child

DATA = bytes(range(256)) * 4096


def needs(package: str) -> Any:
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"{package} is not installed")


@contextmanager
def running(path: Path, text: str, *arguments: Any) -> Iterator[Child]:
    """A script on the library."""
    script = path / "program.py"
    script.write_text(text)
    with Child(sys.executable, "-W", "error", "-m", "anysock", script, *arguments) as child:
        yield child


def says(path: Path, text: str, *arguments: Any) -> list[str]:
    """What a script on the library prints; it must end well."""
    with running(path, text, *arguments) as child:
        code, output, errors = child.finish()
    assert (code, errors) == (0, ""), errors
    return output.splitlines()


# Clients.

REDIS = """
import sys, threading, redis
place = {"unix_socket_path": sys.argv[1]} if sys.argv[1].startswith("/") else {"port": int(sys.argv[1])}
client = redis.Redis(**place, socket_timeout=30)
data = bytes(range(256)) * 4096
assert client.set("key", data) and client.get("key") == data
with client.pipeline() as pipeline:
    for number in range(1000):
        pipeline.incrby("sum", number)
    print("pipeline", pipeline.execute()[-1])
subscriber = client.pubsub()
subscriber.subscribe("news")
assert subscriber.get_message(timeout=30)["type"] == "subscribe"
assert subscriber.get_message(timeout=0.01) is None
client.publish("news", "hello")
print("message", subscriber.get_message(timeout=30)["data"].decode())
threading.Timer(0.1, client.rpush, ["list", "late"]).start()
print("blocking", client.blpop("list", timeout=30)[1].decode())
def work(name):
    for _ in range(100):
        client.incr(name)
threads = [threading.Thread(target=work, args=["counter"]) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("threads", client.get("counter").decode())
subscriber.close()
client.close()
"""

ASYNC_REDIS = """
import asyncio, sys, redis.asyncio
async def main():
    async with redis.asyncio.Redis(port=int(sys.argv[1])) as client:
        await asyncio.gather(*(client.incr("together") for _ in range(50)))
        print((await client.get("together")).decode())
asyncio.run(main())
"""


@needs("redis")
@pytest.mark.parametrize("place", [0, 1], ids=["unix", "tcp"])
def test_redis_py(redis: str, place: int, tmp_path: Path) -> None:
    where = redis.split()[place].rpartition(":")[2]
    subprocess.run(["redis-cli", "-p", redis.rpartition(":")[2], "flushall"], check=True, capture_output=True)
    assert says(tmp_path, REDIS, where) == ["pipeline 499500", "message hello", "blocking late", "threads 400"]


@needs("redis")
def test_redis_py_on_asyncio(redis: str, tmp_path: Path) -> None:
    subprocess.run(["redis-cli", "-p", redis.rpartition(":")[2], "flushall"], check=True, capture_output=True)
    assert says(tmp_path, ASYNC_REDIS, redis.rpartition(":")[2]) == ["50"]


class Site(http.server.BaseHTTPRequestHandler):
    """An HTTP server of the standard modules."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


REQUESTS = """
import sys, requests, urllib3
from concurrent.futures import ThreadPoolExecutor
data = bytes(range(256)) * 4096
with requests.Session() as session:
    for _ in range(3):
        assert session.get(sys.argv[1], timeout=30).content == data
    print(session.post(sys.argv[1], data=b"hello", timeout=30).text)
    with session.get(sys.argv[1], stream=True, timeout=30) as answer:
        print(sum(map(len, answer.iter_content(10000))))
pool = urllib3.PoolManager(maxsize=4)
with ThreadPoolExecutor(4) as threads:
    print(*threads.map(lambda _: len(pool.request("GET", sys.argv[1]).data), range(8)))
pool.clear()
try:
    requests.get("http://127.0.0.1:1/", timeout=5)
except requests.ConnectionError as error:
    print("refused" in str(error))
"""


@needs("requests")
def test_requests_and_urllib3(site: str, tmp_path: Path) -> None:
    size = len(DATA)
    assert says(tmp_path, REQUESTS, site) == ["hello", f"{size}", " ".join([f"{size}"] * 8), "True"]


TLS = """
import sys, ssl, socket, http.client
context = ssl.create_default_context(cafile=sys.argv[2])
connection = http.client.HTTPSConnection("localhost", int(sys.argv[1]), context=context, timeout=30)
connection.request("GET", "/")
print(connection.getresponse().read().decode())
connection.close()
import asyncio
async def main():
    reader, writer = await asyncio.open_connection("localhost", int(sys.argv[1]), ssl=context)
    writer.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
    print((await reader.read()).rpartition(b"\\n")[2].decode())
    writer.close()
asyncio.run(main())
"""

TLS_SERVER = """
import http.server, ssl, sys
class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"secret")
    def log_message(self, *arguments): pass
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
with http.server.ThreadingHTTPServer(("localhost", 0), Site) as server:
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_port, flush=True)
    server.serve_forever()
"""


def test_tls_on_both_sides(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    try:
        subprocess.run([*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    (tmp_path / "client").mkdir()
    with running(tmp_path, TLS_SERVER, certificate, key) as server:
        assert says(tmp_path / "client", TLS, server.line(), certificate) == ["secret", "secret"]


# Servers.


def fetch(port: int, path: str = "/") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def fetch_at_once(port: int, path: str = "/", times: int = 16) -> set[tuple[int, bytes]]:
    with ThreadPoolExecutor(times) as threads:
        return set(threads.map(lambda _: fetch(port, path), range(times)))


def test_http_server(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(DATA)
    command = [sys.executable, "-u", "-m", "anysock", "-m", "http.server", "0", "--bind", "127.0.0.1", "-d", str(tmp_path)]
    with Child(*command) as server:
        found = re.search(r"port (\d+)", server.line())
        assert found
        port = int(found[1])
        assert fetch_at_once(port, "/file") == {(200, DATA)}
        assert fetch(port, "/missing")[0] == 404
        code, output, _ = server.interrupt()
    assert (code, output.strip()) == (0, "Keyboard interrupt received, exiting.")


WSGI = """
import json
from wsgiref.simple_server import make_server, WSGIRequestHandler
class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments): pass
def application(environ, start_response):
    body = json.dumps([environ["PATH_INFO"], environ["REMOTE_ADDR"]]).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
    print(server.server_port, flush=True)
    server.serve_forever()
"""


def test_wsgi_server(tmp_path: Path) -> None:
    with running(tmp_path, WSGI) as server:
        answers = fetch_at_once(int(server.line()), "/path")
    assert answers == {(200, json.dumps(["/path", "127.0.0.1"]).encode())}


ASYNCIO_ECHO = """
import asyncio
async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()
asyncio.run(main())
"""


def converse(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        sender = threading.Thread(target=connection.sendall, args=[DATA])
        sender.start()
        heard = b""
        while len(heard) < len(DATA):
            heard += connection.recv(65536)
        sender.join()
        connection.shutdown(socket.SHUT_WR)
        return heard + connection.recv(1)


def test_asyncio_server(tmp_path: Path) -> None:
    with running(tmp_path, ASYNCIO_ECHO) as server:
        port = int(server.line())
        with ThreadPoolExecutor(16) as threads:
            assert set(threads.map(converse, [port] * 16)) == {DATA}
        _, _, errors = server.interrupt()
    assert errors.splitlines()[-1] == "KeyboardInterrupt"


FORKING = """
import os, socketserver
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(b"%d %s" % (os.getpid() != parent, line))
parent = os.getpid()
with socketserver.ForkingTCPServer(("127.0.0.1", 0), Handler) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
"""


def test_forking_server(tmp_path: Path) -> None:
    with running(tmp_path, FORKING) as server:
        port = int(server.line())
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection, connection.makefile("rwb") as file:
                file.write(b"hello\n")
                file.flush()
                assert file.readline() == b"1 hello\n"


MULTIPROCESSING = """
import multiprocessing
def square(number): return number * number
if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool:
        print(*pool.map(square, range(5)))
    ours, theirs = multiprocessing.Pipe()
    print(multiprocessing.connection.wait([ours], 0))
    theirs.send("hello")
    print(multiprocessing.connection.wait([ours]) == [ours], ours.recv())
"""


def test_multiprocessing(tmp_path: Path) -> None:
    with running(tmp_path, MULTIPROCESSING) as child:
        code, output, errors = child.finish()
    assert (code, output.splitlines()) == (0, ["0 1 4 9 16", "[]", "True hello"]), errors
