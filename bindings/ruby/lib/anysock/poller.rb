# frozen_string_literal: true

# Waiting for many sockets: they are registered once, and a wait costs what is ready.
#
# SPDX-License-Identifier: MIT OR Apache-2.0

module Anysock
  # Any thread may register, wait and wake.
  class Poller < Handle
    EVENTS = {
      read: Abi::EVENT_READ, write: Abi::EVENT_WRITE, except: Abi::EVENT_EXCEPT, edge: Abi::EVENT_EDGE,
      oneshot: Abi::EVENT_ONESHOT, hangup: Abi::EVENT_HANGUP, error: Abi::EVENT_ERROR
    }.freeze
    # How many answers one wait gives; the next gives more.
    BATCH = 256
    # Fewer sockets than this are not looked through for closed ones.
    FEW = 64

    def initialize
      super(Error.check(Abi.anysock_poller_open))
      @registered = {}
      @limit = FEW
    end

    # Registers a socket, or changes what it is asked for: :read, :write, :except, and with them :edge, :oneshot. Without
    # any it is taken out. What a wait gives back is +token+.
    def set(socket, *events, token: socket)
      Error.check(Abi.anysock_poller_set(number, socket.number, events.sum { |event| EVENTS.fetch(event) }, socket.number))
      events.empty? ? @registered.delete(socket.number) : @registered[socket.number] = token
      forget_closed if @registered.size >= @limit
    end

    # What is ready: pairs of a token and its events. None at the timeout (seconds, nil for ever) and after +wake+.
    def wait(timeout = nil)
      left = Anysock.microseconds(timeout)
      ended = now + timeout if timeout
      room = FFI::MemoryPointer.new(Abi::Event, BATCH)
      loop do
        count = Abi.anysock_poller_wait(number, room, BATCH, left)
        return answers(room, Error.check(count)) unless count == Abi::EINTR

        left = Anysock.microseconds([ended - now, 0].max) if timeout
      end
    end

    # Ends one wait, this or the next, from any thread and from a trap.
    def wake
      Error.check(Abi.anysock_poller_wake(number))
    end

    private

    # Nothing tells a poller that a socket was closed: it drops those that are whenever its sockets have doubled in number.
    def forget_closed
      closed = @registered.keys.select { |socket| closed_number?(socket) }
      closed.each { |socket| @registered.delete(socket) }
      @limit = [2 * @registered.size, FEW].max
    end

    # Asked of the library, as the token need not be the socket. An option, as lending the descriptor would make it block.
    def closed_number?(socket)
      FFI::MemoryPointer.new(:int64) do |unused|
        return Abi.anysock_get(socket, Abi::OPT_TIMEOUT, unused) == Abi::EBADF
      end
    end

    def answers(room, count)
      Array.new(count) do |at|
        event = Abi::Event.new(room + at * Abi::Event.size)
        [@registered[event[:handle]], EVENTS.select { |_, bit| event[:events].anybits?(bit) }.keys]
      end
    end
  end
end
