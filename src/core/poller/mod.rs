//! The poller: many sockets are registered once, and the cost of a wait depends on how many are ready. The system's selector
//! (`sys::Selector`) does most of it; this file adds what the kernel does not know: readiness that is `forced`, closes from
//! other threads, wake-ups (`wakeup`), and what a forked child must not touch. Not here: what ready means (`readiness`).
//!
//! A poller's state (`registry`) is protected by the lock of its own slot's extras; a registered socket keeps its pollers under
//! its own. No thread ever holds both. A wait takes no lock in the usual case: it enters and leaves the kernel through the
//! `gate`, and what it needs to report a socket whose readiness the kernel alone knows is in lock-free records (`reports`).
//!
//! `select` keeps a poller without a handle for a set that is selected again and again ([`InternalPoller`]).

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
use reports::{Records, Registration};
use std::sync::Arc;
use std::time::Duration;

pub use gate::Closes;

pub use registry::Registry;
pub use reports::Report;

/// All bits that an interest may have.
const KNOWN: Events = Events(Events::ALL.0 | Events::EDGE.0 | Events::ONESHOT.0);

/// Opens a poller. Errors as in the header (`anysock_poller_open`). Does not block.
pub fn open() -> Result<i64> {
    let vacancy = table::reserve(fork::install()?)?;
    let section = Section::begin();
    let registry = Registry::new(vacancy.handle(), false)?;
    let new = New { kind: Net::Poller.into(), fd: Fd::NONE, phase: Phase::Fresh, flags: 0 };
    // The extras before the handle, so that nobody finds the handle without them.
    registry::insert(registry)?;
    Ok(vacancy.fill(&new, &section).encode())
}

/// Registers a socket, changes its registration, or with no events removes it. Errors as in the header (`anysock_poller_set`).
/// Does not block.
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
    // A close before the watcher was added did not call it back.
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

/// A poller's callbacks for a registered socket. Errors are ignored: the kernel would have to refuse a descriptor that it took
/// before.
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

/// Makes one wait return early, one that waits now or else the next. Async-signal-safe: takes no lock. Errors as in the header
/// (`anysock_poller_wake`).
pub fn wake(number: i64) -> Result<()> {
    let poller = lookup::poller(number)?;
    let wakeup = wakeup::of(poller.index).ok_or(Error::EBADF)?;
    if wakeup.wake(|| table::peek(number).is_ok()) { Ok(()) } else { Err(Error::EBADF) }
}

/// A poller's descriptor, lent: readable whenever a wait would report something. It may also be readable when there is nothing to
/// report; a wait with timeout 0 then clears that.
pub fn fd(number: i64) -> Result<Fd> {
    with(lookup::poller(number)?, Registry::export)
}

/// A poller without a handle: only its owner can close it, wake it or register with it.
#[derive(Debug)]
pub struct InternalPoller {
    /// Its slot is reserved and never filled, so that the slot's extras are the poller's.
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

    /// Registers a socket with this interest, or removes it if there is none.
    pub fn set(&self, socket: Handle, interest: Events) -> Result<()> {
        let slot = table::get(socket.encode())?;
        let poller = self.vacancy.handle();
        if interest.is_empty() { take_out(poller, &slot) } else { put(poller, &slot, interest, 0) }
    }

    /// The closes of its sockets so far.
    pub fn closes(&self) -> Closes {
        self.gate.closes()
    }

    /// As [`wait`]; but returns `None` at once if the closes are not these any more.
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

/// What a thread keeps from one wait to the next, to save lookups and memory.
struct ThreadCache {
    /// The poller that it last waited on: most threads use only one.
    last: Option<Known>,
    reports: Reports,
}

/// A poller whose handle has been looked up. It stays valid, as no other handle will ever have its number; the gate knows
/// whether it is still open.
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
    /// The poller, without a lock if the thread's last wait was on it; and the room for reports.
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

/// Waits until something registered is ready, for `timeout_us` microseconds at the most (-1: for ever); passes up to `capacity`
/// reports to `answer` and returns how many, 0 at the timeout or after a wake-up. Errors as in the header
/// (`anysock_poller_wait`).
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

/// As [`wait`], without the thread's cache: for a thread's first wait, which installs the cache; for a thread that is ending or
/// has no memory for it; and for a signal handler that waits in the middle of a wait.
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

/// One call of `wait`, with its arguments. What happens seldom takes it by value, so that otherwise it stays in registers.
#[derive(Clone, Copy)]
struct Attempt<'a> {
    poller: Handle,
    gate: &'a Gate,
    capacity: usize,
    deadline: Deadline,
}

/// One wait in the kernel; a call may need several.
struct KernelWait {
    /// The closes when it entered.
    closes: Closes,
    turn: Turn,
}

/// The outcome of a wait in the kernel.
struct Outcome {
    /// How many sockets were reported.
    given: usize,
    ended: Ended,
    /// Whether it consumed the selector's wake-up, or the kernel's error.
    kernel: sys::Result<bool>,
}

/// Why a wait in the kernel ended, besides what there was to report.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Otherwise,
    Woken,
    Cancelled,
}

impl Attempt<'_> {
    /// Waits; `None` if there are other closes than these.
    #[inline(always)]
    fn wait(
        &self,
        closes: Option<Closes>,
        reports: &mut Reports,
        answer: &mut impl FnMut(Report),
    ) -> Result<Option<usize>> {
        let Some(kernel_wait) = self.enter(closes)? else { return Ok(None) };
        // Not by `wait_once`, so that nothing is put into memory for an outcome that nobody asks for.
        let kernel = self.wait_in_kernel(&kernel_wait, reports);
        let (given, ended) = self.leave(&kernel_wait, reports, kernel == Ok(true), answer);
        if given > 0 {
            return Ok(Some(given));
        }
        self.wait_again(kernel_wait, Outcome { given, ended, kernel }, reports, answer).map(Some)
    }

    /// Waits in the kernel once, and reports.
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

    /// After a wait in the kernel that reported nothing: returns why, or waits again.
    #[cold]
    #[inline(never)]
    fn wait_again(
        self,
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
                // What was forced is not ready any more, or it was the kernel's turn: this wait did not block.
                _ if kernel_wait.turn != Turn::Nothing => {}
                // The kernel reported only what is not of interest any more, which may have taken the room of what is.
                Ok(drained) if drained || reports.iter().next().is_some() => {}
                Err(sys::INTERRUPTED) if self.hears_signals() => return Err(Error::EINTR),
                Ok(_) | Err(sys::INTERRUPTED) if self.deadline.passed() => return Ok(0),
                Ok(_) | Err(sys::INTERRUPTED) => {}
                Err(error) => return Err(error.into()),
            }
            // A close between two waits ends the call too, that of a registered socket or of the poller itself.
            kernel_wait = self.enter(Some(closes)).unwrap_or(None).ok_or(Error::ECANCELED)?;
            outcome = self.wait_once(&kernel_wait, reports, answer);
        }
    }

    /// Enters the gate; `None` if there are other closes than these.
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
    fn turn(self) -> Turn {
        // If the poller is gone, `leave` finds out.
        with(self.poller, |registry| Ok(registry.turn(self.capacity))).unwrap_or(Turn::Passes)
    }

    /// Waits in the kernel; whether this wait consumed the selector's wake-up.
    #[inline(always)]
    fn wait_in_kernel(&self, kernel_wait: &KernelWait, reports: &mut Reports) -> sys::Result<bool> {
        lock::check_free();
        let kept = if let Turn::Has(answers) = kernel_wait.turn { answers } else { 0 };
        let brief = kernel_wait.turn != Turn::Nothing;
        let timeout = if brief { Some(Duration::ZERO) } else { self.deadline.remaining() };
        match self.capacity - kept {
            0 => {
                reports.clear();
                Ok(false)
            }
            room => self.gate.selector.wait(reports, room, timeout),
        }
    }

    /// Leaves the gate, and reports.
    #[inline(always)]
    fn leave(
        &self,
        kernel_wait: &KernelWait,
        reports: &Reports,
        drained: bool,
        answer: &mut impl FnMut(Report),
    ) -> (usize, Ended) {
        if self.gate.is_closed() {
            // Wakes the next wait on the closed poller's selector.
            self.gate.selector.wake();
        }
        let cancelled = self.gate.leave() != kernel_wait.closes;
        let quiet = !cancelled && !drained && kernel_wait.turn == Turn::Nothing && !self.gate.is_forced();
        let (reported, all) =
            if quiet { report_plain(&self.gate.records, reports, answer) } else { (0, false) };
        if all {
            return (reported, Ended::Otherwise);
        }
        // What is forced waits for the next call, if some of it may have been reported just now.
        let turn = if reported > 0 { Turn::Passes } else { kernel_wait.turn };
        let (more, ended) =
            self.report_locked(|| reports.iter().skip(reported), turn, drained, cancelled, answer);
        (reported + more, ended)
    }

    /// Reports under the lock, and takes pending wake-ups and closes into account.
    #[inline(never)]
    fn report_locked<I: Iterator<Item = (u64, Events)>>(
        self,
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

    /// Updates the phase of connects that have ended, which is done before they are reported and outside of the poller's lock.
    #[cold]
    fn look_at_connects(&self, reports: impl Iterator<Item = (u64, Events)>) {
        for registration in reports.filter_map(|(tag, _)| self.gate.records.read(tag)) {
            if let Ok(slot) = table::get(registration.number) {
                readiness::advance_connect(&slot);
            }
        }
    }

    /// Whether the poller or any of its sockets is interruptible.
    #[cold]
    fn hears_signals(&self) -> bool {
        let hears = |number: i64| table::peek(number).is_ok_and(|(_, slot)| slot.has(flag::INTERRUPTIBLE));
        let any = || with(self.poller, |registry| Ok(registry.members().any(hears)));
        hears(self.poller.encode()) || any() == Ok(true)
    }
}

/// Reports without a lock the kernel's reports up to the first whose registration needs the lock: how many, and whether
/// that were all.
#[inline(always)]
fn report_plain(records: &Records, reports: &Reports, answer: &mut impl FnMut(Report)) -> (usize, bool) {
    let mut reported = 0;
    for (tag, found) in reports.iter() {
        let registration = records.read(tag);
        match registration.and_then(|registration| plain_report(&registration, found)) {
            Some(report) => answer(report),
            None => return (reported, false),
        }
        reported += 1;
    }
    (reported, true)
}

/// The report of a socket whose readiness the kernel alone knows; `None` if it is not such a one, or reporting it changes its
/// registration.
#[inline]
fn plain_report(registration: &Registration, found: Events) -> Option<Report> {
    let Registration { number, token, interest } = *registration;
    let ready = found.and(interest).and(Events::ALL);
    if ready.is_empty() || interest.any(Events::ONESHOT) {
        return None;
    }
    let extra = found.and(Events::HANGUP.or(Events::ERROR));
    let report = Report { token, handle: number, events: ready.or(extra) };
    // The handle was open when it was registered; what is read from its slot is valid if it still is.
    let slot = chunks::slot_of(number)?;
    (readiness::is_plain(slot) && slot.stands_for(number)).then_some(report)
}
