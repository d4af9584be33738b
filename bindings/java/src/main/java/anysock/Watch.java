// SPDX-License-Identifier: MIT OR Apache-2.0

package anysock;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * One thread that waits in a poller for every socket of the program, so that a virtual thread that waits holds no carrier.
 * It ends with the program.
 */
final class Watch {
    private static final int CAPACITY = 128;
    private static final long SIZE = Abi.EVENT_LAYOUT.byteSize();
    private static final long TOKEN = Abi.EVENT_LAYOUT.byteOffset(java.lang.foreign.MemoryLayout.PathElement.groupElement("token"));
    private static final long EVENTS = Abi.EVENT_LAYOUT.byteOffset(java.lang.foreign.MemoryLayout.PathElement.groupElement("events"));
    private static final int OVER = Abi.EVENT_HANGUP | Abi.EVENT_ERROR;

    private static final Map<Long, Socket> WAITING = new ConcurrentHashMap<>();
    private static final long POLLER = start();

    private Watch() {}

    private static long start() {
        long poller = Abi.pollerOpen();
        if (poller > 0) Thread.ofPlatform().daemon().name("anysock-poller").start(() -> run(poller));
        return poller;
    }

    /** Has the socket told once of these events; the caller holds the lock under which it arms. */
    static void arm(Socket socket, int events) throws IOException {
        Errors.check(POLLER, "poller");
        WAITING.put(socket.handle(), socket);
        Errors.check(Abi.pollerSet(POLLER, socket.handle(), events | Abi.EVENT_ONESHOT, socket.handle()), "wait");
    }

    static void forget(Socket socket) {
        WAITING.remove(socket.handle());
    }

    private static void run(long poller) {
        MemorySegment events = Arena.global().allocate(Abi.EVENT_LAYOUT, CAPACITY);
        while (true) {
            // A watched socket that is closed ends a wait; the others go on.
            long count = Abi.pollerWait(poller, events, CAPACITY, -1);
            for (long at = 0; at < count; at++) report(events.asSlice(at * SIZE, SIZE));
        }
    }

    private static void report(MemorySegment event) {
        Socket socket = WAITING.get(event.get(ValueLayout.JAVA_LONG, TOKEN));
        if (socket == null) return;
        int events = event.get(ValueLayout.JAVA_INT, EVENTS);
        boolean over = (events & OVER) != 0;
        socket.tell(over || (events & Abi.EVENT_READ) != 0, over || (events & Abi.EVENT_WRITE) != 0);
    }
}
