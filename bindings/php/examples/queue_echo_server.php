<?php
// An echo server on the batch queue: php examples/queue_echo_server.php 127.0.0.1:7000
//
// A foreign call is dear in PHP, so there is one in the loop: it hands over what shall be done on all connections, and brings back what
// has happened. Operations and events are eight numbers each; PHP never sees the bytes, which go out from the buffer they came in.

declare(strict_types=1);

require __DIR__ . '/../src/Anysock.php';

use Anysock\{Abi, Error, Socket};

const BATCH = 128;
const RECORD = 64;

// What shall be done because of what has happened: at most one thing. An operation is token, handle, op, flags, data, length, value, buffer.
function answer(int $handle, int $op, int $result, int $data, int $buffer): string
{
    if ($op === Abi::OP_READ && $result > 0) {
        return pack('q8', 0, $handle, Abi::OP_WRITE, Abi::QUEUE_QUIET, $data, $result, 0, $buffer);
    }
    if ($op === Abi::OP_READ && $result !== Abi::ECANCELED) {
        return pack('q8', 0, $handle, Abi::OP_CLOSE, Abi::QUEUE_QUIET, 0, 0, 0, 0);
    }
    if ($op === Abi::OP_ACCEPT && $result > 0) {
        return pack('q8', 0, $result, Abi::OP_READ, Abi::QUEUE_MULTI, 0, 0, 0, 0);
    }
    if ($op === Abi::OP_WRITE) { // it has failed: it is quiet otherwise
        return pack('q8', 0, $handle, Abi::OP_CLOSE, Abi::QUEUE_QUIET | Abi::QUEUE_NOW, 0, 0, 0, 0);
    }
    return '';
}

$library = Abi::library();
$listener = Socket::listening($argv[1] ?? '127.0.0.1:7000');
$queue = Error::check($library->anysock_queue_open(0, 0));
[$wanted, $done] = [$library->new('anysock_op[' . BATCH . ']'), $library->new('anysock_done[' . BATCH . ']')];
[$firstWanted, $firstDone] = [FFI::addr($wanted[0]), FFI::addr($done[0])];
echo 'listening on ', $listener->localAddress(), "\n";

$ask = pack('q8', 0, $listener->number, Abi::OP_ACCEPT, Abi::QUEUE_MULTI, 0, 0, 0, 0);
while (true) {
    if ($ask !== '') {
        FFI::memcpy($wanted, $ask, strlen($ask));
    }
    $count = Error::check($library->anysock_queue_run($queue, $firstWanted, intdiv(strlen($ask), RECORD), $firstDone, BATCH, -1));
    $events = unpack('q*', FFI::string($done, $count * RECORD));
    $ask = '';
    // unpack counts from 1; an event is token, handle, op, flags, result, data, value, buffer.
    for ($at = 1; $at < $count * 8; $at += 8) {
        $ask .= answer($events[$at + 1], $events[$at + 2], $events[$at + 4], $events[$at + 5], $events[$at + 7]);
    }
}
