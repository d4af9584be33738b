//! Serving those that are ready: reads, accepts and polls, each its share in a run. Not here: how a member gets to be ready
//! (`watching`).

use crate::core::deadline::Deadline;
use crate::core::error::{Error, Result};
use crate::core::handle::slot::{Phase, Slot, flag};
use crate::core::handle::table::Ref;
use crate::core::name::packed::Flat;
use crate::core::queue::datagrams;
use crate::core::queue::pace::FEW;
use crate::core::queue::pool::Lease;
use crate::core::queue::record::{Done, Verb, flag as bit};
use crate::core::queue::state::{MOST, PlainRead, State};
use crate::core::queue::work::{Detail, Mark, NONE};
use crate::core::readiness;
use crate::core::socket::{listen, transfer};
use crate::sys::{BATCH, Call, Events};
use socket2::SockAddr;

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
                let outcome = transfer::take_plainly(read.slot, self.pool.room(&read.lease, read.length));
                self.received_plainly(read, outcome);
                room = room.saturating_sub(self.events.len().saturating_sub(before));
                continue;
            }
            let Some(member) = self.members.get_mut(at) else { continue };
            member.is_ready = false;
            let found = std::mem::take(&mut member.found);
            // Writing is the pump's.
            if !member.polls.is_empty() {
                self.serve_polls(at, found, &mut room);
            }
            if found.any(Events::READ) && room > 0 {
                self.serve_reads(at, room);
            } else if found.any(Events::READ) {
                self.note(at, found.and(Events::READ));
            }
            self.look_after(at);
            if self.members.get_mut(at).is_some_and(|member| std::mem::take(&mut member.is_fed)) {
                // It had no use for the buffer.
                self.feed();
            }
            room = room.saturating_sub(self.events.len().saturating_sub(before));
        }
    }

    /// Serves by one system call those of whom nothing is wanted but bytes of a stream. The others stay in their line.
    fn read_at_once(&mut self, room: usize) {
        let most = room.min(self.ready.len());
        if self.calls.try_reserve(most).is_err() || self.reads.try_reserve(most).is_err() {
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
                Some(outcome) => transfer::taken(read.slot, room, outcome),
                None => transfer::take_plainly(read.slot, room),
            };
            self.received_plainly(read, outcome);
        }
        (self.calls, self.reads) = (calls, reads);
    }

    /// Begins the read of a member if it is one system call.
    #[inline]
    fn begin_read(&mut self, at: u32) -> Option<PlainRead> {
        let member = self.members.get_mut(at)?;
        if !member.reads_plainly() || !self.starved.is_empty() || !transfer::takes_plainly(member.slot) {
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

    /// What has come of it: mostly bytes, for a read that goes on.
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

    /// What is ready without the kernel's word is so in the next run too.
    pub fn look_after(&mut self, at: u32) {
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

    pub fn is_polled(&self, at: u32, found: Events) -> bool {
        let Some(member) = self.members.get(at) else { return false };
        let is_due = |id| match self.works.get(id).map(|work| &work.detail) {
            Some(Detail::Poll(events)) => found.any(Events(*events)),
            _ => false,
        };
        self.works.line(&member.polls).any(is_due)
    }

    pub fn serve_polls(&mut self, at: u32, found: Events, room: &mut usize) {
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
        let mut told = false;
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
            told = true;
        }
        if !told && found.any(Events::HANGUP.or(Events::ERROR)) {
            // Only what nobody asked for is left, and the kernel would tell it for ever.
            self.park(at);
        } else {
            self.sync(at);
        }
    }

    pub fn park(&mut self, at: u32) {
        let tag = self.members.tag(at);
        let (Some(member), Some(engine)) = (self.members.get_mut(at), self.shared.engine()) else { return };
        if member.reads.is_empty() && !member.is_blocked && !member.watched.is_empty() {
            let _ = engine.watch(member.watched_fd(), tag, member.watched, Events::NONE);
            member.watched = Events::NONE;
        }
    }

    /// Serves the reads of a member: a stream once, others several times.
    pub fn serve_reads(&mut self, at: u32, room: usize) {
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

    pub fn receive(&mut self, at: u32, id: u32, slot: &Ref, length: usize) -> bool {
        let is_fed = self.members.get_mut(at).is_some_and(|member| std::mem::take(&mut member.is_fed));
        // Those that wait for a buffer come first.
        let lease = if is_fed || self.starved.is_empty() { self.pool.take() } else { None };
        let Some(lease) = lease else { return self.starve(at, id, slot) };
        let named = self.works.get(id).is_some_and(|work| work.head().verb == Verb::ReceiveFrom);
        let length = self.pool.length(length);
        let room = self.pool.room(&lease, length);
        let outcome = match named {
            false if slot.kind().is_byte_stream() => {
                transfer::take_now(slot, room).map(|count| (count, None))
            }
            _ => transfer::take_datagram(slot, room, named),
        };
        self.received(id, slot, lease, length, outcome)
    }

    /// What a receive has come to; whether there may be more.
    pub fn received(
        &mut self,
        id: u32,
        slot: &Slot,
        lease: Lease,
        length: usize,
        outcome: Result<(usize, Option<SockAddr>)>,
    ) -> bool {
        let Some(work) = self.works.get_mut(id) else {
            self.give(lease);
            return false;
        };
        let (head, named) = (work.head(), work.head().verb == Verb::ReceiveFrom);
        let Detail::Receive { brought, .. } = &mut work.detail else { return false };
        let (count, sender) = match outcome {
            Ok(received) => received,
            Err(error) => {
                self.give(lease);
                return self.after_read(id, Err(error));
            }
        };
        let ends = count == 0 && (transfer::has_end(slot) || slot.has(flag::SHUT_READ));
        let cut = count > length;
        let count = count.min(length);
        let mut done = head.done(count as i64);
        if !named {
            done.value = *brought as i64;
        }
        *brought += count as u64;
        if cut {
            done.flags |= bit::CUT;
        }
        if ends || (count == 0 && !named) {
            self.give(lease);
        } else {
            done.data = self.pool.address(&lease);
            if named {
                done.value = self.pool.put_address(&lease, &sender.as_ref().map_or(Flat::NONE, Flat::from));
            }
            done.buffer = self.pool.name(lease);
        }
        if ends {
            self.unlist(id);
            self.emit(done);
            return false;
        }
        self.after_read(id, Ok(done))
    }

    /// What a read has come to; whether there may be more.
    pub fn after_read(&mut self, id: u32, outcome: Result<Done>) -> bool {
        match outcome {
            Ok(mut done) => {
                let Some(work) = self.works.get_mut(id) else { return false };
                if work.head().multi {
                    done.flags |= bit::MORE;
                    work.mark = Mark::Served;
                    self.resting.forget(id);
                    if let Some(time_limit) = &mut work.time_limit {
                        if let Deadline::At(when) = Deadline::after(time_limit.timeout) {
                            time_limit.deadline = Some(when);
                        }
                    }
                } else {
                    self.unlist(id);
                }
                self.emit(done);
                true
            }
            Err(Error::EAGAIN) => {
                self.tried_in_vain(id);
                false
            }
            Err(error) => {
                self.end(id, error);
                // An error that ends nothing may have been the first read's alone.
                true
            }
        }
    }

    /// A buffer is free for the one that has waited longest.
    pub fn feed(&mut self) {
        while !self.pool.is_empty() {
            let Some(at) = self.starved.pop_front() else { return };
            let Some(member) = self.members.get_mut(at) else { continue };
            member.is_starved = false;
            member.is_fed = true;
            member.found = member.found.or(Events::READ);
            if !std::mem::replace(&mut member.is_ready, true) {
                self.ready.push_front(at);
            }
            let first = member.reads.first;
            return self.resume_clock(first);
        }
    }

    /// There is no buffer. The end of a stream and an error need none.
    #[cold]
    pub fn starve(&mut self, at: u32, id: u32, slot: &Ref) -> bool {
        match transfer::look_ahead(slot) {
            Ok(0) if transfer::has_end(slot) => {
                if let Some(work) = self.unlist(id) {
                    let brought = if let Detail::Receive { brought, .. } = work.detail { brought } else { 0 };
                    let value = if work.head().verb == Verb::Read { brought as i64 } else { 0 };
                    self.emit(Done { value, ..work.head().done(0) });
                }
                false
            }
            Ok(_) => {
                self.pause_clock(id);
                let member = self.members.get_mut(at);
                if member.is_some_and(|member| !std::mem::replace(&mut member.is_starved, true)) {
                    self.starved.push_back(at);
                }
                self.sync(at);
                false
            }
            Err(error) => self.after_read(id, Err(error)),
        }
    }
}
