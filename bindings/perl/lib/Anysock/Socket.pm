# A socket of any kind.
#
# SPDX-License-Identifier: MIT OR Apache-2.0

package Anysock::Socket;

use strict;
use warnings;

use parent 'Anysock::Handle';
use Anysock::Abi;
use Anysock::Error;
use Carp ();

# How much is read at a time where nobody says.
use constant PART => 65_536;

my %HOW = (read => Anysock::Abi::SHUT_READ, write => Anysock::Abi::SHUT_WRITE, both => Anysock::Abi::SHUT_BOTH);

# "tcp", "udp4", "unix", "ip4:icmp" and the like.
sub open {
    my ($class, $kind) = @_;
    return $class->own(Anysock::Abi::anysock_open(Anysock::Handle::text($kind)));
}

# Seconds: undef waits for ever, with 0 what would wait is EAGAIN, at the end of another time it is ETIMEDOUT.
sub timeout {
    my ($self, @seconds) = @_;
    return $self->{timeout} if !@seconds;
    $self->set(Anysock::Abi::OPT_TIMEOUT, Anysock::Handle::microseconds($seconds[0]));
    return $self->{timeout} = $seconds[0];
}

sub bind {
    my ($self, $address) = @_;
    Anysock::Error->check(Anysock::Abi::anysock_bind($self->{number}, Anysock::Handle::text($address)));
    return;
}

sub listen {
    my ($self, $backlog) = @_;
    Anysock::Error->check(Anysock::Abi::anysock_listen($self->{number}, $backlog // 0));
    return;
}

sub connect {
    my ($self, $address) = @_;
    my $text = Anysock::Handle::text($address);
    $self->_waiting(1, sub { Anysock::Abi::anysock_connect($self->{number}, $text) });
    return;
}

# The next connection.
sub accept {
    my ($self) = @_;
    return Anysock::Socket->own($self->_waiting(0, sub { Anysock::Abi::anysock_accept($self->{number}) }));
}

# What is there, at most that many bytes; undef at the end of the stream. A datagram without content is ''.
sub read {
    my ($self, $size) = @_;
    $size = _size($size);
    my $room = "\0" x $size;
    my $place = $size ? (Anysock::Handle::place($room))[0] : undef;
    my $count = $self->_waiting(0, sub { Anysock::Abi::anysock_read($self->{number}, $place, $size) });
    return undef if $count == 0 && $size > 0 && $self->_is_stream;    ## no critic
    return substr $room, 0, $count;
}

# That many bytes; fewer before the end of the stream, undef at it, and fewer before an error, which the next call tells.
sub read_full {
    my ($self, $size) = @_;
    $size = _size($size);
    my $started = Anysock::Handle::now();
    my $all = '';
    while (length $all < $size) {
        my $left = $size - length $all;
        my $part;
        my $good = eval {
            $self->_await_rest(0, $started) if $all ne '';
            $part = $self->read($left < PART ? $left : PART);
            1;
        };
        if (!$good) {
            # What has come is not lost, unless a signal's handler has died.
            die $@ if $all eq '' || ref $@ ne 'Anysock::Error';    ## no critic
            last;
        }
        last if !defined $part;
        $all .= $part;
    }
    return $all eq '' && $size > 0 ? undef : $all;
}

# Everything up to the end of the stream.
sub read_to_end {
    my ($self) = @_;
    my $all = '';
    while (defined(my $part = $self->read)) { $all .= $part }
    return $all;
}

# All of it. How many bytes. A text with wide characters is to be encoded before.
sub write {
    my ($self, $data) = @_;
    _to_bytes($data);
    my ($start, $left) = Anysock::Handle::place($data);
    my $size = $left;
    my $started = Anysock::Handle::now();
    my $count = $self->_waiting(1, sub { Anysock::Abi::anysock_write_all($self->{number}, $start, $left) });
    while ($count < $left) {
        $start += $count;
        $left -= $count;
        $self->_await_rest(1, $started);
        $count = $self->_waiting(1, sub { Anysock::Abi::anysock_write($self->{number}, $start, $left) });
    }
    return $size;
}

# What there is room for, at least a byte. How many bytes. For a program that waits in a poller, with timeout 0.
sub write_some {
    my ($self, $data) = @_;
    _to_bytes($data);
    my @memory = Anysock::Handle::place($data);
    return $self->_waiting(1, sub { Anysock::Abi::anysock_write($self->{number}, @memory) });
}

# A datagram and who sent it.
sub recv_from {
    my ($self, $size, $flags) = @_;
    $size = _size($size);
    my ($room, $address) = ("\0" x ($size || 1), "\0" x 256);
    my @memory = ((Anysock::Handle::place($room))[0], $size, $flags // 0, Anysock::Handle::place($address));
    my $count = $self->_waiting(0, sub { Anysock::Abi::anysock_recv_from($self->{number}, @memory) });
    return (substr($room, 0, $count < $size ? $count : $size), unpack 'Z*', $address);
}

# How many bytes.
sub send_to {
    my ($self, $data, $address, $flags) = @_;
    my $text = Anysock::Handle::text($address);
    _to_bytes($data);
    my @memory = Anysock::Handle::place($data);
    return $self->_waiting(1, sub { Anysock::Abi::anysock_send_to($self->{number}, @memory, $flags // 0, $text) });
}

# "write": that was all, the peer reads the end of the stream. "read", "both".
sub shutdown {
    my ($self, $how) = @_;
    my $number = $HOW{ $how // 'both' } // Carp::croak("no way to shut down: $how");
    Anysock::Error->check(Anysock::Abi::anysock_shutdown($self->{number}, $number));
    return;
}

sub local_address {
    my ($self) = @_;
    return Anysock::Handle::filled(sub { Anysock::Abi::anysock_local_address($self->{number}, @_) });
}

sub peer_address {
    my ($self) = @_;
    return Anysock::Handle::filled(sub { Anysock::Abi::anysock_peer_address($self->{number}, @_) });
}

# A number of bytes; PART if nobody says.
sub _size {
    my ($size) = @_;
    return PART if !defined $size;
    Carp::croak("no size: $size") if !($size >= 0);
    return int $size;
}

# A string of characters that are all bytes becomes these bytes.
sub _to_bytes {
    Carp::croak('undefined data') if !defined $_[0];
    Carp::croak('wide character') if !utf8::downgrade($_[0], 1);
    return;
}

sub _is_stream {
    my ($self) = @_;
    return $self->{stream} //= $self->get_text(Anysock::Abi::OPT_KIND) =~ /^(?:udp|unixgram|ip)/ ? 0 : 1;
}

# A call that a signal has ended begins anew, after Perl has run the signal's handler (which may die). The time that has passed counts.
sub _waiting {
    my ($self, $writes, $call) = @_;
    my $started = defined $self->{timeout} ? Anysock::Handle::now() : undef;
    my $result = $call->();
    while ($result == Anysock::Abi::EINTR) {
        $self->_await($writes, $started) if defined $started;
        $result = $call->();
    }
    return Anysock::Error->check($result);
}

# For the rest of what a call moves there is what is left of its time.
sub _await_rest {
    my ($self, $writes, $started) = @_;
    $self->_await($writes, $started) if $self->{timeout};
    return;
}

sub _await {
    my ($self, $writes, $started) = @_;
    my $result = Anysock::Abi::EINTR;
    while ($result == Anysock::Abi::EINTR) {
        my $left = $started + $self->{timeout} - Anysock::Handle::now();
        my $number = pack 'q', $self->{number};
        my $set = pack 'qQ', 1, (Anysock::Handle::place($number))[0];
        my ($place) = Anysock::Handle::place($set);
        my @sets = $writes ? (undef, $place) : ($place, undef);
        $result = Anysock::Abi::anysock_select(@sets, undef, Anysock::Handle::microseconds($left > 0 ? $left : 0));
    }
    Anysock::Error->check($result || Anysock::Abi::ETIMEDOUT);
    return;
}

1;
