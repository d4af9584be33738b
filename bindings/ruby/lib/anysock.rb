# frozen_string_literal: true

# anysock for Ruby: the same sockets on every system.
#
#     Anysock.connect('example.com:80', timeout: 10) do |socket|
#       socket.write("GET / HTTP/1.0\r\n\r\n")
#       puts socket.read
#     end
#
# Times are seconds, addresses are texts. A call that waits gives up the interpreter's lock, and ends when its thread is
# killed, timed out or interrupted.
#
# Not here: what the library promises (its manual), and declarations (anysock/abi.rb).
#
# SPDX-License-Identifier: MIT OR Apache-2.0

require_relative 'anysock/abi'
require_relative 'anysock/error'
require_relative 'anysock/handle'
require_relative 'anysock/socket'
require_relative 'anysock/poller'

# The functions that need no socket.
module Anysock
  module_function

  # A connection; with a block, that is given to it and closed after it.
  def connect(address, kind: 'tcp', timeout: nil, &block)
    prepared(kind, block) do |socket|
      socket.timeout = timeout
      socket.connect(address)
    end
  end

  # A listener. A backlog of 0 is the longest queue that the system has.
  def listen(address, kind: 'tcp', backlog: 0, &block)
    prepared(kind, block) do |socket|
      socket.bind(address)
      socket.listen(backlog)
    end
  end

  # A datagram socket with an address of its own.
  def bind(address, kind: 'udp', &block)
    prepared(kind, block) { |socket| socket.bind(address) }
  end

  # Two sockets that are connected to each other.
  def pair(kind = 'unix')
    FFI::MemoryPointer.new(:int64, 2) do |numbers|
      Error.check(Abi.anysock_pair(kind, numbers, numbers + 8))
      return numbers.read_array_of_int64(2).map { |number| Socket.new(number) }
    end
  end

  # The addresses of a name. +timeout+ is in seconds, nil waits as long as it takes.
  def resolve(address, kind: 'tcp', timeout: nil)
    wait = Anysock.microseconds(timeout)
    Handle.text { |room, size| Abi.anysock_resolve(kind, address, wait, room, size) }.split("\n")
  end

  # Whether this system has a kind, an option or a feature.
  def has?(feature)
    Error.check(Abi.anysock_has(feature)) == 1
  end

  def version
    Abi.anysock_version
  end

  # nil is for ever.
  def microseconds(seconds)
    return -1 if seconds.nil?
    raise ArgumentError, "negative time: #{seconds}" if seconds.negative?

    # Three hundred years are for ever, and more would not fit.
    seconds > 9e9 ? -1 : (seconds * Abi::SECOND).ceil
  end

  # A socket that is made ready by the block, and closed if that fails.
  def prepared(kind, user)
    socket = Socket.open(kind)
    begin
      yield socket
    rescue Exception
      socket.close
      raise
    end
    return socket unless user

    begin
      user.call(socket)
    ensure
      socket.close
    end
  end
  private_class_method :prepared
end
