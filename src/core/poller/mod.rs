//! The poller: many sockets are registered once, and a wait costs what is ready. The system's selector
//! (`sys::Selector`) does most of it; this file adds what the kernel does not know: readiness that is
//! `forced`, closes from other threads, wake-ups (`wakeup`), and what a forked child must not touch.
//!
//! A poller's state (`registry`) lives under the lock of its own slot's extras; a registered socket notes its
//! pollers under its own. No thread ever holds both. A wait takes no lock in the usual case: it goes into the kernel
//! and out of it through the `gate`, and what it must know to report a socket of which the kernel's word is all stands
//! in records (`reports`).
//!
//! `select` keeps a poller without a handle for a set that comes again ([`InternalPoller`]).

mod closing;
mod forced;

mod gate;

mod registry;

mod reports;

pub mod wakeup;

use crate::core::deadline::{self, Deadline};
use crate::core::error::{Error, Result};
use crate::core::handle::number::Handle;
use crate::core::handle::slot::{New, Phase, flag};
use crate::core::handle::table::{self, Ref, Vacancy};
use crate::core::handle::watchers::{self, Callbacks, Watcher};
use crate::core::handle::{chunks, lookup};
use crate::core::name::kind::Net;
use crate::core::process::section::Section;
use crate::core::{fork, lock, readiness};
use crate::sys::{self, Events, Fd, Reports, ThreadLocal};
use gate::Gate;
use registry::{Turn, with};
use reports::Registration;
use std::sync::Arc;
use std::time::Duration;

pub use gate::Closes;

pub use registry::Registry;
pub use reports::Report;

/// What may be asked for.
const KNOWN: Events = Events(Events::ALL.0 | Events::EDGE.0 | Events::ONESHOT.0);

/// Opens a poller.
pub fn open() -> Result<i64> {
    let vacancy = table::reserve(fork::install()?)?;
    let section = Section::begin();
    let registry = Registry::new(vacancy.handle(), false)?;
    let new = New { kind: Net::Poller.into(), fd: Fd::NONE, phase: Phase::Fresh, flags: 0 };
    // First the handle's extras, then the handle: whoever guesses its number finds all of it.
    registry::insert(registry)?;
    Ok(vacancy.fill(&new, &section).encode())
}

/// Registers a socket, changes its registration, or with no events takes it out.
pub fn set(poller: i64, number: i64, events: i32, token: i64) -> Result<()> {
    let poller = lookup::poller(poller)?;
    let slot = lookup::pollable(number)?;
    let interest = Events(events);
    if events & !KNOWN.0 != 0 || (events != 0 && !interest.any(Events::ALL)) {
        return Err(Error::EINVAL);
    }
    if interest.is_empty() { take_out(poller, &slot) } else { put(poller, &slot, interest, token) }
}

fn put(poller: Handle, slot: &Ref, interest: Events, token: i64) -> Result<()> {
    watchers::add(slot, Watcher { handle: poller, callbacks: &CALLBACKS })?;
    with(poller, |registry| registry.put(slot.slot(), interest, token)).inspect_err(|_| {
        let _ = take_out(poller, slot);
    })?;
    // A close that came before the note was there has not seen it.
    if slot.is_closed() {
        let _ = take_out(poller, slot);
        return Err(Error::ECANCELED);
    }
    Ok(())
}

fn take_out(poller: Handle, slot: &Ref) -> Result<()> {
    let handle = slot.handle();
    watchers::remove(handle.index, poller);
    with(poller, |registry| registry.remove(handle.encode(), slot.fd()))
}

/// What a poller does for a socket that is registered with it. An error here would be the kernel's refusal of a
/// descriptor that it took before.
static CALLBACKS: Callbacks = Callbacks {
    changed: |poller, slot| {
        let _ = with(poller, |registry| registry.sync(slot));
    },
    look_again: |poller, slot| {
        let _ = with(poller, |registry| registry.look_again(slot));
    },
    closed: |poller, slot| {
        let _ = with(poller, |registry| {
            registry.remove(slot.handle().encode(), slot.fd())?;
            registry.cancel();
            Ok(())
        });
    },
};

/// Makes one wait return early, the one that waits or the next. Safe in a signal handler: no lock is taken.
pub fn wake(number: i64) -> Result<()> {
    let poller = lookup::poller(number)?;
    let wakeup = wakeup::of(poller.index).ok_or(Error::EBADF)?;
    if wakeup.wake(|| table::peek(number).is_ok()) { Ok(()) } else { Err(Error::EBADF) }
}

/// A poller's descriptor, lent: readable whenever a wait would report something. It may also be readable when there is nothing;
/// a wait that does not wait then makes it rest.
pub fn fd(number: i64) -> Result<Fd> {
    with(lookup::poller(number)?, Registry::export)
}

/// A poller without a handle: nobody can close it, wake it or register with it but its owner.
#[derive(Debug)]
pub struct InternalPoller {
    /// Its slot is set aside and never filled; the slot's extras are ours as long.
    vacancy: Vacancy,
    gate: Arc<Gate>,
}

impl InternalPoller {
    /// Opens an empty one.
    pub fn open() -> Result<Self> {
        let vacancy = table::reserve(fork::install()?)?;
        let _section = Section::begin();
        let registry = Registry::new(vacancy.handle(), true)?;
        let gate = Arc::clone(&registry.gate);
        registry::insert(registry)?;
        Ok(Self { vacancy, gate })
    }

    /// Watches a socket for these events and no others; for none, not at all.
    pub fn set(&self, socket: Handle, interest: Events) -> Result<()> {
        let slot = table::get(socket.encode())?;
        let poller = self.vacancy.handle();
        if interest.is_empty() { take_out(poller, &slot) } else { put(poller, &slot, interest, 0) }
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
        if !self.gate.is_own() {
            return Err(Error::EBADF);
        }
        let attempt = Attempt { poller: self.vacancy.handle(), gate: &self.gate, capacity, deadline };
        let mut wait = |reports: &mut Reports| attempt.wait(Some(closes), reports, &mut answer);
        let waited = CACHE.with(|cache| wait(&mut cache.reports));
        waited.unwrap_or_else(|| wait(&mut { Reports::EMPTY }))
    }
}

impl Drop for InternalPoller {
    fn drop(&mut self) {
        let section = Section::begin();
        if let Some(registry) = registry::take(self.vacancy.handle()) {
            closing::close(&registry, section);
        }
    }
}

/// What a thread keeps from one wait to the next.
struct ThreadCache {
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
        let poller = lookup::poller(number)?;
        let gate = with(poller, |registry| Ok(Arc::clone(&registry.gate)))?;
        Ok(Self { number, poller, gate })
    }
}

impl Default for ThreadCache {
    fn default() -> Self {
        Self { last: None, reports: Reports::EMPTY }
    }
}

impl ThreadCache {
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
        let attempt = Attempt { poller: known.poller, gate: &known.gate, capacity, deadline };
        attempt.wait(None, reports, answer).map(Option::unwrap_or_default)
    }
}

static CACHE: ThreadLocal<ThreadCache> = ThreadLocal::new();

/// Waits until something registered is ready, for at most `capacity` answers; how many there were.
#[inline(always)]
pub fn wait(number: i64, capacity: usize, timeout_us: i64, mut answer: impl FnMut(Report)) -> Result<usize> {
    let timeout_us = deadline::check(timeout_us)?;
    if capacity == 0 {
        return Err(Error::EINVAL);
    }
    let deadline = Deadline::after(timeout_us);
    match CACHE.find(|cache| cache.wait(number, capacity, deadline, &mut answer)) {
        Some(outcome) => outcome,
        None => wait_apart(number, capacity, deadline, &mut answer),
    }
}

/// A thread that waits for the first time keeps its cache; one that is ending or has no memory, or a signal handler that waits in
/// the middle of a wait, has one for this once.
#[cold]
#[inline(never)]
fn wait_apart(
    number: i64,
    capacity: usize,
    deadline: Deadline,
    answer: &mut impl FnMut(Report),
) -> Result<usize> {
    let mut cache = ThreadCache::default();
    let outcome = cache.wait(number, capacity, deadline, answer);
    CACHE.with(|own| *own = cache);
    outcome
}

/// One wait: what it asks of whom.
struct Attempt<'a> {
    poller: Handle,
    gate: &'a Gate,
    capacity: usize,
    deadline: Deadline,
}

/// One stay in the kernel.
struct KernelWait {
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

impl Attempt<'_> {
    /// `None` if there have been other closes than these.
    #[inline(always)]
    fn wait(
        &self,
        closes: Option<Closes>,
        reports: &mut Reports,
        answer: &mut impl FnMut(Report),
    ) -> Result<Option<usize>> {
        let Some(kernel_wait) = self.enter(closes)? else { return Ok(None) };
        match self.wait_once(&kernel_wait, reports, answer) {
            Outcome { given: given @ 1.., .. } => Ok(Some(given)),
            outcome => self.wait_again(kernel_wait, outcome, reports, answer).map(Some),
        }
    }

    /// Into the kernel and out again, with the answers.
    #[inline(always)]
    fn wait_once(
        &self,
        kernel_wait: &KernelWait,
        reports: &mut Reports,
        answer: &mut impl FnMut(Report),
    ) -> Outcome {
        let kernel = self.wait_in_kernel(kernel_wait, reports);
        let (given, ended) = self.leave(kernel_wait, reports, kernel == Ok(true), answer);
        Outcome { given, ended, kernel }
    }

    /// After a stay without answers: says why, or stays again.
    #[cold]
    #[inline(never)]
    fn wait_again(
        &self,
        mut kernel_wait: KernelWait,
        mut outcome: Outcome,
        reports: &mut Reports,
        answer: &mut impl FnMut(Report),
    ) -> Result<usize> {
        let closes = kernel_wait.closes;
        loop {
            match outcome.kernel {
                _ if outcome.given > 0 => return Ok(outcome.given),
                _ if outcome.ended == Ended::Cancelled => return Err(Error::ECANCELED),
                _ if outcome.ended == Ended::Woken => return Ok(0),
                // What was forced has gone in the meantime, or the kernel had the turn.
                _ if kernel_wait.turn != Turn::Nothing => {}
                // What the kernel reported was news to nobody, and may have stood in the way of what is.
                Ok(drained) if drained || reports.iter().next().is_some() => {}
                Err(sys::INTERRUPTED) if self.hears_signals() => return Err(Error::EINTR),
                Ok(_) | Err(sys::INTERRUPTED) if self.deadline.passed() => return Ok(0),
                Ok(_) | Err(sys::INTERRUPTED) => {}
                Err(error) => return Err(error.into()),
            }
            // A close between two stays ends the wait too, that of the poller itself among them.
            kernel_wait = self.enter(Some(closes)).unwrap_or(None).ok_or(Error::ECANCELED)?;
            outcome = self.wait_once(&kernel_wait, reports, answer);
        }
    }

    /// Through the gate; `None` if there have been other closes than these.
    #[inline]
    fn enter(&self, closes: Option<Closes>) -> Result<Option<KernelWait>> {
        let Some(now) = self.gate.enter() else {
            self.gate.leave();
            return Err(Error::EBADF);
        };
        let mut kernel_wait = KernelWait { closes: now, turn: Turn::Nothing };
        if closes.is_some_and(|closes| closes != now) {
            kernel_wait.turn = Turn::Passes;
            self.leave(&kernel_wait, &Reports::EMPTY, false, &mut |_| {});
            return Ok(None);
        }
        if self.gate.is_forced() {
            kernel_wait.turn = self.turn();
        }
        Ok(Some(kernel_wait))
    }

    #[cold]
    fn turn(&self) -> Turn {
        // If the poller is gone, leaving will tell.
        with(self.poller, |registry| Ok(registry.turn(self.capacity))).unwrap_or(Turn::Passes)
    }

    /// In the kernel; whether this wait took a wake-up.
    #[inline(always)]
    fn wait_in_kernel(&self, kernel_wait: &KernelWait, reports: &mut Reports) -> sys::Result<bool> {
        lock::check_free();
        reports.clear();
        let kept = if let Turn::Has(answers) = kernel_wait.turn { answers } else { 0 };
        let brief = kernel_wait.turn != Turn::Nothing;
        let timeout = if brief { Some(Duration::ZERO) } else { self.deadline.remaining() };
        match self.capacity - kept {
            0 => Ok(false),
            room => self.gate.selector.wait(reports, room, timeout),
        }
    }

    /// Out again, with the answers.
    #[inline(always)]
    fn leave(
        &self,
        kernel_wait: &KernelWait,
        reports: &Reports,
        drained: bool,
        answer: &mut impl FnMut(Report),
    ) -> (usize, Ended) {
        if self.gate.is_closed() {
            // Whoever else waits on its selector must learn it too.
            self.gate.selector.wake();
        }
        let cancelled = self.gate.leave() != kernel_wait.closes;
        let quiet = !cancelled && !drained && kernel_wait.turn == Turn::Nothing && !self.gate.is_forced();
        let (reported, all) = if quiet { self.report_plain(reports, answer) } else { (0, false) };
        if all {
            return (reported, Ended::Otherwise);
        }
        // What is ready without the kernel's word waits for another time if it may have been reported just now.
        let turn = if reported > 0 { Turn::Passes } else { kernel_wait.turn };
        let (more, ended) =
            self.report_locked(|| reports.iter().skip(reported), turn, drained, cancelled, answer);
        (reported + more, ended)
    }

    /// Reports without a lock, from the first on, what is registered as the kernel knows it and no more than ready: how
    /// many there were before the first that is not, and whether that were all.
    #[inline]
    fn report_plain(&self, reports: &Reports, answer: &mut impl FnMut(Report)) -> (usize, bool) {
        let mut reported = 0;
        for (tag, found) in reports.iter() {
            let registration = self.gate.records.read(tag);
            match registration.and_then(|registration| plain_report(&registration, found)) {
                Some(report) => answer(report),
                None => return (reported, false),
            }
            reported += 1;
        }
        (reported, true)
    }

    /// Reports under the lock, and takes what is left of wake-ups and closes.
    #[inline(never)]
    fn report_locked<I: Iterator<Item = (u64, Events)>>(
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
        let mut reported = given.reported;
        if given.undecided > 0 {
            self.look_at_connects(reports());
            reported +=
                with(self.poller, |registry| Ok(registry.report_decided(reports(), answer))).unwrap_or(0);
        }
        match (cancelled, woken) {
            (true, _) => (reported, Ended::Cancelled),
            (_, true) => (reported, Ended::Woken),
            _ => (reported, Ended::Otherwise),
        }
    }

    /// A connect that the kernel has decided is looked at before it is reported, outside the poller's lock.
    #[cold]
    fn look_at_connects(&self, reports: impl Iterator<Item = (u64, Events)>) {
        for registration in reports.filter_map(|(tag, _)| self.gate.records.read(tag)) {
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
    let Registration { number, token, interest } = *registration;
    let ready = found.and(interest).and(Events::ALL);
    if ready.is_empty() || interest.any(Events::ONESHOT) {
        return None;
    }
    let extra = found.and(Events::HANGUP.or(Events::ERROR));
    let report = Report { token, handle: number, events: ready.or(extra) };
    // The handle was open when it was registered, so what is seen of the slot counts if it is so still.
    let slot = chunks::slot_of(number)?;
    (readiness::is_plain(slot) && slot.stands_for(number)).then_some(report)
}
