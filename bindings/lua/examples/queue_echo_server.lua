-- An echo server on the batch queue: LUA_PATH="bindings/lua/?/init.lua;bindings/lua/?.lua" luajit queue_echo_server.lua 127.0.0.1:7000
--
-- One call hands over what shall be done on all connections, and brings back what has happened. Lua never sees the bytes: they go out
-- from the buffer they came in.

local anysock = require "anysock"
local abi = require "anysock.abi"
local ffi = require "ffi"

local BATCH = 128
local wanted, done = ffi.new("anysock_op[?]", BATCH), ffi.new("anysock_done[?]", BATCH)
local count = 0

local function want(op, handle, flags)
    local next = wanted[count]
    ffi.fill(next, ffi.sizeof "anysock_op")
    next.op, next.handle, next.flags = op, handle, flags
    count = count + 1
    return next
end

-- What shall be done because of what has happened: at most one thing.
local function answer(event)
    local op, result = tonumber(event.op), event.result
    if op == abi.OP_ACCEPT then
        if result > 0 then want(abi.OP_READ, result, abi.QUEUE_MULTI) end
    elseif op == abi.OP_READ and result > 0 then
        local echo = want(abi.OP_WRITE, event.handle, abi.QUEUE_QUIET)
        echo.data, echo.length, echo.buffer = event.data, result, event.buffer
    elseif op == abi.OP_READ and result ~= abi.ECANCELED then
        want(abi.OP_CLOSE, event.handle, abi.QUEUE_QUIET)
    elseif op == abi.OP_WRITE then -- it has failed: it is quiet otherwise
        want(abi.OP_CLOSE, event.handle, abi.QUEUE_QUIET + abi.QUEUE_NOW)
    end
end

local listener = assert(anysock.listen(arg[1] or "127.0.0.1:7000"))
print("listening on " .. assert(listener:local_address()))
io.stdout:flush()
local queue = abi.C.anysock_queue_open(0, 0)
want(abi.OP_ACCEPT, listener.number, abi.QUEUE_MULTI)
while true do
    local happened = tonumber(abi.C.anysock_queue_run(queue, wanted, count, done, BATCH, -1))
    if happened < 0 then error(ffi.string(abi.C.anysock_error_name(happened))) end
    count = 0
    for at = 0, happened - 1 do answer(done[at]) end
end
