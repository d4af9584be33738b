//! A descriptor on Unix: closing and duplicating it, its flags, its blocking mode. Not here: what it refers to (`socket`, `file`).

use crate::sys::calls;
use crate::sys::{OsError, Result, check};
use libc::c_int;
use socket2::Socket;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, IntoRawFd};

/// Whether a read or write of a socket can be made non-blocking for one call (MSG_DONTWAIT), whatever the descriptor's mode is.
pub const HAS_DONT_WAIT: bool = true;

/// A descriptor. Copyable, because who may close it is decided by the handle table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fd(pub(in crate::sys) c_int);

impl Fd {
    /// No descriptor.
    pub const NONE: Self = Self(-1);

    /// Whether this is no descriptor.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 < 0
    }

    /// The number as the ABI carries it.
    #[must_use]
    pub const fn to_raw(self) -> i64 {
        self.0 as i64
    }

    /// From the ABI's number; `None` if no descriptor can have it.
    #[must_use]
    pub fn from_raw(raw: i64) -> Option<Self> {
        c_int::try_from(raw).ok().filter(|fd| *fd >= 0).map(Self)
    }

    /// The inverse of [`Self::to_raw`], for [`Self::NONE`] too.
    #[must_use]
    #[inline]
    pub const fn from_kept(raw: i64) -> Self {
        Self(raw as c_int)
    }
}

/// Takes a descriptor over from socket2.
pub(in crate::sys) fn into_fd(socket: Socket) -> Fd {
    Fd(socket.into_raw_fd())
}

/// Borrows a descriptor for one of socket2's methods.
pub(in crate::sys) fn with_socket<T>(fd: Fd, body: impl FnOnce(&Socket) -> std::io::Result<T>) -> Result<T> {
    // SAFETY: the caller's handle keeps `fd` open for this call, and ManuallyDrop keeps this borrower from closing it.
    let socket = std::mem::ManuallyDrop::new(unsafe { Socket::from_raw_fd(fd.0) });
    body(&socket).map_err(OsError::from)
}

/// Closes, as close(2). An error is ignored: the descriptor is gone in any case. May block for SO_LINGER.
pub fn close(fd: Fd) {
    // SAFETY: the handle table calls this once, after the last reference to the descriptor is gone.
    unsafe { calls::close(fd.0) };
}

/// Whether the process has a descriptor of that number.
pub fn is_open(fd: Fd) -> bool {
    // SAFETY: takes no memory.
    unsafe { libc::fcntl(fd.0, libc::F_GETFD) >= 0 }
}

/// Another descriptor of the same open file, close-on-exec.
pub fn duplicate(fd: Fd) -> Result<Fd> {
    // SAFETY: takes no memory.
    check(unsafe { libc::fcntl(fd.0, libc::F_DUPFD_CLOEXEC, 0) }).map(Fd)
}

/// Where the numbers of the library's own descriptors begin. Not above 64, up to which every process of Linux has room from its
/// start: for more the kernel lets all threads wait.
const OWN: c_int = 32;

/// Gives a descriptor that no caller has asked for a number that no caller expects: programs count on 0, 1 and 2, and on getting
/// the lowest number that is free. Where no other is to be had, it keeps its own.
pub(in crate::sys) fn move_out_of_the_way(fd: Fd) -> Fd {
    if fd.0 >= OWN {
        return fd;
    }
    // SAFETY: takes no memory.
    let moved = unsafe { libc::fcntl(fd.0, libc::F_DUPFD_CLOEXEC, OWN) };
    if moved < 0 {
        return fd;
    }
    close(fd);
    Fd(moved)
}

/// Replaces the socket of `old` by that of `new`, which is closed; returns the descriptor that now has it, and one that is to be
/// closed once no call uses it any more. Here `old` keeps its number (dup2(2)), so that running calls never see it vanish, and
/// nothing is left to be closed.
pub fn replace(old: Fd, new: Fd) -> Result<(Fd, Fd)> {
    let flags = inherit(new).map(|inherited| if inherited { 0 } else { libc::FD_CLOEXEC });
    // SAFETY: takes no memory.
    let outcome = check(unsafe { libc::dup2(new.0, old.0) });
    close(new);
    outcome?;
    // SAFETY: takes no memory.
    check(unsafe { libc::fcntl(old.0, libc::F_SETFD, flags?) })?;
    Ok((old, Fd::NONE))
}

/// The type of a file: the `S_IFMT` bits of stat(2).
pub(in crate::sys) fn file_type(file: Fd) -> Result<libc::mode_t> {
    Ok(stat(file)?.st_mode & libc::S_IFMT)
}

/// Sets or clears the blocking mode (O_NONBLOCK); whether it was blocking before.
pub fn set_blocking(fd: Fd, blocking: bool) -> Result<bool> {
    let was = is_blocking(fd)?;
    if was != blocking {
        set_nonblocking(fd, !blocking)?;
    }
    Ok(was)
}

/// Sets the mode by one system call, without reading it first.
pub fn set_nonblocking(fd: Fd, on: bool) -> Result<()> {
    let mut value = c_int::from(on);
    // SAFETY: FIONBIO reads one int.
    check(unsafe { libc::ioctl(fd.0, libc::FIONBIO, &mut value) }).map(drop)
}

/// Runs a system call that has no flag of its own against waiting. If the descriptor is blocking, because another program that
/// shares it wants that, it is non-blocking for the moment of the call.
pub fn without_blocking<T>(fd: Fd, call: impl FnOnce() -> Result<T>) -> Result<T> {
    if !is_blocking(fd)? {
        return call();
    }
    let locked = lock_against_processes(fd, libc::F_WRLCK);
    let outcome = set_nonblocking(fd, true).and_then(|()| call());
    let _ = set_nonblocking(fd, false);
    if locked {
        lock_against_processes(fd, libc::F_UNLCK);
    }
    outcome
}

fn is_blocking(fd: Fd) -> Result<bool> {
    // SAFETY: takes no memory.
    check(unsafe { libc::fcntl(fd.0, libc::F_GETFL) }).map(|flags| flags & libc::O_NONBLOCK == 0)
}

/// Takes or releases (`kind`) a record lock of fcntl(2) on a descriptor that processes share: of those that use this library only
/// one changes the mode at a time. The lock ends with its process. Whether it was taken; it is not if another process keeps it, or
/// the system has no such locks for sockets.
fn lock_against_processes(fd: Fd, kind: impl Into<c_int>) -> bool {
    // SAFETY: plain numbers, for which zero is a value.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind.into() as _;
    lock.l_whence = libc::SEEK_SET as _;
    for _ in 0..LOCK_TRIES {
        // SAFETY: the structure outlives the call.
        match check(unsafe { libc::fcntl(fd.0, libc::F_SETLK, &lock) }) {
            Ok(_) => return true,
            Err(OsError(libc::EAGAIN | libc::EACCES)) => std::thread::yield_now(),
            Err(_) => return false,
        }
    }
    false
}

/// How often to try for such a lock.
const LOCK_TRIES: u32 = 100;

/// Whether a program started by `exec` keeps the descriptor.
pub fn inherit(fd: Fd) -> Result<bool> {
    // SAFETY: takes no memory.
    check(unsafe { libc::fcntl(fd.0, libc::F_GETFD) }).map(|flags| flags & libc::FD_CLOEXEC == 0)
}

/// Sets whether a program started by `exec` keeps the descriptor (FD_CLOEXEC).
pub fn set_inherit(fd: Fd, inherit: bool) -> Result<()> {
    let flags = if inherit { 0 } else { libc::FD_CLOEXEC };
    // SAFETY: takes no memory.
    check(unsafe { libc::fcntl(fd.0, libc::F_SETFD, flags) }).map(drop)
}

/// Which file a descriptor refers to (device, inode, type): unique for sockets and pipes; others may at least differ by type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sys) struct Identity(libc::dev_t, libc::ino_t, libc::mode_t);

pub(in crate::sys) fn identify(fd: Fd) -> Result<Identity> {
    let about = stat(fd)?;
    Ok(Identity(about.st_dev, about.st_ino, about.st_mode & libc::S_IFMT))
}

fn stat(fd: Fd) -> Result<libc::stat> {
    let mut about = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the structure is written as a whole, or the call fails.
    check(unsafe { libc::fstat(fd.0, about.as_mut_ptr()) })?;
    // SAFETY: the call above has written it.
    Ok(unsafe { about.assume_init() })
}
