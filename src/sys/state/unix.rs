//! What every Unix reports of a descriptor. Not here: what differs (`linux`, `bsd`).

use crate::sys::{Fd, OsError, Result, check, file_type, with_socket};
use libc::c_int;
use socket2::Socket;

/// `ENOTSOCK` for a type of file that can't be polled.
pub(in crate::sys) fn pollable_by_type(fd: Fd) -> Result<()> {
    match file_type(fd)? {
        libc::S_IFREG | libc::S_IFDIR | libc::S_IFBLK => Err(OsError(libc::ENOTSOCK)),
        _ => Ok(()),
    }
}

/// The pending error of a socket (SO_ERROR), if there is one. Reading it clears it in the kernel.
pub fn pending_error(fd: Fd) -> Result<Option<OsError>> {
    with_socket(fd, Socket::take_error).map(|error| error.map(OsError::from))
}

/// How many bytes are queued for reading (FIONREAD).
pub fn available(fd: Fd) -> Result<usize> {
    let mut bytes: c_int = 0;
    // SAFETY: FIONREAD writes one int.
    check(unsafe { libc::ioctl(fd.0, libc::FIONREAD, &mut bytes) })?;
    Ok(usize::try_from(bytes).unwrap_or(0))
}

/// Whether getpeername(2) fails once the connection is over, as if it had never been connected: so it does here.
pub const FORGETS_PEERS: bool = true;
