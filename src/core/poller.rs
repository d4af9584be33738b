//! The poller: many sockets are registered once, and a wait costs what is ready. The kernel's queue
//! (`sys::Queue`) does most of it; this file adds what the kernel does not know: readiness that is
//! `forced`, closes from other threads, wake-ups, and what a forked child must not touch.
//!
//! A poller's state lives under the lock of its own slot's side; a registered socket notes its
//! pollers under its own. No thread ever holds both.
//!
//! `select` keeps a poller without a handle for a set that comes again ([`Hidden`]).

use super::deadline::{self, Deadline};
use super::error::{Error, Result};
use super::handle::{Handle, Map};
use super::kind::Net;
use super::side::Side;
use super::socket::patiently;
use super::table::{self, New, Phase, Ref, Slot, Vacancy, flag};
use super::{fork, readiness, side};
use crate::sys::{self, Events, Fd, Queue, Reports};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

/// What may be asked for.
const ASKABLE: Events = Events(Events::ALL.0 | Events::EDGE.0 | Events::ONESHOT.0);

/// One answer of a wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Report {
    /// What the caller gave at registration.
    pub token: i64,
    /// Which socket.
    pub handle: i64,
    /// What is ready.
    pub events: Events,
}

/// What makes a handle a poller.
#[derive(Debug)]
pub struct Registry {
    /// Whose it is: by the time it is looked for, the slot may have passed to another.
    owner: Handle,
    /// A select's, not a handle's.
    is_hidden: bool,
    queue: Arc<Queue>,
    /// The process that made the queue: a child must make its own.
    epoch: u32,
    entries: Map<Entry>,
    /// Registered sockets whose readiness the kernel does not know.
    forced: Vec<i64>,
    /// Waits that are in the kernel now.
    waiting: usize,
    /// Counts the closes of registered sockets.
    closes: u64,
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
    token: i64,
    asked: Events,
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
    fn new(owner: Handle, is_hidden: bool) -> Result<Self> {
        Ok(Self {
            owner,
            is_hidden,
            queue: Arc::new(Queue::new()?),
            epoch: fork::epoch(),
            entries: Map::default(),
            forced: Vec::new(),
            waiting: 0,
            closes: 0,
            cancelled: 0,
            woken: false,
            rounds: 0,
        })
    }

    /// In a forked child, makes a queue of its own: changing the inherited one would change the parent's.
    fn own(&mut self) -> Result<()> {
        if self.epoch == fork::epoch() {
            return Ok(());
        }
        // First, so that it works for a process that is out of descriptors.
        self.queue.abandon();
        self.queue = Arc::new(Queue::new()?);
        self.epoch = fork::epoch();
        self.waiting = 0;
        self.cancelled = 0;
        let numbers: Vec<_> = self.entries.keys().copied().collect();
        for number in numbers {
            if let Some(entry) = self.entries.get_mut(&number) {
                entry.queued = false;
            }
            if let Ok((_, slot)) = table::peek(number) {
                self.sync(slot)?;
            }
        }
        Ok(())
    }

    /// Brings the kernel's queue and the forced list in line with what the socket is now.
    fn sync(&mut self, slot: &Slot) -> Result<()> {
        let number = slot.handle().encode();
        let Some(entry) = self.entries.get_mut(&number) else { return Ok(()) };
        let forced = readiness::forced(slot);
        entry.told = entry.told.and(forced);
        let wanted = entry.armed && readiness::in_kernel(slot);
        enqueue(&self.queue, entry, slot.fd(), number, wanted)?;
        self.force(number, forced);
        Ok(())
    }

    /// Keeps the list of those whose readiness is forced, and has a wait look at it.
    fn force(&mut self, number: i64, forced: Events) {
        let Some(entry) = self.entries.get(&number) else { return };
        let due = entry.armed && !entry.due(forced).is_empty();
        let place = self.forced.iter().position(|other| *other == number);
        match (due, place) {
            (true, None) => {
                self.forced.push(number);
                if self.waiting > 0 {
                    self.queue.wake();
                }
            }
            (false, Some(place)) => drop(self.forced.remove(place)),
            _ => {}
        }
    }

    fn remove(&mut self, number: i64, fd: Fd) -> Option<Entry> {
        let entry = self.entries.remove(&number)?;
        self.forced.retain(|other| *other != number);
        if entry.queued && self.epoch == fork::epoch() {
            self.queue.remove(fd);
        }
        Some(entry)
    }

    /// Ends the waits that are in the kernel now: something they watched is gone.
    fn cancel(&mut self) {
        self.closes += 1;
        self.cancelled = self.waiting;
        if self.waiting > 0 {
            self.queue.wake();
        }
    }

    /// How many answers are kept for forced ones: half at the most, and of a single one every other, so that
    /// neither they nor the kernel's starve.
    fn share(&self, capacity: usize) -> usize {
        let half = if self.rounds % 2 == 0 { capacity / 2 } else { capacity.div_ceil(2) };
        self.forced.len().min(half)
    }

    /// Reports what is ready without the kernel's word, the longest waiting first.
    fn report_forced(&mut self, round: u64, most: usize, answer: &mut impl FnMut(Report)) -> usize {
        let mut given = 0;
        for _ in 0..self.forced.len() {
            if given == most {
                break;
            }
            let number = self.forced.remove(0);
            let Ok((_, slot)) = table::peek(number) else { continue };
            given += usize::from(self.report(number, slot, Events::NONE, round, answer));
            self.force(number, readiness::forced(slot));
        }
        given
    }

    /// Reports a socket if something is ready that was asked for, by the kernel's word or without it. If only
    /// something else is (a hang-up that the kernel reports unasked, for ever), parks the registration instead.
    ///
    /// No reference is needed: a socket that is registered can't leave its slot before it has left here.
    fn report(
        &mut self,
        handle: i64,
        slot: &Slot,
        found: Events,
        round: u64,
        answer: &mut impl FnMut(Report),
    ) -> bool {
        let Some(entry) = self.entries.get_mut(&handle) else { return false };
        if !entry.armed || entry.round == round {
            return false;
        }
        let forced = readiness::forced(slot);
        // Of a connect that failed the handle knows more than the kernel.
        let found = if slot.phase() == Phase::Failed { Events::NONE } else { found };
        let ready = entry.due(found.or(forced));
        let extra = found.or(forced).and(Events::HANGUP.or(Events::ERROR));
        if ready.is_empty() {
            if entry.queued && !extra.is_empty() {
                self.queue.remove(slot.fd());
                entry.queued = false;
            }
            return false;
        }
        entry.round = round;
        entry.told = forced.and(entry.asked);
        entry.armed = !entry.asked.any(Events::ONESHOT);
        answer(Report { token: entry.token, handle, events: ready.or(extra) });
        true
    }
}

impl Entry {
    /// Of what is ready, what was asked for and, if edge-triggered, not told yet.
    fn due(&self, ready: Events) -> Events {
        let asked = ready.and(self.asked).and(Events::ALL);
        if self.asked.any(Events::EDGE) { Events(asked.0 & !self.told.0) } else { asked }
    }
}

fn enqueue(queue: &Queue, entry: &mut Entry, fd: Fd, number: i64, wanted: bool) -> Result<()> {
    match (entry.queued, wanted) {
        (false, true) => queue.add(fd, entry.asked, number as u64)?,
        (true, false) => queue.remove(fd),
        _ => {}
    }
    entry.queued = wanted;
    Ok(())
}

/// Opens a poller.
pub fn open() -> Result<i64> {
    let vacancy = table::reserve()?;
    let registry = Registry::new(vacancy.handle(), false)?;
    let new = New { kind: Net::Poller.into(), fd: Fd::NONE, phase: Phase::Fresh, flags: flag::POLLER };
    let handle = vacancy.fill(&new)?;
    side::with(handle.index, |side| side.registry = Some(Box::new(registry)));
    Ok(handle.encode())
}

/// Looks a handle up that must be a poller.
fn get(number: i64) -> Result<Handle> {
    let (handle, slot) = table::peek(number)?;
    if slot.has(flag::POLLER) { Ok(handle) } else { Err(Error::EINVAL) }
}

/// Runs `body` on the poller's state, under its lock.
fn with<T>(poller: Handle, body: impl FnOnce(&mut Registry) -> Result<T>) -> Result<T> {
    let registry = |side: &mut Side| {
        let registry = side.registry.as_deref_mut().filter(|registry| registry.owner == poller);
        let registry = registry.ok_or(Error::EBADF)?;
        registry.own()?;
        body(registry)
    };
    side::find(poller.index, registry).unwrap_or(Err(Error::EBADF))
}

/// Registers a socket, changes its registration, or with no events takes it out.
pub fn set(poller: i64, number: i64, events: i32, token: i64) -> Result<()> {
    let poller = get(poller)?;
    let slot = table::get(number)?;
    let asked = Events(events);
    if slot.has(flag::POLLER) {
        return Err(Error::EOPNOTSUPP);
    }
    if events & !ASKABLE.0 != 0 || (events != 0 && !asked.any(Events::ALL)) {
        return Err(Error::EINVAL);
    }
    if asked.is_empty() { take_out(poller, &slot) } else { put(poller, &slot, asked, token) }
}

fn put(poller: Handle, slot: &Ref, asked: Events, token: i64) -> Result<()> {
    note(slot, poller)?;
    with(poller, |registry| register(registry, slot, asked, token)).inspect_err(|_| {
        let _ = take_out(poller, slot);
    })?;
    // A close that came before the note was there has not seen it.
    if slot.is_closed() {
        let _ = take_out(poller, slot);
        return Err(Error::ECANCELED);
    }
    Ok(())
}

fn register(registry: &mut Registry, slot: &Ref, asked: Events, token: i64) -> Result<()> {
    let number = slot.handle().encode();
    registry.entries.try_reserve(1).map_err(|_| Error::ENOMEM)?;
    registry.forced.try_reserve(1).map_err(|_| Error::ENOMEM)?;
    let queued = registry.entries.get(&number).is_some_and(|entry| entry.queued);
    let entry = Entry { token, asked, armed: true, queued, told: Events::NONE, round: 0 };
    registry.entries.insert(number, entry);
    if queued && readiness::in_kernel(slot) {
        registry.queue.modify(slot.fd(), asked, number as u64)?;
    }
    registry.sync(slot)
}

/// Notes at the socket that the poller watches it.
fn note(slot: &Ref, poller: Handle) -> Result<()> {
    slot.set_flags(flag::REGISTERED);
    side::with(slot.handle().index, |side| {
        if !side.pollers.contains(&poller) {
            side.pollers.try_reserve(1).map_err(|_| Error::ENOMEM)?;
            side.pollers.push(poller);
        }
        Ok(())
    })
}

/// Takes that note back.
fn forget(index: u32, poller: Handle) {
    side::find(index, |side| side.pollers.retain(|other| *other != poller));
}

fn take_out(poller: Handle, slot: &Ref) -> Result<()> {
    let handle = slot.handle();
    forget(handle.index, poller);
    with(poller, |registry| registry.remove(handle.encode(), slot.fd()).map(drop).ok_or(Error::ENOENT))
}

/// The socket is not what it was: its pollers look again.
pub fn refresh(slot: &Slot) {
    if !slot.has(flag::REGISTERED) {
        return;
    }
    let watchers = side::find(slot.handle().index, |side| side.pollers.clone()).unwrap_or_default();
    for poller in watchers {
        // An error here would be the kernel's refusal of a descriptor that it took before.
        let _ = with(poller, |registry| registry.sync(slot));
    }
}

/// The handle is closed: a socket leaves its pollers, a poller its sockets; waits end.
pub fn detach(slot: &Ref) {
    if slot.has(flag::POLLER) {
        return close(slot.handle());
    }
    if !slot.has(flag::REGISTERED) {
        return;
    }
    let handle = slot.handle();
    let watchers = side::find(handle.index, |side| std::mem::take(&mut side.pollers)).unwrap_or_default();
    for poller in watchers {
        let _ = with(poller, |registry| {
            if registry.remove(handle.encode(), slot.fd()).is_some() {
                registry.cancel();
            }
            Ok(())
        });
    }
}

fn close(poller: Handle) {
    let taken = side::find(poller.index, |side| side.registry.take_if(|registry| registry.owner == poller));
    let Some(Some(registry)) = taken else { return };
    for number in registry.entries.keys() {
        if let Ok((socket, _)) = table::peek(*number) {
            forget(socket.index, poller);
        }
    }
    if registry.epoch != fork::epoch() {
        return registry.queue.abandon();
    }
    // The first wait that this ends wakes the next, and so on. Each holds the queue until it has left.
    registry.queue.wake();
    patiently(|| Arc::strong_count(&registry.queue) == 1);
}

/// Makes one wait return early, the one that waits or the next.
pub fn wake(poller: i64) -> Result<()> {
    with(get(poller)?, |registry| {
        registry.woken = true;
        registry.queue.wake();
        Ok(())
    })
}

/// A poller without a handle: nobody can close it, wake it or register with it but its owner.
#[derive(Debug)]
pub struct Hidden {
    /// Its slot is set aside and never filled; what is at the slot's side is ours as long.
    vacancy: Vacancy,
}

impl Hidden {
    /// Opens an empty one.
    pub fn open() -> Result<Self> {
        let vacancy = table::reserve()?;
        let registry = Registry::new(vacancy.handle(), true)?;
        side::forget(vacancy.handle().index);
        side::with(vacancy.handle().index, |side| side.registry = Some(Box::new(registry)));
        Ok(Self { vacancy })
    }

    /// Watches a socket for these events and no others; for none, not at all.
    pub fn set(&self, socket: Handle, asked: Events) -> Result<()> {
        let slot = table::get(socket.encode())?;
        let poller = self.vacancy.handle();
        if asked.is_empty() { take_out(poller, &slot) } else { put(poller, &slot, asked, 0) }
    }

    /// How many of its sockets have been closed so far.
    pub fn closes(&self) -> Result<u64> {
        with(self.vacancy.handle(), |registry| Ok(registry.closes))
    }

    /// As [`wait`]. If there have been other closes than these, waits for nothing and says so (`None`).
    pub fn wait(
        &self,
        closes: u64,
        capacity: usize,
        deadline: Deadline,
        mut answer: impl FnMut(Report),
    ) -> Result<Option<usize>> {
        match wait_for(self.vacancy.handle(), Some(closes), capacity, deadline, &mut answer) {
            Err(Stop::Stale) => Ok(None),
            Err(Stop::Error(error)) => Err(error),
            Ok(given) => Ok(Some(given)),
        }
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        close(self.vacancy.handle());
    }
}

/// In a forked child, under all locks: what the parent's threads kept for their selects is not the child's.
pub fn after_fork(side: &mut Side) {
    let hidden = |registry: &mut Box<Registry>| registry.is_hidden;
    if let Some(registry) = side.registry.take_if(hidden) {
        registry.queue.abandon();
    }
}

thread_local! {
    static REPORTS: Cell<Reports> = Cell::new(Reports::default());
}

/// Waits until something registered is ready, for at most `capacity` answers; how many there were.
pub fn wait(poller: i64, capacity: usize, timeout_us: i64, mut answer: impl FnMut(Report)) -> Result<usize> {
    let deadline = Deadline::after(deadline::check(timeout_us)?);
    if capacity == 0 {
        return Err(Error::EINVAL);
    }
    wait_for(get(poller)?, None, capacity, deadline, &mut answer).map_err(|stop| match stop {
        Stop::Error(error) => error,
        Stop::Stale => Error::ECANCELED,
    })
}

fn wait_for(
    poller: Handle,
    closes: Option<u64>,
    capacity: usize,
    deadline: Deadline,
    answer: &mut impl FnMut(Report),
) -> std::result::Result<usize, Stop> {
    // A signal handler that waits as well finds none here, and makes its own.
    let mut reports = REPORTS.try_with(Cell::take).unwrap_or_default();
    let outcome = wait_with(poller, closes, capacity, deadline, &mut reports, answer);
    let _ = REPORTS.try_with(|kept| kept.set(reports));
    outcome
}

/// Why a wait ends without an answer.
enum Stop {
    Error(Error),
    /// Sockets have been closed since the caller looked last.
    Stale,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

fn wait_with(
    poller: Handle,
    mut closes: Option<u64>,
    capacity: usize,
    deadline: Deadline,
    reports: &mut Reports,
    answer: &mut impl FnMut(Report),
) -> std::result::Result<usize, Stop> {
    let mut stay = enter(poller, capacity, &mut closes)?.ok_or(Stop::Stale)?;
    loop {
        let brief = stay.forced > 0 || stay.skipped;
        let timeout = if brief { Some(Duration::ZERO) } else { deadline.remaining() };
        reports.clear();
        let outcome = match capacity - stay.forced {
            0 => Ok(false),
            room => stay.queue.wait(reports, room, timeout),
        };
        look_at_connects(reports);
        let (given, ended) = match leave(poller, &stay, reports, capacity, outcome == Ok(true), answer) {
            Ok(left) => left,
            // The poller is gone. Whoever else waits on its queue must learn it too.
            Err(_) => {
                stay.queue.wake();
                (0, Ended::Cancelled)
            }
        };
        match outcome {
            _ if given > 0 => return Ok(given),
            _ if ended == Ended::Cancelled => return Err(Error::ECANCELED.into()),
            _ if ended == Ended::Woken => return Ok(0),
            // What was forced has gone in the meantime, or the kernel had the turn.
            _ if brief => {}
            // What the kernel reported was news to nobody, and may have stood in the way of what is.
            Ok(drained) if drained || reports.iter().next().is_some() => {}
            Err(sys::INTERRUPTED) if hears_signals(poller) => return Err(Error::EINTR.into()),
            Ok(_) | Err(sys::INTERRUPTED) if deadline.passed() => return Ok(0),
            Ok(_) | Err(sys::INTERRUPTED) => {}
            Err(error) => return Err(Error::from(error).into()),
        }
        // A close between two stays ends the wait too, that of the poller itself among them.
        stay = enter(poller, capacity, &mut closes).unwrap_or(None).ok_or(Error::ECANCELED)?;
    }
}

/// One stay in the kernel.
struct Stay {
    queue: Arc<Queue>,
    round: u64,
    closes: u64,
    /// How many answers are kept for what is ready without the kernel's word.
    forced: usize,
    /// There is such, but none of them has the turn.
    skipped: bool,
}

/// `closes` is how many the caller has seen; none if there have been more.
fn enter(poller: Handle, capacity: usize, closes: &mut Option<u64>) -> Result<Option<Stay>> {
    with(poller, |registry| {
        if *closes.get_or_insert(registry.closes) != registry.closes {
            return Ok(None);
        }
        registry.rounds += 1;
        registry.waiting += 1;
        let forced = registry.share(capacity);
        let skipped = forced == 0 && !registry.forced.is_empty();
        let Registry { rounds: round, closes, .. } = *registry;
        Ok(Some(Stay { queue: Arc::clone(&registry.queue), round, closes, forced, skipped }))
    })
}

/// A connect that the kernel has decided is looked at before it is reported, outside the poller's lock.
fn look_at_connects(reports: &Reports) {
    for (number, _) in reports.iter() {
        let number = number as i64;
        if !table::peek(number).is_ok_and(|(_, slot)| slot.phase() == Phase::Connecting) {
            continue;
        }
        if let Ok(slot) = table::get(number) {
            readiness::advance_connect(&slot);
        }
    }
}

/// Why a stay in the kernel ended, other than by readiness or time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Otherwise,
    Woken,
    Cancelled,
}

fn leave(
    poller: Handle,
    stay: &Stay,
    reports: &Reports,
    capacity: usize,
    drained: bool,
    answer: &mut impl FnMut(Report),
) -> Result<(usize, Ended)> {
    with(poller, |registry| {
        registry.waiting = registry.waiting.saturating_sub(1);
        let mut given = 0;
        for (number, found) in reports.iter() {
            if let Ok((handle, slot)) = table::peek(number as i64) {
                given += usize::from(registry.report(handle.encode(), slot, found, stay.round, answer));
            }
        }
        if !stay.skipped {
            given += registry.report_forced(stay.round, capacity - given, answer);
        }
        let cancelled = registry.closes != stay.closes;
        if cancelled {
            registry.cancelled = registry.cancelled.saturating_sub(1);
        }
        let woken = drained && !cancelled && std::mem::take(&mut registry.woken);
        // Whoever took the queue's wake-up passes it on to those it was meant for.
        let others = registry.cancelled > 0 || (registry.woken && drained);
        if drained && others {
            registry.queue.wake();
        }
        let ended = match (cancelled, woken) {
            (true, _) => Ended::Cancelled,
            (_, true) => Ended::Woken,
            _ => Ended::Otherwise,
        };
        Ok((given, ended))
    })
}

/// Whether the poller or any of its sockets wants to hear of signals.
fn hears_signals(poller: Handle) -> bool {
    let hears = |number: i64| table::peek(number).is_ok_and(|(_, slot)| slot.has(flag::INTERRUPTIBLE));
    let any = || with(poller, |registry| Ok(registry.entries.keys().any(|number| hears(*number))));
    hears(poller.encode()) || any() == Ok(true)
}
