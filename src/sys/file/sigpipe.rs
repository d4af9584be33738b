//! Writes to what is no socket, without SIGPIPE: there is no flag like `MSG_NOSIGNAL` for them. Not here: sockets (`transfer`).

#[cfg(any(target_vendor = "apple", target_os = "netbsd"))]
use crate::sys::check;
use crate::sys::{Fd, Result};
#[cfg(not(any(target_vendor = "apple", target_os = "netbsd")))]
use crate::sys::{OsError, uncancelled};

/// Runs a write that raises no SIGPIPE. Here the signal goes to any thread, so that blocking it in this one is not enough; the
/// descriptor has a flag against it (fcntl(2)), which is reset at once, because whoever shares the pipe shares the flag.
#[cfg(any(target_vendor = "apple", target_os = "netbsd"))]
pub(in crate::sys) fn without_sigpipe(fd: Fd, write: impl FnOnce() -> Result<usize>) -> Result<usize> {
    // SAFETY: takes no memory.
    let before = check(unsafe { libc::fcntl(fd.0, libc::F_GETNOSIGPIPE) })?;
    // SAFETY: takes no memory.
    check(unsafe { libc::fcntl(fd.0, libc::F_SETNOSIGPIPE, 1) })?;
    let outcome = write();
    // SAFETY: takes no memory.
    unsafe { libc::fcntl(fd.0, libc::F_SETNOSIGPIPE, before) };
    outcome
}

/// Runs a write with SIGPIPE blocked, and consumes the signal if the write has raised it. Here the signal goes to the thread that
/// writes. It may be raised by a write that succeeds, after some bytes.
#[cfg(not(any(target_vendor = "apple", target_os = "netbsd")))]
pub(in crate::sys) fn without_sigpipe(_fd: Fd, write: impl FnOnce() -> Result<usize>) -> Result<usize> {
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
        // A program that ignores the signal does not get it: sigwait only for one that is pending.
        let failed = outcome == Err(OsError(libc::EPIPE));
        if (failed || !theirs) && sigpipe_is_pending() {
            let mut taken = 0;
            uncancelled(|| libc::sigwait(&pipe, &mut taken));
            // The signal of this write was pending for the thread, and is consumed first. If the program's own was merged with
            // it, raise it again.
            if theirs && !sigpipe_is_pending() {
                libc::raise(libc::SIGPIPE);
            }
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
        outcome
    }
}

#[cfg(not(any(target_vendor = "apple", target_os = "netbsd")))]
fn sigpipe_is_pending() -> bool {
    // SAFETY: the set is filled in before it is read.
    unsafe {
        let mut pending: libc::sigset_t = std::mem::zeroed();
        libc::sigpending(&mut pending);
        libc::sigismember(&pending, libc::SIGPIPE) == 1
    }
}
