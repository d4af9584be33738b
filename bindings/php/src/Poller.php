<?php
// Waiting for many sockets: they are registered once, and a wait costs what is ready.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

declare(strict_types=1);

namespace Anysock;

final class Poller extends Handle
{
    /** How many answers one wait gives; the next gives more. */
    private const BATCH = 256;
    /** Fewer sockets than this are not looked through for closed ones. */
    private const FEW = 64;

    /** @var array<int, Socket> */
    private array $sockets = [];
    private int $limit = self::FEW;
    private \FFI\CData $events;

    public function __construct()
    {
        parent::__construct(Abi::library()->anysock_poller_open());
        $this->events = $this->library->new('anysock_event[' . self::BATCH . ']');
    }

    /** Registers a socket, or changes what it is asked for: Abi::EVENT_READ and the like, added up. With 0 it is taken out. */
    public function watch(Socket $socket, int $events): void
    {
        $number = $socket->number;
        Error::check($this->library->anysock_poller_set($this->number, $number, $events, $number));
        unset($this->sockets[$number]);
        if ($events !== 0) {
            $this->sockets[$number] = $socket;
        }
        if (count($this->sockets) >= $this->limit) {
            $this->forgetClosed();
        }
    }

    /**
     * What is ready: pairs of a socket and its events. None at the timeout (seconds, null for ever) and after `wake`.
     *
     * @return list<array{Socket, int}>
     */
    public function wait(?float $timeout = null): array
    {
        $ends = $timeout === null ? null : self::now() + $timeout;
        $left = self::microseconds($timeout);
        $first = \FFI::addr($this->events[0]);
        while (($count = $this->library->anysock_poller_wait($this->number, $first, self::BATCH, $left)) === Abi::EINTR) {
            self::hearSignals();
            $left = $ends === null ? -1 : self::microseconds(max($ends - self::now(), 0.0));
        }
        $ready = [];
        for ($at = 0; $at < Error::check($count); $at++) {
            $event = $this->events[$at];
            $ready[] = [$this->sockets[$event->token], $event->events];
        }
        return $ready;
    }

    /** Nothing tells a poller that a socket was closed: it drops those that are whenever its sockets have doubled in number. */
    private function forgetClosed(): void
    {
        $this->sockets = array_filter($this->sockets, fn ($socket) => !$socket->closed);
        $this->limit = max(2 * count($this->sockets), self::FEW);
    }

    /** Ends one wait, this or the next, from a signal's handler too. */
    public function wake(): void
    {
        Error::check($this->library->anysock_poller_wake($this->number));
    }
}
