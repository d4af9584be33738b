//! What POSIX has since 2024 and every Unix but Apple's offers: sockets that are born non-blocking,
//! `accept4`, `ppoll`. Its counterpart is `apple`.

use super::unix::{check, timespec};
use super::{Events, Fd, Result, Timeout};
use libc::c_short;
use socket2::{Socket, Type};

/// A socket is opened non-blocking by the same system call.
pub(super) fn non_blocking(kind: Type) -> Type {
    kind.nonblocking()
}

/// Nothing is left to do on a new socket.
pub(super) fn settle(_socket: &Socket) -> Result<()> {
    Ok(())
}

/// Takes the next connection of a listener.
pub fn accept(fd: Fd) -> Result<Fd> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no address is asked for, so no memory is passed.
    check(unsafe { libc::accept4(fd.0, std::ptr::null_mut(), std::ptr::null_mut(), flags) }).map(Fd)
}

/// One descriptor in a [`poll`].
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct PollFd(pub(super) libc::pollfd);

impl PollFd {
    /// Asks for `events`. A descriptor that is none is passed over.
    #[must_use]
    #[inline]
    pub fn new(fd: Fd, events: Events) -> Self {
        let bit = |event: Events, bit: c_short| if events.any(event) { bit } else { 0 };
        let asked = bit(Events::READ, libc::POLLIN)
            | bit(Events::WRITE, libc::POLLOUT)
            | bit(Events::EXCEPT, libc::POLLPRI);
        Self(libc::pollfd { fd: fd.0, events: asked, revents: 0 })
    }

    /// What the last poll found.
    #[must_use]
    pub fn ready(&self) -> Events {
        let found = self.0.revents;
        // Most sockets are not ready, and most others just readable.
        if found == 0 || found == libc::POLLIN {
            return Events::READ.when(found != 0);
        }
        let over = found & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0;
        Events::READ
            .when(over || found & libc::POLLIN != 0)
            .or(Events::WRITE.when(over || found & libc::POLLOUT != 0))
            .or(Events::EXCEPT.when(found & libc::POLLPRI != 0))
            .or(Events::HANGUP.when(found & libc::POLLHUP != 0))
            .or(Events::ERROR.when(found & (libc::POLLERR | libc::POLLNVAL) != 0))
    }
}

/// Waits until one of the entries is ready; how many are. `None` waits for ever.
#[inline]
pub fn poll(entries: &mut [PollFd], timeout: Timeout) -> Result<usize> {
    let time = timespec(timeout);
    let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: PollFd is a transparent pollfd, the slice is writable for its length, no signal mask is passed.
    let ready = check(unsafe {
        let list = entries.as_mut_ptr().cast::<libc::pollfd>();
        libc::ppoll(list, entries.len() as libc::nfds_t, time, std::ptr::null())
    })?;
    Ok(ready as usize)
}

/// Runs a write whose SIGPIPE, if it raises one, is taken back before the thread's mask is restored: here the
/// signal goes to the thread that writes. It may come although some bytes have gone, and the write has worked.
#[cfg(not(target_os = "netbsd"))]
pub(super) fn without_sigpipe(_fd: Fd, write: impl FnOnce() -> Result<usize>) -> Result<usize> {
    // SAFETY: every set is initialised by the system before it is read, and all of them outlive the calls.
    unsafe {
        let mut pipe: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut pipe);
        libc::sigaddset(&mut pipe, libc::SIGPIPE);
        libc::pthread_sigmask(libc::SIG_BLOCK, &pipe, &mut before);
        // One that is pending already belongs to the program, which must have blocked it.
        let theirs = libc::sigismember(&before, libc::SIGPIPE) == 1 && sigpipe_is_pending();
        let outcome = write();
        // A program that ignores the signal may not get it even so: never wait for what is not there.
        let failed = outcome == Err(super::OsError(libc::EPIPE));
        if (failed || !theirs) && sigpipe_is_pending() {
            let mut taken = 0;
            libc::sigwait(&pipe, &mut taken);
            // The thread's own comes first; if theirs had merged with it, they get it back.
            if theirs && !sigpipe_is_pending() {
                libc::raise(libc::SIGPIPE);
            }
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
        outcome
    }
}

#[cfg(not(target_os = "netbsd"))]
fn sigpipe_is_pending() -> bool {
    // SAFETY: the set is filled in before it is read.
    unsafe {
        let mut pending: libc::sigset_t = std::mem::zeroed();
        libc::sigpending(&mut pending);
        libc::sigismember(&pending, libc::SIGPIPE) == 1
    }
}
