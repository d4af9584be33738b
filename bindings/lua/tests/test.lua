-- The layer's promises: luajit tests/test.lua; prints a line a case.

local anysock = require "anysock"
local abi = anysock.abi
local ffi = require "ffi"
ffi.cdef [[
int fork(void);
int waitpid(int pid, int *status, int options);
void _exit(int status);
typedef struct { long interval_seconds, interval_microseconds, seconds, microseconds; } test_timer;
int setitimer(int which, const test_timer *new, test_timer *old);
void *signal(int number, void (*handler)(int));
void tzset(void);
]]

local cases, failed = {}, 0

local function case(name, test) cases[#cases + 1] = { name, test } end

local function equal(value, expected)
    if value ~= expected then error(("%s, not %s"):format(tostring(value), tostring(expected)), 2) end
end

local function fails(name, value, error)
    equal(value, nil)
    equal(error.name, name)
    equal(error.code, abi[name])
end

local function connected(kind, address)
    local listener = assert(anysock.listen(address or "127.0.0.1:0", { kind = kind }))
    local client = assert(anysock.connect(assert(listener:local_address()), { kind = kind, timeout = 20 }))
    local server = assert(listener:accept())
    listener:close()
    return client, server
end

case("a question and its answer, with half-close", function()
    local path = os.tmpname()
    os.remove(path)
    for _, way in ipairs { { "tcp", "127.0.0.1:0" }, { "tcp", "[::1]:0" }, { "unix", path } } do
        local client, server = connected(way[1], way[2])
        assert(client:write("ques", "tion"))
        assert(client:shutdown "write")
        equal(assert(server:read "*a"), "question")
        assert(server:write "answer")
        assert(server:close())
        equal(assert(client:read(6)), "answer")
        local nothing, error = client:read(6)
        equal(nothing, nil)
        equal(error, nil)
        equal(client:read "*a", "")
    end
    os.remove(path)
end)

case("a mebibyte arrives, whole", function()
    local client, server = connected()
    local sent = ("0123456789abcdef"):rep(65536)
    local child = ffi.C.fork()
    if child == 0 then
        ffi.C._exit(client:write(sent) and 0 or 1)
    end
    client:close()
    equal(server:read "*a", sent)
    local status = ffi.new "int[1]"
    ffi.C.waitpid(child, status, 0)
    equal(status[0], 0)
end)

case("errors by name", function()
    local listener = assert(anysock.listen "127.0.0.1:0")
    local address = listener:local_address()
    listener:close()
    fails("ECONNREFUSED", anysock.connect(address))
    fails("ECONNREFUSED", anysock.connect("localhost:" .. address:match "%d+$", { kind = "tcp4" }))
    fails("EINVAL", anysock.connect "nonsense")
    fails("EINVAL", anysock.open "teleport")
    fails("EBADF", listener:accept())
    local _, error = anysock.connect "nonsense"
    equal(tostring(error), "invalid argument (EINVAL)")
    equal(pcall(anysock.connect, "127.0.0.1:80\0"), false)
    equal(pcall(anysock.open), false)
end)

case("timeouts", function()
    local client = connected()
    assert(client:settimeout(0.02))
    fails("ETIMEDOUT", client:receive())
    assert(client:settimeout(0))
    fails("EAGAIN", client:receive())
    assert(client:settimeout(nil))
    equal(client:get(abi.OPT_TIMEOUT), -1)
    equal(pcall(client.settimeout, client, -1), false)
end)

-- A socket with a timeout, whose peer in a child does a step every 20 milliseconds; and what ends both.
local function with_slow_peer(step)
    local socket, peer = anysock.pair()
    local child = ffi.C.fork()
    if child == 0 then
        socket:close()
        local idle = anysock.poller()
        while step(peer) do idle:wait(0.02) end
        ffi.C._exit(0)
    end
    peer:close()
    socket:settimeout(0.5)
    return socket, function()
        socket:close()
        ffi.C.waitpid(child, nil, 0)
    end
end

-- The timeout is for the whole write: a peer that reads slowly can't stretch it.
case("a timeout ends a write that goes on slowly", function()
    local socket, finish = with_slow_peer(function(peer) return peer:receive(65536) end)
    local good, error, gone = socket:write(("x"):rep(4), ("x"):rep(2 ^ 24))
    fails("ETIMEDOUT", good, error)
    equal(gone > 4, true)
    finish()
end)

case("a timeout ends a read that goes on slowly", function()
    local socket, finish = with_slow_peer(function(peer) return peer:write "x" end)
    local good, error, part = socket:read(200)
    fails("ETIMEDOUT", good, error)
    equal(#part < 200, true)
    finish()
end)

case("what is no size, and what are no bytes", function()
    local first, second = anysock.pair "unixgram"
    second:settimeout(0)
    for _, call in ipairs { "receive", "read", "receive_from" } do
        for _, size in ipairs { -1, 0 / 0, 1.5, "5", {} } do
            local good, error = pcall(second[call], second, size)
            equal(good, false)
            equal(tostring(error):match "no size" ~= nil, true)
        end
    end
    for _, value in ipairs { {}, false, print } do
        equal(pcall(first.write, first, value), false)
        equal(pcall(first.send_to, first, value, "/nowhere"), false)
    end
    equal(pcall(first.write, first, nil), false)
    fails("EAGAIN", second:receive())
    assert(first:write(7))
    equal(second:receive(), "7")
end)

case("a poller forgets what is closed", function()
    local poller = assert(anysock.poller())
    local watched = setmetatable({}, { __mode = "k" })
    for _ = 1, 1000 do
        local first, second = anysock.pair()
        assert(poller:watch(first, "read"))
        first:close()
        second:close()
        watched[first] = true
    end
    collectgarbage()
    collectgarbage()
    local count = 0
    for _ in pairs(watched) do count = count + 1 end
    equal(count < 500, true)
end)

case("signals neither cut nor stretch a wait", function()
    local SIGALRM = 14
    local client, server = connected()
    -- Any function without arguments will do as a handler.
    ffi.C.signal(SIGALRM, ffi.cast("void (*)(int)", ffi.C.tzset))
    ffi.C.setitimer(0, ffi.new("test_timer", 0, 2000, 0, 2000), nil)
    assert(client:settimeout(0.1))
    fails("ETIMEDOUT", client:receive())
    local poller = assert(anysock.poller())
    equal(#assert(poller:wait(0.1)), 0)
    assert(server:write "after all")
    equal(client:receive(), "after all")
    ffi.C.setitimer(0, ffi.new("test_timer", 0, 0, 0, 0), nil)
end)

case("a poller over two sockets", function()
    local poller = assert(anysock.poller())
    local first, other = assert(anysock.pair())
    local second, another = assert(anysock.pair())
    assert(poller:watch(first, "read"))
    assert(poller:watch(second, "read", "write"))
    assert(poller:watch(second, "read"))
    equal(#assert(poller:wait(0)), 0)
    assert(another:write "x")
    local ready = assert(poller:wait())
    equal(#ready, 1)
    equal(ready[1].socket, second)
    equal(ready[1].read, true)
    equal(ready[1].write, false)
    assert(poller:watch(second))
    assert(poller:wake())
    equal(#assert(poller:wait()), 0)
    other:close()
    equal(assert(poller:wait())[1].socket, first)
end)

case("datagrams, empty ones too", function()
    local server = assert(anysock.bind "127.0.0.1:0")
    local client = assert(anysock.connect(server:local_address(), { kind = "udp", timeout = 20 }))
    for _, content in ipairs { "ping", "" } do
        assert(client:write(content))
        local data, address = server:receive_from()
        equal(data, content)
        equal(address, client:local_address())
        equal(server:send_to(data, address), #content)
        equal(client:receive(), content)
    end
end)

case("options, addresses, features", function()
    local client, server = connected()
    assert(client:set(abi.OPT_TCP_NODELAY, true))
    equal(client:get(abi.OPT_TCP_NODELAY), 1)
    equal(client:get_text(abi.OPT_KIND), "tcp")
    equal(client:local_address(), server:peer_address())
    fails("ENOPROTOOPT", client:set("no.such", 1))
    equal(anysock.has "tcp", true)
    equal(anysock.has "teleport", false)
    equal(anysock.version(), abi.HEADER_VERSION)
    equal(anysock.resolve("127.0.0.1:80")[1], "127.0.0.1:80")
end)

case("what is forgotten is closed, and closing twice is once", function()
    local first, second = anysock.pair()
    first = nil
    collectgarbage()
    collectgarbage()
    second:settimeout(20)
    equal(second:read "*a", "")
    equal(second:close(), true)
    equal(second:close(), true)
end)

for _, each in ipairs(cases) do
    local good, error = xpcall(each[2], debug.traceback)
    if not good then failed = failed + 1 end
    print((good and "ok " or "FAIL ") .. each[1] .. (good and "" or "\n" .. tostring(error)))
end
os.exit(failed == 0 and 0 or 1)
