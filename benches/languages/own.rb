# frozen_string_literal: true

# An echo server on Ruby's own sockets, one thread and IO.select: what bindings/ruby/examples/queue_echo_server.rb is compared with.

require 'socket'

listener = TCPServer.new('127.0.0.1', 0)
listener.listen(511)
puts "listening on 127.0.0.1:#{listener.addr[1]}"
$stdout.flush
room = String.new
watched = [listener]
loop do
  ready, = IO.select(watched)
  ready.each do |socket|
    next watched << socket.accept if socket == listener

    part = socket.read_nonblock(4096, room, exception: false)
    next if part == :wait_readable
    next socket.write(part) if part

    watched.delete(socket)
    socket.close
  end
end
