<?php
// What the tests share: cases by name, a line each. Not a test.

declare(strict_types=1);

require __DIR__ . '/../src/Anysock.php';

use Anysock\{Abi, Error, Socket};

// A notice or a warning is a failure.
set_error_handler(fn ($level, $text, $file, $line) => throw new ErrorException($text, 0, $level, $file, $line));

function equal(mixed $value, mixed $expected): void
{
    if ($value !== $expected) {
        throw new LogicException(substr(var_export($value, true), 0, 300) . ' is not ' . substr(var_export($expected, true), 0, 300));
    }
}

function fails(string $name, Closure $call): void
{
    try {
        $call();
    } catch (Error $error) {
        equal($error->name, $name);
        equal($error->getCode(), constant(Abi::class . "::$name"));
        return;
    }
    throw new LogicException("no $name");
}

function refused(string $class, Closure $call): void
{
    try {
        $call();
    } catch (Throwable $error) {
        equal($error::class, $class);
        return;
    }
    throw new LogicException("no $class");
}

/** @return array{Socket, Socket} */
function connected(string $kind = 'tcp', string $address = '127.0.0.1:0'): array
{
    $listener = Socket::listening($address, $kind);
    $client = Socket::connected($listener->localAddress(), 20, $kind);
    return [$client, $listener->accept()];
}

/** @param array<string, Closure> $cases */
function run(array $cases): never
{
    $failed = 0;
    foreach ($cases as $name => $case) {
        try {
            $case();
            echo "ok $name\n";
        } catch (Throwable $error) {
            $failed = 1;
            echo "FAIL $name\n$error\n";
        }
    }
    exit($failed);
}
