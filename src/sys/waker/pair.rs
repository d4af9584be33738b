//! The waker of macOS and the BSDs: a pair of sockets. Not here: other systems (`eventfd`, `event`).

use crate::sys::{
    Events, Fd, Flags, Identity, PollFd, Result, close, identify, move_out_of_the_way, pair, recv, send,
};
use socket2::Type;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicI64, Ordering};

/// Makes a waker readable by writing to its descriptor; `false` if the buffer is full. Async-signal-safe.
pub(in crate::sys) fn pull(fd: Fd) -> bool {
    // The only failure is a buffer that is full: then it is readable.
    send(fd, &[1], Flags::default()).is_ok()
}

/// Ends the poll of another thread, by becoming readable.
#[derive(Debug)]
pub struct Waker {
    read: End,
    write: End,
}

/// One of the sockets.
#[derive(Debug)]
struct End {
    fd: AtomicI64,
    identity: Option<Identity>,
}

impl End {
    fn new(fd: Fd) -> Self {
        Self { fd: AtomicI64::new(fd.to_raw()), identity: identify(fd).ok() }
    }

    pub(in crate::sys) fn fd(&self) -> Fd {
        Fd::from_kept(self.fd.load(Ordering::Acquire))
    }

    fn is_ours(&self) -> bool {
        !self.fd().is_none() && identify(self.fd()).ok() == self.identity
    }

    fn lose(&self) -> Fd {
        Fd::from_kept(self.fd.swap(Fd::NONE.to_raw(), Ordering::AcqRel))
    }

    fn close(&self) {
        let is_ours = self.is_ours();
        let fd = self.lose();
        if is_ours && !fd.is_none() {
            close(fd);
        }
    }
}

impl Waker {
    /// Opens one; fails if the process is out of descriptors.
    pub fn new() -> Result<Self> {
        let (read, write) = pair(Type::STREAM)?;
        let [read, write] = [read, write].map(|fd| End::new(move_out_of_the_way(fd)));
        Ok(Self { read, write })
    }

    /// The entry with which a poll waits for it.
    #[must_use]
    pub fn entry(&self) -> PollFd {
        PollFd::new(self.fd(), Events::READ)
    }

    pub(in crate::sys) fn fd(&self) -> Fd {
        self.read.fd()
    }

    /// Makes it readable; `false` if it is full of wake-ups already.
    pub fn wake(&self) -> bool {
        pull(self.trigger())
    }

    /// The descriptor that makes it readable when written to.
    pub(in crate::sys) fn trigger(&self) -> Fd {
        self.write.fd()
    }

    /// Consumes the wake-ups; how many there were.
    pub fn drain(&self) -> u64 {
        let mut bytes = [MaybeUninit::uninit(); 64];
        let mut count = 0;
        while let Ok(more @ 1..) = recv(self.fd(), &mut bytes, Flags::default()) {
            count += more as u64;
        }
        count
    }

    /// Whether its numbers still refer to its sockets: a program may have closed all descriptors.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.read.is_ours() && self.write.is_ours()
    }

    /// Gives the numbers up, and closes those that still refer to its sockets.
    pub fn lose(&self) {
        self.read.close();
        self.write.close();
    }

    /// Whether it was given up, so that it can't wake anybody any more.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.fd().is_none()
    }

    /// Closes the descriptors before the waker is dropped, in a forked child: the waker is its parent's.
    pub fn abandon(&self) {
        self.lose();
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        self.abandon();
    }
}
