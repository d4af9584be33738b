<?php
// calls read N: reads that would block. calls queue N: runs of 64 operations that do nothing. See ../calls.py.
require __DIR__ . '/../../../bindings/php/src/Anysock.php';

use Anysock\{Abi, Socket};

[$first, $second] = Socket::pair();
$first->setTimeout(0);
$library = Abi::library();
$byte = $library->new('char[1]');
$queue = $library->anysock_queue_open(0, 0);
[$wanted, $done] = [$library->new('anysock_op[64]'), $library->new('anysock_done[64]')];
[$firstWanted, $firstDone] = [FFI::addr($wanted[0]), FFI::addr($done[0])];
if ($argv[1] === 'read') {
    for ($i = 0; $i < (int) $argv[2]; $i++) {
        $library->anysock_read($first->number, $byte, 1);
    }
} else {
    for ($i = 0; $i < (int) $argv[2]; $i++) {
        $ask = '';
        for ($at = 0; $at < 64; $at++) {
            $ask .= pack('q8', 0, 0, Abi::OP_NOP, 0, 0, 0, 0, 0);
        }
        FFI::memcpy($wanted, $ask, 4096);
        $count = $library->anysock_queue_run($queue, $firstWanted, 64, $firstDone, 64, 0);
        unpack('q*', FFI::string($done, $count * 64));
    }
}
