# frozen_string_literal: true

# What sockets and pollers share: a number of the library, options, closing, waiting.
#
# SPDX-License-Identifier: MIT OR Apache-2.0

module Anysock
  # The owner of a handle.
  class Handle
    # The number for the C interface.
    attr_reader :number

    # Takes over a handle of the C interface.
    def initialize(number)
      @number = number
      @closed = false
      # Ruby's own signals, with which it wakes a thread that shall end, end a wait.
      Error.check(Abi.anysock_set(number, Abi::OPT_INTERRUPTIBLE, 1))
      # Ruby does not say when, or whether, this is called.
      ObjectSpace.define_finalizer(self, Handle.closer(number))
    end

    # There is one owner, as it closes the handle.
    def initialize_copy(_)
      raise TypeError, "can't copy #{self.class}"
    end

    def marshal_dump
      raise TypeError, "can't dump #{self.class}"
    end

    # In a place of its own, as it must not see the object that it waits for.
    def self.closer(number)
      proc { Abi.anysock_close(number) }
    end

    # Closes it at once, from any thread: who waits on it gets Errno::ECANCELED. Twice is once.
    def close
      return if @closed

      @closed = true
      ObjectSpace.undefine_finalizer(self)
      Error.check(Abi.anysock_close(@number))
      nil
    end

    def closed?
      @closed
    end

    # An option by its name in the manual. A time is in microseconds.
    def [](option)
      FFI::MemoryPointer.new(:int64) do |value|
        Error.check(Abi.anysock_get(@number, option, value))
        return value.read_int64
      end
    end

    # Sets an option: a number, a text, or true and false.
    def []=(option, value)
      case value
      when String then Error.check(Abi.anysock_set_text(@number, option, value))
      when true, false then Error.check(Abi.anysock_set(@number, option, value ? 1 : 0))
      else Error.check(Abi.anysock_set(@number, option, value))
      end
    end

    # An option that is text.
    def text_option(option)
      Handle.text { |room, size| Abi.anysock_get_text(@number, option, room, size) }
    end

    # The system's own descriptor, lent.
    def fileno
      Error.check(Abi.anysock_fd(@number))
    end

    # A text of any length from a function that fills memory.
    def self.text
      size = 128
      loop do
        room = FFI::MemoryPointer.new(:char, size)
        length = Error.check(yield(room, size))
        return room.read_bytes(length).force_encoding(Encoding::UTF_8) if length < size

        size = length + 1
      end
    end

    private

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
