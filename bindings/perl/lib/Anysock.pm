# anysock for Perl: the same sockets on every system.
#
#     my $socket = Anysock->connect('example.com:80', timeout => 10);
#     $socket->write("GET / HTTP/1.0\r\n\r\n");
#     print $socket->read_to_end;
#
# What fails dies with an Anysock::Error. Times are seconds, addresses are texts. A signal's handler runs during a wait, which goes on
# after it.
#
# Not here: what the library promises (its manual), and declarations (Anysock/Abi.pm).
#
# SPDX-License-Identifier: MIT OR Apache-2.0

package Anysock;

use strict;
use warnings;

use Anysock::Abi;
use Anysock::Error;
use Anysock::Poller;
use Anysock::Socket;

our $VERSION = '0.2.0';

# A connection.
sub connect {
    my ($class, $address, %options) = @_;
    my $socket = Anysock::Socket->open($options{kind} // 'tcp');
    $socket->timeout($options{timeout});
    $socket->connect($address);
    return $socket;
}

# A listener. A backlog of 0 is the longest queue that the system has.
sub listen {
    my ($class, $address, %options) = @_;
    my $socket = Anysock::Socket->open($options{kind} // 'tcp');
    $socket->bind($address);
    $socket->listen($options{backlog} // 0);
    return $socket;
}

# A datagram socket with an address of its own.
sub bind {
    my ($class, $address, %options) = @_;
    my $socket = Anysock::Socket->open($options{kind} // 'udp');
    $socket->bind($address);
    return $socket;
}

# Two sockets that are connected to each other.
sub pair {
    my ($class, $kind) = @_;
    my $numbers = "\0" x 16;
    my ($place) = Anysock::Handle::place($numbers);
    Anysock::Error->check(Anysock::Abi::anysock_pair(Anysock::Handle::text($kind // 'unix'), $place, $place + 8));
    return map { Anysock::Socket->own($_) } unpack 'qq', $numbers;
}

# The addresses of a name. `timeout` is in seconds; without it as long as it takes.
sub resolve {
    my ($class, $address, %options) = @_;
    my ($kind, $wait) = (Anysock::Handle::text($options{kind} // 'tcp'), Anysock::Handle::microseconds($options{timeout}));
    my $name = Anysock::Handle::text($address);
    return split /\n/, Anysock::Handle::filled(sub { Anysock::Abi::anysock_resolve($kind, $name, $wait, @_) });
}

# Whether this system has a kind, an option or a feature.
sub has {
    my ($class, $feature) = @_;
    return Anysock::Error->check(Anysock::Abi::anysock_has(Anysock::Handle::text($feature))) == 1;
}

sub version { return Anysock::Abi::anysock_version() }

1;
