//! How a blocked call is woken. Every thread has one waker; a call that waits says for which slot,
//! and whoever closes that slot, or moves it on, kicks the wakers that wait for it.
//!
//! The order is what makes it safe: the waiter announces itself and then looks at the slot; the closer
//! changes the slot and then looks for waiters. One of the two always sees the other.

use crate::core::deadline::Deadline;
use crate::core::error::{Error, Result};
use crate::core::handle::number::Handle;
use crate::core::handle::slot::{Phase, Slot, flag};
use crate::core::lock::{self, Guard, Mutex, Rank};
use crate::core::process::section;
use crate::core::sync::atomic::{AtomicU64, Ordering};
use crate::sys::{self, Events, Fd, PollFd, ThreadLocal};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Waits for no slot.
const NOTHING: u64 = u64::MAX;
/// Waits for many slots (select).
const MANY: u64 = u64::MAX - 1;

/// Without a waker (out of descriptors or memory) a wait looks up this often.
const SLICE: Duration = Duration::from_millis(5);

/// A thread's waker, and for which slot the thread waits.
#[derive(Debug)]
pub struct Waker {
    kick: sys::Waker,
    /// How often it was kicked, or is about to be, and has not found it. A program may have closed the kick with all its
    /// descriptors, and its number may be another file's by now: so nothing is written to what is not of its sort, and
    /// nothing is read that was not written here.
    kicks: AtomicU64,
    target: AtomicU64,
    /// For which it waited when it began to wait for that: a signal handler came, or it has left the other wait by `longjmp`.
    interrupted: AtomicU64,
    epoch: u32,
}

impl Waker {
    /// Opened under the list's lock, which a fork takes: no child has one of which the list does not know, or the other
    /// way round.
    fn new() -> Option<Arc<Self>> {
        // A forked child must not wait on its parent's wakers, handles or no.
        section::fork_aware()?;
        if sys::is_memory_short() {
            return None;
        }
        let mut list = lock();
        list.all.try_reserve(1).ok()?;
        let kick = sys::Waker::new().ok()?;
        let (target, interrupted) = (AtomicU64::new(NOTHING), AtomicU64::new(NOTHING));
        let waker = Self { kick, kicks: AtomicU64::new(0), target, interrupted, epoch: section::epoch() };
        let waker = Arc::new(waker);
        list.all.push(Arc::clone(&waker));
        Some(waker)
    }

    /// Whether it is of this process and can still wake.
    fn is_of_use(&self) -> bool {
        self.epoch == section::epoch() && !self.kick.is_lost()
    }

    fn targets(&self) -> [u64; 2] {
        [&self.target, &self.interrupted].map(|target| target.load(Ordering::SeqCst))
    }

    /// Whether its thread is in a wait for the slot, which it shall end, and does not.
    fn holds_on(&self, index: u64) -> bool {
        self.targets().into_iter().any(|target| match target {
            // A select that waits for others has taken the wake-up, and waits on.
            MANY => sys::poll(&mut [self.kick.entry()], Some(Duration::ZERO)) == Ok(1),
            target => target == index,
        })
    }

    /// Its thread announces for what it waits; for what it has waited until now.
    fn announce(&self, target: u64) -> u64 {
        let before = self.target.swap(target, Ordering::SeqCst);
        if before != NOTHING {
            self.interrupted.store(before, Ordering::SeqCst);
        }
        before
    }

    /// Wakes its thread if that waits for the slot.
    fn notify(&self, index: u32) {
        let target = self.target.load(Ordering::SeqCst);
        if target == u64::from(index) || target == MANY {
            self.wake();
        }
    }

    /// Wakes its thread.
    fn wake(&self) {
        if !self.kick.is_ours() {
            return;
        }
        self.kicks.fetch_add(1, Ordering::SeqCst);
        if !self.kick.wake() {
            self.kicks.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Takes in that it is ready. If nobody has woken it, it is another's.
    fn take_in(&self) {
        if self.kicks.load(Ordering::SeqCst) > 0 && self.kick.is_ours() {
            self.kicks.fetch_sub(self.kick.drain(), Ordering::SeqCst);
        } else {
            self.kick.lose();
        }
    }
}

/// Wakes a thread that may have ended meanwhile. The list's lock is held, so that its thread does not end, and the
/// process does not fork, while the waker is in use here.
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
    /// Slots for which threads have waited that ended in the middle of it. Their references are never given back, so no
    /// other handle ever has such a slot.
    deserted: Vec<u64>,
}

impl Wakers {
    /// In a forked child: the wakers belong to the parent's threads.
    pub fn forget(&mut self) {
        for waker in self.all.drain(..) {
            waker.kick.abandon();
        }
        self.deserted.clear();
    }

    /// Takes one out, and closes it if nobody else has it.
    fn take_out(&mut self, waker: Arc<Waker>) {
        self.all.retain(|other| !Arc::ptr_eq(other, &waker));
        let left = waker.targets().into_iter().filter(|target| !matches!(*target, NOTHING | MANY));
        self.deserted.extend(left);
    }
}

static WAKERS: Mutex<Wakers> = Mutex::new(Rank::Wakers, Wakers { all: Vec::new(), deserted: Vec::new() });

/// The lock on the list of wakers.
pub fn lock() -> Guard<'static, Wakers> {
    WAKERS.lock()
}

/// The thread's own waker; leaves the list with the thread.
#[derive(Default)]
struct Own(Option<Arc<Waker>>);

impl Own {
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

impl Drop for Own {
    fn drop(&mut self) {
        self.give_up();
    }
}

static OWN: ThreadLocal<Own> = ThreadLocal::new();

/// The calling thread's waker; none if the process is out of descriptors or memory, or the thread is ending.
fn own() -> Option<Arc<Waker>> {
    OWN.with(Own::get).flatten()
}

/// Kicks every thread that waits for the slot.
pub fn notify(slot: &Slot, index: u32) {
    // Whoever waits holds a reference.
    if !slot.is_shared() {
        return;
    }
    for waker in &lock().all {
        waker.notify(index);
    }
}

/// Whether this thread, which is here, has a wait for the slot that has not come to its end: it is a signal handler that
/// has interrupted it, or has left it by a way that calls must not be left.
#[cold]
pub fn is_held_here(slot: &Slot) -> bool {
    let index = u64::from(slot.handle().index);
    let here = |own: &mut Own| Some(own.0.as_ref()?.holds_on(index));
    OWN.find(here).flatten().unwrap_or(false)
}

/// Whether a thread that was woken for the slot does not leave it: it has no processor, is stopped, or has left the call by
/// a way that calls must not be left.
#[cold]
pub fn is_held_on(slot: &Slot) -> bool {
    let index = u64::from(slot.handle().index);
    let list = lock();
    list.deserted.contains(&index) || list.all.iter().any(|waker| waker.holds_on(index))
}

/// A thread that is about to wait. The holder has references to the slots that it waits for.
#[derive(Debug)]
pub struct Watch {
    waker: Option<Arc<Waker>>,
    target: u64,
    /// For which the thread waits that this one has interrupted; mostly none.
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

    /// Says again for what this thread waits: a signal handler may have waited in between, and not come to its end.
    fn announce_again(&self) {
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
        lock::check_free();
        let left = deadline.remaining();
        let limit = match &self.waker {
            Some(waker) if !waker.kick.is_lost() => left,
            _ => Some(left.map_or(SLICE, |left| left.min(SLICE))),
        };
        match sys::poll(entries, limit) {
            Ok(0) if deadline.passed() => Err(deadline.error()),
            Ok(ready) => Ok(ready - usize::from(self.kicked(entries))),
            Err(sys::INTERRUPTED) if self.interruptible => Err(Error::EINTR),
            Err(sys::INTERRUPTED) => {
                self.announce_again();
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
            waker.take_in();
        }
        kicked
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

/// Seen to fail with a waiter that looks before it announces itself.
#[cfg(all(test, loom))]
mod models {
    use super::*;
    use crate::core::handle::table::models::{FIRST, INDEX, close, hold, open};
    use crate::core::sync::model_in_one_order;
    use loom::sync::Arc;
    use loom::thread;

    #[test]
    fn a_waiter_sees_the_close_or_is_kicked() {
        model_in_one_order(|| {
            let slot = open();
            let held = hold(slot).unwrap();
            let kick = sys::Waker::new().unwrap();
            let (target, interrupted) = (AtomicU64::new(NOTHING), AtomicU64::new(NOTHING));
            let waker = Arc::new(Waker {
                kick,
                kicks: AtomicU64::new(0),
                target,
                interrupted,
                epoch: section::epoch(),
            });
            let kicked = waker.clone();
            let closer = thread::spawn(move || {
                let last = close(slot).unwrap();
                if last.is_shared() {
                    kicked.notify(INDEX);
                }
            });
            waker.announce(INDEX.into());
            let is_seen = !slot.is_open_as(Handle { index: INDEX, generation: FIRST as u32 });
            closer.join().unwrap();
            assert!(is_seen || waker.kicks.load(Ordering::SeqCst) > 0, "waits for ever");
            drop(held);
            waker.kick.abandon();
        });
    }
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
