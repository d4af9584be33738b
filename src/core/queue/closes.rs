//! CLOSE, closes from elsewhere, and the close of the queue itself: what of a handle is left, and who still hears of it. Not here: how
//! an operation ends (`state`).

use crate::core::error::{Error, Result};
use crate::core::handle::table;
use crate::core::handle::watchers;
use crate::core::queue::record::{Head, Op, flag as bit};
use crate::core::queue::state::{Closing, State, Which};
use crate::core::queue::turn;
use crate::core::queue::work::Detail;
use crate::sys::Events;

impl State {
    pub fn take_close(&mut self, op: &Op, head: Head) -> Result<()> {
        self.flush();
        let at = self.member(op.handle)?;
        // Whoever loses the race for it finds that it is closed.
        let hold = table::close(op.handle)?;
        watchers::remove(hold.handle().index, self.shared.handle);
        if op.has(bit::NOW) {
            let slot = hold.again();
            self.end_all(at, Error::ECANCELED);
            self.leave(at);
            drop(slot);
            self.closing.push(Closing {
                slot: hold,
                done: Some(head.done(0)).filter(|_| !head.quiet),
                is_last: true,
            });
            return Ok(());
        }
        if let Some(member) = self.members.get_mut(at) {
            let others = hold.again();
            member.hold = Some(hold);
            self.closing.push(Closing { slot: others, done: None, is_last: false });
        }
        for which in [Which::Reads, Which::Polls] {
            self.end_line(at, which, Error::ECANCELED);
        }
        self.queue_up(at, head, Detail::Close, -1);
        Ok(())
    }

    /// All that was before a CLOSE has gone.
    pub fn complete_close(&mut self, at: u32, id: u32) {
        let Some(work) = self.unlist(id) else { return };
        let hold = self.members.get_mut(at).and_then(|member| member.hold.take());
        self.end_all(at, Error::ECANCELED);
        self.leave(at);
        if let Some(slot) = hold {
            let done = Some(work.head().done(0)).filter(|_| !work.head().quiet);
            self.closing.push(Closing { slot, done, is_last: true });
        }
    }

    /// A CLOSE that was waiting does not happen: the handle is open again.
    pub fn reopen(&mut self, at: u32) {
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

    /// Forgets a handle.
    pub fn leave(&mut self, at: u32) {
        let tag = self.members.tag(at);
        let Some(member) = self.members.remove(at) else { return };
        self.ready.retain(|other| *other != at);
        self.starved.retain(|other| *other != at);
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

    /// The queue is closed: nothing is told any more, and the handles are as they were.
    pub fn close(&mut self) {
        self.is_closed = true;
        for at in self.members.places() {
            // A CLOSE that waits gives its handle back, too.
            self.end_all(at, Error::ECANCELED);
            if let Some(member) = self.members.get(at) {
                watchers::remove(member.slot.handle().index, self.shared.handle);
            }
            self.leave(at);
        }
    }
}
