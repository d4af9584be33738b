// SPDX-License-Identifier: MIT OR Apache-2.0

package anysock;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Cleaner;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A socket of any kind: a channel of bytes, to be closed. Any thread may call any method at any time; {@link #close} ends
 * the calls that wait. A thread that waits, virtual or not, waits in Java and holds no other; an interrupt ends its call with
 * an {@link InterruptedIOException} and leaves the socket open.
 */
public final class Socket implements ByteChannel {
    private static final Cleaner CLEANER = Cleaner.create();
    private static final long FOR_EVER = -1;
    private static final Duration LONGEST = Duration.ofNanos(Long.MAX_VALUE);

    private final long handle;
    private final String kind;
    private final Cleaner.Cleanable cleanable;
    private final ReentrantLock lock = new ReentrantLock();
    private final Half reading = new Half();
    private final Half writing = new Half();
    private int armed;
    private volatile boolean closed;
    private volatile long timeout = FOR_EVER;

    /** What one direction waits with: calls take turns, and the poller's thread says when to go on. */
    private final class Half {
        final ReentrantLock turn = new ReentrantLock();
        final Condition changed = lock.newCondition();
        boolean ready;
    }

    /** A call that says {@code EAGAIN} instead of waiting. */
    private interface Attempt {
        long make();
    }

    /** Until when a call may wait. */
    private static final class Deadline {
        final long allowed;
        private final long end;

        Deadline(long allowed) {
            this.allowed = allowed;
            this.end = System.nanoTime() + allowed;
        }

        long left() {
            return allowed < 0 ? Long.MAX_VALUE : end - System.nanoTime();
        }
    }

    Socket(long handle, String kind) throws IOException {
        this.handle = handle;
        this.kind = kind;
        this.cleanable = CLEANER.register(this, () -> Abi.close(handle));
        // Waiting is done here.
        set(Abi.OPT_TIMEOUT, 0);
    }

    /** Opens a socket: {@code "tcp"}, {@code "udp"}, {@code "unix"} and their relatives. */
    public static Socket open(String kind) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            return new Socket(Errors.check(Abi.open(text(arena, kind)), "open " + kind), kind);
        }
    }

    /** A connection to an address; a name's addresses are tried as RFC 8305 says. */
    public static Socket connect(String kind, String address, Duration timeout) throws IOException {
        return made(kind, socket -> {
            socket.timeout(timeout);
            socket.connect(address);
        });
    }

    /** A connection to an address, however long it takes. */
    public static Socket connect(String kind, String address) throws IOException {
        return connect(kind, address, null);
    }

    /** A listener: {@code ":80"} is every interface, port 0 a free one. */
    public static Socket listen(String kind, String address) throws IOException {
        return made(kind, socket -> {
            socket.bind(address);
            socket.listen(0);
        });
    }

    private interface Steps {
        void take(Socket socket) throws IOException;
    }

    private static Socket made(String kind, Steps steps) throws IOException {
        Socket socket = open(kind);
        try {
            steps.take(socket);
            return socket;
        } catch (IOException | RuntimeException thrown) {
            socket.close();
            throw thrown;
        }
    }

    /** Two sockets that are connected to each other. */
    public static Socket[] pair(String kind) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment handles = arena.allocate(ValueLayout.JAVA_LONG, 2);
            Errors.check(Abi.pair(text(arena, kind), handles, handles.asSlice(8)), "pair " + kind);
            return new Socket[] {
                new Socket(handles.getAtIndex(ValueLayout.JAVA_LONG, 0), kind),
                new Socket(handles.getAtIndex(ValueLayout.JAVA_LONG, 1), kind),
            };
        }
    }

    /** The library's number for it, which is never another socket's. */
    public long handle() {
        return handle;
    }

    /** How long a call may wait, for its turn and in all; {@code null} is for ever, zero never. */
    public Socket timeout(Duration timeout) {
        this.timeout = nanos(timeout);
        return this;
    }

    /** Gives it an address of its own. */
    public void bind(String address) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            Errors.check(Abi.bind(handle, text(arena, address)), "bind " + address);
        }
    }

    /** Makes it a listener; a backlog of 0 is the system's greatest. */
    public void listen(int backlog) throws IOException {
        Errors.check(Abi.listen(handle, backlog), "listen");
    }

    /** Connects it. While a name is resolved, a virtual thread holds its carrier. */
    public void connect(String address) throws IOException {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment text = text(arena, address);
            call(writing, Abi.EVENT_WRITE, "connect " + address, () -> {
                long result = Abi.connect(handle, text);
                return result == Abi.EINPROGRESS || result == Abi.EALREADY ? Abi.EAGAIN : result;
            });
        }
    }

    /** The next connection of a listener. */
    public Socket accept() throws IOException {
        return new Socket(call(reading, Abi.EVENT_READ, "accept", () -> Abi.accept(handle)), kind);
    }

    /** Reads what is there, at least a byte; -1 at the end of a stream. An empty datagram is 0. */
    @Override
    public int read(ByteBuffer into) throws IOException {
        if (!into.hasRemaining()) return 0;
        int count = (int) transfer(into, memory -> call(reading, Abi.EVENT_READ, "read",
            () -> Abi.recv(handle, memory, memory.byteSize(), Abi.FLAG_DONT_WAIT)), true);
        return count == 0 && !keepsBorders() ? -1 : count;
    }

    /** Writes what fits, at least a byte. {@link #writeAll} writes all of it. */
    @Override
    public int write(ByteBuffer from) throws IOException {
        return write(from, new Deadline(timeout));
    }

    private int write(ByteBuffer from, Deadline deadline) throws IOException {
        return (int) transfer(from, memory -> call(writing, Abi.EVENT_WRITE, "write", deadline,
            () -> Abi.send(handle, memory, memory.byteSize(), Abi.FLAG_DONT_WAIT)), false);
    }

    /** Writes all of it, in one call's time; two writes never mix. */
    public void writeAll(byte[] bytes) throws IOException {
        writeAll(ByteBuffer.wrap(bytes));
    }

    private void writeAll(ByteBuffer left) throws IOException {
        Deadline deadline = new Deadline(timeout);
        take(writing, "write", deadline);
        try {
            do write(left, deadline); while (left.hasRemaining());
        } finally {
            writing.turn.unlock();
        }
    }

    /** Everything until the end of the stream. */
    public byte[] readAll() throws IOException {
        return input().readAllBytes();
    }

    /** Reads one datagram; who has sent it. */
    public String receiveFrom(ByteBuffer into) throws IOException {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment sender = arena.allocate(512);
            transfer(into, memory -> call(reading, Abi.EVENT_READ, "receive",
                () -> Abi.recvFrom(handle, memory, memory.byteSize(), Abi.FLAG_DONT_WAIT, sender, sender.byteSize())), true);
            return sender.getString(0);
        }
    }

    /** Sends one datagram. */
    public void sendTo(ByteBuffer from, String address) throws IOException {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment text = text(arena, address);
            transfer(from, memory -> call(writing, Abi.EVENT_WRITE, "send to " + address,
                () -> Abi.sendTo(handle, memory, memory.byteSize(), Abi.FLAG_DONT_WAIT, text)), false);
        }
    }

    /** The peer reads the end of the stream; this side may go on reading (half-close). */
    public void shutdownWrite() throws IOException {
        Errors.check(Abi.shutdown(handle, Abi.SHUT_WRITE), "shutdown");
    }

    /** Reads give what was queued, and then the end. */
    public void shutdownRead() throws IOException {
        Errors.check(Abi.shutdown(handle, Abi.SHUT_READ), "shutdown");
    }

    /** Its own address. */
    public String localAddress() throws IOException {
        return text("local address", (room, capacity) -> Abi.localAddress(handle, room, capacity));
    }

    /** The peer's; of one that was accepted known when the peer has gone, too. */
    public String peerAddress() throws IOException {
        return text("peer address", (room, capacity) -> Abi.peerAddress(handle, room, capacity));
    }

    /** Sets an option by name ({@link Abi#OPT_TCP_NODELAY} ...). */
    public void set(String option, long value) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            Errors.check(Abi.set(handle, text(arena, option), value), "option " + option);
        }
    }

    /** An option's value. */
    public long get(String option) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocate(ValueLayout.JAVA_LONG);
            Errors.check(Abi.get(handle, text(arena, option), value), "option " + option);
            return value.get(ValueLayout.JAVA_LONG, 0);
        }
    }

    /** The value of an option that is a text. */
    public String getText(String option) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = text(arena, option);
            return text("option " + option, (room, capacity) -> Abi.getText(handle, name, room, capacity));
        }
    }

    /** The stream of what comes. Closing it closes the socket, as with Java's own. */
    public InputStream input() {
        return new InputStream() {
            @Override
            public int read() throws IOException {
                byte[] one = new byte[1];
                return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
            }

            @Override
            public int read(byte[] bytes, int start, int length) throws IOException {
                return Socket.this.read(ByteBuffer.wrap(bytes, start, length));
            }

            @Override
            public int available() throws IOException {
                return (int) Math.min(get(Abi.OPT_AVAILABLE), Integer.MAX_VALUE);
            }

            @Override
            public void close() {
                Socket.this.close();
            }
        };
    }

    /** The stream of what goes. Closing it closes the socket, as with Java's own. */
    public OutputStream output() {
        return new OutputStream() {
            @Override
            public void write(int one) throws IOException {
                writeAll(new byte[] {(byte) one});
            }

            @Override
            public void write(byte[] bytes, int start, int length) throws IOException {
                writeAll(ByteBuffer.wrap(bytes, start, length));
            }

            @Override
            public void close() {
                Socket.this.close();
            }
        };
    }

    @Override
    public boolean isOpen() {
        return !closed;
    }

    /** Closes it and ends every call on it. Closing twice is no error. */
    @Override
    public void close() {
        lock.lock();
        try {
            if (closed) return;
            closed = true;
            Watch.forget(this);
            reading.changed.signalAll();
            writing.changed.signalAll();
        } finally {
            lock.unlock();
        }
        cleanable.clean();
    }

    // Waiting.

    private long call(Half half, int events, String what, Attempt attempt) throws IOException {
        return call(half, events, what, new Deadline(timeout), attempt);
    }

    private long call(Half half, int events, String what, Deadline deadline, Attempt attempt) throws IOException {
        take(half, what, deadline);
        try {
            while (true) {
                long result = attempt.make();
                if (result != Abi.EAGAIN) return Errors.check(result, what);
                if (deadline.allowed == 0) throw Errors.of(Abi.EAGAIN, what);
                await(half, events, deadline.left(), what);
            }
        } finally {
            half.turn.unlock();
        }
    }

    /** Takes the turn, for which another call of this direction may make it wait. */
    private static void take(Half half, String what, Deadline deadline) throws IOException {
        if (half.turn.tryLock()) return;
        if (deadline.allowed == 0) throw Errors.of(Abi.EAGAIN, what);
        try {
            if (half.turn.tryLock(deadline.left(), TimeUnit.NANOSECONDS)) return;
        } catch (InterruptedException interrupted) {
            throw interrupted(what);
        }
        throw Errors.of(Abi.ETIMEDOUT, what);
    }

    private static InterruptedIOException interrupted(String what) {
        Thread.currentThread().interrupt();
        return new InterruptedIOException(what + " was interrupted");
    }

    private void await(Half half, int events, long nanos, String what) throws IOException {
        lock.lock();
        try {
            if (closed) throw new AsynchronousCloseException();
            half.ready = false;
            armed |= events;
            Watch.arm(this, armed);
            long left = nanos;
            while (!half.ready && !closed) {
                if (left <= 0) throw Errors.of(Abi.ETIMEDOUT, what);
                left = half.changed.awaitNanos(left);
            }
            if (closed) throw new AsynchronousCloseException();
        } catch (InterruptedException interrupted) {
            throw interrupted(what);
        } finally {
            lock.unlock();
        }
    }

    /** The poller's thread: a direction may be ready. */
    void tell(boolean toRead, boolean toWrite) {
        lock.lock();
        try {
            if (toRead) wake(reading, Abi.EVENT_READ);
            if (toWrite) wake(writing, Abi.EVENT_WRITE);
            if (closed || armed == 0) Watch.forget(this);
            else Watch.arm(this, armed);
        } catch (IOException gone) {
            // Closed meanwhile: nobody waits for it any more.
            Watch.forget(this);
        } finally {
            lock.unlock();
        }
    }

    private void wake(Half half, long event) {
        armed &= (int) ~event;
        half.ready = true;
        half.changed.signalAll();
    }

    // Memory.

    private interface Transfer {
        long of(MemorySegment memory) throws IOException;
    }

    /** Moves the buffer's bytes; one in the heap goes through memory that the collector does not move. */
    private static long transfer(ByteBuffer buffer, Transfer transfer, boolean reads) throws IOException {
        if (reads && buffer.isReadOnly()) throw new IllegalArgumentException("the buffer is read-only");
        MemorySegment own = MemorySegment.ofBuffer(buffer);
        if (own.isNative()) {
            long count = transfer.of(own);
            buffer.position(buffer.position() + (int) Math.min(count, buffer.remaining()));
            return count;
        }
        try (Arena arena = Arena.ofShared()) {
            MemorySegment copy = arena.allocate(Math.max(own.byteSize(), 1)).asSlice(0, own.byteSize());
            if (!reads) copy.copyFrom(own);
            long count = transfer.of(copy);
            if (reads) MemorySegment.copy(copy, 0, own, 0, count);
            buffer.position(buffer.position() + (int) count);
            return count;
        }
    }

    /** What fills memory with a text, and says its length. */
    interface Fill {
        long fill(MemorySegment room, long capacity) throws IOException;
    }

    static String text(String what, Fill fill) throws IOException {
        for (long capacity = 256;;) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment room = arena.allocate(capacity);
                long length = Errors.check(fill.fill(room, capacity), what);
                if (length < capacity) return room.getString(0);
                capacity = length + 1;
            }
        }
    }

    /** A text for C ends at a NUL: one inside would cut it, and so makes it a text that is no address. */
    static MemorySegment text(Arena arena, String text) {
        return arena.allocateFrom(text.indexOf('\0') < 0 ? text : "\uFFFD", StandardCharsets.UTF_8);
    }

    private boolean keepsBorders() {
        return kind.startsWith("udp") || kind.startsWith("ip") || kind.equals("unixgram");
    }

    @Override
    public String toString() {
        return "anysock." + kind + "[" + handle + (closed ? ", closed]" : "]");
    }

    private static long nanos(Duration timeout) {
        if (timeout == null) return FOR_EVER;
        if (timeout.isNegative()) throw new IllegalArgumentException("a negative timeout: " + timeout);
        // Three hundred years are for ever, and more would not fit.
        return timeout.compareTo(LONGEST) > 0 ? FOR_EVER : timeout.toNanos();
    }

    static long micros(Duration timeout) {
        long nanos = nanos(timeout);
        return nanos < 0 ? FOR_EVER : Math.ceilDiv(nanos, 1000);
    }
}
