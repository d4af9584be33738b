//! Mutexes with a rank (a lock hierarchy). A thread takes them in ascending order only, so that no two threads can deadlock.
//! Builds with debug assertions check that at every lock; release builds do not. Not here: what each protects.
//!
//! Locks of `sys` have no rank: nothing of `core` is called under them, so that they are always the last.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

/// All locks, in the order in which a thread may take them. A fork takes all from `Fork` to `Unowned`: while a thread holds one of
/// these it begins no section and waits for nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Rank {
    /// A batch queue's state (`queue`), of one queue at a time. No fork takes it: a child makes its queues anew.
    Queue,
    /// Held during a fork; whoever would begin a section meanwhile waits for it (`process::section`).
    Fork,
    /// What some handles have besides their slot (`handle::extras`), one lock of 64. Only a fork holds several.
    Extras,
    /// Slots that were never used (`handle::table`).
    Table,
    /// The wakers of all threads (`wait`).
    Wakers,
    /// The library's own threads, and their work (`process::workers`).
    Workers,
    /// Descriptors that belong to no handle yet (`process::section`).
    Unowned,
    /// Messages of other threads to a batch queue (`queue`).
    Mailbox,
    /// What a batch queue watches by poll(2) (`queue::engine`).
    Polled,
    /// Memory of queues that are closed (`queue::pool`).
    Spare,
}

/// A mutex with a rank. It is not poisoned: a panic while it is held leaves it usable.
#[derive(Debug)]
pub struct Mutex<T> {
    rank: ranks::Ranked,
    inner: std::sync::Mutex<T>,
}

/// The guard of a mutex, which is held as long as it lives.
#[derive(Debug)]
pub struct Guard<'a, T> {
    inner: MutexGuard<'a, T>,
    held: ranks::Held,
}

impl<T> Mutex<T> {
    pub const fn new(rank: Rank, value: T) -> Self {
        Self { rank: ranks::Ranked::new(rank), inner: std::sync::Mutex::new(value) }
    }

    /// Takes it; blocks while another thread holds it. Panics in debug builds if the thread holds one of the same or a higher
    /// rank.
    #[inline]
    pub fn lock(&self) -> Guard<'_, T> {
        self.rank.check();
        self.lock_unchecked()
    }

    /// Takes it if it is free. As this never waits, it is allowed in any order.
    #[inline]
    pub fn try_lock(&self) -> Option<Guard<'_, T>> {
        let inner = match self.inner.try_lock() {
            Ok(inner) => inner,
            Err(TryLockError::Poisoned(error)) => error.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Guard { inner, held: self.rank.hold() })
    }

    /// Takes all of an array, which have the same rank, in their order.
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
    /// Releases it, waits while `is_awaited` holds, for `time` at the most, and takes it again (Condvar::wait_timeout_while).
    /// Panics in debug builds if the thread holds another lock.
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

/// Panics in debug builds if the thread holds a lock that a fork takes: called before what may take long or wait for a fork.
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

    /// From `Fork` to `Unowned`.
    const TAKEN_BY_FORKS: u32 = (bit(Rank::Unowned) << 1) - bit(Rank::Fork);

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
    static HIGH: Mutex<i32> = Mutex::new(Rank::Unowned, 2);
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
        static SAME: Mutex<()> = Mutex::new(Rank::Unowned, ());
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
