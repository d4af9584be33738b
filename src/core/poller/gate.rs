//! The way into a poller's wait, without a lock: how many waits are in the kernel, and how many closes they have
//! not seen. Whoever is the last to leave a closed poller closes the selector, so that no wait ever meets
//! another's descriptor. Not here: what is registered (`registry`).

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

/// The closes that a gate has seen: those of registered sockets, counted, and its own.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Closes(u64);

#[derive(Debug)]
pub struct Gate {
    pub selector: Selector,
    pub records: Records,
    /// The process that made it: a child must make its own.
    epoch: u32,
    word: AtomicU64,
    /// Something may be ready without the kernel's word.
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

    /// A wait goes in: which closes there have been, or `None` if the poller is closed. It must leave in any case.
    #[inline]
    pub fn enter(&self) -> Option<Closes> {
        let word = self.word.fetch_add(1, Ordering::SeqCst);
        (word & CLOSED == 0).then_some(closes(word))
    }

    /// A wait has come out: which closes there have been by now.
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

    /// Counts the close of a registered socket; how many waits are in that have not seen it.
    pub fn count_close(&self) -> usize {
        (self.word.fetch_add(ONE_CLOSE, Ordering::SeqCst) & WAITS) as usize
    }

    /// Which closes there have been.
    pub fn closes(&self) -> Closes {
        closes(self.word.load(Ordering::SeqCst))
    }

    /// Whether any wait is in.
    pub fn is_busy(&self) -> bool {
        self.word.load(Ordering::SeqCst) & WAITS != 0
    }

    /// Whether nobody goes in any more.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.word.load(Ordering::SeqCst) & CLOSED != 0
    }

    /// Lets nobody in any more. The first wait that this ends wakes the next, and so on.
    pub fn close(&self) {
        if !self.is_own() {
            // Those that are in are the parent's; a select of this process may still come.
            self.word.fetch_or(CLOSED, Ordering::SeqCst);
            return self.selector.close();
        }
        // As one that is in, lest the last one out close the selector in the middle of this.
        self.word.fetch_add(1, Ordering::SeqCst);
        self.word.fetch_or(CLOSED, Ordering::SeqCst);
        self.selector.wake();
        self.leave();
    }

    /// Says whether something may be ready without the kernel's word. A wait goes in and then looks here; who says it
    /// looks afterwards for waits to be woken.
    pub fn set_forced(&self, forced: bool) {
        self.forced.store(forced, Ordering::SeqCst);
    }

    #[inline]
    pub fn is_forced(&self) -> bool {
        self.forced.load(Ordering::SeqCst)
    }
}

/// Each was seen to fail: with a last one out that looks after it has left, and with a wait that looks before it goes in.
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
