# frozen_string_literal: true

# An echo server on the batch queue: ruby -Ilib examples/queue_echo_server.rb 127.0.0.1:7000
#
# A foreign call is dear in Ruby, so there is one in the loop: it hands over what shall be done on all connections, and brings back what
# has happened. Operations and events are eight numbers each; Ruby never sees the bytes, which go out from the buffer they came in.

require 'anysock'

include Anysock
BATCH = 128
RECORD = 8 * 8

# What shall be done because of what has happened: at most one thing. An operation is token, handle, op, flags, data, length, value, buffer.
def answer(handle, op, result, data, buffer)
  case op
  when Abi::OP_ACCEPT
    result.positive? ? [0, result, Abi::OP_READ, Abi::QUEUE_MULTI, 0, 0, 0, 0] : nil
  when Abi::OP_READ
    return [0, handle, Abi::OP_WRITE, Abi::QUEUE_QUIET, data, result, 0, buffer] if result.positive?

    [0, handle, Abi::OP_CLOSE, Abi::QUEUE_QUIET, 0, 0, 0, 0] if result != Abi::ECANCELED
  when Abi::OP_WRITE # it has failed: it is quiet otherwise
    [0, handle, Abi::OP_CLOSE, Abi::QUEUE_QUIET | Abi::QUEUE_NOW, 0, 0, 0, 0]
  end
end

def serve(queue, listener)
  wanted = FFI::MemoryPointer.new(:char, BATCH * RECORD)
  done = FFI::MemoryPointer.new(:char, BATCH * RECORD)
  ask = [0, listener, Abi::OP_ACCEPT, Abi::QUEUE_MULTI, 0, 0, 0, 0]
  loop do
    wanted.put_bytes(0, ask.pack('q*'))
    count = Abi.anysock_queue_run(queue, wanted, ask.size / 8, done, BATCH, -1)
    ask = []
    next if count == Abi::EINTR # Ruby has done what the signal asks for

    events = done.get_bytes(0, Error.check(count) * RECORD).unpack('q*')
    # token, handle, op, flags, result, data, value, buffer; a slice for each would cost as much as all else here.
    (0...events.size).step(8) do |at|
      wish = answer(events[at + 1], events[at + 2], events[at + 4], events[at + 5], events[at + 7])
      ask.concat(wish) if wish
    end
  end
end

Anysock.listen(ARGV[0] || '127.0.0.1:7000') do |listener|
  puts "listening on #{listener.local_address}"
  $stdout.flush
  queue = Handle.new(Abi.anysock_queue_open(0, 0))
  serve(queue.number, listener.number)
rescue Interrupt
  # Ctrl-C
end
