-- Both ends of the conversation that every language has with every other (tests/languages/README.md):
--
--     luajit conversation.lua listen 127.0.0.1:0
--     luajit conversation.lua talk ADDRESS NOBODY     where the server is, and where nobody listens

local anysock = require "anysock"

local PATIENCE = 30
local MEBIBYTE = 1048576

-- RFC 1950.
local function adler32(bytes)
    local a, b = 1, 0
    for at = 1, #bytes do
        a = (a + bytes:byte(at)) % 65521
        b = (b + a) % 65521
    end
    return ("%.0f"):format(b * 65536 + a)
end

-- The name of the error behind nil.
local function failure(_, error)
    return error and error.name or "nothing"
end

-- The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.
local function answer(client)
    local all, error = client:read "*a"
    if all then _, error = client:write(#all, " ", adler32(all), "\n", all) end
    if error then io.stderr:write(tostring(error), "\n") end
    client:close()
end

local function serve(address)
    local listener = assert(anysock.listen(address))
    print("listening on " .. assert(listener:local_address()))
    io.stdout:flush()
    while true do answer(assert(listener:accept())) end
end

-- The client: a line for each step.

local function bytes()
    local parts = {}
    for at = 0, MEBIBYTE - 1 do parts[at + 1] = string.char(at % 251) end
    return table.concat(parts)
end

-- Which of two has something to read: one to whom nobody speaks, or the server.
local function ready(server)
    local poller, idle, other = assert(anysock.poller()), assert(anysock.pair "tcp")
    assert(poller:watch(idle, "read"))
    assert(poller:watch(server, "read"))
    local names = {}
    for at, event in ipairs(assert(poller:wait(PATIENCE))) do names[at] = event.socket == server and "server" or "idle" end
    poller:close()
    idle:close()
    other:close()
    return table.concat(names, " ")
end

local function hear(server)
    local line, echo = assert(server:read "*a"):match "^([^\n]*)\n(.*)$"
    print("answer " .. line)
    print("echo " .. #echo .. " " .. adler32(echo))
end

local function talk(address, nobody)
    print("refused " .. failure(anysock.connect(nobody)))
    local server = assert(anysock.connect("localhost" .. address:match ":%d+$", { timeout = PATIENCE }))
    print("connected " .. assert(server:peer_address()))
    assert(server:settimeout(0.05))
    print("silence " .. failure(server:receive()))
    assert(server:settimeout(PATIENCE))
    assert(server:write(bytes()))
    assert(server:shutdown "write")
    print("ready " .. ready(server))
    hear(server)
    print "cancelled no threads"
    server:close()
    print("gone " .. failure(server:receive()))
end

if arg[1] == "listen" and arg[2] then serve(arg[2])
elseif arg[1] == "talk" and arg[3] then talk(arg[2], arg[3])
else io.stderr:write "usage: conversation.lua listen ADDRESS | conversation.lua talk ADDRESS NOBODY\n" end
