#!/usr/bin/env python3
"""echo_client: sends lines to an echo server, and prints what comes back.

    ./echo_client.py 127.0.0.1:7000 hello "how are you"

A stream has no borders between messages, so it reads until as many bytes are back as it has sent. Then it
shuts its writing half: that was all.

What it is not: a telnet. It speaks only when it has been answered.
"""

import sys

import anysock

PATIENCE = 5.0


def echo(server: anysock.Socket, line: str) -> str:
    sent = f"{line}\n".encode()
    server.write_all(sent)
    back = server.read_full(len(sent))
    if back != sent:
        raise ConnectionError(f"the echo of {line!r} is {back!r}")
    return back.decode()


def main() -> int:
    if len(sys.argv) < 3:
        print("usage: echo_client.py ADDRESS LINE...", file=sys.stderr)
        return 2
    _, address, *lines = sys.argv
    try:
        with anysock.connect(address, timeout=PATIENCE) as server:
            server.timeout = PATIENCE
            for line in lines:
                print(echo(server, line), end="")
            server.shutdown(anysock.SHUT_WRITE)
            if server.read(1):
                raise ConnectionError("the server says more than it was told")
    except OSError as error:
        print(f"echo_client.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
