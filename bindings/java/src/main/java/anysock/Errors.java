// SPDX-License-Identifier: MIT OR Apache-2.0

package anysock;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.BindException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.ProtocolException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedChannelException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;

/**
 * From the library's results to Java's exceptions: the class that Java's own sockets throw, with an {@link AnysockException}
 * as its cause, which has the name and the number. What else the library says is an {@code AnysockException} itself.
 */
final class Errors {
    private Errors() {}

    /** The result, or what it throws. */
    static long check(long result, String what) throws IOException {
        if (result >= 0) return result;
        throw of(result, what);
    }

    /** What a result below 0 throws. An argument that is wrong is an {@code IllegalArgumentException}. */
    static IOException of(long code, String what) {
        AnysockException cause = new AnysockException(code, what);
        if (code == Abi.EINVAL || code == Abi.EFAULT) throw new IllegalArgumentException(cause.getMessage(), cause);
        if (code == Abi.EOPNOTSUPP || code == Abi.ENOSYS) throw new UnsupportedOperationException(cause.getMessage(), cause);
        IOException known = known(code, cause.getMessage());
        if (known == null) return cause;
        known.initCause(cause);
        return known;
    }

    private static IOException known(long code, String message) {
        if (code == Abi.EBADF) return new ClosedChannelException();
        if (code == Abi.ECANCELED) return new AsynchronousCloseException();
        if (code == Abi.ECONNREFUSED) return new ConnectException(message);
        if (code == Abi.ETIMEDOUT || code == Abi.EAGAIN) return new SocketTimeoutException(message);
        if (code == Abi.EADDRINUSE || code == Abi.EADDRNOTAVAIL) return new BindException(message);
        if (code == Abi.EINTR) return new InterruptedIOException(message);
        if (code == Abi.EACCES || code == Abi.EPERM) return new AccessDeniedException(message);
        if (code == Abi.ENOENT) return new NoSuchFileException(message);
        if (isNoRoute(code)) return new NoRouteToHostException(message);
        if (isProtocol(code)) return new ProtocolException(message);
        if (code <= Abi.EAI_ADDRFAMILY && code >= Abi.EAI_PROTOCOL) return new UnknownHostException(message);
        return isSystem(code) ? new SocketException(message) : null;
    }

    private static boolean isNoRoute(long code) {
        return code == Abi.EHOSTUNREACH || code == Abi.ENETUNREACH || code == Abi.ENETDOWN || code == Abi.EHOSTDOWN;
    }

    private static boolean isProtocol(long code) {
        return code == Abi.EPROTO || code == Abi.ENOPROTOOPT || code == Abi.EPROTONOSUPPORT || code == Abi.EPROTOTYPE;
    }

    private static boolean isSystem(long code) {
        return code > Abi.EAI_ADDRFAMILY;
    }
}
