#!/usr/bin/env perl
# An echo client: perl -Ilib examples/echo_client.pl 127.0.0.1:7000 hello

use strict;
use warnings;
use Anysock;

my $address = $ARGV[0] // '127.0.0.1:7000';
my $text = $ARGV[1] // 'hello';
my $server = Anysock->connect($address, timeout => 5);
for my $part ($text =~ /.{1,4096}/gs) {
    $server->write($part);
    print $server->read_full(length $part);
}
print "\n";
