//! Polling by `select`, for Apple's systems: their `poll` calls the end of a stream urgent data. They do not limit the
//! sets' size, whatever FD_SETSIZE says; what a set is, is the back-end's.

use super::{Events, Fd, LONGEST_WAIT, Result, Set, Timeout, meaning, sets_for};
use std::time::Duration;

/// What each of the three sets tells, in their order.
const KINDS: [Events; 3] = [Events::READ, Events::WRITE, Events::EXCEPT];

/// One descriptor in a [`poll`].
#[derive(Clone, Copy, Debug)]
pub struct PollFd {
    fd: Fd,
    asked: Events,
    found: Events,
}

impl PollFd {
    /// Asks for `events`. A descriptor that is none is passed over.
    #[must_use]
    pub const fn new(fd: Fd, events: Events) -> Self {
        Self { fd, asked: events, found: Events::NONE }
    }

    /// What the last poll found.
    #[must_use]
    pub const fn ready(&self) -> Events {
        self.found
    }
}

/// Waits until one of the entries is ready; how many are. `None` waits for ever. May end before its time.
pub fn poll(entries: &mut [PollFd], timeout: Timeout) -> Result<usize> {
    let mut sets: [Set; 3] = Default::default();
    for entry in entries.iter().filter(|entry| !entry.fd.is_none()) {
        let wanted = sets_for(entry.fd, entry.asked);
        for (set, kind) in sets.iter_mut().zip(KINDS) {
            if wanted.any(kind) {
                set.insert(entry.fd);
            }
        }
    }
    super::select(&mut sets, timeout.map(|timeout| timeout.min(LONGEST_WAIT)))?;
    let mut ready = 0;
    for entry in entries {
        let members = KINDS.iter().zip(&sets).filter(|(_, set)| set.contains(entry.fd));
        let found = members.fold(Events::NONE, |found, (kind, _)| found.or(*kind));
        entry.found = meaning(entry.fd, entry.asked, found);
        ready += usize::from(!entry.found.is_empty());
    }
    Ok(ready)
}

/// A duration in seconds and microseconds, rounded up.
pub(super) fn parts(time: Duration) -> (i32, i32) {
    let micros = time.as_nanos().div_ceil(1_000);
    ((micros / 1_000_000) as i32, (micros % 1_000_000) as i32)
}
