//! Keeps `pthread_cancel` out of a whole call of the library, where system calls are cancellation points. Not here: single system
//! calls (`sys`).

use crate::sys::{HAS_POINTS, uncancelled};

/// Runs the body of an exported function, in which the thread is not cancelled.
#[inline(always)]
pub fn keep_out<T>(body: impl FnOnce() -> T) -> T {
    if HAS_POINTS { uncancelled(body) } else { body() }
}
