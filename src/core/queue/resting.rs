//! Operations that the kernel calls ready and has nothing for: a datagram whose receiver is full, memory that is short. It
//! would go on calling, and a run would do nothing else; so such an operation is not watched for, but left alone for a while.
//! Not here: that of calls that wait by themselves (`retry`), whose measure this is.

use crate::core::deadline::Deadline;
use crate::core::handle::number::Map;
use crate::core::queue::clock::{Clock, Due};
use crate::core::socket::retry;
use std::time::Instant;

/// One that has been tried in vain again and again, though the kernel called it ready each time.
#[derive(Debug)]
struct Rest {
    rounds: u32,
    /// It is left alone now.
    is_on: bool,
}

/// All of a queue's.
#[derive(Default, Debug)]
pub struct Resting {
    by_id: Map<Rest>,
    ends: Clock,
    /// How often in a row the kernel has called something ready of which nothing came.
    fruitless: u32,
}

impl Resting {
    /// Whether an operation is left alone just now.
    #[inline]
    pub fn has(&self, id: u32) -> bool {
        !self.by_id.is_empty() && self.by_id.get(&id.into()).is_some_and(|rest| rest.is_on)
    }

    /// An operation has got on, or has ended.
    #[inline]
    pub fn forget(&mut self, id: u32) {
        if !self.by_id.is_empty() {
            self.by_id.remove(&id.into());
        }
    }

    /// The kernel has called something ready, or nothing.
    #[inline]
    pub fn count_find(&mut self, is_any: bool) {
        self.fruitless = if is_any { self.fruitless.saturating_add(1) } else { 0 };
    }

    /// Something has come of it.
    #[inline]
    pub const fn count_event(&mut self) {
        self.fruitless = 0;
    }

    /// Whether an operation for which the kernel had nothing is left alone from now on: its own count, or that of all, says so.
    #[inline]
    pub fn is_in_vain(&self) -> bool {
        self.fruitless > retry::MOST_SPURIOUS || !self.by_id.is_empty()
    }

    /// Leaves an operation alone for a while; whether it is.
    #[cold]
    pub fn begin(&mut self, id: u32, stamp: u64) -> bool {
        let is_new = !self.by_id.contains_key(&id.into());
        if is_new && self.fruitless <= retry::MOST_SPURIOUS {
            return false;
        }
        if self.by_id.try_reserve(1).is_err() || !self.ends.reserve(1) {
            return false;
        }
        let rest = self.by_id.entry(id.into()).or_insert(Rest { rounds: 0, is_on: false });
        rest.rounds = rest.rounds.saturating_add(1);
        rest.is_on = true;
        if let Deadline::At(when) = Deadline::after_duration(retry::pause(rest.rounds)) {
            self.ends.add(Due { when, id, stamp });
        }
        true
    }

    /// Whether none is left alone, nor has been and may be again.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// One that has been left alone until now.
    pub fn next_over(&mut self, now: Instant) -> Option<Due> {
        self.ends.pop(now)
    }

    /// An operation is tried again; whether it was left alone.
    pub fn end(&mut self, id: u32) -> bool {
        self.by_id.get_mut(&id.into()).is_some_and(|rest| std::mem::take(&mut rest.is_on))
    }

    /// When the first of them is to be watched for again.
    pub fn next(&self) -> Deadline {
        self.ends.next()
    }
}
