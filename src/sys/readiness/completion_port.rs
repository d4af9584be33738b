//! Readiness of many sockets on Windows: each has a pending poll request at the driver ("question"), whose result ("answer")
//! comes to a completion port. Not here: the driver (`afd`), readiness of a few (`poll`).
//!
//! An answer holds for the moment when it came. A wait may find it much later, so it polls again what an answer reports that is
//! older than the wait itself. A question is answered once: the next wait asks level-triggered ones again. Edges are reported
//! by Winsock's own rule for them (WSAAsyncSelect): once, and again only after a receive, or a send that found too little room.
//!
//! A pending question belongs to the driver: its memory is given away when it is asked, and taken back with its answer. One
//! that is not wanted any more is cancelled, which is an answer too.

use crate::sys::edges;
use crate::sys::poll::afd::{self, Driver, Header, Line};
use crate::sys::{
    ALREADY_WATCHED, Events, Fd, MOST_REPORTS, NO_SOCKET, OUT_OF_MEMORY, OsError, PollFd, Result, Timeout,
    UNSUPPORTED, Waker, grow, grow_up_to, milliseconds, poll,
};
use std::collections::HashMap;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_TIMEOUT, HANDLE, INVALID_HANDLE_VALUE, STATUS_SUCCESS, WAIT_TIMEOUT,
};
use windows_sys::Win32::System::IO::{
    CreateIoCompletionPort, GetQueuedCompletionStatusEx, IO_STATUS_BLOCK, OVERLAPPED_ENTRY,
    PostQueuedCompletionStatus,
};

/// Whether the cost of a wait depends on how many are ready, and not on how many are watched.
pub const SELECTOR_SCALES: bool = true;

/// Its name, for option "queue.engine".
pub const SELECTOR_NAME: &str = "afd";

/// Whether a batch queue may wait by [`poll`](fn@crate::sys::poll) instead: not here.
pub const HAS_POLL_ENGINE: bool = false;

/// How many sockets share a handle of the driver: cancelling a question takes longer the more are pending on its handle.
const GROUP: usize = 32;

/// How many answers that nobody waits for may be in a port before they are taken out.
const LEFTOVERS: usize = 64;

/// How long closing a selector waits for each answer. None takes as long; if one did, its memory would be leaked.
const CLOSE_TIMEOUT: Timeout = Some(Duration::from_secs(10));

/// One pending question.
#[repr(C)]
struct Question {
    header: Header,
    line: Line,
    status: IO_STATUS_BLOCK,
    /// The watched socket.
    fd: usize,
    /// The number of the latest wait when it was asked.
    round: u64,
}

impl Question {
    /// Asks; the driver owns the question until its answer is taken from the port.
    fn ask(self, driver: &Driver) -> Result<*mut Self> {
        let mut place = Vec::new();
        place.try_reserve_exact(1).map_err(|_| OUT_OF_MEMORY)?;
        place.push(self);
        let question = Box::into_raw(place.into_boxed_slice()).cast::<Self>();
        // SAFETY: the memory was given away above, so that nobody accesses it until its answer is taken from the port.
        let asked = unsafe {
            let (header, status) = (&raw mut (*question).header, &raw mut (*question).status);
            driver.ask(null_mut(), question.cast(), status, header, 1)
        };
        match asked {
            Ok(_) => Ok(question),
            Err(error) => {
                // SAFETY: it was refused, and there will be no answer.
                drop(unsafe { Self::take_back(question) });
                Err(error)
            }
        }
    }

    /// Takes back what [`Self::ask`] has given away.
    ///
    /// # Safety
    /// The question must have been answered, or refused, and not taken back before.
    unsafe fn take_back(question: *mut Self) -> Box<[Self]> {
        // SAFETY: this is how it was made, and the caller vouches that nobody else has it.
        unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(question, 1)) }
    }

    /// The bits that the driver has reported.
    fn answer(&self) -> u32 {
        // SAFETY: a status is all that is ever written there.
        let status = unsafe { self.status.Anonymous.Status };
        if status == STATUS_SUCCESS && self.header.count > 0 { self.line.bits } else { 0 }
    }
}

/// One watched socket.
#[derive(Debug)]
struct Watched {
    interest: Events,
    tag: u64,
    /// Edge-triggered and one-shot events that were reported, and are not again until they are re-enabled.
    reported: Events,
    /// The driver's own socket beneath it.
    socket: usize,
    /// Its place in the selector, which decides on its handle of the driver.
    place: usize,
    /// The pending question, which belongs to the driver: never dereferenced.
    question: Option<*mut Question>,
}

impl Watched {
    fn wanted(&self) -> Events {
        self.interest.and(Events::ALL).without(self.reported)
    }
}

/// An answer that a wait has taken.
struct Answer {
    fd: usize,
    bits: u32,
    round: u64,
    found: Events,
}

#[derive(Debug, Default)]
struct State {
    watched: HashMap<usize, Watched>,
    drivers: Vec<Driver>,
    /// Places that were freed, and the first that was never used.
    free: Vec<usize>,
    fresh: usize,
    /// Sockets that the next wait asks about again.
    due: Vec<usize>,
    /// How many waits are running.
    waits: usize,
    /// How many there have been.
    rounds: u64,
    /// How many questions are pending.
    open: usize,
}

// SAFETY: the pointers identify questions, and are never dereferenced here.
unsafe impl Send for State {}

#[derive(Debug)]
pub(in crate::sys) struct Shared {
    port: AtomicUsize,
    /// A wake-up was posted that no wait has taken yet.
    woken: AtomicBool,
    state: Mutex<State>,
}

/// A completion port, and the questions to the driver. Every method may be called from any thread.
#[derive(Debug)]
pub struct Selector(Arc<Shared>);

/// Room for what one wait reports; kept by the caller so that a wait allocates little.
pub struct Reports {
    packets: Vec<OVERLAPPED_ENTRY>,
    answers: Vec<Answer>,
    entries: Vec<PollFd>,
    found: Vec<(u64, Events)>,
}

// SAFETY: the packets' pointers are numbers to it, which belong to no thread.
unsafe impl Send for Reports {}

impl Reports {
    /// Without memory yet.
    pub const EMPTY: Self =
        Self { packets: Vec::new(), answers: Vec::new(), entries: Vec::new(), found: Vec::new() };

    /// Forgets the last wait.
    pub fn clear(&mut self) {
        self.found.clear();
    }

    /// What the last wait reported: tag and readiness.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Events)> + '_ {
        self.found.iter().copied()
    }

    /// How many reports, of so many, there is room for.
    fn room(&mut self, capacity: usize) -> Result<usize> {
        let Self { packets, answers, entries, found } = self;
        packets.clear();
        answers.clear();
        entries.clear();
        found.clear();
        let capacity = grow_up_to(packets, capacity)?;
        let capacity = grow_up_to(answers, capacity)?;
        let capacity = grow_up_to(entries, capacity)?;
        grow_up_to(found, capacity)
    }
}

/// Takes at most `most` packets from a port, as many as there is room for; none at the timeout.
fn dequeue(port: usize, packets: &mut Vec<OVERLAPPED_ENTRY>, most: usize, timeout: Timeout) -> Result<()> {
    packets.clear();
    let (list, most) = (packets.as_mut_ptr(), most.min(packets.capacity()) as u32);
    let mut taken = 0;
    // SAFETY: the list has room for as many.
    let done = unsafe {
        GetQueuedCompletionStatusEx(port as HANDLE, list, most, &mut taken, milliseconds(timeout), 0)
    };
    if done == 0 {
        return match OsError::last() {
            OsError(code) if code as u32 == WAIT_TIMEOUT || code as u32 == ERROR_TIMEOUT => Ok(()),
            error => Err(error),
        };
    }
    // SAFETY: the system has filled in this many.
    unsafe { packets.set_len(taken as usize) };
    Ok(())
}

impl State {
    fn watch(&mut self, fd: usize, events: Events, tag: u64) -> Result<()> {
        self.watched.try_reserve(1).map_err(|_| OUT_OF_MEMORY)?;
        let place = match self.watched.get(&fd) {
            Some(before) => before.place,
            None => self.make_place()?,
        };
        let watched =
            Watched { interest: events, tag, reported: Events::NONE, socket: fd, place, question: None };
        if let Some(before) = self.watched.insert(fd, watched) {
            self.cancel(&before);
        }
        let asked = match self.ask(fd) {
            // The driver does not know a layered provider's socket.
            Err(NO_SOCKET) => afd::base(fd).and_then(|base| {
                self.watched.entry(fd).and_modify(|watched| watched.socket = base);
                self.ask(fd)
            }),
            other => other,
        };
        asked.inspect_err(|_| self.forget(fd))
    }

    fn forget(&mut self, fd: usize) {
        if let Some(watched) = self.watched.remove(&fd) {
            self.cancel(&watched);
            self.free.push(watched.place);
        }
    }

    fn make_place(&mut self) -> Result<usize> {
        if let Some(place) = self.free.pop() {
            return Ok(place);
        }
        // Room for all of them, so that freeing one can't fail.
        grow(&mut self.free, self.fresh + 1)?;
        self.fresh += 1;
        Ok(self.fresh - 1)
    }

    /// Cancels a pending question; its answer comes to the port.
    fn cancel(&self, watched: &Watched) {
        if let Some(question) = watched.question {
            // SAFETY: makes an address of another, and reads nothing there.
            let status = unsafe { &raw const (*question).status };
            self.drivers[watched.place / GROUP].cancel(status);
        }
    }

    /// Asks about a socket, unless a question is pending or nothing is of interest.
    fn ask(&mut self, fd: usize) -> Result<()> {
        let Some(watched) = self.watched.get_mut(&fd) else { return Ok(()) };
        let wanted = watched.wanted();
        if watched.question.is_some() || wanted.is_empty() {
            return Ok(());
        }
        let question = Question {
            header: Header::new(1, None),
            line: Line::new(watched.socket, afd::question(wanted)),
            status: IO_STATUS_BLOCK::default(),
            fd,
            round: self.rounds,
        };
        watched.question = Some(question.ask(&self.drivers[watched.place / GROUP])?);
        self.open += 1;
        Ok(())
    }

    /// Has the next wait ask about a socket.
    fn ask_later(&mut self, fd: usize) {
        if self.due.try_reserve(1).is_ok() {
            self.due.push(fd);
        } else {
            // Fails only for a socket that was closed without the library.
            let _ = self.ask(fd);
        }
    }

    /// Asks about those that are due, if a wait is running.
    fn ask_due(&mut self) {
        if self.waits == 0 {
            return;
        }
        let mut due = std::mem::take(&mut self.due);
        for fd in due.drain(..) {
            let _ = self.ask(fd);
        }
        self.due = due;
    }

    fn reenable(&mut self, fd: usize, events: Events) {
        let Some(watched) = self.watched.get_mut(&fd) else { return };
        let edge = watched.interest.any(Events::EDGE) && !watched.interest.any(Events::ONESHOT);
        if !edge || !watched.reported.any(events) {
            return;
        }
        watched.reported = watched.reported.without(events);
        // The pending question lacks the re-enabled events.
        if let Some(question) = watched.question.take() {
            let before = Watched { question: Some(question), ..*watched };
            self.cancel(&before);
        }
        self.ask_later(fd);
        self.ask_due();
    }

    /// A wait begins; returns its number.
    fn begin(&mut self) -> u64 {
        self.waits += 1;
        self.rounds += 1;
        self.ask_due();
        self.rounds
    }

    /// A wait ends. What it has reported is asked again, for the other waits.
    fn end(&mut self) {
        self.waits -= 1;
        self.ask_due();
    }

    /// Takes the answers out of the packets; whether there was a wake-up among them.
    fn collect(&mut self, packets: &[OVERLAPPED_ENTRY], mut answer: impl FnMut(&mut Self, Answer)) -> bool {
        let mut woken = false;
        for packet in packets {
            let question = packet.lpOverlapped.cast::<Question>();
            if question.is_null() {
                woken = true;
                continue;
            }
            // SAFETY: apart from wake-ups, all packets are answered questions, each once.
            let answered = unsafe { Question::take_back(question) };
            let (fd, round, bits) = (answered[0].fd, answered[0].round, answered[0].answer());
            self.open -= 1;
            // A cancelled question is not the socket's current one.
            let Some(watched) = self.watched.get_mut(&fd).filter(|it| it.question == Some(question)) else {
                continue;
            };
            watched.question = None;
            answer(self, Answer { fd, bits, round, found: afd::meaning(bits) });
        }
        woken
    }

    /// Polls again, without waiting, what may have changed since it was answered.
    fn verify(&self, answers: &mut [Answer], entries: &mut Vec<PollFd>, round: u64) {
        entries.clear();
        let doubtful = |answer: &&mut Answer| answer.round < round || afd::lasting(answer.bits) != 0;
        let entry = |answer: &mut Answer| {
            let watched = self.watched.get(&answer.fd);
            let socket = watched.map_or(Fd::NONE, |watched| Fd(watched.socket));
            PollFd::new(socket, watched.map_or(Events::NONE, Watched::wanted))
        };
        entries.extend(answers.iter_mut().filter(doubtful).map(entry));
        // Fails if one of them was closed without the library: then the answers are used as they are.
        if entries.is_empty() || poll(entries, Some(Duration::ZERO)).is_err() {
            return;
        }
        for (answer, entry) in answers.iter_mut().filter(doubtful).zip(entries) {
            answer.found = afd::meaning(afd::lasting(answer.bits)).or(entry.ready());
        }
    }

    /// The report of a socket, if something is ready.
    fn report(&mut self, fd: usize, found: Events) -> Option<(u64, Events)> {
        let watched = self.watched.get_mut(&fd)?;
        let tag = watched.tag;
        if found.is_empty() {
            let _ = self.ask(fd);
            return None;
        }
        if watched.interest.any(Events::ONESHOT) {
            watched.reported = Events::ALL;
        } else if watched.interest.any(Events::EDGE) {
            // What is broken stays so, and would be reported without end, whatever is asked about.
            let new = if found.any(Events::ERROR) { Events::ALL } else { found.and(Events::ALL) };
            watched.reported = watched.reported.or(new);
        }
        // Later, as a wait reports a socket only once.
        self.ask_later(fd);
        Some((tag, found))
    }
}

impl edges::Watcher for Shared {
    fn reenable(&self, socket: Fd, events: Events) {
        self.lock().reenable(socket.0, events);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn port(&self) -> usize {
        self.port.load(Ordering::SeqCst)
    }

    fn wake(&self) {
        if !self.woken.swap(true, Ordering::SeqCst) {
            self.post_wake();
        }
    }

    fn post_wake(&self) {
        // SAFETY: takes no memory.
        if unsafe { PostQueuedCompletionStatus(self.port() as HANDLE, 0, 0, null()) } == 0 {
            // Out of memory; the next wake-up tries again.
            self.woken.store(false, Ordering::SeqCst);
        }
    }

    /// Makes sure that there is a handle of the driver for the next place.
    fn prepare(&self, state: &mut State) -> Result<()> {
        if !state.free.is_empty() || state.fresh < state.drivers.len() * GROUP {
            return Ok(());
        }
        grow(&mut state.drivers, 1)?;
        let driver = Driver::open()?;
        // SAFETY: both handles are open.
        let port = unsafe { CreateIoCompletionPort(driver.handle(), self.port() as HANDLE, 0, 0) };
        if port.is_null() {
            return Err(OsError::last());
        }
        state.drivers.push(driver);
        Ok(())
    }

    fn add(&self, fd: Fd, events: Events, tag: u64) -> Result<()> {
        let mut state = self.lock();
        self.prepare(&mut state)?;
        let watched = state.watch(fd.0, events, tag);
        self.sweep(&mut state);
        watched
    }

    /// Takes answers out of the port that nobody waits for, if there are many.
    fn sweep(&self, state: &mut State) {
        if state.open <= 2 * state.watched.len() + LEFTOVERS {
            return;
        }
        let mut packets = Vec::new();
        if packets.try_reserve_exact(LEFTOVERS).is_err() {
            return;
        }
        let mut woken = false;
        // Bounded, because a ready socket is answered anew as soon as it is asked about.
        for _ in 0..=state.open / LEFTOVERS {
            let taken = dequeue(self.port(), &mut packets, LEFTOVERS, Some(Duration::ZERO));
            if taken.is_err() || packets.is_empty() {
                break;
            }
            woken |= state.collect(&packets, |state, answer| state.ask_later(answer.fd));
        }
        state.ask_due();
        if woken {
            self.post_wake();
        }
    }

    /// Waits until there is something to report, or the timeout has passed; whether it took a wake-up.
    fn wait(&self, reports: &mut Reports, capacity: usize, round: u64, timeout: Timeout) -> Result<bool> {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let (mut left, mut woken) = (timeout, false);
        loop {
            let room = capacity - reports.found.len();
            dequeue(self.port(), &mut reports.packets, room, left)?;
            if reports.packets.is_empty() {
                return Ok(woken);
            }
            woken |= self.make_reports(reports, round);
            if reports.found.len() == capacity {
                return Ok(woken);
            }
            left = if reports.packets.len() == room {
                // The packets filled the room, so there may be more.
                Some(Duration::ZERO)
            } else if woken || !reports.found.is_empty() {
                return Ok(woken);
            } else {
                until.map(|until| until.saturating_duration_since(Instant::now()))
            };
        }
    }

    /// Makes reports of the packets; whether there was a wake-up among them.
    fn make_reports(&self, reports: &mut Reports, round: u64) -> bool {
        let Reports { packets, answers, entries, found } = reports;
        let mut state = self.lock();
        answers.clear();
        let woken = state.collect(packets, |_, answer| answers.push(answer));
        if woken {
            self.woken.store(false, Ordering::SeqCst);
        }
        state.verify(answers, entries, round);
        found.extend(answers.iter().filter_map(|answer| state.report(answer.fd, answer.found)));
        woken
    }

    fn close(&self) {
        let port = self.port.swap(0, Ordering::SeqCst);
        if port == 0 {
            return;
        }
        let mut state = self.lock();
        let gone = std::mem::take(&mut state.watched);
        state.drivers.iter().for_each(Driver::cancel_all);
        let mut packets = Vec::new();
        // Out of memory the pending questions are leaked.
        let _ = packets.try_reserve_exact(LEFTOVERS);
        while state.open > 0
            && dequeue(port, &mut packets, LEFTOVERS, CLOSE_TIMEOUT).is_ok()
            && !packets.is_empty()
        {
            state.collect(&packets, |_, _| {});
        }
        *state = State::default();
        drop(state);
        for (fd, _) in gone.iter().filter(|(_, watched)| watched.interest.any(Events::EDGE)) {
            edges::forget(Fd(*fd), self);
        }
        // SAFETY: nobody else closes it, and nobody waits there.
        unsafe { CloseHandle(port as HANDLE) };
    }
}

/// Wakes a selector. May take a lock, as console signals run in threads of their own here.
#[derive(Debug)]
pub struct Trigger(Mutex<Weak<Shared>>);

impl Trigger {
    /// A trigger that wakes nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    fn lock(&self) -> MutexGuard<'_, Weak<Shared>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects it to a selector.
    pub fn connect(&self, selector: &Selector) {
        *self.lock() = Arc::downgrade(&selector.0);
    }

    /// Connects it to a waker: never needed here.
    #[allow(clippy::unused_self, reason = "elsewhere it does")]
    pub fn connect_waker(&self, _waker: &Waker) {}

    /// Disconnects it.
    pub fn disconnect(&self) {
        *self.lock() = Weak::new();
    }

    /// Wakes the selector, if there is one.
    pub fn pull(&self) {
        let selector = self.lock().upgrade();
        if let Some(selector) = selector {
            selector.wake();
        }
    }
}

impl Selector {
    /// Opens an empty selector.
    pub fn new() -> Result<Self> {
        // The last argument removes the limit on threads that run at the same time.
        // SAFETY: takes no memory.
        let port = unsafe { CreateIoCompletionPort(INVALID_HANDLE_VALUE, null_mut(), 0, i32::MAX as u32) };
        if port.is_null() {
            return Err(OsError::last());
        }
        let port = AtomicUsize::new(port as usize);
        Ok(Self(Arc::new(Shared { port, woken: AtomicBool::new(false), state: Mutex::default() })))
    }

    /// Registers a socket under a tag. [`ALREADY_WATCHED`], `ENOMEM`.
    pub fn add(&self, fd: Fd, events: Events, tag: u64) -> Result<()> {
        if self.0.lock().watched.contains_key(&fd.0) {
            return Err(ALREADY_WATCHED);
        }
        self.modify(fd, events, tag)
    }

    /// Changes a registration.
    pub fn modify(&self, fd: Fd, events: Events, tag: u64) -> Result<()> {
        if events.any(Events::EDGE) {
            edges::watch(fd, &self.0)?;
        } else {
            edges::forget(fd, &*self.0);
        }
        self.0.add(fd, events, tag)
    }

    /// Removes a registration. Must be called before the socket is closed, as it is known by its number.
    pub fn remove(&self, fd: Fd) {
        let mut state = self.0.lock();
        let edge = state.watched.get(&fd.0).is_some_and(|watched| watched.interest.any(Events::EDGE));
        state.forget(fd.0);
        self.0.sweep(&mut state);
        drop(state);
        if edge {
            edges::forget(fd, &*self.0);
        }
    }

    /// Removes all registrations and closes its handles. No wait may be running.
    pub fn close(&self) {
        self.0.close();
    }

    /// Makes one wait return: a running one, or else the next.
    pub fn wake(&self) {
        self.0.wake();
    }

    /// Its descriptor: there is none, as a completion port can't be polled.
    pub fn fd(&self) -> Result<Fd> {
        Err(UNSUPPORTED)
    }

    /// Would make the descriptor readable after a time: there is none.
    #[allow(clippy::unused_self, reason = "elsewhere it is a method")]
    pub const fn set_alarm(&self, _time: Timeout) -> Result<()> {
        Ok(())
    }

    /// Waits for at most `capacity` reports, for `timeout` at the most; whether this wait took a wake-up.
    pub fn wait(&self, reports: &mut Reports, capacity: usize, timeout: Timeout) -> Result<bool> {
        let capacity = reports.room(capacity.min(MOST_REPORTS))?;
        let round = self.0.lock().begin();
        let outcome = self.0.wait(reports, capacity, round, timeout);
        self.0.lock().end();
        outcome
    }
}

impl Drop for Selector {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{close, open};
    use socket2::{Domain, Type};

    /// A program that changes registrations and never waits must not fill the driver with questions.
    #[test]
    fn what_is_not_wanted_any_more_is_given_back_without_a_wait() {
        let selector = Selector::new().unwrap();
        let [fd, other] = [(), ()].map(|()| open(Domain::IPV4, Type::DGRAM, 0).unwrap());
        let most = 2 * 2 + LEFTOVERS + 1;
        selector.add(other, Events::READ, 1).unwrap();
        selector.add(fd, Events::READ, 0).unwrap();
        for tag in 0..1_000 {
            selector.modify(fd, Events::READ, tag).unwrap();
            assert!(selector.0.lock().open <= most);
        }
        selector.remove(fd);
        for tag in 0..1_000 {
            selector.add(fd, Events::READ, tag).unwrap();
            selector.remove(fd);
            assert!(selector.0.lock().open <= most);
        }
        selector.close();
        [fd, other].into_iter().for_each(close);
    }

    /// Nothing has happened to any of the sockets: the answers come because the questions are cancelled.
    #[test]
    fn a_selector_that_is_closed_has_its_questions_answered_at_once() {
        let selector = Selector::new().unwrap();
        let sockets: Vec<_> = (0..3 * GROUP).map(|_| open(Domain::IPV4, Type::DGRAM, 0).unwrap()).collect();
        for fd in &sockets {
            selector.add(*fd, Events::READ, 0).unwrap();
        }
        assert_eq!(selector.0.lock().open, sockets.len());
        let start = Instant::now();
        selector.close();
        assert!(start.elapsed() < CLOSE_TIMEOUT.unwrap());
        sockets.into_iter().for_each(close);
    }
}
