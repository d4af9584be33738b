//! The errors that have a meaning to the library, and results of Winsock's calls. Not here: their texts (`core::error`).

use crate::sys::{OsError, Result};
use windows_sys::Win32::Foundation::ERROR_ALREADY_EXISTS;
use windows_sys::Win32::Networking::WinSock as ws;

/// The call would have to wait.
pub const WOULD_BLOCK: OsError = OsError(ws::WSAEWOULDBLOCK);

/// A signal came before anything happened: does not occur on this system.
pub const INTERRUPTED: OsError = OsError(ws::WSAEINTR);

/// Invalid arguments.
pub const INVALID: OsError = OsError(ws::WSAEINVAL);

/// There is no memory.
pub const OUT_OF_MEMORY: OsError = OsError(ws::WSA_NOT_ENOUGH_MEMORY);

/// The system does not support it.
pub(in crate::sys) const UNSUPPORTED: OsError = OsError(ws::WSAEOPNOTSUPP);

/// It is no socket: pipes and consoles can't be polled here.
pub(in crate::sys) const NO_SOCKET: OsError = OsError(ws::WSAENOTSOCK);

/// The count that a call returned, or why it failed.
pub(in crate::sys) fn count(result: i32) -> Result<usize> {
    usize::try_from(result).map_err(|_| OsError::last())
}

pub(in crate::sys) fn check(result: i32) -> Result<()> {
    if result == ws::SOCKET_ERROR { Err(OsError::last()) } else { Ok(()) }
}

/// A selector watches the socket already. Winsock has no such error, so that it is one of Win32.
pub const ALREADY_WATCHED: OsError = OsError(ERROR_ALREADY_EXISTS as i32);
