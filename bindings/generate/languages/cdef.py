"""The declarations as C, for the languages whose foreign interfaces read C: Lua and PHP."""

from __future__ import annotations

from collections.abc import Callable

from description import Constant, Description, Field, Function, Struct
from text import comment, grouped, literal, opening


def render(description: Description) -> dict[str, str]:
    return {"lua/anysock/abi.lua": lua(description), "php/src/Abi.php": php(description)}


def declarations(description: Description) -> str:
    structs = "\n".join(map(structure, description.structs))
    functions = "".join(map(function, description.functions))
    return f"typedef int64_t anysock_t;\n\n{structs}\n{functions}"


def structure(struct: Struct) -> str:
    fields = "".join(f"    {declared(field.type.c, field.name)}{array(field)};\n" for field in struct.fields)
    return f"typedef struct {{\n{fields}}} {struct.name};\n"


def array(field: Field) -> str:
    return f"[{field.type.array}]" if field.type.array else ""


def declared(kind: str, name: str) -> str:
    return f"{kind}{name}" if kind.endswith("*") else f"{kind} {name}"


def function(each: Function) -> str:
    arguments = ", ".join(declared(parameter.type.c, parameter.name) for parameter in each.parameters)
    return f"{declared(each.result.c, each.name)}({arguments or 'void'});\n"


def tables(description: Description, mark: str, row: Callable[[Constant], str]) -> str:
    blocks = (
        f"{mark} {title}\n" + "".join(comment(each.doc, f"{mark} ") + row(each) for each in group)
        for title, group in grouped(description)
    )
    return "\n".join(blocks)


# Lua.


def lua(description: Description) -> str:
    library = description.library
    return f"""\
{opening("--", "The C interface for LuaJIT: constants, structures, functions; `abi.C` is the library.", "")}
local ffi = require "ffi"

ffi.cdef [[
{declarations(description)}]]

local abi = {{}}

{tables(description, "--", lambda each: f"abi.{each.short} = {literal(each.value)}{chr(10)}")}
-- Of each error its name.
abi.error_names = {{
{"".join(f"    [{each.code}] = {literal(each.name)},{chr(10)}" for each in description.errors)}}}

-- The file that ANYSOCK_LIBRARY names, else the installed library.
local installed = {{ Windows = "{library["windows"]}", OSX = "{library["macos"]}" }}
abi.C = ffi.load(os.getenv "ANYSOCK_LIBRARY" or installed[ffi.os] or "{library["unix"]}")

return abi
"""


# PHP.


def php(description: Description) -> str:
    constants = tables(
        description, "    //", lambda each: f"    public const {each.short} = {php_literal(each)};\n"
    )
    library = description.library
    return f"""\
<?php
{opening("//", "The C interface for PHP's FFI: constants, structures, functions.", "")}
declare(strict_types=1);

namespace Anysock;

final class Abi
{{
{constants}
    // Of each error its name.
    public const ERROR_NAMES = [
{"".join(f"        {each.code} => '{each.name}',{chr(10)}" for each in description.errors)}    ];

    // Structures and functions, as C declares them.
    public const DECLARATIONS = <<<'C'
{declarations(description)}C;

    private static \\FFI|self|null $library = null;

    // The library: the file that ANYSOCK_LIBRARY names, else the installed one. Use it as an FFI.
    public static function library(): \\FFI|self
    {{
        return self::$library ??= self::withSignals(\\FFI::cdef(self::DECLARATIONS, self::path()));
    }}

    // Since 8.4 PHP runs the handler of a signal inside the call of an FFI that has just ended, and crashes if it throws there.
    private static function withSignals(\\FFI $functions): \\FFI|self
    {{
        return PHP_VERSION_ID >= 80400 && function_exists('pcntl_async_signals') ? new self($functions) : $functions;
    }}

    private function __construct(private \\FFI $functions)
    {{
    }}

    // So the handler runs inside the call of call_user_func_array, where it may throw. Named outright, that would be no call for PHP.
    public function __call(string $name, array $arguments): mixed
    {{
        if (!str_starts_with($name, 'anysock_')) {{
            return $this->functions->$name(...$arguments);
        }}
        $call = 'call_user_func_array';
        return $call([$this->functions, $name], $arguments);
    }}

    private static function path(): string
    {{
        $named = getenv('ANYSOCK_LIBRARY');
        if ($named !== false && $named !== '') {{
            return $named;
        }}
        return match (PHP_OS_FAMILY) {{
            'Windows' => '{library["windows"]}',
            'Darwin' => '{library["macos"]}',
            default => '{library["unix"]}',
        }};
    }}
}}
"""


def php_literal(each: Constant) -> str:
    return f"'{each.value}'" if isinstance(each.value, str) else str(each.value)
