//! The operating system's own descriptor: lent, adopted, borrowed, given away.

use super::call;
use super::types::anysock_t;
use crate::core::socket;

/// The system's own descriptor (an `int`, a `SOCKET`), lent: for calls that are not here, and to hand to a child process.
///
/// @return The descriptor. It is non-blocking if it is a socket, and must not be closed. `ANYSOCK_ENOTCONN` while the
///         family of a "tcp" or "udp" socket is open, `ANYSOCK_ENOTSOCK` for a poller, `ANYSOCK_EBADF`.
///
/// Does not block. The number is good until the handle is closed.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_fd(h: anysock_t) -> i64 {
    call(|| socket::fd(h))
}

/// Makes a handle of a descriptor that something else has opened; the handle owns it from then on.
///
/// @param fd A socket of a family that anysock knows; on Unix also whatever else can be polled (a pipe, a terminal), on
///           which read, write, close, select and the poller work, and whose mode, shared with other processes, is left alone.
/// @return A handle. `ANYSOCK_EBADF` for a number that is no descriptor, `ANYSOCK_ENOTSOCK` for one that can't be polled,
///         `ANYSOCK_EAFNOSUPPORT` for another family, `ANYSOCK_EMFILE`, `ANYSOCK_ENOMEM`. On an error the descriptor is
///         as it was.
///
/// Does not block. Whether programs that are started inherit it stays as it was. A descriptor must be adopted only once.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_adopt(fd: i64) -> i64 {
    call(|| socket::adopt(fd))
}

/// Makes a handle of a descriptor that stays somebody else's, so that it can be waited for beside handles.
///
/// @param fd A socket of any family; on Unix also whatever else can be polled. Nothing about it is changed.
/// @return A handle for select and the poller; read and write treat it as they do a pipe. `ANYSOCK_EBADF` for a number that
///         is no descriptor, `ANYSOCK_ENOTSOCK` for one that can't be polled, `ANYSOCK_EMFILE`, `ANYSOCK_ENOMEM`.
///
/// Does not block. `anysock_close` ends the loan and leaves the descriptor open. It should be called before the descriptor is
/// closed: what the number stands for afterwards is nothing the library can know.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_borrow(fd: i64) -> i64 {
    call(|| socket::borrow(fd))
}

/// Gives the descriptor away: the handle is gone as after `anysock_close`, but the descriptor lives and is the caller's.
///
/// @return The descriptor, in the blocking mode in which it was adopted; blocking, if anysock had opened it.
///         `ANYSOCK_ENOTCONN` while the family of a "tcp" or "udp" socket is open, `ANYSOCK_ENOTSOCK` for a poller,
///         `ANYSOCK_EBADF`.
///
/// Calls that are blocked on the handle return as after `anysock_close`; this waits until they have.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_release(h: anysock_t) -> i64 {
    call(|| socket::release(h))
}
