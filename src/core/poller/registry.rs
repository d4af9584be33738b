//! What is registered with a poller: the entries, those among them that are ready without the kernel's word, and
//! what a wait reports of them. Always under the lock of the poller's side. Not here: waiting.

use super::Report;
use super::cards::{Dealer, Registration};
use super::gate::Gate;
use crate::core::error::{Error, Result};
use crate::core::handle::{Handle, Map};
use crate::core::readiness;
use crate::core::side::{self, Side};
use crate::core::table::{self, Phase, Slot};
use crate::sys::{Events, Fd, Queue};
use std::sync::Arc;

/// What makes a handle a poller.
#[derive(Debug)]
pub struct Registry {
    /// Whose it is: by the time it is looked for, the slot may have passed to another.
    owner: Handle,
    /// A select's, not a handle's.
    is_hidden: bool,
    pub gate: Arc<Gate>,
    entries: Map<Entry>,
    dealer: Dealer,
    /// Registered sockets whose readiness the kernel does not know.
    forced: Vec<i64>,
    /// Of the waits that are in the kernel, those that a close must still end.
    cancelled: usize,
    /// A wake-up that no wait has taken yet.
    woken: bool,
    /// Counts the waits.
    rounds: u64,
}

/// One registration.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// What stands behind the handle. A registered socket can't leave its slot before it has left here.
    slot: &'static Slot,
    /// What the kernel calls it, and the card that says it.
    tag: u64,
    registration: Registration,
    /// A one-shot registration is disarmed when it has reported.
    armed: bool,
    /// The kernel's queue watches it.
    queued: bool,
    /// Forced readiness that an edge-triggered registration has reported already.
    told: Events,
    /// The wait that reported it last: a wait reports a socket once.
    round: u64,
}

impl Registry {
    pub fn new(owner: Handle, is_hidden: bool) -> Result<Self> {
        Ok(Self {
            owner,
            is_hidden,
            gate: Gate::open()?,
            entries: Map::default(),
            dealer: Dealer::default(),
            forced: Vec::new(),
            cancelled: 0,
            woken: false,
            rounds: 0,
        })
    }

    /// In a forked child, makes a gate of its own: changing the inherited queue would change the parent's.
    #[cold]
    fn own(&mut self) -> Result<()> {
        // First, so that it works for a process that is out of descriptors.
        self.gate.close();
        let gate = Gate::open()?;
        for entry in self.entries.values() {
            gate.cards.write(entry.tag, &entry.registration)?;
        }
        self.gate = gate;
        self.cancelled = 0;
        self.forced.clear();
        let numbers: Vec<_> = self.entries.keys().copied().collect();
        for number in numbers {
            let Some(entry) = self.entries.get_mut(&number) else { continue };
            entry.queued = false;
            match table::peek(number) {
                Ok((_, slot)) => self.sync(slot)?,
                // A thread that the child does not have was about to close it.
                Err(_) => drop(self.forget(number)),
            }
        }
        Ok(())
    }

    /// Registers a socket, or changes its registration.
    pub fn put(&mut self, slot: &'static Slot, asked: Events, token: i64) -> Result<()> {
        let number = slot.handle().encode();
        self.entries.try_reserve(1).map_err(|_| Error::ENOMEM)?;
        self.forced.try_reserve(1).map_err(|_| Error::ENOMEM)?;
        let old = self.entries.get(&number).map(|entry| (entry.tag, entry.queued));
        let queued = old.is_some_and(|(_, queued)| queued);
        let registration = Registration { number, token, asked };
        let tag = self.dealer.deal(&self.gate.cards, old.map(|(tag, _)| tag), &registration)?;
        let entry = Entry { slot, tag, registration, armed: true, queued, told: Events::NONE, round: 0 };
        self.entries.insert(number, entry);
        if queued && readiness::in_kernel(slot) {
            self.gate.queue.modify(slot.fd(), asked, tag)?;
        }
        self.sync(slot)
    }

    /// Brings the kernel's queue and the forced list in line with what the socket is now.
    pub fn sync(&mut self, slot: &Slot) -> Result<()> {
        let number = slot.handle().encode();
        let Some(entry) = self.entries.get_mut(&number) else { return Ok(()) };
        let forced = readiness::forced(slot);
        entry.told = entry.told.and(forced);
        let wanted = entry.armed && readiness::in_kernel(slot);
        enqueue(&self.gate.queue, entry, slot.fd(), wanted)?;
        self.force(number, forced);
        Ok(())
    }

    /// Has the kernel look at the socket again: it looks by itself only when something comes.
    pub fn look_again(&self, slot: &Slot) -> Result<()> {
        let number = slot.handle().encode();
        match self.entries.get(&number) {
            Some(entry) if entry.queued && entry.armed => {
                Ok(self.gate.queue.modify(slot.fd(), entry.registration.asked, entry.tag)?)
            }
            _ => Ok(()),
        }
    }

    /// Keeps the list of those whose readiness is forced, and has a wait look at it.
    fn force(&mut self, number: i64, forced: Events) {
        let Some(entry) = self.entries.get(&number) else { return };
        let due = entry.armed && !entry.due(forced).is_empty();
        let place = self.forced.iter().position(|other| *other == number);
        match (due, place) {
            (true, None) => {
                self.forced.push(number);
                self.gate.set_forced(true);
                if self.gate.is_busy() {
                    self.gate.queue.wake();
                }
            }
            (false, Some(place)) => {
                self.forced.remove(place);
                self.gate.set_forced(!self.forced.is_empty());
            }
            _ => {}
        }
    }

    /// Takes a socket out; `ENOENT` if it is not in.
    pub fn remove(&mut self, number: i64, fd: Fd) -> Result<()> {
        let entry = self.forget(number).ok_or(Error::ENOENT)?;
        self.forced.retain(|other| *other != number);
        self.gate.set_forced(!self.forced.is_empty());
        if entry.queued {
            self.gate.queue.remove(fd);
        }
        Ok(())
    }

    fn forget(&mut self, number: i64) -> Option<Entry> {
        let entry = self.entries.remove(&number)?;
        self.dealer.take_back(&self.gate.cards, entry.tag);
        Some(entry)
    }

    /// Which sockets are registered.
    pub fn members(&self) -> impl Iterator<Item = i64> + '_ {
        self.entries.keys().copied()
    }

    /// Ends the waits that are in the kernel now: something they watched is gone.
    pub fn cancel(&mut self) {
        self.cancelled = self.gate.count_close();
        if self.cancelled > 0 {
            self.gate.queue.wake();
        }
    }

    /// Has one wait return early.
    pub fn wake(&mut self) {
        self.woken = true;
        self.gate.queue.wake();
    }

    /// A wait is leaving, perhaps with the queue's wake-up: whether the wake-up was for it. If it was not, or others
    /// still have to hear of a close, passes it on.
    pub fn take_wake_up(&mut self, drained: bool, cancelled: bool) -> bool {
        if cancelled {
            self.cancelled = self.cancelled.saturating_sub(1);
        }
        let woken = drained && !cancelled && std::mem::take(&mut self.woken);
        if drained && (self.cancelled > 0 || self.woken) {
            self.gate.queue.wake();
        }
        woken
    }

    /// What is ready without the kernel's word, and who of it has the turn.
    pub fn turn(&self, capacity: usize) -> Turn {
        match self.share(capacity) {
            0 if self.forced.is_empty() => Turn::Nothing,
            0 => Turn::Passes,
            answers => Turn::Has(answers),
        }
    }

    /// How many answers are kept for forced ones: half at the most, and of a single one every other, so that
    /// neither they nor the kernel's starve.
    fn share(&self, capacity: usize) -> usize {
        let half = if self.rounds % 2 == 0 { capacity / 2 } else { capacity.div_ceil(2) };
        self.forced.len().min(half)
    }

    /// Reports what the kernel has found, and then, if it has the turn, what is ready without the kernel's word.
    pub fn report(
        &mut self,
        reports: impl Iterator<Item = (u64, Events)>,
        turn: Turn,
        capacity: usize,
        answer: &mut impl FnMut(Report),
    ) -> Given {
        self.rounds += 1;
        let mut given = Given::default();
        for (tag, found) in reports {
            given.count(self.tell_found(tag, found, answer));
        }
        if turn != Turn::Passes && !self.forced.is_empty() {
            given.told += self.report_forced(capacity - given.told - given.undecided, answer);
        }
        given
    }

    /// Reports those whose connect was undecided. They were left room.
    pub fn report_decided(
        &mut self,
        reports: impl Iterator<Item = (u64, Events)>,
        answer: &mut impl FnMut(Report),
    ) -> usize {
        let told = reports.map(|(tag, found)| self.tell_found(tag, found, answer));
        told.filter(|told| *told == Told::Yes).count()
    }

    /// Reports what is ready without the kernel's word, the longest waiting first.
    #[cold]
    fn report_forced(&mut self, most: usize, answer: &mut impl FnMut(Report)) -> usize {
        let mut given = 0;
        for _ in 0..self.forced.len() {
            if given == most {
                break;
            }
            let number = self.forced.remove(0);
            given += usize::from(self.tell(number, Events::NONE, answer) == Told::Yes);
            let forced = self.entries.get(&number).map(|entry| readiness::forced(entry.slot));
            self.force(number, forced.unwrap_or_default());
        }
        self.gate.set_forced(!self.forced.is_empty());
        given
    }

    /// Reports what the kernel has found, unless the registration has been changed since: then it will find it anew.
    fn tell_found(&mut self, tag: u64, found: Events, answer: &mut impl FnMut(Report)) -> Told {
        match self.gate.cards.read(tag) {
            Some(registration) => self.tell(registration.number, found, answer),
            None => Told::No,
        }
    }

    /// Reports a socket if something is ready that was asked for, by the kernel's word or without it. If only
    /// something else is (a hang-up that the kernel reports unasked, for ever), parks the registration instead.
    fn tell(&mut self, number: i64, found: Events, answer: &mut impl FnMut(Report)) -> Told {
        let Some(entry) = self.entries.get_mut(&number) else { return Told::No };
        let slot = entry.slot;
        if !entry.armed || entry.round == self.rounds {
            return Told::No;
        }
        let (found, forced) = match readiness::is_plain(slot) {
            true => (found, Events::NONE),
            false => match slot.phase() {
                Phase::Connecting if !found.is_empty() => return Told::Undecided,
                // Of a connect that failed the handle knows more than the kernel.
                Phase::Failed => (Events::NONE, readiness::forced(slot)),
                _ => (readiness::conclude(slot, found), readiness::forced(slot)),
            },
        };
        let all = found.or(forced);
        let ready = entry.due(all);
        let extra = all.and(Events::HANGUP.or(Events::ERROR));
        if ready.is_empty() {
            if entry.queued && !extra.is_empty() {
                self.gate.queue.remove(slot.fd());
                entry.queued = false;
            }
            return Told::No;
        }
        entry.round = self.rounds;
        let Registration { token, asked, .. } = entry.registration;
        entry.told = forced.and(asked);
        entry.armed = !asked.any(Events::ONESHOT);
        answer(Report { token, handle: number, events: ready.or(extra) });
        Told::Yes
    }
}

/// How a wait treats what is ready without the kernel's word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// There is no such thing.
    Nothing,
    /// There is, but it is the kernel's turn.
    Passes,
    /// So many answers are kept for it.
    Has(usize),
}

/// What became of one report of the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    Yes,
    No,
    /// The kernel has decided a connect that nobody has looked at: that is done outside the lock.
    Undecided,
}

/// How many answers there were, and how many there may still be.
#[derive(Clone, Copy, Default, Debug)]
pub struct Given {
    pub told: usize,
    pub undecided: usize,
}

impl Given {
    fn count(&mut self, told: Told) {
        self.told += usize::from(told == Told::Yes);
        self.undecided += usize::from(told == Told::Undecided);
    }
}

/// Runs `body` on the poller's state, under its lock.
pub fn with<T>(poller: Handle, body: impl FnOnce(&mut Registry) -> Result<T>) -> Result<T> {
    let registry = |side: &mut Side| {
        let registry = side.registry.as_deref_mut().filter(|registry| registry.owner == poller);
        let registry = registry.ok_or(Error::EBADF)?;
        if !registry.gate.is_own() {
            registry.own()?;
        }
        body(registry)
    };
    side::find(poller.index, registry).unwrap_or(Err(Error::EBADF))
}

/// Makes the poller's state.
pub fn insert(registry: Registry) {
    side::with(registry.owner.index, |side| side.registry = Some(Box::new(registry)));
}

/// Takes the poller's state away: whoever comes later finds nothing.
pub fn take(poller: Handle) -> Option<Box<Registry>> {
    side::find(poller.index, |side| side.registry.take_if(|registry| registry.owner == poller)).flatten()
}

/// In a forked child, under all locks: what the parent's threads kept for their selects is not the child's.
pub fn after_fork(side: &mut Side) {
    if let Some(registry) = side.registry.take_if(|registry| registry.is_hidden) {
        registry.gate.close();
    }
}

impl Entry {
    /// Of what is ready, what was asked for and, if edge-triggered, not told yet.
    fn due(&self, ready: Events) -> Events {
        let Registration { asked, .. } = self.registration;
        let due = ready.and(asked).and(Events::ALL);
        if asked.any(Events::EDGE) { due.without(self.told) } else { due }
    }
}

fn enqueue(queue: &Queue, entry: &mut Entry, fd: Fd, wanted: bool) -> Result<()> {
    match (entry.queued, wanted) {
        (false, true) => queue.add(fd, entry.registration.asked, entry.tag)?,
        (true, false) => queue.remove(fd),
        _ => {}
    }
    entry.queued = wanted;
    Ok(())
}
