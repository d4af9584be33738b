//! Opening and accepting on every Unix but Apple's, with SOCK_NONBLOCK and accept4(2), as in POSIX.1-2024. Not here: Apple's
//! systems (`apple`).

use super::older;
use crate::sys::calls;
use crate::sys::is_refusal;
use crate::sys::{Fd, Origin, Result};
use libc::socklen_t;
use socket2::{Socket, Type};

/// The type with the flag that opens the socket non-blocking.
pub(in crate::sys) fn non_blocking(kind: Type) -> Type {
    kind.nonblocking()
}

/// Nothing is left to do on a new socket.
pub(in crate::sys) fn set_up(_socket: &Socket) -> Result<()> {
    Ok(())
}

/// Accepts the next connection of a listener, and stores the peer's address in `origin`.
#[inline]
pub fn accept(fd: Fd, origin: &Origin) -> Result<Fd> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    let mut length = Origin::LENGTH as socklen_t;
    // SAFETY: the origin is as long as `length` says, may be written, and outlives the call as `length` does.
    match unsafe { calls::accept4(fd.0, (origin.as_ptr(), &mut length), flags) } {
        Ok(connection) => Ok(Fd(connection)),
        Err(error) if is_refusal(error) => older::accept(fd, origin),
        Err(error) => Err(error),
    }
}
