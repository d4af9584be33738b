-- An echo server, one thread and one poller: LUA_PATH="bindings/lua/?/init.lua;bindings/lua/?.lua" luajit echo_server.lua 127.0.0.1:7000

local anysock = require "anysock"

local server = assert(anysock.listen(arg[1] or "127.0.0.1:7000"))
local poller = assert(anysock.poller())
assert(poller:watch(server, "read"))
print("listening on " .. assert(server:local_address()))
io.stdout:flush()

-- A client that does not take its echo for five seconds is hung up on: it holds up the others meanwhile.
local function welcome(client)
    client:settimeout(5)
    assert(poller:watch(client, "read"))
end

local function echo(client)
    local part, error = client:receive()
    if part then _, error = client:write(part) end
    if part and not error then return end
    if error then io.stderr:write(tostring(error), "\n") end
    client:close()
end

while true do
    for _, event in ipairs(assert(poller:wait())) do
        if event.socket == server then welcome(assert(server:accept())) else echo(event.socket) end
    end
end
