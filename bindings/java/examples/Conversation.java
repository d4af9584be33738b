// SPDX-License-Identifier: MIT OR Apache-2.0

import anysock.AnysockException;
import anysock.Socket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.zip.Adler32;

/**
 * Both ends of the conversation that every language has with every other (tests/languages/README.md):
 * {@code Conversation listen 127.0.0.1:0}, and {@code Conversation talk ADDRESS NOBODY}, where the server is and where nobody listens.
 */
public final class Conversation {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final int MEBIBYTE = 1 << 20;

    public static void main(String[] arguments) throws Exception {
        if (arguments.length == 2 && arguments[0].equals("listen")) listen(arguments[1]);
        else if (arguments.length == 3 && arguments[0].equals("talk")) talk(arguments[1], arguments[2]);
        else System.err.println("usage: Conversation listen ADDRESS | Conversation talk ADDRESS NOBODY");
    }

    private static long checksum(byte[] bytes) {
        Adler32 sum = new Adler32();
        sum.update(bytes);
        return sum.getValue();
    }

    private interface Call {
        Object make() throws IOException;
    }

    /** The library's name for what a call throws, or Java's own for it. */
    private static String failure(Call call) {
        try {
            return "nothing but " + call.make();
        } catch (IOException thrown) {
            AnysockException error = AnysockException.in(thrown);
            return error == null ? thrown.getClass().getSimpleName() : error.name();
        }
    }

    // The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.

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
            byte[] all = client.readAll();
            client.writeAll((all.length + " " + checksum(all) + "\n").getBytes(StandardCharsets.US_ASCII));
            client.writeAll(all);
        } catch (IOException thrown) {
            System.err.println(thrown.getMessage());
        }
    }

    // The client: a line for each step.

    @SuppressWarnings("try") // It is closed early, to see what a closed one says.
    private static void talk(String address, String nobody) throws Exception {
        System.out.println("refused " + failure(() -> Socket.connect("tcp", nobody, PATIENCE)));
        try (Socket server = Socket.connect("tcp", "localhost" + address.substring(address.lastIndexOf(':')), PATIENCE)) {
            System.out.println("connected " + server.peerAddress());
            server.timeout(Duration.ofMillis(50));
            System.out.println("silence " + failure(() -> server.read(ByteBuffer.allocate(1))));
            server.timeout(PATIENCE);
            say(server);
            hear(server);
            System.out.println("cancelled " + cancelled());
            server.close();
            System.out.println("gone " + failure(() -> server.read(ByteBuffer.allocate(1))));
        }
    }

    private static void say(Socket server) throws IOException {
        byte[] data = new byte[MEBIBYTE];
        for (int i = 0; i < data.length; i++) data[i] = (byte) (i % 251);
        server.writeAll(data);
        server.shutdownWrite();
    }

    private record Heard(String name, byte[] all) {}

    /** Listens to two, each in a thread: one to whom nobody speaks, and the server. The queue says who spoke. */
    private static void hear(Socket server) throws Exception {
        Socket[] idle = Socket.pair("tcp");
        BlockingQueue<Heard> heard = new ArrayBlockingQueue<>(2);
        Thread.startVirtualThread(() -> read("idle", idle[0], heard));
        Thread.startVirtualThread(() -> read("server", server, heard));
        Heard one = heard.take();
        int end = 0;
        while (one.all[end] != '\n') end++;
        byte[] echo = Arrays.copyOfRange(one.all, end + 1, one.all.length);
        System.out.println("ready " + one.name);
        System.out.println("answer " + new String(one.all, 0, end, StandardCharsets.US_ASCII));
        System.out.println("echo " + echo.length + " " + checksum(echo));
        idle[0].close();
        idle[1].close();
    }

    private static void read(String name, Socket from, BlockingQueue<Heard> heard) {
        try {
            heard.add(new Heard(name, from.readAll()));
        } catch (IOException closed) {
            // Nobody spoke.
        }
    }

    private static String cancelled() throws Exception {
        Socket[] pair = Socket.pair("tcp");
        BlockingQueue<String> name = new ArrayBlockingQueue<>(1);
        Thread reader = Thread.startVirtualThread(() -> name.add(failure(() -> pair[0].read(ByteBuffer.allocate(1)))));
        while (reader.getState() != Thread.State.WAITING && reader.getState() != Thread.State.TIMED_WAITING) Thread.sleep(1);
        pair[0].close();
        pair[1].close();
        return name.take();
    }
}
