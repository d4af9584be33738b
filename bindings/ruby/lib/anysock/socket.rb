# frozen_string_literal: true

# A socket of any kind, with the methods that IO has under the same names.
#
# SPDX-License-Identifier: MIT OR Apache-2.0

module Anysock
  # Calls wait for as long as +timeout+ says, then they raise Errno::ETIMEDOUT.
  class Socket < Handle
    include Enumerable

    # How much is read at a time where nobody says.
    PART = 65_536

    # "tcp", "udp4", "unix", "ip4:icmp" and the like.
    def self.open(kind)
      new(Error.check(Abi.anysock_open(kind)))
    end

    # Seconds; nil waits for ever, with 0 what would wait raises Errno::EAGAIN.
    attr_reader :timeout

    def timeout=(seconds)
      self[Abi::OPT_TIMEOUT] = Anysock.microseconds(seconds)
      @timeout = seconds
    end

    def bind(address)
      Error.check(Abi.anysock_bind(number, address))
    end

    def listen(backlog = 0)
      Error.check(Abi.anysock_listen(number, backlog))
    end

    def connect(address)
      waiting(:write) { Abi.anysock_connect(number, address) }
    end

    # The next connection.
    def accept
      Socket.new(waiting(:read) { Abi.anysock_accept(number) })
    end

    # Each connection of a listener.
    def each
      return to_enum unless block_given?

      loop { yield accept }
    end

    # What is there, at most +size+ bytes; EOFError at the end of the stream.
    def readpartial(size, buffer = nil)
      part = receive(size)
      raise EOFError, 'end of file reached' if part.nil? && size.positive?

      buffer ? buffer.replace(part.to_s) : part.to_s
    end

    # Everything up to the end; or +size+ bytes, fewer before the end or an error, which the next call tells, and nil at the end.
    def read(size = nil)
      demand(size) if size
      all = String.new(encoding: Encoding::BINARY)
      started = now
      while size.nil? || all.bytesize < size
        await_rest(:read, started) unless size.nil? || all.empty?
        part = receive(size.nil? ? PART : [size - all.bytesize, PART].min) or break
        all << part
      end
      all.empty? && size&.positive? ? nil : all
    rescue SystemCallError
      # What has come is not lost. Of all up to the end there is no part.
      raise if size.nil? || all.empty?

      all
    end

    # All of it. How many bytes.
    def write(*texts)
      texts.sum { |text| write_all(text.to_s) }
    end

    # What there is room for, at least a byte. How many bytes. For a program that waits in a poller, with timeout 0.
    def syswrite(text)
      kept = bytes(text.to_s)
      waiting(:write) { Abi.anysock_write(number, kept, kept.bytesize) }
    end

    def <<(text)
      write(text)
      self
    end

    # A datagram and who sent it.
    def recvfrom(size, flags = 0)
      demand(size)
      FFI::MemoryPointer.new(:char, [size, 1].max, false) do |room|
        FFI::MemoryPointer.new(:char, 256) do |address|
          count = waiting(:read) { Abi.anysock_recv_from(number, room, size, flags, address, 256) }
          return [room.read_bytes([count, size].min), address.read_string.force_encoding(Encoding::UTF_8)]
        end
      end
    end

    # A datagram to an address, or to the peer. How many bytes.
    def send(data, flags = 0, address = nil)
      kept = bytes(data)
      return waiting(:write) { Abi.anysock_send(number, kept, kept.bytesize, flags) } if address.nil?

      waiting(:write) { Abi.anysock_send_to(number, kept, kept.bytesize, flags, address) }
    end

    # That was all: the peer reads the end of the stream.
    def close_write
      Error.check(Abi.anysock_shutdown(number, Abi::SHUT_WRITE))
    end

    def close_read
      Error.check(Abi.anysock_shutdown(number, Abi::SHUT_READ))
    end

    def local_address
      Handle.text { |room, size| Abi.anysock_local_address(number, room, size) }
    end

    def peer_address
      Handle.text { |room, size| Abi.anysock_peer_address(number, room, size) }
    end

    private

    # nil at the end of the stream. A datagram without content is an empty text.
    def receive(size)
      demand(size)
      FFI::MemoryPointer.new(:char, [size, 1].max, false) do |room|
        count = waiting(:read) { Abi.anysock_read(number, room, size) }
        return count.zero? && stream? ? nil : room.read_bytes(count)
      end
    end

    def demand(size)
      raise ArgumentError, "negative length #{size} given" if size.negative?
    end

    def stream?
      @stream = !%w[udp unixgram ip].any? { |kind| text_option(Abi::OPT_KIND).start_with?(kind) } if @stream.nil?
      @stream
    end

    def write_all(text)
      kept = bytes(text)
      return send(kept) if kept.empty?

      started = now
      sent = waiting(:write) { Abi.anysock_write_all(number, kept, kept.bytesize) }
      while sent < kept.bytesize
        await_rest(:write, started)
        rest = kept.byteslice(sent..)
        sent += waiting(:write) { Abi.anysock_write(number, rest, rest.bytesize) }
      end
      sent
    end

    # Bytes that no other thread can change during a call: a copy, which shares its memory until then.
    def bytes(text)
      text.frozen? ? text : text.dup.freeze
    end

    # A call that a signal has ended begins anew, after Ruby has done what the signal asks for (which may raise). The time that
    # has passed counts.
    def waiting(direction)
      started = now if @timeout
      result = yield
      while result == Abi::EINTR
        await(direction, started) if @timeout
        result = yield
      end
      Error.check(result)
    end

    # For the rest of what a call moves there is what is left of its time.
    def await_rest(direction, started)
      await(direction, started) if @timeout&.positive?
    end

    def await(direction, started)
      one = FFI::MemoryPointer.new(:int64).write_int64(number)
      set = Abi::Handles.new
      loop do
        left = [started + @timeout - now, 0].max
        set[:count], set[:handles] = 1, one.write_int64(number)
        sets = direction == :read ? [set, nil] : [nil, set]
        result = Abi.anysock_select(*sets, nil, Anysock.microseconds(left))
        next if result == Abi::EINTR

        return if Error.check(result).positive?

        raise Error.of(Abi::ETIMEDOUT)
      end
    end
  end
end
