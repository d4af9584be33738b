//! `poll` for Apple's systems, by select(2), because their poll(2) reports the end of a stream as urgent data. Their select(2)
//! can take sets of any size, despite FD_SETSIZE. Not here: other systems (`posix`, `windows`).

use crate::sys::{Events, Fd, LONGEST_WAIT, Result, Timeout, check};
use libc::{c_int, fd_set, timeval};
use std::time::Duration;

/// Whether a poll may name a descriptor that was closed meanwhile, and may be another file's by now: it does no harm here.
pub const STALE_POLL_IS_HARMLESS: bool = true;

/// A set of descriptors as select(2) takes it, a bit for each number, of any length.
#[derive(Default)]
struct Set(Vec<u32>);

impl Set {
    fn insert(&mut self, fd: Fd) {
        let (word, bit) = place(fd);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= bit;
    }

    fn contains(&self, fd: Fd) -> bool {
        let (word, bit) = place(fd);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }
}

/// The word and bit of a descriptor; for none, a word beyond every set.
fn place(fd: Fd) -> (usize, u32) {
    (fd.0 as usize / 32, 1 << (fd.0 as u32 % 32))
}

unsafe extern "C" {
    /// `select` without the limit of FD_SETSIZE: `_DARWIN_UNLIMITED_SELECT`.
    #[link_name = "select$DARWIN_EXTSN"]
    fn unlimited_select(
        count: c_int,
        read: *mut fd_set,
        write: *mut fd_set,
        except: *mut fd_set,
        time: *mut timeval,
    ) -> c_int;
}

/// Waits until a member of a set is ready, and leaves those that are.
fn select(sets: &mut [Set; 3], timeout: Timeout) -> Result<()> {
    let words = sets.iter().map(|set| set.0.len()).max().unwrap_or(0);
    for set in sets.iter_mut() {
        set.0.resize(words, 0);
    }
    let [read, write, except] = sets.each_mut().map(|set| set.0.as_mut_ptr().cast::<fd_set>());
    let mut time = timeout.map(|timeout| {
        let (seconds, micros) = parts(timeout);
        timeval { tv_sec: seconds.into(), tv_usec: micros }
    });
    let time = time.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut);
    // SAFETY: each set has a bit for every number below the count, and all outlive the call.
    check(unsafe { unlimited_select(words as c_int * 32, read, write, except, time) }).map(drop)
}

/// The events of the three sets, in their order.
const KINDS: [Events; 3] = [Events::READ, Events::WRITE, Events::EXCEPT];

/// One descriptor in a [`poll`].
#[derive(Clone, Copy, Debug)]
pub struct PollFd {
    fd: Fd,
    interest: Events,
    found: Events,
}

impl PollFd {
    /// An entry with this interest. One without a descriptor is ignored.
    #[must_use]
    pub const fn new(fd: Fd, events: Events) -> Self {
        Self { fd, interest: events, found: Events::NONE }
    }

    /// The readiness that the last poll reported.
    #[must_use]
    pub const fn ready(&self) -> Events {
        self.found
    }
}

/// Waits until one of the entries is ready, or the timeout has passed (`None`: for ever); how many are ready. May end earlier,
/// after a day.
pub fn poll(entries: &mut [PollFd], timeout: Timeout) -> Result<usize> {
    let mut sets: [Set; 3] = Default::default();
    for entry in entries.iter().filter(|entry| !entry.fd.is_none()) {
        for (set, kind) in sets.iter_mut().zip(KINDS) {
            if entry.interest.any(kind) {
                set.insert(entry.fd);
            }
        }
    }
    select(&mut sets, timeout.map(|timeout| timeout.min(LONGEST_WAIT)))?;
    let mut ready = 0;
    for entry in entries {
        let members = KINDS.iter().zip(&sets).filter(|(_, set)| set.contains(entry.fd));
        entry.found = members.fold(Events::NONE, |found, (kind, _)| found.or(*kind));
        ready += usize::from(!entry.found.is_empty());
    }
    Ok(ready)
}

/// A duration in seconds and microseconds, rounded up.
fn parts(time: Duration) -> (i32, i32) {
    let micros = time.as_nanos().div_ceil(1_000);
    ((micros / 1_000_000) as i32, (micros % 1_000_000) as i32)
}
