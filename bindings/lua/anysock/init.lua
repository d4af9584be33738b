-- anysock for LuaJIT: the same sockets on every system.
--
--     local anysock = require "anysock"
--     local socket = assert(anysock.connect("example.com:80", { timeout = 10 }))
--     assert(socket:write "GET / HTTP/1.0\r\n\r\n")
--     print(assert(socket:read "*a"))
--
-- What fails returns nil and an error: tostring(error), error.name, error.code. Times are seconds, addresses are texts.
--
-- Not here: what the library promises (its manual), and declarations (anysock/abi.lua).
--
-- SPDX-License-Identifier: MIT OR Apache-2.0

local abi = require "anysock.abi"
local ffi = require "ffi"
local bit = require "bit"

local C = abi.C
local anysock = { abi = abi }
local PART = 65536 -- how much is read at a time where nobody says
local BATCH = 256 -- how many answers one wait gives; the next gives more
local FEW = 64 -- fewer sockets of a poller are not looked through for closed ones

-- Errors.

local Error = {}
Error.__index = Error

function Error:__tostring()
    return self.message .. " (" .. self.name .. ")"
end

local function failure(code)
    code = tonumber(code)
    local error = { code = code, name = ffi.string(C.anysock_error_name(code)), message = ffi.string(C.anysock_error_message(code)) }
    return nil, setmetatable(error, Error)
end

-- The answer of a call as a number, or nil and an error.
local function answer(result)
    if result < 0 then return failure(result) end
    return tonumber(result)
end

-- true, or nil and an error.
local function done(result)
    if result < 0 then return failure(result) end
    return true
end

-- C ends a text at its NUL: one that has more behind it is no text.
local function text(value, what)
    if type(value) ~= "string" or value:find("\0", 1, true) then error("no text for " .. what, 3) end
    return value
end

-- A number of bytes there can be.
local function size_of(value)
    if type(value) ~= "number" or not (value >= 0 and value % 1 == 0) then error("no size: " .. tostring(value), 3) end
    return value
end

-- What can be sent, as of Lua's files: a string, or a number as one.
local function bytes_of(value)
    if type(value) ~= "string" and type(value) ~= "number" then error("no bytes: " .. tostring(value), 3) end
    return tostring(value)
end

local function microseconds(seconds)
    if seconds == nil then return -1 end
    if type(seconds) ~= "number" or not (seconds >= 0) then error("no time: " .. tostring(seconds), 3) end
    -- Three hundred years are for ever, and more would not fit.
    return seconds > 9e9 and -1 or math.ceil(seconds * abi.SECOND)
end

-- A text of any length from a function that fills memory.
local function filled(call, ...)
    local size = 128
    while true do
        local room = ffi.new("char[?]", size)
        local a, b, c = ...
        local length
        if c ~= nil then length = call(a, b, c, room, size)
        elseif b ~= nil then length = call(a, b, room, size)
        else length = call(a, room, size) end
        if length < 0 then return failure(length) end
        if length < size then return ffi.string(room, length) end
        size = tonumber(length) + 1
    end
end

-- Waiting. A signal ends a call, so that LuaJIT raises "interrupted!" after Ctrl-C; else the call begins anew, and the time that
-- has passed counts.

local READ, WRITE = 1, 2
local clock

if ffi.os == "Windows" then
    clock = os.clock -- there it is the time since the program has begun, and not that of the processor
else
    ffi.cdef [[
    typedef struct { long seconds, nanoseconds; } anysock_lua_time;
    int anysock_lua_now(int clock, anysock_lua_time *time) __asm__("clock_gettime");
    ]]
    -- CLOCK_MONOTONIC, which nobody sets; where its number is not known, CLOCK_REALTIME.
    local number = ({ Linux = 1, OSX = 6 })[ffi.os] or 0
    local time = ffi.new "anysock_lua_time"
    function clock()
        ffi.C.anysock_lua_now(number, time)
        return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
    end
end

-- 1 when a call would not wait, 0 at the end of the time, or an error.
local function ready(self, direction, left)
    local number = ffi.new("anysock_t[1]", self.number)
    local set = ffi.new("anysock_handles", 1, number)
    return C.anysock_select(direction == READ and set or nil, direction == WRITE and set or nil, nil, left * abi.SECOND)
end

local function again(self, direction, started, call, ...)
    local result = abi.EINTR
    while result == abi.EINTR do
        if started then
            local found = ready(self, direction, math.max(started + self.timeout - clock(), 0))
            if found == 0 then return abi.ETIMEDOUT end
            result = found < 0 and found or call(self.number, ...)
        else
            result = call(self.number, ...)
        end
    end
    return result
end
-- Compiled code would not look whether Ctrl-C was pressed.
jit.off(again)

local function waiting(self, direction, call, ...)
    local started = self.timeout and clock()
    local result = call(self.number, ...)
    if result == abi.EINTR then return again(self, direction, started, call, ...) end
    return result
end

-- Handles: what sockets and pollers share.

ffi.cdef "typedef struct { anysock_t number; } anysock_lua_owner;"
local owner = ffi.metatype("anysock_lua_owner", {
    __gc = function(self)
        if self.number ~= 0 then C.anysock_close(self.number) end
    end,
})

local Handle = {}

local function own(class, number)
    if number < 0 then return failure(number) end
    C.anysock_set(number, abi.OPT_INTERRUPTIBLE, 1)
    return setmetatable({ owner = owner(number), number = number }, class)
end

-- Closes it at once: true. A second time does nothing.
function Handle:close()
    if self.owner.number == 0 then return true end
    self.owner.number = 0
    return done(C.anysock_close(self.number))
end

-- An option by its name in the manual: a number, a text, a switch. A time is in microseconds.
function Handle:set(option, value)
    text(option, "option")
    if type(value) == "string" then return done(C.anysock_set_text(self.number, option, text(value, option))) end
    if type(value) == "boolean" then value = value and 1 or 0 end
    return done(C.anysock_set(self.number, option, value))
end

function Handle:get(option)
    local value = ffi.new "int64_t[1]"
    local result = C.anysock_get(self.number, text(option, "option"), value)
    if result < 0 then return failure(result) end
    return tonumber(value[0])
end

function Handle:get_text(option)
    return filled(C.anysock_get_text, self.number, text(option, "option"))
end

-- The system's own descriptor, lent.
function Handle:fd()
    return answer(C.anysock_fd(self.number))
end

-- Sockets.

local Socket = setmetatable({}, { __index = Handle })
Socket.__index = Socket

-- "tcp", "udp4", "unix", "ip4:icmp" and the like.
function anysock.open(kind)
    return own(Socket, C.anysock_open(text(kind, "kind")))
end

-- Seconds; nil waits for ever (the default), with 0 what would wait is EAGAIN, at the end of another time it is ETIMEDOUT.
function Socket:settimeout(seconds)
    local good, error = self:set(abi.OPT_TIMEOUT, microseconds(seconds))
    if not good then return nil, error end
    self.timeout = seconds
    return true
end

function Socket:bind(address)
    return done(C.anysock_bind(self.number, text(address, "address")))
end

-- A backlog of 0 is the longest queue that the system has.
function Socket:listen(backlog)
    return done(C.anysock_listen(self.number, backlog or 0))
end

function Socket:connect(address)
    return done(waiting(self, WRITE, C.anysock_connect, text(address, "address")))
end

-- The next connection.
function Socket:accept()
    return own(Socket, waiting(self, READ, C.anysock_accept))
end

-- With `started`, in what is left of the time of a call that began then.
local function receive(self, size, started)
    local room = ffi.new("char[?]", size)
    local count
    if started then count = again(self, READ, started, C.anysock_read, room, size)
    else count = waiting(self, READ, C.anysock_read, room, size) end
    if count < 0 then return failure(count) end
    if count == 0 and size > 0 and not self:is_datagram() then return nil end
    return ffi.string(room, count)
end

-- What is there, at most `size` bytes; nil and no error at the end of the stream. A datagram without content is "".
function Socket:receive(size)
    return receive(self, size_of(size or PART))
end

function Socket:is_datagram()
    if self.datagram == nil then
        local kind = self:get_text(abi.OPT_KIND) or ""
        self.datagram = kind:find "^udp" ~= nil or kind:find "^unixgram" ~= nil or kind:find "^ip" ~= nil
    end
    return self.datagram
end

-- As of Lua's files: "*a" is everything up to the end, a number so many bytes, fewer before the end and nil at it. After an
-- error what had come is the third value.
function Socket:read(what)
    local all = what == "*a" or what == "a"
    local parts, left = {}, all and math.huge or size_of(what or PART)
    local started = not all and (self.timeout or 0) > 0 and clock()
    while left > 0 do
        local part, error = receive(self, math.min(left, PART), #parts > 0 and started)
        if error then return nil, error, table.concat(parts) end
        if not part then break end
        parts[#parts + 1], left = part, left - #part
    end
    if #parts == 0 and not all and what ~= 0 then return nil end
    return table.concat(parts)
end

-- All of them. true; or nil, an error, and how many bytes of all have gone.
function Socket:write(...)
    local gone, started = 0, (self.timeout or 0) > 0 and clock()
    for at = 1, select("#", ...) do
        local bytes = bytes_of((select(at, ...)))
        local start, left = ffi.cast("const char *", bytes), #bytes
        repeat
            local count
            -- After the first call what is left of its time is for the rest.
            if gone == 0 then count = waiting(self, WRITE, C.anysock_write_all, start, left)
            else count = again(self, WRITE, started, C.anysock_write, start, left) end
            if count < 0 then
                local _, error = failure(count)
                return nil, error, gone
            end
            count = tonumber(count)
            start, left, gone = start + count, left - count, gone + count
        until left == 0
    end
    return true
end

-- A datagram and who sent it.
function Socket:receive_from(size, flags)
    size = size_of(size or PART)
    local room, address = ffi.new("char[?]", size), ffi.new "char[256]"
    local count = waiting(self, READ, C.anysock_recv_from, room, size, flags or 0, address, 256)
    if count < 0 then return failure(count) end
    return ffi.string(room, math.min(tonumber(count), size)), ffi.string(address)
end

-- How many bytes.
function Socket:send_to(bytes, address, flags)
    bytes = bytes_of(bytes)
    return answer(waiting(self, WRITE, C.anysock_send_to, bytes, #bytes, flags or 0, text(address, "address")))
end

local HOW = { read = abi.SHUT_READ, write = abi.SHUT_WRITE, both = abi.SHUT_BOTH }

-- "write": that was all, the peer reads the end of the stream. "read", "both".
function Socket:shutdown(how)
    return done(C.anysock_shutdown(self.number, HOW[how or "both"] or error("no way to shut down: " .. tostring(how), 2)))
end

function Socket:local_address()
    return filled(C.anysock_local_address, self.number)
end

function Socket:peer_address()
    return filled(C.anysock_peer_address, self.number)
end

-- Pollers: sockets are registered once, and a wait costs what is ready.

local Poller = setmetatable({}, { __index = Handle })
Poller.__index = Poller

local EVENTS = { read = abi.EVENT_READ, write = abi.EVENT_WRITE, except = abi.EVENT_EXCEPT, edge = abi.EVENT_EDGE,
    oneshot = abi.EVENT_ONESHOT }

function anysock.poller()
    local poller, error = own(Poller, C.anysock_poller_open())
    if not poller then return nil, error end
    poller.sockets, poller.count, poller.limit = {}, 0, FEW
    poller.events = ffi.new("anysock_event[?]", BATCH)
    return poller
end

-- Nothing tells a poller that a socket was closed: it drops those that are whenever its sockets have doubled in number.
local function forget_closed(poller)
    poller.count = 0
    for token, socket in pairs(poller.sockets) do
        if socket.owner.number == 0 then poller.sockets[token] = nil else poller.count = poller.count + 1 end
    end
    poller.limit = math.max(2 * poller.count, FEW)
end

-- Registers a socket, or changes what it is asked for: poller:watch(socket, "read", "write"); "except", "edge", "oneshot". Without
-- any it is taken out.
function Poller:watch(socket, ...)
    local events = 0
    for at = 1, select("#", ...) do
        events = bit.bor(events, EVENTS[select(at, ...)] or error("no event: " .. tostring((select(at, ...))), 2))
    end
    local token = tonumber(socket.number)
    local result = C.anysock_poller_set(self.number, socket.number, events, token)
    if result < 0 then return failure(result) end
    if events ~= 0 and not self.sockets[token] then self.count = self.count + 1 end
    self.sockets[token] = events ~= 0 and socket or nil
    if self.count >= self.limit then forget_closed(self) end
    return true
end

-- A list of what is ready: { socket = ..., read = true, hangup = true }. Empty at the timeout (seconds, nil for ever).
function Poller:wait(timeout)
    local ended = timeout and clock() + timeout
    local count = C.anysock_poller_wait(self.number, self.events, BATCH, microseconds(timeout))
    while count == abi.EINTR do
        local left = ended and math.max(ended - clock(), 0)
        count = C.anysock_poller_wait(self.number, self.events, BATCH, microseconds(left))
    end
    if count < 0 then return failure(count) end
    local ready = {}
    for at = 0, tonumber(count) - 1 do
        local event = self.events[at]
        local has = function(mask) return bit.band(event.events, mask) ~= 0 end
        ready[at + 1] = { socket = self.sockets[tonumber(event.token)], read = has(abi.EVENT_READ), write = has(abi.EVENT_WRITE),
            except = has(abi.EVENT_EXCEPT), hangup = has(abi.EVENT_HANGUP), error = has(abi.EVENT_ERROR) }
    end
    return ready
end
jit.off(Poller.wait)

-- Ends one wait, this or the next.
function Poller:wake()
    return done(C.anysock_poller_wake(self.number))
end

-- What needs no socket.

-- A socket that `prepare` makes ready, or closes.
local function prepared(kind, prepare)
    local socket, error = anysock.open(kind)
    if not socket then return nil, error end
    local good
    good, error = prepare(socket)
    if good then return socket end
    socket:close()
    return nil, error
end

-- A connection: options are `kind` ("tcp") and `timeout` in seconds.
function anysock.connect(address, options)
    options = options or {}
    return prepared(options.kind or "tcp", function(socket)
        local good, error = socket:settimeout(options.timeout)
        if not good then return nil, error end
        return socket:connect(address)
    end)
end

-- A listener: options are `kind` ("tcp") and `backlog`.
function anysock.listen(address, options)
    options = options or {}
    return prepared(options.kind or "tcp", function(socket)
        local good, error = socket:bind(address)
        if not good then return nil, error end
        return socket:listen(options.backlog)
    end)
end

-- A datagram socket with an address of its own.
function anysock.bind(address, kind)
    return prepared(kind or "udp", function(socket) return socket:bind(address) end)
end

-- Two sockets that are connected to each other.
function anysock.pair(kind)
    local numbers = ffi.new "anysock_t[2]"
    local result = C.anysock_pair(text(kind or "unix", "kind"), numbers, numbers + 1)
    if result < 0 then return failure(result) end
    return own(Socket, numbers[0]), own(Socket, numbers[1])
end

-- The addresses of a name, in a list.
function anysock.resolve(address, kind, timeout)
    local lines, error = filled(C.anysock_resolve, text(kind or "tcp", "kind"), text(address, "address"), microseconds(timeout))
    if not lines then return nil, error end
    local addresses = {}
    for line in lines:gmatch "[^\n]+" do addresses[#addresses + 1] = line end
    return addresses
end

-- Whether this system has a kind, an option or a feature.
function anysock.has(feature)
    return C.anysock_has(text(feature, "feature")) == 1
end

function anysock.version()
    return ffi.string(C.anysock_version())
end

return anysock
