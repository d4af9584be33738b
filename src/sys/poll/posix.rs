//! Readiness of a few descriptors by ppoll(2). Not here: its fallbacks (`older`), and many descriptors (`readiness`).

use super::older;
use crate::sys::calls;
use crate::sys::{PollFd, Result, Timeout, check, timespec};

/// Whether a poll may name a descriptor that was closed meanwhile, and may be another file's by now: it does no harm here.
pub const STALE_POLL_IS_HARMLESS: bool = true;

/// Waits until one of the entries is ready, or the timeout has passed (`None`: for ever); how many are ready. May end earlier,
/// after a day.
#[inline]
pub fn poll(entries: &mut [PollFd], timeout: Timeout) -> Result<usize> {
    let mut time = timespec(timeout);
    let time = time.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut);
    // SAFETY: PollFd is a transparent pollfd, the slice is writable for its length, no signal mask is passed.
    let ready = check(unsafe {
        let list = entries.as_mut_ptr().cast::<libc::pollfd>();
        calls::ppoll(list, entries.len() as libc::nfds_t, time, std::ptr::null())
    });
    match ready {
        Ok(ready) => Ok(ready as usize),
        Err(error) => older::poll(entries, timeout, error),
    }
}
