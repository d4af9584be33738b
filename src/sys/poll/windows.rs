//! Readiness of a few sockets on Windows: one request to the driver names all of them, and the thread waits for its result or
//! for an event that another thread sets. So there is no limit on the number of sockets. Not here: the driver (`afd`), many
//! sockets (`readiness`).

use super::afd::{self, Driver, Header, Line};
use crate::sys::{Event, Events, Fd, OUT_OF_MEMORY, Result, Timeout, grow, milliseconds, wait_for};
use crate::sys::{LONGEST_WAIT, NO_SOCKET, ThreadLocal};
use std::mem::size_of;
use std::ptr::null;
use std::time::Duration;
use windows_sys::Win32::Foundation::{
    HANDLE, STATUS_CANCELLED, STATUS_PENDING, STATUS_TIMEOUT, WAIT_OBJECT_0,
};
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;
use windows_sys::Win32::System::Threading::{INFINITE, WaitForMultipleObjects};

/// Whether a poll may name a descriptor that was closed meanwhile, and may be another file's by now. Not here: strict handle
/// checks (Application Verifier, or a process mitigation policy) would end the process.
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
    /// An entry with this interest. One without a socket is ignored.
    #[must_use]
    pub const fn new(fd: Fd, events: Events) -> Self {
        Self { handle: fd.0, is_event: false, interest: events, found: Events::NONE }
    }

    /// An entry for an event object, which another thread sets.
    pub(in crate::sys) fn of_event(event: HANDLE) -> Self {
        Self { handle: event as usize, is_event: true, interest: Events::READ, found: Events::NONE }
    }

    /// The readiness that the last poll reported.
    #[must_use]
    pub const fn ready(&self) -> Events {
        self.found
    }

    const fn is_socket(&self) -> bool {
        !self.is_event && !Fd(self.handle).is_none()
    }
}

/// Waits until one of the entries is ready, or the timeout has passed (`None`: for ever); how many are ready. May end earlier,
/// after a day.
pub fn poll(entries: &mut [PollFd], timeout: Timeout) -> Result<usize> {
    with_cache(|cache| cache.poll(entries, timeout.map(|timeout| timeout.min(LONGEST_WAIT))))
}

/// Whether the driver reports any of these bits for a socket, without waiting.
pub(in crate::sys) fn has_reported(fd: Fd, bits: u32) -> bool {
    let reported = with_cache(|cache| {
        cache.write([Line::new(fd.0, bits)].into_iter(), 1)?;
        cache.inquire(None, Some(Duration::ZERO))?;
        Ok(!cache.lines().is_empty())
    });
    reported == Ok(true)
}

/// How the driver's answer came.
struct Answer {
    /// The waker has cancelled the request.
    woken: bool,
    /// It was not there at once.
    waited: bool,
}

/// What a thread needs to poll, kept from one poll to the next.
struct ThreadCache {
    driver: Driver,
    answered: Event,
    /// Both are on the heap, so that they do not move while the driver writes to them.
    status: Box<IO_STATUS_BLOCK>,
    buffer: Vec<u64>,
}

static CACHE: ThreadLocal<Option<ThreadCache>> = ThreadLocal::new();

/// Runs `body` with the thread's cache, or with a temporary one if the thread is ending.
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
        Ok(Self { driver, answered, status: Box::default(), buffer: Vec::new() })
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

    /// Whether the waker ended it. The driver may end a wait with the first socket that has become ready; poll(2) ends it with all
    /// that are so by then, for which the driver is asked once more.
    fn poll_sockets(
        &mut self,
        entries: &[PollFd],
        sockets: usize,
        waker: Option<HANDLE>,
        timeout: Timeout,
    ) -> Result<bool> {
        let line = |entry: &PollFd| Line::new(entry.handle, afd::question(entry.interest));
        let lines = || entries.iter().filter(|entry| entry.is_socket()).map(line);
        self.write(lines(), sockets)?;
        let answer = self.inquire(waker, timeout)?;
        if answer.waited && !answer.woken && sockets > 1 && !self.lines().is_empty() {
            self.write(lines(), sockets)?;
            self.inquire(None, Some(Duration::ZERO))?;
        }
        Ok(answer.woken)
    }

    /// Fills in a request for `count` sockets.
    fn write(&mut self, lines: impl Iterator<Item = Line>, count: usize) -> Result<()> {
        let words = afd::length(count).div_ceil(size_of::<u64>());
        self.buffer.clear();
        grow(&mut self.buffer, words)?;
        self.buffer.resize(words, 0);
        self.header().count = u32::try_from(count).map_err(|_| OUT_OF_MEMORY)?;
        for (place, line) in self.lines_mut().iter_mut().zip(lines) {
            *place = line;
        }
        Ok(())
    }

    fn header(&mut self) -> &mut Header {
        // SAFETY: the buffer is as long, aligned for a number of 64 bits, and any bits make a header.
        unsafe { &mut *self.buffer.as_mut_ptr().cast() }
    }

    fn lines_mut(&mut self) -> &mut [Line] {
        let room = (self.buffer.len() * size_of::<u64>() - size_of::<Header>()) / size_of::<Line>();
        let count = room.min(self.header().count as usize);
        // SAFETY: behind the header the buffer has room for as many, aligned for all their fields, and any bits make a line.
        unsafe {
            let first = self.buffer.as_mut_ptr().cast::<u8>().add(size_of::<Header>());
            std::slice::from_raw_parts_mut(first.cast(), count)
        }
    }

    /// The driver's result.
    fn lines(&mut self) -> &[Line] {
        self.lines_mut()
    }

    /// Sends the request, and waits for the result.
    fn inquire(&mut self, waker: Option<HANDLE>, timeout: Timeout) -> Result<Answer> {
        let count = self.header().count;
        *self.header() = Header::new(count, timeout);
        self.status.Anonymous.Status = STATUS_PENDING;
        let question = self.buffer.as_mut_ptr().cast();
        // SAFETY: both are on the heap, and `finish` does not return before the answer has come.
        let mut outcome = unsafe {
            let (event, status) = (self.answered.handle(), &raw mut *self.status);
            self.driver.ask(event, null(), status, question, count as usize)
        }?;
        let mut answer = Answer { woken: false, waited: outcome == STATUS_PENDING };
        if answer.waited {
            answer.woken = self.finish(waker);
            outcome = self.status();
        }
        match outcome {
            STATUS_TIMEOUT | STATUS_CANCELLED => self.header().count = 0,
            status => _ = afd::check(status)?,
        }
        Ok(answer)
    }

    /// Waits until the driver has completed the request, which the waker cancels; whether it did.
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

    /// Waits until the driver has completed the request or the waker is set; whether it was the driver.
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

/// Waits without a socket; whether the waker ended the wait.
fn sleep(waker: Option<HANDLE>, timeout: Timeout) -> bool {
    match waker {
        Some(waker) => wait_for(waker, milliseconds(timeout)),
        None => {
            std::thread::sleep(timeout.unwrap_or(LONGEST_WAIT));
            false
        }
    }
}

/// Replaces the entries' sockets by the driver's own (`afd::base`).
#[cold]
fn find_bases(entries: &mut [PollFd]) -> Result<()> {
    for entry in entries.iter_mut().filter(|entry| entry.is_socket()) {
        entry.handle = afd::base(entry.handle)?;
    }
    Ok(())
}

/// Stores the driver's result, which is in the order of the entries, in the entries; how many are ready.
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
