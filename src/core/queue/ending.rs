//! Ends operations early (CANCEL, errors, closes), and forgets handles. It only lists the members of which something has ended.
//! Not here: what starts because of it (`sends`).

use crate::core::error::{Error, Result};
use crate::core::handle::slot::Phase;
use crate::core::handle::{table, watchers};
use crate::core::queue::connecting::{Connecting, Stage, unwatch};
use crate::core::queue::member::Member;
use crate::core::queue::record::{Head, Verb};
use crate::core::queue::sending::Sending;
use crate::core::queue::state::{Closing, State, Which};
use crate::core::queue::turn;
use crate::core::queue::work::{Detail, NONE, Work};
use crate::core::socket::connect;
use crate::sys::Events;

impl State {
    /// Ends an operation before its time. What stands behind it does not go before all have ended that are to.
    pub fn end(&mut self, id: u32, error: Error) {
        let Some(work) = self.unlist(id) else { return };
        let (at, head) = (work.member, work.head());
        match work.detail {
            Detail::Send(sending) => {
                if self.sent(&head, *sending, Err(error)) {
                    self.break_off(at);
                }
                self.unblock(at);
            }
            Detail::Close => {
                self.reopen(at);
                self.finish(&head, error.code(), 0);
                self.unblock(at);
            }
            Detail::Shutdown(_) => {
                self.finish(&head, error.code(), 0);
                self.unblock(at);
            }
            Detail::Connect(connecting) => {
                self.finish(&head, error.code(), 0);
                self.connect_ended(at, work.stamp, *connecting, Err(error));
            }
            detail @ (Detail::Receive { .. }
            | Detail::Accept
            | Detail::Poll(_)
            | Detail::Timer(_)
            | Detail::Resolve(_)) => {
                let value = match detail {
                    // Where in the stream it ended, for several runners.
                    Detail::Receive { brought, .. } if head.verb == Verb::Read => brought as i64,
                    _ => 0,
                };
                self.finish(&head, error.code(), value);
            }
        }
        self.note_end(at);
    }

    /// What comes next in its line may go although the system took no more.
    fn unblock(&mut self, at: u32) {
        if let Some(member) = self.members.get_mut(at) {
            member.is_blocked = false;
        }
    }

    pub fn end_line(&mut self, at: u32, which: Which, error: Error) {
        while let Some(id) = self.first_of(at, which) {
            self.end(id, error);
        }
    }

    fn first_of(&mut self, at: u32, which: Which) -> Option<u32> {
        let line = which.line(self.members.get_mut(at)?);
        (!line.is_empty()).then_some(line.first)
    }

    pub fn end_all(&mut self, at: u32, error: Error) {
        for which in Which::ALL {
            self.end_line(at, which, error);
        }
    }

    /// What waits behind a connect may go on, or ends as it did.
    pub fn connect_ended(&mut self, at: u32, stamp: u64, connecting: Connecting, outcome: Result<()>) {
        if let Stage::Racing(race, mut watched) = connecting.stage {
            unwatch(self.shared.engine(), &mut watched);
            drop(race);
            self.take_back(at);
        } else if matches!(connecting.stage, Stage::Full(..)) {
            self.take_back(at);
        }
        match outcome {
            Ok(()) | Err(Error::EINPROGRESS) => {}
            Err(error) => self.end_behind(at, stamp, error),
        }
        let Some(member) = self.members.get(at) else { return };
        if !member.reads.is_empty() || !member.polls.is_empty() {
            // They are tried: that costs a call, and the kernel may have said all that it says.
            self.note(at, Events::READ);
        }
        self.note_end(at);
    }

    fn end_behind(&mut self, at: u32, stamp: u64, error: Error) {
        let failed = self.members.get(at).filter(|member| member.slot.phase() == Phase::Failed);
        if let Some(number) = failed.map(|member| member.number) {
            if self.failed.try_reserve(1).is_ok() {
                self.failed.push((number, error));
            }
        }
        while let Some(id) = self.first_behind(at, stamp) {
            self.end(id, error);
        }
    }

    fn first_behind(&self, at: u32, stamp: u64) -> Option<u32> {
        self.all_of(at).find(|id| self.works.get(*id).is_some_and(|work| work.stamp > stamp))
    }

    /// An attempt that nobody carries on: nothing has been decided.
    fn take_back(&mut self, at: u32) {
        if let Some(Ok(slot)) = self.members.get(at).map(Member::open) {
            connect::abandon(&slot);
        }
    }

    /// The end of a transfer; whether it ended in the middle.
    pub fn sent(&mut self, head: &Head, sending: Sending, outcome: Result<()>) -> bool {
        let moved = sending.moved as i64;
        self.give_back(sending);
        match outcome {
            Ok(()) => self.finish(head, moved, 0),
            Err(error) => self.finish(head, error.code(), moved),
        }
        outcome.is_err() && moved > 0
    }

    /// Ends a transfer that stands in line.
    pub fn drop_send(&mut self, id: u32, error: Error) -> bool {
        let Some((head, sending)) = self.unlist(id).and_then(Work::into_sending) else { return false };
        self.sent(&head, sending, Err(error))
    }

    /// A transfer was sent in part only: those behind it can't be sent any more.
    pub fn break_off(&mut self, at: u32) {
        self.break_line(at);
        let Some(member) = self.members.get(at) else { return };
        if self.broken.try_reserve(1).is_ok() {
            self.broken.push(member.number);
        }
        turn::breaks(member.slot);
    }

    fn break_line(&mut self, at: u32) {
        let Some(member) = self.members.get(at) else { return };
        let mut next = member.sends.first;
        while next != NONE {
            let id = next;
            next = self.works.after(id);
            let is_transfer = matches!(self.works.get(id).map(|work| &work.detail), Some(Detail::Send(_)));
            if is_transfer {
                self.drop_send(id, Error::ECANCELED);
            }
        }
    }

    /// A CLOSE that was waiting does not happen: the handle is open again.
    fn reopen(&mut self, at: u32) {
        let Some(member) = self.members.get_mut(at) else { return };
        let Some(hold) = member.hold.take() else { return };
        self.closing.retain(|closing| closing.is_last || closing.slot.handle() != hold.handle());
        let (slot, number) = (hold.slot(), member.number);
        table::reopen(hold);
        // A close that came before the note was there has not seen it, and has not waited for this queue.
        if watchers::add(slot, self.shared.watcher).is_err() || !slot.stands_for(number) {
            self.closed(number);
        }
    }

    /// Everything before a CLOSE was sent: the handle is closed.
    pub fn complete_close(&mut self, at: u32, id: u32) {
        let Some(work) = self.unlist(id) else { return };
        let hold = self.members.get_mut(at).and_then(|member| member.hold.take());
        self.end_all(at, Error::ECANCELED);
        self.leave(at);
        if let Some(slot) = hold {
            let done = (!work.head().quiet).then(|| work.head().done(0));
            self.closing.push(Closing { slot, done, is_last: true });
        }
    }

    /// Forgets a handle.
    pub fn leave(&mut self, at: u32) {
        let tag = self.members.tag(at);
        let Some(member) = self.members.remove(at) else { return };
        self.ready.retain(|other| *other != at);
        self.starved.retain(|other| *other != at);
        if member.has_ended {
            self.ended.retain(|other| *other != at);
        }
        if member.has_turn {
            turn::release(member.slot);
        }
        if !member.watched.is_empty() {
            if let Some(engine) = self.shared.engine() {
                let _ = engine.watch(member.watched_fd(), tag, member.watched, Events::NONE);
            }
        }
    }

    /// The handle was closed elsewhere.
    pub fn closed(&mut self, number: i64) {
        let Some(at) = self.members.of(number) else { return };
        self.end_all(at, Error::ECANCELED);
        self.leave(at);
    }
}
