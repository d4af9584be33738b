#!/usr/bin/env python3
"""select_server: one thread and one select loop, which many HTTP clients talk to at once.

    ./select_server.py [ADDRESS]              default 127.0.0.1:8080; port 0 takes a free one
    curl http://127.0.0.1:8080/               or any browser; Ctrl-C ends the server

No call waits but `wait_ready`. A client is read from until its request is whole, then written to until its
answer is out; one that is slow at either has its own buffers and holds up nobody. There may be as many
clients as the system has descriptors: select has no limit of its own.

What it is not: a web server. It has a single page, takes no content, and lets an idle client stay for ever.
"""

from __future__ import annotations

import re
import sys
from email.utils import formatdate

import anysock

#: Bytes of a request, as far as its empty line.
REQUEST_LIMIT = 8192

PAGE = """\
<!DOCTYPE html>
<title>anysock</title>
<h1>One thread, one select</h1>
<p>Clients connected: {clients}</p>
<p>Requests answered: {answered}</p>
"""


class Request:
    """What the head of a request says; `error` is the status if it can't be answered."""

    def __init__(self, head: str) -> None:
        line, _, fields = head.partition("\n")
        self.fields = "\n" + fields.lower()
        self.is_get = False
        self.target = ""
        self.is_last = True
        self.error = self.read(line.strip("\r"))

    def read(self, line: str) -> str | None:
        parts = re.fullmatch(r"(\S+) (\S+) HTTP/(\d)\.(\d)", line)
        if not parts:
            return "400 Bad Request"
        method, self.target, major, minor = parts.groups()
        if major != "1":
            return "505 HTTP Version Not Supported"
        if self.field("transfer-encoding") or self.field("content-length").strip("0"):
            return "413 Content Too Large"
        if method not in ("GET", "HEAD"):
            return "501 Not Implemented"
        self.is_get = method == "GET"
        connection = self.field("connection")
        self.is_last = "keep-alive" not in connection if minor == "0" else "close" in connection
        return None

    def field(self, name: str) -> str:
        """The value of a header field, in lower case; empty if there is none."""
        found = re.search(rf"\n{name}:([^\n]*)", self.fields)
        return found[1].strip() if found else ""


class Client:
    """A connection: what it has sent, and what of its answer is not out yet."""

    def __init__(self, server: Server, socket: anysock.Socket) -> None:
        self.server = server
        self.socket = socket
        self.received = b""
        self.answer = b""
        self.is_last = False  # The connection ends with this answer.
        self.is_draining = False  # All is said; what still comes is thrown away until the client ends too.

    def attend(self) -> bool:
        """Does what the client is ready for; whether it is still there."""
        try:
            here = self.transmit() if self.answer else self.receive()
            # What it has sent in advance is answered before it is read from again.
            while here and not self.answer and not self.is_draining and self.next_answer():
                here = self.transmit()
            return here
        except BlockingIOError:
            return True
        except OSError:
            return False

    def receive(self) -> bool:
        data = self.socket.recv(REQUEST_LIMIT - len(self.received), anysock.DONT_WAIT)
        if not self.is_draining:
            self.received += data
        return bool(data)

    def transmit(self) -> bool:
        self.answer = self.answer[self.socket.send(self.answer, anysock.DONT_WAIT) :]
        if self.is_last and not self.answer:
            # Closing with bytes unread would reset the connection, and the client might lose its answer.
            self.socket.shutdown(anysock.SHUT_WRITE)
            self.is_draining = True
            self.received = b""
        return True

    def next_answer(self) -> bool:
        """Answers the next request, if it has come; whether there is an answer to write."""
        self.received = self.received.lstrip(b"\r\n")  # Empty lines before a request count for nothing.
        head = re.match(rb"(.*?\n)\r?\n", self.received, re.DOTALL)
        if head:
            self.received = self.received[head.end() :]
            request = Request(head[1].decode("latin-1"))
            is_page = request.target.split("?")[0] == "/"
            status = request.error or ("200 OK" if is_page else "404 Not Found")
            self.say(status, request.is_get or bool(request.error), request.is_last)
        elif len(self.received) == REQUEST_LIMIT:
            line_is_whole = b"\n" in self.received
            self.say("431 Request Header Fields Too Large" if line_is_whole else "414 URI Too Long")
        return bool(self.answer)

    def say(self, status: str, with_content: bool = True, is_last: bool = True) -> None:
        self.is_last = is_last
        kind, content = self.server.content(status)
        head = [
            f"HTTP/1.1 {status}",
            f"Date: {formatdate(usegmt=True)}",
            f"Content-Type: {kind}",
            f"Content-Length: {len(content)}",
            "Cache-Control: no-store",
            f"Connection: {'close' if is_last else 'keep-alive'}",
        ]
        self.answer = "\r\n".join([*head, "", content if with_content else ""]).encode()


class Server:
    """The listener and its clients."""

    def __init__(self, listener: anysock.Socket) -> None:
        self.listener = listener
        self.listener.accept_timeout = 0
        self.clients: dict[anysock.Socket, Client] = {}
        self.answered = 0
        self.is_full = False  # Accept has failed: nobody else comes in until somebody has gone.

    def content(self, status: str) -> tuple[str, str]:
        self.answered += 1
        if status != "200 OK":
            return "text/plain", status + "\n"
        page = PAGE.format(clients=len(self.clients), answered=self.answered)
        return "text/html; charset=utf-8", page

    def serve(self) -> None:
        """Waits until somebody is ready, and serves everybody who is."""
        readers: list[anysock.Socket] = [] if self.is_full else [self.listener]
        readers += [socket for socket, client in self.clients.items() if not client.answer]
        writers = [socket for socket, client in self.clients.items() if client.answer]
        readable, writable, _ = anysock.wait_ready(readers, writers)
        for socket in readable + writable:
            if socket is self.listener:
                self.accept()
            elif not self.clients[socket].attend():
                self.remove(socket)

    def accept(self) -> None:
        try:
            for socket in self.listener:
                self.clients[socket] = Client(self, socket)
        except BlockingIOError:
            return
        except OSError as error:
            # Most likely descriptors have run out. The connection stays queued; to ask again is in vain.
            print(f"select_server.py: accept: {error}", file=sys.stderr)
            if not self.clients:
                raise
            self.is_full = True

    def remove(self, socket: anysock.Socket) -> None:
        del self.clients[socket]
        socket.close()
        self.is_full = False

    def close(self) -> None:
        for socket in list(self.clients):
            self.remove(socket)


def main() -> int:
    if len(sys.argv) > 2:
        print("usage: select_server.py [ADDRESS]", file=sys.stderr)
        return 2
    address = sys.argv[1] if len(sys.argv) == 2 else "127.0.0.1:8080"
    with anysock.listen(address) as listener:
        server = Server(listener)
        try:
            print(f"listening on http://{listener.local_address}/", flush=True)
            while True:
                server.serve()
        except KeyboardInterrupt:
            pass
        finally:
            server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
