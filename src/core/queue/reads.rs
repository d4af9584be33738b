//! Serves the members that are ready: reads, accepts and polls, each its share in a run. Not here: how a member becomes ready
//! (`news`).

use crate::core::error::{Error, Result};
use crate::core::handle::slot::{Phase, Wait};
use crate::core::handle::table::Ref;
use crate::core::memory;
use crate::core::name::kind::Class;
use crate::core::queue::datagrams;
use crate::core::queue::pace::FEW;
use crate::core::queue::record::{Done, Head, Op, Verb, flag as bit};
use crate::core::queue::state::{MOST, PlainRead, State};
use crate::core::queue::work::{Detail, Mark, NONE};
use crate::core::readiness;
use crate::core::socket::{listen, transfer};
use crate::sys::{BATCH, Call, Events};

impl State {
    /// Serves those that are ready, each once, at most so many of them, and as far as there is room for events.
    pub fn serve(&mut self, capacity: usize, most: usize) {
        let mut room = capacity.saturating_sub(self.events.len());
        if self.ready.len().min(most) > FEW && room > FEW && self.has_ring {
            self.read_at_once(room);
            room = capacity.saturating_sub(self.events.len());
        }
        for _ in 0..self.ready.len().min(most) {
            if room == 0 {
                return;
            }
            let Some(at) = self.ready.pop_front() else { return };
            let before = self.events.len();
            if let Some(read) = self.begin_read(at) {
                let outcome =
                    transfer::try_receive_plainly(read.slot, self.pool.room(&read.lease, read.length));
                self.received_plainly(read, outcome);
                room = room.saturating_sub(self.events.len().saturating_sub(before));
                continue;
            }
            let Some(member) = self.members.get_mut(at) else { continue };
            member.is_ready = false;
            let found = std::mem::take(&mut member.found);
            // Writes are for `pump`.
            if !member.polls.is_empty() {
                self.serve_polls(at, found, &mut room);
            }
            if found.any(Events::READ) && room > 0 {
                self.serve_reads(at, room);
            } else if found.any(Events::READ) {
                self.note(at, found.and(Events::READ));
            }
            self.look_after(at);
            if self.members.get_mut(at).is_some_and(|member| std::mem::take(&mut member.gets_buffer)) {
                // It had no use for the buffer.
                self.resume_starved();
            }
            room = room.saturating_sub(self.events.len().saturating_sub(before));
        }
    }

    /// Serves, by one system call for all, the ready members that only have plain reads. The others stay in the list.
    fn read_at_once(&mut self, room: usize) {
        let most = room.min(self.ready.len());
        if memory::grow(&mut self.calls, most).is_err() || memory::grow(&mut self.reads, most).is_err() {
            return;
        }
        let (mut calls, mut reads) = (std::mem::take(&mut self.calls), std::mem::take(&mut self.reads));
        for _ in 0..self.ready.len() {
            let Some(at) = self.ready.pop_front() else { break };
            match if reads.len() < room { self.begin_read(at) } else { None } {
                Some(read) => {
                    calls.push(Call::receive(read.slot.fd(), self.pool.target(&read.lease, read.length)));
                    reads.push(read);
                }
                None => self.ready.push_back(at),
            }
        }
        self.shared.carry_out(&mut calls);
        for (read, call) in reads.drain(..).zip(calls.drain(..)) {
            let room = self.pool.room(&read.lease, read.length);
            let outcome = match call.outcome {
                Some(outcome) => transfer::finish_receive(read.slot, room, outcome),
                None => transfer::try_receive_plainly(read.slot, room),
            };
            self.received_plainly(read, outcome);
        }
        (self.calls, self.reads) = (calls, reads);
    }

    /// Begins the read of a member if it is one system call.
    #[inline]
    fn begin_read(&mut self, at: u32) -> Option<PlainRead> {
        let member = self.members.get_mut(at)?;
        if !member.reads_plainly() || !self.starved.is_empty() || !transfer::receives_plainly(member.slot) {
            return None;
        }
        let (id, slot) = (member.reads.first, member.slot);
        let work = self.works.get(id).filter(|work| work.head().verb == Verb::Read)?;
        let Detail::Receive { length, .. } = work.detail else { return None };
        let lease = self.pool.take()?;
        member.found = Events::NONE;
        member.is_ready = false;
        Some(PlainRead { id, slot, lease, length: self.pool.length(length as usize) })
    }

    /// Handles the outcome: mostly bytes, for a MULTI read.
    #[inline]
    fn received_plainly(&mut self, read: PlainRead, outcome: Result<usize>) {
        let PlainRead { id, slot, lease, length } = read;
        match (outcome, self.works.get_mut(id)) {
            (Ok(count @ 1..), Some(work)) if work.head().multi && work.time_limit.is_none() => {
                let mut done = work.head().done(count as i64);
                if let Detail::Receive { brought, .. } = &mut work.detail {
                    done.value = *brought as i64;
                    *brought += count as u64;
                }
                work.mark = Mark::Served;
                done.flags = bit::MORE;
                done.data = self.pool.address(&lease);
                done.buffer = self.pool.name(lease);
                self.emit(done);
            }
            (outcome, _) => {
                self.received(id, slot, lease, length, outcome.map(|count| (count, None)));
            }
        }
    }

    /// A POLL that is ready without the kernel's report is ready in the next run too.
    fn look_after(&mut self, at: u32) {
        let Some(member) = self.members.get(at) else { return };
        if readiness::is_plain(member.slot) {
            return;
        }
        let (reads, polls) = (!member.reads.is_empty(), !member.polls.is_empty());
        let forced = readiness::forced(member.slot);
        if (reads && forced.any(Events::READ)) || (polls && self.is_polled(at, forced)) {
            self.note(at, forced);
        }
        self.sync(at);
    }

    fn is_polled(&self, at: u32, found: Events) -> bool {
        let Some(member) = self.members.get(at) else { return false };
        let is_due = |id| match self.works.get(id).map(|work| &work.detail) {
            Some(Detail::Poll(events)) => found.any(Events(*events)),
            _ => false,
        };
        self.works.line(&member.polls).any(is_due)
    }

    fn serve_polls(&mut self, at: u32, found: Events, room: &mut usize) {
        let Some(member) = self.members.get(at) else { return };
        let slot = member.slot;
        let found = match slot.phase() {
            Phase::Connecting if !found.is_empty() => {
                readiness::advance_connect(slot);
                found.or(readiness::forced(slot))
            }
            Phase::Failed => readiness::forced(slot),
            _ => found.or(readiness::forced(slot)),
        };
        let mut reported = false;
        let mut next = member.polls.first;
        while next != NONE {
            let id = next;
            next = self.works.after(id);
            let Some(work) = self.works.get(id) else { continue };
            let Detail::Poll(events) = work.detail else { continue };
            let due = found.and(Events(events));
            if due.is_empty() || self.is_gated(at, id) {
                continue;
            }
            if *room == 0 {
                return self.note(at, found);
            }
            let head = work.head();
            let result = due.or(found.and(Events::HANGUP.or(Events::ERROR))).0;
            if !head.multi {
                self.unlist(id);
            }
            self.emit(Done { flags: if head.multi { bit::MORE } else { 0 }, ..head.done(result.into()) });
            *room -= 1;
            reported = true;
        }
        if !reported && found.any(Events::HANGUP.or(Events::ERROR)) {
            // Only conditions that no operation waits for are left, and the kernel would report them in every wait.
            self.park(at);
        } else {
            self.sync(at);
        }
    }

    fn park(&mut self, at: u32) {
        let tag = self.members.tag(at);
        let (Some(member), Some(engine)) = (self.members.get_mut(at), self.shared.engine()) else { return };
        if member.reads.is_empty() && !member.is_blocked && !member.watched.is_empty() {
            let _ = engine.watch(member.watched_fd(), tag, member.watched, Events::NONE);
            member.watched = Events::NONE;
        }
    }

    /// Serves the reads of a member: a stream once, others several times.
    fn serve_reads(&mut self, at: u32, room: usize) {
        let mut most = room.min(MOST);
        let mut rooms = datagrams::FIRST;
        while most > 0 {
            let Some(member) = self.members.get(at) else { return };
            let id = member.reads.first;
            if id == NONE || self.is_gated(at, id) {
                break;
            }
            if let Some((count, may_be_more)) = self.receive_many(at, id, rooms.min(most)) {
                most -= count;
                rooms = BATCH;
                match may_be_more {
                    true => continue,
                    false => break,
                }
            }
            let Some(member) = self.members.get(at) else { return };
            let is_stream = member.slot.kind().is_byte_stream() && !member.slot.is_listening();
            if !self.read_once(at, id) || is_stream {
                break;
            }
            most -= 1;
        }
        if most == 0 {
            self.note(at, Events::READ);
        }
        let idle = self.members.get(at).is_some_and(|member| member.reads.is_empty());
        if !idle {
            self.sync(at);
        }
    }

    /// Reads or accepts once; whether there may be more.
    #[inline]
    pub fn read_once(&mut self, at: u32, id: u32) -> bool {
        let Some(member) = self.members.get(at) else { return false };
        let Ok(slot) = member.open() else { return false };
        let Some(work) = self.works.get(id) else { return false };
        match work.detail {
            Detail::Accept => {
                let head = work.head();
                let outcome = listen::accept_now(slot);
                self.after_read(id, outcome.map(|handle| head.done(handle)))
            }
            Detail::Receive { length, .. } => self.receive(at, id, &slot, length as usize),
            _ => false,
        }
    }

    fn receive(&mut self, at: u32, id: u32, slot: &Ref, length: usize) -> bool {
        let gets_buffer =
            self.members.get_mut(at).is_some_and(|member| std::mem::take(&mut member.gets_buffer));
        // Those that wait for a buffer come first.
        let lease = if gets_buffer || self.starved.is_empty() { self.pool.take() } else { None };
        let Some(lease) = lease else { return self.starve(at, id, slot) };
        let named = self.works.get(id).is_some_and(|work| work.head().verb == Verb::ReceiveFrom);
        let length = self.pool.length(length);
        let room = self.pool.room(&lease, length);
        let outcome = match named {
            false if slot.kind().is_byte_stream() => {
                transfer::try_receive(slot, room).map(|count| (count, None))
            }
            _ => transfer::try_receive_datagram(slot, room, named),
        };
        self.received(id, slot, lease, length, outcome)
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
        // Where the kernel knows all of the readiness, the engine reports it in this run; other handles are tried.
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
}
