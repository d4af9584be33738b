//! The next connection in a listener's backlog. One that has died there is passed over. Not here: waiting for one (`listen`).

use crate::sys::{self, Fd, Origin, OsError};

/// How many connections that died while they were queued one call still passes over at once; more of them than a backlog holds
/// as a rule. After them it takes one after each wait. A system may say it of all, as a packet filter can have it do.
pub struct SkipLimit(u32);

impl Default for SkipLimit {
    fn default() -> Self {
        Self(4096)
    }
}

/// A connection that died while it was queued is not the listener's error.
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

/// Whether it is the error of a connection that died while it was queued.
pub fn has_died(OsError(code): OsError) -> bool {
    sys::DIED_IN_QUEUE.contains(&code)
}
