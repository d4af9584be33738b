<?php
// anysock for PHP: the same sockets on every system.
//
//     $socket = Anysock\Socket::connected('example.com:80', timeout: 10);
//     $socket->write("GET / HTTP/1.0\r\n\r\n");
//     echo $socket->readToEnd();
//
// What fails throws an Anysock\Error. Times are seconds, addresses are texts. A signal's handler runs during a wait, which goes on after it.
//
// This file loads the others for programs without an autoloader, and has what needs no socket. Not here: what the library promises
// (its manual), and declarations (Abi.php).
//
// SPDX-License-Identifier: MIT OR Apache-2.0

declare(strict_types=1);

namespace Anysock;

foreach (['Abi', 'Error', 'Handle', 'Socket', 'Poller'] as $file) {
    require_once __DIR__ . "/$file.php";
}

/**
 * The addresses of a name. Without a timeout, in seconds, it takes as long as it takes.
 *
 * @return list<string>
 */
function resolve(string $address, ?float $timeout = null, string $kind = 'tcp'): array
{
    $wait = Handle::microseconds($timeout);
    [$kind, $name] = [Handle::text($kind), Handle::text($address)];
    $lines = Handle::filled(fn ($room, $size) => Abi::library()->anysock_resolve($kind, $name, $wait, $room, $size));
    return $lines === '' ? [] : explode("\n", $lines);
}

/** Whether this system has a kind, an option or a feature. */
function has(string $feature): bool
{
    return Error::check(Abi::library()->anysock_has(Handle::text($feature))) === 1;
}

function version(): string
{
    return Abi::library()->anysock_version();
}
