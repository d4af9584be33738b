# frozen_string_literal: true

# Both ends of the conversation that every language has with every other (tests/languages/README.md):
#
#     ruby -Ilib examples/conversation.rb listen 127.0.0.1:0
#     ruby -Ilib examples/conversation.rb talk ADDRESS NOBODY     where the server is, and where nobody listens

require 'anysock'
require 'zlib'

PATIENCE = 30
MEBIBYTE = 1 << 20

# The name of the error that a block raises.
def failure
  yield
  'nothing'
rescue Anysock::Error => e
  e.name
end

# The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.
def answer(client)
  all = client.read
  client.write("#{all.bytesize} #{Zlib.adler32(all)}\n", all)
rescue Anysock::Error => e
  warn e.message
ensure
  client.close
end

def serve(address)
  Anysock.listen(address) do |listener|
    puts "listening on #{listener.local_address}"
    $stdout.flush
    listener.each { |client| Thread.new { answer(client) } }
  end
end

# The client: a line for each step.
def talk(address, nobody)
  puts "refused #{failure { Anysock.connect(nobody) }}"
  server = Anysock.connect("localhost:#{address.split(':').last}", timeout: PATIENCE)
  puts "connected #{server.peer_address}"
  server.timeout = 0.05
  puts "silence #{failure { server.readpartial(1) }}"
  server.timeout = PATIENCE
  server.write(Array.new(MEBIBYTE) { |i| i % 251 }.pack('C*'))
  server.close_write
  puts "ready #{ready(server)}"
  hear(server)
  puts "cancelled #{cancelled}"
  server.close
  puts "gone #{failure { server.readpartial(1) }}"
end

# Which of two has something to read: one to whom nobody speaks, or the server.
def ready(server)
  poller = Anysock::Poller.new
  idle, other = Anysock.pair('tcp')
  poller.set(idle, :read, token: 'idle')
  poller.set(server, :read, token: 'server')
  poller.wait(PATIENCE).map(&:first).join(' ')
ensure
  [poller, idle, other].each(&:close)
end

def hear(server)
  line, echo = server.read.split("\n", 2)
  puts "answer #{line}", "echo #{echo.bytesize} #{Zlib.adler32(echo)}"
end

def cancelled
  loop do
    idle, other = Anysock.pair('tcp')
    reader = Thread.new { failure { idle.readpartial(1) } }
    sleep 0.02
    idle.close
    other.close
    # Else the thread came too late to be blocked.
    return reader.value if reader.value != 'EBADF'
  end
end

case ARGV
in ['listen', address] then serve(address)
in ['talk', address, nobody] then talk(address, nobody)
else warn 'usage: conversation.rb listen ADDRESS | conversation.rb talk ADDRESS NOBODY'
end
