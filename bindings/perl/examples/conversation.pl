#!/usr/bin/env perl
# Both ends of the conversation that every language has with every other (tests/languages/README.md):
#
#     perl -Ilib examples/conversation.pl listen 127.0.0.1:0
#     perl -Ilib examples/conversation.pl talk ADDRESS NOBODY     where the server is, and where nobody listens

use strict;
use warnings;
use Anysock;
use Compress::Zlib 'adler32';

use constant PATIENCE => 30;
use constant MEBIBYTE => 1 << 20;

# The name of the error that a call dies with.
sub failure {
    my ($call) = @_;
    return eval { $call->(); 1 } ? 'nothing' : $@->name;
}

# The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.
sub answer {
    my ($client) = @_;
    my $all = $client->read_to_end;
    $client->write(length($all) . ' ' . adler32($all) . "\n");
    $client->write($all);
    return;
}

sub serve {
    my ($address) = @_;
    my $listener = Anysock->listen($address);
    print 'listening on ', $listener->local_address, "\n";
    while (1) {
        my $client = $listener->accept;
        eval { answer($client); 1 } or warn $@;
    }
}

# The client: a line for each step.
sub talk {
    my ($address, $nobody) = @_;
    print 'refused ', failure(sub { Anysock->connect($nobody) }), "\n";
    my $server = Anysock->connect('localhost:' . (split /:/, $address)[-1], timeout => PATIENCE);
    print 'connected ', $server->peer_address, "\n";
    $server->timeout(0.05);
    print 'silence ', failure(sub { $server->read }), "\n";
    $server->timeout(PATIENCE);
    $server->write(join '', map { chr $_ % 251 } 0 .. MEBIBYTE - 1);
    $server->shutdown('write');
    print 'ready ', ready($server), "\n";
    my ($line, $echo) = split /\n/, $server->read_to_end, 2;
    print "answer $line\necho ", length $echo, ' ', adler32($echo), "\n";
    print "cancelled no threads\n";
    $server->close;
    print 'gone ', failure(sub { $server->read }), "\n";
    return;
}

# Which of two has something to read: one to whom nobody speaks, or the server.
sub ready {
    my ($server) = @_;
    my $poller = Anysock::Poller->new;
    my ($idle, $other) = Anysock->pair('tcp');
    $poller->watch($_, 'read') for $idle, $server;
    return join ' ', map { $_->[0] == $server ? 'server' : 'idle' } $poller->wait(PATIENCE);
}

local $| = 1;
my ($what, @addresses) = @ARGV;
if (($what // '') eq 'listen' && @addresses == 1) { serve(@addresses) }
elsif (($what // '') eq 'talk' && @addresses == 2) { talk(@addresses) }
else { print STDERR "usage: conversation.pl listen ADDRESS | conversation.pl talk ADDRESS NOBODY\n" }
