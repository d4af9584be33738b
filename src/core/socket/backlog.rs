//! Accepting the next connection of a listener's backlog, skipping those that died there. Not here: waiting for one (`listen`).

use crate::sys::{self, Fd, Origin, OsError};

/// How many dead connections one call may still skip without waiting in between; more than a backlog usually holds. A packet
/// filter can make every connection die, so there must be a limit.
pub struct SkipLimit(u32);

impl Default for SkipLimit {
    fn default() -> Self {
        Self(4096)
    }
}

/// Accepts the next connection, skipping those that died in the queue, which is no error of the listener. Does not wait, if the
/// listener is non-blocking.
#[inline]
pub fn accept_next(fd: Fd, origin: &Origin, skips: &mut SkipLimit) -> sys::Result<Fd> {
    match sys::accept(fd, origin) {
        Err(error) if has_died(error) => accept_living(fd, origin, skips, error),
        other => other,
    }
}

#[cold]
fn accept_living(fd: Fd, origin: &Origin, skips: &mut SkipLimit, mut error: OsError) -> sys::Result<Fd> {
    while skips.0 > 0 {
        skips.0 -= 1;
        match sys::accept(fd, origin) {
            Err(next) if has_died(next) => error = next,
            other => return other,
        }
    }
    Err(error)
}

/// Whether this is the error of accept(2) for a connection that died in the queue.
pub fn has_died(OsError(code): OsError) -> bool {
    sys::DIED_IN_QUEUE.contains(&code)
}
