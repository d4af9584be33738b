-- An echo client: LUA_PATH="bindings/lua/?/init.lua;bindings/lua/?.lua" luajit echo_client.lua 127.0.0.1:7000 hello

local anysock = require "anysock"

local text = arg[2] or "hello"
local server = assert(anysock.connect(arg[1] or "127.0.0.1:7000", { timeout = 5 }))
for at = 1, #text, 4096 do
    local part = text:sub(at, at + 4095)
    assert(server:write(part))
    io.write((assert(server:read(#part))))
end
print()
