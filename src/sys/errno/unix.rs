//! The errors that have a meaning to the library, and results of system calls, on Unix. Not here: their texts (`core::error`).

use crate::sys::{OsError, Result};
use libc::c_int;

/// The call would have to wait.
pub const WOULD_BLOCK: OsError = OsError(libc::EAGAIN);

/// A signal came before anything happened.
pub const INTERRUPTED: OsError = OsError(libc::EINTR);

/// Invalid arguments.
pub const INVALID: OsError = OsError(libc::EINVAL);

/// There is no memory.
pub const OUT_OF_MEMORY: OsError = OsError(libc::ENOMEM);

/// The count that a system call returned, or why it failed.
#[inline(always)]
pub(in crate::sys) fn count(result: isize) -> Result<usize> {
    // Positive first, so that a caller who checks for 0 as well needs one comparison in the usual case.
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

/// A selector watches the descriptor already.
pub const ALREADY_WATCHED: OsError = OsError(libc::EEXIST);

/// The system does not support it.
pub(in crate::sys) const UNSUPPORTED: OsError = OsError(libc::EOPNOTSUPP);
