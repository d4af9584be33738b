-- Packs and installs the LuaJIT layer: luarocks --lua-version 5.1 make. Not here: the C library, which it loads when it is used.
--
-- SPDX-License-Identifier: MIT OR Apache-2.0

rockspec_format = "3.0"
package = "anysock"
version = "dev-1"
-- Where this file lies; what is released names its archive here.
source = { url = "file://." }
description = {
    summary = "The same sockets on every system",
    detailed = "A layer over the library anysock by LuaJIT's ffi, which no other Lua has.",
    license = "MIT OR Apache-2.0",
}
dependencies = { "lua == 5.1" }
build = {
    type = "builtin",
    modules = {
        ["anysock"] = "anysock/init.lua",
        ["anysock.abi"] = "anysock/abi.lua",
    },
}
