"""A socket's options, and the timeouts among them as properties. What each option means is in the manual."""

from __future__ import annotations

from ctypes import byref, c_int64
from typing import overload

from . import _abi
from ._errors import check
from ._handle import Handle
from ._memory import text_in, text_out
from ._numbers import as_int64
from ._time import microseconds, seconds


def get_number(handle: int, name: str) -> int:
    """An option that is a number."""
    value = c_int64()
    check(_abi.anysock_get(handle, text_in(name), byref(value)), name)
    return value.value


class Options:
    """Options by name: `socket.options["tcp.nodelay"] = 1`.

    Switches are 0 and 1, times are microseconds with -1 for ever, and a few options are texts.
    """

    __slots__ = ("_owner",)

    def __init__(self, owner: Handle) -> None:
        self._owner = owner

    def __getitem__(self, name: str) -> int | str:
        handle, option = self._owner.handle, text_in(name)
        value = c_int64()
        result = _abi.anysock_get(handle, option, byref(value))
        if result == _abi.ANYSOCK_EINVAL:
            # Not a number, then: a text.
            return text_out(lambda *room: _abi.anysock_get_text(handle, option, *room), name)
        check(result, name)
        return value.value

    def __setitem__(self, name: str, value: int | str) -> None:
        handle, option = self._owner.handle, text_in(name)
        if isinstance(value, str):
            check(_abi.anysock_set_text(handle, option, text_in(value)), name)
        else:
            check(_abi.anysock_set(handle, option, as_int64(value)), name)


class Timeout:
    """A property: for how many seconds calls may wait. `None` is for ever; with 0 they never wait."""

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._option = name

    @overload
    def __get__(self, owner: None, kind: type) -> Timeout: ...

    @overload
    def __get__(self, owner: Handle, kind: type) -> float | None: ...

    def __get__(self, owner: Handle | None, kind: type) -> Timeout | float | None:
        return self if owner is None else seconds(get_number(owner.handle, self._option))

    def __set__(self, owner: Handle, timeout: float | None) -> None:
        Options(owner)[self._option] = microseconds(timeout)
