//! One descriptor in a poll(2), as the kernel takes it. Not here: the call (`posix`, `older`).

use crate::sys::{Events, Fd};
use libc::c_short;

/// One descriptor in a [`poll`](fn@crate::sys::poll).
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct PollFd(pub(in crate::sys) libc::pollfd);

impl PollFd {
    /// Asks for `events`. A descriptor that is none is passed over.
    #[must_use]
    #[inline]
    pub fn new(fd: Fd, events: Events) -> Self {
        let bit = |event: Events, bit: c_short| if events.any(event) { bit } else { 0 };
        let asked = bit(Events::READ, libc::POLLIN)
            | bit(Events::WRITE, libc::POLLOUT)
            | bit(Events::EXCEPT, libc::POLLPRI);
        Self(libc::pollfd { fd: fd.0, events: asked, revents: 0 })
    }

    /// What the last poll found.
    #[must_use]
    pub fn ready(&self) -> Events {
        let found = self.0.revents;
        // Most sockets are not ready, and most others just readable.
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
