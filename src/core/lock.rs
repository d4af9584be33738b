//! Locks that know their rank. A thread takes them in ascending ranks alone, so that no two threads ever wait for each other's.
//! Builds with debug assertions check that at every lock; release builds have nothing of it. Not here: what each protects.
//!
//! Locks of `sys` have no rank: under them nothing of `core` is called, so that they are always the last.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

/// All locks, in the order in which a thread may take them. `Fork` to `Loose` are those that a fork takes, all of them: under one
/// of these no section begins, and nothing is waited for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Rank {
    /// A batch queue's own (`queue`), of one queue at a time. No fork takes it: a child makes its queues anew.
    Queue,
    /// Whoever forks has it, and who would begin a section meanwhile waits for it (`process::fork`).
    Fork,
    /// What some handles have besides their slot (`handle::extras`), one lock of 64. A fork alone has several.
    Extras,
    /// Slots that were never used (`handle::table`).
    Table,
    /// The wakers of all threads (`wait`).
    Wakers,
    /// The library's own threads, and their work (`process::workers`).
    Workers,
    /// Descriptors that are no handle's (`process::fork`).
    Loose,
    /// What others have to say to a batch queue (`queue`).
    Mailbox,
    /// What a batch queue watches by poll(2) (`queue::engine`).
    Polled,
    /// Memory of queues that are closed (`queue::pool`).
    Spare,
}

/// A mutex with a rank. One under which a thread has panicked is as good as before.
#[derive(Debug)]
pub struct Mutex<T> {
    rank: ranks::Ranked,
    inner: std::sync::Mutex<T>,
}

/// A mutex that is held.
#[derive(Debug)]
pub struct Guard<'a, T> {
    inner: MutexGuard<'a, T>,
    held: ranks::Held,
}

impl<T> Mutex<T> {
    pub const fn new(rank: Rank, value: T) -> Self {
        Self { rank: ranks::Ranked::new(rank), inner: std::sync::Mutex::new(value) }
    }

    /// Waits for it.
    #[inline]
    pub fn lock(&self) -> Guard<'_, T> {
        self.rank.check();
        self.lock_unchecked()
    }

    /// Takes it if it is free. As this does not wait, it may come in any order.
    #[inline]
    pub fn try_lock(&self) -> Option<Guard<'_, T>> {
        let inner = match self.inner.try_lock() {
            Ok(inner) => inner,
            Err(TryLockError::Poisoned(error)) => error.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Guard { inner, held: self.rank.hold() })
    }

    /// Waits for all of an array, whose rank is one, in their order.
    pub fn lock_all<const N: usize>(array: &[Self; N]) -> [Guard<'_, T>; N] {
        array.iter().take(1).for_each(|first| first.rank.check());
        array.each_ref().map(Self::lock_unchecked)
    }

    #[inline]
    fn lock_unchecked(&self) -> Guard<'_, T> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        Guard { inner, held: self.rank.hold() }
    }
}

impl<T> Guard<'_, T> {
    /// Waits for a condition without it, and takes it again. Nothing else is held meanwhile.
    #[must_use]
    pub fn wait_timeout_while(
        self,
        condition: &Condvar,
        time: Duration,
        is_awaited: impl FnMut(&mut T) -> bool,
    ) -> Self {
        let Self { inner, held } = self;
        held.check_alone();
        let waited = condition.wait_timeout_while(inner, time, is_awaited);
        Self { inner: waited.unwrap_or_else(PoisonError::into_inner).0, held }
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

/// What is about to be done may take long, or waits for a fork: the thread holds nothing that a fork takes.
#[inline(always)]
pub fn check_free() {
    ranks::check_free();
}

#[cfg(debug_assertions)]
mod ranks {
    use super::Rank;
    use std::cell::Cell;

    thread_local! {
        /// A bit for each rank of which the thread holds a lock.
        static HELD: Cell<u32> = const { Cell::new(0) };
    }

    const fn bit(rank: Rank) -> u32 {
        1 << rank as u8
    }

    /// From `Fork` to `Loose`.
    const TAKEN_BY_FORKS: u32 = (bit(Rank::Loose) << 1) - bit(Rank::Fork);

    #[derive(Debug)]
    pub struct Ranked(Rank);

    #[derive(Debug)]
    pub struct Held(Rank);

    impl Ranked {
        pub const fn new(rank: Rank) -> Self {
            Self(rank)
        }

        /// Every lock that the thread holds has a lower rank.
        #[track_caller]
        pub fn check(&self) {
            let held = HELD.get();
            assert!(
                held < bit(self.0),
                "takes the lock {:?} and holds {held:#b}, a bit for each rank",
                self.0
            );
        }

        pub fn hold(&self) -> Held {
            HELD.set(HELD.get() | bit(self.0));
            Held(self.0)
        }
    }

    impl Held {
        #[track_caller]
        pub fn check_alone(&self) {
            assert_eq!(HELD.get(), bit(self.0), "waits, and holds more than the lock {:?}", self.0);
        }
    }

    impl Drop for Held {
        fn drop(&mut self) {
            HELD.set(HELD.get() & !bit(self.0));
        }
    }

    #[track_caller]
    pub fn check_free() {
        let held = HELD.get() & TAKEN_BY_FORKS;
        assert_eq!(held, 0, "waits, or begins a section, and holds {held:#b}, a bit for each rank");
    }
}

#[cfg(not(debug_assertions))]
mod ranks {
    use super::Rank;

    #[derive(Debug)]
    pub struct Ranked;

    #[derive(Debug)]
    pub struct Held;

    impl Ranked {
        pub const fn new(_rank: Rank) -> Self {
            Self
        }

        #[inline(always)]
        pub fn check(&self) {}

        #[inline(always)]
        pub fn hold(&self) -> Held {
            Held
        }
    }

    impl Held {
        #[inline(always)]
        pub fn check_alone(&self) {}
    }

    #[inline(always)]
    pub fn check_free() {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::panic::{catch_unwind, set_hook, take_hook};
    use std::sync::Once;
    use std::time::Instant;

    static LOW: Mutex<i32> = Mutex::new(Rank::Extras, 1);
    static HIGH: Mutex<i32> = Mutex::new(Rank::Loose, 2);
    static QUEUE: Mutex<()> = Mutex::new(Rank::Queue, ());

    thread_local! {
        static IS_QUIET: Cell<bool> = const { Cell::new(false) };
    }

    fn is_refused(body: impl FnOnce() + std::panic::UnwindSafe) -> bool {
        // What the check says would mingle with the results of other tests.
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let others = take_hook();
            set_hook(Box::new(move |panic| {
                if !IS_QUIET.get() {
                    others(panic);
                }
            }));
        });
        IS_QUIET.set(true);
        let outcome = catch_unwind(body);
        IS_QUIET.set(false);
        // Unit tests run with and without the check.
        outcome.is_err() == cfg!(debug_assertions)
    }

    #[test]
    fn ranks_ascend() {
        let low = LOW.lock();
        assert_eq!(*low + *HIGH.lock(), 3);
        // Once more, as the other is free again.
        assert_eq!(*HIGH.lock(), 2);
    }

    #[test]
    fn a_lower_rank_and_the_same_are_refused() {
        assert!(is_refused(|| {
            let _high = HIGH.lock();
            drop(LOW.lock());
        }));
        static SAME: Mutex<()> = Mutex::new(Rank::Loose, ());
        assert!(is_refused(|| {
            let _high = HIGH.lock();
            drop(SAME.lock());
        }));
        // Nothing is left of it.
        drop(LOW.lock());
    }

    #[test]
    fn what_is_tried_may_come_in_any_order_and_counts_then() {
        assert!(is_refused(|| {
            let _high = HIGH.lock();
            let low = LOW.try_lock();
            assert!(low.is_some());
            drop(low);
            drop(LOW.lock());
        }));
    }

    #[test]
    fn nothing_waits_under_what_a_fork_takes() {
        let queue = QUEUE.lock();
        check_free();
        assert!(is_refused(|| {
            let _low = LOW.lock();
            check_free();
        }));
        drop(queue);
    }

    #[test]
    fn all_of_one_rank_are_taken_at_once() {
        static ARRAY: [Mutex<i32>; 3] = [const { Mutex::new(Rank::Extras, 7) }; 3];
        let all = Mutex::lock_all(&ARRAY);
        assert!(ARRAY.iter().all(|each| each.try_lock().is_none()));
        assert_eq!(all.iter().map(|each| **each).sum::<i32>(), 21);
        drop(all);
        assert!(is_refused(|| {
            let _high = HIGH.lock();
            drop(Mutex::lock_all(&ARRAY));
        }));
    }

    #[test]
    fn a_condition_is_waited_for_without_the_lock() {
        static COME: Condvar = Condvar::new();
        let began = Instant::now();
        let guard = QUEUE.lock().wait_timeout_while(&COME, Duration::from_millis(1), |()| true);
        assert!(began.elapsed() >= Duration::from_millis(1));
        drop(guard);
    }
}
