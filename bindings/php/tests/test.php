<?php
// The layer's promises: php tests/test.php

declare(strict_types=1);

require __DIR__ . '/cases.php';

use Anysock\{Abi, Poller, Socket};

run([
    'a question and its answer, with half-close' => function (): void {
        $path = sys_get_temp_dir() . '/anysock-php-' . getmypid();
        foreach ([['tcp', '127.0.0.1:0'], ['tcp', '[::1]:0'], ['unix', $path]] as $way) {
            [$client, $server] = connected(...$way);
            equal($client->write('question'), 8);
            $client->shutdown(Abi::SHUT_WRITE);
            equal($server->readToEnd(), 'question');
            $server->write('answer');
            $server->close();
            equal($client->readFull(6), 'answer');
            equal($client->readFull(6), null);
            equal($client->read(), null);
            equal($client->read(0), '');
        }
        @unlink($path);
    },
    'errors by name' => function (): void {
        $listener = Socket::listening('127.0.0.1:0');
        $address = $listener->localAddress();
        $listener->close();
        $listener->close();
        fails('EBADF', fn () => $listener->accept());
        fails('ECONNREFUSED', fn () => Socket::connected($address));
        $port = substr(strrchr($address, ':'), 1);
        fails('ECONNREFUSED', fn () => Socket::connected("localhost:$port", kind: 'tcp4'));
        fails('EINVAL', fn () => Socket::connected('nonsense'));
        fails('EINVAL', fn () => Socket::open('teleport'));
        refused(ValueError::class, fn () => Socket::connected("127.0.0.1:80\0"));
        refused(ValueError::class, fn () => Socket::pair()[0]->read(-1));
    },
    'timeouts' => function (): void {
        [$client, $server] = connected();
        $client->setTimeout(0.02);
        fails('ETIMEDOUT', fn () => $client->read());
        $client->setTimeout(0);
        fails('EAGAIN', fn () => $client->read());
        $client->setTimeout(null);
        equal($client->get(Abi::OPT_TIMEOUT), -1);
        refused(ValueError::class, fn () => $client->setTimeout(-1));
        refused(ValueError::class, fn () => $client->setTimeout(NAN));
        $server->close();
    },
    'what there is room for is written, and counted' => function (): void {
        [$first, $second] = Socket::pair();
        $first->setTimeout(0);
        $gone = 0;
        fails('EAGAIN', function () use ($first, &$gone): void {
            while (true) {
                $gone += $first->writeSome(str_repeat('x', 1 << 20));
            }
        });
        $first->close();
        equal(strlen($second->readToEnd()), $gone);
    },
    'what is no size' => function (): void {
        [$first, $second] = Socket::pair('unixgram');
        $first->write('kept');
        refused(ValueError::class, fn () => $second->read(-1));
        refused(ValueError::class, fn () => $second->readFull(-1));
        refused(ValueError::class, fn () => $second->receiveFrom(-1));
        equal($second->read(10), 'kept');
    },
    'what has come before a timeout is not lost' => function (): void {
        [$first, $second] = Socket::pair();
        $second->setTimeout(0.02);
        $first->write('half');
        equal($second->readFull(8), 'half');
        fails('ETIMEDOUT', fn () => $second->readFull(8));
        $first->write('whole');
        equal($second->readFull(5), 'whole');
    },
    // As much as comes at a time, not as much as may come.
    'much is read in parts' => function (): void {
        [$first, $second] = Socket::pair();
        $first->write('some');
        $first->close();
        equal($second->readFull(PHP_INT_MAX), 'some');
    },
    'a poller forgets what is closed' => function (): void {
        $poller = new Poller();
        $watched = new WeakMap();
        for ($round = 0; $round < 1000; $round++) {
            [$first, $second] = Socket::pair();
            $poller->watch($first, Abi::EVENT_READ);
            $watched[$first] = true;
            $first->close();
        }
        unset($first);
        equal(count($watched) < 500, true);
    },
    'bytes are bytes, empty ones too' => function (): void {
        [$first, $second] = Socket::pair();
        $all = implode('', array_map('chr', range(0, 255)));
        $first->write($all);
        equal($second->readFull(256), $all);
        equal($first->write(''), 0);
    },
    'datagrams, empty ones too' => function (): void {
        $server = Socket::bound('127.0.0.1:0');
        $client = Socket::connected($server->localAddress(), 20, 'udp');
        foreach (['ping', ''] as $content) {
            $client->write($content);
            [$data, $address] = $server->receiveFrom();
            equal([$data, $address], [$content, $client->localAddress()]);
            equal($server->sendTo($data, $address), strlen($content));
            equal($client->read(), $content);
        }
    },
    'a poller over two sockets' => function (): void {
        $poller = new Poller();
        [$first, $other] = Socket::pair();
        [$second, $another] = Socket::pair();
        $poller->watch($first, Abi::EVENT_READ);
        $poller->watch($second, Abi::EVENT_READ);
        equal($poller->wait(0), []);
        $another->write('x');
        equal($poller->wait(), [[$second, Abi::EVENT_READ]]);
        $poller->watch($second, 0);
        $poller->wake();
        equal($poller->wait(), []);
        $other->close();
        equal($poller->wait()[0][0], $first);
    },
    'options, addresses, features' => function (): void {
        [$client, $server] = connected();
        $client->set(Abi::OPT_TCP_NODELAY, true);
        equal($client->get(Abi::OPT_TCP_NODELAY), 1);
        equal($client->getText(Abi::OPT_KIND), 'tcp');
        equal($client->localAddress(), $server->peerAddress());
        fails('ENOPROTOOPT', fn () => $client->set('no.such', 1));
        equal([Anysock\has('tcp'), Anysock\has('teleport')], [true, false]);
        equal(Anysock\version(), Abi::HEADER_VERSION);
        equal(Anysock\resolve('127.0.0.1:80'), ['127.0.0.1:80']);
    },
    'what nobody has any more is closed' => function (): void {
        [$first, $second] = Socket::pair();
        unset($first);
        equal($second->readToEnd(), '');
        refused(\Error::class, fn () => clone $second);
    },
]);
