//! setsockopt(2) and getsockopt(2) by the system's own numbers. Not here: options by name (`access`).

use crate::sys::{Fd, INVALID, Result, check};
use libc::{c_int, c_void, socklen_t};
use std::mem::MaybeUninit;

/// Level and name of the option that reads the pending error, and clears it.
pub const SO_ERROR: (c_int, c_int) = (libc::SOL_SOCKET, libc::SO_ERROR);

/// Level and name of the option that reads the socket's type.
pub const SO_TYPE: (c_int, c_int) = (libc::SOL_SOCKET, libc::SO_TYPE);

/// setsockopt(2). The system's errors; `EINVAL` for a length that no option has. Does not block.
pub fn set_option(fd: Fd, level: c_int, name: c_int, value: &[u8]) -> Result<()> {
    let length = socklen_t::try_from(value.len()).map_err(|_| INVALID)?;
    // SAFETY: the slice is readable for its length.
    check(unsafe { libc::setsockopt(fd.0, level, name, value.as_ptr().cast(), length) }).map(drop)
}

/// getsockopt(2): how many bytes the system has written. The system's errors. Does not block.
pub fn get_option_into(fd: Fd, level: c_int, name: c_int, value: &mut [MaybeUninit<u8>]) -> Result<usize> {
    let mut length = socklen_t::try_from(value.len()).map_err(|_| INVALID)?;
    // SAFETY: the slice is writable for the length that is given.
    check(unsafe {
        let data = value.as_mut_ptr().cast::<c_void>();
        libc::getsockopt(fd.0, level, name, data, &mut length)
    })?;
    Ok(length as usize)
}
