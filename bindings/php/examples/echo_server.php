<?php
// An echo server, one thread and one poller: php examples/echo_server.php 127.0.0.1:7000

declare(strict_types=1);

require __DIR__ . '/../src/Anysock.php';

use Anysock\{Abi, Error, Poller, Socket};

function echoed(Socket $client): bool
{
    try {
        $part = $client->read();
        if ($part !== null) {
            $client->write($part);
        }
        return $part !== null;
    } catch (Error $error) {
        fwrite(STDERR, $error->getMessage() . "\n");
        return false;
    }
}

$server = Socket::listening($argv[1] ?? '127.0.0.1:7000');
$poller = new Poller();
$poller->watch($server, Abi::EVENT_READ);
echo 'listening on ', $server->localAddress(), "\n";
while (true) {
    foreach ($poller->wait() as [$socket]) {
        if ($socket === $server) {
            $client = $server->accept();
            // A client that does not take its echo is hung up on: it holds up the others meanwhile.
            $client->setTimeout(5);
            $poller->watch($client, Abi::EVENT_READ);
        } elseif (!echoed($socket)) {
            $poller->watch($socket, 0);
            $socket->close();
        }
    }
}
