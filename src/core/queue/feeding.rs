//! A buffer is free again: the one that has waited longest for it goes on. Not here: the buffers (`pool`), and how a read begins to wait
//! for one (`receives`).

use crate::core::queue::pool::Lease;
use crate::core::queue::sending::Sending;
use crate::core::queue::state::State;
use crate::sys::Events;

impl State {
    pub fn give_back(&mut self, sending: Sending) {
        if let Some(lease) = sending.into_lease() {
            self.give(lease);
        }
    }

    /// A buffer is free again: the one that has waited longest for it goes on.
    #[inline]
    pub fn give(&mut self, lease: Lease) {
        self.pool.give(lease);
        if !self.starved.is_empty() || !self.unanswered.is_empty() {
            self.feed_and_answer();
        }
    }

    #[cold]
    fn feed_and_answer(&mut self) {
        if !self.starved.is_empty() {
            self.feed();
        }
        if !self.unanswered.is_empty() {
            self.retry_answers();
        }
    }

    /// A buffer is free for the one that has waited longest.
    pub fn feed(&mut self) {
        while !self.pool.is_empty() {
            let Some(at) = self.starved.pop_front() else { return };
            let Some(member) = self.members.get_mut(at) else { continue };
            member.is_starved = false;
            member.is_fed = true;
            member.found = member.found.or(Events::READ);
            if !std::mem::replace(&mut member.is_ready, true) {
                self.ready.push_front(at);
            }
            let first = member.reads.first;
            return self.resume_clock(first);
        }
    }
}
