// SPDX-License-Identifier: MIT OR Apache-2.0

package anysock;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;

/** What is about no socket: names, and what this system has. */
public final class Anysock {
    private Anysock() {}

    /** The version of the loaded library. */
    public static String version() {
        return Abi.version();
    }

    /** Whether this system has a feature: {@code "tcp6"}, {@code "unix.abstract"} ... */
    public static boolean has(String feature) {
        try (Arena arena = Arena.ofConfined()) {
            return Abi.has(Socket.text(arena, feature)) == 1;
        }
    }

    /** The addresses of a name, best first; {@code null} waits as long as it takes. */
    public static List<String> resolve(String kind, String address, Duration timeout) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment kindText = Socket.text(arena, kind);
            MemorySegment addressText = Socket.text(arena, address);
            long micros = Socket.micros(timeout);
            String lines = Socket.text("resolve " + address,
                (room, capacity) -> Abi.resolve(kindText, addressText, micros, room, capacity));
            return List.of(lines.split("\n"));
        }
    }

    /** The machine's interfaces and their addresses, one a line. */
    public static List<String> interfaces() throws IOException {
        return List.of(Socket.text("interfaces", Abi::interfaces).split("\n"));
    }
}
