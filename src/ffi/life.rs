//! Opening, shutting down and closing a handle. Not here: naming and connecting (`connection`), bytes (`bytes`).

use crate::core::socket::close;
use crate::core::socket::pair;
use crate::core::socket::{life, native};
use crate::ffi::argument::{self, Out};
use crate::ffi::call;
use crate::ffi::types::anysock_t;
use std::ffi::c_char;

/// Opens a socket, as socket(2).
///
/// @param kind (in) "tcp", "tcp4", "tcp6", "udp", "udp4", "udp6", "unix", "unixgram", "unixpacket", or for raw sockets
///             "ip4:icmp", "ip6:58" and the like. "tcp" and "udp" take either address family: the first address settles it,
///             and options that were set before are kept and applied then.
/// @return A handle, to be closed with `anysock_close`. `ANYSOCK_EINVAL` for a text that is no kind, `ANYSOCK_EAFNOSUPPORT`
///         for one that the system lacks, `ANYSOCK_EMFILE` or `ANYSOCK_ENFILE` when descriptors have run out,
///         `ANYSOCK_EPERM` for a raw kind without the right to it, `ANYSOCK_ENOMEM`, `ANYSOCK_EFAULT` for NULL;
///         `ANYSOCK_ENOTRECOVERABLE` in a child that came by a fork which runs no handlers (`_Fork`).
///
/// Does not block. The descriptor is not inherited by programs that are started, and no use of it raises a signal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_open(kind: *const c_char) -> i64 {
    // SAFETY: the caller vouches for the text.
    call(|| life::open(unsafe { argument::text(kind) }?))
}

/// Opens a socket by the system's own numbers, as socket(2): for what has no kind's name here. The handle has option
/// "native".
///
/// @param family   `AF_INET`, `AF_INET6`, `AF_UNIX`, as this system numbers them.
/// @param type     `SOCK_STREAM` and the like.
/// @param protocol `IPPROTO_UDPLITE` and the like; 0 is the family's usual one.
/// @return A handle, to be closed with `anysock_close`. The system's errors, `ANYSOCK_EPROTONOSUPPORT` among them;
///         `ANYSOCK_EAFNOSUPPORT` for another family; `ANYSOCK_EMFILE`, `ANYSOCK_ENFILE`, `ANYSOCK_ENOMEM`.
///
/// Does not block. As for `anysock_open` the descriptor is not inherited, and no use of it raises a signal.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_open_raw(family: i32, r#type: i32, protocol: i32) -> i64 {
    call(|| native::open(family, r#type, protocol))
}

/// Opens two sockets that are connected to each other, as socketpair(2).
///
/// @param kind   (in) "unix", "unixgram", "unixpacket", or "tcp", "tcp4", "tcp6" for a pair over the loopback, of which
///               nobody else can take an end. "unix" is such a pair too where the system has no AF_UNIX.
/// @param first  (out) Receives one handle.
/// @param second (out) Receives the other.
/// @return 0. `ANYSOCK_EOPNOTSUPP` for other kinds, `ANYSOCK_EINVAL` for a text that is none, `ANYSOCK_EFAULT` for NULL,
///         else as `anysock_open`. On an error nothing is stored.
///
/// Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_pair(
    kind: *const c_char,
    first: *mut anysock_t,
    second: *mut anysock_t,
) -> i64 {
    call(|| {
        let (first, second) = (Out::new(first)?, Out::new(second)?);
        // SAFETY: the caller vouches for the text.
        let (one, other) = pair::pair(unsafe { argument::text(kind) }?)?;
        // SAFETY: the caller vouches for both places.
        unsafe { first.put(one) };
        // SAFETY: as above.
        unsafe { second.put(other) };
        Ok(())
    })
}

/// Shuts one or both halves of a connection, as shutdown(2), for every process that shares it.
///
/// After the read half is shut, reads return what was queued and then 0; what comes later is not delivered.
/// After the write half is shut the peer reads the end of the stream (half-close), and writes give `ANYSOCK_EPIPE`.
///
/// @param h   A connected socket.
/// @param how (group=SHUT) `ANYSOCK_SHUT_READ`, `ANYSOCK_SHUT_WRITE` or both added up.
/// @return 0. `ANYSOCK_ENOTCONN` without a peer, `ANYSOCK_EINVAL` for another `how`, `ANYSOCK_EBADF`,
///         `ANYSOCK_ENOTSOCK` for a poller, pipe or terminal.
///
/// Does not block. Calls that are blocked on the half return.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_shutdown(h: anysock_t, how: i32) -> i64 {
    call(|| life::shutdown(h, how))
}

/// Closes a handle of any kind, as close(2).
///
/// Every call that is blocked on it in another thread returns at once: with the count so far if it has moved bytes,
/// with `ANYSOCK_ECANCELED` if not; so do select and poller waits that watch it. The handle leaves every poller. In a
/// forked process the other's copy is not disturbed: the connection ends when the last copy is closed.
///
/// @param h A handle of any kind.
/// @return 0 to exactly one caller; `ANYSOCK_EBADF` to every other, and for a number that is no handle. `ANYSOCK_EBUSY` if
///         a call that is blocked on it does not leave within two seconds of being woken, because its thread is stopped or
///         has left the call by `longjmp` or an exception: the handle is gone, and its descriptor stays open until the
///         call leaves, if it ever does.
///
/// Blocks (bounded=linger) only for a moment while woken calls leave, and for option "linger".
/// When it returns, the descriptor is closed and its port free, unless a call could not be woken.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_close(h: anysock_t) -> i64 {
    call(|| close::close(h))
}
