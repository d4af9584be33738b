//! The errors that have a meaning here, and the answers of Winsock's calls.

use crate::sys::{OsError, Result};
use windows_sys::Win32::Foundation::ERROR_ALREADY_EXISTS;
use windows_sys::Win32::Networking::WinSock as ws;

/// The call would have to wait.
pub const WOULD_BLOCK: OsError = OsError(ws::WSAEWOULDBLOCK);

/// A signal came before anything happened: never so on this system.
pub const INTERRUPTED: OsError = OsError(ws::WSAEINTR);

/// The arguments make no sense together.
pub const INVALID: OsError = OsError(ws::WSAEINVAL);

/// There is no memory.
pub const OUT_OF_MEMORY: OsError = OsError(ws::WSA_NOT_ENOUGH_MEMORY);

/// The system has no such thing.
pub(in crate::sys) const UNSUPPORTED: OsError = OsError(ws::WSAEOPNOTSUPP);

/// Pipes and consoles can't be polled, so that no handle stands for one.
pub(in crate::sys) const NO_SOCKET: OsError = OsError(ws::WSAENOTSOCK);

/// The count that a call returned, or why it failed.
pub(in crate::sys) fn count(result: i32) -> Result<usize> {
    usize::try_from(result).map_err(|_| OsError::last())
}

pub(in crate::sys) fn check(result: i32) -> Result<()> {
    if result == ws::SOCKET_ERROR { Err(OsError::last()) } else { Ok(()) }
}

/// A queue knows the socket already, under another tag. Winsock has no such error.
pub const ALREADY_WATCHED: OsError = OsError(ERROR_ALREADY_EXISTS as i32);
