<?php
// Signals and fork, where there is pcntl: php tests/signals.php

declare(strict_types=1);

require __DIR__ . '/cases.php';

use Anysock\{Poller, Socket};

/** Runs the call while a child sends signals all the time. */
function underSignals(Closure $handler, Closure $call): void
{
    pcntl_signal(SIGUSR1, $handler);
    $parent = getmypid();
    $child = pcntl_fork();
    if ($child === 0) {
        pcntl_signal(SIGUSR1, SIG_DFL);
        while (posix_kill($parent, SIGUSR1)) {
            usleep(2000);
        }
        exit;
    }
    try {
        $call();
    } finally {
        posix_kill($child, SIGKILL);
        pcntl_waitpid($child, $status);
        pcntl_signal(SIGUSR1, SIG_IGN);
    }
}

$cases = [];
foreach ([false, true] as $asynchronous) {
    $how = $asynchronous ? 'asynchronous' : 'dispatched';
    $cases["handlers run and neither cut nor stretch a wait, $how"] = function () use ($asynchronous): void {
        pcntl_async_signals($asynchronous);
        [$client, $server] = connected();
        $came = 0;
        $handler = function () use (&$came): void { $came++; };
        underSignals($handler, function () use ($client, $server, &$came): void {
            $client->setTimeout(0.1);
            fails('ETIMEDOUT', fn () => $client->read());
            equal($came > 1, true);
            equal((new Poller())->wait(0.1), []);
            $client->setTimeout(null);
            $server->write('after all');
            equal($client->read(), 'after all');
        });
    };
    $cases["a handler that throws ends a wait, $how"] = function () use ($asynchronous): void {
        pcntl_async_signals($asynchronous);
        [$first, $second] = Socket::pair();
        $handler = fn () => throw new DomainException('enough');
        foreach ([fn () => $first->read(), fn () => (new Poller())->wait()] as $call) {
            pcntl_signal(SIGALRM, $handler);
            pcntl_alarm(1);
            refused(DomainException::class, $call);
        }
    };
}
// The timeout is for the whole write: a peer that reads slowly can't stretch it.
$cases['a timeout ends a write that goes on slowly'] = function (): void {
    [$first, $second] = Socket::pair();
    $child = pcntl_fork();
    if ($child === 0) {
        $first->close();
        while ($second->read() !== null) {
            usleep(20000);
        }
        exit(0);
    }
    $second->close();
    $first->setTimeout(0.5);
    fails('ETIMEDOUT', fn () => $first->write(str_repeat('x', 1 << 24)));
    $first->close();
    pcntl_waitpid($child, $status);
    equal($status, 0);
};
$cases['a timeout ends a read that goes on slowly'] = function (): void {
    [$first, $second] = Socket::pair();
    // However busy the machine is, something has come in time.
    $first->write('x');
    $child = pcntl_fork();
    if ($child === 0) {
        $second->close();
        try {
            while ($first->write('x')) {
                usleep(20000);
            }
        } catch (Anysock\Error) {
            exit(0);
        }
    }
    $first->close();
    $second->setTimeout(0.5);
    equal(strlen($second->readFull(200)) < 200, true);
    $second->close();
    pcntl_waitpid($child, $status);
    equal($status, 0);
};
$cases['a forked child has its own, and sends a mebibyte'] = function (): void {
    [$client, $server] = connected();
    $sent = random_bytes(1 << 20);
    $child = pcntl_fork();
    if ($child === 0) {
        $server->close();
        $client->write($sent);
        exit(0);
    }
    $client->close();
    equal(hash('sha256', $server->readToEnd()), hash('sha256', $sent));
    pcntl_waitpid($child, $status);
    equal($status, 0);
};
run($cases);
