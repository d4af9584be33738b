//! Fallbacks for ppoll(2): where a sandbox refuses it, and for more entries than it takes (RLIMIT_NOFILE). Not here: the usual way
//! (`posix`).

use crate::sys::milliseconds;
use crate::sys::{
    Fd, INVALID, OUT_OF_MEMORY, OsError, PollFd, Result, Timeout, check, inherit, is_refusal, timespec,
    uncancelled,
};
use libc::{c_int, c_ulong};

/// Polls by another call, if `error` of ppoll(2) is one of those; else returns the error.
#[cold]
pub(in crate::sys) fn poll(entries: &mut [PollFd], timeout: Timeout, error: OsError) -> Result<usize> {
    match error {
        error if is_refusal(error) => poll_in_milliseconds(entries, timeout),
        INVALID => select(entries, timeout),
        error => Err(error),
    }
}

fn poll_in_milliseconds(entries: &mut [PollFd], timeout: Timeout) -> Result<usize> {
    let milliseconds = timeout.map_or(-1, milliseconds);
    let list = entries.as_mut_ptr().cast::<libc::pollfd>();
    // SAFETY: PollFd is a transparent pollfd, the slice is writable for its length.
    match uncancelled(|| check(unsafe { libc::poll(list, entries.len() as libc::nfds_t, milliseconds) })) {
        Ok(ready) => Ok(ready as usize),
        Err(INVALID) => select(entries, timeout),
        Err(error) => Err(error),
    }
}

/// A set of descriptors as select(2) takes it, a bit for each number, of any length.
struct Set(Vec<c_ulong>);

const BITS: usize = c_ulong::BITS as usize;

impl Set {
    fn new(most: usize) -> Result<Self> {
        let mut words = Vec::new();
        words.try_reserve_exact(most / BITS + 1).map_err(|_| OUT_OF_MEMORY)?;
        words.resize(most / BITS + 1, 0);
        Ok(Self(words))
    }

    fn insert(&mut self, fd: usize) {
        self.0[fd / BITS] |= 1 << (fd % BITS);
    }

    fn contains(&self, fd: usize) -> bool {
        self.0[fd / BITS] & 1 << (fd % BITS) != 0
    }

    fn as_mut_ptr(&mut self) -> *mut libc::fd_set {
        self.0.as_mut_ptr().cast()
    }
}

/// The events of the three sets, in their order.
const KINDS: [i16; 3] = [libc::POLLIN, libc::POLLOUT, libc::POLLPRI];

/// As poll(2), for any number of entries. An error or a hang-up is reported as readable and writable.
fn select(entries: &mut [PollFd], timeout: Timeout) -> Result<usize> {
    let number = |entry: &PollFd| usize::try_from(entry.0.fd).ok();
    let most = entries.iter().filter_map(number).max().unwrap_or(0);
    let mut sets = [Set::new(most)?, Set::new(most)?, Set::new(most)?];
    for (entry, fd) in entries.iter().filter_map(|entry| Some((entry, number(entry)?))) {
        for (set, kind) in sets.iter_mut().zip(KINDS) {
            if entry.0.events & kind != 0 {
                set.insert(fd);
            }
        }
    }
    let time = timespec(timeout);
    let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let [read, write, except] = sets.each_mut().map(Set::as_mut_ptr);
    // SAFETY: each set has a bit for every number below the count, all outlive the call, no signal mask is passed.
    let outcome = uncancelled(|| unsafe {
        check(libc::pselect(most as c_int + 1, read, write, except, time, std::ptr::null()))
    });
    let closed = match outcome {
        Ok(_) => false,
        Err(OsError(libc::EBADF)) => true,
        Err(error) => return Err(error),
    };
    let mut ready = 0;
    for entry in entries {
        let Some(fd) = number(entry) else { continue };
        entry.0.revents = if closed {
            // One of them is no descriptor: find out which, as poll(2) would report it.
            if inherit(Fd(entry.0.fd)).is_err() { libc::POLLNVAL } else { 0 }
        } else {
            let found = KINDS.iter().zip(&sets).filter(|(_, set)| set.contains(fd));
            found.fold(0, |found, (kind, _)| found | kind & entry.0.events)
        };
        ready += usize::from(entry.0.revents != 0);
    }
    Ok(ready)
}
