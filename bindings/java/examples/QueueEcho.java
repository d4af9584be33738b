// SPDX-License-Identifier: MIT OR Apache-2.0

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import anysock.Abi;
import anysock.Socket;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * An echo server on the batch queue, by the C interface: {@code QueueEcho 127.0.0.1:7000}. One call hands over what shall be done on all
 * connections, and brings back what has happened. Operations and events are eight numbers each; Java never sees the bytes, which go out
 * from the buffer they came in.
 */
public final class QueueEcho {
    private static final int BATCH = 128, RECORD = 8;
    private static final MemorySegment WANTED = Arena.global().allocate(JAVA_LONG, BATCH * RECORD);
    private static final MemorySegment DONE = Arena.global().allocate(JAVA_LONG, BATCH * RECORD);
    private static int count;

    public static void main(String[] arguments) throws IOException {
        try (Socket listener = Socket.listen("tcp", arguments.length > 0 ? arguments[0] : "127.0.0.1:7000")) {
            System.out.println("listening on " + listener.localAddress());
            // The queue waits for it, which the package would do in its poller.
            listener.set(Abi.OPT_TIMEOUT, -1);
            long queue = Abi.queueOpen(0, 0);
            want(listener.handle(), Abi.OP_ACCEPT, Abi.QUEUE_MULTI, 0, 0, 0);
            while (true) {
                long happened = Abi.queueRun(queue, WANTED, count, DONE, BATCH, -1);
                if (happened < 0) throw new IOException(Abi.errorName(happened));
                count = 0;
                for (int at = 0; at < happened; at++) answer(at * RECORD);
            }
        }
    }

    /** token, handle, op, flags, data, length, value, buffer. */
    private static void want(long handle, long op, long flags, long data, long length, long buffer) {
        int at = count++ * RECORD;
        WANTED.setAtIndex(JAVA_LONG, at + 1, handle);
        WANTED.setAtIndex(JAVA_LONG, at + 2, op);
        WANTED.setAtIndex(JAVA_LONG, at + 3, flags);
        WANTED.setAtIndex(JAVA_LONG, at + 4, data);
        WANTED.setAtIndex(JAVA_LONG, at + 5, length);
        WANTED.setAtIndex(JAVA_LONG, at + 7, buffer);
    }

    /** What shall be done because of what has happened: token, handle, op, flags, result, data, value, buffer. At most one thing. */
    private static void answer(int at) {
        long handle = number(at + 1), op = number(at + 2), result = number(at + 4);
        if (op == Abi.OP_READ && result > 0) want(handle, Abi.OP_WRITE, Abi.QUEUE_QUIET, number(at + 5), result, number(at + 7));
        else if (op == Abi.OP_READ && result != Abi.ECANCELED) want(handle, Abi.OP_CLOSE, Abi.QUEUE_QUIET, 0, 0, 0);
        else if (op == Abi.OP_ACCEPT && result > 0) want(result, Abi.OP_READ, Abi.QUEUE_MULTI, 0, 0, 0);
        // It has failed: it is quiet otherwise.
        else if (op == Abi.OP_WRITE) want(handle, Abi.OP_CLOSE, Abi.QUEUE_QUIET | Abi.QUEUE_NOW, 0, 0, 0);
    }

    private static long number(int at) {
        return DONE.getAtIndex(JAVA_LONG, at);
    }
}
