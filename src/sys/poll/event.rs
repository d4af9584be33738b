//! A Windows event object, which one thread sets and another waits for. Not here: a waker made of one (`waker`).

use crate::sys::LONGEST_WAIT;
use crate::sys::{OsError, Result, Timeout};
use std::ptr::null;
use std::time::Duration;
use windows_sys::Win32::Foundation::{CloseHandle, HANDLE, WAIT_OBJECT_0};
use windows_sys::Win32::System::Threading::{CreateEventW, INFINITE, WaitForSingleObject};

/// Milliseconds, rounded up.
pub(in crate::sys) fn milliseconds(timeout: Timeout) -> u32 {
    let whole = |time: Duration| time.min(LONGEST_WAIT).as_nanos().div_ceil(1_000_000) as u32;
    timeout.map_or(INFINITE, whole)
}

/// An event that stays set until it is reset (manual reset).
#[derive(Debug)]
pub(in crate::sys) struct Event(usize);

impl Event {
    pub(in crate::sys) fn new() -> Result<Self> {
        // SAFETY: takes no memory.
        let event = unsafe { CreateEventW(null(), 1, 0, null()) };
        if event.is_null() { Err(OsError::last()) } else { Ok(Self(event as usize)) }
    }

    pub(in crate::sys) fn handle(&self) -> HANDLE {
        self.0 as HANDLE
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: nobody else closes it.
        unsafe { CloseHandle(self.handle()) };
    }
}

/// Waits for an event; whether it was set.
pub(in crate::sys) fn wait_for(event: HANDLE, milliseconds: u32) -> bool {
    // SAFETY: takes no memory.
    unsafe { WaitForSingleObject(event, milliseconds) == WAIT_OBJECT_0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounded down, the last part of a wait would be a busy loop.
    #[test]
    fn times_are_rounded_up_and_never_become_one_without_end() {
        let nanosecond = Duration::from_nanos(1);
        let millisecond = Duration::from_millis(1);
        assert_eq!(milliseconds(None), INFINITE);
        assert_eq!(milliseconds(Some(Duration::ZERO)), 0);
        assert_eq!(milliseconds(Some(nanosecond)), 1);
        assert_eq!(milliseconds(Some(millisecond)), 1);
        assert_eq!(milliseconds(Some(millisecond + nanosecond)), 2);
        assert_eq!(u128::from(milliseconds(Some(Duration::MAX))), LONGEST_WAIT.as_millis());
    }
}
