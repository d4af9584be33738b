//! Many datagrams with one call. Not here: one (`bytes`), and many connections (`connection`).

use crate::core::socket::datagrams;
use crate::core::socket::transfer::Flags;
use crate::ffi::types::{anysock_datagram, anysock_t};
use crate::ffi::{argument, call};

/// Receives datagrams into an array, as recvmmsg(2): waits for the first, and takes what else is there.
///
/// @param h         A datagram socket.
/// @param datagrams (inout, length=count) Says where each goes. Of those that were received, in their order, `result`,
///                  `flags`, `segment` and what `address` points at are set; nothing of the others is touched. May be NULL
///                  when `count` is 0.
/// @param count     How many there is room for. Up to 32 come by one system call.
/// @param flags     (group=FLAG) `ANYSOCK_FLAG_DONT_WAIT`, `ANYSOCK_FLAG_TRUNC`, added up.
/// @return How many; 0 if `count` is 0 or this side has shut reading. `ANYSOCK_ETIMEDOUT` after option "read_timeout",
///         `ANYSOCK_EAGAIN` if that is 0 and nothing is there; `ANYSOCK_ECONNREFUSED` and its like, once, for what was sent
///         before; `ANYSOCK_ENOTCONN` while the family of a "udp" socket is not settled; `ANYSOCK_EOPNOTSUPP` for connected kinds,
///         `ANYSOCK_ENOTSOCK` for a pipe, terminal or poller; `ANYSOCK_ECANCELED` when the handle is closed meanwhile;
///         `ANYSOCK_EINTR` with option "interruptible"; `ANYSOCK_EINVAL` for other flags and for lengths that no memory has;
///         `ANYSOCK_EFAULT`, `ANYSOCK_EBADF`.
///
/// Blocks as `anysock_read`, until there is one. An error after some is returned by the next call. The array must not be changed
/// during the call. Nothing is allocated, but on systems other than Linux one block with `ANYSOCK_FLAG_TRUNC`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_recv_many(
    h: anysock_t,
    datagrams: *mut anysock_datagram,
    count: usize,
    flags: i32,
) -> i64 {
    call(|| {
        let flags = argument::many_flags(flags, Flags::DONT_WAIT.or(Flags::TRUNC))?;
        // SAFETY: the caller vouches for the array.
        let mut datagrams = unsafe { argument::Datagrams::new(datagrams, count) }?;
        datagrams::receive(h, &mut datagrams, flags)
    })
}

/// Sends the datagrams of an array, as sendmmsg(2): waits until there is room for the first, and sends what else there is
/// room for. Never raises SIGPIPE.
///
/// @param h         A datagram socket.
/// @param datagrams (inout, length=count) The datagrams, sent in their order. Of those that were sent `result` is set;
///                  nothing else is touched. May be NULL when `count` is 0.
/// @param count     How many. Up to 32 go by one system call.
/// @param flags     (group=FLAG) `ANYSOCK_FLAG_DONT_WAIT` or 0.
/// @return How many were sent, counted from the first; 0 only if `count` is 0. When it is less than `count`, call again with
///         those that are left: that returns the error, if there is one. Errors are those of the first datagram:
///         `ANYSOCK_ETIMEDOUT` after option "write_timeout", `ANYSOCK_EAGAIN` if that is 0 and there is no room;
///         `ANYSOCK_EMSGSIZE`; `ANYSOCK_ENOTCONN` without address and peer; `ANYSOCK_EAFNOSUPPORT` for an address of another
///         family; `ANYSOCK_EINVAL` for what is no address, a segment that is negative or above 65535, and more segments
///         than the system makes; `ANYSOCK_EOPNOTSUPP` for segments where `anysock_has("udp.gso")` is 0. And those of the
///         socket: `ANYSOCK_ECONNREFUSED` and its like, once, for what was sent before; the rest as for `anysock_recv_many`,
///         and `ANYSOCK_EPIPE` after this side has shut writing.
///
/// Blocks as `anysock_write`, until there is room for one. Success means that the system has the datagrams, not that anybody
/// gets them. The first address settles the family of a "udp" socket. The array must not be changed during the call. Nothing is
/// allocated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_send_many(
    h: anysock_t,
    datagrams: *mut anysock_datagram,
    count: usize,
    flags: i32,
) -> i64 {
    call(|| {
        let flags = argument::many_flags(flags, Flags::DONT_WAIT)?;
        // SAFETY: the caller vouches for the array.
        let mut datagrams = unsafe { argument::Datagrams::new(datagrams, count) }?;
        datagrams::send(h, &mut datagrams, flags)
    })
}
