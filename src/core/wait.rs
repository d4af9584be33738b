//! How a blocked call is woken. Every thread has one waker; a call that waits says for which slot,
//! and whoever closes that slot, or moves it on, kicks the wakers that wait for it.
//!
//! The order is what makes it safe: the waiter announces itself and then looks at the slot; the closer
//! changes the slot and then looks for waiters. One of the two always sees the other.

use super::deadline::Deadline;
use super::error::{Error, Result};
use super::fork;
use super::handle::Handle;
use super::table::{Phase, Slot, flag};
use crate::sys::{self, Events, Fd, PollFd};
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// Waits for no slot.
const NOTHING: u64 = u64::MAX;
/// Waits for many slots (select).
const MANY: u64 = u64::MAX - 1;

/// Without a waker (out of descriptors) a wait looks up this often.
const SLICE: Duration = Duration::from_millis(5);

/// A thread's waker, and for which slot the thread waits.
#[derive(Debug)]
pub struct Waker {
    kick: sys::Waker,
    target: AtomicU64,
    epoch: u32,
}

impl Waker {
    fn new() -> Option<Arc<Self>> {
        // A forked child must not wait on its parent's wakers, handles or no.
        fork::install();
        let kick = sys::Waker::new().ok()?;
        let waker = Arc::new(Self { kick, target: AtomicU64::new(NOTHING), epoch: fork::epoch() });
        lock().0.push(Arc::clone(&waker));
        Some(waker)
    }
}

/// Wakes a thread that may have ended meanwhile. The list's lock is held, so that its thread does not end, and the
/// process does not fork, while the waker is in use here.
pub fn wake(waker: &Weak<Waker>) {
    let _list = lock();
    if let Some(waker) = waker.upgrade() {
        waker.kick.wake();
    }
}

/// The wakers of all threads that have ever waited and still live.
#[derive(Debug, Default)]
pub struct Wakers(Vec<Arc<Waker>>);

impl Wakers {
    /// In a forked child: the wakers belong to the parent's threads.
    pub fn forget(&mut self) {
        for waker in self.0.drain(..) {
            waker.kick.abandon();
        }
    }
}

static WAKERS: Mutex<Wakers> = Mutex::new(Wakers(Vec::new()));

/// The lock on the list of wakers.
pub fn lock() -> MutexGuard<'static, Wakers> {
    WAKERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread's own waker; leaves the list with the thread.
struct Own(Option<Arc<Waker>>);

impl Own {
    fn get(&mut self) -> Option<Arc<Waker>> {
        if self.0.as_ref().is_none_or(|waker| waker.epoch != fork::epoch()) {
            self.0 = Waker::new();
        }
        self.0.clone()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            lock().0.retain(|other| !Arc::ptr_eq(other, &waker));
        }
    }
}

thread_local! {
    static OWN: RefCell<Own> = const { RefCell::new(Own(None)) };
}

/// The calling thread's waker; none if the process is out of descriptors or the thread is ending.
fn own() -> Option<Arc<Waker>> {
    OWN.try_with(|own| own.try_borrow_mut().ok()?.get()).ok().flatten()
}

/// Kicks every thread that waits for the slot.
pub fn notify(slot: &Slot, index: u32) {
    // Whoever waits holds a reference.
    if !slot.is_shared() {
        return;
    }
    for waker in &lock().0 {
        let target = waker.target.load(Ordering::SeqCst);
        if target == u64::from(index) || target == MANY {
            waker.kick.wake();
        }
    }
}

/// A thread that is about to wait. The holder has references to the slots that it waits for.
#[derive(Debug)]
pub struct Watch {
    waker: Option<Arc<Waker>>,
    target: u64,
    interruptible: bool,
}

impl Watch {
    #[inline]
    fn new(target: u64, interruptible: bool) -> Self {
        let watch = Self { waker: own(), target, interruptible };
        watch.aim();
        watch
    }

    /// Waits for whatever calls [`Waker::wake`], but for no slot.
    #[must_use]
    pub fn anything(interruptible: bool) -> Self {
        Self::new(NOTHING, interruptible)
    }

    /// Waits for any of many slots.
    #[must_use]
    pub fn many(interruptible: bool) -> Self {
        Self::new(MANY, interruptible)
    }

    /// The waker, for threads that work for this one. It does not outlive this one.
    #[must_use]
    pub fn waker(&self) -> Option<Weak<Waker>> {
        self.waker.as_ref().map(Arc::downgrade)
    }

    /// Says again for what this thread waits: a signal handler may have waited in between.
    pub fn aim(&self) {
        if let Some(waker) = &self.waker {
            waker.target.store(self.target, Ordering::SeqCst);
        }
    }

    /// The entry that must be the last of those given to [`Self::poll`].
    #[must_use]
    pub fn entry(&self) -> PollFd {
        match &self.waker {
            Some(waker) => waker.kick.entry(),
            None => PollFd::new(Fd::NONE, Events::READ),
        }
    }

    /// Waits until an entry is ready or somebody kicks; how many entries are ready, the kick not counted.
    /// `ETIMEDOUT` or `EAGAIN` at the deadline, `EINTR` if a signal came and shall be heard.
    #[inline(always)]
    pub fn poll(&self, entries: &mut [PollFd], deadline: Deadline) -> Result<usize> {
        let left = deadline.remaining();
        let limit = match &self.waker {
            Some(_) => left,
            None => Some(left.map_or(SLICE, |left| left.min(SLICE))),
        };
        match sys::poll(entries, limit) {
            Ok(0) if deadline.passed() => Err(deadline.error()),
            Ok(ready) => Ok(ready - usize::from(self.kicked(entries))),
            Err(sys::INTERRUPTED) if self.interruptible => Err(Error::EINTR),
            Err(sys::INTERRUPTED) => {
                self.aim();
                Ok(0)
            }
            Err(error) => Err(error.into()),
        }
    }

    #[inline]
    fn kicked(&self, entries: &[PollFd]) -> bool {
        let Some(waker) = &self.waker else { return false };
        let kicked = entries.last().is_some_and(|entry| !entry.ready().is_empty());
        if kicked {
            waker.kick.drain();
        }
        kicked
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(waker) = &self.waker {
            waker.target.store(NOTHING, Ordering::SeqCst);
        }
    }
}

/// A watch on one slot.
#[derive(Debug)]
pub struct SlotWatch<'a> {
    slot: &'a Slot,
    /// Whose it was when the wait began. In a child of a signal handler that has forked here it may be another's now.
    handle: Handle,
    watch: Watch,
}

impl<'a> SlotWatch<'a> {
    /// Announces that this thread waits for the slot.
    #[must_use]
    pub fn new(slot: &'a Slot) -> Self {
        let handle = slot.handle();
        let watch = Watch::new(u64::from(handle.index), slot.has(flag::INTERRUPTIBLE));
        Self { slot, handle, watch }
    }

    /// As [`Watch::poll`], and `ECANCELED` once the handle is closed.
    #[inline(always)]
    pub fn poll(&self, entries: &mut [PollFd], deadline: Deadline) -> Result<usize> {
        if !self.slot.is_open_as(self.handle) {
            return Err(Error::ECANCELED);
        }
        let outcome = self.watch.poll(entries, deadline);
        if self.slot.is_open_as(self.handle) { outcome } else { Err(Error::ECANCELED) }
    }

    /// The entry that must be the last of those given to [`Self::poll`].
    #[must_use]
    pub fn entry(&self) -> PollFd {
        self.watch.entry()
    }

    /// The waker, for threads that work for this one.
    #[must_use]
    pub fn waker(&self) -> Option<Weak<Waker>> {
        self.watch.waker()
    }

    /// Waits for a kick, `pause` at the most: for what the kernel does not announce.
    pub fn pause(&self, pause: Duration, deadline: Deadline) -> Result<()> {
        if deadline.passed() {
            return Err(deadline.error());
        }
        let pause = deadline.min(Deadline::after_duration(pause));
        match self.poll(&mut [self.entry()], pause) {
            Err(Error::ETIMEDOUT) => Ok(()),
            other => other.map(drop),
        }
    }
}

/// Waits until the slot's descriptor is ready for `events`, or the slot has moved on: the caller tries again.
#[inline(always)]
pub fn ready(slot: &Slot, events: Events, deadline: Deadline) -> Result<()> {
    if deadline == Deadline::Now {
        return Err(Error::EAGAIN);
    }
    let watch = SlotWatch::new(slot);
    let racing = slot.phase() == Phase::Racing;
    // While a connect tries its addresses, only its end counts.
    let fd = if racing { Fd::NONE } else { slot.fd() };
    // What came before the announcement wakes nobody.
    if (fd.is_none() && !racing) || slot.has(flag::PENDING) {
        return Ok(());
    }
    let mut entries = [PollFd::new(fd, events), watch.entry()];
    watch.poll(&mut entries, deadline).map(drop)
}

/// Waits until a descriptor that is not the slot's own can be read, or the slot is closed.
#[cold]
pub fn readable(slot: &Slot, other: Fd, deadline: Deadline) -> Result<()> {
    let watch = SlotWatch::new(slot);
    watch.poll(&mut [PollFd::new(other, Events::READ), watch.entry()], deadline).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However often it was woken: whoever would find it again would never sleep any more.
    #[test]
    fn a_wake_up_is_found_once() {
        let waker = sys::Waker::new().unwrap();
        let look = |time| sys::poll(&mut [waker.entry()], Some(time)).unwrap();
        assert_eq!(look(Duration::ZERO), 0);
        for _ in 0..2 {
            waker.wake();
            waker.wake();
            assert_eq!(look(Duration::from_secs(60)), 1);
            waker.drain();
            assert_eq!(look(Duration::from_millis(1)), 0);
        }
    }
}
