//! What the engine watches, and what it does not because of spurious readiness. Not here: how it waits (`engine`), and how its
//! reports are handled (`news`).

use crate::core::error::Error;
use crate::core::queue::state::State;
use crate::core::queue::work::Detail;
use crate::core::readiness;
use crate::sys::{self, Events};
use std::time::Instant;

impl State {
    /// Stops watching a member of which the kernel reports only what no operation waits for.
    pub fn unwatch_idle(&mut self, at: u32) {
        let wanted = self.wanted(at);
        let tag = self.members.tag(at);
        let (Some(member), Some(engine)) = (self.members.get_mut(at), self.shared.engine()) else { return };
        // Hang-ups and errors are always reported; a member that is only written to meets them by its next write.
        if member.watched != wanted || wanted.is_empty() {
            let _ = engine.watch(member.watched_fd(), tag, member.watched, wanted);
            member.watched = wanted;
        }
    }

    /// What the engine should watch of a member.
    fn wanted(&self, at: u32) -> Events {
        let Some(member) = self.members.get(at) else { return Events::NONE };
        if !readiness::in_kernel(member.slot) {
            return Events::NONE;
        }
        let (read, send) = (member.reads.first, member.sends.first);
        let is_held = member.is_starved || self.resting.has(read);
        let reads = !member.reads.is_empty() && !is_held && !self.is_gated(at, read);
        let writes = member.is_blocked && !self.resting.has(send);
        let mut wanted = Events::READ.when(reads).or(Events::WRITE.when(writes));
        if !member.connects.is_empty() {
            wanted = wanted.or(Events::WRITE);
        }
        let mut id = member.polls.first;
        while let Some(work) = self.works.get(id) {
            if let Detail::Poll(events) = work.detail {
                if !self.is_gated(at, id) {
                    wanted = wanted.or(Events(events));
                }
            }
            id = self.works.after(id);
        }
        wanted
    }

    /// Makes the engine watch what is needed. A watch for reading that is not needed just now stays: it will be again.
    pub fn sync(&mut self, at: u32) {
        let wanted = self.wanted(at);
        let tag = self.members.tag(at);
        let (Some(member), Some(engine)) = (self.members.get_mut(at), self.shared.engine()) else { return };
        let is_held = member.is_starved || self.resting.has(member.reads.first);
        let keep = member.watched.and(Events::READ).when(!is_held && readiness::in_kernel(member.slot));
        let wanted = wanted.or(keep);
        if wanted == member.watched {
            return;
        }
        let mut outcome = engine.watch(member.watched_fd(), tag, member.watched, wanted);
        if outcome == Err(Error::EEXIST) && member.duplicate.is_none() {
            // Two handles have the same descriptor.
            outcome = sys::duplicate(member.slot.fd()).map_err(Error::from).and_then(|duplicate| {
                member.duplicate = duplicate;
                engine.watch(duplicate, tag, Events::NONE, wanted)
            });
        }
        match outcome {
            Ok(()) => member.watched = wanted,
            Err(error) => self.unwatchable(at, error),
        }
    }

    /// Makes the kernel check again: an edge-triggered watch reports only new activity.
    pub fn watch_anew(&mut self, at: u32) {
        let tag = self.members.tag(at);
        if let (Some(member), Some(engine)) = (self.members.get(at), self.shared.engine()) {
            let _ = engine.watch(member.watched_fd(), tag, member.watched, member.watched);
        }
    }

    /// The kernel can't watch the descriptor: all operations that would wait for it end.
    #[cold]
    fn unwatchable(&mut self, at: u32, error: Error) {
        if let Some(member) = self.members.get_mut(at) {
            member.watched = Events::NONE;
        }
        self.end_all(at, error);
    }

    /// Counts an attempt after a report of the kernel that would still block.
    #[inline]
    pub fn tried_in_vain(&mut self, id: u32) {
        if self.resting.is_in_vain() {
            self.rest(id);
        }
    }

    #[cold]
    fn rest(&mut self, id: u32) {
        let Some(work) = self.works.get(id) else { return };
        let (at, stamp) = (work.member, work.stamp);
        if self.resting.begin(id, stamp) {
            self.sync(at);
        }
    }

    /// Watches again for the operations whose rest is over.
    pub fn end_rests(&mut self) {
        if self.resting.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some(due) = self.resting.next_over(now) {
            let Some(work) = self.works.get(due.id).filter(|work| work.stamp == due.stamp) else { continue };
            let at = work.member;
            if self.resting.end(due.id) {
                self.sync(at);
            }
        }
    }
}
