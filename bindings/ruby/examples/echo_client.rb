# frozen_string_literal: true

# An echo client: ruby -Ilib examples/echo_client.rb 127.0.0.1:7000 hello

require 'anysock'

Anysock.connect(ARGV[0] || '127.0.0.1:7000', timeout: 5) do |server|
  answer = Thread.new { server.read }
  server.write(ARGV[1] || 'hello')
  server.close_write
  puts answer.value
end
