//! Disables thread cancellation (pthread_setcancelstate(3)) during a call of the library, on systems where its system calls are
//! cancellation points. Not here: single system calls (`sys::process`).

use crate::sys::{HAS_CANCELLATION_POINTS, uncancelled};

/// Runs the body of an exported function with cancellation disabled.
#[inline(always)]
pub fn keep_out<T>(body: impl FnOnce() -> T) -> T {
    if HAS_CANCELLATION_POINTS { uncancelled(body) } else { body() }
}
