//! Waking a selector or waker from a signal handler, on Unix. Not here: what is woken (`epoll`, `kqueue`, `waker`).

use crate::sys::{Fd, Selector, Waker, pull};
use std::sync::atomic::{AtomicI32, Ordering};

/// Wakes a selector by one write, which a signal handler may do (signal-safety(7)).
#[derive(Debug)]
pub struct Trigger(AtomicI32);

impl Trigger {
    /// A trigger that wakes nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self(AtomicI32::new(Fd::NONE.0))
    }

    /// Connects it to a selector, which must not be closed before the trigger is disconnected and no call of `pull` runs.
    pub fn connect(&self, selector: &Selector) {
        self.0.store(selector.trigger().0, Ordering::SeqCst);
    }

    /// Connects it to a waker, in the same way.
    pub fn connect_waker(&self, waker: &Waker) {
        self.0.store(waker.trigger().0, Ordering::SeqCst);
    }

    /// Disconnects it.
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
