//! What a queue has, under its lock: operations are taken and ended here, and events wait in a line. Not here: how they are carried out
//! (`sends`, `reads`, `connecting`, `closes`, `timing`), and waiting (`queue`).

use crate::core::deadline::Deadline;
use crate::core::error::{Error, Result};
use crate::core::handle::lookup;
use crate::core::handle::slot::{Slot, Wait};
use crate::core::handle::table::Ref;
use crate::core::handle::watchers;
use crate::core::memory;
use crate::core::name::kind::Class;
use crate::core::queue::clock::{Clock, Due};
use crate::core::queue::engine::Found;
use crate::core::queue::event_list::EventList;
use crate::core::queue::member::{Member, Members};
use crate::core::queue::pace::Pace;
use crate::core::queue::pool::{Lease, Pool};
use crate::core::queue::record::{Caller, Done, Head, Op, Verb, flag as bit};
use crate::core::queue::resting::Resting;
use crate::core::queue::sending::Batched;
use crate::core::queue::shared::Shared;
use crate::core::queue::work::{Detail, Line, NONE, Ticks, TimeLimit, Works};
use crate::core::readiness;
use crate::core::socket::life;
use crate::sys::{BATCH, Call, Events};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

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

/// A handle that a CLOSE has taken and that others still have to hear of, which is done without the lock.
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
    /// Operations that the kernel calls ready in vain.
    pub resting: Resting,
    /// Members that are to be served, the longest waiting first.
    pub ready: VecDeque<u32>,
    /// Those that wait for a buffer, the longest waiting first.
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
    /// Names that were looked up and wait for a buffer.
    pub unanswered: Vec<(u32, u64)>,
    /// When the queue's descriptor becomes readable by itself.
    pub alarm: Deadline,
    /// The room for what the engine finds.
    pub found: Option<Found>,
    pub stamp: u64,
    /// Many transfers can go by one system call.
    pub has_ring: bool,
    /// The writes of this run may be so many.
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
            && self.batch.try_reserve(count).is_ok()
            && self.grams.try_reserve(count).is_ok()
            && self.leases.try_reserve(BATCH).is_ok()
            && self.impatient.try_reserve(count).is_ok()
            && self.closing.try_reserve(count).is_ok();
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

    /// In a forked child: what can be given back of the parent's operations is.
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

    /// Takes an operation.
    #[inline]
    pub fn take(&mut self, op: &Op, caller: &impl Caller) {
        // What there is most of goes the shortest way.
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

    /// The member of a handle, which it becomes if it is none yet.
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
        let there_is = [&mut self.ready, &mut self.starved]
            .into_iter()
            .all(|line| line.try_reserve_exact(room.saturating_sub(line.len())).is_ok());
        let joined = if there_is { watchers::add(&slot, self.shared.watcher) } else { Err(Error::ENOMEM) };
        // A close that came before the note was there has not seen it.
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

    /// An operation begins to wait, or waits anew.
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

    pub fn take_read(&mut self, op: &Op, head: Head) -> Result<()> {
        let wait = if head.verb == Verb::Accept { Wait::Accept } else { Wait::Read };
        let length = u32::try_from(op.length.min(i64::from(u32::MAX))).map_err(|_| Error::EINVAL)?;
        let at = self.member(op.handle)?;
        let Some(member) = self.members.get(at) else { return Err(Error::EBADF) };
        if head.verb == Verb::ReceiveFrom && member.slot.class() != Class::Socket {
            return Err(Error::ENOTSOCK);
        }
        let last = self.works.get(self.works.last(&member.reads));
        if last.is_some_and(|last| last.head().multi) {
            return Err(Error::EBUSY);
        }
        let detail = match head.verb {
            Verb::Accept => Detail::Accept,
            _ => Detail::Receive { length, brought: 0 },
        };
        let slot = member.slot;
        let timeout = slot.ruling_timeout(wait);
        // What the kernel knows all of is told by the engine, in this run; the others are tried.
        let fits = slot.is_listening() == (head.verb == Verb::Accept);
        let is_tried = timeout == 0 || !fits || !readiness::is_plain(slot);
        self.enlist(at, head, detail, timeout);
        if is_tried {
            self.note(at, Events::READ);
        }
        self.sync(at);
        Ok(())
    }

    pub fn take_poll(&mut self, op: &Op, head: Head) -> Result<()> {
        let events = i32::try_from(op.value).map_err(|_| Error::EINVAL)?;
        if events == 0 || events & !Events::ALL.0 != 0 {
            return Err(Error::EINVAL);
        }
        let at = self.member(op.handle)?;
        self.enlist(at, head, Detail::Poll(events), -1);
        self.look(at);
        self.sync(at);
        Ok(())
    }

    pub fn take_timer(&mut self, op: &Op, head: Head) -> Result<()> {
        let period = u64::try_from(op.value).map_err(|_| Error::EINVAL)?;
        if period == 0 && head.multi {
            return Err(Error::EINVAL);
        }
        let stamp = self.next_stamp();
        let now = Instant::now();
        // A moment that the clock can't express never comes.
        let next = now.checked_add(Duration::from_micros(period));
        let ticks = head.multi.then(|| Box::new(Ticks { next: next.unwrap_or(now), period }));
        let id = self.works.insert(head, Detail::Timer(ticks), NONE, stamp);
        if let Some(when) = next {
            self.clock.add(Due { when, id, stamp });
        }
        Ok(())
    }

    pub fn take_shutdown(&mut self, op: &Op, head: Head) -> Result<()> {
        let how = i32::try_from(op.value).map_err(|_| Error::EINVAL)?;
        life::halves(how)?;
        let at = self.member(op.handle)?;
        self.queue_up(at, head, Detail::Shutdown(how), -1);
        Ok(())
    }

    pub fn end_all(&mut self, at: u32, error: Error) {
        // Nothing that is to end goes because what was before it has ended.
        self.hold(&[at], true);
        for which in Which::ALL {
            self.end_line(at, which, error);
        }
        self.hold(&[at], false);
    }

    fn first_of(&mut self, at: u32, which: Which) -> Option<u32> {
        let line = which.line(self.members.get_mut(at)?);
        (!line.is_empty()).then_some(line.first)
    }

    pub fn end_line(&mut self, at: u32, which: Which, error: Error) {
        while let Some(id) = self.first_of(at, which) {
            self.end(id, error);
        }
    }

    /// Ends an operation before its time.
    pub fn end(&mut self, id: u32, error: Error) {
        let Some(work) = self.unlist(id) else { return };
        let (at, head) = (work.member, work.head());
        match work.detail {
            Detail::Send(sending) => {
                let broken = self.sent(&head, *sending, Err(error));
                self.after_failure(at, broken);
            }
            Detail::Close => {
                self.reopen(at);
                self.finish(&head, error.code(), 0);
                self.pass_turn(at);
            }
            Detail::Shutdown(_) => {
                self.finish(&head, error.code(), 0);
                self.pass_turn(at);
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
                if at != NONE {
                    self.sync(at);
                }
            }
        }
    }

    pub fn take_cancel(&mut self, op: &Op, head: Head) -> Result<()> {
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
        let known = |id: &u32| self.works.get(*id).map(|work| (work.stamp, *id, work.member));
        let mut victims = memory::list(victims.iter().filter_map(known))?;
        victims.sort_unstable();
        // The end of one must not let the next go, which is to end as well.
        let members = memory::list(victims.iter().map(|(_, _, member)| *member))?;
        self.finish(&head, victims.len() as i64, 0);
        self.hold(&members, true);
        for (stamp, id, _) in victims {
            if self.works.get(id).is_some_and(|work| work.stamp == stamp) {
                self.end(id, Error::ECANCELED);
            }
        }
        self.hold(&members, false);
        for at in members {
            self.pass_turn(at);
        }
        Ok(())
    }

    /// Nothing of these is sent meanwhile.
    pub fn hold(&mut self, members: &[u32], begins: bool) {
        for at in members {
            if let Some(member) = self.members.get_mut(*at) {
                debug_assert!(begins || member.holds > 0, "a hold ends that has not begun");
                member.holds = if begins { member.holds + 1 } else { member.holds.saturating_sub(1) };
            }
        }
    }

    pub fn all_of(&self, at: u32) -> impl Iterator<Item = u32> + '_ {
        let lines = self.members.get(at).map(|member| {
            [&member.connects, &member.sends, &member.reads, &member.polls].map(|line| self.works.line(line))
        });
        lines.into_iter().flatten().flatten()
    }

    /// Moves events to where the caller wants them; how many.
    pub fn report(&mut self, capacity: usize, mut report: impl FnMut(Done)) -> usize {
        let pool = &self.pool;
        self.events.take(capacity, |done| {
            if done.buffer != 0 {
                pool.hand_out(done.buffer);
            }
            report(done);
        })
    }
}
