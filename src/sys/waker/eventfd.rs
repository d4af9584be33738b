//! The waker of Linux: an eventfd(2), or a socket where a sandbox refuses that. Not here: other systems (`pair`, `event`).

use crate::sys::calls;
use crate::sys::{
    Events, Fd, Identity, PollFd, Result, check, close, connect, identify, is_refusal, local,
    move_out_of_the_way, open, set_blocking,
};
use libc::c_void;
use socket2::{Domain, Type};
use std::mem::size_of;
use std::sync::atomic::{AtomicI32, Ordering};

/// Makes a waker readable by writing to its descriptor; `false` if the counter is full. Async-signal-safe.
pub(in crate::sys) fn pull(fd: Fd) -> bool {
    let one = 1_u64;
    // SAFETY: writes the eight bytes of `one`. The only failure is that it is full: then it is readable.
    unsafe { calls::write(fd.0, std::ptr::from_ref(&one).cast::<c_void>(), size_of::<u64>()) > 0 }
}

/// Ends the poll of another thread, by becoming readable.
#[derive(Debug)]
pub struct Waker {
    fd: AtomicI32,
    identity: Identity,
    /// It is not an eventfd, which counts wake-ups, but a socket, which has a datagram for each.
    is_socket: bool,
}

impl Waker {
    /// Opens one; fails if the process is out of descriptors.
    pub fn new() -> Result<Self> {
        // SAFETY: takes no memory.
        let (fd, is_socket) = match check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })
        {
            Err(error) if is_refusal(error) => (self_connected()?, true),
            other => (Fd(other?), false),
        };
        let fd = move_out_of_the_way(fd);
        let identity = identify(fd).inspect_err(|_| close(fd))?;
        Ok(Self { fd: AtomicI32::new(fd.0), identity, is_socket })
    }

    /// The entry with which a poll waits for it.
    #[must_use]
    pub fn entry(&self) -> PollFd {
        PollFd::new(self.fd(), Events::READ)
    }

    #[inline]
    pub(in crate::sys) fn fd(&self) -> Fd {
        Fd(self.fd.load(Ordering::Acquire))
    }

    /// Makes it readable; `false` if it is full of wake-ups already.
    pub fn wake(&self) -> bool {
        pull(self.fd())
    }

    /// The descriptor that makes it readable when written to.
    pub(in crate::sys) fn trigger(&self) -> Fd {
        self.fd()
    }

    /// Consumes the wake-ups; how many there were.
    pub fn drain(&self) -> u64 {
        let first = self.take();
        let more = || self.is_socket.then(|| self.take()).filter(|count| *count > 0);
        first + std::iter::from_fn(more).sum::<u64>()
    }

    fn take(&self) -> u64 {
        let mut count = 0_u64;
        // SAFETY: reads at most the eight bytes of `count`.
        unsafe {
            calls::read(self.fd().0, std::ptr::from_mut(&mut count).cast::<c_void>(), size_of::<u64>())
        };
        count
    }

    /// Whether its number still refers to a file of its type: a program may have closed all descriptors.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        identify(self.fd()) == Ok(self.identity)
    }

    /// Gives the number up without closing it, because it is another file's.
    pub fn lose(&self) {
        self.fd.store(Fd::NONE.0, Ordering::Release);
    }

    /// Whether it was given up, so that it can't wake anybody any more.
    #[must_use]
    #[inline]
    pub fn is_lost(&self) -> bool {
        self.fd().is_none()
    }

    /// Closes the descriptor before the waker is dropped, in a forked child: the waker is its parent's.
    pub fn abandon(&self) {
        let is_ours = self.is_ours();
        let fd = Fd(self.fd.swap(Fd::NONE.0, Ordering::AcqRel));
        if is_ours && !fd.is_none() {
            close(fd);
        }
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// The fallback for `eventfd2`: a datagram socket connected to itself, which receives datagrams from nobody else.
#[cold]
fn self_connected() -> Result<Fd> {
    let fd = open(Domain::UNIX, Type::DGRAM, 0)?;
    let connect = || {
        set_blocking(fd, false)?;
        // The kernel chooses an abstract name (unix(7), autobind).
        let family = libc::AF_UNIX as libc::sa_family_t;
        // SAFETY: an address that is no longer than its family.
        check(unsafe { libc::bind(fd.0, std::ptr::from_ref(&family).cast(), size_of_val(&family) as _) })?;
        connect(fd, &local(fd)?)
    };
    connect().map(|_| fd).inspect_err(|_| close(fd))
}
