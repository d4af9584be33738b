<?php
// A socket of any kind.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

declare(strict_types=1);

namespace Anysock;

final class Socket extends Handle
{
    /** How much is read at a time where nobody says. */
    private const PART = 65536;

    private ?float $timeout = null;
    private ?bool $stream = null;

    /** "tcp", "udp4", "unix", "ip4:icmp" and the like. */
    public static function open(string $kind): self
    {
        return new self(Abi::library()->anysock_open(self::text($kind)));
    }

    /** A connection. */
    public static function connected(string $address, ?float $timeout = null, string $kind = 'tcp'): self
    {
        $socket = self::open($kind);
        $socket->setTimeout($timeout);
        $socket->connect($address);
        return $socket;
    }

    /** A listener. A backlog of 0 is the longest queue that the system has. */
    public static function listening(string $address, string $kind = 'tcp', int $backlog = 0): self
    {
        $socket = self::open($kind);
        $socket->bind($address);
        $socket->listen($backlog);
        return $socket;
    }

    /** A datagram socket with an address of its own. */
    public static function bound(string $address, string $kind = 'udp'): self
    {
        $socket = self::open($kind);
        $socket->bind($address);
        return $socket;
    }

    /**
     * Two sockets that are connected to each other.
     *
     * @return array{self, self}
     */
    public static function pair(string $kind = 'unix'): array
    {
        $library = Abi::library();
        $numbers = $library->new('anysock_t[2]');
        $kind = self::text($kind);
        Error::check($library->anysock_pair($kind, \FFI::addr($numbers[0]), \FFI::addr($numbers[1])));
        return [new self($numbers[0]), new self($numbers[1])];
    }

    /** Seconds: null waits for ever, with 0 what would wait is EAGAIN, at the end of another time it is ETIMEDOUT. */
    public function setTimeout(?float $seconds): void
    {
        $this->set(Abi::OPT_TIMEOUT, self::microseconds($seconds));
        $this->timeout = $seconds;
    }

    public function bind(string $address): void
    {
        Error::check($this->library->anysock_bind($this->number, self::text($address)));
    }

    public function listen(int $backlog = 0): void
    {
        Error::check($this->library->anysock_listen($this->number, $backlog));
    }

    public function connect(string $address): void
    {
        $text = self::text($address);
        $this->waiting(true, fn () => $this->library->anysock_connect($this->number, $text));
    }

    /** The next connection. */
    public function accept(): self
    {
        return new self($this->waiting(false, fn () => $this->library->anysock_accept($this->number)));
    }

    /** What is there, at most that many bytes; null at the end of the stream. A datagram without content is ''. */
    public function read(int $size = self::PART): ?string
    {
        $room = self::room($size);
        $count = $this->waiting(false, fn () => $this->library->anysock_read($this->number, $room, $size));
        return $count === 0 && $size > 0 && $this->isStream() ? null : \FFI::string($room, $count);
    }

    /** That many bytes; fewer before the end of the stream, null at it, and fewer before an error, which the next call tells. */
    public function readFull(int $size): ?string
    {
        self::demand($size);
        $started = self::now();
        $all = '';
        try {
            while (strlen($all) < $size && ($part = $this->read(min($size - strlen($all), self::PART))) !== null) {
                $all .= $part;
                if (strlen($all) < $size) {
                    $this->awaitRest(false, $started);
                }
            }
        } catch (Error $error) {
            // What has come is not lost.
            if ($all === '') {
                throw $error;
            }
        }
        return $all === '' && $size > 0 ? null : $all;
    }

    /** Everything up to the end of the stream. */
    public function readToEnd(): string
    {
        $all = '';
        while (($part = $this->read()) !== null) {
            $all .= $part;
        }
        return $all;
    }

    /** All of it. How many bytes. */
    public function write(string $data): int
    {
        $started = self::now();
        $sent = $this->waiting(true, fn () => $this->library->anysock_write_all($this->number, $data, strlen($data)));
        while ($sent < strlen($data)) {
            $this->awaitRest(true, $started);
            $rest = substr($data, $sent);
            $sent += $this->waiting(true, fn () => $this->library->anysock_write($this->number, $rest, strlen($rest)));
        }
        return $sent;
    }

    /** What there is room for, at least a byte. How many bytes. For a program that waits in a poller, with timeout 0. */
    public function writeSome(string $data): int
    {
        return $this->waiting(true, fn () => $this->library->anysock_write($this->number, $data, strlen($data)));
    }

    /**
     * A datagram and who sent it.
     *
     * @return array{string, string}
     */
    public function receiveFrom(int $size = self::PART, int $flags = 0): array
    {
        $room = self::room($size);
        $address = $this->library->new('char[256]');
        $call = fn () => $this->library->anysock_recv_from($this->number, $room, $size, $flags, $address, 256);
        $count = $this->waiting(false, $call);
        return [\FFI::string($room, min($count, $size)), \FFI::string($address)];
    }

    /** How many bytes. */
    public function sendTo(string $data, string $address, int $flags = 0): int
    {
        $to = self::text($address);
        $call = fn () => $this->library->anysock_send_to($this->number, $data, strlen($data), $flags, $to);
        return $this->waiting(true, $call);
    }

    /** With Abi::SHUT_WRITE that was all: the peer reads the end of the stream. */
    public function shutdown(int $how = Abi::SHUT_BOTH): void
    {
        Error::check($this->library->anysock_shutdown($this->number, $how));
    }

    public function localAddress(): string
    {
        return self::filled(fn ($room, $size) => $this->library->anysock_local_address($this->number, $room, $size));
    }

    public function peerAddress(): string
    {
        return self::filled(fn ($room, $size) => $this->library->anysock_peer_address($this->number, $room, $size));
    }

    private static function room(int $size): \FFI\CData
    {
        self::demand($size);
        return Abi::library()->new('char[' . max($size, 1) . ']');
    }

    private static function demand(int $size): void
    {
        if ($size < 0) {
            throw new \ValueError("no size: $size");
        }
    }

    private function isStream(): bool
    {
        return $this->stream ??= !preg_match('/^(udp|unixgram|ip)/', $this->getText(Abi::OPT_KIND));
    }

    /** A call that a signal has ended begins anew, after the signal's handler. The time that has passed counts. */
    private function waiting(bool $writes, \Closure $call): int
    {
        $ends = $this->timeout === null ? null : self::now() + $this->timeout;
        while (($result = $call()) === Abi::EINTR) {
            self::hearSignals();
            if ($ends !== null) {
                $this->await($writes, $ends);
            }
        }
        return Error::check($result);
    }

    /** For the rest of what a call moves there is what is left of its time. */
    private function awaitRest(bool $writes, float $started): void
    {
        if ($this->timeout > 0) {
            $this->await($writes, $started + $this->timeout);
        }
    }

    private function await(bool $writes, float $ends): void
    {
        $number = $this->library->new('anysock_t[1]');
        $set = $this->library->new('anysock_handles');
        [$set->count, $set->handles, $number[0]] = [1, $this->library->cast('anysock_t *', $number), $this->number];
        $place = \FFI::addr($set);
        do {
            self::hearSignals();
            $left = self::microseconds(max($ends - self::now(), 0.0));
            $result = $this->library->anysock_select($writes ? null : $place, $writes ? $place : null, null, $left);
        } while ($result === Abi::EINTR);
        Error::check($result ?: Abi::ETIMEDOUT);
    }
}
