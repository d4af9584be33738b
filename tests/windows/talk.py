"""Programs of Windows, under Wine, talk to this one, which is of Linux, over the loopback. Prints `ok CASE` or what is wrong.

    talk.py DIRECTORY     where the C examples built for Windows are

Called by tests/windows/run. Not here: what Windows programs do among themselves (the contract tests).
"""
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import traceback

EXAMPLES = sys.argv[1]
PATIENCE = 300


class Windows:
    """A program under Wine, which is ended at the end of the block."""

    def __init__(self, name, *arguments):
        command = ["wine", os.path.join(EXAMPLES, name + ".exe"), *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def address(self):
        """Where a server says that it listens."""
        line = self.process.stdout.readline().decode().strip()
        host, port = line.removeprefix("listening on ").removeprefix("http://").rstrip("/").rsplit(":", 1)
        return host, int(port)


def ask_for_page(address):
    with socket.create_connection(address, PATIENCE) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: anysock\r\nConnection: close\r\n\r\n")
        return b"".join(iter(lambda: client.recv(4096), b""))


def a_select_server_serves_linux():
    with Windows("select_server", "127.0.0.1:0") as server:
        address = server.address()
        idle = [socket.create_connection(address, PATIENCE) for _ in range(150)]
        for count in range(1, 4):
            page = ask_for_page(address)
            assert page.startswith(b"HTTP/1.1 200"), page
            assert b"Requests answered: %d" % count in page, page
        for client in idle:
            client.close()


def an_http_server_serves_linux():
    with Windows("http_server", "127.0.0.1:0") as server:
        page = ask_for_page(server.address())
        assert page.startswith(b"HTTP/1.1 200") and b"one poller" in page.lower(), page


def an_echo_server_serves_linux():
    data = os.urandom(1 << 20)
    with Windows("poller_echo_server", "127.0.0.1:0") as server:
        with socket.create_connection(server.address(), PATIENCE) as client:
            writer = threading.Thread(target=client.sendall, args=(data,))
            writer.start()
            echo = b""
            while len(echo) < len(data):
                piece = client.recv(1 << 16)
                assert piece, "the echo ends early"
                echo += piece
            writer.join()
            assert echo == data, "another echo"


def a_client_asks_linux():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        with Windows("echo_client", "127.0.0.1:%d" % listener.getsockname()[1], "hello from Windows") as client:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(PATIENCE)
                for piece in iter(lambda: connection.recv(4096), b""):
                    connection.sendall(piece)
            said, _ = client.process.communicate(timeout=PATIENCE)
            assert b"hello from Windows" in said, said
            assert client.process.returncode == 0, client.process.returncode


def datagrams_go_both_ways():
    with Windows("udp_pair", "listen", "127.0.0.1:0") as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE)
            client.sendto(b"are you there?", server.address())
            answer = client.recv(4096)
            assert answer.startswith(b"yes, 14 bytes"), answer


def files_arrive_whole():
    repository = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    linux = [sys.executable, os.path.join(repository, "examples", "python", "file_transfer.py")]
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "random")
        data = os.urandom(3_000_000)
        with open(path, "wb") as file:
            file.write(data)
        target = os.path.join(scratch, "received")
        os.mkdir(target)
        with Windows("file_transfer", "receive", "127.0.0.1:0", target, "--once") as receiver:
            address = "%s:%d" % receiver.address()
            environment = dict(os.environ, PYTHONPATH=os.path.join(repository, "bindings", "python"))
            subprocess.run(linux + ["send", address, path], env=environment, check=True, timeout=PATIENCE,
                           stdout=subprocess.DEVNULL)
            receiver.process.communicate(timeout=PATIENCE)
        with open(os.path.join(target, "random"), "rb") as file:
            assert hashlib.sha256(file.read()).digest() == hashlib.sha256(data).digest(), "other bytes"


CASES = [
    a_select_server_serves_linux,
    an_http_server_serves_linux,
    an_echo_server_serves_linux,
    a_client_asks_linux,
    datagrams_go_both_ways,
    files_arrive_whole,
]

for case in CASES:
    try:
        case()
        print("ok", case.__name__, flush=True)
    except Exception:  # each case is told of
        print(case.__name__, traceback.format_exc().splitlines()[-1], flush=True)
