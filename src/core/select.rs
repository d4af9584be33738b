//! select: three sets in, the ready ones left in them. It asks the kernel about every member, as poll(2)
//! does: first a glance that holds nothing and waits for nothing; only a call that must wait takes references
//! and announces itself to closers. Not here: what ready means (`readiness`), how a wait is woken (`wait`).

use super::deadline::{self, Deadline};
use super::error::{Error, Result};
use super::handle::Handle;
use super::readiness;
use super::table::{self, Phase, Ref, Slot, flag};
use super::wait::Watch;
use crate::sys::{self, Events, Fd, PollFd};
use std::cell::RefCell;
use std::time::Duration;

/// What each of the three sets asks for, in their order.
const ASKED: [Events; 3] = [Events::READ, Events::WRITE, Events::EXCEPT];

/// The three sets. They must not overlap.
pub type Sets<'a> = [&'a mut [i64]; 3];

/// How many handles each set holds.
pub type Counts = [usize; 3];

thread_local! {
    static SWEEP: RefCell<Sweep> = RefCell::default();
}

/// Waits until a member of a set is ready. On success the sets hold, in their old order, just the ready
/// ones, and the result is how many each holds; on an error they are untouched.
pub fn select(sets: &mut Sets<'_>, timeout_us: i64) -> Result<Counts> {
    let deadline = Deadline::after(deadline::check(timeout_us)?);
    let own = SWEEP.try_with(|own| Some(own.try_borrow_mut().ok()?.select(sets, deadline)));
    match own {
        Ok(Some(outcome)) => outcome,
        // A thread that is ending, or a signal handler that came in the middle of another select.
        _ => Sweep::default().select(sets, deadline),
    }
}

/// One handle of the sets, once.
#[derive(Debug)]
struct Member {
    handle: Handle,
    slot: &'static Slot,
    asked: Events,
    ready: Events,
    /// The kernel reports what nobody asked for, for ever: not asked again in this call.
    parked: bool,
}

impl Member {
    fn is_open(&self) -> bool {
        self.slot.is_open_as(self.handle)
    }

    /// What the poll is asked. A socket of which the kernel's word does not count is passed over.
    fn entry(&self) -> PollFd {
        let silent = self.parked || !readiness::in_kernel(self.slot);
        PollFd::new(if silent { Fd::NONE } else { self.slot.fd() }, self.asked)
    }

    /// Takes in what the kernel found; whether the member is ready.
    fn collect(&mut self, found: Events) -> bool {
        let mut found = found;
        if !found.is_empty() && self.slot.phase() == Phase::Connecting {
            found = self.after_connect(found);
        }
        self.ready = found.or(readiness::forced(self.slot)).and(self.asked);
        self.parked |= !found.is_empty() && self.ready.is_empty();
        !self.ready.is_empty()
    }

    /// The kernel may have decided a connect. Of one that failed the handle knows more than the kernel.
    fn after_connect(&self, found: Events) -> Events {
        let failed = table::get(self.handle.encode())
            .is_ok_and(|slot| readiness::advance_connect(&slot) == Phase::Failed);
        if failed { Events::NONE } else { found }
    }
}

/// Memory for one call, kept for the next.
#[derive(Default)]
struct Sweep {
    members: Vec<Member>,
    entries: Vec<PollFd>,
    /// Slot to place in `members`; a place counts only if the member there has that slot.
    places: Vec<u32>,
}

impl Sweep {
    fn select(&mut self, sets: &mut Sets<'_>, deadline: Deadline) -> Result<Counts> {
        self.gather(sets)?;
        if self.glance()? || deadline == Deadline::Now {
            return Ok(self.answer(sets));
        }
        match self.wait(deadline) {
            Ok(()) | Err(Error::ETIMEDOUT) => Ok(self.answer(sets)),
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
        let (handle, slot) = table::peek(number)?;
        if let Some(member) = self.place(handle) {
            self.members[member].asked = self.members[member].asked.or(asked);
            return Ok(());
        }
        if slot.has(flag::POLLER) {
            return Err(Error::EOPNOTSUPP);
        }
        let index = handle.index as usize;
        if index >= self.places.len() {
            self.make_places(index + 1)?;
        }
        self.places[index] = self.members.len() as u32;
        self.members.push(Member { handle, slot, asked, ready: Events::NONE, parked: false });
        Ok(())
    }

    #[cold]
    fn make_places(&mut self, length: usize) -> Result<()> {
        self.places.try_reserve(length - self.places.len()).map_err(|_| Error::ENOMEM)?;
        self.places.resize(length, 0);
        Ok(())
    }

    fn place(&self, handle: Handle) -> Option<usize> {
        let place = *self.places.get(handle.index as usize)? as usize;
        (self.members.get(place)?.handle == handle).then_some(place)
    }

    /// Asks without waiting; whether anything is ready. Nothing keeps a descriptor open meanwhile, so what was
    /// found counts only for a handle that is still open afterwards: then it was open all the time.
    fn glance(&mut self) -> Result<bool> {
        self.ask(None)?;
        // Interrupted or out of memory: as if nothing were ready, and the wait will tell.
        if sys::poll(&mut self.entries, Some(Duration::ZERO)).is_err() {
            self.entries.clear();
        }
        let any = self.collect();
        let closed = |member: &Member| !member.ready.is_empty() && !member.is_open();
        if any && self.members.iter().any(closed) { Err(Error::ECANCELED) } else { Ok(any) }
    }

    fn wait(&mut self, deadline: Deadline) -> Result<()> {
        let interruptible = self.members.iter().any(|member| member.slot.has(flag::INTERRUPTIBLE));
        let watch = Watch::many(interruptible);
        let _held = self.hold()?;
        loop {
            let forced = self.ask(Some(&watch))?;
            let until = if forced { Deadline::Now } else { deadline };
            let outcome = watch.poll(&mut self.entries, until);
            if self.collect() {
                return Ok(());
            }
            if !self.members.iter().all(Member::is_open) {
                return Err(Error::ECANCELED);
            }
            match outcome {
                // What was forced has gone in the meantime.
                Err(Error::EAGAIN) => {}
                other => other.map(drop)?,
            }
        }
    }

    /// References to all members: whoever closes one sees that it is waited for.
    fn hold(&self) -> Result<Vec<Ref>> {
        let mut held = Vec::new();
        held.try_reserve_exact(self.members.len()).map_err(|_| Error::ENOMEM)?;
        for member in &self.members {
            // It was open when the call began.
            held.push(table::get(member.handle.encode()).map_err(|_| Error::ECANCELED)?);
        }
        Ok(held)
    }

    /// Fills in the entries; whether something is ready without the kernel's word.
    fn ask(&mut self, watch: Option<&Watch>) -> Result<bool> {
        self.entries.clear();
        self.entries.try_reserve(self.members.len() + 1).map_err(|_| Error::ENOMEM)?;
        let mut forced = false;
        for member in &self.members {
            forced |= readiness::forced(member.slot).any(member.asked);
            self.entries.push(member.entry());
        }
        self.entries.extend(watch.map(Watch::entry));
        // Looked at after the announcement: a close either sees it, or is seen here.
        if watch.is_some() && !self.members.iter().all(Member::is_open) {
            return Err(Error::ECANCELED);
        }
        Ok(forced)
    }

    /// Takes in what the kernel said; whether any member is ready.
    fn collect(&mut self) -> bool {
        let found = self.entries.iter().map(PollFd::ready).chain(std::iter::repeat(Events::NONE));
        let ready = self.members.iter_mut().zip(found).map(|(member, found)| member.collect(found));
        ready.fold(false, |any, ready| any | ready)
    }

    /// Leaves in each set, in the old order and once each, those that are ready.
    fn answer(&mut self, sets: &mut Sets<'_>) -> Counts {
        let mut counts = [0; 3];
        for ((set, asked), count) in sets.iter_mut().zip(ASKED).zip(&mut counts) {
            *count = self.compact(set, asked);
        }
        counts
    }

    fn compact(&mut self, set: &mut [i64], asked: Events) -> usize {
        let mut kept = 0;
        for place in 0..set.len() {
            let number = set[place];
            let Some(member) = Handle::decode(number).and_then(|handle| self.place(handle)) else { continue };
            let ready = &mut self.members[member].ready;
            if ready.any(asked) {
                // Told once, however often it stands in the set.
                *ready = Events(ready.0 & !asked.0);
                set[kept] = number;
                kept += 1;
            }
        }
        kept
    }
}
