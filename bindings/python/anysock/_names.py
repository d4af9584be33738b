"""What the library tells about names, this machine, and itself."""

from __future__ import annotations

from dataclasses import dataclass

from . import _abi
from ._errors import check
from ._memory import text_in, text_out
from ._signals import interruptibly
from ._time import microseconds


@dataclass(frozen=True)
class Interface:
    """One address of a network interface."""

    name: str
    index: int
    #: Out of "up", "loopback" and "multicast".
    flags: tuple[str, ...]
    #: With the length of its network prefix, as `ipaddress.ip_interface` takes it: "192.0.2.7/24".
    address: str


def resolve(address: str, kind: str = "tcp", timeout: float | None = None) -> list[str]:
    """The addresses that an address text stands for, best first. The timeout is in seconds."""
    asked = text_in(kind), text_in(address)
    limit = microseconds(timeout)

    def ask(limit: int) -> str:
        return text_out(lambda *room: _abi.anysock_resolve(*asked, limit, *room), address)

    try:
        # What needs no resolver.
        lines = ask(0)
    except BlockingIOError:
        if limit == 0:
            raise
        lines = interruptibly(lambda: ask(limit))
    return lines.split("\n")


def interfaces() -> list[Interface]:
    """The machine's network interfaces, once for each of their addresses."""
    return [_interface(line) for line in text_out(_abi.anysock_interfaces).splitlines()]


def _interface(line: str) -> Interface:
    # Some systems have names with spaces in them.
    name, index, flags, address = line.rsplit(" ", 3)
    return Interface(name, int(index), tuple(flags.split(",")) if flags != "-" else (), address)


def has(feature: str) -> bool:
    """Whether this system has a feature: a kind ("tcp6"), an option ("tcp.fastopen"), "unix.abstract"."""
    return bool(check(_abi.anysock_has(text_in(feature)), feature))
