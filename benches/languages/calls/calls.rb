# frozen_string_literal: true

# calls read N: reads that would block. calls queue N: runs of 64 operations that do nothing. See ../calls.py.
require 'anysock'

include Anysock
first, = Anysock.pair
first.timeout = 0
number = first.number
queue = Abi.anysock_queue_open(0, 0)
byte = FFI::MemoryPointer.new(:char, 1)
done = FFI::MemoryPointer.new(:char, 64 * 64)
wanted = FFI::MemoryPointer.new(:char, 64 * 64)
ask = ([0, 0, Abi::OP_NOP, 0, 0, 0, 0, 0] * 64)
if ARGV[0] == 'read'
  ARGV[1].to_i.times { Abi.anysock_read(number, byte, 1) }
else
  ARGV[1].to_i.times do
    wanted.put_bytes(0, ask.pack('q*'))
    count = Abi.anysock_queue_run(queue, wanted, 64, done, 64, 0)
    done.get_bytes(0, count * 64).unpack('q*')
  end
end
