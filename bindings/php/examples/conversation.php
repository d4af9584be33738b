<?php
// Both ends of the conversation that every language has with every other (tests/languages/README.md):
//
//     php examples/conversation.php listen 127.0.0.1:0
//     php examples/conversation.php talk ADDRESS NOBODY     where the server is, and where nobody listens

declare(strict_types=1);

require __DIR__ . '/../src/Anysock.php';

use Anysock\{Abi, Error, Poller, Socket};

const PATIENCE = 30;
const MEBIBYTE = 1 << 20;

function checksum(string $bytes): int
{
    return (int) hexdec(hash('adler32', $bytes));
}

// The name of the error that a call throws.
function failure(callable $call): string
{
    try {
        $call();
        return 'nothing';
    } catch (Error $error) {
        return $error->name;
    }
}

// The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.
function answer(Socket $client): void
{
    try {
        $all = $client->readToEnd();
        $client->write(strlen($all) . ' ' . checksum($all) . "\n");
        $client->write($all);
    } catch (Error $error) {
        fwrite(STDERR, $error->getMessage() . "\n");
    }
    $client->close();
}

function serve(string $address): never
{
    $listener = Socket::listening($address);
    echo 'listening on ', $listener->localAddress(), "\n";
    while (true) {
        answer($listener->accept());
    }
}

// The client: a line for each step.
function talk(string $address, string $nobody): void
{
    echo 'refused ', failure(fn () => Socket::connected($nobody)), "\n";
    $server = Socket::connected('localhost' . strrchr($address, ':'), timeout: PATIENCE);
    echo 'connected ', $server->peerAddress(), "\n";
    $server->setTimeout(0.05);
    echo 'silence ', failure(fn () => $server->read()), "\n";
    $server->setTimeout(PATIENCE);
    $server->write(substr(str_repeat(pack('C*', ...range(0, 250)), intdiv(MEBIBYTE, 251) + 1), 0, MEBIBYTE));
    $server->shutdown(Abi::SHUT_WRITE);
    echo 'ready ', ready($server), "\n";
    [$line, $echo] = explode("\n", $server->readToEnd(), 2);
    echo "answer $line\necho ", strlen($echo), ' ', checksum($echo), "\n";
    echo "cancelled no threads\n";
    $server->close();
    echo 'gone ', failure(fn () => $server->read()), "\n";
}

// Which of two has something to read: one to whom nobody speaks, or the server.
function ready(Socket $server): string
{
    $poller = new Poller();
    [$idle, $other] = Socket::pair('tcp');
    $poller->watch($idle, Abi::EVENT_READ);
    $poller->watch($server, Abi::EVENT_READ);
    $names = array_map(fn ($each) => $each[0] === $server ? 'server' : 'idle', $poller->wait(PATIENCE));
    $other->close();
    return implode(' ', $names);
}

match ([$argv[1] ?? '', $argc]) {
    ['listen', 3] => serve($argv[2]),
    ['talk', 4] => talk($argv[2], $argv[3]),
    default => fwrite(STDERR, "usage: conversation.php listen ADDRESS | conversation.php talk ADDRESS NOBODY\n"),
};
