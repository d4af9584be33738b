//! Readiness of a few sockets on Windows, and what ends a wait for it: the driver is asked about all of them in one
//! question, and the thread waits for its answer or for an event that another thread sets. So a waker takes no
//! socket, and there is no limit on how many sockets there are. Not here: the driver (`afd`), many sockets (`queue`).

use super::afd::{self, Driver, Header, Line};
use super::{Fd, NO_SOCKET, OUT_OF_MEMORY};
use crate::sys::{Events, LONGEST_WAIT, OsError, Result, Timeout};
use std::cell::Cell;
use std::mem::size_of;
use std::ptr::null;
use std::time::Duration;
use windows_sys::Win32::Foundation::{
    CloseHandle, HANDLE, STATUS_CANCELLED, STATUS_PENDING, STATUS_TIMEOUT, WAIT_OBJECT_0,
};
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;
use windows_sys::Win32::System::Threading::{
    CreateEventW, INFINITE, ResetEvent, SetEvent, WaitForMultipleObjects, WaitForSingleObject,
};

/// Whether a poll may name a descriptor that has been closed meanwhile, and so may be another's. A process that has its
/// handles checked strictly (Application Verifier, or a policy of its own) is ended for it.
pub const STALE_POLL_IS_HARMLESS: bool = false;

/// One socket in a [`poll`], or a waker.
#[derive(Clone, Copy, Debug)]
pub struct PollFd {
    handle: usize,
    is_event: bool,
    asked: Events,
    found: Events,
}

impl PollFd {
    /// Asks for `events`. A socket that is none is passed over.
    #[must_use]
    pub const fn new(fd: Fd, events: Events) -> Self {
        Self { handle: fd.0, is_event: false, asked: events, found: Events::NONE }
    }

    /// What the last poll found.
    #[must_use]
    pub const fn ready(&self) -> Events {
        self.found
    }

    const fn is_socket(&self) -> bool {
        !self.is_event && !Fd(self.handle).is_none()
    }
}

/// Waits until one of the entries is ready; how many are. `None` waits for ever. May end before its time.
pub fn poll(entries: &mut [PollFd], timeout: Timeout) -> Result<usize> {
    at_desk(|desk| desk.poll(entries, timeout.map(|timeout| timeout.min(LONGEST_WAIT))))
}

/// Whether the peer has finished sending, with bytes still queued or not.
#[must_use]
pub fn peer_has_finished(fd: Fd) -> bool {
    let told = at_desk(|desk| {
        desk.write([Line::new(fd.0, afd::END)].into_iter(), 1)?;
        desk.inquire(None, Some(Duration::ZERO))?;
        Ok(!desk.lines().is_empty())
    });
    told == Ok(true)
}

/// Milliseconds, rounded up.
pub(super) fn milliseconds(timeout: Timeout) -> u32 {
    let whole = |time: Duration| time.min(LONGEST_WAIT).as_nanos().div_ceil(1_000_000) as u32;
    timeout.map_or(INFINITE, whole)
}

/// An event that stays set until it is reset.
#[derive(Debug)]
pub(super) struct Event(usize);

impl Event {
    pub(super) fn new() -> Result<Self> {
        // SAFETY: takes no memory.
        let event = unsafe { CreateEventW(null(), 1, 0, null()) };
        if event.is_null() { Err(OsError::last()) } else { Ok(Self(event as usize)) }
    }

    pub(super) fn handle(&self) -> HANDLE {
        self.0 as HANDLE
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: nobody else closes it.
        unsafe { CloseHandle(self.handle()) };
    }
}

/// Waits for an event; whether it was set.
fn wait_for(event: HANDLE, milliseconds: u32) -> bool {
    // SAFETY: takes no memory.
    unsafe { WaitForSingleObject(event, milliseconds) == WAIT_OBJECT_0 }
}

/// What another thread can end a [`poll`] with.
#[derive(Debug)]
pub struct Waker(Event);

impl Waker {
    /// Makes one.
    pub fn new() -> Result<Self> {
        Event::new().map(Self)
    }

    /// What to poll so as to be woken.
    #[must_use]
    pub const fn entry(&self) -> PollFd {
        PollFd { handle: self.0.0, is_event: true, asked: Events::READ, found: Events::NONE }
    }

    /// Ends the poll that has its entry, or the next.
    pub fn wake(&self) {
        // SAFETY: takes no memory.
        unsafe { SetEvent(self.0.handle()) };
    }

    /// Takes the wake-ups back that there have been; whether there were any.
    pub fn drain(&self) -> bool {
        // SAFETY: takes no memory.
        wait_for(self.0.handle(), 0) && unsafe { ResetEvent(self.0.handle()) } != 0
    }

    /// There is no `fork`, and so nobody who has it without owning it.
    pub const fn abandon(&self) {}
}

/// What a thread polls with, kept from one poll to the next.
struct Desk {
    driver: Driver,
    answered: Event,
    /// Both have their own memory, which stays where it is while the driver writes to it.
    status: Box<IO_STATUS_BLOCK>,
    paper: Vec<u64>,
}

thread_local! {
    static DESK: Cell<Option<Desk>> = const { Cell::new(None) };
}

/// Lends the thread's desk; to a thread that is ending, one of its own.
fn at_desk<T>(body: impl FnOnce(&mut Desk) -> Result<T>) -> Result<T> {
    let mut desk = match DESK.try_with(Cell::take).ok().flatten() {
        Some(desk) => desk,
        None => Desk::new()?,
    };
    let outcome = body(&mut desk);
    let _ = DESK.try_with(|place| place.set(Some(desk)));
    outcome
}

impl Desk {
    fn new() -> Result<Self> {
        let (driver, answered) = (Driver::open()?, Event::new()?);
        Ok(Self { driver, answered, status: Box::default(), paper: Vec::new() })
    }

    fn poll(&mut self, entries: &mut [PollFd], timeout: Timeout) -> Result<usize> {
        let sockets = entries.iter().filter(|entry| entry.is_socket()).count();
        let waker = entries.iter().find(|entry| entry.is_event).map(|entry| entry.handle as HANDLE);
        let woken = match sockets {
            0 => sleep(waker, timeout),
            _ => match self.poll_sockets(entries, sockets, waker, timeout) {
                Err(NO_SOCKET) => {
                    find_bases(entries)?;
                    self.poll_sockets(entries, sockets, waker, timeout)?
                }
                other => other?,
            },
        };
        for entry in &mut *entries {
            entry.found = Events::READ.when(entry.is_event && woken);
        }
        let lines = if sockets == 0 { &[] } else { self.lines() };
        Ok(note(lines, entries) + usize::from(woken))
    }

    fn poll_sockets(
        &mut self,
        entries: &[PollFd],
        sockets: usize,
        waker: Option<HANDLE>,
        timeout: Timeout,
    ) -> Result<bool> {
        let line = |entry: &PollFd| Line::new(entry.handle, afd::question(entry.asked));
        self.write(entries.iter().filter(|entry| entry.is_socket()).map(line), sockets)?;
        self.inquire(waker, timeout)
    }

    /// Writes down what to ask about so many sockets.
    fn write(&mut self, lines: impl Iterator<Item = Line>, count: usize) -> Result<()> {
        let words = afd::length(count).div_ceil(size_of::<u64>());
        self.paper.clear();
        self.paper.try_reserve(words).map_err(|_| OUT_OF_MEMORY)?;
        self.paper.resize(words, 0);
        self.header().count = u32::try_from(count).map_err(|_| OUT_OF_MEMORY)?;
        for (place, line) in self.lines_mut().iter_mut().zip(lines) {
            *place = line;
        }
        Ok(())
    }

    fn header(&mut self) -> &mut Header {
        // SAFETY: the paper is as long, aligned for a number of 64 bits, and any bits make a header.
        unsafe { &mut *self.paper.as_mut_ptr().cast() }
    }

    fn lines_mut(&mut self) -> &mut [Line] {
        let room = (self.paper.len() * size_of::<u64>() - size_of::<Header>()) / size_of::<Line>();
        let count = room.min(self.header().count as usize);
        // SAFETY: behind the header the paper has room for as many, aligned for all their fields, and any bits make a
        // line.
        unsafe {
            let first = self.paper.as_mut_ptr().cast::<u8>().add(size_of::<Header>());
            std::slice::from_raw_parts_mut(first.cast(), count)
        }
    }

    /// What the driver has answered.
    fn lines(&mut self) -> &[Line] {
        self.lines_mut()
    }

    /// Asks what is written, and waits for the answer; whether it was the waker that ended this.
    fn inquire(&mut self, waker: Option<HANDLE>, timeout: Timeout) -> Result<bool> {
        let count = self.header().count;
        *self.header() = Header::new(count, timeout);
        self.status.Anonymous.Status = STATUS_PENDING;
        let question = self.paper.as_mut_ptr().cast();
        // SAFETY: both are on the heap, and `finish` does not return before the answer has come.
        let mut outcome = unsafe {
            let (event, status) = (self.answered.handle(), &raw mut *self.status);
            self.driver.ask(event, null(), status, question, count as usize)
        }?;
        let mut woken = false;
        if outcome == STATUS_PENDING {
            woken = self.finish(waker);
            outcome = self.status();
        }
        match outcome {
            STATUS_TIMEOUT | STATUS_CANCELLED => self.header().count = 0,
            status => _ = afd::check(status)?,
        }
        Ok(woken)
    }

    /// Waits until the driver is done, if need be because the waker has ended it; whether it has.
    fn finish(&self, waker: Option<HANDLE>) -> bool {
        let woken = waker.is_some_and(|waker| !self.answered_before(waker));
        if woken {
            self.driver.cancel(&raw const *self.status);
        }
        while self.status() == STATUS_PENDING {
            wait_for(self.answered.handle(), INFINITE);
        }
        woken
    }

    /// Waits until the driver is done or the waker is set; whether it is the driver.
    fn answered_before(&self, waker: HANDLE) -> bool {
        let events = [self.answered.handle(), waker];
        // SAFETY: the two handles outlive the call.
        unsafe { WaitForMultipleObjects(2, events.as_ptr(), 0, INFINITE) == WAIT_OBJECT_0 }
    }

    fn status(&self) -> i32 {
        let status = &raw const self.status.Anonymous;
        // SAFETY: the driver writes a status here, at any time and in one piece.
        unsafe { status.cast::<i32>().read_volatile() }
    }
}

/// Waits for no socket; whether the waker ended it.
fn sleep(waker: Option<HANDLE>, timeout: Timeout) -> bool {
    match waker {
        Some(waker) => wait_for(waker, milliseconds(timeout)),
        None => {
            std::thread::sleep(timeout.unwrap_or(LONGEST_WAIT));
            false
        }
    }
}

/// Has the entries name the driver's own sockets.
#[cold]
fn find_bases(entries: &mut [PollFd]) -> Result<()> {
    for entry in entries.iter_mut().filter(|entry| entry.is_socket()) {
        entry.handle = afd::base(entry.handle)?;
    }
    Ok(())
}

/// Notes what the driver has told of the entries, which it does in their order; of how many.
fn note(lines: &[Line], entries: &mut [PollFd]) -> usize {
    let (mut next, mut ready) = (0, 0);
    for line in lines {
        let mut places = (next..entries.len()).chain(0..next);
        let is_it = |place: &usize| entries[*place].is_socket() && entries[*place].handle == line.socket;
        let Some(place) = places.find(is_it) else { continue };
        entries[place].found = afd::meaning(line.bits);
        next = place + 1;
        ready += usize::from(!entries[place].found.is_empty());
    }
    ready
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a time that is cut short, a wait would make a busy loop of its end.
    #[test]
    fn times_are_rounded_up_and_never_become_one_without_end() {
        let nanosecond = Duration::from_nanos(1);
        let millisecond = Duration::from_millis(1);
        assert_eq!(milliseconds(None), INFINITE);
        assert_eq!(milliseconds(Some(Duration::ZERO)), 0);
        assert_eq!(milliseconds(Some(nanosecond)), 1);
        assert_eq!(milliseconds(Some(millisecond)), 1);
        assert_eq!(milliseconds(Some(millisecond + nanosecond)), 2);
        assert_eq!(u128::from(milliseconds(Some(Duration::MAX))), LONGEST_WAIT.as_millis());
    }
}
