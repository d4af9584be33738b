//! The waker of Windows: an event object. Not here: Unix (`eventfd`, `pair`).

use crate::sys::{Event, PollFd, Result, wait_for};
use windows_sys::Win32::System::Threading::{ResetEvent, SetEvent};

/// Ends the [`poll`] of another thread.
#[derive(Debug)]
pub struct Waker(Event);

impl Waker {
    /// Makes one.
    pub fn new() -> Result<Self> {
        Event::new().map(Self)
    }

    /// The entry with which a poll waits for it.
    #[must_use]
    pub fn entry(&self) -> PollFd {
        PollFd::of_event(self.0.handle())
    }

    /// Ends the poll that has its entry, or the next one; whether it was not set yet.
    pub fn wake(&self) -> bool {
        let reported = !wait_for(self.0.handle(), 0);
        // SAFETY: takes no memory.
        unsafe { SetEvent(self.0.handle()) };
        reported
    }

    /// Consumes the wake-ups; how many there were, of which an event knows only one.
    pub fn drain(&self) -> u64 {
        // SAFETY: takes no memory.
        let drained = wait_for(self.0.handle(), 0) && unsafe { ResetEvent(self.0.handle()) } != 0;
        drained.into()
    }

    /// Whether it still is the library's: always, as a program can't close it by closing all sockets.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        true
    }

    /// Never called, as [`Self::is_ours`] holds.
    pub const fn lose(&self) {}

    /// Whether it was given up: never.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        false
    }

    /// Only needed after a fork.
    pub const fn abandon(&self) {}
}
