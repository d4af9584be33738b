//! What is registered with a poller: the entries, those among them that are forced (ready whatever the kernel reports), and
//! what a wait reports of them. Always used under the lock of the poller's extras. Not here: waiting (the module itself).

use crate::core::error::{Error, Result};
use crate::core::handle::extras;
use crate::core::handle::number::{Handle, Map};
use crate::core::handle::slot::{Phase, Slot};
use crate::core::handle::table;
use crate::core::memory;
use crate::core::poller::forced::{Forced, Link, Linked};
use crate::core::poller::gate::Gate;
use crate::core::poller::reports::{RecordPlaces, Registration, Report};
use crate::core::poller::wakeup::{self, Wakeup};
use crate::core::readiness;
use crate::sys::{self, Events, Fd, Selector};
use std::sync::Arc;

/// The state of a poller.
#[derive(Debug)]
pub struct Registry {
    /// The poller's handle: when the state is looked up, the slot may have got another owner.
    owner: Handle,
    /// It belongs to a select, not to a handle.
    pub is_internal: bool,
    pub gate: Arc<Gate>,
    entries: Map<Entry>,
    places: RecordPlaces,
    /// Registered sockets that are ready whatever the kernel reports.
    forced: Forced,
    pub wakeup: &'static Wakeup,
    /// The program waits for the selector's descriptor itself, which must be readable while anything is ready.
    is_exported: bool,
    /// How many waits in the kernel a close must still end.
    cancelled: usize,
    /// Counts the waits.
    rounds: u64,
}

/// One registration.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The handle's slot. It can't get another owner before the handle's close has removed this entry.
    slot: &'static Slot,
    /// The tag under which the kernel reports it, and which names its record.
    tag: u64,
    registration: Registration,
    /// A one-shot registration is disarmed when it has reported.
    armed: bool,
    /// The selector watches it.
    in_selector: bool,
    /// The selector reports only changes of it (edge-triggered), because what it reports now is not of interest and lasts: a
    /// hang-up.
    parked: bool,
    /// Forced readiness that an edge-triggered registration has reported already.
    reported: Events,
    /// The wait that reported it last: a wait reports a socket once.
    round: u64,
    /// Its links in the list of those that are forced.
    pub forced: Option<Link>,
    /// A duplicate that the selector watches instead of the socket's descriptor, which it watches for another handle already.
    copy: Option<Fd>,
}

impl Registry {
    pub fn new(owner: Handle, is_internal: bool) -> Result<Self> {
        let gate = Gate::open()?;
        let wakeup = wakeup::make(owner.index)?;
        wakeup.connect(&gate.selector);
        Ok(Self {
            owner,
            is_internal,
            gate,
            entries: Map::default(),
            places: RecordPlaces::default(),
            forced: Forced::default(),
            wakeup,
            is_exported: false,
            cancelled: 0,
            rounds: 0,
        })
    }

    /// The poller's handle.
    pub const fn owner(&self) -> Handle {
        self.owner
    }

    /// In a forked child: opens a gate of its own, because changing the inherited selector would change the parent's.
    #[cold]
    fn reopen(&mut self) -> Result<()> {
        let numbers = memory::list(self.entries.keys().copied())?;
        // Closes before it opens, so that it works for a process that is out of descriptors.
        self.gate.close();
        let gate = Gate::open()?;
        for entry in self.entries.values() {
            gate.records.write(entry.tag, &entry.registration)?;
        }
        self.gate = gate;
        self.wakeup.connect(&self.gate.selector);
        self.is_exported = false;
        self.cancelled = 0;
        for number in numbers {
            let Some(entry) = self.entries.get_mut(&number) else { continue };
            entry.in_selector = false;
            entry.parked = false;
            match table::peek(number) {
                Ok((_, slot)) => self.sync(slot)?,
                // A thread that the child does not have was about to close it.
                Err(_) => drop(self.forget(number).inspect(Entry::close_copy)),
            }
        }
        // The list was copied from the parent, but the gate is new.
        self.gate.set_forced(!self.forced.is_empty());
        Ok(())
    }

    /// Registers a socket, or changes its registration.
    pub fn put(&mut self, slot: &'static Slot, interest: Events, token: i64) -> Result<()> {
        let number = slot.handle().encode();
        self.entries.try_reserve(1).map_err(|_| Error::ENOMEM)?;
        let old = self.entries.get(&number).copied();
        let in_selector = old.is_some_and(|old| old.in_selector);
        let forced = old.and_then(|old| old.forced);
        let copy = old.and_then(|old| old.copy);
        let registration = Registration { number, token, interest };
        let tag = self.places.put(&self.gate.records, old.map(|old| old.tag), &registration)?;
        let entry = Entry {
            slot,
            tag,
            registration,
            armed: true,
            in_selector,
            parked: false,
            reported: Events::NONE,
            round: 0,
            forced,
            copy,
        };
        self.entries.insert(number, entry);
        if in_selector && readiness::in_kernel(slot) {
            self.gate.selector.modify(entry.watched(slot.fd()), interest, tag)?;
        }
        self.sync(slot)
    }

    /// Updates the selector and the list of forced ones to the socket's current state.
    pub fn sync(&mut self, slot: &Slot) -> Result<()> {
        let number = slot.handle().encode();
        let Some(entry) = self.entries.get_mut(&number) else { return Ok(()) };
        let forced = readiness::forced(slot);
        entry.reported = entry.reported.and(forced);
        let wanted = entry.armed && readiness::in_kernel(slot);
        watch_or_not(&self.gate.selector, entry, slot.fd(), wanted)?;
        self.force(number, forced);
        Ok(())
    }

    /// Has the kernel check the socket again, which it does by itself only when something arrives.
    pub fn look_again(&mut self, slot: &Slot) -> Result<()> {
        let number = slot.handle().encode();
        match self.entries.get_mut(&number) {
            Some(entry) if entry.in_selector && entry.armed => {
                let fd = entry.watched(slot.fd());
                entry.parked = false;
                Ok(self.gate.selector.modify(fd, entry.registration.interest, entry.tag)?)
            }
            _ => Ok(()),
        }
    }

    /// Adds the registration to the list of forced ones or removes it, and wakes a wait to look at the list.
    fn force(&mut self, number: i64, forced: Events) {
        let Some(entry) = self.entries.get(&number) else { return };
        let due = entry.armed && !entry.due(forced).is_empty();
        match (due, entry.forced.is_some()) {
            (true, false) => {
                self.forced.push(&mut self.entries, number);
                self.gate.set_forced(true);
                if self.gate.is_busy() || self.is_exported {
                    self.gate.selector.wake();
                }
            }
            (false, true) => self.unforce(number),
            _ => {}
        }
    }

    fn unforce(&mut self, number: i64) {
        self.forced.remove(&mut self.entries, number);
        self.gate.set_forced(!self.forced.is_empty());
    }

    /// Removes a socket; `ENOENT` if it is not registered.
    pub fn remove(&mut self, number: i64, fd: Fd) -> Result<()> {
        let entry = self.forget(number).ok_or(Error::ENOENT)?;
        if entry.in_selector {
            self.gate.selector.remove(entry.watched(fd));
        }
        entry.close_copy();
        Ok(())
    }

    fn forget(&mut self, number: i64) -> Option<Entry> {
        self.unforce(number);
        let entry = self.entries.remove(&number)?;
        self.places.free(&self.gate.records, entry.tag);
        Some(entry)
    }

    /// The numbers of all registered sockets.
    pub fn members(&self) -> impl Iterator<Item = i64> + '_ {
        self.entries.keys().copied()
    }

    /// Ends the waits that are in the kernel now, because a registered socket was closed.
    pub fn cancel(&mut self) {
        self.cancelled = self.gate.count_close();
        if self.cancelled > 0 {
            self.gate.selector.wake();
        }
    }

    /// Lends the selector's descriptor, which from now on is readable whenever a wait would report something.
    pub fn export(&mut self) -> Result<Fd> {
        let fd = self.gate.selector.fd()?;
        self.is_exported = true;
        if !self.forced.is_empty() {
            self.gate.selector.wake();
        }
        Ok(fd)
    }

    /// Called by a wait that leaves, and has consumed (`drained`) the selector's wake-up or not; whether it was a wake-up by
    /// the program. Wakes the selector again if other waits must still see a close or a wake-up, or if its descriptor must stay
    /// readable.
    pub fn take_wake_up(&mut self, drained: bool, cancelled: bool) -> bool {
        if cancelled {
            self.cancelled = self.cancelled.saturating_sub(1);
        }
        let woken = drained && !cancelled && self.wakeup.take();
        let readable = self.is_exported && !self.forced.is_empty();
        if drained && (self.cancelled > 0 || self.wakeup.is_pending() || readable) {
            self.gate.selector.wake();
        }
        woken
    }

    /// Whether a wait with this capacity reports forced ones, and how many.
    pub fn turn(&self, capacity: usize) -> Turn {
        match self.share(capacity) {
            0 if self.forced.is_empty() => Turn::Nothing,
            0 => Turn::Passes,
            answers => Turn::Has(answers),
        }
    }

    /// How many of the reports are reserved for forced ones: half at the most, and of a capacity of one every other wait's, so
    /// that neither they nor the kernel's reports starve.
    fn share(&self, capacity: usize) -> usize {
        let half = if self.rounds % 2 == 0 { capacity / 2 } else { capacity.div_ceil(2) };
        self.forced.len().min(half)
    }

    /// Reports what the kernel has reported, and then, if it is their turn, what is forced.
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
            given.count(self.report_found(tag, found, answer));
        }
        if turn != Turn::Passes && !self.forced.is_empty() {
            given.reported += self.report_forced(capacity - given.reported - given.undecided, answer);
        }
        given
    }

    /// Reports those whose connect was undecided, for which there is room left.
    pub fn report_decided(
        &mut self,
        reports: impl Iterator<Item = (u64, Events)>,
        answer: &mut impl FnMut(Report),
    ) -> usize {
        let reported = reports.map(|(tag, found)| self.report_found(tag, found, answer));
        reported.filter(|reported| *reported == Reported::Yes).count()
    }

    /// Reports what is forced, the longest waiting first.
    #[cold]
    fn report_forced(&mut self, most: usize, answer: &mut impl FnMut(Report)) -> usize {
        let mut given = 0;
        for _ in 0..self.forced.len() {
            let Some(number) = self.forced.first().filter(|_| given < most) else { break };
            self.forced.remove(&mut self.entries, number);
            given += usize::from(self.report_one(number, Events::NONE, answer) == Reported::Yes);
            let forced = self.entries.get(&number).map(|entry| readiness::forced(entry.slot));
            self.force(number, forced.unwrap_or_default());
        }
        self.gate.set_forced(!self.forced.is_empty());
        given
    }

    /// Reports what the kernel has reported, unless the registration has changed since: then the kernel reports it anew.
    fn report_found(&mut self, tag: u64, found: Events, answer: &mut impl FnMut(Report)) -> Reported {
        match self.gate.records.read(tag) {
            Some(registration) => self.report_one(registration.number, found, answer),
            None => Reported::No,
        }
    }

    /// Reports a socket if it is ready for its interest, by the kernel's report or forced. If only something else is reported
    /// (a hang-up, which the kernel reports in any case, without end), has the selector report only changes.
    fn report_one(&mut self, number: i64, found: Events, answer: &mut impl FnMut(Report)) -> Reported {
        let Some(entry) = self.entries.get_mut(&number) else { return Reported::No };
        let slot = entry.slot;
        if !entry.armed || entry.round == self.rounds {
            return Reported::No;
        }
        let (found, forced) = match readiness::is_plain(slot) {
            true => (found, Events::NONE),
            false => match slot.phase() {
                Phase::Connecting if !found.is_empty() => return Reported::Undecided,
                // After a failed connect the handle's own state decides.
                Phase::Failed => (Events::NONE, readiness::forced(slot)),
                _ => (readiness::conclude(slot, found), readiness::forced(slot)),
            },
        };
        let all = found.or(forced);
        let ready = entry.due(all);
        let extra = all.and(Events::HANGUP.or(Events::ERROR));
        if ready.is_empty() {
            if entry.in_selector && !entry.parked && !extra.is_empty() {
                entry.park(&self.gate.selector);
            }
            return Reported::No;
        }
        if entry.parked {
            // If that fails it stays parked, and is reported when it changes.
            let _ = entry.unpark(&self.gate.selector, slot.fd());
        }
        entry.round = self.rounds;
        let Registration { token, interest, .. } = entry.registration;
        entry.reported = forced.and(interest);
        entry.armed = !interest.any(Events::ONESHOT);
        answer(Report { token, handle: number, events: ready.or(extra) });
        Reported::Yes
    }
}

/// How a wait treats what is forced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Nothing is forced.
    Nothing,
    /// Something is, but it is the turn of the kernel's reports.
    Passes,
    /// This many reports are reserved for it.
    Has(usize),
}

/// Whether one report of the kernel was passed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reported {
    Yes,
    No,
    /// Not yet: a connect has ended, and the phase must be updated first, outside of the lock.
    Undecided,
}

/// How many sockets were reported, and how many may still be.
#[derive(Clone, Copy, Default, Debug)]
pub struct Given {
    pub reported: usize,
    pub undecided: usize,
}

impl Given {
    fn count(&mut self, reported: Reported) {
        self.reported += usize::from(reported == Reported::Yes);
        self.undecided += usize::from(reported == Reported::Undecided);
    }
}

/// Runs `body` on the poller's state, under its lock. `EBADF` if the poller is closed.
pub fn with<T>(poller: Handle, body: impl FnOnce(&mut Registry) -> Result<T>) -> Result<T> {
    let body = |registry: &mut Registry| {
        if registry.owner != poller {
            return Err(Error::EBADF);
        }
        if !registry.gate.is_own() {
            registry.reopen()?;
        }
        body(registry)
    };
    extras::find(poller.index, body).unwrap_or(Err(Error::EBADF))
}

/// Stores the poller's state among its slot's extras.
pub fn insert(registry: Registry) -> Result<()> {
    extras::insert(registry.owner.index, Box::new(registry))
}

/// Takes the poller's state away, so that later lookups fail.
pub fn take(poller: Handle) -> Option<Box<Registry>> {
    extras::take(poller.index, |registry: &Registry| registry.owner == poller)
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.entries.values().for_each(Entry::close_copy);
    }
}

impl Linked for Entry {
    fn link(&mut self) -> &mut Option<Link> {
        &mut self.forced
    }
}

impl Entry {
    /// The descriptor that the selector watches: the socket's, or the duplicate.
    fn watched(&self, fd: Fd) -> Fd {
        self.copy.unwrap_or(fd)
    }

    /// Closes the duplicate, if there is one, after the selector has stopped watching it.
    fn close_copy(&self) {
        if let Some(copy) = self.copy {
            sys::close(copy);
        }
    }

    /// Has the selector report only changes: what it reports now is not of interest, but what is may still come (urgent data to a
    /// connection that is shut on both sides).
    fn park(&mut self, selector: &Selector) {
        let fd = self.watched(self.slot.fd());
        let changes = self.registration.interest.without(Events::ONESHOT).or(Events::EDGE);
        self.parked = selector.modify(fd, changes, self.tag).is_ok();
        if !self.parked {
            selector.remove(fd);
            self.in_selector = false;
        }
    }

    /// Has the selector report as registered again, because it has become ready for its interest.
    fn unpark(&mut self, selector: &Selector, fd: Fd) -> Result<()> {
        selector.modify(self.watched(fd), self.registration.interest, self.tag)?;
        self.parked = false;
        Ok(())
    }

    /// The part of `ready` that is of interest and, if edge-triggered, not reported yet.
    fn due(&self, ready: Events) -> Events {
        let Registration { interest, .. } = self.registration;
        let due = ready.and(interest).and(Events::ALL);
        if interest.any(Events::EDGE) { due.without(self.reported) } else { due }
    }
}

/// Adds the entry to the selector. A selector takes a descriptor only once: for a second handle borrowed from the same
/// descriptor it gets a duplicate.
fn watch(selector: &Selector, entry: &mut Entry, fd: Fd) -> Result<()> {
    let interest = entry.registration.interest;
    match selector.add(entry.watched(fd), interest, entry.tag) {
        Err(sys::ALREADY_WATCHED) if entry.copy.is_none() => {
            let copy = sys::duplicate(fd)?;
            selector.add(copy, interest, entry.tag).inspect_err(|_| sys::close(copy))?;
            entry.copy = Some(copy);
            Ok(())
        }
        other => Ok(other?),
    }
}

fn watch_or_not(selector: &Selector, entry: &mut Entry, fd: Fd, wanted: bool) -> Result<()> {
    match (entry.in_selector, wanted) {
        (false, true) => watch(selector, entry, fd)?,
        (true, false) => selector.remove(entry.watched(fd)),
        (true, true) if entry.parked => entry.unpark(selector, fd)?,
        _ => {}
    }
    entry.in_selector = wanted;
    entry.parked = false;
    Ok(())
}
