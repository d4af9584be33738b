"""Names, by the library's resolver: no thread of the loop's executor waits for them. What it can't be asked about goes asyncio's
way.
"""

from __future__ import annotations

import re
import socket
from asyncio import base_events
from typing import Any, NamedTuple

#: A program may put another in its place, and expects that asyncio calls it.
_STANDARD = socket.getaddrinfo

_PROTOCOLS = {socket.SOCK_STREAM: socket.IPPROTO_TCP, socket.SOCK_DGRAM: socket.IPPROTO_UDP}
_KINDS = {socket.SOCK_STREAM: "tcp", socket.SOCK_DGRAM: "udp"}
_FAMILIES = {socket.AF_UNSPEC: "", socket.AF_INET: "4", socket.AF_INET6: "6"}

#: What is surely a name: numbers and zones have notations of their own in getaddrinfo(3), and for labels that are empty or too
#: long Python has an exception of its own.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = rf"{_LABEL}(?:\.{_LABEL})*\.?"


class Question(NamedTuple):
    """What the library is asked: for a kind of socket, about a text."""

    kind: bytes
    text: bytes
    type: int


def question(host: Any, port: Any, family: int, type: int, proto: int, flags: int) -> Question | None:
    """The question that getaddrinfo's arguments are, if it is one for the library."""
    if base_events.socket.getaddrinfo is not _STANDARD:  # type: ignore[attr-defined]
        return None
    if flags or type not in _KINDS or family not in _FAMILIES:
        return None
    if proto not in (0, _PROTOCOLS[socket.SocketKind(type)]) or not isinstance(host, str):
        return None
    number = 0 if port is None else port
    if not isinstance(number, int) or not 0 <= number < 1 << 16 or not re.fullmatch(_NAME, host):
        return None
    if not any(letter.isalpha() for letter in host):
        return None
    kind = _KINDS[socket.SocketKind(type)] + _FAMILIES[socket.AddressFamily(family)]
    return Question(kind.encode(), f"{host}:{number}".encode(), type)


def answer(text: bytes, type: int) -> list[tuple[Any, ...]]:
    """What getaddrinfo gives for the library's answer."""
    kind = socket.SocketKind(type)
    return [_entry(line, kind) for line in text.decode().split("\n")]


def _entry(line: str, kind: socket.SocketKind) -> tuple[Any, ...]:
    host, _, port = line.rpartition(":")
    proto = _PROTOCOLS[kind]
    if not host.startswith("["):
        return socket.AF_INET, kind, proto, "", (host, int(port))
    inside = host[1:-1]
    _, _, zone = inside.partition("%")
    scope = (int(zone) if zone.isdigit() else socket.if_nametoindex(zone)) if zone else 0
    return socket.AF_INET6, kind, proto, "", (inside, int(port), 0, scope)
