//! Sending bytes of a file: by the kernel (sendfile(2), splice(2)) where it can, else read and sent. Waiting and errors that
//! stay are those of `retry`. Not here: how a system sends a file (`sys::file`).

use crate::core::error::{Error, Result};
use crate::core::handle::lookup;
use crate::core::handle::slot::{Wait, flag};
use crate::core::handle::table::Ref;
use crate::core::name::kind::Class;
use crate::core::readiness;
use crate::core::socket::mode;
use crate::core::socket::retry::{Blocked, prepare, retry, whole};
use crate::sys::{self, Events, Fd, Flags, PollFd, Source};
use std::ops::Range;
use std::time::Duration;

/// How many bytes one system call moves at the most, so that a close is noticed in between.
const CHUNK: usize = 8 << 20;
/// How many bytes are read at a time where the kernel does not move them.
const BUFFER: usize = 64 << 10;
/// How many bytes are read from a stream, which can't be put back, before they are sent: on every system a writable socket has
/// room for as many.
const READ_AHEAD: usize = 2048;

/// The offset that stands for the file's own position.
const CURRENT: i64 = -1;
/// The length that stands for whatever there is.
const TO_THE_END: i64 = -1;

/// Sends `length` bytes of a file from `offset` on, up to the file's end or an error; how many. Offset -1 is the file's own
/// position, which moves; length -1 is to its end. Errors and blocking as in the header (`anysock_send_file`).
pub fn send_file(number: i64, raw: i64, offset: i64, length: i64) -> Result<usize> {
    let slot = lookup::socket(number)?;
    if !slot.kind().is_byte_stream() {
        return Err(Error::EOPNOTSUPP);
    }
    if offset < CURRENT || length < TO_THE_END {
        return Err(Error::EINVAL);
    }
    let file = Fd::from_raw(raw).ok_or(Error::EBADF)?;
    let source = sys::examine(file)?;
    if source == Source::Stream && offset != CURRENT {
        return Err(Error::ESPIPE);
    }
    // To the end: more bytes than any file has.
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let mut sender =
        Sender { slot: &slot, file, source, offset, in_kernel: true, buffer: Vec::new(), held: 0..0 };
    whole(&slot, Wait::Write, length, false, |moved, blocked| sender.step(moved, length - moved, blocked))
}

/// A file being sent in steps that do not wait, for the queue.
#[derive(Debug)]
pub struct Portion {
    file: Fd,
    /// It is a duplicate, so that the caller may close its descriptor.
    is_own: bool,
    offset: i64,
    moved: usize,
    left: usize,
    in_kernel: bool,
    buffer: Vec<u8>,
}

impl Portion {
    /// For a file; `EOPNOTSUPP` for a stream. Offset and length as for [`send_file`].
    pub fn new(raw: i64, offset: i64, length: i64) -> Result<Self> {
        if offset < CURRENT || length < TO_THE_END {
            return Err(Error::EINVAL);
        }
        let file = Fd::from_raw(raw).ok_or(Error::EBADF)?;
        match sys::examine(file)? {
            Source::File => {}
            Source::Stream => return Err(Error::EOPNOTSUPP),
        }
        let left = usize::try_from(length).unwrap_or(usize::MAX);
        Ok(Self { file, is_own: false, offset, moved: 0, left, in_kernel: true, buffer: Vec::new() })
    }

    /// Sends what the socket takes without waiting: how many bytes, and whether that were all.
    pub fn send(&mut self, slot: &Ref) -> Result<(usize, bool)> {
        if !slot.kind().is_byte_stream() || slot.class() != Class::Socket {
            return Err(if slot.class() == Class::Socket { Error::EOPNOTSUPP } else { Error::ENOTSOCK });
        }
        if slot.has(flag::SPECIAL_WRITE) {
            prepare(slot, Wait::Write, Flags::DONT_WAIT)?;
        }
        if self.left == 0 {
            return Ok((0, true));
        }
        let buffer = std::mem::take(&mut self.buffer);
        let (file, offset, in_kernel) = (self.file, self.offset, self.in_kernel);
        let mut sender = Sender { slot, file, source: Source::File, offset, in_kernel, buffer, held: 0..0 };
        let sent = sender.send_file(self.moved, self.left.min(CHUNK));
        (self.in_kernel, self.buffer) = (sender.in_kernel, sender.buffer);
        let sent = match sent {
            Err(Error::EAGAIN) => return Ok((0, false)),
            other => other?,
        };
        self.moved += sent;
        self.left -= sent;
        Ok((sent, sent == 0 || self.left == 0))
    }

    /// Duplicates the descriptor, so that the caller may close its own from now on.
    pub fn keep(&mut self) -> Result<()> {
        if !self.is_own {
            self.file = sys::duplicate_file(self.file)?;
            self.is_own = true;
        }
        Ok(())
    }
}

impl Drop for Portion {
    fn drop(&mut self) {
        if self.is_own {
            sys::close_file(self.file);
        }
    }
}

/// The state of one call.
struct Sender<'a> {
    slot: &'a Ref,
    file: Fd,
    source: Source,
    offset: i64,
    /// Whether the kernel has not refused yet to move the bytes itself.
    in_kernel: bool,
    buffer: Vec<u8>,
    /// The part of the buffer that was read from a stream and not sent yet.
    held: Range<usize>,
}

impl Sender<'_> {
    /// Sends some bytes without waiting for the socket; 0 is the end of the file.
    fn step(&mut self, moved: usize, most: usize, blocked: &mut Blocked<'_>) -> Result<usize> {
        if self.slot.has(flag::SPECIAL_WRITE) {
            prepare(self.slot, Wait::Write, Flags::DONT_WAIT)?;
        }
        match self.source {
            Source::File => self.send_file(moved, most.min(CHUNK)),
            Source::Stream => self.send_stream(most, blocked),
        }
    }

    /// Runs a system call that sends, and judges its errors.
    fn attempt<T>(&self, call: impl FnMut() -> sys::Result<T>) -> Result<T> {
        retry(self.slot, Wait::Write, Events::WRITE, true, call)
    }

    fn send_file(&mut self, moved: usize, most: usize) -> Result<usize> {
        let place = match self.offset {
            CURRENT => sys::position(self.file)?,
            offset => offset.saturating_add(moved as i64),
        };
        // A file has no bytes beyond the largest offset.
        let most = most.min(usize::try_from(i64::MAX - place).unwrap_or(usize::MAX));
        let sent = self.send_from(place, most)?;
        if self.offset == CURRENT {
            // Should not fail, as the position could be read. What was sent is returned in any case.
            let _ = sys::set_position(self.file, place + sent as i64);
        }
        Ok(sent)
    }

    fn send_from(&mut self, place: i64, most: usize) -> Result<usize> {
        if self.in_kernel {
            let (socket, file) = (self.slot.fd(), self.file);
            let send = || self.attempt(|| sys::send_file(socket, file, place, most));
            match mode::while_ours(self.slot, send).transpose()?.flatten() {
                Some(sent) => return Ok(sent),
                // The kernel can't, or would wait if others have the socket blocking.
                None => self.in_kernel = false,
            }
        }
        let file = self.file;
        let read = self.fill(most.min(BUFFER), |room| sys::read_at(file, place, room))?;
        if read == 0 {
            return Ok(0);
        }
        self.attempt(|| sys::send(self.slot.fd(), &self.buffer[..read], Flags::DONT_WAIT))
    }

    fn send_stream(&mut self, most: usize, blocked: &mut Blocked<'_>) -> Result<usize> {
        while self.in_kernel {
            let (socket, file) = (self.slot.fd(), self.file);
            let send = || self.attempt(|| sys::send_pipe(socket, file, most));
            match mode::while_ours(self.slot, send).transpose().map(Option::flatten) {
                Ok(Some(sent)) => return Ok(sent),
                Ok(None) => self.in_kernel = false,
                // EAGAIN does not say whether the pipe is empty or the socket full.
                Err(Error::EAGAIN) if !self.has_more()? => blocked.wait_for_source(self.file)?,
                Err(error) => return Err(error),
            }
        }
        if self.held.is_empty() {
            self.held = 0..self.read_ahead(most.min(READ_AHEAD), blocked)?;
        }
        if self.held.is_empty() {
            return Ok(0);
        }
        let held = self.held.clone();
        let sent =
            self.attempt(|| sys::send(self.slot.fd(), &self.buffer[held.clone()], Flags::DONT_WAIT))?;
        self.held.start += sent;
        Ok(sent)
    }

    /// Reads from a stream, but not before the socket can take it.
    fn read_ahead(&mut self, most: usize, blocked: &mut Blocked<'_>) -> Result<usize> {
        // A send of no bytes returns the error of a broken connection.
        self.attempt(|| sys::send(self.slot.fd(), &[], Flags::DONT_WAIT))?;
        if !readiness::kernel_says(self.slot, Events::WRITE) {
            return Err(Error::EAGAIN);
        }
        let file = self.file;
        loop {
            match self.fill(most, |room| sys::read_source(file, room)) {
                Err(Error::EAGAIN) => blocked.wait_for_source(file)?,
                other => return other,
            }
        }
    }

    /// Whether a read of the source would not wait.
    fn has_more(&self) -> Result<bool> {
        let found = sys::poll(&mut [PollFd::new(self.file, Events::READ)], Some(Duration::ZERO));
        Ok(found? > 0)
    }

    /// Reads into the buffer.
    fn fill(&mut self, most: usize, mut read: impl FnMut(&mut [u8]) -> sys::Result<usize>) -> Result<usize> {
        if self.buffer.len() < most {
            self.buffer.try_reserve_exact(most).map_err(|_| Error::ENOMEM)?;
            self.buffer.resize(most, 0);
        }
        loop {
            match read(&mut self.buffer[..most]) {
                Err(sys::INTERRUPTED) if self.slot.has(flag::INTERRUPTIBLE) => return Err(Error::EINTR),
                Err(sys::INTERRUPTED) => {}
                other => return Ok(other?),
            }
        }
    }
}
