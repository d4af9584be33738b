// SPDX-License-Identifier: MIT OR Apache-2.0

import anysock.Socket;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** Echo, both ends: {@code Echo listen 127.0.0.1:7000}, and {@code Echo ask 127.0.0.1:7000 hello}. A virtual thread a client. */
public final class Echo {
    public static void main(String[] arguments) throws IOException {
        if (arguments.length == 2 && arguments[0].equals("listen")) listen(arguments[1]);
        else if (arguments.length == 3 && arguments[0].equals("ask")) ask(arguments[1], arguments[2]);
        else System.err.println("usage: Echo listen ADDRESS | Echo ask ADDRESS TEXT");
    }

    private static void listen(String address) throws IOException {
        try (Socket listener = Socket.listen("tcp", address)) {
            System.out.println("listening on " + listener.localAddress());
            while (true) {
                Socket client = listener.accept();
                Thread.startVirtualThread(() -> answer(client));
            }
        }
    }

    private static void answer(Socket client) {
        try (client) {
            client.input().transferTo(client.output());
        } catch (IOException thrown) {
            System.err.println(thrown.getMessage());
        }
    }

    private static void ask(String address, String text) throws IOException {
        try (Socket server = Socket.connect("tcp", address, Duration.ofSeconds(5))) {
            Thread.startVirtualThread(() -> say(server, text));
            System.out.println(new String(server.readAll(), StandardCharsets.UTF_8));
        }
    }

    private static void say(Socket server, String text) {
        try {
            server.writeAll(text.getBytes(StandardCharsets.UTF_8));
            server.shutdownWrite();
        } catch (IOException thrown) {
            System.err.println(thrown.getMessage());
        }
    }
}
