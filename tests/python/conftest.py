"""What the tests share: connected sockets, child processes, threads whose outcome is asked for. No test is
here."""

from __future__ import annotations

import faulthandler
import functools
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anysock
import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON_EXAMPLES = ROOT / "examples" / "python"
C_EXAMPLES = Path(os.environ.get("EXAMPLES", ROOT / "target" / "examples-c"))

#: Both ends of one.
Connection = tuple[anysock.Socket, anysock.Socket]

#: Nothing takes as long, however busy the machine is.
PATIENCE = 120.0


def pytest_configure(config: pytest.Config) -> None:
    """Some tests open more than a thousand sockets."""
    config.addinivalue_line("markers", "slow: runs compilers and type checkers; -m 'not slow' leaves it out")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@pytest.fixture(autouse=True)
def watchdog(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that hangs ends the run, and says where."""
    patience = 20 * PATIENCE if request.node.get_closest_marker("slow") else 2 * PATIENCE
    faulthandler.dump_traceback_later(patience, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def listener() -> Iterator[anysock.Socket]:
    with anysock.listen("127.0.0.1:0") as listener:
        listener.timeout = PATIENCE
        yield listener


@pytest.fixture
def connection(listener: anysock.Socket) -> Iterator[Connection]:
    """Of TCP."""
    with anysock.connect(listener.local_address, timeout=PATIENCE) as client, listener.accept() as server:
        client.timeout = server.timeout = PATIENCE
        yield client, server


@contextmanager
def full_listener(path: Path) -> Iterator[socket.socket]:
    """A listener whose backlog has no room."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(0)
        waiting = []
        try:
            while True:
                waiting.append(socket.socket(socket.AF_UNIX))
                waiting[-1].setblocking(False)
                waiting[-1].connect(str(path))
        except BlockingIOError:
            yield listener
        finally:
            for each in waiting:
                each.close()


class Thread(threading.Thread):
    """A thread whose result, or exception, comes out of `result`."""

    def __init__(self, target: Callable[..., Any], *arguments: Any) -> None:
        super().__init__(daemon=True)
        self._call = functools.partial(target, *arguments)
        self.start()

    def run(self) -> None:
        self._error: BaseException | None = None
        try:
            self._value = self._call()
        except BaseException as error:
            self._error = error

    def result(self) -> Any:
        self.join(PATIENCE)
        assert not self.is_alive(), "the thread still runs"
        if self._error:
            raise self._error
        return self._value


class Child:
    """A Python program in a process of its own, which hears Ctrl-C even if this one does not."""

    def __init__(self, *arguments: Any, **environment: str) -> None:
        self.process = subprocess.Popen(
            [str(argument) for argument in arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def line(self) -> str:
        """The next line that it prints."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            pytest.fail(f"the child has ended: {self.finish()}")
        return line.rstrip("\n")

    def address(self) -> str:
        """Of a server that says `listening on ...`, the address."""
        return self.line().split()[-1].removeprefix("http://").rstrip("/")

    def finish(self) -> tuple[int, str, str]:
        """Waits for its end: exit code, output, errors."""
        output, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, output, errors

    def interrupt(self) -> tuple[int, str, str]:
        """Ctrl-C, until it ends: the first may come just before the call that it is to interrupt."""
        for _ in range(int(PATIENCE)):
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(1)
                break
            except subprocess.TimeoutExpired:
                continue
        return self.finish()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def python(program: str, *arguments: Any, **environment: str) -> Child:
    """A child that runs a program text."""
    return Child(sys.executable, "-c", program, *arguments, **environment)


def example(name: str, *arguments: Any) -> Child:
    """A child that runs one of the Python examples, or of the C ones if it has no suffix."""
    if name.endswith(".py"):
        return Child(sys.executable, PYTHON_EXAMPLES / name, *arguments)
    if not (C_EXAMPLES / name).exists():
        pytest.skip(f"{name} is not built: make examples")
    return Child(C_EXAMPLES / name, *arguments)


def run(*command: Any, cwd: Path = ROOT, env: Mapping[str, str] = os.environ) -> str:
    """What a program prints, which must succeed."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{command} says:\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built as pip builds it from the repository's folder."""
    pytest.importorskip("pip")
    if not shutil.which(os.environ.get("CARGO", "cargo")):
        pytest.skip("no cargo")
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", folder, ROOT / "bindings" / "python")
    (wheel,) = folder.iterdir()
    return wheel


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has the package and nothing else."""
    return install(wheel, tmp_path_factory.mktemp("installed"))


def install(wheel: Path, folder: Path) -> Path:
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    interpreter = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", interpreter, "install", "--no-index", "--no-deps", wheel)
    return interpreter


@pytest.fixture(scope="module")
def redis(tmp_path_factory: Any) -> Iterator[str]:
    """A server of its own, on a unix socket and a TCP port: the directory, and the port's number."""
    program = shutil.which("redis-server")
    if not program:
        pytest.skip("redis-server is not installed")
    directory = tmp_path_factory.mktemp("redis")
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    places = ["--port", port, "--bind", "127.0.0.1", "--unixsocket", directory / "socket", "--dir", directory]
    habits = ["--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile", ""]
    with Child(program, *places, *habits) as server:
        while "eady to accept connections" not in server.line():
            pass
        yield f"{directory}/socket 127.0.0.1:{port}"
