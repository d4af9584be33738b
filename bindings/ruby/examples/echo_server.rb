# frozen_string_literal: true

# An echo server, a thread for each client: ruby -Ilib examples/echo_server.rb 127.0.0.1:7000

require 'anysock'

def serve(client)
  IO.copy_stream(client, client)
rescue SystemCallError => e
  warn e.message
ensure
  client.close
end

Anysock.listen(ARGV[0] || '127.0.0.1:7000') do |server|
  puts "listening on #{server.local_address}"
  $stdout.flush
  server.each { |client| Thread.new { serve(client) } }
rescue Interrupt
  # Ctrl-C
end
