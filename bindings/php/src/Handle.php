<?php
// What sockets and pollers share: a number of the library, options, closing, waiting.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

declare(strict_types=1);

namespace Anysock;

abstract class Handle
{
    /** The number for the C interface. */
    public readonly int $number;
    protected \FFI|Abi $library;
    protected bool $closed = false;

    /** Takes over a handle of the C interface. */
    public function __construct(int $number)
    {
        $this->library = Abi::library();
        $this->number = Error::check($number);
        // A signal ends a wait, so that PHP can run its handler.
        $this->set(Abi::OPT_INTERRUPTIBLE, 1);
    }

    public function __destruct()
    {
        if (isset($this->number) && !$this->closed) {
            $this->library->anysock_close($this->number);
        }
    }

    private function __clone()
    {
    }

    /** Closes it at once. A second time does nothing. */
    public function close(): void
    {
        if ($this->closed) {
            return;
        }
        $this->closed = true;
        Error::check($this->library->anysock_close($this->number));
    }

    /** An option by its name in the manual. A time is in microseconds. */
    public function get(string $option): int
    {
        $value = $this->library->new('int64_t');
        Error::check($this->library->anysock_get($this->number, self::text($option), \FFI::addr($value)));
        return $value->cdata;
    }

    public function set(string $option, int|bool|string $value): void
    {
        $name = self::text($option);
        Error::check(is_string($value)
            ? $this->library->anysock_set_text($this->number, $name, self::text($value))
            : $this->library->anysock_set($this->number, $name, (int) $value));
    }

    public function getText(string $option): string
    {
        $name = self::text($option);
        return self::filled(fn ($room, $size) => $this->library->anysock_get_text($this->number, $name, $room, $size));
    }

    /** The system's own descriptor, lent. */
    public function descriptor(): int
    {
        return Error::check($this->library->anysock_fd($this->number));
    }

    /** C ends a text at its NUL: one that has more behind it is no text. */
    public static function text(string $text): string
    {
        return str_contains($text, "\0") ? throw new \ValueError('a text with a NUL inside') : $text;
    }

    /** null is for ever. */
    public static function microseconds(?float $seconds): int
    {
        if ($seconds === null) {
            return -1;
        }
        if (!($seconds >= 0)) {
            throw new \ValueError("no time: $seconds");
        }
        // Three hundred years are for ever, and more would not fit.
        return $seconds > 9e9 ? -1 : (int) ceil($seconds * Abi::SECOND);
    }

    /** A text of any length from a function that fills memory. */
    public static function filled(callable $call): string
    {
        for ($size = 128;; $size = $length + 1) {
            $room = Abi::library()->new("char[$size]");
            $length = Error::check($call($room, $size));
            if ($length < $size) {
                return \FFI::string($room, $length);
            }
        }
    }

    /** Runs the handlers of signals that have come; they may throw. */
    protected static function hearSignals(): void
    {
        if (function_exists('pcntl_signal_dispatch')) {
            pcntl_signal_dispatch();
        }
    }

    protected static function now(): float
    {
        return hrtime(true) / 1e9;
    }
}
