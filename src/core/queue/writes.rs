//! New transfers: sent at once, with others by one system call, or queued in the member's line. Not here: how the line goes on
//! (`sends`), and a transfer itself (`sending`).

use crate::core::error::{Error, Result};
use crate::core::handle::slot::Wait;
use crate::core::memory;
use crate::core::queue::datagrams::has_datagrams;
use crate::core::queue::member::Member;
use crate::core::queue::pace::FEW;
use crate::core::queue::record::{Caller, Head, Op};
use crate::core::queue::sending::{Batched, Payload, Progress, Sending};
use crate::core::queue::state::State;
use crate::core::queue::turn::{self, Ticket};
use crate::core::queue::work::{Detail, Mark};
use crate::core::socket::send_file::Portion;
use crate::core::socket::{life, transfer};
use crate::sys::{self, Call};

impl State {
    #[inline]
    pub fn take_write(&mut self, op: &Op, head: Head, caller: &impl Caller) -> Result<()> {
        let payload = self.payload(op, caller)?;
        match self.member(op.handle) {
            Ok(at) => self.write(at, head, payload),
            Err(error) => self.refuse(payload, error),
        }
    }

    pub fn take_send_to(&mut self, op: &Op, head: Head, caller: &impl Caller) -> Result<()> {
        let payload = self.payload(op, caller)?;
        let to = caller.address(op.value).and_then(|to| Ok((self.member(op.handle)?, to)));
        match to {
            Ok((at, to)) => self.send(at, head, Sending::datagram(payload, to)),
            Err(error) => self.refuse(payload, error),
        }
    }

    pub fn take_send_file(&mut self, op: &Op, head: Head) -> Result<()> {
        let at = self.member(op.handle)?;
        let sending = Sending::file(Portion::new(op.data, op.value, op.length)?);
        self.send(at, head, sending)
    }

    /// What is to be sent. From here on its buffer is the queue's.
    #[inline]
    fn payload(&mut self, op: &Op, caller: &impl Caller) -> Result<Payload> {
        match op.buffer {
            0 => Ok(Payload::Caller(caller.bytes(op.data, op.length)?)),
            number => {
                let (lease, bytes) = self.pool.take_bytes(number, op.data, op.length)?;
                Ok(Payload::Buffer(lease, bytes))
            }
        }
    }

    #[cold]
    fn refuse(&mut self, payload: Payload, error: Error) -> Result<()> {
        self.give_back(Sending::bytes(payload));
        Err(error)
    }

    /// A write whose turn it is goes at once, unless it may go with others by one system call.
    #[inline]
    pub fn write(&mut self, at: u32, head: Head, payload: Payload) -> Result<()> {
        let Some(member) = self.members.get_mut(at) else { return Err(Error::EBADF) };
        let is_first = member.may_send() && !member.has_turn && member.slot.kind().is_byte_stream();
        if !is_first || !turn::try_take(member.slot) {
            return self.send(at, head, Sending::bytes(payload));
        }
        if self.gathers {
            (member.has_turn, member.in_batch) = (true, true);
            self.batch.push(Batched { at, head, sending: Sending::bytes(payload) });
            return Ok(());
        }
        // A close waits for the queue's lock before it closes the descriptor.
        let slot = member.slot;
        let bytes = payload.bytes();
        match transfer::try_send(slot, bytes) {
            Ok(count) if count == bytes.len() => {
                turn::release(slot);
                self.finish(&head, count as i64, 0);
                if let Payload::Buffer(lease, _) = payload {
                    self.give(lease);
                }
            }
            outcome => self.write_the_rest(at, head, Sending::bytes(payload), outcome),
        }
        Ok(())
    }

    /// A write that has its turn did not go whole.
    #[cold]
    fn write_the_rest(&mut self, at: u32, head: Head, mut sending: Sending, outcome: Result<usize>) {
        let Some(member) = self.members.get_mut(at) else { return };
        (member.has_turn, member.in_batch) = (true, true);
        let progress = sending.note(outcome, member.slot.kind().is_byte_stream());
        self.after_batched(at, head, sending, progress);
    }

    /// Adds a transfer: to the batch, which is sent when all operations are taken, if this queue has the turn to send on the
    /// handle; else to the member's line. `ENOBUFS` beyond the send limit, `ECANCELED` behind a transfer that has failed in
    /// this run.
    pub fn send(&mut self, at: u32, head: Head, sending: Sending) -> Result<()> {
        let Some(member) = self.members.get(at) else { return Err(Error::EBADF) };
        let is_gram = has_datagrams(member.slot) && sending.as_datagram().is_some();
        if is_gram && self.is_gathered(at) && member.connects.is_empty() {
            self.grams.push(Batched { at, head, sending });
            return Ok(());
        }
        let limit = self.shared.send_limit();
        // The send limit counts only memory of the library's.
        let is_limited = limit > 0 && sending.weight() > 0;
        let would_pass = |member: &Member| {
            is_limited && member.waiting > 0 && member.waiting.saturating_add(sending.weight()) > limit
        };
        if member.in_batch && (is_limited || is_gram) {
            // How much of the batch will have to wait is not known before it is sent.
            self.flush();
        }
        let Some(member) = self.members.get_mut(at) else { return Err(Error::EBADF) };
        let refused = if self.broken.contains(&member.number) {
            Some(Error::ECANCELED)
        } else {
            would_pass(member).then_some(Error::ENOBUFS)
        };
        if let Some(error) = refused {
            self.give_back(sending);
            return Err(error);
        }
        if member.may_send() && (member.has_turn || turn::try_take(member.slot)) {
            member.has_turn = true;
            member.in_batch = true;
            let one = Batched { at, head, sending };
            match is_gram {
                true => self.gather(one),
                false => self.batch.push(one),
            }
            return Ok(());
        }
        let timeout = member.slot.ruling_timeout(Wait::Write);
        self.queue_send(at, head, sending, timeout)
    }

    /// Puts a transfer into its member's line, with a copy of the caller's bytes; `ENOMEM` if there is no memory for it.
    fn queue_send(&mut self, at: u32, head: Head, mut sending: Sending, timeout: i64) -> Result<()> {
        if let Err(error) = sending.keep() {
            self.give_back(sending);
            return Err(error);
        }
        if let Some(member) = self.members.get_mut(at) {
            member.waiting += sending.weight();
        }
        self.queue_up(at, head, Detail::Send(Box::new(sending)), timeout);
        Ok(())
    }

    /// Puts something behind the transfers of a handle, and goes on with them if it is its turn.
    pub fn queue_up(&mut self, at: u32, head: Head, detail: Detail, timeout: i64) {
        // What was gathered goes, or stands in the line, before it.
        if self.is_gathered(at) {
            self.flush();
        }
        let id = self.enlist(at, head, detail, timeout);
        let (Some(work), Some(member)) = (self.works.get_mut(id), self.members.get_mut(at)) else { return };
        let has_turn = member.has_turn && !turn::is_awaited(member.slot);
        if !has_turn {
            if !member.has_turn && turn::try_take(member.slot) {
                member.has_turn = true;
            } else {
                let ticket = Ticket { queue: self.shared.address(), stamp: work.stamp };
                work.mark = Mark::AwaitsTurn;
                let slot = member.slot;
                if turn::wait(slot, ticket) {
                    self.granted(ticket.stamp, at);
                }
            }
        }
        self.pump(at);
    }

    /// Tries the transfers that were gathered.
    #[inline]
    pub fn flush(&mut self) {
        if !self.batch.is_empty() || !self.grams.is_empty() {
            self.flush_all();
        }
        self.go_on();
    }

    fn flush_all(&mut self) {
        self.flush_grams();
        while !self.batch.is_empty() {
            let mut batch = std::mem::take(&mut self.batch);
            if batch.len() > FEW && self.has_ring {
                self.flush_at_once(&mut batch);
            }
            for one in batch.drain(..) {
                self.try_batched(one);
            }
            // The memory serves the next run.
            batch.append(&mut self.batch);
            self.batch = batch;
        }
    }

    /// Carries out by one system call what can be carried out so. What is left in the batch goes by itself.
    fn flush_at_once(&mut self, batch: &mut Vec<Batched>) {
        if memory::grow(&mut self.calls, batch.len()).is_err()
            || memory::grow(&mut self.batch, batch.len()).is_err()
        {
            return;
        }
        let mut calls = std::mem::take(&mut self.calls);
        // Those that go are put first. No handle has two in the batch, so that the order is none of theirs.
        for place in 0..batch.len() {
            let one = &batch[place];
            let slot = self.members.get(one.at).map(|member| member.slot);
            if let (Some(slot), Some(bytes)) =
                (slot.filter(|slot| transfer::sends_plainly(slot)), one.sending.plain())
            {
                batch.swap(calls.len(), place);
                calls.push(Call::send(slot.fd(), bytes));
            }
        }
        self.shared.carry_out(&mut calls);
        for (one, call) in batch.drain(..calls.len()).zip(calls.drain(..)) {
            match call.outcome {
                Some(Ok(count)) if one.sending.is_whole(count) => self.sent_whole(one),
                Some(outcome) => self.carried_out(one, outcome),
                None => self.batch.push(one),
            }
        }
        self.calls = calls;
        batch.append(&mut self.batch);
    }

    /// A transfer of the batch went whole by its first try.
    #[inline]
    fn sent_whole(&mut self, one: Batched) {
        let Batched { at, head, sending } = one;
        let Some(member) = self.members.get_mut(at) else { return };
        debug_assert!(member.in_batch && member.has_turn, "it was not its turn");
        member.in_batch = false;
        self.finish(&head, sending.length() as i64, 0);
        self.give_back(sending);
        self.pass_turn(at);
    }

    #[cold]
    fn carried_out(&mut self, one: Batched, outcome: sys::Result<usize>) {
        let Batched { at, head, mut sending } = one;
        let Some(slot) = self.members.get(at).map(|member| member.slot) else { return };
        let progress = sending.carried_out(slot, outcome);
        self.after_batched(at, head, sending, progress);
    }

    fn try_batched(&mut self, one: Batched) {
        let Batched { at, head, mut sending } = one;
        let progress = match self.members.get(at).map(Member::open) {
            Some(Ok(slot)) => sending.attempt(&slot),
            _ => Progress::Failed(Error::ECANCELED),
        };
        self.after_batched(at, head, sending, progress);
    }

    /// What comes of a transfer of the batch: the end, or a place at the front of the line.
    fn after_batched(&mut self, at: u32, head: Head, mut sending: Sending, progress: Progress) {
        let Some(member) = self.members.get_mut(at) else { return };
        debug_assert!(member.in_batch && member.has_turn, "it was not its turn");
        member.in_batch = false;
        let progress = match progress {
            Progress::Waits if member.slot.ruling_timeout(Wait::Write) == 0 => {
                Progress::Failed(Error::EAGAIN)
            }
            Progress::Waits => match sending.keep() {
                Ok(()) => Progress::Waits,
                Err(error) => Progress::Failed(error),
            },
            other => other,
        };
        match progress {
            Progress::Waits => {
                member.waiting += sending.weight();
                member.is_blocked = true;
                let timeout = member.slot.ruling_timeout(Wait::Write);
                let stamp = self.next_stamp();
                let id = self.works.insert(head, Detail::Send(Box::new(sending)), at, stamp);
                if let Some(member) = self.members.get_mut(at) {
                    self.works.push_front(&mut member.sends, id);
                }
                self.start_clock(id, timeout);
                self.sync(at);
            }
            Progress::Complete => {
                self.sent(&head, sending, Ok(()));
                self.pass_turn(at);
            }
            Progress::Failed(error) => {
                if self.sent(&head, sending, Err(error)) {
                    self.break_off(at);
                }
                self.pass_turn(at);
            }
        }
    }

    /// Keeps the first datagram of a member until those behind it are taken.
    fn gather(&mut self, one: Batched) {
        self.flush_grams();
        self.grams.push(one);
    }

    /// Sends what was gathered. One that has stayed alone may go with others' transfers.
    fn flush_grams(&mut self) {
        if self.grams.len() == 1 {
            return self.batch.append(&mut self.grams);
        }
        while !self.grams.is_empty() {
            let mut grams = std::mem::take(&mut self.grams);
            self.send_grams(&mut grams);
            // Those behind one that went alone were gathered anew. The memory serves the next run.
            grams.append(&mut self.grams);
            self.grams = grams;
        }
    }

    fn send_grams(&mut self, grams: &mut Vec<Batched>) {
        let Some(at) = grams.first().map(|first| first.at) else { return };
        while grams.len() > 1 {
            let (count, outcome) = match self.try_send_many(at, grams) {
                Ok(count) => (count, Ok(())),
                Err(Error::EAGAIN) => break,
                Err(error) => (1, Err(error)),
            };
            for one in grams.drain(..count) {
                let sending = if outcome.is_ok() { one.sending.gone() } else { one.sending };
                self.sent(&one.head, sending, outcome);
            }
        }
        let mut rest = grams.drain(..);
        let Some(first) = rest.next() else {
            if let Some(member) = self.members.get_mut(at) {
                member.in_batch = false;
            }
            return self.pass_turn(at);
        };
        self.try_batched(first);
        for Batched { at, head, sending } in rest {
            if let Err(error) = self.send(at, head, sending) {
                self.finish(&head, error.code(), 0);
            }
        }
    }

    pub fn take_shutdown(&mut self, op: &Op, head: Head) -> Result<()> {
        let how = i32::try_from(op.value).map_err(|_| Error::EINVAL)?;
        life::halves(how)?;
        let at = self.member(op.handle)?;
        self.queue_up(at, head, Detail::Shutdown(how), -1);
        Ok(())
    }
}
