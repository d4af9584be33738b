//! Readiness of many descriptors on macOS and the BSDs, by kqueue(2). Not here: a few (`poll`).

use super::system::{self, c_int, c_void, kevent};
use crate::sys::{
    ALREADY_WATCHED, Events, Fd, MOST_REPORTS, OUT_OF_MEMORY, OsError, Result, Timeout, Waker, check, close,
    grow_up_to, hangs_up, peer, set_inherit, timespec,
};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The widths of a kevent's numbers.
#[cfg(target_os = "netbsd")]
type Filter = u32;

#[cfg(target_os = "netbsd")]
type Action = u32;

#[cfg(not(target_os = "netbsd"))]
type Filter = i16;

#[cfg(not(target_os = "netbsd"))]
type Action = u16;

/// The filter for each event, and its flags.
pub(in crate::sys) const FILTERS: &[(Events, Filter, u32)] = &[
    (Events::READ, system::EVFILT_READ, 0),
    (Events::WRITE, system::EVFILT_WRITE, 0),
    // FreeBSD and NetBSD have none for urgent data.
    #[cfg(not(any(target_os = "freebsd", target_os = "netbsd")))]
    (Events::EXCEPT, system::EVFILT_EXCEPT, system::NOTE_OOB),
];

/// The events that a selector supports.
const WATCHABLE: Events = FILTERS[0].0.or(FILTERS[1].0).or(FILTERS[FILTERS.len() - 1].0);

pub(in crate::sys) fn kqueue() -> Result<Fd> {
    // SAFETY: takes no memory.
    let queue = Fd(check(unsafe { system::kqueue() })?);
    set_inherit(queue, false).inspect_err(|_| close(queue))?;
    Ok(queue)
}

pub(in crate::sys) fn change(fd: Fd, filter: Filter, detail: u32, action: Action, tag: u64) -> kevent {
    // SAFETY: plain numbers and pointers, for which zero is a value.
    let mut event: kevent = unsafe { std::mem::zeroed() };
    event.ident = fd.0 as usize;
    event.filter = filter;
    event.flags = action;
    event.fflags = detail;
    event.udata = mark(tag);
    event
}

/// The tag of a selector's own alarm.
const ALARM: u64 = u64::MAX - 1;

/// The longest alarm in milliseconds; the caller checks the time again.
const LONGEST_ALARM: u128 = 86_400_000;

/// A tag as a pointer, which the kernel keeps; on a 32-bit machine only its lower half.
fn mark(tag: u64) -> *mut c_void {
    std::ptr::without_provenance_mut(tag as usize)
}

fn ready(event: &kevent) -> Events {
    let Some((kind, _, detail)) = FILTERS.iter().find(|(_, filter, _)| *filter == event.filter) else {
        return Events::NONE;
    };
    let over = event.flags & system::EV_EOF != 0;
    if *detail != 0 && event.fflags & detail == 0 {
        // The filter for urgent data reports the end of the stream as well, without end: the caller must know why.
        return Events::HANGUP;
    }
    kind.or(Events::ENDED.when(over && event.filter == system::EVFILT_READ))
        .or(Events::ERROR.when(over && event.fflags != 0))
        .or(Events::HANGUP.when(over && is_over(Fd(event.ident as c_int))))
}

/// Whether a connection is over in both directions, while each filter reports only its own: it has no peer any more, or poll(2)
/// reports a hang-up.
fn is_over(fd: Fd) -> bool {
    peer(fd).is_err() || hangs_up(fd)
}

/// One watched descriptor.
#[derive(Debug)]
struct Watched {
    interest: Events,
    tag: u64,
    /// Its place in the current wait's reports, valid if the tag there is the same.
    place: usize,
}

/// Whether the cost of a wait depends on how many are ready, and not on how many are watched.
pub const SELECTOR_SCALES: bool = true;

/// Its name, for option "queue.engine".
pub const SELECTOR_NAME: &str = "kqueue";

/// Whether a batch queue may wait by [`poll`](fn@crate::sys::poll) instead.
pub const HAS_POLL_ENGINE: bool = true;

/// A kqueue with a waker inside. Every method may be called from any thread.
#[derive(Debug)]
pub struct Selector {
    kqueue: AtomicI32,
    /// The process that opened it: a forked child does not inherit a kqueue, and its number may be another file's there.
    process: u32,
    waker: Waker,
    watched: Mutex<HashMap<c_int, Watched>>,
}

/// Room for what one wait reports; kept by the caller so that a wait allocates nothing.
pub struct Reports {
    found: Vec<kevent>,
    /// The events of each descriptor, merged.
    merged: Vec<(u64, Events)>,
}

// SAFETY: the pointers in a kevent are tags, and point at nothing.
unsafe impl Send for Reports {}

impl Reports {
    /// Without memory yet.
    pub const EMPTY: Self = Self { found: Vec::new(), merged: Vec::new() };

    /// Forgets the last wait.
    pub fn clear(&mut self) {
        self.found.clear();
        self.merged.clear();
    }

    /// What the last wait reported: tag and readiness.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Events)> + '_ {
        self.merged.iter().copied()
    }
}

impl Selector {
    /// Opens an empty selector.
    pub fn new() -> Result<Self> {
        let waker = Waker::new()?;
        let kqueue = kqueue()?;
        let selector = Self {
            kqueue: AtomicI32::new(kqueue.0),
            process: std::process::id(),
            waker,
            watched: Mutex::default(),
        };
        selector.arm(selector.waker.fd(), Events::READ, 0)?;
        Ok(selector)
    }

    fn kqueue(&self) -> c_int {
        self.kqueue.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<c_int, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn control(&self, event: &kevent) -> Result<()> {
        // SAFETY: the one change outlives the call, and there is no room for events.
        check(unsafe { system::kevent(self.kqueue(), event, 1, std::ptr::null_mut(), 0, std::ptr::null()) })
            .map(drop)
    }

    fn arm(&self, fd: Fd, interest: Events, tag: u64) -> Result<()> {
        let edge = if interest.any(Events::EDGE) { system::EV_CLEAR } else { 0 };
        for (kind, filter, detail) in FILTERS {
            if interest.any(*kind) {
                self.control(&change(fd, *filter, *detail, system::EV_ADD | edge, tag))?;
            }
        }
        Ok(())
    }

    fn disarm(&self, fd: Fd) {
        for (_, filter, detail) in FILTERS {
            // Fails only if it was not registered.
            let _ = self.control(&change(fd, *filter, *detail, system::EV_DELETE, 0));
        }
    }

    /// Registers a descriptor under a tag. [`ALREADY_WATCHED`], `EOPNOTSUPP` for events that this system can't watch, `ENOMEM`.
    pub fn add(&self, fd: Fd, events: Events, tag: u64) -> Result<()> {
        if events.and(Events::ALL).and(WATCHABLE) != events.and(Events::ALL) {
            return Err(OsError(system::EOPNOTSUPP));
        }
        let mut watched = self.lock();
        if watched.contains_key(&fd.0) {
            return Err(ALREADY_WATCHED);
        }
        watched.try_reserve(1).map_err(|_| OUT_OF_MEMORY)?;
        self.arm(fd, events, tag).inspect_err(|_| self.disarm(fd))?;
        watched.insert(fd.0, Watched { interest: events, tag, place: 0 });
        Ok(())
    }

    /// Changes a registration.
    pub fn modify(&self, fd: Fd, events: Events, tag: u64) -> Result<()> {
        self.remove(fd);
        self.add(fd, events, tag)
    }

    /// Removes a registration.
    pub fn remove(&self, fd: Fd) {
        if self.lock().remove(&fd.0).is_some() {
            self.disarm(fd);
        }
    }

    /// Closes the descriptors before the selector is dropped. A forked child has not inherited the kqueue.
    pub fn close(&self) {
        self.waker.abandon();
        let kqueue = Fd(self.kqueue.swap(Fd::NONE.0, Ordering::AcqRel));
        if !kqueue.is_none() && self.process == std::process::id() {
            close(kqueue);
        }
    }

    /// Makes one wait return: a running one, or else the next.
    pub fn wake(&self) {
        self.waker.wake();
    }

    /// The descriptor that wakes it when written to.
    pub(in crate::sys) fn trigger(&self) -> Fd {
        self.waker.trigger()
    }

    /// Its descriptor, which is readable when a wait would return at once.
    pub fn fd(&self) -> Result<Fd> {
        Ok(Fd(self.kqueue()))
    }

    /// Makes the descriptor readable after `time` (EVFILT_TIMER), so that a wait returns; `None` is never. Replaces the last
    /// alarm.
    pub fn set_alarm(&self, time: Timeout) -> Result<()> {
        let action = if time.is_some() { system::EV_ADD | system::EV_ONESHOT } else { system::EV_DELETE };
        // Identified by the selector's own number, which no watched descriptor has.
        let mut event = change(Fd(self.kqueue()), system::EVFILT_TIMER, 0, action, ALARM);
        // In milliseconds, rounded up.
        event.data = time.map_or(0, |time| time.as_millis().min(LONGEST_ALARM) + 1) as _;
        match self.control(&event) {
            // There was none.
            Err(OsError(system::ENOENT)) if time.is_none() => Ok(()),
            other => other,
        }
    }

    /// Waits for at most `capacity` reports, for `timeout` at the most; whether this wait took a wake-up.
    pub fn wait(&self, reports: &mut Reports, capacity: usize, timeout: Timeout) -> Result<bool> {
        reports.clear();
        let capacity = grow_up_to(&mut reports.found, capacity.min(MOST_REPORTS))?;
        let capacity = grow_up_to(&mut reports.merged, capacity)?;
        let time = timespec(timeout);
        let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        let list = reports.found.as_mut_ptr();
        // SAFETY: `list` has room for `capacity` events, there are no changes, and the time outlives the call.
        let found = unsafe { system::kevent(self.kqueue(), std::ptr::null(), 0, list, capacity as _, time) };
        // SAFETY: the kernel has filled in this many, and the reserve above holds them.
        unsafe { reports.found.set_len(check(found)? as usize) };
        self.merge(reports);
        let waker = self.waker.fd().0 as usize;
        Ok(reports.found.iter().any(|event| event.ident == waker) && self.waker.drain() > 0)
    }

    /// Merges the kernel's events by tag, and drops those of an earlier descriptor with the same number.
    fn merge(&self, Reports { found, merged }: &mut Reports) {
        let mut watched = self.lock();
        for event in found {
            let Some(entry) = watched.get_mut(&(event.ident as c_int)) else { continue };
            if event.udata != mark(entry.tag) {
                continue;
            }
            match merged.get_mut(entry.place) {
                Some((tag, known)) if *tag == entry.tag => *known = known.or(ready(event)),
                _ => {
                    entry.place = merged.len();
                    merged.push((entry.tag, ready(event)));
                }
            }
            if entry.interest.any(Events::ONESHOT) {
                self.disarm(Fd(event.ident as c_int));
            }
        }
    }
}

impl Drop for Selector {
    fn drop(&mut self) {
        self.close();
    }
}
