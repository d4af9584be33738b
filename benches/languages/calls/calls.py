"""calls read N: reads that would block. calls queue N: runs of 64 operations that do nothing. See ../calls.py."""

import sys
from ctypes import POINTER, byref, cast, create_string_buffer
from struct import Struct

from anysock import _abi as abi

RECORD = Struct("8q")
first, second = abi.anysock_t(), abi.anysock_t()
abi.anysock_pair(b"unix", byref(first), byref(second))
abi.anysock_set(first, abi.ANYSOCK_OPT_TIMEOUT.encode(), 0)
number, byte = first.value, create_string_buffer(1)
queue = abi.anysock_queue_open(0, 0)
wanted, done = create_string_buffer(4096), create_string_buffer(4096)
ops, events = cast(wanted, POINTER(abi.anysock_op)), cast(done, POINTER(abi.anysock_done))
room = memoryview(wanted).cast("B")
for _ in range(int(sys.argv[2])):
    if sys.argv[1] == "read":
        abi.anysock_read(number, byte, 1)
    else:
        room[:] = b"".join([RECORD.pack(0, 0, abi.ANYSOCK_OP_NOP, 0, 0, 0, 0, 0) for _ in range(64)])
        abi.anysock_queue_run(queue, ops, 64, events, 64, 0)
        for event in RECORD.iter_unpack(done):
            pass
