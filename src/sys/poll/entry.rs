//! An entry of poll(2), as the kernel takes it. Not here: the call (`posix`, `older`).

use crate::sys::{Events, Fd};
use libc::c_short;

/// One descriptor in a [`poll`](fn@crate::sys::poll).
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct PollFd(pub(in crate::sys) libc::pollfd);

impl PollFd {
    /// An entry with this interest. One without a descriptor is ignored by the kernel.
    #[must_use]
    #[inline]
    pub fn new(fd: Fd, events: Events) -> Self {
        let bit = |event: Events, bit: c_short| if events.any(event) { bit } else { 0 };
        let asked = bit(Events::READ, libc::POLLIN)
            | bit(Events::WRITE, libc::POLLOUT)
            | bit(Events::EXCEPT, libc::POLLPRI);
        Self(libc::pollfd { fd: fd.0, events: asked, revents: 0 })
    }

    /// The readiness that the last poll reported.
    #[must_use]
    pub fn ready(&self) -> Events {
        let found = self.0.revents;
        // The fast path: most sockets are not ready, or only readable.
        if found == 0 || found == libc::POLLIN {
            return Events::READ.when(found != 0);
        }
        let over = found & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0;
        Events::READ
            .when(over || found & libc::POLLIN != 0)
            .or(Events::WRITE.when(over || found & libc::POLLOUT != 0))
            .or(Events::EXCEPT.when(found & libc::POLLPRI != 0))
            .or(Events::HANGUP.when(found & libc::POLLHUP != 0))
            .or(Events::ERROR.when(found & (libc::POLLERR | libc::POLLNVAL) != 0))
    }
}
