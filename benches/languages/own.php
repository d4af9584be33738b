<?php
// An echo server on PHP's own streams, one thread and stream_select: what bindings/php/examples/queue_echo_server.php is compared with.

declare(strict_types=1);

$listener = stream_socket_server('tcp://127.0.0.1:0');
echo 'listening on ', stream_socket_get_name($listener, false), "\n";
$watched = [(int) $listener => $listener];
while (true) {
    $ready = $watched;
    $none = null;
    stream_select($ready, $none, $none, null);
    foreach ($ready as $socket) {
        if ($socket === $listener) {
            $client = stream_socket_accept($listener);
            stream_set_blocking($client, false);
            stream_set_read_buffer($client, 0);
            $watched[(int) $client] = $client;
            continue;
        }
        $part = fread($socket, 4096);
        if ($part === '' || $part === false) {
            unset($watched[(int) $socket]);
            fclose($socket);
        } else {
            fwrite($socket, $part);
        }
    }
}
