//! When something is due: an operation's end, a timer. An entry that is no longer true is passed over. Not here: what is done
//! then.

use crate::core::deadline::Deadline;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// One operation, and when to look at it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Due {
    pub when: Instant,
    pub id: u32,
    pub stamp: u64,
}

#[derive(Default, Debug)]
pub struct Clock(BinaryHeap<Reverse<Due>>);

impl Clock {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn retain(&mut self, mut is_true: impl FnMut(&Due) -> bool) {
        self.0.retain(|Reverse(due)| is_true(due));
    }

    pub fn reserve(&mut self, more: usize) -> bool {
        self.0.try_reserve(more).is_ok()
    }

    pub fn add(&mut self, due: Due) {
        self.0.push(Reverse(due));
    }

    /// When to look next.
    pub fn next(&self) -> Deadline {
        self.0.peek().map_or(Deadline::Never, |Reverse(due)| Deadline::At(due.when))
    }

    /// The first that is due by now.
    pub fn pop(&mut self, now: Instant) -> Option<Due> {
        let Reverse(due) = *self.0.peek()?;
        if due.when > now {
            return None;
        }
        self.0.pop().map(|Reverse(due)| due)
    }
}
