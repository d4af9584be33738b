//! How a blocked call is woken. Every thread has one waker; a call that waits announces for which slot, and whoever closes that
//! slot, or changes its state, wakes those that wait for it. Not here: when a wait ends by itself (`deadline`), what is waited
//! for (`readiness`).
//!
//! The order makes it safe (announce-then-look): the waiter announces itself and then looks at the slot; the closer changes the
//! slot and then looks for waiters. At least one of the two always sees the other.

use crate::core::deadline::Deadline;
use crate::core::error::{Error, Result};
use crate::core::handle::number::Handle;
use crate::core::handle::slot::{Phase, Slot, flag};
use crate::core::lock::{self, Guard, Mutex, Rank};
use crate::core::memory;
use crate::core::process::section;
use crate::core::sync::atomic::{AtomicU64, Ordering};
use crate::sys::{self, Events, Fd, PollFd, ThreadLocal};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Waits for no slot.
const NOTHING: u64 = u64::MAX;
/// Waits for many slots (select).
const MANY: u64 = u64::MAX - 1;

/// Without a waker (out of descriptors or memory) a wait checks the slot this often.
const SLICE: Duration = Duration::from_millis(5);

/// A thread's waker, and the slot that the thread waits for.
#[derive(Debug)]
pub struct Waker {
    system: sys::Waker,
    /// Wake-ups written, or about to be written, to the system's waker and not read yet. A program that closes all descriptors
    /// closes the waker's too, and the number may be another file's by now: so nothing is read from it without a pending
    /// wake-up, and nothing is written if it is a file of another type.
    pending: AtomicU64,
    target: AtomicU64,
    /// The target that it had when it announced the current one: that wait was interrupted by a signal handler that waits
    /// itself, or was left by `longjmp`.
    interrupted: AtomicU64,
    epoch: u32,
}

impl Waker {
    /// Opened under the lock of the list, which a fork takes: so a child has exactly those that are listed.
    fn new() -> Option<Arc<Self>> {
        // Without fork handlers, a forked child would wait on its parent's wakers.
        section::fork_aware()?;
        if sys::is_memory_short() {
            return None;
        }
        let mut list = lock();
        memory::grow(&mut list.all, 1).ok()?;
        let system = sys::Waker::new().ok()?;
        let (target, interrupted) = (AtomicU64::new(NOTHING), AtomicU64::new(NOTHING));
        let waker = Self { system, pending: AtomicU64::new(0), target, interrupted, epoch: section::epoch() };
        let waker = Arc::new(waker);
        list.all.push(Arc::clone(&waker));
        Some(waker)
    }

    /// Whether it is of this process and can still wake.
    fn is_of_use(&self) -> bool {
        self.epoch == section::epoch() && !self.system.is_lost()
    }

    fn targets(&self) -> [u64; 2] {
        [&self.target, &self.interrupted].map(|target| target.load(Ordering::SeqCst))
    }

    /// Whether its thread is still in a wait for the slot although it was woken.
    fn is_waiting_for(&self, index: u64) -> bool {
        self.targets().into_iter().any(|target| match target {
            // A select over many slots: as long as the wake-up is unread, its thread has not run since.
            MANY => sys::poll(&mut [self.system.entry()], Some(Duration::ZERO)) == Ok(1),
            target => target == index,
        })
    }

    /// Announces what its thread waits for; returns what it waited for until now.
    fn announce(&self, target: u64) -> u64 {
        let before = self.target.swap(target, Ordering::SeqCst);
        if before != NOTHING {
            self.interrupted.store(before, Ordering::SeqCst);
        }
        before
    }

    /// Wakes its thread if it waits for the slot.
    fn notify(&self, index: u32) {
        let target = self.target.load(Ordering::SeqCst);
        if target == u64::from(index) || target == MANY {
            self.wake();
        }
    }

    /// Wakes its thread.
    fn wake(&self) {
        if !self.system.is_ours() {
            return;
        }
        self.pending.fetch_add(1, Ordering::SeqCst);
        if !self.system.wake() {
            self.pending.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Reads the wake-ups, as the system's waker is readable. If none is pending, the descriptor is another file's by now, and
    /// is given up.
    fn acknowledge(&self) {
        if self.pending.load(Ordering::SeqCst) > 0 && self.system.is_ours() {
            self.pending.fetch_sub(self.system.drain(), Ordering::SeqCst);
        } else {
            self.system.lose();
        }
    }
}

/// Wakes a thread that may have ended meanwhile. Holds the lock of the list, so that the thread does not end and the process
/// does not fork while the waker is in use.
pub fn wake(waker: &Weak<Waker>) {
    let _list = lock();
    if let Some(waker) = waker.upgrade() {
        waker.wake();
    }
}

/// The wakers of all threads that have ever waited and still live.
#[derive(Debug, Default)]
pub struct Wakers {
    all: Vec<Arc<Waker>>,
    /// Slots for which a thread waited when it ended. The reference of that wait is never dropped, so that no other handle ever
    /// gets the slot.
    deserted: Vec<u64>,
}

impl Wakers {
    /// In a forked child: forgets all, as the wakers belong to the parent's threads.
    pub fn forget(&mut self) {
        for waker in self.all.drain(..) {
            waker.system.abandon();
        }
        self.deserted.clear();
    }

    /// Takes one out of the list, which closes it unless another thread still uses it.
    fn take_out(&mut self, waker: Arc<Waker>) {
        self.all.retain(|other| !Arc::ptr_eq(other, &waker));
        let left = waker.targets().into_iter().filter(|target| !matches!(*target, NOTHING | MANY));
        self.deserted.extend(left);
    }
}

static WAKERS: Mutex<Wakers> = Mutex::new(Rank::Wakers, Wakers { all: Vec::new(), deserted: Vec::new() });

/// Takes the lock on the list of wakers.
pub fn lock() -> Guard<'static, Wakers> {
    WAKERS.lock()
}

/// The calling thread's waker, made on first use; it leaves the list when the thread ends.
#[derive(Default)]
struct OwnWaker(Option<Arc<Waker>>);

impl OwnWaker {
    #[inline]
    fn get(&mut self) -> Option<Arc<Waker>> {
        if !self.0.as_ref().is_some_and(|waker| waker.is_of_use()) {
            self.renew();
        }
        self.0.clone()
    }

    #[cold]
    fn renew(&mut self) {
        self.give_up();
        self.0 = Waker::new();
    }

    fn give_up(&mut self) {
        if let Some(waker) = self.0.take().filter(|_| section::fork_aware().is_some()) {
            lock().take_out(waker);
        }
    }
}

impl Drop for OwnWaker {
    fn drop(&mut self) {
        self.give_up();
    }
}

static OWN: ThreadLocal<OwnWaker> = ThreadLocal::new();

/// The calling thread's waker; none if the process is out of descriptors or memory, or the thread is ending.
fn own() -> Option<Arc<Waker>> {
    OWN.with(OwnWaker::get).flatten()
}

/// Wakes every thread that waits for the slot. Takes the lock of the list, and no other.
pub fn notify(slot: &Slot, index: u32) {
    // Whoever waits holds a reference, so without one there is nobody to wake.
    if !slot.is_shared() {
        return;
    }
    for waker in &lock().all {
        waker.notify(index);
    }
}

/// Whether the calling thread itself has an unfinished wait for the slot: it runs a signal handler that has interrupted the
/// wait, or has left the wait by `longjmp`.
#[cold]
pub fn is_held_here(slot: &Slot) -> bool {
    let index = u64::from(slot.handle().index);
    let here = |own: &mut OwnWaker| Some(own.0.as_ref()?.is_waiting_for(index));
    OWN.find(here).flatten().unwrap_or(false)
}

/// Whether a thread that was woken for the slot is still in its wait: it was not scheduled yet, is stopped, or has left the
/// call by `longjmp`.
#[cold]
pub fn is_held_on(slot: &Slot) -> bool {
    let index = u64::from(slot.handle().index);
    let list = lock();
    list.deserted.contains(&index) || list.all.iter().any(|waker| waker.is_waiting_for(index))
}

/// An announced wait of the calling thread. The caller holds references to the slots that it waits for.
#[derive(Debug)]
pub struct Watch {
    waker: Option<Arc<Waker>>,
    target: u64,
    /// The target of the wait that this one has interrupted; mostly none.
    before: u64,
    interruptible: bool,
}

impl Watch {
    #[inline]
    fn new(target: u64, interruptible: bool) -> Self {
        let mut watch = Self { waker: own(), target, before: NOTHING, interruptible };
        if let Some(waker) = &watch.waker {
            watch.before = waker.announce(target);
        }
        watch
    }

    /// Announces a wait that is ended only by [`wake`], not by any slot.
    #[must_use]
    pub fn anything(interruptible: bool) -> Self {
        Self::new(NOTHING, interruptible)
    }

    /// Announces a wait for any of many slots.
    #[must_use]
    pub fn many(interruptible: bool) -> Self {
        Self::new(MANY, interruptible)
    }

    /// The thread's waker, for threads that work for this one.
    #[must_use]
    pub fn waker(&self) -> Option<Weak<Waker>> {
        self.waker.as_ref().map(Arc::downgrade)
    }

    /// Announces the target again: a signal handler may have waited in between, and left its wait by `longjmp`.
    fn announce_again(&self) {
        if let Some(waker) = &self.waker {
            waker.target.store(self.target, Ordering::SeqCst);
        }
    }

    /// The entry that must be the last of those given to [`Self::poll`].
    #[must_use]
    pub fn entry(&self) -> PollFd {
        match &self.waker {
            Some(waker) => waker.system.entry(),
            None => PollFd::new(Fd::NONE, Events::READ),
        }
    }

    /// Waits until an entry is ready or the thread is woken; how many entries are ready, the waker's not counted. `ETIMEDOUT`
    /// or `EAGAIN` at the deadline ([`Deadline::error`]), `EINTR` after a signal if the wait is interruptible.
    #[inline(always)]
    pub fn poll(&self, entries: &mut [PollFd], deadline: Deadline) -> Result<usize> {
        lock::check_free();
        let left = deadline.remaining();
        let limit = match &self.waker {
            Some(waker) if !waker.system.is_lost() => left,
            _ => Some(left.map_or(SLICE, |left| left.min(SLICE))),
        };
        match sys::poll(entries, limit) {
            Ok(0) if deadline.passed() => Err(deadline.error()),
            Ok(ready) => Ok(ready - usize::from(self.was_woken(entries))),
            Err(sys::INTERRUPTED) if self.interruptible => Err(Error::EINTR),
            Err(sys::INTERRUPTED) => {
                self.announce_again();
                Ok(0)
            }
            Err(error) => Err(error.into()),
        }
    }

    #[inline]
    fn was_woken(&self, entries: &[PollFd]) -> bool {
        let Some(waker) = &self.waker else { return false };
        let was_woken = entries.last().is_some_and(|entry| !entry.ready().is_empty());
        if was_woken {
            waker.acknowledge();
        }
        was_woken
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(waker) = &self.waker {
            waker.target.store(self.before, Ordering::SeqCst);
            if self.before != NOTHING {
                waker.interrupted.store(NOTHING, Ordering::SeqCst);
            }
        }
    }
}

/// A watch on one slot.
#[derive(Debug)]
pub struct SlotWatch<'a> {
    slot: &'a Slot,
    /// The slot's handle when the wait began. In a child made by a signal handler during the wait, the slot may be another's.
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

    /// As [`Watch::waker`].
    #[must_use]
    pub fn waker(&self) -> Option<Weak<Waker>> {
        self.watch.waker()
    }

    /// Waits to be woken, for `pause` at the most: for what the kernel does not report. Errors as for [`Self::poll`].
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

/// Waits until the slot's descriptor is ready for `events`, or the slot's state has changed: the caller tries its call again.
/// Errors as for [`SlotWatch::poll`].
#[inline(always)]
pub fn ready(slot: &Slot, events: Events, deadline: Deadline) -> Result<()> {
    if deadline == Deadline::Now {
        return Err(Error::EAGAIN);
    }
    let watch = SlotWatch::new(slot);
    let racing = slot.phase() == Phase::Racing;
    // While a connect tries several addresses, only its end counts.
    let fd = if racing { Fd::NONE } else { slot.fd() };
    // A change before the announcement woke nobody: try at once.
    if (fd.is_none() && !racing) || slot.has(flag::PENDING) {
        return Ok(());
    }
    let mut entries = [PollFd::new(fd, events), watch.entry()];
    watch.poll(&mut entries, deadline).map(drop)
}

/// Waits until another descriptor than the slot's can be read, or the slot is closed.
#[cold]
pub fn readable(slot: &Slot, other: Fd, deadline: Deadline) -> Result<()> {
    let watch = SlotWatch::new(slot);
    watch.poll(&mut [PollFd::new(other, Events::READ), watch.entry()], deadline).map(drop)
}

/// Seen to fail with a waiter that looks before it announces itself.
#[cfg(all(test, loom))]
mod models {
    use super::*;
    use crate::core::handle::table::models::{FIRST, INDEX, close, hold, open};
    use crate::core::sync::model_in_one_order;
    use loom::sync::Arc;
    use loom::thread;

    #[test]
    fn a_waiter_sees_the_close_or_is_woken() {
        model_in_one_order(|| {
            let slot = open();
            let held = hold(slot).unwrap();
            let system = sys::Waker::new().unwrap();
            let (target, interrupted) = (AtomicU64::new(NOTHING), AtomicU64::new(NOTHING));
            let waker = Arc::new(Waker {
                system,
                pending: AtomicU64::new(0),
                target,
                interrupted,
                epoch: section::epoch(),
            });
            let was_woken = waker.clone();
            let closer = thread::spawn(move || {
                let last = close(slot).unwrap();
                if last.is_shared() {
                    was_woken.notify(INDEX);
                }
            });
            waker.announce(INDEX.into());
            let is_seen = !slot.is_open_as(Handle { index: INDEX, generation: FIRST as u32 });
            closer.join().unwrap();
            assert!(is_seen || waker.pending.load(Ordering::SeqCst) > 0, "waits for ever");
            drop(held);
            waker.system.abandon();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However often it was woken: otherwise it would stay readable, and its thread would never sleep again.
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
