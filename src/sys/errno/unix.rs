//! The errors that have a meaning here, and the answers of system calls, on Unix.

use crate::sys::{OsError, Result};
use libc::c_int;

/// The call would have to wait.
pub const WOULD_BLOCK: OsError = OsError(libc::EAGAIN);

/// A signal came before anything happened.
pub const INTERRUPTED: OsError = OsError(libc::EINTR);

/// The arguments make no sense together.
pub const INVALID: OsError = OsError(libc::EINVAL);

/// There is no memory.
pub const OUT_OF_MEMORY: OsError = OsError(libc::ENOMEM);

/// The count that a system call returned, or why it failed.
#[inline(always)]
pub(in crate::sys) fn count(result: isize) -> Result<usize> {
    // In this order, so that the usual case is one comparison for those who also ask whether it was 0.
    if result > 0 { Ok(result as usize) } else { none(result) }
}

#[cold]
#[inline(always)]
pub(in crate::sys) fn none(result: isize) -> Result<usize> {
    if result < 0 { Err(OsError::last()) } else { Ok(0) }
}

/// 0 or more is success.
pub(in crate::sys) fn check(result: c_int) -> Result<c_int> {
    if result < 0 { Err(OsError::last()) } else { Ok(result) }
}

/// A queue knows the descriptor already, under another tag.
pub const ALREADY_WATCHED: OsError = OsError(libc::EEXIST);

/// The system has no such thing.
pub(in crate::sys) const UNSUPPORTED: OsError = OsError(libc::EOPNOTSUPP);
