-- calls read N: reads that would block. calls queue N: runs of 64 operations that do nothing. See ../calls.py.
local anysock = require "anysock"
local abi = require "anysock.abi"
local ffi = require "ffi"

local first, second = assert(anysock.pair())
first:settimeout(0)
local number, byte = first.number, ffi.new "char[1]"
local queue = abi.C.anysock_queue_open(0, 0)
local wanted, done = ffi.new "anysock_op[64]", ffi.new "anysock_done[64]"
local times = tonumber(arg[2])
local sum = 0
if arg[1] == "read" then
    for _ = 1, times do abi.C.anysock_read(number, byte, 1) end
else
    for _ = 1, times do
        for at = 0, 63 do wanted[at].op = abi.OP_NOP end
        abi.C.anysock_queue_run(queue, wanted, 64, done, 64, 0)
        for at = 0, 63 do sum = sum + tonumber(done[at].result) end
    end
end
