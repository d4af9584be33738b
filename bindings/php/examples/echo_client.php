<?php
// An echo client: php examples/echo_client.php 127.0.0.1:7000 hello

declare(strict_types=1);

require __DIR__ . '/../src/Anysock.php';

use Anysock\Socket;

$server = Socket::connected($argv[1] ?? '127.0.0.1:7000', timeout: 5);
foreach (str_split($argv[2] ?? 'hello', 4096) as $part) {
    $server->write($part);
    echo $server->readFull(strlen($part));
}
echo "\n";
