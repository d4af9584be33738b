"""Real programs, without a change, on the event loop: servers and clients that people deploy on uvloop. Each runs in a process of its
own and talks to strangers, or to another of its kind."""

from __future__ import annotations

import http.client
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import PATIENCE, Child, python

DATA = bytes(range(256)) * 4096

LOOP = "anysock.loop:new_event_loop"


def needs(*packages: str) -> Any:
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def says(text: str, *arguments: Any) -> list[str]:
    """What a program prints; it must end well, and close what it has opened."""
    with Child(sys.executable, "-W", "ignore", "-W", "error::ResourceWarning", "-c", text, *arguments) as child:
        code, output, errors = child.finish()
    assert (code, errors) == (0, ""), errors
    return output.splitlines()


def ask(port: int, method: str, path: str, body: bytes | None = None, times: int = 1) -> set[tuple[int, bytes]]:
    """The answers to requests on one connection."""
    answers = set()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    for _ in range(times):
        connection.request(method, path, body)
        answer = connection.getresponse()
        answers.add((answer.status, answer.read()))
    connection.close()
    return answers


def ask_at_once(port: int, *request: Any, clients: int = 16, times: int = 5) -> set[tuple[int, bytes]]:
    with ThreadPoolExecutor(clients) as threads:
        return set().union(*threads.map(lambda _: ask(port, *request, times=times), range(clients)))


def check_web_application(port: int) -> None:
    """Of `APPLICATION`: that it answers, echoes, and knows its loop."""
    assert ask(port, "GET", "/loop") == {(200, b"anysock._loop.base")}
    assert ask_at_once(port, "GET", "/") == {(200, b"hello")}
    assert ask_at_once(port, "POST", "/echo", DATA, clients=4, times=2) == {(200, DATA)}


APPLICATION = """
import asyncio, sys
async def answer(send, body):
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
async def websocket(receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "bytes": event["bytes"]})
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            event = await receive()
            await send({"type": event["type"] + ".complete"})
            if event["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "websocket":
        return await websocket(receive, send)
    body, more = b"", True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    answers = {"/": b"hello", "/loop": type(asyncio.get_running_loop()).__module__.encode(), "/echo": body}
    await answer(send, answers[scope["path"]])
"""


@contextmanager
def listening(path: Path, *command: Any, pattern: str) -> Iterator[tuple[Child, int]]:
    """A server that runs `APPLICATION`, and the port that it tells of in its log."""
    (path / "application.py").write_text(APPLICATION)
    text = f"import sys; sys.path.insert(0, {str(path)!r}); sys.stderr = sys.stdout; sys.argv[0] = 'server'\n"
    with python(text + "\n".join(map(str, command)), PYTHONUNBUFFERED="1") as server:
        while not (found := re.search(pattern, server.line())):
            pass
        yield server, int(found[1])


MESSAGES = """
import asyncio, sys, anysock.loop, websockets.asyncio.client as client
async def main():
    async with client.connect(f"ws://127.0.0.1:{sys.argv[1]}/", max_size=None) as connection:
        for size in (0, 1, 1000, 100_000, 1 << 20):
            await connection.send(bytes(size))
            assert await connection.recv() == bytes(size)
        print(type(asyncio.get_running_loop()).__module__)
anysock.loop.run(main())
"""


@needs("uvicorn", "httptools", "websockets")
@pytest.mark.parametrize("protocol", ["h11", "httptools"])
def test_uvicorn(protocol: str, tmp_path: Path) -> None:
    options = f"host='127.0.0.1', port=0, http={protocol!r}, loop={LOOP!r}, access_log=False"
    run = f"import uvicorn; uvicorn.run('application:app', {options})"
    with listening(tmp_path, run, pattern=r"running on http://127\.0\.0\.1:(\d+)") as (server, port):
        check_web_application(port)
        assert says(MESSAGES, port) == ["anysock._loop.base"]
        code, output, _ = server.interrupt()
    assert "Application shutdown complete." in output, output


@needs("gunicorn", "uvicorn_worker", "httptools")
def test_gunicorn_with_uvicorns_worker(tmp_path: Path) -> None:
    text = f"""
from uvicorn_worker import UvicornWorker
class Worker(UvicornWorker):
    CONFIG_KWARGS = {{"loop": {LOOP!r}, "http": "httptools", "lifespan": "on"}}
"""
    (tmp_path / "worker.py").write_text(text)
    run = """
from gunicorn.app.wsgiapp import run
sys.argv[1:] = ["--bind=127.0.0.1:0", "--workers=2", "--worker-class=worker.Worker", "--log-file=-", "--no-control-socket", "application:app"]
run()
"""
    with listening(tmp_path, run, pattern=r"Listening at: http://127\.0\.0\.1:(\d+)") as (server, port):
        check_web_application(port)
        code, output, _ = server.interrupt()
    assert code == 0, output


@needs("hypercorn")
def test_hypercorn(tmp_path: Path) -> None:
    run = """
import asyncio, anysock.loop, application, signal
from hypercorn.asyncio import serve
from hypercorn.config import Config
async def main():
    config, end = Config(), asyncio.Event()
    config.bind, config.errorlog = ["127.0.0.1:0"], "-"
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, end.set)
    await serve(application.app, config, shutdown_trigger=end.wait)
anysock.loop.run(main())
"""
    with listening(tmp_path, run, pattern=r"Running on http://127\.0\.0\.1:(\d+)") as (server, port):
        check_web_application(port)
        code, output, _ = server.interrupt()
    assert code == 0, output


AIOHTTP = """
import asyncio, ssl, sys, aiohttp, anysock.loop
from aiohttp import web
data = bytes(range(256)) * 4096
async def echo(request):
    return web.Response(body=await request.read())
async def stream(request):
    answer = web.StreamResponse()
    await answer.prepare(request)
    for start in range(0, len(data), 50_000):
        await answer.write(data[start:start + 50_000])
    return answer
async def talk(request):
    socket = web.WebSocketResponse(max_msg_size=0)
    await socket.prepare(request)
    async for message in socket:
        await socket.send_bytes(message.data)
    return socket
async def file(request):
    return web.FileResponse(sys.argv[3])
async def use(session, place):
    async with session.post(place + "/echo", data=data) as answer:
        assert await answer.read() == data
    async with session.get(place + "/stream") as answer:
        assert await answer.read() == data
    async with session.get(place + "/file") as answer:
        assert await answer.read() == data
    async with session.ws_connect(place + "/talk", max_msg_size=0) as socket:
        for size in (0, 1000, 1 << 20):
            await socket.send_bytes(bytes(size))
            assert (await socket.receive()).data == bytes(size)
async def main():
    application = web.Application(client_max_size=1 << 30)
    application.add_routes([web.post("/echo", echo), web.get("/stream", stream), web.get("/talk", talk), web.get("/file", file)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    ours, theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context(cafile=sys.argv[1])
    ours.load_cert_chain(sys.argv[1], sys.argv[2])
    sites = [web.TCPSite(runner, "127.0.0.1", 0), web.TCPSite(runner, "localhost", 0, ssl_context=ours)]
    for site in sites:
        await site.start()
    ports = [site._server.sockets[0].getsockname()[1] for site in sites]
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(use(session, f"http://127.0.0.1:{ports[0]}") for _ in range(5)))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=theirs)) as session:
        await asyncio.gather(*(use(session, f"https://localhost:{ports[1]}") for _ in range(2)))
        # What is being shut must be gone before the loop is.
        await asyncio.sleep(0.1)
    await runner.cleanup()
    print(type(asyncio.get_running_loop()).__module__)
anysock.loop.run(main(), debug=False)
"""


@pytest.fixture
def identity(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for localhost, and its key."""
    certificate, key = tmp_path / "certificate", tmp_path / "key"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    try:
        subprocess.run([*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return certificate, key


@needs("aiohttp")
def test_aiohttp_on_both_sides(identity: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(DATA)
    assert says(AIOHTTP, *identity, tmp_path / "file") == ["anysock._loop.base"]


WEBSOCKETS = """
import asyncio, anysock.loop
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
async def echo(connection):
    async for message in connection:
        await connection.send(message)
async def talk(port, name):
    async with connect(f"ws://localhost:{port}") as connection:
        for number in range(100):
            await connection.send(f"{name} {number}")
            assert await connection.recv() == f"{name} {number}"
        await (await connection.ping())
async def main():
    async with serve(echo, "localhost", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await asyncio.gather(*(talk(port, name) for name in range(20)))
    print("done")
anysock.loop.run(main())
"""


@needs("websockets")
def test_websockets_on_both_sides() -> None:
    assert says(WEBSOCKETS) == ["done"]


HTTPX = """
import asyncio, sys, anysock.loop, httpx
async def main():
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{sys.argv[1]}", timeout=30) as client:
        answers = await asyncio.gather(*(client.get("/") for _ in range(20)))
        assert {answer.text for answer in answers} == {"hello"}
        data = bytes(range(256)) * 4096
        assert (await client.post("/echo", content=data)).content == data
        async with client.stream("POST", "/echo", content=data) as answer:
            assert b"".join([piece async for piece in answer.aiter_bytes()]) == data
        try:
            await client.get("http://127.0.0.1:1/")
        except httpx.ConnectError:
            print("refused")
anysock.loop.run(main())
"""


@needs("httpx", "uvicorn")
def test_httpx(tmp_path: Path) -> None:
    run = "import uvicorn; uvicorn.run('application:app', host='127.0.0.1', port=0, http='h11', loop='asyncio', access_log=False)"
    with listening(tmp_path, run, pattern=r"running on http://127\.0\.0\.1:(\d+)") as (_, port):
        assert says(HTTPX, port) == ["refused"]


REDIS = """
import asyncio, sys, anysock.loop, redis.asyncio
place = {"unix_socket_path": sys.argv[1]} if sys.argv[1].startswith("/") else {"port": int(sys.argv[1])}
async def main():
    async with redis.asyncio.Redis(**place) as client:
        await client.flushall()
        await asyncio.gather(*(client.incr("together") for _ in range(50)))
        data = bytes(range(256)) * 4096
        assert await client.set("key", data) and await client.get("key") == data
        async with client.pipeline() as pipeline:
            for number in range(1000):
                pipeline.incrby("sum", number)
            assert (await pipeline.execute())[-1] == 499500
        async with client.pubsub() as subscriber:
            await subscriber.subscribe("news")
            assert (await subscriber.get_message(timeout=30))["type"] == "subscribe"
            await client.publish("news", "hello")
            assert (await subscriber.get_message(timeout=30))["data"] == b"hello"
            assert await subscriber.get_message(timeout=0.01) is None
        waiting = asyncio.create_task(client.blpop("list", timeout=30))
        await asyncio.sleep(0)
        await client.rpush("list", "late")
        assert (await waiting)[1] == b"late"
        print((await client.get("together")).decode())
anysock.loop.run(main())
"""


@needs("redis")
@pytest.mark.parametrize("place", [0, 1], ids=["unix", "tcp"])
def test_redis(redis: str, place: int) -> None:
    assert says(REDIS, redis.split()[place].rpartition(":")[2]) == ["50"]


POSTGRES = """
import asyncio, sys, anysock.loop, asyncpg
async def main():
    async with asyncpg.create_pool(host=sys.argv[1], user="tester", database="postgres", min_size=1, max_size=4) as pool:
        assert await asyncio.gather(*(pool.fetchval("select $1::int * 2", number) for number in range(50))) == list(range(0, 100, 2))
        data = bytes(range(256)) * 4096
        assert await pool.fetchval("select $1::bytea", data) == data
        async with pool.acquire() as connection:
            await connection.execute("create temporary table numbers (value int)")
            await connection.copy_records_to_table("numbers", records=[(number,) for number in range(10_000)])
            async with connection.transaction():
                total = 0
                async for row in connection.cursor("select value from numbers"):
                    total += row["value"]
            assert total == sum(range(10_000))
            try:
                await connection.fetch("select pg_sleep(30)", timeout=0.05)
            except asyncio.TimeoutError:
                print("cancelled", await connection.fetchval("select 1"))
            heard = asyncio.get_running_loop().create_future()
            await connection.add_listener("news", lambda *news: heard.set_result(news[-1]))
            await pool.execute("notify news, 'hello'")
            print(await heard)
            await connection.reset()
anysock.loop.run(main())
"""


@pytest.fixture
def postgres() -> Iterator[Path]:
    """A server of its own: the folder of its socket. It refuses to run as root."""
    found = [shutil.which("initdb"), *map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb"))]
    programs = [Path(each).parent for each in found if each]
    if not programs:
        pytest.skip("postgresql is not installed")
    user: Any = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory() as place:
        if user:
            shutil.chown(place, user)
        data = Path(place, "data")
        initdb = [programs[0] / "initdb", "--pgdata", data, "--username=tester", "--auth=trust", "--no-sync", "--no-locale"]
        subprocess.run([*map(str, initdb)], check=True, capture_output=True, cwd=place, user=user)
        habits = ["-F", "-c", "listen_addresses=", "-c", f"unix_socket_directories={place}"]
        command = [str(programs[0] / "postgres"), "-D", str(data), *habits]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=place, user=user) as server:
            try:
                assert server.stderr
                for line in server.stderr:
                    if "ready to accept connections" in line:
                        break
                yield Path(place)
            finally:
                server.send_signal(signal.SIGINT)
                server.communicate(timeout=PATIENCE)


@needs("asyncpg")
def test_asyncpg(postgres: Path) -> None:
    assert says(POSTGRES, postgres) == ["cancelled 1", "hello"]


ANYIO = """
import anyio, anysock.loop, asyncio
async def echo(stream):
    async with stream:
        async for data in stream:
            await stream.send(data)
async def main():
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, echo)
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            data = bytes(range(256)) * 1000
            group.start_soon(stream.send, data)
            heard = b""
            while len(heard) < len(data):
                heard += await stream.receive()
            assert heard == data
            with anyio.move_on_after(0.01) as scope:
                await stream.receive()
            assert scope.cancelled_caught
        group.cancel_scope.cancel()
    async with await anyio.create_udp_socket(local_host="127.0.0.1") as udp:
        place = udp.extra(anyio.abc.SocketAttribute.local_address)
        await udp.sendto(b"datagram", *place)
        assert await udp.receive() == (b"datagram", place)
    assert (await anyio.run_process(["cat"], input=b"through cat")).stdout == b"through cat"
    assert await anyio.to_thread.run_sync(lambda: anyio.from_thread.run_sync(lambda: 42)) == 42
    print(type(asyncio.get_running_loop()).__module__)
anyio.run(main, backend_options={"loop_factory": anysock.loop.new_event_loop})
"""


@needs("anyio")
def test_anyio() -> None:
    assert says(ANYIO) == ["anysock._loop.base"]
