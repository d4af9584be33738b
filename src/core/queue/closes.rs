//! CLOSE, closes from elsewhere, and the close of the queue itself: what of a handle is left, and who still hears of it. Not
//! here: how an operation ends, and what a queue has of a handle (`ending`).

use crate::core::error::{Error, Result};
use crate::core::handle::{table, watchers};
use crate::core::queue::record::{Head, Op, flag as bit};
use crate::core::queue::state::{Closing, State, Which};
use crate::core::queue::work::Detail;

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
                done: (!head.quiet).then(|| head.done(0)),
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

    /// The queue is closed: no event is reported any more, and the handles stay as they are.
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
