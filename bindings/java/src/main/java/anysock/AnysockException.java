// SPDX-License-Identifier: MIT OR Apache-2.0

package anysock;

import java.io.IOException;

/** An error of the library, by number and name: the same on every system. It is thrown, or the cause of what is thrown. */
public final class AnysockException extends IOException {
    private static final long serialVersionUID = 1;
    private final long code;

    AnysockException(long code, String what) {
        super(what + ": " + Abi.errorName(code) + ": " + Abi.errorMessage(code));
        this.code = code;
    }

    /** Linux's number, negated: {@link Abi#ECONNREFUSED} and the like. */
    public long code() {
        return code;
    }

    /** {@code "ECONNREFUSED"} and the like. */
    public String name() {
        return Abi.errorName(code);
    }

    /** The library's error in an exception or its causes; {@code null} if there is none. */
    public static AnysockException in(Throwable thrown) {
        for (Throwable each = thrown; each != null; each = each.getCause()) {
            if (each instanceof AnysockException found) return found;
        }
        return null;
    }
}
