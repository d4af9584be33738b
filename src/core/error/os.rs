//! Where an operating system's error becomes one of ours. Not here: the tables (`error`).

use crate::core::error::{Error, System};
use crate::sys::{OsError, ResolveError, ThreadLocal};

static LAST: ThreadLocal<i32> = ThreadLocal::new();

/// The system's number (`errno`, `WSAGetLastError`) for the last error that a call of this thread met; 0 if there was none.
/// For logs only.
#[must_use]
pub fn last_error() -> i32 {
    LAST.find(|last| *last).unwrap_or(0)
}

impl From<OsError> for Error {
    fn from(error: OsError) -> Self {
        let _ = LAST.with(|last| *last = error.0);
        Self::from_os(System::HOST, error.0)
    }
}

impl From<ResolveError> for Error {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::Resolver(code) => Self::from_resolver(System::HOST, code),
            ResolveError::Os(error) => error.into(),
        }
    }
}
