//! What every Unix tells of a descriptor. Not here: what only some of them tell (`linux`, `bsd`).

use crate::sys::{Fd, OsError, Result, check, file_type, with};
use libc::c_int;
use socket2::Socket;

/// Whether what is no socket can be polled, as far as its type tells.
pub(in crate::sys) fn pollable_by_type(fd: Fd) -> Result<()> {
    match file_type(fd)? {
        libc::S_IFREG | libc::S_IFDIR | libc::S_IFBLK => Err(OsError(libc::ENOTSOCK)),
        _ => Ok(()),
    }
}

/// The error that waits on a socket, if there is one. Reading it clears it in the kernel.
pub fn pending_error(fd: Fd) -> Result<Option<OsError>> {
    with(fd, Socket::take_error).map(|error| error.map(OsError::from))
}

/// How many bytes are queued for reading.
pub fn available(fd: Fd) -> Result<usize> {
    let mut bytes: c_int = 0;
    // SAFETY: FIONREAD writes one int.
    check(unsafe { libc::ioctl(fd.0, libc::FIONREAD, &mut bytes) })?;
    Ok(usize::try_from(bytes).unwrap_or(0))
}

/// A socket whose connection is over has no peer, as if it had never been connected.
pub const FORGETS_PEERS: bool = true;
