// SPDX-License-Identifier: MIT OR Apache-2.0

package anysock;

import java.nio.ByteBuffer;

/**
 * A read for which nothing comes: Ctrl-C ends the program, and with the argument "end" it ends by itself, while threads wait. Started by
 * bindings/java/test.
 */
public final class Waits {
    public static void main(String[] arguments) throws Exception {
        Socket[] pair = Socket.pair("unix");
        System.out.println("waiting");
        if (arguments.length == 0) {
            pair[0].read(ByteBuffer.allocate(1));
            return;
        }
        Thread.startVirtualThread(() -> read(pair[0]));
        Thread.ofPlatform().daemon().start(() -> read(pair[1]));
        Thread.sleep(20);
        System.exit(7);
    }

    private static void read(Socket socket) {
        try {
            socket.read(ByteBuffer.allocate(1));
        } catch (Exception ended) {
            // With the program.
        }
    }
}
