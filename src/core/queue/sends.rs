//! The line of transfers of a handle: it goes on when the system has room and this queue has the turn to send. Not here: how a
//! transfer gets into the line (`writes`), the turns of several queues (`turn`).

use crate::core::error::{Error, Result};
use crate::core::handle::slot::{Slot, flag};
use crate::core::handle::table::Ref;
use crate::core::name::kind::Class;
use crate::core::queue::member::Member;
use crate::core::queue::sending::Progress;
use crate::core::queue::state::State;
use crate::core::queue::turn;
use crate::core::queue::work::{Detail, Mark, Work};
use crate::core::socket::life;
use crate::sys::Events;

/// Shuts halves of a connection, which must be one.
fn shut(slot: &Ref, how: i32) -> Result<()> {
    let halves = life::halves(how)?;
    match slot.class() {
        Class::Socket if slot.has(flag::UNSETTLED) => Err(Error::ENOTCONN),
        Class::Socket => life::shutdown_slot(slot, halves),
        Class::Stream | Class::File | Class::Poller | Class::Queue => Err(Error::ENOTSOCK),
    }
}

impl State {
    /// It is an operation's turn; whether there is such a one.
    pub fn granted(&mut self, stamp: u64, at: u32) -> bool {
        let Some(member) = self.members.get_mut(at) else { return false };
        let is_it = |id: &u32| self.works.get(*id).is_some_and(|work| work.stamp == stamp);
        let id = self.works.line(&member.sends).find(is_it);
        match id.and_then(|id| self.works.get_mut(id)) {
            Some(work) => {
                work.mark = Mark::None;
                member.has_turn = true;
                true
            }
            None => false,
        }
    }

    /// Goes on with the members of which something has ended. What ends by that brings its member into the list again.
    #[inline]
    pub fn go_on(&mut self) {
        if !self.ended.is_empty() {
            self.go_on_with_all();
        }
    }

    #[cold]
    fn go_on_with_all(&mut self) {
        while let Some(at) = self.ended.pop_front() {
            let Some(member) = self.members.get_mut(at) else { continue };
            member.has_ended = false;
            self.pump(at);
            self.sync(at);
        }
    }

    /// Goes on with what stands in line, or gives the turn to others.
    #[inline]
    pub fn pass_turn(&mut self, at: u32) {
        let Some(member) = self.members.get_mut(at) else { return };
        member.is_blocked = false;
        if member.sends.is_empty() {
            if std::mem::take(&mut member.has_turn) {
                turn::release(member.slot);
            }
            return;
        }
        self.pump(at);
        self.sync(at);
    }

    /// The system may take more: tries what stands in line. What has gone by that is watched for no more.
    pub fn retry_sends(&mut self, at: u32) {
        let Some(member) = self.members.get_mut(at) else { return };
        member.found = member.found.or(Events::WRITE);
        self.pump(at);
        self.sync(at);
    }

    /// Sends what stands in line, until the system takes no more.
    pub fn pump(&mut self, at: u32) {
        loop {
            let Some(member) = self.members.get_mut(at) else { return };
            let id = member.sends.first;
            if member.in_batch || (member.is_blocked && !member.found.any(Events::WRITE)) {
                return;
            }
            member.found = member.found.without(Events::WRITE);
            member.is_blocked = false;
            let (has_turn, slot) = (member.has_turn, member.slot);
            let mark = self.works.get(id).map(|work| work.mark);
            if mark.is_none_or(|mark| mark == Mark::AwaitsTurn) {
                // Nothing is left, or what is left waits for others' to go first.
                if has_turn {
                    self.give_up_turn(at, slot);
                }
                return;
            }
            if self.is_gated(at, id) || !self.advance(at, id) {
                return;
            }
        }
    }

    fn give_up_turn(&mut self, at: u32, slot: &Slot) {
        if let Some(member) = self.members.get_mut(at) {
            member.has_turn = false;
        }
        turn::release(slot);
    }

    /// Carries out the first operation of a line; returns whether the next may follow.
    fn advance(&mut self, at: u32, id: u32) -> bool {
        let slot = match self.members.get(at).map(Member::open) {
            Some(Ok(slot)) => slot,
            _ => return false,
        };
        let Some(work) = self.works.get_mut(id) else { return false };
        match &mut work.detail {
            Detail::Send(sending) => {
                let (before, moved) = (sending.weight(), sending.moved);
                let progress = sending.attempt(&slot);
                let (gone, has_moved) = (before - sending.weight(), sending.moved > moved);
                if let Some(member) = self.members.get_mut(at) {
                    member.waiting = member.waiting.saturating_sub(gone);
                }
                return self.after_attempt(at, id, progress, has_moved);
            }
            Detail::Shutdown(how) => {
                let outcome = shut(&slot, *how);
                if let Some(work) = self.unlist(id) {
                    self.finish(&work.head(), outcome.map_or_else(Error::code, |()| 0), 0);
                }
            }
            Detail::Close => {
                drop(slot);
                self.complete_close(at, id);
                return false;
            }
            _ => return false,
        }
        true
    }

    /// Handles the progress of the first transfer of a line; returns whether the next may follow.
    fn after_attempt(&mut self, at: u32, id: u32, progress: Progress, has_moved: bool) -> bool {
        match progress {
            Progress::Waits => {
                if let Some(member) = self.members.get_mut(at) {
                    member.is_blocked = true;
                }
                if has_moved {
                    self.resting.forget(id);
                } else {
                    self.tried_in_vain(id);
                }
                self.sync(at);
                return false;
            }
            Progress::Complete => {
                if let Some((head, sending)) = self.unlist(id).and_then(Work::into_sending) {
                    self.sent(&head, sending, Ok(()));
                }
            }
            Progress::Failed(error) => {
                if self.drop_send(id, error) {
                    self.break_off(at);
                }
            }
        }
        true
    }
}
