// SPDX-License-Identifier: MIT OR Apache-2.0

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;

/** An echo server on Java's own channels, one thread and a selector: what bindings/java/examples/QueueEcho.java is compared with. */
public final class Own {
    private static final ByteBuffer PART = ByteBuffer.allocateDirect(4096);
    private static Selector selector;

    public static void main(String[] arguments) throws IOException {
        selector = Selector.open();
        ServerSocketChannel listener = ServerSocketChannel.open();
        listener.bind(new InetSocketAddress("127.0.0.1", 0), 511);
        listener.configureBlocking(false);
        listener.register(selector, SelectionKey.OP_ACCEPT);
        System.out.println("listening on 127.0.0.1:" + listener.socket().getLocalPort());
        while (true) selector.select(Own::attend);
    }

    private static void attend(SelectionKey key) {
        try {
            if (key.channel() instanceof ServerSocketChannel listener) welcome(listener.accept());
            else echo((SocketChannel) key.channel());
        } catch (IOException gone) {
            key.cancel();
        }
    }

    private static void welcome(SocketChannel client) throws IOException {
        client.configureBlocking(false);
        client.setOption(StandardSocketOptions.TCP_NODELAY, true);
        client.register(selector, SelectionKey.OP_READ);
    }

    private static void echo(SocketChannel client) throws IOException {
        PART.clear();
        if (client.read(PART) < 0) {
            client.close();
            return;
        }
        PART.flip();
        client.write(PART);
    }
}
