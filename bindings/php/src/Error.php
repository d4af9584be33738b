<?php
// What a call that fails throws. getCode() is Linux's number, negated, on every system.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

declare(strict_types=1);

namespace Anysock;

final class Error extends \RuntimeException
{
    /** As "ECONNREFUSED". */
    public readonly string $name;

    public function __construct(int $code)
    {
        $this->name = Abi::library()->anysock_error_name($code);
        parent::__construct(Abi::library()->anysock_error_message($code) . " ($this->name)", $code);
    }

    /** The answer of a call; an error is thrown. */
    public static function check(int $result): int
    {
        return $result < 0 ? throw new self($result) : $result;
    }
}
