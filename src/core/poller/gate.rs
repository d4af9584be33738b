//! Entry to and exit from a poller's waits, without a lock: counts the waits that are inside, and the closes of registered
//! sockets. The last wait to leave a closed poller closes the selector, so that no wait ever uses a number that the system has
//! given to another file. Not here: what is registered (`registry`).

use crate::core::error::Result;
use crate::core::poller::reports::Records;
use crate::core::process::section::{self, Section};
use crate::core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sys::Selector;
use std::sync::Arc;

/// The lower half of the word: waits, and whether the poller is closed. The upper half counts closes of sockets.
const CLOSED: u64 = 1 << 31;
const WAITS: u64 = CLOSED - 1;
const ONE_CLOSE: u64 = 1 << 32;

/// The count of closes of registered sockets, and whether the poller itself is closed: a wait compares two of them.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Closes(u64);

#[derive(Debug)]
pub struct Gate {
    pub selector: Selector,
    pub records: Records,
    /// The process that made it: a child must make its own.
    epoch: u32,
    word: AtomicU64,
    /// Something may be ready whatever the kernel reports.
    forced: AtomicBool,
}

const fn closes(word: u64) -> Closes {
    Closes(word & !WAITS)
}

impl Gate {
    pub fn open() -> Result<Arc<Self>> {
        let (word, forced) = (AtomicU64::new(0), AtomicBool::new(false));
        let (selector, records) = (Selector::new()?, Records::new());
        Ok(Arc::new(Self { selector, records, epoch: section::epoch(), word, forced }))
    }

    /// Whether this process made it.
    #[inline]
    pub fn is_own(&self) -> bool {
        self.epoch == section::epoch()
    }

    /// A wait enters: the closes so far, or `None` if the poller is closed. It must leave in either case.
    #[inline]
    pub fn enter(&self) -> Option<Closes> {
        let word = self.word.fetch_add(1, Ordering::SeqCst);
        (word & CLOSED == 0).then_some(closes(word))
    }

    /// A wait leaves: the closes by now. The last one to leave a closed poller closes the selector.
    #[inline]
    pub fn leave(&self) -> Closes {
        let word = self.word.fetch_sub(1, Ordering::SeqCst);
        debug_assert!(word & WAITS > 0, "who leaves has not entered");
        if word & (CLOSED | WAITS) == CLOSED | 1 {
            self.close_selector();
        }
        closes(word)
    }

    #[cold]
    fn close_selector(&self) {
        let _section = Section::begin();
        self.selector.close();
    }

    /// Counts the close of a registered socket; how many waits are inside, which have not seen it.
    pub fn count_close(&self) -> usize {
        (self.word.fetch_add(ONE_CLOSE, Ordering::SeqCst) & WAITS) as usize
    }

    /// The closes so far.
    pub fn closes(&self) -> Closes {
        closes(self.word.load(Ordering::SeqCst))
    }

    /// Whether any wait is inside.
    pub fn is_busy(&self) -> bool {
        self.word.load(Ordering::SeqCst) & WAITS != 0
    }

    /// Whether the poller is closed.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.word.load(Ordering::SeqCst) & CLOSED != 0
    }

    /// Closes the poller: further waits fail, and those inside end. The first one wakes the next, and so on.
    pub fn close(&self) {
        if !self.is_own() {
            // In a forked child the waits inside are the parent's, so nobody would close the child's copy of the selector later.
            self.word.fetch_or(CLOSED, Ordering::SeqCst);
            return self.selector.close();
        }
        // Counted as a wait itself, so that no wait closes the selector in the middle of this.
        self.word.fetch_add(1, Ordering::SeqCst);
        self.word.fetch_or(CLOSED, Ordering::SeqCst);
        self.selector.wake();
        self.leave();
    }

    /// Sets whether something may be ready whatever the kernel reports. A wait enters first and reads this afterwards; the
    /// caller looks for waits to wake after the store (announce-then-look).
    pub fn set_forced(&self, forced: bool) {
        self.forced.store(forced, Ordering::SeqCst);
    }

    #[inline]
    pub fn is_forced(&self) -> bool {
        self.forced.load(Ordering::SeqCst)
    }
}

/// Each was seen to fail: with a last wait that checks only after it has left, and with a wait that looks before it enters.
#[cfg(all(test, loom))]
mod models {
    use super::*;
    use crate::core::sync::{model, model_in_one_order};
    use crate::sys::Reports;
    use loom::thread;
    use std::time::Duration;

    /// A wait: the selector is open as long as it is in.
    fn wait(gate: &Gate) {
        if gate.enter().is_some() {
            // Here others may come.
            gate.closes();
            assert!(gate.selector.wait(&mut { Reports::EMPTY }, 1, Some(Duration::ZERO)).is_ok());
        }
        gate.leave();
    }

    #[test]
    fn the_last_one_out_closes_the_selector() {
        model(|| {
            let gate = Gate::open().unwrap();
            let waits = [Arc::clone(&gate), Arc::clone(&gate)].map(|gate| thread::spawn(move || wait(&gate)));
            gate.close();
            waits.into_iter().for_each(|wait| wait.join().unwrap());
            assert!(!gate.is_busy() && gate.is_closed());
            assert!(gate.selector.wait(&mut { Reports::EMPTY }, 1, Some(Duration::ZERO)).is_err());
        });
    }

    #[test]
    fn what_is_forced_is_seen_or_wakes() {
        model_in_one_order(|| {
            let gate = Gate::open().unwrap();
            let other = Arc::clone(&gate);
            let woken = thread::spawn(move || {
                other.set_forced(true);
                other.is_busy()
            });
            gate.enter().unwrap();
            let is_seen = gate.is_forced();
            assert!(woken.join().unwrap() || is_seen);
            gate.leave();
            gate.close();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Reports;
    use std::time::Duration;

    #[test]
    fn a_wait_knows_the_closes_that_came_after_it() {
        let gate = Gate::open().unwrap();
        let before = gate.enter().unwrap();
        assert_eq!(gate.count_close(), 1);
        let after = gate.enter().unwrap();
        assert_ne!(before, after);
        assert_eq!((gate.leave(), gate.leave()), (after, after));
        assert_eq!(gate.count_close(), 0);
        gate.close();
    }

    #[test]
    fn a_closed_gate_lets_nobody_in_and_the_last_one_out_closes_the_selector() {
        let gate = Gate::open().unwrap();
        gate.enter().unwrap();
        gate.close();
        assert!(gate.is_busy());
        assert_eq!(gate.enter(), None);
        gate.leave();
        let mut reports = Reports::EMPTY;
        let mut look = || gate.selector.wait(&mut reports, 1, Some(Duration::ZERO));
        assert_eq!(look(), Ok(true));
        gate.leave();
        assert!(!gate.is_busy());
        assert!(cfg!(windows) || look().is_err());
    }
}
