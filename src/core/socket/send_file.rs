//! Bytes of a file: sent by the kernel where it can, else read and sent. The waiting, the errors that stay and the
//! count of what has gone are those of `retry`. Not here: how a system sends a file (`sys`).

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

/// How much the kernel moves before it is asked again, so that a close is seen while a peer takes all there is.
const CHUNK: usize = 8 << 20;
/// How much is read at a time where the kernel does not move it.
const BUFFER: usize = 64 << 10;
/// How much is read of what can't be put back: room for so much makes a socket writable on every system.
const READ_AHEAD: usize = 2048;

/// The offset that stands for the file's own position.
const CURRENT: i64 = -1;
/// The length that stands for whatever there is.
const TO_THE_END: i64 = -1;

/// Sends bytes of a file: until `length`, the file's end or an error. -1 is the file's own position, which moves,
/// and its end.
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
    // To the end is more than any file has.
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let mut sender =
        Sender { slot: &slot, file, source, offset, in_kernel: true, buffer: Vec::new(), held: 0..0 };
    whole(&slot, Wait::Write, length, false, |moved, blocked| sender.step(moved, length - moved, blocked))
}

/// Bytes of a file that go little by little, as the socket takes them.
#[derive(Debug)]
pub struct Portion {
    file: Fd,
    /// A copy of the caller's descriptor, which it may close meanwhile.
    is_own: bool,
    offset: i64,
    moved: usize,
    left: usize,
    in_kernel: bool,
    buffer: Vec<u8>,
}

impl Portion {
    /// Of a file; of what has no positions there is none.
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

    /// Sends what the socket takes at once: how many bytes, and whether that were all.
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

    /// From now on the caller may close its descriptor.
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

/// One such call.
struct Sender<'a> {
    slot: &'a Ref,
    file: Fd,
    source: Source,
    offset: i64,
    /// Whether the kernel has not refused yet to move the bytes itself.
    in_kernel: bool,
    buffer: Vec<u8>,
    /// What of the buffer was read from a stream and waits to be sent.
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
        // No file is longer than its places can be counted.
        let most = most.min(usize::try_from(i64::MAX - place).unwrap_or(usize::MAX));
        let sent = self.send_from(place, most)?;
        if self.offset == CURRENT {
            // It has just told its position. What has gone is counted in any case.
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
                // It does not say who is in the way.
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
        // Nothing is sent, and a connection that is none is told.
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
