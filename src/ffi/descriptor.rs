//! The operating system's own descriptor: lent, adopted, borrowed, given away. Not here: what is done with a handle (`bytes`,
//! `life`).

use crate::core::queue;
use crate::core::socket::adopt;
use crate::core::socket::close;
use crate::ffi::call;
use crate::ffi::types::anysock_t;

/// The system's own descriptor (an `int`, a `SOCKET`), lent: for calls that are not here, and to hand to a child process.
///
/// Of a poller, on Unix: a descriptor to be waited for by poll(2), select(2), epoll(7), kqueue(2) or another event loop. It
/// is readable whenever `anysock_poller_wait` would report something, and after `anysock_poller_wake`. It may be readable
/// without an event; a wait with timeout 0 then clears that. In a forked child it is the parent's: call this again there.
///
/// @param h A socket, pipe, terminal or poller.
/// @return The descriptor, which must not be closed, nor read if it is a poller's.
///         `ANYSOCK_ENOTCONN` while the family of a "tcp" or "udp" socket is not settled, `ANYSOCK_EOPNOTSUPP` for a poller on
///         Windows, `ANYSOCK_EBADF`.
///
/// Does not block. The number is good until the handle is closed. On Unix a socket that anysock has opened blocks for those
/// who are handed it, unless it is a listener; whatever mode they set, timeouts hold and close ends calls. On Windows it
/// is non-blocking.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_fd(h: anysock_t) -> i64 {
    call(|| queue::fd_of(h))
}

/// Makes a handle of a descriptor that something else has opened; the handle owns it from then on.
///
/// @param fd A socket of a family that anysock knows; on Unix also whatever else can be polled (a pipe, a terminal), on
///           which read, write, close, select and the poller work.
/// @return A handle. `ANYSOCK_EBADF` for a number that is no descriptor, `ANYSOCK_ENOTSOCK` for one that can't be polled,
///         `ANYSOCK_EAFNOSUPPORT` for another family, `ANYSOCK_EMFILE`, `ANYSOCK_ENOMEM`. On an error the descriptor is
///         as it was.
///
/// Does not block. Whether programs that are started inherit it stays as it was, and on Unix whether it blocks, which those
/// see who share it; on Windows a socket is made non-blocking. A descriptor must be adopted only once.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_adopt(fd: i64) -> i64 {
    call(|| adopt::adopt(fd))
}

/// Makes a handle of a descriptor that stays somebody else's, so that it can be waited for beside handles.
///
/// @param fd A socket of any family; on Unix also whatever else can be polled. Nothing about it is changed.
/// @return A handle for select and the poller; read and write treat it as they do a pipe. `ANYSOCK_EBADF` for a number that
///         is no descriptor, `ANYSOCK_ENOTSOCK` for one that can't be polled, `ANYSOCK_EMFILE`, `ANYSOCK_ENOMEM`.
///
/// Does not block. `anysock_close` ends the loan and leaves the descriptor open. It should be called before the descriptor
/// is closed, because the system may give the number to another file at once.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_borrow(fd: i64) -> i64 {
    call(|| adopt::borrow(fd))
}

/// Gives the descriptor away: the handle is gone as after `anysock_close`, but the descriptor lives and is the caller's.
///
/// @param h A socket, pipe or terminal.
/// @return The descriptor, in the blocking mode in which it was adopted; blocking, if anysock had opened it.
///         `ANYSOCK_ENOTCONN` while the family of a "tcp" or "udp" socket is not settled, `ANYSOCK_ENOTSOCK` for a poller,
///         `ANYSOCK_EBUSY` as for `anysock_close`, `ANYSOCK_EBADF`.
///
/// Blocks only for a moment, while calls that are blocked on the handle return as after `anysock_close`.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_release(h: anysock_t) -> i64 {
    call(|| close::release(h))
}
