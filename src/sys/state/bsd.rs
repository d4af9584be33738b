//! What macOS and the BSDs report of a descriptor. Not here: what every Unix does (`unix`).

use crate::sys::{
    Events, FILTERS, Fd, OsError, Result, Selector, available, change, close, kqueue, peer, pollable_by_type,
    timespec,
};
use libc::c_int;
use std::time::Duration;

/// The socket option that reads the protocol; `None` where there is none.
#[cfg(any(target_os = "freebsd", target_os = "openbsd"))]
pub(in crate::sys) const SO_PROTOCOL: Option<c_int> = Some(libc::SO_PROTOCOL);

#[cfg(not(any(target_os = "freebsd", target_os = "openbsd")))]
pub(in crate::sys) const SO_PROTOCOL: Option<c_int> = None;

/// `Ok` if a descriptor that is no socket can be polled, else `ENOTSOCK`. kqueue takes files as well, but for other events.
pub(in crate::sys) fn pollable(fd: Fd) -> Result<()> {
    pollable_by_type(fd)?;
    // Out of descriptors there is no selector to try it with, and the type decides.
    let Ok(selector) = Selector::new() else { return Ok(()) };
    // A pipe or FIFO may have one direction only.
    let taken = selector.add(fd, Events::READ, 0).or_else(|_| selector.add(fd, Events::WRITE, 0));
    taken.map_err(|_| OsError(libc::ENOTSOCK))
}

/// How many bytes of a TCP stream are queued for reading.
pub fn queued(fd: Fd) -> Result<usize> {
    available(fd)
}

/// Whether the connection is over, on which a call has just failed with this error: then the socket has no peer any more.
#[must_use]
pub fn has_ended(fd: Fd, _error: OsError) -> bool {
    peer(fd).is_err()
}

/// Whether the peer has finished sending, with bytes still queued or not.
#[must_use]
pub fn peer_has_finished(fd: Fd) -> bool {
    let Ok(queue) = kqueue() else { return false };
    let (_, filter, _) = FILTERS[0];
    let mut event = change(fd, filter, 0, libc::EV_ADD, 0);
    let now = timespec(Some(Duration::ZERO));
    let now = now.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let place = &raw mut event;
    // SAFETY: there is one event, which the system reads before it writes it, and the time outlives the call.
    let found = unsafe { libc::kevent(queue.0, place, 1, place, 1, now) };
    close(queue);
    found == 1 && event.flags & libc::EV_EOF != 0
}
