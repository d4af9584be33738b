-- An echo server on LuaSocket, as Lua has no sockets of its own: what bindings/lua/examples/queue_echo_server.lua is compared with.

package.cpath = package.cpath .. ";/usr/lib/x86_64-linux-gnu/lua/5.1/?.so"
package.path = package.path .. ";/usr/share/lua/5.1/?.lua"
local socket = require "socket"

local listener = assert(socket.bind("127.0.0.1", 0, 511))
listener:settimeout(0)
local _, port = listener:getsockname()
print("listening on 127.0.0.1:" .. port)
io.stdout:flush()

local watched = { listener }
while true do
    for _, one in ipairs(socket.select(watched)) do
        if one == listener then
            local client = listener:accept()
            if client then
                client:settimeout(0)
                client:setoption("tcp-nodelay", true)
                watched[#watched + 1] = client
            end
        else
            local part, error, rest = one:receive(4096)
            part = part or rest
            if #part > 0 then one:send(part) end
            if error == "closed" then
                for at = 1, #watched do
                    if watched[at] == one then table.remove(watched, at) break end
                end
                one:close()
            end
        end
    end
end
