//! What wakes a selector from a signal handler, on Unix.

use crate::sys::{Fd, Selector, Waker, pull};
use std::sync::atomic::{AtomicI32, Ordering};

/// Wakes a selector by one write, which a signal handler may do (signal-safety(7)).
#[derive(Debug)]
pub struct Trigger(AtomicI32);

impl Trigger {
    /// Wakes none.
    #[must_use]
    pub const fn none() -> Self {
        Self(AtomicI32::new(Fd::NONE.0))
    }

    /// Has it wake this selector, which must not be closed before the trigger is disconnected and nobody is pulling it.
    pub fn connect(&self, selector: &Selector) {
        self.0.store(selector.trigger().0, Ordering::SeqCst);
    }

    /// The same for a waker.
    pub fn connect_waker(&self, waker: &Waker) {
        self.0.store(waker.trigger().0, Ordering::SeqCst);
    }

    /// Has it wake none.
    pub fn disconnect(&self) {
        self.0.store(Fd::NONE.0, Ordering::SeqCst);
    }

    /// Wakes the selector, if there is one.
    pub fn pull(&self) {
        let fd = Fd(self.0.load(Ordering::SeqCst));
        if !fd.is_none() {
            pull(fd);
        }
    }
}
