//! A socket handle on Windows: closing and duplicating it, its flags, its blocking mode. Not here: files (`file`).

use crate::sys::{OsError, Result, WOULD_BLOCK, check};
use socket2::Socket;
use std::mem::ManuallyDrop;
use std::os::windows::io::{FromRawSocket, IntoRawSocket};
use windows_sys::Win32::Foundation::{
    GetHandleInformation, HANDLE, HANDLE_FLAG_INHERIT, SetHandleInformation,
};
use windows_sys::Win32::Networking::WinSock as ws;

/// A socket. Copyable, because who may close it is decided by the handle table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fd(pub(in crate::sys) ws::SOCKET);

impl Fd {
    /// No socket.
    pub const NONE: Self = Self(ws::INVALID_SOCKET);

    /// Whether this is no socket.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == ws::INVALID_SOCKET
    }

    /// The number as the ABI carries it.
    #[must_use]
    pub const fn to_raw(self) -> i64 {
        self.0 as i64
    }

    /// From the ABI's number; `None` if no socket can have it.
    #[must_use]
    pub fn from_raw(raw: i64) -> Option<Self> {
        usize::try_from(raw).ok().map(Self).filter(|fd| !fd.is_none())
    }

    /// The inverse of [`Self::to_raw`], for [`Self::NONE`] too.
    #[must_use]
    #[inline]
    pub const fn from_kept(raw: i64) -> Self {
        Self(raw as ws::SOCKET)
    }
}

pub(in crate::sys) fn into_fd(socket: Socket) -> Fd {
    Fd(socket.into_raw_socket() as ws::SOCKET)
}

/// Borrows a socket for one of socket2's methods.
pub(in crate::sys) fn with_socket<T>(fd: Fd, body: impl FnOnce(&Socket) -> std::io::Result<T>) -> Result<T> {
    // SAFETY: the caller's handle keeps `fd` open for this call, and ManuallyDrop keeps this borrower from closing it.
    let socket = ManuallyDrop::new(unsafe { Socket::from_raw_socket(fd.0 as _) });
    body(&socket).map_err(OsError::from)
}

/// Closes. Winsock refuses to close a non-blocking socket that would linger: then it is made blocking, and the close waits, as on
/// other systems. Any other error is ignored: the socket is gone.
pub fn close(fd: Fd) {
    // SAFETY: the handle table calls this once, after the last reference to the socket is gone.
    let closed = check(unsafe { ws::closesocket(fd.0) });
    if closed == Err(WOULD_BLOCK) && set_blocking(fd, true).is_ok() {
        // SAFETY: it is still open, and still nobody else's.
        unsafe { ws::closesocket(fd.0) };
    }
}

/// Whether the process has a socket of that number.
pub fn is_open(fd: Fd) -> bool {
    inherit(fd).is_ok()
}

/// Another socket handle of the same socket, not inherited.
pub fn duplicate(fd: Fd) -> Result<Fd> {
    with_socket(fd, Socket::try_clone).map(into_fd)
}

/// Whether a read or write can be made non-blocking for one call: not here, where the socket's mode decides, which can't be read.
pub const HAS_DONT_WAIT: bool = false;

/// Replaces the socket of `old` by that of `new`; returns the descriptor that now has it, and one that is to be closed once no
/// call uses it any more. Winsock has no `dup2`, so that the number changes.
pub fn replace(old: Fd, new: Fd) -> Result<(Fd, Fd)> {
    Ok((new, old))
}

/// Sets the mode.
pub fn set_nonblocking(fd: Fd, on: bool) -> Result<()> {
    set_blocking(fd, !on).map(drop)
}

/// Runs a call that has no flag of its own against waiting; here every socket of the library is non-blocking.
pub fn without_blocking<T>(_fd: Fd, call: impl FnOnce() -> Result<T>) -> Result<T> {
    call()
}

/// Sets or clears the blocking mode. Which it was can't be read here: `true`, as sockets are opened blocking.
pub fn set_blocking(fd: Fd, blocking: bool) -> Result<bool> {
    let mut non_blocking = u32::from(!blocking);
    // SAFETY: FIONBIO reads one number.
    check(unsafe { ws::ioctlsocket(fd.0, ws::FIONBIO, &mut non_blocking) })?;
    Ok(true)
}

/// Whether a process started by this one gets the socket.
pub fn inherit(fd: Fd) -> Result<bool> {
    let mut flags = 0;
    // SAFETY: the number outlives the call.
    match unsafe { GetHandleInformation(fd.0 as HANDLE, &mut flags) } {
        0 => Err(OsError::last()),
        _ => Ok(flags & HANDLE_FLAG_INHERIT != 0),
    }
}

/// Sets whether a process started by this one gets the socket.
pub fn set_inherit(fd: Fd, inherit: bool) -> Result<()> {
    let flags = if inherit { HANDLE_FLAG_INHERIT } else { 0 };
    // SAFETY: takes no memory.
    match unsafe { SetHandleInformation(fd.0 as HANDLE, HANDLE_FLAG_INHERIT, flags) } {
        0 => Err(OsError::last()),
        _ => Ok(()),
    }
}
