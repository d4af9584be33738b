//! What a wake-up touches: a few atomics that stay where they are for the life of the process, and one write. It takes no
//! lock and no memory, so that a signal handler may do it in the middle of anything. Not here: what a wait makes of a
//! wake-up.

use crate::core::error::{Error, Result};
use crate::core::handle::number::{MAX_CHUNKS, MAX_PLACES};
use crate::core::process::section;
use crate::core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sys::{Selector, Trigger, Waker};
use once_cell::race::OnceBox;

/// How a poller or a queue is woken. There is one for each slot near theirs, and it passes from owner to owner.
#[derive(Debug)]
pub struct Wakeup {
    users: Users,
    /// Wake-ups that no wait has taken yet.
    pending: AtomicU32,
    /// The process whose queue it is connected with: a child's wakes must not reach its parent.
    epoch: AtomicU32,
    trigger: Trigger,
}

/// How many calls are waking it just now: as long, its descriptor stays open. The number stands in the lower half of the word, and
/// in the upper which process these calls are of: those of a parent's threads are in no child's way.
#[derive(Debug)]
struct Users(AtomicU64);

impl Users {
    fn none() -> Self {
        Self(AtomicU64::new(0))
    }

    /// A call begins; of which process it is.
    fn enter(&self) -> u32 {
        let own = section::epoch();
        let more = |word| if epoch_of(word) == own { word + 1 } else { u64::from(own) << 32 | 1 };
        let _ = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |word| Some(more(word)));
        own
    }

    /// It ends. A signal handler may have forked in the middle of it: then the child has counted anew.
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

/// In chunks that never move, made when their first poller is opened. Once made, a chunk is found without a lock.
static WAKEUPS: [OnceBox<Chunk>; MAX_CHUNKS as usize] = [const { OnceBox::new() }; MAX_CHUNKS as usize];

/// That of a slot, if a poller has ever been near.
pub fn of(index: u32) -> Option<&'static Wakeup> {
    let index = index as usize;
    Some(&WAKEUPS.get(index / CHUNK)?.get()?[index % CHUNK])
}

/// Makes a slot's ready for a new owner.
pub fn make(index: u32) -> Result<&'static Wakeup> {
    let chunk = WAKEUPS.get(index as usize / CHUNK).ok_or(Error::EINTERNAL)?;
    chunk.get_or_try_init(|| {
        let mut wakeups = Vec::new();
        wakeups.try_reserve_exact(CHUNK).map_err(|_| Error::ENOMEM)?;
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

    /// From now on wakes reach this selector. One that came before it was there is passed on to it.
    pub fn connect(&self, selector: &Selector) {
        self.epoch.store(section::epoch(), Ordering::SeqCst);
        self.trigger.connect(selector);
        if self.is_pending() {
            selector.wake();
        }
    }

    /// The same for what waits by a waker.
    pub fn connect_waker(&self, waker: &Waker) {
        self.epoch.store(section::epoch(), Ordering::SeqCst);
        self.trigger.connect_waker(waker);
        if self.is_pending() {
            waker.wake();
        }
    }

    /// Wakes it, if it still belongs to the caller's poller; whether it does.
    pub fn wake(&self, is_owner: impl FnOnce() -> bool) -> bool {
        self.reach(is_owner, || {
            self.pending.fetch_add(1, Ordering::SeqCst);
        })
    }

    /// Ends a wait for something else, which it looks for by itself: that is no wake-up.
    pub fn nudge(&self, is_owner: impl FnOnce() -> bool) {
        self.reach(is_owner, || {});
    }

    fn reach(&self, is_owner: impl FnOnce() -> bool, before: impl FnOnce()) -> bool {
        let process = self.users.enter();
        // Looked at after the announcement: whoever closes the poller either sees it or is seen.
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

    /// Takes all wake-ups that are pending, if any is.
    pub fn take(&self) -> bool {
        self.pending.swap(0, Ordering::SeqCst) != 0
    }

    /// Takes one of them.
    pub fn take_one(&self) -> bool {
        self.pending
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |pending| pending.checked_sub(1))
            .is_ok()
    }

    /// Whether a wake-up is pending.
    pub fn is_pending(&self) -> bool {
        self.pending.load(Ordering::SeqCst) != 0
    }

    /// Whether no call is waking it. Of a closed poller it stays so.
    pub fn is_idle(&self) -> bool {
        self.users.are_none()
    }

    /// Wakes reach no selector any more.
    pub fn disconnect(&self) {
        self.trigger.disconnect();
    }

    /// In a forked child: the selector is the parent's.
    pub fn after_fork(&self) {
        self.trigger.disconnect();
    }
}

/// The first was seen to fail with an owner that is looked for before the announcement, the second with a wake-up that is taken by a
/// load and a store.
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
        /// Used by who wakes, and taken away by who closes: loom fails where both do so at a time.
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
