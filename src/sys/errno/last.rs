//! The error of the last call, by the standard library. Not here: which errors have a meaning (`unix`, `windows`).

use crate::sys::{INVALID, OsError};
use std::mem::ManuallyDrop;

impl From<std::io::Error> for OsError {
    fn from(error: std::io::Error) -> Self {
        Self(error.raw_os_error().unwrap_or(INVALID.0))
    }
}

impl OsError {
    /// No error.
    pub const NONE: Self = Self(0);

    /// This thread's last error.
    #[must_use]
    #[inline(always)]
    pub fn last() -> Self {
        // The system's number is all that such an error owns: there is nothing to drop.
        let error = ManuallyDrop::new(std::io::Error::last_os_error());
        Self(error.raw_os_error().unwrap_or(INVALID.0))
    }
}
