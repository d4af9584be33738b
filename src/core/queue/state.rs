//! The state of a queue, under its lock, and how an operation is put into a member's line (a FIFO of operations) and taken out.
//! Not here: how operations are carried out; the other files of this folder add these methods.

use crate::core::deadline::Deadline;
use crate::core::error::{Error, Result};
use crate::core::handle::slot::Slot;
use crate::core::handle::table::Ref;
use crate::core::handle::{lookup, watchers};
use crate::core::memory;
use crate::core::queue::clock::{Clock, Due};
use crate::core::queue::engine::Found;
use crate::core::queue::event_list::EventList;
use crate::core::queue::member::{Member, Members};
use crate::core::queue::pace::Pace;
use crate::core::queue::pool::{Lease, Pool};
use crate::core::queue::record::{Done, Head, Verb};
use crate::core::queue::resting::Resting;
use crate::core::queue::sending::Batched;
use crate::core::queue::shared::Shared;
use crate::core::queue::work::{Detail, Line, TimeLimit, Work, Works};
use crate::core::readiness;
use crate::sys::{BATCH, Call, Events};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// How many datagrams or connections one handle may have in one run.
pub const MOST: usize = 64;

/// Which line of a member an operation stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    Reads,
    Sends,
    Polls,
    Connects,
}

impl Which {
    pub const ALL: [Self; 4] = [Self::Connects, Self::Sends, Self::Reads, Self::Polls];

    pub const fn of(verb: Verb) -> Option<Self> {
        match verb {
            Verb::Accept | Verb::Read | Verb::ReceiveFrom => Some(Self::Reads),
            Verb::Write | Verb::SendTo | Verb::SendFile | Verb::Shutdown | Verb::Close => Some(Self::Sends),
            Verb::Poll => Some(Self::Polls),
            Verb::Connect => Some(Self::Connects),
            Verb::Nop | Verb::Timer | Verb::Cancel | Verb::Give | Verb::Resolve => None,
        }
    }

    pub fn line(self, member: &mut Member) -> &mut Line {
        match self {
            Self::Reads => &mut member.reads,
            Self::Sends => &mut member.sends,
            Self::Polls => &mut member.polls,
            Self::Connects => &mut member.connects,
        }
    }
}

/// A handle that a CLOSE has taken. Pollers and other queues are notified of it later, without the lock.
#[derive(Debug)]
pub struct Closing {
    pub slot: Ref,
    /// The event when it is done.
    pub done: Option<Done>,
    /// No transfers come before its end.
    pub is_last: bool,
}

/// A read that is one system call. A close waits for the queue's lock before it closes the descriptor.
#[derive(Debug)]
pub struct PlainRead {
    pub id: u32,
    pub slot: &'static Slot,
    pub lease: Lease,
    pub length: usize,
}

#[derive(Debug)]
pub struct State {
    pub shared: Arc<Shared>,
    pub works: Works,
    pub members: Members,
    pub events: EventList,
    pub pool: Pool,
    pub clock: Clock,
    /// Operations whose handles the kernel reports as ready although nothing can be done (spurious readiness).
    pub resting: Resting,
    /// Members that are to be served, the longest waiting first.
    pub ready: VecDeque<u32>,
    /// Members of which something has ended, so that more may go.
    pub ended: VecDeque<u32>,
    /// Members that wait for a buffer, the longest waiting first.
    pub starved: VecDeque<u32>,
    /// Transfers that are tried when all operations of the run are taken.
    pub batch: Vec<Batched>,
    /// Datagrams of one handle, which go together before those.
    pub grams: Vec<Batched>,
    /// The room for buffers into which datagrams are received together.
    pub leases: Vec<Lease>,
    /// Operations that must not wait.
    pub impatient: Vec<(u32, u64)>,
    pub closing: Vec<Closing>,
    /// The room for transfers that are carried out at once.
    pub calls: Vec<Call>,
    pub reads: Vec<PlainRead>,
    /// Handles whose connect has failed in this run: what is taken behind it ends as it did.
    pub failed: Vec<(i64, Error)>,
    /// Handles of which a transfer has ended in the middle in this run: those that are taken behind it can't go.
    pub broken: Vec<i64>,
    /// RESOLVE operations that have their answer and wait for a buffer.
    pub unanswered: Vec<(u32, u64)>,
    /// When the queue's descriptor becomes readable by itself.
    pub alarm: Deadline,
    /// The room for what the engine finds.
    pub found: Option<Found>,
    pub stamp: u64,
    /// Whether the engine has a ring, which carries out many transfers by one system call.
    pub has_ring: bool,
    /// Whether this run may bring enough writes for that to pay.
    pub gathers: bool,
    pub pace: Pace,
    pub is_closed: bool,
}

impl State {
    pub fn new(shared: Arc<Shared>, pool: Pool) -> Self {
        Self {
            shared,
            works: Works::new(),
            members: Members::new(),
            events: EventList::new(),
            pool,
            clock: Clock::default(),
            resting: Resting::default(),
            ready: VecDeque::new(),
            ended: VecDeque::new(),
            starved: VecDeque::new(),
            batch: Vec::new(),
            grams: Vec::new(),
            leases: Vec::new(),
            impatient: Vec::new(),
            closing: Vec::new(),
            calls: Vec::new(),
            reads: Vec::new(),
            failed: Vec::new(),
            broken: Vec::new(),
            unanswered: Vec::new(),
            alarm: Deadline::Never,
            found: None,
            stamp: 0,
            has_ring: false,
            gathers: false,
            pace: Pace::new(),
            is_closed: false,
        }
    }

    /// Makes room for what so many operations may need; `ENOMEM` before any is taken.
    pub fn reserve(&mut self, count: usize) -> Result<()> {
        self.failed.clear();
        self.broken.clear();
        self.tidy_clock();
        let events = self.works.len() + count + MOST;
        let there_is = self.events.reserve(events)
            && self.works.reserve(count)
            && self.clock.reserve(count)
            && memory::grow(&mut self.batch, count).is_ok()
            && memory::grow(&mut self.grams, count).is_ok()
            && memory::grow(&mut self.leases, BATCH).is_ok()
            && memory::grow(&mut self.impatient, count).is_ok()
            && memory::grow(&mut self.closing, count).is_ok();
        if there_is { Ok(()) } else { Err(Error::ENOMEM) }
    }

    /// Whether there is nothing to report and nothing to try.
    pub fn is_idle(&self) -> bool {
        self.events.is_empty() && self.ready.is_empty() && self.impatient.is_empty()
    }

    /// Connections that were accepted and not reported.
    pub fn unreported(&mut self) -> Vec<i64> {
        let mut accepted = Vec::new();
        self.events.take(usize::MAX, |done| {
            if done.op == Verb::Accept as i64 && done.result > 0 {
                accepted.push(done.result);
            }
        });
        accepted
    }

    /// In a forked child: gives up the parent's operations.
    pub fn abandon(&mut self) {
        for work in self.works.drain() {
            match work.detail {
                // The descriptors of its attempts are closed already, where they are noted.
                Detail::Connect(connecting) => std::mem::forget(connecting),
                other => drop(other),
            }
        }
        self.batch.clear();
        self.grams.clear();
    }

    #[inline]
    pub fn emit(&mut self, done: Done) {
        self.events.push(done);
    }

    /// The last event of an operation.
    #[inline]
    pub fn finish(&mut self, head: &Head, result: i64, value: i64) {
        if result < 0 || !head.quiet {
            self.emit(Done { value, ..head.done(result) });
        }
    }

    pub fn next_stamp(&mut self) -> u64 {
        self.stamp += 1;
        self.stamp
    }

    /// The member of a handle; a handle that is none becomes one.
    #[inline]
    pub fn member(&mut self, number: i64) -> Result<u32> {
        match self.members.of(number) {
            Some(at) => match self.members.get(at) {
                Some(member) if member.slot.stands_for(number) => Ok(at),
                _ => Err(Error::EBADF),
            },
            None => self.join(number),
        }
    }

    #[cold]
    pub fn join(&mut self, number: i64) -> Result<u32> {
        let slot = lookup::pollable(number)?;
        let at = self.members.insert(Member::new(number, slot.slot()))?;
        let room = self.members.room();
        let there_is = [&mut self.ready, &mut self.ended, &mut self.starved]
            .into_iter()
            .all(|line| line.try_reserve_exact(room.saturating_sub(line.len())).is_ok());
        let joined = if there_is { watchers::add(&slot, self.shared.watcher) } else { Err(Error::ENOMEM) };
        // A close that came before the handle was marked has not seen the mark.
        let joined = joined.and(if slot.is_closed() { Err(Error::EBADF) } else { Ok(()) });
        joined.inspect_err(|_| {
            self.members.remove(at);
        })?;
        Ok(at)
    }

    /// Adds an operation to its member's line.
    pub fn enlist(&mut self, at: u32, head: Head, detail: Detail, timeout: i64) -> u32 {
        let stamp = self.next_stamp();
        let id = self.works.insert(head, detail, at, stamp);
        if let (Some(member), Some(which)) = (self.members.get_mut(at), Which::of(head.verb)) {
            self.works.push_back(which.line(member), id);
        }
        self.start_clock(id, timeout);
        id
    }

    /// Starts, or restarts, the deadline of an operation that waits.
    pub fn start_clock(&mut self, id: u32, timeout: i64) {
        let Some(work) = self.works.get_mut(id) else { return };
        match timeout {
            0 => self.impatient.push((id, work.stamp)),
            1.. => {
                let Deadline::At(when) = Deadline::after(timeout) else { return };
                work.time_limit = Some(Box::new(TimeLimit { timeout, deadline: Some(when), paused: None }));
                self.clock.add(Due { when, id, stamp: work.stamp });
            }
            _ => {}
        }
    }

    pub fn all_of(&self, at: u32) -> impl Iterator<Item = u32> + '_ {
        let lines = self.members.get(at).map(|member| {
            [&member.connects, &member.sends, &member.reads, &member.polls].map(|line| self.works.line(line))
        });
        lines.into_iter().flatten().flatten()
    }

    /// Hands the events to the caller, at most `capacity`; returns how many.
    pub fn report(&mut self, capacity: usize, mut report: impl FnMut(Done)) -> usize {
        let pool = &self.pool;
        self.events.take(capacity, |done| {
            if done.buffer != 0 {
                pool.hand_out(done.buffer);
            }
            report(done);
        })
    }

    /// Takes an operation out of its line and out of the slab.
    pub fn unlist(&mut self, id: u32) -> Option<Work> {
        let work = self.works.get(id)?;
        let (at, verb) = (work.member, work.head().verb);
        if let Detail::Send(sending) = &work.detail {
            let weight = sending.weight();
            if let Some(member) = self.members.get_mut(at) {
                member.waiting = member.waiting.saturating_sub(weight);
            }
        }
        if let (Some(member), Some(which)) = (self.members.get_mut(at), Which::of(verb)) {
            self.works.unlink(which.line(member), id);
        }
        self.resting.forget(id);
        self.works.remove(id)
    }

    /// Whether an operation waits for a connect that the same queue has taken before it.
    pub fn is_gated(&self, at: u32, id: u32) -> bool {
        let Some(member) = self.members.get(at) else { return true };
        if member.connects.is_empty() {
            return false;
        }
        match (self.works.get(member.connects.first), self.works.get(id)) {
            (Some(connect), Some(work)) => connect.stamp < work.stamp,
            _ => false,
        }
    }

    /// Puts a member into the list of those to be served.
    #[inline]
    pub fn note(&mut self, at: u32, found: Events) {
        if let Some(member) = self.members.get_mut(at) {
            member.found = member.found.or(found);
            if !std::mem::replace(&mut member.is_ready, true) {
                self.ready.push_back(at);
            }
        }
    }

    /// Something of a member has ended: whoever carries operations out goes on with what stood behind it (`go_on`).
    pub fn note_end(&mut self, at: u32) {
        if let Some(member) = self.members.get_mut(at) {
            if !std::mem::replace(&mut member.has_ended, true) {
                self.ended.push_back(at);
            }
        }
    }

    /// Puts operations that are ready without the kernel's report into the lists.
    pub fn look(&mut self, at: u32) {
        let Some(member) = self.members.get(at) else { return };
        let forced = readiness::forced(member.slot);
        if !forced.is_empty() {
            self.note(at, forced);
        }
    }

    /// Removes the deadlines of ended operations, once they are the most of the clock.
    fn tidy_clock(&mut self) {
        if self.clock.len() > 2 * self.works.len() + MOST {
            let works = &self.works;
            self.clock.retain(|due| works.get(due.id).is_some_and(|work| work.stamp == due.stamp));
        }
    }

    /// When the next deadline is due.
    pub fn next_due(&self) -> Deadline {
        self.clock.next().min(self.resting.next())
    }

    /// Has an operation looked at then.
    pub fn wake_up(&mut self, id: u32, stamp: u64, deadline: Deadline) {
        if let Deadline::At(when) = deadline {
            self.clock.add(Due { when, id, stamp });
        }
    }

    pub fn resume_clock(&mut self, id: u32) {
        let Some(work) = self.works.get_mut(id) else { return };
        let Some(time_limit) = &mut work.time_limit else { return };
        let Some(left) = time_limit.paused.take() else { return };
        if let Some(when) = Instant::now().checked_add(left) {
            time_limit.deadline = Some(when);
            let stamp = work.stamp;
            self.clock.add(Due { when, id, stamp });
        }
    }

    pub fn pause_clock(&mut self, id: u32) {
        let Some(time_limit) = self.works.get_mut(id).and_then(|work| work.time_limit.as_mut()) else {
            return;
        };
        if let Some(deadline) = time_limit.deadline.take() {
            time_limit.paused = Some(deadline.saturating_duration_since(Instant::now()));
        }
    }
}
