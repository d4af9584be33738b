//! Members whose read waits for a free buffer: when one comes back, the member that has waited longest goes on. Not here: the
//! buffers (`pool`), and how a read begins to wait for one (`receives`).

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

    /// Takes a buffer back, and lets the member go on that has waited longest for one.
    #[inline]
    pub fn give(&mut self, lease: Lease) {
        self.pool.give(lease);
        if !self.starved.is_empty() || !self.unanswered.is_empty() {
            self.use_free_buffer();
        }
    }

    #[cold]
    fn use_free_buffer(&mut self) {
        if !self.starved.is_empty() {
            self.resume_starved();
        }
        if !self.unanswered.is_empty() {
            self.retry_answers();
        }
    }

    /// Makes the member ready that has waited longest for a buffer, if there is a free one.
    pub fn resume_starved(&mut self) {
        while !self.pool.is_empty() {
            let Some(at) = self.starved.pop_front() else { return };
            let Some(member) = self.members.get_mut(at) else { continue };
            member.is_starved = false;
            member.gets_buffer = true;
            member.found = member.found.or(Events::READ);
            if !std::mem::replace(&mut member.is_ready, true) {
                self.ready.push_front(at);
            }
            let first = member.reads.first;
            return self.resume_clock(first);
        }
    }
}
