# calls read N: reads that would block. calls queue N: runs of 64 operations that do nothing. See ../calls.py.
use strict;
use warnings;
use Anysock;

my ($what, $times) = @ARGV;
my ($first, $second) = Anysock->pair;
$first->timeout(0);
my ($number, $byte, $done) = ($first->number, "\0", "\0" x 4096);
my $queue = Anysock::Abi::anysock_queue_open(0, 0);
my ($byte_at) = Anysock::Handle::place($byte);
my ($done_at) = Anysock::Handle::place($done);
if ($what eq 'read') {
    Anysock::Abi::anysock_read($number, $byte_at, 1) for 1 .. $times;
} else {
    for (1 .. $times) {
        my $wanted = pack 'q*', (0, 0, Anysock::Abi::OP_NOP, 0, 0, 0, 0, 0) x 64;
        my ($wanted_at) = Anysock::Handle::place($wanted);
        Anysock::Abi::anysock_queue_run($queue, $wanted_at, 64, $done_at, 64, 0);
        my @events = unpack 'q*', $done;
    }
}
