# frozen_string_literal: true

# The layer's promises, with minitest: ruby -Ilib tests/test_anysock.rb

require 'digest'
require 'minitest/autorun'
require 'objspace'
require 'timeout'
require 'tmpdir'
require 'anysock'

# Sockets of a test are closed at its end.
class TestAnysock < Minitest::Test
  def setup
    @open = []
  end

  def teardown
    @open.each(&:close)
  end

  def keep(*sockets)
    @open.concat(sockets)
    sockets.size == 1 ? sockets[0] : sockets
  end

  def connected(kind = 'tcp', address = '127.0.0.1:0')
    Anysock.listen(address, kind: kind) do |listener|
      client = Anysock.connect(listener.local_address, kind: kind)
      return keep(client, listener.accept)
    end
  end

  # A thread that has come to wait in a call.
  def waiting
    thread = Thread.new do
      Thread.current.report_on_exception = false
      yield
    end
    Thread.pass until thread.stop?
    thread
  end

  # Runs the block while signals come all the time.
  def under_signals
    before = trap(:USR1) {}
    sender = Thread.new do
      loop do
        Process.kill(:USR1, Process.pid)
        sleep 0.002
      end
    end
    yield
  ensure
    sender.kill.join
    trap(:USR1, before)
  end

  def test_question_and_answer_with_half_close
    Dir.mktmpdir do |folder|
      [['tcp', '127.0.0.1:0'], ['tcp', '[::1]:0'], ['unix', "#{folder}/s"]].each do |kind, address|
        client, server = connected(kind, address)
        client << 'question'
        client.close_write
        assert_equal 'question', server.read
        assert_equal 5, server.write('ans', :wer) - 1
        server.close
        assert_equal 'answer', client.read(6)
        assert_nil client.read(6)
        assert_equal '', client.read
        assert_raises(EOFError) { client.readpartial(6) }
      end
    end
  end

  def test_a_mebibyte_arrives
    client, server = connected
    sent = Random.bytes(1 << 20)
    writer = Thread.new { client.write(sent) and client.close_write }
    assert_equal Digest::SHA256.digest(sent), Digest::SHA256.digest(server.read)
    writer.join
  end

  def test_what_is_written_does_not_change_on_the_way
    client, server = connected
    text = +'a' * (4 << 20)
    writer = waiting { client.write(text) and client.close_write }
    text.tr!('a', 'b')
    text.clear
    GC.start
    GC.compact if GC.respond_to?(:compact)
    assert_equal 4 << 20, server.read.count('a')
    writer.join
  end

  def test_errors_have_ruby_s_classes
    address = Anysock.listen('127.0.0.1:0', &:local_address)
    error = assert_raises(Errno::ECONNREFUSED) { Anysock.connect(address) }
    assert_kind_of Anysock::Error, error
    assert_equal ['ECONNREFUSED', -111], [error.name, error.code]
    assert_raises(Errno::ECONNREFUSED) { Anysock.connect("localhost:#{address[/\d+$/]}", kind: 'tcp4') }
    ['nonsense', '127.0.0.1:99999'].each { |text| assert_raises(Errno::EINVAL) { Anysock.connect(text) } }
    assert_raises(ArgumentError) { Anysock.connect("127.0.0.1:80\0") }
    assert_raises(Errno::EINVAL) { Anysock::Socket.open('teleport') }
    error = assert_raises(Anysock::Error) { Anysock.connect('no-such-name.invalid:80', timeout: 20) }
    assert_match(/^(EAI_|ETIMEDOUT)/, error.name)
    assert_kind_of SocketError, Anysock::Error.of(Anysock::Abi::EAI_NONAME)
  end

  def test_timeouts
    client, = connected
    client.timeout = 0.02
    assert_raises(Errno::ETIMEDOUT) { client.read }
    client.timeout = 0
    assert_raises(Errno::EAGAIN) { client.read }
    client.timeout = nil
    assert_nil client.timeout
    assert_raises(ArgumentError) { client.timeout = -1 }
  end

  # The timeout is for the whole write: a peer that reads slowly can't stretch it.
  def test_a_timeout_ends_a_write_that_goes_on_slowly
    first, second = keep(*Anysock.pair)
    reader = Thread.new do
      loop do
        second.readpartial(65_536)
        sleep 0.02
      end
    rescue EOFError
      # The writer has given up.
    end
    first.timeout = 0.5
    assert_raises(Errno::ETIMEDOUT) { first.write('x' * (1 << 24)) }
    first.close
    reader.join
  end

  def test_a_timeout_ends_a_read_that_goes_on_slowly
    first, second = keep(*Anysock.pair)
    # However busy the machine is, something has come in time.
    first.write('x')
    writer = Thread.new do
      loop do
        first.write('x')
        sleep 0.02
      end
    rescue Errno::EPIPE
      # The reader has given up.
    end
    second.timeout = 0.5
    assert_operator second.read(200).bytesize, :<, 200
    second.close
    writer.join
  end

  def test_what_there_is_room_for_is_written_and_counted
    first, second = keep(*Anysock.pair)
    first.timeout = 0
    gone = 0
    assert_raises(Errno::EAGAIN) { loop { gone += first.syswrite('x' * (1 << 20)) } }
    first.close
    assert_equal gone, second.read.bytesize
  end

  def test_sizes_and_times_that_are_none
    first, second = keep(*Anysock.pair('unixgram'))
    first.write('kept')
    [-> { second.read(-1) }, -> { second.readpartial(-1) }, -> { second.recvfrom(-1) }].each do |call|
      assert_raises(ArgumentError, &call)
    end
    assert_raises(ArgumentError) { second.timeout = -1 }
    assert_raises(ArgumentError) { keep(Anysock::Poller.new).wait(-1) }
    assert_equal 'kept', second.readpartial(10)
  end

  # A copy would close the handle of the other.
  def test_there_is_one_owner
    first, = keep(*Anysock.pair)
    assert_raises(TypeError) { first.dup }
    assert_raises(TypeError) { first.clone }
    assert_raises(TypeError) { Marshal.dump(first) }
    refute first.closed?
  end

  def test_what_has_come_before_a_timeout_is_not_lost
    first, second = Anysock.pair
    second.timeout = 0.02
    first.write('half')
    assert_equal 'half', second.read(8)
    assert_raises(Errno::ETIMEDOUT) { second.read(8) }
    first.write('whole')
    assert_equal 'whole', second.read(5)
    first.write('more')
    assert_raises(Errno::ETIMEDOUT) { second.read }
    [first, second].each(&:close)
  end

  def test_a_poller_forgets_what_is_closed
    poller = keep(Anysock::Poller.new)
    1000.times do
      first, second = Anysock.pair
      poller.set(first, :read)
      first.close
      second.close
    end
    left = ObjectSpace.reachable_objects_from(poller.instance_variable_get(:@registered)).grep(Anysock::Socket)
    assert_operator left.size, :<, 500
  end

  # Lending one makes it block.
  def test_a_poller_leaves_descriptors_as_they_are
    skip 'no /proc' unless File.directory?('/proc/self/fdinfo')
    poller = keep(Anysock::Poller.new)
    sockets = Array.new(64) { Anysock.pair }.flatten
    before = flags_of_descriptors
    sockets.each { |socket| poller.set(socket, :read) }
    assert_empty(before.to_a - flags_of_descriptors.to_a)
    sockets.each(&:close)
  end

  def flags_of_descriptors
    Dir.children('/proc/self/fd').to_h do |number|
      info = "/proc/self/fdinfo/#{number}"
      [number, File.exist?(info) ? File.read(info)[/flags:\s*(\d+)/, 1] : nil]
    end
  end

  def test_signals_neither_cut_nor_stretch_a_wait
    client, server = connected
    under_signals do
      client.timeout = 0.1
      assert_raises(Errno::ETIMEDOUT) { Timeout.timeout(20) { client.read } }
      poller = keep(Anysock::Poller.new)
      assert_empty(Timeout.timeout(20) { poller.wait(0.1) })
      client.timeout = nil
      server.write('after all')
      assert_equal 'after all', client.readpartial(100)
    end
  end

  def test_a_wait_gives_up_the_lock
    client, server = connected
    reader = waiting { client.readpartial(10) }
    server.write('now') # which no thread could do that lacks the lock
    assert_equal 'now', reader.value
  end

  def test_what_ends_a_wait
    client, = connected
    assert_raises(Timeout::Error) { Timeout.timeout(0.05) { client.read } }
    assert_nil waiting { client.read }.kill.join.value
    poller = keep(Anysock::Poller.new)
    assert_raises(Timeout::Error) { Timeout.timeout(0.05) { poller.wait } }
    reader = waiting { client.read }
    # The thread has said that it waits; it may still be on its way into the call.
    client.close
    assert_includes [Errno::ECANCELED, Errno::EBADF], assert_raises(SystemCallError) { reader.value }.class
    assert_predicate client, :closed?
    client.close
  end

  def test_ctrl_c_ends_a_wait
    program = <<~RUBY
      require 'anysock'
      first, = Anysock.pair
      main = Thread.current
      Thread.new do
        Thread.pass until main.stop?
        $stdout.syswrite("waiting\n")
      end
      begin
        first.read
      rescue Interrupt
        puts 'interrupted'
      end
    RUBY
    IO.popen([RbConfig.ruby, '-I', "#{__dir__}/../lib", '-e', program]) do |child|
      assert_equal "waiting\n", child.gets
      Process.kill(:INT, child.pid)
      assert_equal "interrupted\n", child.read
    end
  end

  def test_a_program_ends_while_a_thread_waits
    program = "require 'anysock'; first, = Anysock.pair; Thread.new { first.read }; Thread.pass; exit!(7) if ARGV[0]; exit 7"
    [[], ['at once']].each do |arguments|
      system(RbConfig.ruby, '-I', "#{__dir__}/../lib", '-e', program, *arguments)
      assert_equal 7, $?.exitstatus
    end
  end

  # What is written keeps its place, and what is read is put together afterwards.
  def test_the_collector_moves_texts_during_calls
    skip 'this Ruby does not compact' unless GC.respond_to?(:compact)
    client, server = connected
    moving = true
    mover = Thread.new { GC.compact while moving }
    50.times do |turn|
      said = "#{turn} #{'x' * 100}"
      reader = waiting { client.read(said.bytesize) }
      server.write(said)
      assert_equal said, reader.value
    end
  ensure
    moving = false
    mover&.join
  end

  def test_a_forked_child_has_its_own
    client, server = connected
    poller = keep(Anysock::Poller.new)
    poller.set(server, :read)
    child = fork do
      poller.set(server)
      server.write('from the child')
      client.close
      exit! 0
    end
    Process.wait(child)
    assert_equal 0, $?.exitstatus
    assert_equal 'from the child', client.readpartial(100)
    client.write('still open')
    assert_equal [[server, [:read]]], poller.wait(20)
  end

  def test_datagrams
    server = keep(Anysock.bind('127.0.0.1:0'))
    client = keep(Anysock.connect(server.local_address, kind: 'udp'))
    ['ping', ''].each do |content|
      client.write(content)
      data, address = server.recvfrom(100)
      assert_equal [content, client.local_address], [data, address]
      assert_equal content.size, server.send(data, 0, address)
      assert_equal content, client.readpartial(100)
    end
  end

  def test_a_poller_over_two_sockets
    poller = keep(Anysock::Poller.new)
    pairs = Array.new(2) { keep(*Anysock.pair) }
    pairs.each_with_index { |(socket, _), at| poller.set(socket, :read, token: at) }
    assert_empty poller.wait(0)
    pairs[1][1].write('x')
    assert_equal [[1, [:read]]], poller.wait
    pairs[0][1].close
    assert_equal [0, 1], poller.wait.map(&:first).sort
    waiter = waiting { keep(Anysock::Poller.new).tap { |other| @other = other }.wait }
    @other.wake
    assert_empty waiter.value
  end

  def test_a_server_for_io_copy_stream
    listener = keep(Anysock.listen('127.0.0.1:0'))
    served = Thread.new do
      client = listener.each.first
      IO.copy_stream(client, client)
      client.close
    end
    client = keep(Anysock.connect(listener.local_address, timeout: 20))
    client.write('echo' * 50_000)
    client.close_write
    assert_equal 'echo' * 50_000, client.read
    served.join
  end

  def test_options_addresses_features
    client, server = connected
    client[Anysock::Abi::OPT_TCP_NODELAY] = true
    assert_equal 1, client[Anysock::Abi::OPT_TCP_NODELAY]
    assert_equal 'tcp', client.text_option(Anysock::Abi::OPT_KIND)
    assert_equal client.local_address, server.peer_address
    assert_raises(Errno::ENOPROTOOPT) { client['no.such'] = 1 }
    assert Anysock.has?('tcp')
    refute Anysock.has?('teleport')
    assert_equal Anysock::Abi::HEADER_VERSION, Anysock.version
    assert_equal ['127.0.0.1:80'], Anysock.resolve('127.0.0.1:80')
  end

  def forgotten_peers
    Array.new(50) { keep(Anysock.pair[1]) }
  end

  def test_what_is_forgotten_is_closed
    peers = forgotten_peers
    GC.start
    # The collector may see an old place on the stack as a reference, but not fifty.
    poller = keep(Anysock::Poller.new)
    peers.each { |peer| poller.set(peer, :read) }
    ready, = poller.wait(20).first
    assert_equal '', ready.read
  end
end
