//! `setsockopt`, `getsockopt` and `WSAIoctl` by Winsock's own numbers. Not here: options by name (`access`).

use crate::sys::{Fd, INVALID, OsError, Result, check};
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use windows_sys::Win32::Networking::WinSock as ws;

/// Level and name of the option that reads the pending error.
pub const SO_ERROR: (i32, i32) = (ws::SOL_SOCKET, ws::SO_ERROR);

/// Level and name of the option that reads the socket's type.
pub const SO_TYPE: (i32, i32) = (ws::SOL_SOCKET, ws::SO_TYPE);

/// `setsockopt` (Winsock's reference). The system's errors; `WSAEINVAL` for a length that no option has. Does not block.
pub fn set_option(fd: Fd, level: i32, name: i32, value: &[u8]) -> Result<()> {
    let length = i32::try_from(value.len()).map_err(|_| INVALID)?;
    // SAFETY: the slice is readable for its length.
    match check(unsafe { ws::setsockopt(fd.0, level, name, value.as_ptr(), length) }) {
        // Winsock returns it for a value that is too short as well, which is EINVAL elsewhere.
        Err(OsError(ws::WSAEFAULT)) if value.len() < size_of::<i32>() => Err(INVALID),
        other => other,
    }
}

/// `getsockopt`: how many bytes the system has written. The system's errors. Does not block.
pub fn get_option_into(fd: Fd, level: i32, name: i32, value: &mut [MaybeUninit<u8>]) -> Result<usize> {
    let mut length = i32::try_from(value.len()).map_err(|_| INVALID)?;
    // SAFETY: the slice is writable for the length that is given.
    check(unsafe { ws::getsockopt(fd.0, level, name, value.as_mut_ptr().cast(), &mut length) })?;
    Ok(length as usize)
}

/// `WSAIoctl`, not overlapped: how many bytes the system has written. The system's errors. Does not block.
pub(in crate::sys) fn ioctl(fd: Fd, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize> {
    let room = u32::try_from(output.len()).map_err(|_| INVALID)?;
    let (from, to) = (input.as_ptr().cast(), output.as_mut_ptr().cast());
    let mut length = 0;
    // SAFETY: both slices are given with their lengths and outlive the call, which is not overlapped.
    check(unsafe {
        ws::WSAIoctl(fd.0, code, from, input.len() as u32, to, room, &mut length, null_mut(), None)
    })?;
    Ok(length as usize)
}
