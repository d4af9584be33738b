//! The poller: many sockets are registered once, and a wait costs what is ready. The kernel's queue
//! (`sys::Queue`) does most of it; this file adds what the kernel does not know: readiness that is
//! `forced`, closes from other threads, wake-ups, and what a forked child must not touch.
//!
//! A poller's state (`registry`) lives under the lock of its own slot's side; a registered socket notes its
//! pollers under its own. No thread ever holds both. A wait takes no lock in the usual case: it goes into the kernel
//! and out of it through the `gate`, and what it must know to report a socket of which the kernel's word is all stands
//! in the `cards`.
//!
//! `select` keeps a poller without a handle for a set that comes again ([`Hidden`]).

mod cards;
mod gate;
mod registry;

use super::deadline::{self, Deadline};
use super::error::{Error, Result};
use super::handle::Handle;
use super::kind::Net;
use super::socket::patiently;
use super::table::{self, New, Phase, Ref, Slot, Vacancy, flag};
use super::{readiness, side};
use crate::sys::{self, Events, Fd, Reports};
use cards::Registration;
use gate::Gate;
use registry::{Turn, with};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

pub use gate::Closes;
pub use registry::{Registry, after_fork};

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

/// Opens a poller.
pub fn open() -> Result<i64> {
    let vacancy = table::reserve()?;
    let registry = Registry::new(vacancy.handle(), false)?;
    let new = New { kind: Net::Poller.into(), fd: Fd::NONE, phase: Phase::Fresh, flags: flag::POLLER };
    // First what stands at the handle's side, then the handle: whoever guesses its number finds all of it.
    registry::insert(registry);
    Ok(vacancy.fill(&new).encode())
}

/// Looks a handle up that must be a poller.
fn get(number: i64) -> Result<Handle> {
    let (handle, slot) = table::peek(number)?;
    if slot.has(flag::POLLER) { Ok(handle) } else { Err(Error::EINVAL) }
}

/// Registers a socket, changes its registration, or with no events takes it out.
pub fn set(poller: i64, number: i64, events: i32, token: i64) -> Result<()> {
    let poller = get(poller)?;
    let slot = table::get(number)?;
    let asked = Events(events);
    if slot.has(flag::POLLER | flag::FILE) {
        return Err(Error::EOPNOTSUPP);
    }
    if events & !ASKABLE.0 != 0 || (events != 0 && !asked.any(Events::ALL)) {
        return Err(Error::EINVAL);
    }
    if asked.is_empty() { take_out(poller, &slot) } else { put(poller, &slot, asked, token) }
}

fn put(poller: Handle, slot: &Ref, asked: Events, token: i64) -> Result<()> {
    note(slot, poller)?;
    with(poller, |registry| registry.put(slot.slot(), asked, token)).inspect_err(|_| {
        let _ = take_out(poller, slot);
    })?;
    // A close that came before the note was there has not seen it.
    if slot.is_closed() {
        let _ = take_out(poller, slot);
        return Err(Error::ECANCELED);
    }
    Ok(())
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
    with(poller, |registry| registry.remove(handle.encode(), slot.fd()))
}

/// The socket is not what it was: its pollers look again.
pub fn refresh(slot: &Slot) {
    each_watcher(slot, |registry| registry.sync(slot));
}

/// An option was set, which may have made the socket ready although nothing has come.
pub fn look_again(slot: &Slot) {
    each_watcher(slot, |registry| registry.look_again(slot));
}

fn each_watcher(slot: &Slot, body: impl Fn(&mut Registry) -> Result<()>) {
    if !slot.has(flag::REGISTERED) {
        return;
    }
    let watchers = side::find(slot.handle().index, |side| side.pollers.clone()).unwrap_or_default();
    for poller in watchers {
        // An error here would be the kernel's refusal of a descriptor that it took before.
        let _ = with(poller, &body);
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
            registry.remove(handle.encode(), slot.fd())?;
            registry.cancel();
            Ok(())
        });
    }
}

fn close(poller: Handle) {
    let Some(registry) = registry::take(poller) else { return };
    for number in registry.members() {
        if let Ok((socket, _)) = table::peek(number) {
            forget(socket.index, poller);
        }
    }
    registry.gate.close();
    patiently(|| !registry.gate.is_busy() || !registry.gate.is_own());
}

/// Makes one wait return early, the one that waits or the next.
pub fn wake(poller: i64) -> Result<()> {
    with(get(poller)?, |registry| {
        registry.wake();
        Ok(())
    })
}

/// A poller without a handle: nobody can close it, wake it or register with it but its owner.
#[derive(Debug)]
pub struct Hidden {
    /// Its slot is set aside and never filled; what is at the slot's side is ours as long.
    vacancy: Vacancy,
    gate: Arc<Gate>,
}

impl Hidden {
    /// Opens an empty one.
    pub fn open() -> Result<Self> {
        let vacancy = table::reserve()?;
        let registry = Registry::new(vacancy.handle(), true)?;
        let gate = Arc::clone(&registry.gate);
        registry::insert(registry);
        Ok(Self { vacancy, gate })
    }

    /// Watches a socket for these events and no others; for none, not at all.
    pub fn set(&self, socket: Handle, asked: Events) -> Result<()> {
        let slot = table::get(socket.encode())?;
        let poller = self.vacancy.handle();
        if asked.is_empty() { take_out(poller, &slot) } else { put(poller, &slot, asked, 0) }
    }

    /// The closes of its sockets so far.
    pub fn closes(&self) -> Closes {
        self.gate.closes()
    }

    /// As [`wait`]. If there have been other closes than these, waits for nothing and says so (`None`).
    pub fn wait(
        &self,
        closes: Closes,
        capacity: usize,
        deadline: Deadline,
        mut answer: impl FnMut(Report),
    ) -> Result<Option<usize>> {
        let visit = Visit { poller: self.vacancy.handle(), gate: &self.gate, capacity, deadline };
        let mut wait = |reports: &mut Reports| visit.wait(Some(closes), reports, &mut answer);
        let waited = DESK.try_with(|desk| Some(wait(&mut desk.try_borrow_mut().ok()?.reports)));
        waited.ok().flatten().unwrap_or_else(|| wait(&mut { Reports::EMPTY }))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        close(self.vacancy.handle());
    }
}

/// What a thread keeps from one wait to the next.
struct Desk {
    /// The poller that it waited for last: most threads have but one.
    last: Option<Known>,
    reports: Reports,
}

/// A poller whose handle has been looked up. No other handle will ever have its number; whether it is still open, the
/// gate says.
struct Known {
    number: i64,
    poller: Handle,
    gate: Arc<Gate>,
}

impl Known {
    #[cold]
    fn look_up(number: i64) -> Result<Self> {
        let poller = get(number)?;
        let gate = with(poller, |registry| Ok(Arc::clone(&registry.gate)))?;
        Ok(Self { number, poller, gate })
    }
}

impl Desk {
    const fn new() -> Self {
        Self { last: None, reports: Reports::EMPTY }
    }

    /// The poller, without a lock if the thread waited for it last time; and the room for reports.
    #[inline]
    fn find(&mut self, number: i64) -> Result<(&Known, &mut Reports)> {
        let kept = self.last.as_ref().is_some_and(|last| last.number == number && last.gate.is_own());
        if !kept {
            self.last = Some(Known::look_up(number)?);
        }
        let known = self.last.as_ref().ok_or(Error::EBADF)?;
        Ok((known, &mut self.reports))
    }

    #[inline(always)]
    fn wait(
        &mut self,
        number: i64,
        capacity: usize,
        deadline: Deadline,
        answer: &mut impl FnMut(Report),
    ) -> Result<usize> {
        let (known, reports) = self.find(number)?;
        let visit = Visit { poller: known.poller, gate: &known.gate, capacity, deadline };
        visit.wait(None, reports, answer).map(Option::unwrap_or_default)
    }
}

thread_local! {
    static DESK: RefCell<Desk> = const { RefCell::new(Desk::new()) };
}

/// Waits until something registered is ready, for at most `capacity` answers; how many there were.
#[inline(always)]
pub fn wait(number: i64, capacity: usize, timeout_us: i64, mut answer: impl FnMut(Report)) -> Result<usize> {
    let timeout_us = deadline::check(timeout_us)?;
    if capacity == 0 {
        return Err(Error::EINVAL);
    }
    let deadline = Deadline::after(timeout_us);
    let at_desk = |desk: &RefCell<Desk>| {
        Some(desk.try_borrow_mut().ok()?.wait(number, capacity, deadline, &mut answer))
    };
    match DESK.try_with(at_desk) {
        Ok(Some(outcome)) => outcome,
        _ => wait_apart(number, capacity, deadline, &mut answer),
    }
}

/// A thread that is ending, or a signal handler that waits in the middle of a wait, has a desk for this once.
#[cold]
#[inline(never)]
fn wait_apart(
    number: i64,
    capacity: usize,
    deadline: Deadline,
    answer: &mut impl FnMut(Report),
) -> Result<usize> {
    Desk::new().wait(number, capacity, deadline, answer)
}

/// One wait: what it asks of whom.
struct Visit<'a> {
    poller: Handle,
    gate: &'a Gate,
    capacity: usize,
    deadline: Deadline,
}

/// One stay in the kernel.
struct Stay {
    /// The closes that there had been when it began.
    closes: Closes,
    turn: Turn,
}

/// What a stay in the kernel has come to.
struct Outcome {
    /// How many answers.
    given: usize,
    ended: Ended,
    /// Whether it took a wake-up, or what the kernel said.
    kernel: sys::Result<bool>,
}

/// How a stay in the kernel ended, besides what there was to report.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Otherwise,
    Woken,
    Cancelled,
}

impl Visit<'_> {
    /// `None` if there have been other closes than these.
    #[inline(always)]
    fn wait(
        &self,
        closes: Option<Closes>,
        reports: &mut Reports,
        answer: &mut impl FnMut(Report),
    ) -> Result<Option<usize>> {
        let Some(stay) = self.enter(closes)? else { return Ok(None) };
        match self.once(&stay, reports, answer) {
            Outcome { given: given @ 1.., .. } => Ok(Some(given)),
            outcome => self.go_on(stay, outcome, reports, answer).map(Some),
        }
    }

    /// Into the kernel and out again, with the answers.
    #[inline(always)]
    fn once(&self, stay: &Stay, reports: &mut Reports, answer: &mut impl FnMut(Report)) -> Outcome {
        let kernel = self.stay(stay, reports);
        let (given, ended) = self.leave(stay, reports, kernel == Ok(true), answer);
        Outcome { given, ended, kernel }
    }

    /// After a stay without answers: says why, or stays again.
    #[cold]
    #[inline(never)]
    fn go_on(
        &self,
        mut stay: Stay,
        mut outcome: Outcome,
        reports: &mut Reports,
        answer: &mut impl FnMut(Report),
    ) -> Result<usize> {
        let closes = stay.closes;
        loop {
            match outcome.kernel {
                _ if outcome.given > 0 => return Ok(outcome.given),
                _ if outcome.ended == Ended::Cancelled => return Err(Error::ECANCELED),
                _ if outcome.ended == Ended::Woken => return Ok(0),
                // What was forced has gone in the meantime, or the kernel had the turn.
                _ if stay.turn != Turn::Nothing => {}
                // What the kernel reported was news to nobody, and may have stood in the way of what is.
                Ok(drained) if drained || reports.iter().next().is_some() => {}
                Err(sys::INTERRUPTED) if self.hears_signals() => return Err(Error::EINTR),
                Ok(_) | Err(sys::INTERRUPTED) if self.deadline.passed() => return Ok(0),
                Ok(_) | Err(sys::INTERRUPTED) => {}
                Err(error) => return Err(error.into()),
            }
            // A close between two stays ends the wait too, that of the poller itself among them.
            stay = self.enter(Some(closes)).unwrap_or(None).ok_or(Error::ECANCELED)?;
            outcome = self.once(&stay, reports, answer);
        }
    }

    /// Through the gate; `None` if there have been other closes than these.
    #[inline]
    fn enter(&self, closes: Option<Closes>) -> Result<Option<Stay>> {
        let Some(now) = self.gate.enter() else {
            self.gate.leave();
            return Err(Error::EBADF);
        };
        let mut stay = Stay { closes: now, turn: Turn::Nothing };
        if closes.is_some_and(|closes| closes != now) {
            stay.turn = Turn::Passes;
            self.leave(&stay, &Reports::EMPTY, false, &mut |_| {});
            return Ok(None);
        }
        if self.gate.is_forced() {
            stay.turn = self.turn();
        }
        Ok(Some(stay))
    }

    #[cold]
    fn turn(&self) -> Turn {
        // If the poller is gone, leaving will tell.
        with(self.poller, |registry| Ok(registry.turn(self.capacity))).unwrap_or(Turn::Passes)
    }

    /// In the kernel; whether this wait took a wake-up.
    #[inline(always)]
    fn stay(&self, stay: &Stay, reports: &mut Reports) -> sys::Result<bool> {
        reports.clear();
        let kept = if let Turn::Has(answers) = stay.turn { answers } else { 0 };
        let brief = stay.turn != Turn::Nothing;
        let timeout = if brief { Some(Duration::ZERO) } else { self.deadline.remaining() };
        match self.capacity - kept {
            0 => Ok(false),
            room => self.gate.queue.wait(reports, room, timeout),
        }
    }

    /// Out again, with the answers.
    #[inline(always)]
    fn leave(
        &self,
        stay: &Stay,
        reports: &Reports,
        drained: bool,
        answer: &mut impl FnMut(Report),
    ) -> (usize, Ended) {
        if self.gate.is_closed() {
            // Whoever else waits on its queue must learn it too.
            self.gate.queue.wake();
        }
        let cancelled = self.gate.leave() != stay.closes;
        let quiet = !cancelled && !drained && stay.turn == Turn::Nothing && !self.gate.is_forced();
        let (told, all) = if quiet { self.tell_plain(reports, answer) } else { (0, false) };
        if all {
            return (told, Ended::Otherwise);
        }
        // What is ready without the kernel's word waits for another time if it may have been reported just now.
        let turn = if told > 0 { Turn::Passes } else { stay.turn };
        let (more, ended) = self.settle(|| reports.iter().skip(told), turn, drained, cancelled, answer);
        (told + more, ended)
    }

    /// Reports without a lock, from the first on, what is registered as the kernel knows it and no more than ready: how
    /// many there were before the first that is not, and whether that were all.
    #[inline]
    fn tell_plain(&self, reports: &Reports, answer: &mut impl FnMut(Report)) -> (usize, bool) {
        let mut told = 0;
        for (tag, found) in reports.iter() {
            let registration = self.gate.cards.read(tag);
            match registration.and_then(|registration| plain_report(&registration, found)) {
                Some(report) => answer(report),
                None => return (told, false),
            }
            told += 1;
        }
        (told, true)
    }

    /// Reports under the lock, and takes what is left of wake-ups and closes.
    #[inline(never)]
    fn settle<I: Iterator<Item = (u64, Events)>>(
        &self,
        reports: impl Fn() -> I,
        turn: Turn,
        drained: bool,
        cancelled: bool,
        answer: &mut impl FnMut(Report),
    ) -> (usize, Ended) {
        let left = with(self.poller, |registry| {
            let given = registry.report(reports(), turn, self.capacity, answer);
            let woken = registry.take_wake_up(drained, cancelled);
            Ok((given, woken))
        });
        let Ok((given, woken)) = left else {
            // The poller is gone.
            return (0, Ended::Cancelled);
        };
        let mut told = given.told;
        if given.undecided > 0 {
            self.look_at_connects(reports());
            told += with(self.poller, |registry| Ok(registry.report_decided(reports(), answer))).unwrap_or(0);
        }
        match (cancelled, woken) {
            (true, _) => (told, Ended::Cancelled),
            (_, true) => (told, Ended::Woken),
            _ => (told, Ended::Otherwise),
        }
    }

    /// A connect that the kernel has decided is looked at before it is reported, outside the poller's lock.
    #[cold]
    fn look_at_connects(&self, reports: impl Iterator<Item = (u64, Events)>) {
        for registration in reports.filter_map(|(tag, _)| self.gate.cards.read(tag)) {
            if let Ok(slot) = table::get(registration.number) {
                readiness::advance_connect(&slot);
            }
        }
    }

    /// Whether the poller or any of its sockets wants to hear of signals.
    #[cold]
    fn hears_signals(&self) -> bool {
        let hears = |number: i64| table::peek(number).is_ok_and(|(_, slot)| slot.has(flag::INTERRUPTIBLE));
        let any = || with(self.poller, |registry| Ok(registry.members().any(hears)));
        hears(self.poller.encode()) || any() == Ok(true)
    }
}

/// What is to be reported of a socket of which the kernel's word is all; `None` if it is not, or there is more to do.
#[inline]
fn plain_report(registration: &Registration, found: Events) -> Option<Report> {
    let Registration { number, token, asked } = *registration;
    let ready = found.and(asked).and(Events::ALL);
    if ready.is_empty() || asked.any(Events::ONESHOT) {
        return None;
    }
    let extra = found.and(Events::HANGUP.or(Events::ERROR));
    let report = Report { token, handle: number, events: ready.or(extra) };
    // The handle was open when it was registered, so what is seen of the slot counts if it is so still.
    let slot = table::slot_of(number)?;
    (readiness::is_plain(slot) && slot.stands_for(number)).then_some(report)
}
