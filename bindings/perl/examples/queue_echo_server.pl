#!/usr/bin/env perl
# An echo server on the batch queue: perl -Ilib examples/queue_echo_server.pl 127.0.0.1:7000
#
# A foreign call is dear in Perl, so there is one in the loop: it hands over what shall be done on all connections, and brings back what
# has happened. Operations and events are eight numbers each; Perl never sees the bytes, which go out from the buffer they came in.

use strict;
use warnings;
use Anysock;

use constant { BATCH => 128, NUMBERS => 8, RECORD => 64 };

# What shall be done because of what has happened: at most one thing. An operation is token, handle, op, flags, data, length, value, buffer.
sub answer {
    my (undef, $handle, $op, undef, $result, $data, undef, $buffer) = @_;
    if ($op == Anysock::Abi::OP_READ && $result > 0) {
        return (0, $handle, Anysock::Abi::OP_WRITE, Anysock::Abi::QUEUE_QUIET, $data, $result, 0, $buffer);
    }
    if ($op == Anysock::Abi::OP_READ && $result != Anysock::Abi::ECANCELED) {
        return (0, $handle, Anysock::Abi::OP_CLOSE, Anysock::Abi::QUEUE_QUIET, 0, 0, 0, 0);
    }
    if ($op == Anysock::Abi::OP_ACCEPT && $result > 0) {
        return (0, $result, Anysock::Abi::OP_READ, Anysock::Abi::QUEUE_MULTI, 0, 0, 0, 0);
    }
    if ($op == Anysock::Abi::OP_WRITE) {    # it has failed: it is quiet otherwise
        return (0, $handle, Anysock::Abi::OP_CLOSE, Anysock::Abi::QUEUE_QUIET | Anysock::Abi::QUEUE_NOW, 0, 0, 0, 0);
    }
    return;
}

my $listener = Anysock->listen($ARGV[0] // '127.0.0.1:7000');
my $queue = Anysock::Error->check(Anysock::Abi::anysock_queue_open(0, 0));
local $| = 1;
print 'listening on ', $listener->local_address, "\n";

my $room = "\0" x (BATCH * RECORD);
my ($done) = Anysock::Handle::place($room);
my @asked = (0, $listener->number, Anysock::Abi::OP_ACCEPT, Anysock::Abi::QUEUE_MULTI, 0, 0, 0, 0);
while (1) {
    my $wanted = pack 'q*', @asked;
    my ($start) = Anysock::Handle::place($wanted);
    my $count = Anysock::Error->check(Anysock::Abi::anysock_queue_run($queue, $start, @asked / NUMBERS, $done, BATCH, -1));
    my @events = unpack 'q*', substr $room, 0, $count * RECORD;
    @asked = ();
    # An event is token, handle, op, flags, result, data, value, buffer.
    while (my @event = splice @events, 0, NUMBERS) { push @asked, answer(@event) }
}
