// SPDX-License-Identifier: MIT OR Apache-2.0

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import anysock.Abi;
import anysock.Socket;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** {@code Calls read N}: reads that would block. {@code Calls queue N}: runs of 64 operations that do nothing. See ../calls.py. */
public final class Calls {
    public static void main(String[] arguments) throws IOException {
        long times = Long.parseLong(arguments[1]), first = Socket.pair("unix")[0].handle(), queue = Abi.queueOpen(0, 0), sum = 0;
        MemorySegment one = Arena.global().allocate(1), wanted = Arena.global().allocate(JAVA_LONG, 512);
        MemorySegment done = Arena.global().allocate(JAVA_LONG, 512);
        for (long i = 0; i < times; i++) {
            if (arguments[0].equals("read")) {
                Abi.recv(first, one, 1, Abi.FLAG_DONT_WAIT);
                continue;
            }
            for (int at = 0; at < 64; at++) wanted.setAtIndex(JAVA_LONG, at * 8 + 2, Abi.OP_NOP);
            Abi.queueRun(queue, wanted, 64, done, 64, 0);
            for (int at = 0; at < 64; at++) sum += done.getAtIndex(JAVA_LONG, at * 8 + 4);
        }
        System.exit((int) sum);
    }
}
