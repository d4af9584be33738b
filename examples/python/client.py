#!/usr/bin/env python3
"""client: fetches a page over HTTP, and prints the status line and the content.

    ./client.py 127.0.0.1:8080
    ./client.py example.com:80 /index.html

It asks in HTTP/1.0, in which the end of the stream is the end of the answer. Ten seconds for the connection
and for each read are enough, or it gives up.

What it is not: a browser. It follows no redirection and speaks no TLS.
"""

import sys

import anysock

PATIENCE = 10.0


def fetch(address: str, path: str) -> bytes:
    """The whole answer."""
    with anysock.connect(address, timeout=PATIENCE) as server:
        server.timeout = PATIENCE
        server.write_all(f"GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n".encode())
        return b"".join(iter(lambda: server.read(65536), b""))


def main() -> int:
    if len(sys.argv) not in (2, 3):
        print("usage: client.py ADDRESS [PATH]", file=sys.stderr)
        return 2
    address, path = sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else "/"
    try:
        answer = fetch(address, path)
    except OSError as error:
        print(f"client.py: {error}", file=sys.stderr)
        return 1
    head, _, content = answer.partition(b"\r\n\r\n")
    print(head.decode("latin-1").split("\r\n")[0], flush=True)
    sys.stdout.buffer.write(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
