# pyright: strict, reportUnnecessaryTypeIgnoreComment=true
"""What the type checkers must call a mistake. It is never run: a line without a mistake is itself reported."""

import anysock


def mistakes(socket: anysock.Socket, poller: anysock.Poller) -> None:
    socket.write("text")  # type: ignore[arg-type]
    socket.write_all(1)  # type: ignore[arg-type]
    socket.read_into(3)  # type: ignore[arg-type]
    socket.writev([1, 2])  # type: ignore[list-item]
    socket.timeout = "5"  # type: ignore[assignment]
    socket.options["tcp.nodelay"] = None  # type: ignore[assignment]
    socket.bind(7000)  # type: ignore[arg-type]
    poller.set(3, anysock.READ)  # type: ignore[arg-type]
    seconds: float = socket.timeout  # type: ignore[assignment]
    text: str = socket.read(1)  # type: ignore[assignment]
    anysock.wait_ready([1])  # type: ignore[list-item]
    print(seconds, text, socket.nonsense)  # type: ignore[attr-defined]
