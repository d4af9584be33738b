-- A read for which nothing comes, in compiled code: Ctrl-C ends the program. Started by bindings/lua/test.

local anysock = require "anysock"

local first, second = assert(anysock.pair())
-- Until it is compiled.
for _ = 1, 1000 do
    assert(second:write "x")
    assert(first:receive(1))
end
io.stdout:write "waiting\n"
io.stdout:flush()
first:receive(1)
