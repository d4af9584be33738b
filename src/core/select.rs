//! select: three sets in, the ready ones left in them. This file decides what is asked and what is
//! answered; the waiting itself is `wait`, the meaning of ready is `readiness`.

use super::deadline::{self, Deadline};
use super::error::{Error, Result};
use super::readiness;
use super::table::{self, Phase, Ref, flag};
use super::wait::Watch;
use crate::sys::{Events, Fd, PollFd};
use std::cell::Cell;

/// What each of the three sets asks for, in their order.
const ASKED: [Events; 3] = [Events::READ, Events::WRITE, Events::EXCEPT];

/// The three sets. They must not overlap.
pub type Sets<'a> = [&'a mut [i64]; 3];

/// One handle of the sets, once. While it lives, its slot counts as watched.
#[derive(Debug)]
struct Member {
    slot: Ref,
    asked: Events,
    ready: Events,
    /// The kernel reports what nobody asked for, for ever: not asked again in this call.
    parked: bool,
}

impl Drop for Member {
    fn drop(&mut self) {
        self.slot.unwatch();
    }
}

/// Memory that one call leaves to the next call of the same thread.
#[derive(Default)]
struct Scratch {
    members: Vec<Member>,
    entries: Vec<PollFd>,
    /// Slot to place in `members`; an entry counts only if that place holds that slot.
    places: Vec<u32>,
}

thread_local! {
    static SCRATCH: Cell<Scratch> = const { Cell::new(Scratch { members: Vec::new(), entries: Vec::new(), places: Vec::new() }) };
}

/// Waits until a member of a set is ready. On success the sets hold, in their old order, just the ready
/// ones, and the result is how many each holds; on an error they are untouched.
pub fn select(sets: &mut Sets<'_>, timeout_us: i64) -> Result<[usize; 3]> {
    let deadline = Deadline::after(deadline::check(timeout_us)?);
    let mut scratch = SCRATCH.try_with(Cell::take).unwrap_or_default();
    let outcome = scratch.run(sets, deadline);
    scratch.members.clear();
    let _ = SCRATCH.try_with(|kept| kept.set(scratch));
    outcome
}

impl Scratch {
    fn run(&mut self, sets: &mut Sets<'_>, deadline: Deadline) -> Result<[usize; 3]> {
        self.gather(sets)?;
        match self.wait(deadline) {
            Ok(()) | Err(Error::ETIMEDOUT | Error::EAGAIN) => Ok(self.answer(sets)),
            Err(error) => Err(error),
        }
    }

    fn gather(&mut self, sets: &Sets<'_>) -> Result<()> {
        self.members.clear();
        for (set, asked) in sets.iter().zip(ASKED) {
            self.members.try_reserve(set.len()).map_err(|_| Error::ENOMEM)?;
            for number in set.iter() {
                self.add(*number, asked)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, number: i64, asked: Events) -> Result<()> {
        let slot = table::get(number)?;
        if slot.has(flag::POLLER) {
            return Err(Error::EOPNOTSUPP);
        }
        let index = slot.handle().index as usize;
        if let Some(member) = self.place(index) {
            self.members[member].asked = self.members[member].asked.or(asked);
            return Ok(());
        }
        if index >= self.places.len() {
            let more = index + 1 - self.places.len();
            self.places.try_reserve(more).map_err(|_| Error::ENOMEM)?;
            self.places.resize(index + 1, 0);
        }
        self.places[index] = self.members.len() as u32;
        slot.watch();
        self.members.push(Member { slot, asked, ready: Events::NONE, parked: false });
        Ok(())
    }

    fn place(&self, index: usize) -> Option<usize> {
        let place = *self.places.get(index)? as usize;
        let member = self.members.get(place)?;
        (member.slot.handle().index as usize == index).then_some(place)
    }

    fn wait(&mut self, deadline: Deadline) -> Result<()> {
        let interruptible = self.members.iter().any(|member| member.slot.has(flag::INTERRUPTIBLE));
        self.entries.clear();
        self.entries.try_reserve(self.members.len() + 1).map_err(|_| Error::ENOMEM)?;
        let watch = Watch::many(interruptible);
        loop {
            let forced = self.ask(&watch)?;
            let until = if forced { Deadline::Now } else { deadline };
            let outcome = watch.poll(&mut self.entries, until);
            if self.collect() {
                return Ok(());
            }
            if self.members.iter().any(|member| member.slot.is_closed()) {
                return Err(Error::ECANCELED);
            }
            match outcome {
                // What was forced has gone in the meantime.
                Err(Error::EAGAIN) if deadline != Deadline::Now => {}
                other => other.map(drop)?,
            }
        }
    }

    /// Fills in the entries; whether something is ready without the kernel's word.
    fn ask(&mut self, watch: &Watch) -> Result<bool> {
        let mut forced = false;
        self.entries.clear();
        for member in &self.members {
            if member.slot.is_closed() {
                return Err(Error::ECANCELED);
            }
            forced |= readiness::forced(&member.slot).any(member.asked);
            let silent = member.parked || !readiness::in_kernel(&member.slot);
            let fd = if silent { Fd::NONE } else { member.slot.fd() };
            self.entries.push(PollFd::new(fd, member.asked));
        }
        self.entries.push(watch.entry());
        Ok(forced)
    }

    /// Takes in what the kernel said; whether any member is ready.
    fn collect(&mut self) -> bool {
        let mut any = false;
        for (member, entry) in self.members.iter_mut().zip(&self.entries) {
            let mut found = entry.ready();
            if !found.is_empty() && readiness::advance_connect(&member.slot) == Phase::Failed {
                found = Events::NONE;
            }
            member.ready = found.or(readiness::forced(&member.slot)).and(member.asked);
            member.parked |= !found.is_empty() && member.ready.is_empty();
            any |= !member.ready.is_empty();
        }
        any
    }

    /// Leaves in each set, in the old order and once each, those that are ready.
    fn answer(&mut self, sets: &mut Sets<'_>) -> [usize; 3] {
        let mut counts = [0; 3];
        for ((set, asked), count) in sets.iter_mut().zip(ASKED).zip(&mut counts) {
            *count = self.compact(set, asked);
        }
        counts
    }

    fn compact(&mut self, set: &mut [i64], asked: Events) -> usize {
        let mut kept = 0;
        for place in 0..set.len() {
            let Some(handle) = super::handle::Handle::decode(set[place]) else { continue };
            let Some(member) = self.place(handle.index as usize) else { continue };
            let ready = &mut self.members[member].ready;
            if ready.any(asked) {
                // Told once, however often it stands in the set.
                *ready = Events(ready.0 & !asked.0);
                set[kept] = set[place];
                kept += 1;
            }
        }
        kept
    }
}
