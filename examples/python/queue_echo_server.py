#!/usr/bin/env python3
"""queue_echo_server: one thread and one batch queue, which send back whatever their many clients say.

    ./queue_echo_server.py [ADDRESS]              default 127.0.0.1:7000; port 0 takes a free one
    ./echo_client.py 127.0.0.1:7000 hello         Ctrl-C ends the server

A foreign call is dear in Python, so there is one in the loop: it hands over what shall be done on all connections, and
brings back what has happened on them. Operations and events are eight numbers each, packed and unpacked by `struct`: no
object is made for an event. Python never sees the bytes: an echo goes out from the buffer in which it came. A client that
does not take its echo for ten seconds is gone, so that it can't keep buffers from the others.

What it is not: a protocol. One that looks at bytes takes them by `ctypes.string_at(data, result)`.
"""

import sys
from ctypes import POINTER, cast, create_string_buffer
from struct import Struct

from anysock import _abi as abi

BATCH = 128
PATIENCE = 10_000_000
RETRY = 100_000

#: token, handle, op, flags, data, length, value, buffer; of an event: token, handle, op, flags, result, data, value, buffer.
RECORD = Struct("8q")


def check(result: int, what: str) -> int:
    if result < 0:
        sys.exit(f"queue_echo_server: {what}: {abi.anysock_error_message(result).decode()}")
    return result


def answer(token: int, handle: int, op: int, result: int, data: int, buffer: int) -> bytes:
    """What shall be done because of what has happened: at most one thing."""
    if op == abi.ANYSOCK_OP_READ and result > 0:
        return RECORD.pack(0, handle, abi.ANYSOCK_OP_WRITE, abi.ANYSOCK_QUEUE_QUIET, data, result, 0, buffer)
    if op == abi.ANYSOCK_OP_ACCEPT and result > 0:
        abi.anysock_set(result, abi.ANYSOCK_OPT_WRITE_TIMEOUT.encode(), PATIENCE)
        return RECORD.pack(0, result, abi.ANYSOCK_OP_READ, abi.ANYSOCK_QUEUE_MULTI, 0, 0, 0, 0)
    if op == abi.ANYSOCK_OP_ACCEPT:  # out of descriptors: those who wait stay queued until somebody has gone
        return RECORD.pack(handle, 0, abi.ANYSOCK_OP_TIMER, 0, 0, 0, RETRY, 0)
    if op == abi.ANYSOCK_OP_TIMER:
        return RECORD.pack(0, token, abi.ANYSOCK_OP_ACCEPT, abi.ANYSOCK_QUEUE_MULTI, 0, 0, 0, 0)
    if op == abi.ANYSOCK_OP_READ and result != abi.ANYSOCK_ECANCELED:  # the end: closed when all is sent back
        return RECORD.pack(0, handle, abi.ANYSOCK_OP_CLOSE, abi.ANYSOCK_QUEUE_QUIET, 0, 0, 0, 0)
    if op == abi.ANYSOCK_OP_WRITE:  # it has failed: it is quiet otherwise
        return RECORD.pack(0, handle, abi.ANYSOCK_OP_CLOSE, abi.ANYSOCK_QUEUE_QUIET | abi.ANYSOCK_QUEUE_NOW, 0, 0, 0, 0)
    return b""


def serve(queue: int, listener: int) -> None:
    wanted, done = create_string_buffer(BATCH * RECORD.size), create_string_buffer(BATCH * RECORD.size)
    ops, events = cast(wanted, POINTER(abi.anysock_op)), cast(done, POINTER(abi.anysock_done))
    room, happened = memoryview(wanted).cast("B"), memoryview(done)
    ask = RECORD.pack(0, listener, abi.ANYSOCK_OP_ACCEPT, abi.ANYSOCK_QUEUE_MULTI, 0, 0, 0, 0)
    while True:
        room[: len(ask)] = ask
        count = abi.anysock_queue_run(queue, ops, len(ask) // RECORD.size, events, BATCH, -1)
        if count == abi.ANYSOCK_EINTR:
            ask = b""
            continue  # Python's own handler runs in between, and raises KeyboardInterrupt
        told = RECORD.iter_unpack(happened[: check(count, "run") * RECORD.size])
        ask = b"".join([answer(token, handle, op, result, data, buffer) for token, handle, op, _, result, data, _, buffer in told])


def main() -> int:
    if len(sys.argv) > 2:
        print("usage: queue_echo_server.py [ADDRESS]", file=sys.stderr)
        return 2
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:7000"
    listener = check(abi.anysock_open(b"tcp"), "open")
    check(abi.anysock_bind(listener, address.encode()), address)
    check(abi.anysock_listen(listener, 0), "listen")
    queue = check(abi.anysock_queue_open(0, 0), "queue")
    check(abi.anysock_set(queue, abi.ANYSOCK_OPT_INTERRUPTIBLE.encode(), 1), "interruptible")
    text = create_string_buffer(128)
    check(abi.anysock_local_address(listener, text, len(text)), "local address")
    print(f"listening on {text.value.decode()}", flush=True)
    try:
        serve(queue, listener)
    except KeyboardInterrupt:
        return 0
    finally:
        abi.anysock_close(queue)
        abi.anysock_close(listener)
    return 1


if __name__ == "__main__":
    sys.exit(main())
