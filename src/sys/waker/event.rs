//! The waker of Windows: an event object, which is no socket.

use crate::sys::{Event, PollFd, Result, wait_for};
use windows_sys::Win32::System::Threading::{ResetEvent, SetEvent};

/// What another thread can end a [`poll`] with.
#[derive(Debug)]
pub struct Waker(Event);

impl Waker {
    /// Makes one.
    pub fn new() -> Result<Self> {
        Event::new().map(Self)
    }

    /// What to poll so as to be woken.
    #[must_use]
    pub fn entry(&self) -> PollFd {
        PollFd::of_event(self.0.handle())
    }

    /// Ends the poll that has its entry, or the next; whether it had to be told.
    pub fn wake(&self) -> bool {
        let told = !wait_for(self.0.handle(), 0);
        // SAFETY: takes no memory.
        unsafe { SetEvent(self.0.handle()) };
        told
    }

    /// Takes the wake-ups back that there have been; how many there were, as far as that is known.
    pub fn drain(&self) -> u64 {
        // SAFETY: takes no memory.
        let drained = wait_for(self.0.handle(), 0) && unsafe { ResetEvent(self.0.handle()) } != 0;
        drained.into()
    }

    /// An event is no socket, so that no loop over sockets closes it.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        true
    }

    /// Never called: it is ours.
    pub const fn lose(&self) {}

    /// Whether it was given up: never so.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        false
    }

    /// There is no `fork`, and so nobody who has it without owning it.
    pub const fn abandon(&self) {}
}
