//! Takes the operations of a run, in the order in which they were handed over. Not here: how they are carried out (`writes`,
//! `reads`, `connects`, `closes`, `names`).

use crate::core::error::{Error, Result};
use crate::core::memory;
use crate::core::queue::clock::Due;
use crate::core::queue::record::{Caller, Head, Op, Verb, flag as bit};
use crate::core::queue::state::State;
use crate::core::queue::work::{Detail, NONE, Ticks};
use std::time::{Duration, Instant};

impl State {
    /// Takes an operation.
    #[inline]
    pub fn take(&mut self, op: &Op, caller: &impl Caller) {
        // The most frequent operations take the shortest path.
        let outcome = match op.is_good_write() && self.failed.is_empty() && self.broken.is_empty() {
            true => self.take_write(op, Head::new(op, Verb::Write), caller),
            false => self.try_take(op, caller),
        };
        if let Err(error) = outcome {
            self.emit(op.failed(error));
        }
    }

    fn try_take(&mut self, op: &Op, caller: &impl Caller) -> Result<()> {
        let verb = op.verb()?;
        if verb.keeps_memory() {
            memory::check()?;
        }
        let head = Head::new(op, verb);
        if !self.failed.is_empty() || !self.broken.is_empty() {
            self.stand_behind(op, verb)?;
        }
        match verb {
            Verb::Nop => self.finish(&head, 0, 0),
            Verb::Give => {
                let lease = self.pool.take_back(op.buffer)?;
                self.give(lease);
            }
            Verb::Write => self.take_write(op, head, caller)?,
            Verb::SendTo => self.take_send_to(op, head, caller)?,
            Verb::SendFile => self.take_send_file(op, head)?,
            Verb::Read | Verb::ReceiveFrom | Verb::Accept => self.take_read(op, head)?,
            Verb::Poll => self.take_poll(op, head)?,
            Verb::Timer => self.take_timer(op, head)?,
            Verb::Cancel => self.take_cancel(op, head)?,
            Verb::Shutdown => self.take_shutdown(op, head)?,
            Verb::Close => self.take_close(op, head)?,
            Verb::Connect => self.take_connect(op, head, caller)?,
            Verb::Resolve => self.take_resolve(op, head, caller)?,
        }
        Ok(())
    }

    /// An operation that is taken behind a connect ends as that has, also if it has failed at once; and a transfer behind one of
    /// which only a part went.
    #[cold]
    fn stand_behind(&mut self, op: &Op, verb: Verb) -> Result<()> {
        let failed = self.failed.iter().find(|(handle, _)| *handle == op.handle && verb != Verb::Cancel);
        let is_transfer = matches!(verb, Verb::Write | Verb::SendTo | Verb::SendFile);
        let error = match failed {
            Some((_, error)) => *error,
            None if is_transfer && self.broken.contains(&op.handle) => Error::ECANCELED,
            None => return Ok(()),
        };
        if op.buffer != 0 {
            let (lease, _) = self.pool.take_bytes(op.buffer, op.data, op.length)?;
            self.give(lease);
        }
        Err(error)
    }

    fn take_timer(&mut self, op: &Op, head: Head) -> Result<()> {
        let period = u64::try_from(op.value).map_err(|_| Error::EINVAL)?;
        if period == 0 && head.multi {
            return Err(Error::EINVAL);
        }
        let stamp = self.next_stamp();
        let now = Instant::now();
        // A deadline beyond what the clock can express never comes.
        let next = now.checked_add(Duration::from_micros(period));
        let ticks = head.multi.then(|| Box::new(Ticks { next: next.unwrap_or(now), period }));
        let id = self.works.insert(head, Detail::Timer(ticks), NONE, stamp);
        if let Some(when) = next {
            self.clock.add(Due { when, id, stamp });
        }
        Ok(())
    }

    fn take_cancel(&mut self, op: &Op, head: Head) -> Result<()> {
        let all = op.has(bit::ALL);
        if all && (op.value != 0 || op.handle == 0) {
            return Err(Error::EINVAL);
        }
        self.flush();
        let is_meant = |id: &u32| {
            self.works.get(*id).is_some_and(|work| op.handle == 0 || work.head().handle == op.handle)
        };
        let victims = match (all, self.members.of(op.handle)) {
            (true, None) => Vec::new(),
            (true, Some(at)) => memory::list(self.all_of(at))?,
            (false, _) => memory::list(self.works.of_token(op.value).filter(is_meant))?,
        };
        let known = |id: &u32| self.works.get(*id).map(|work| (work.stamp, *id));
        let mut victims = memory::list(victims.iter().filter_map(known))?;
        victims.sort_unstable();
        self.finish(&head, victims.len() as i64, 0);
        for (stamp, id) in victims {
            if self.works.get(id).is_some_and(|work| work.stamp == stamp) {
                self.end(id, Error::ECANCELED);
            }
        }
        self.go_on();
        Ok(())
    }
}
