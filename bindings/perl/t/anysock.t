# The layer's promises: prove -l t

use strict;
use warnings;
use Digest::SHA 'sha256_hex';
use File::Temp 'tempdir';
use POSIX ();
use Scalar::Util ();
use Test::More;
use Time::HiRes ();
use Anysock;

sub connected {
    my $kind = $_[0] // 'tcp';
    my $listener = Anysock->listen($_[1] // '127.0.0.1:0', kind => $kind);
    my $client = Anysock->connect($listener->local_address, kind => $kind, timeout => 20);
    return ($client, $listener->accept);
}

sub fails {
    my ($name, $call) = @_;
    my $good = eval { $call->(); 1 };
    my $error = $@;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok !$good && ref $error eq 'Anysock::Error' && $error->name eq $name, "$name: $error";
}

subtest 'a question and its answer, with half-close' => sub {
    for my $way (['tcp', '127.0.0.1:0'], ['tcp', '[::1]:0'], ['unix', tempdir(CLEANUP => 1) . '/s']) {
        my ($client, $server) = connected(@$way);
        is $client->write('question'), 8;
        $client->shutdown('write');
        is $server->read_to_end, 'question';
        $server->write('answer');
        $server->close;
        is $client->read_full(6), 'answer';
        is $client->read_full(6), undef;
        is $client->read, undef;
    }
};

subtest 'a mebibyte arrives, from a forked child' => sub {
    my ($client, $server) = connected();
    my $sent = join '', map { chr int rand 256 } 1 .. 1 << 20;
    my $child = fork // die;
    if (!$child) {
        $server->close;
        $client->write($sent);
        POSIX::_exit(0);
    }
    $client->close;
    is sha256_hex($server->read_to_end), sha256_hex($sent);
    waitpid $child, 0;
    is $?, 0;
};

subtest 'errors by name, in the place of the caller' => sub {
    my $address = Anysock->listen('127.0.0.1:0')->local_address;
    fails ECONNREFUSED => sub { Anysock->connect($address) };
    is $@->code, -111;
    like "$@", qr/^connection refused \(ECONNREFUSED\) at .*anysock\.t line \d+/;
    my ($port) = $address =~ /(\d+)$/;
    fails ECONNREFUSED => sub { Anysock->connect("localhost:$port", kind => 'tcp4') };
    fails EINVAL => sub { Anysock->connect($_) } for 'nonsense', '127.0.0.1:99999';
    fails EINVAL => sub { Anysock::Socket->open('teleport') };
    ok !eval { Anysock->connect("127.0.0.1:80\0"); 1 };
    ok !eval { (Anysock->pair)[0]->write("\x{263a}"); 1 };
    like $@, qr/wide character at .*anysock\.t/;
};

subtest 'bytes are bytes' => sub {
    my ($first, $second) = Anysock->pair;
    my $text = "gr\xfc\xdfe";
    utf8::upgrade($text);
    $first->write($text);
    is $second->read, "gr\xfc\xdfe";
    ok utf8::is_utf8($text), 'and the caller has his own';
};

subtest 'timeouts' => sub {
    my ($client, $server) = connected();
    $client->timeout(0.02);
    fails ETIMEDOUT => sub { $client->read };
    $client->timeout(0);
    fails EAGAIN => sub { $client->read };
    $client->timeout(undef);
    is $client->timeout, undef;
    ok !eval { $client->timeout(-1); 1 };
};

# The timeout is for the whole write: a peer that reads slowly can't stretch it.
subtest 'a timeout ends a write that goes on slowly' => sub {
    my ($first, $second) = Anysock->pair;
    my $child = fork // die $!;
    if (!$child) {
        $first->close;
        Time::HiRes::sleep(0.02) while defined $second->read;
        POSIX::_exit(0);
    }
    $second->close;
    $first->timeout(0.5);
    fails 'ETIMEDOUT', sub { $first->write('x' x 2**24) };
    $first->close;
    waitpid $child, 0;
};

subtest 'a timeout ends a read that goes on slowly' => sub {
    my ($first, $second) = Anysock->pair;
    # However busy the machine is, something has come in time.
    $first->write('x');
    my $child = fork // die $!;
    if (!$child) {
        $second->close;
        eval {
            while ($first->write('x')) { Time::HiRes::sleep(0.02) }
        };
        POSIX::_exit(0);
    }
    $first->close;
    $second->timeout(0.5);
    cmp_ok length $second->read_full(200), '<', 200;
    $second->close;
    waitpid $child, 0;
};

subtest 'what there is room for is written, and counted' => sub {
    my ($first, $second) = Anysock->pair;
    $first->timeout(0);
    my $gone = 0;
    fails 'EAGAIN', sub {
        while (1) { $gone += $first->write_some('x' x 2**20) }
    };
    $first->close;
    is length $second->read_to_end, $gone;
};

subtest 'what is no size' => sub {
    my ($first, $second) = Anysock->pair('unixgram');
    $first->write('kept');
    for my $size (-1, 'nan') {
        for my $call (qw(read read_full recv_from)) {
            ok !eval { $second->$call($size); 1 };
            like $@, qr/no size.*\Q$0\E/;
        }
    }
    is $second->read(10), 'kept';
};

subtest 'what has come before a timeout is not lost' => sub {
    my ($first, $second) = Anysock->pair;
    $second->timeout(0.02);
    $first->write('half');
    is $second->read_full(8), 'half';
    fails 'ETIMEDOUT', sub { $second->read_full(8) };
    $first->write('whole');
    is $second->read_full(5), 'whole';
};

# As much as comes at a time, not as much as may come.
subtest 'much is read in parts' => sub {
    my ($first, $second) = Anysock->pair;
    $first->write('some');
    $first->close;
    is $second->read_full(2**40), 'some';
};

subtest 'a handle has one owner' => sub {
    require Storable;
    my ($first, $second) = Anysock->pair;
    ok !eval { Storable::dclone($first); 1 };
    is $second->write('x'), 1;
    is $first->read, 'x';
};

subtest 'a poller forgets what is closed' => sub {
    my $poller = Anysock::Poller->new;
    my @watched;
    for (1 .. 1000) {
        my ($first, $second) = Anysock->pair;
        $poller->watch($first, 'read');
        $_->close for $first, $second;
        push @watched, $first;
        Scalar::Util::weaken($watched[-1]);
    }
    cmp_ok scalar(grep { defined } @watched), '<', 500;
};

subtest 'signals run their handlers, and neither cut nor stretch a wait' => sub {
    my ($client, $server) = connected();
    my $came = 0;
    local $SIG{ALRM} = sub { $came++ };
    Time::HiRes::setitimer(Time::HiRes::ITIMER_REAL(), 0.002, 0.002);
    $client->timeout(0.1);
    fails ETIMEDOUT => sub { $client->read };
    cmp_ok $came, '>', 1;
    is_deeply [Anysock::Poller->new->wait(0.1)], [];
    $client->timeout(undef);
    my $before = $came;
    local $SIG{ALRM} = sub { $server->write('after all') if $came++ == $before + 3 };
    is $client->read, 'after all';
    Time::HiRes::setitimer(Time::HiRes::ITIMER_REAL(), 0);
};

subtest 'a handler that dies ends a wait' => sub {
    my ($first, $second) = Anysock->pair;
    my $poller = Anysock::Poller->new;
    for my $call (sub { $first->read }, sub { $poller->wait }) {
        local $SIG{ALRM} = sub { die "enough\n" };
        Time::HiRes::setitimer(Time::HiRes::ITIMER_REAL(), 0.02);
        ok !eval { $call->(); 1 };
        is $@, "enough\n";
    }
};

subtest 'datagrams, empty ones too' => sub {
    my $server = Anysock->bind('127.0.0.1:0');
    my $client = Anysock->connect($server->local_address, kind => 'udp', timeout => 20);
    for my $content ('ping', '') {
        $client->write($content);
        my ($data, $address) = $server->recv_from;
        is $data, $content;
        is $address, $client->local_address;
        is $server->send_to($data, $address), length $content;
        is $client->read, $content;
    }
};

subtest 'a poller over two sockets' => sub {
    my $poller = Anysock::Poller->new;
    my @pairs = map { [Anysock->pair] } 1 .. 2;
    $poller->watch($_->[0], 'read') for @pairs;
    is_deeply [$poller->wait(0)], [];
    $pairs[1][1]->write('x');
    my @ready = $poller->wait;
    is scalar @ready, 1;
    is $ready[0][0], $pairs[1][0];
    is_deeply $ready[0][1], { read => 1 };
    $poller->watch($pairs[1][0]);
    $poller->wake;
    is_deeply [$poller->wait], [];
    ok !eval { $poller->watch($pairs[1][0], 'teleport'); 1 };
};

subtest 'options, addresses, features' => sub {
    my ($client, $server) = connected();
    $client->set(Anysock::Abi::OPT_TCP_NODELAY, 1);
    is $client->get(Anysock::Abi::OPT_TCP_NODELAY), 1;
    is $client->get_text(Anysock::Abi::OPT_KIND), 'tcp';
    is $client->local_address, $server->peer_address;
    fails ENOPROTOOPT => sub { $client->set('no.such', 1) };
    ok(Anysock->has('tcp'));
    ok(!Anysock->has('teleport'));
    is(Anysock->version, Anysock::Abi::HEADER_VERSION);
    is_deeply [Anysock->resolve('127.0.0.1:80')], ['127.0.0.1:80'];
};

subtest 'what is out of scope is closed' => sub {
    my ($first, $second) = Anysock->pair;
    undef $first;
    is $second->read_to_end, '';
    $second->close;
    $second->close;
    fails EBADF => sub { $second->read };
};

done_testing;
