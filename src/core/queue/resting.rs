//! Operations that the kernel calls ready and has nothing for: a datagram whose receiver is full, memory that is short. It would go
//! on calling, and a run would do nothing else; so such an operation is not watched for, but left alone for a while. Not here:
//! that of calls that wait by themselves (`retry`), whose measure this is.

use crate::core::deadline::Deadline;
use crate::core::handle::number::Map;
use crate::core::queue::Queue;
use crate::core::queue::clock::{Clock, Due};
use crate::core::queue::state::State;
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

    /// When the first of them is to be watched for again.
    pub fn next(&self) -> Deadline {
        self.ends.next()
    }
}

impl State {
    /// The kernel had nothing for an operation.
    #[inline]
    pub fn tried_in_vain(&mut self, queue: &Queue, id: u32) {
        if self.resting.fruitless > retry::MOST_SPURIOUS || !self.resting.by_id.is_empty() {
            self.rest(queue, id);
        }
    }

    #[cold]
    fn rest(&mut self, queue: &Queue, id: u32) {
        let Some(work) = self.works.get(id) else { return };
        let (at, stamp) = (work.member, work.stamp);
        let Resting { by_id, ends, fruitless } = &mut self.resting;
        let is_new = !by_id.contains_key(&id.into());
        if (is_new && *fruitless <= retry::MOST_SPURIOUS) || by_id.try_reserve(1).is_err() || !ends.reserve(1)
        {
            return;
        }
        let rest = by_id.entry(id.into()).or_insert(Rest { rounds: 0, is_on: false });
        rest.rounds = rest.rounds.saturating_add(1);
        rest.is_on = true;
        if let Deadline::At(when) = Deadline::after_duration(retry::pause(rest.rounds)) {
            ends.add(Due { when, id, stamp });
        }
        self.sync(queue, at);
    }

    /// Has those watched for again that have rested.
    pub fn end_rests(&mut self, queue: &Queue) {
        if self.resting.by_id.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some(due) = self.resting.ends.pop(now) {
            let Some(work) = self.works.get(due.id).filter(|work| work.stamp == due.stamp) else { continue };
            let at = work.member;
            if let Some(rest) = self.resting.by_id.get_mut(&due.id.into()) {
                rest.is_on = false;
                self.sync(queue, at);
            }
        }
    }
}
