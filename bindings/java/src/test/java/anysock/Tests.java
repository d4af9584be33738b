// SPDX-License-Identifier: MIT OR Apache-2.0

package anysock;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.InterruptedIOException;
import java.lang.reflect.Method;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** The layer's promises. Each public method is a test; the last line counts them. It needs no framework. */
public final class Tests {

    public static void main(String[] arguments) throws Exception {
        int failed = 0;
        int passed = 0;
        for (Method test : Tests.class.getDeclaredMethods()) {
            if (!java.lang.reflect.Modifier.isPublic(test.getModifiers()) || test.getName().equals("main")) continue;
            try {
                test.invoke(new Tests());
                System.out.println("ok " + test.getName());
                passed++;
            } catch (ReflectiveOperationException thrown) {
                System.out.println("FAIL " + test.getName());
                thrown.getCause().printStackTrace(System.out);
                failed++;
            }
        }
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    public void aQuestionAndItsAnswerWithHalfClose() throws Exception {
        Path place = Files.createTempDirectory("anysock").resolve("s");
        for (String[] each : new String[][] {{"tcp", "127.0.0.1:0"}, {"tcp", "[::1]:0"}, {"unix", place.toString()}}) {
            Socket[] ends = connected(each[0], each[1]);
            ends[0].writeAll(bytes("question"));
            ends[0].shutdownWrite();
            equal("question", text(ends[1].readAll()));
            ends[1].writeAll(bytes("answer"));
            ends[1].close();
            equal("answer", text(ends[0].readAll()));
            equal(-1, ends[0].read(ByteBuffer.allocate(1)));
            ends[0].close();
        }
    }

    public void aMebibyteArrives() throws Exception {
        Socket[] ends = connected("tcp", "127.0.0.1:0");
        byte[] sent = new byte[1 << 20];
        new Random(7).nextBytes(sent);
        Thread writer = Thread.ofVirtual().start(() -> {
            try (Socket end = ends[0]) {
                end.writeAll(sent);
            } catch (IOException thrown) {
                throw new AssertionError(thrown);
            }
        });
        byte[] got = ends[1].readAll();
        writer.join();
        equal(sum(sent), sum(got));
        ends[1].close();
    }

    public void aRefusedConnectIsAnErrorByName() throws Exception {
        Socket listener = Socket.listen("tcp", "127.0.0.1:0");
        String address = listener.localAddress();
        listener.close();
        Throwable thrown = thrown(ConnectException.class, () -> Socket.connect("tcp", address));
        equal("ECONNREFUSED", AnysockException.in(thrown).name());
        equal(Abi.ECONNREFUSED, AnysockException.in(thrown).code());
    }

    public void textThatIsNoAddress() throws Exception {
        for (String address : List.of("nonsense", "127.0.0.1:99999", "127.0.0.1:80\0"))
            thrown(IllegalArgumentException.class, () -> Socket.connect("tcp", address));
        thrown(IllegalArgumentException.class, () -> Socket.open("teleport"));
    }

    public void aTimeoutEndsARead() throws Exception {
        Socket[] ends = connected("tcp", "127.0.0.1:0");
        ends[0].timeout(Duration.ofMillis(20));
        thrown(SocketTimeoutException.class, () -> ends[0].read(ByteBuffer.allocate(1)));
        ends[0].timeout(Duration.ZERO);
        equal("EAGAIN", AnysockException.in(thrown(SocketTimeoutException.class, () -> ends[0].read(ByteBuffer.allocate(1)))).name());
        ends[1].writeAll(bytes("x"));
        ends[0].timeout(null);
        equal(1, ends[0].read(ByteBuffer.allocateDirect(8)));
        close(ends);
    }

    public void timesThatAreNone() throws Exception {
        Socket[] ends = Socket.pair("unix");
        Duration longest = Duration.ofSeconds(Long.MAX_VALUE);
        thrown(IllegalArgumentException.class, () -> ends[0].timeout(Duration.ofMillis(-1)));
        thrown(IllegalArgumentException.class, () -> Anysock.resolve("tcp", "127.0.0.1:80", Duration.ofMillis(-1)));
        equal(List.of("127.0.0.1:80"), Anysock.resolve("tcp", "127.0.0.1:80", longest));
        ends[0].timeout(longest);
        ends[1].writeAll(bytes("x"));
        equal(1, ends[0].read(ByteBuffer.allocate(1)));
        equal(1L, Socket.micros(Duration.ofNanos(1)));
        equal(-1L, Socket.micros(null));
        equal(-1L, Socket.micros(longest));
        equal(false, Anysock.resolve("tcp4", "localhost:80", null).isEmpty());
        close(ends);
    }

    /** The timeout is for the whole write: a peer that reads slowly can't stretch it. */
    public void aTimeoutEndsAWriteThatGoesOnSlowly() throws Exception {
        Socket[] ends = Socket.pair("unix");
        Thread reader = Thread.startVirtualThread(() -> {
            try {
                while (ends[1].read(ByteBuffer.allocate(65536)) > 0) Thread.sleep(20);
            } catch (IOException | InterruptedException thrown) {
                throw new AssertionError(thrown);
            }
        });
        ends[0].timeout(Duration.ofMillis(200));
        thrown(SocketTimeoutException.class, () -> {
            ends[0].writeAll(new byte[16 << 20]);
            return null;
        });
        ends[0].close();
        reader.join();
        ends[1].close();
    }

    /** A call that waits for another of its direction is one that waits. */
    public void timeoutsAndInterruptsEndTheWaitForATurn() throws Exception {
        Socket[] ends = Socket.pair("unix");
        Thread first = Thread.startVirtualThread(() -> {
            try {
                ends[0].read(ByteBuffer.allocate(1));
            } catch (IOException closed) {
                // At the end.
            }
        });
        while (first.getState() != Thread.State.WAITING && first.getState() != Thread.State.TIMED_WAITING) Thread.onSpinWait();
        ends[0].timeout(Duration.ofMillis(20));
        thrown(SocketTimeoutException.class, () -> ends[0].read(ByteBuffer.allocate(1)));
        ends[0].timeout(Duration.ZERO);
        thrown(SocketTimeoutException.class, () -> ends[0].read(ByteBuffer.allocate(1)));
        ends[0].timeout(null);
        Thread.currentThread().interrupt();
        thrown(InterruptedIOException.class, () -> ends[0].read(ByteBuffer.allocate(1)));
        equal(true, Thread.interrupted());
        equal(true, ends[0].isOpen());
        ends[0].close();
        first.join();
        ends[1].close();
    }

    public void memoryThatIsNone() throws Exception {
        Socket[] ends = Socket.pair("unixgram");
        ends[1].timeout(Duration.ZERO);
        for (int[] each : new int[][] {{2, 5}, {2, -1}, {-1, 1}}) {
            thrown(IndexOutOfBoundsException.class, () -> {
                ends[0].output().write(new byte[3], each[0], each[1]);
                return null;
            });
        }
        thrown(SocketTimeoutException.class, () -> ends[1].read(ByteBuffer.allocate(8)));
        ByteBuffer direct = ByteBuffer.allocateDirect(8);
        ends[0].writeAll(bytes("kept"));
        for (ByteBuffer each : List.of(direct.asReadOnlyBuffer(), ByteBuffer.allocate(8).asReadOnlyBuffer())) {
            thrown(IllegalArgumentException.class, () -> ends[1].read(each));
            thrown(IllegalArgumentException.class, () -> ends[1].receiveFrom(each));
        }
        equal((byte) 0, direct.get(0));
        equal(4, ends[1].read(direct));
        close(ends);
    }

    public void aStreamSaysWhatIsThere() throws Exception {
        Socket[] ends = Socket.pair("unix");
        equal(0, ends[0].input().available());
        ends[1].writeAll(bytes("five\n"));
        equal(5, ends[0].input().available());
        BufferedReader reader = new BufferedReader(new InputStreamReader(ends[0].input()));
        equal(true, reader.ready());
        equal("five", reader.readLine());
        equal(false, reader.ready());
        close(ends);
        thrown(ClosedChannelException.class, () -> ends[0].input().available());
    }

    public void aStreamClosesItsSocket() throws Exception {
        for (int side = 0; side < 2; side++) {
            Socket[] ends = Socket.pair("unix");
            if (side == 0) ends[0].input().close();
            else ends[0].output().close();
            equal(false, ends[0].isOpen());
            equal(-1, ends[1].read(ByteBuffer.allocate(1)));
            ends[1].close();
        }
    }

    public void closeEndsCallsOfEveryKindOfThread() throws Exception {
        try (var threads = Executors.newThreadPerTaskExecutor(Thread.ofVirtual().factory());
             var platform = Executors.newFixedThreadPool(1)) {
            for (var executor : List.of(threads, platform)) {
                Socket[] ends = connected("tcp", "127.0.0.1:0");
                CountDownLatch begun = new CountDownLatch(1);
                Future<?> read = executor.submit(() -> {
                    begun.countDown();
                    return ends[0].read(ByteBuffer.allocate(1));
                });
                begun.await();
                ends[0].close();
                ExecutionException ended = (ExecutionException) thrown(ExecutionException.class, read::get);
                equal(true, ended.getCause() instanceof ClosedChannelException);
                thrown(ClosedChannelException.class, () -> ends[0].read(ByteBuffer.allocate(1)));
                equal(false, ends[0].isOpen());
                close(ends);
            }
        }
    }

    public void anInterruptEndsACallAndLeavesTheSocket() throws Exception {
        Socket[] ends = connected("tcp", "127.0.0.1:0");
        List<Throwable> seen = new ArrayList<>();
        Thread reader = Thread.ofPlatform().start(() -> {
            try {
                ends[0].read(ByteBuffer.allocate(1));
            } catch (Throwable thrown) {
                seen.add(thrown);
            }
        });
        reader.interrupt();
        reader.join();
        equal(true, seen.get(0) instanceof InterruptedIOException);
        ends[1].writeAll(bytes("x"));
        equal(1, ends[0].read(ByteBuffer.allocate(1)));
        close(ends);
    }

    /** A virtual thread that waits holds no carrier: more of them wait than there are. */
    public void aThousandVirtualThreadsWaitAtATime() throws Exception {
        int many = 1000;
        Socket[][] pairs = new Socket[many][];
        for (int at = 0; at < many; at++) pairs[at] = Socket.pair("unix");
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Integer>> reads = new ArrayList<>();
            CountDownLatch begun = new CountDownLatch(many);
            for (Socket[] pair : pairs) {
                reads.add(threads.submit(() -> {
                    begun.countDown();
                    return pair[0].read(ByteBuffer.allocate(8));
                }));
            }
            begun.await();
            for (Socket[] pair : pairs) pair[1].writeAll(bytes("ping"));
            for (Future<Integer> read : reads) equal(4, read.get());
        }
        for (Socket[] pair : pairs) close(pair);
    }

    public void datagramsEmptyOnesToo() throws Exception {
        Socket server = Socket.open("udp");
        server.bind("127.0.0.1:0");
        Socket client = Socket.connect("udp", server.localAddress());
        for (String content : List.of("ping", "")) {
            client.write(ByteBuffer.wrap(bytes(content)));
            ByteBuffer room = ByteBuffer.allocate(16);
            equal(client.localAddress(), server.receiveFrom(room));
            equal(content, text(Arrays.copyOf(room.array(), room.position())));
            server.sendTo(ByteBuffer.wrap(bytes(content)), client.localAddress());
            equal(content.length(), client.read(ByteBuffer.allocate(16)));
        }
        server.close();
        client.close();
    }

    /** Of a raw socket, too, no bytes are a datagram and not the end. */
    public void emptyRawDatagrams() throws Exception {
        Socket socket;
        try {
            socket = Socket.open("ip6:253");
        } catch (java.nio.file.AccessDeniedException needsRoot) {
            return;
        }
        socket.bind("::1");
        socket.sendTo(ByteBuffer.allocate(0), socket.localAddress());
        equal(0, socket.read(ByteBuffer.allocate(8)));
        socket.close();
    }

    public void optionsAddressesFeatures() throws Exception {
        Socket[] ends = connected("tcp", "127.0.0.1:0");
        ends[0].set(Abi.OPT_TCP_NODELAY, 1);
        equal(1L, ends[0].get(Abi.OPT_TCP_NODELAY));
        equal("tcp", ends[0].getText(Abi.OPT_KIND));
        equal(ends[0].localAddress(), ends[1].peerAddress());
        equal(true, Anysock.has("tcp"));
        equal(false, Anysock.has("teleport"));
        equal(List.of("127.0.0.1:80"), Anysock.resolve("tcp", "127.0.0.1:80", null));
        equal(true, Anysock.version().matches("\\d+\\.\\d+\\.\\d+.*"));
        close(ends);
    }

    /** The collector moves arrays; what is read into one lands there all the same. */
    public void buffersMayMoveDuringACall() throws Exception {
        Socket[] ends = connected("tcp", "127.0.0.1:0");
        for (int turn = 0; turn < 50; turn++) {
            ByteBuffer young = ByteBuffer.allocate(1000);
            CountDownLatch begun = new CountDownLatch(1);
            Thread reader = Thread.startVirtualThread(() -> {
                begun.countDown();
                try {
                    while (young.hasRemaining()) ends[0].read(young);
                } catch (IOException thrown) {
                    throw new AssertionError(thrown);
                }
            });
            begun.await();
            System.gc();
            ends[1].writeAll(bytes("0123456789".repeat(100)));
            reader.join();
            equal("0123456789".repeat(100), text(young.array()));
        }
        close(ends);
    }

    /** A socket that was forgotten is closed. */
    public void forgottenSocketsAreClosed() throws Exception {
        Socket left = pairAndForget();
        left.timeout(Duration.ofMillis(50));
        for (int turn = 0; turn < 200; turn++) {
            System.gc();
            try {
                equal(-1, left.read(ByteBuffer.allocate(1)));
                left.close();
                return;
            } catch (SocketTimeoutException notYet) {
                // The collector has not been there.
            }
        }
        throw new AssertionError("still open");
    }

    private static Socket pairAndForget() throws IOException {
        return Socket.pair("unix")[1];
    }

    private static Socket[] connected(String kind, String address) throws IOException {
        try (Socket listener = Socket.listen(kind, address)) {
            return new Socket[] {Socket.connect(kind, listener.localAddress(), Duration.ofSeconds(20)), listener.accept()};
        }
    }

    private static void close(Socket[] sockets) {
        for (Socket socket : sockets) socket.close();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static String sum(byte[] bytes) throws Exception {
        return Arrays.toString(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    private static void equal(Object right, Object got) {
        if (!right.equals(got)) throw new AssertionError("got " + got + ", not " + right);
    }

    private static Throwable thrown(Class<? extends Throwable> kind, Callable<?> body) throws Exception {
        try {
            body.call();
        } catch (Throwable thrown) {
            if (kind.isInstance(thrown)) return thrown;
            throw new AssertionError("not " + kind, thrown);
        }
        throw new AssertionError("nothing was thrown; " + kind + " should be");
    }
}
