//! Readiness of a few sockets on Windows: the driver is asked about all of them in one question, and the thread waits for its
//! answer or for an event that another thread sets. So there is no limit on how many sockets there are. Not here: the
//! driver (`afd`), many sockets (`readiness`).

use super::afd::{self, Driver, Header, Line};
use crate::sys::{Event, Events, Fd, OUT_OF_MEMORY, Result, Timeout, milliseconds, wait_for};
use crate::sys::{LONGEST_WAIT, NO_SOCKET, ThreadLocal};
use std::mem::size_of;
use std::ptr::null;
use std::time::Duration;
use windows_sys::Win32::Foundation::{
    HANDLE, STATUS_CANCELLED, STATUS_PENDING, STATUS_TIMEOUT, WAIT_OBJECT_0,
};
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;
use windows_sys::Win32::System::Threading::{INFINITE, WaitForMultipleObjects};

/// Whether a poll may name a descriptor that has been closed meanwhile, and so may be another's. A process that has its
/// handles checked strictly (Application Verifier, or a policy of its own) is ended for it.
pub const STALE_POLL_IS_HARMLESS: bool = false;

/// One socket in a [`poll`], or a waker.
#[derive(Clone, Copy, Debug)]
pub struct PollFd {
    handle: usize,
    is_event: bool,
    interest: Events,
    found: Events,
}

impl PollFd {
    /// Asks for `events`. A socket that is none is passed over.
    #[must_use]
    pub const fn new(fd: Fd, events: Events) -> Self {
        Self { handle: fd.0, is_event: false, interest: events, found: Events::NONE }
    }

    /// Waits for an event object, which another thread sets.
    pub(in crate::sys) fn of_event(event: HANDLE) -> Self {
        Self { handle: event as usize, is_event: true, interest: Events::READ, found: Events::NONE }
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
    with_cache(|cache| cache.poll(entries, timeout.map(|timeout| timeout.min(LONGEST_WAIT))))
}

/// Asks the driver about one socket, without waiting; whether it has one of these to tell.
pub(in crate::sys) fn has_told(fd: Fd, bits: u32) -> bool {
    let told = with_cache(|cache| {
        cache.write([Line::new(fd.0, bits)].into_iter(), 1)?;
        cache.inquire(None, Some(Duration::ZERO))?;
        Ok(!cache.lines().is_empty())
    });
    told == Ok(true)
}

/// What a thread polls with, kept from one poll to the next.
struct ThreadCache {
    driver: Driver,
    answered: Event,
    /// Both have their own memory, which stays where it is while the driver writes to it.
    status: Box<IO_STATUS_BLOCK>,
    paper: Vec<u64>,
}

static CACHE: ThreadLocal<Option<ThreadCache>> = ThreadLocal::new();

/// Lends the thread's cache; to a thread that is ending, one of its own.
fn with_cache<T>(body: impl FnOnce(&mut ThreadCache) -> Result<T>) -> Result<T> {
    let mut cache = match CACHE.with(Option::take).flatten() {
        Some(cache) => cache,
        None => ThreadCache::new()?,
    };
    let outcome = body(&mut cache);
    CACHE.with(|place| *place = Some(cache));
    outcome
}

impl ThreadCache {
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
        let line = |entry: &PollFd| Line::new(entry.handle, afd::question(entry.interest));
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
