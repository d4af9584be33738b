#!/usr/bin/env perl
# An echo server, a process for each client: perl -Ilib examples/echo_server.pl 127.0.0.1:7000

use strict;
use warnings;
use Anysock;

$SIG{CHLD} = 'IGNORE';
my $server = Anysock->listen($ARGV[0] // '127.0.0.1:7000');
local $| = 1;
print 'listening on ', $server->local_address, "\n";
while (1) {
    my $client = $server->accept;
    next if fork;
    $server->close;
    while (defined(my $part = $client->read)) { $client->write($part) }
    exit;
}
