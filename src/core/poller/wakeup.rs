//! Waking a poller or queue: a few atomics that stay valid for the life of the process, and one write. It takes no lock and
//! allocates nothing, so that it is async-signal-safe. Not here: what a wait does with a wake-up (`registry`).

use crate::core::error::{Error, Result};
use crate::core::handle::number::{MAX_CHUNKS, MAX_PLACES};
use crate::core::memory;
use crate::core::process::section;
use crate::core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sys::{Selector, Trigger, Waker};
use once_cell::race::OnceBox;

/// The wake-up state of a slot whose handle is a poller or queue; it passes from owner to owner.
#[derive(Debug)]
pub struct Wakeup {
    users: Users,
    /// Wake-ups that no wait has taken yet.
    pending: AtomicU32,
    /// The process whose selector it is connected to: a child's wakes must not reach its parent.
    epoch: AtomicU32,
    trigger: Trigger,
}

/// How many calls of `wake` are running, during which the descriptor must stay open: the number in the lower half of the word,
/// their process (epoch) in the upper, so that calls of a parent's threads do not count in a child.
#[derive(Debug)]
struct Users(AtomicU64);

impl Users {
    fn none() -> Self {
        Self(AtomicU64::new(0))
    }

    /// A call begins; returns the epoch of its process.
    fn enter(&self) -> u32 {
        let own = section::epoch();
        let more = |word| if epoch_of(word) == own { word + 1 } else { u64::from(own) << 32 | 1 };
        let _ = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |word| Some(more(word)));
        own
    }

    /// A call ends. If a signal handler has forked in the middle of it, the child's count does not include it.
    fn leave(&self, of: u32) {
        let fewer = |word| (epoch_of(word) == of).then(|| word - 1);
        let _ = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer);
    }

    fn are_none(&self) -> bool {
        let word = self.0.load(Ordering::SeqCst);
        word as u32 == 0 || epoch_of(word) != section::epoch()
    }
}

const fn epoch_of(word: u64) -> u32 {
    (word >> 32) as u32
}

const CHUNK: usize = MAX_PLACES as usize;

type Chunk = [Wakeup; CHUNK];

/// All of them, in chunks that never move, made when the first poller or queue of a chunk is opened. Found without a lock.
static WAKEUPS: [OnceBox<Chunk>; MAX_CHUNKS as usize] = [const { OnceBox::new() }; MAX_CHUNKS as usize];

/// The wake-up state of a slot, if its chunk was made.
pub fn of(index: u32) -> Option<&'static Wakeup> {
    let index = index as usize;
    Some(&WAKEUPS.get(index / CHUNK)?.get()?[index % CHUNK])
}

/// Prepares that of a slot for a new owner. `ENOMEM`.
pub fn make(index: u32) -> Result<&'static Wakeup> {
    let chunk = WAKEUPS.get(index as usize / CHUNK).ok_or(Error::EINTERNAL)?;
    chunk.get_or_try_init(|| {
        let mut wakeups = Vec::new();
        memory::grow_exactly(&mut wakeups, CHUNK)?;
        wakeups.extend((0..CHUNK).map(|_| Wakeup::new()));
        Box::<Chunk>::try_from(wakeups).map_err(|_| Error::EINTERNAL)
    })?;
    let wakeup = of(index).ok_or(Error::EINTERNAL)?;
    wakeup.pending.store(0, Ordering::SeqCst);
    Ok(wakeup)
}

impl Wakeup {
    fn new() -> Self {
        Self {
            users: Users::none(),
            pending: AtomicU32::new(0),
            epoch: AtomicU32::new(0),
            trigger: Trigger::none(),
        }
    }

    /// From now on wakes reach this selector. A pending one is passed on at once.
    pub fn connect(&self, selector: &Selector) {
        self.epoch.store(section::epoch(), Ordering::SeqCst);
        self.trigger.connect(selector);
        if self.is_pending() {
            selector.wake();
        }
    }

    /// The same for an owner that waits on a waker.
    pub fn connect_waker(&self, waker: &Waker) {
        self.epoch.store(section::epoch(), Ordering::SeqCst);
        self.trigger.connect_waker(waker);
        if self.is_pending() {
            waker.wake();
        }
    }

    /// Wakes the owner, if `is_owner` still holds; whether it does.
    pub fn wake(&self, is_owner: impl FnOnce() -> bool) -> bool {
        self.reach(is_owner, || {
            self.pending.fetch_add(1, Ordering::SeqCst);
        })
    }

    /// Ends the owner's wait without a pending wake-up: it looks by itself for what has changed.
    pub fn nudge(&self, is_owner: impl FnOnce() -> bool) {
        self.reach(is_owner, || {});
    }

    fn reach(&self, is_owner: impl FnOnce() -> bool, before: impl FnOnce()) -> bool {
        let process = self.users.enter();
        // After the announcement: a concurrent close either sees it, or is seen here.
        let owner = is_owner();
        if owner {
            before();
            if self.epoch.load(Ordering::SeqCst) == section::epoch() {
                self.trigger.pull();
            }
        }
        self.users.leave(process);
        owner
    }

    /// Takes all pending wake-ups; whether there was any.
    pub fn take(&self) -> bool {
        self.pending.swap(0, Ordering::SeqCst) != 0
    }

    /// Takes one pending wake-up; whether there was any.
    pub fn take_one(&self) -> bool {
        self.pending
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |pending| pending.checked_sub(1))
            .is_ok()
    }

    /// Whether a wake-up is pending.
    pub fn is_pending(&self) -> bool {
        self.pending.load(Ordering::SeqCst) != 0
    }

    /// Whether no call of `wake` is running. Once true for a closed owner, it stays true.
    pub fn is_idle(&self) -> bool {
        self.users.are_none()
    }

    /// From now on wakes reach nothing.
    pub fn disconnect(&self) {
        self.trigger.disconnect();
    }

    /// In a forked child: disconnects from the parent's selector.
    pub fn after_fork(&self) {
        self.trigger.disconnect();
    }
}

/// The first was seen to fail with an owner that is checked before the announcement, the second with a wake-up that is taken by
/// a load and a store.
#[cfg(all(test, loom))]
mod models {
    use super::*;
    use crate::core::sync::atomic::AtomicBool;
    use crate::core::sync::{model, model_in_one_order};
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    struct World {
        wakeup: Wakeup,
        is_open: AtomicBool,
        /// Used by `wake`, and taken away by the close: loom fails if both happen at a time.
        descriptor: UnsafeCell<()>,
    }

    #[test]
    fn nothing_is_closed_under_who_wakes() {
        model_in_one_order(|| {
            let world = World {
                wakeup: Wakeup::new(),
                is_open: AtomicBool::new(true),
                descriptor: UnsafeCell::new(()),
            };
            let world = Arc::new(world);
            let other = world.clone();
            let wakes = thread::spawn(move || {
                other.wakeup.wake(|| {
                    let is_open = other.is_open.load(Ordering::SeqCst);
                    if is_open {
                        other.descriptor.with(|_| ());
                    }
                    is_open
                })
            });
            world.is_open.store(false, Ordering::SeqCst);
            if world.wakeup.is_idle() {
                world.descriptor.with_mut(|_| ());
            }
            wakes.join().unwrap();
            assert!(world.wakeup.is_idle());
        });
    }

    #[test]
    fn a_wake_up_is_taken_once_whoever_comes_first() {
        model(|| {
            let wakeup = Arc::new(Wakeup::new());
            assert!(wakeup.wake(|| true));
            let [one, other] = [wakeup.clone(), wakeup.clone()];
            let threads = [
                thread::spawn(move || usize::from(one.wake(|| true))),
                thread::spawn(move || usize::from(!other.take_one())),
            ];
            let woken: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
            // One was there before.
            let left = std::iter::from_fn(|| wakeup.take_one().then_some(())).count();
            assert_eq!(left, woken);
            assert!(!wakeup.is_pending() && wakeup.is_idle());
        });
    }
}
