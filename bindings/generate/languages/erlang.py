"""Erlang: anysock.erl, the functions, which the compiled glue/calls.h replaces, and anysock.hrl, the constants."""

from __future__ import annotations

from description import Constant, Description, Function
from languages.glue import arguments, without_structures
from layer import Layer


class Functions(Layer):
    path = "erlang/anysock.erl"
    about = "The C interface: functions. Not here: the constants (anysock.hrl)."
    mark = "%%"

    def render(self, description: Description) -> dict[str, str]:
        own = without_structures(description)
        names = [*(f"{each.short}/{len(arguments(each))}" for each in own.functions), "watched/1", "select/1"]
        exports = ",\n    ".join(names)
        self.head = f"""\
-module(anysock).
-export([\n    {exports}]).
-on_load(load/0).

load() ->
    erlang:load_nif(filename:join(filename:dirname(code:which(?MODULE)), "anysock_nif"), 0).

%% What anysock_ready waits with: a poller as the emulator watches it.
watched(_) -> erlang:nif_error(not_loaded).
select(_) -> erlang:nif_error(not_loaded).
"""
        own = Description(**{**vars(own), "constants": []})
        return super().render(own)

    def function(self, each: Function) -> str:
        names = ", ".join("_" + parameter.name.capitalize() for parameter in arguments(each))
        return f"{each.short}({names}) -> erlang:nif_error(not_loaded).\n"


class Constants(Layer):
    path = "erlang/anysock.hrl"
    about = "The C interface: constants. Not here: the functions (anysock.erl)."
    mark = "%%"

    def constant(self, each: Constant) -> str:
        return f"-define({each.name}, {self.literal(each.value)}).\n"

    def render(self, description: Description) -> dict[str, str]:
        return super().render(Description(**{**vars(description), "structs": [], "functions": []}))


def render(description: Description) -> dict[str, str]:
    return {**Functions().render(description), **Constants().render(description)}
