//! Durations as system calls take them. Not here: deadlines (`core::deadline`).

#[cfg(unix)]
use crate::sys::Timeout;
#[cfg(all(unix, not(target_vendor = "apple")))]
use libc::c_int;
use std::time::Duration;

/// Milliseconds, rounded up.
#[cfg(all(unix, not(target_vendor = "apple")))]
pub(in crate::sys) fn milliseconds(timeout: Duration) -> c_int {
    let rounded = timeout.as_millis() + u128::from(timeout.subsec_nanos() % 1_000_000 > 0);
    c_int::try_from(rounded).unwrap_or(c_int::MAX)
}

/// The longest wait in one system call, as some have a limit. The caller checks its deadline and waits again.
pub(in crate::sys) const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// A duration as `struct timespec`, [`LONGEST_WAIT`] at the most; `None` is for ever.
#[cfg(unix)]
pub(in crate::sys) fn timespec(timeout: Timeout) -> Option<libc::timespec> {
    let timeout = timeout?.min(LONGEST_WAIT);
    // SAFETY: plain numbers, for which zero is a value.
    let mut time: libc::timespec = unsafe { std::mem::zeroed() };
    time.tv_sec = timeout.as_secs() as _;
    time.tv_nsec = timeout.subsec_nanos() as _;
    Some(time)
}
