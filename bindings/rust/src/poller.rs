//! Waiting for many handles, which are registered once. Not here: for some, once (`select`).

use crate::abi;
use crate::error::{check, count, done};
use crate::handle::Handle;
use crate::text::microseconds;
use std::io;
use std::ops::{BitOr, BitOrAssign, Deref};
use std::time::Duration;

/// What a handle is watched for, or ready for: some of these, joined by `|`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Events(i32);

impl Events {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// A read would not block.
    pub const READ: Self = Self(abi::ANYSOCK_EVENT_READ);
    /// A write would not block.
    pub const WRITE: Self = Self(abi::ANYSOCK_EVENT_WRITE);
    /// Urgent data, or a connect that failed.
    pub const EXCEPT: Self = Self(abi::ANYSOCK_EVENT_EXCEPT);
    /// Reported alone: the connection is over in both directions.
    pub const HANGUP: Self = Self(abi::ANYSOCK_EVENT_HANGUP);
    /// Reported alone: an error is pending.
    pub const ERROR: Self = Self(abi::ANYSOCK_EVENT_ERROR);
    /// Asked for: report a change once (edge-triggered).
    pub const EDGE: Self = Self(abi::ANYSOCK_EVENT_EDGE);
    /// Asked for: report once, then rest until it is set again.
    pub const ONESHOT: Self = Self(abi::ANYSOCK_EVENT_ONESHOT);

    /// Whether any of the others is among them.
    #[must_use]
    pub const fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    /// The number of the C interface.
    #[must_use]
    pub const fn bits(self) -> i32 {
        self.0
    }
}

impl BitOr for Events {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Events {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// What a poller reports.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Event(abi::anysock_event);

impl Event {
    /// The token that the handle was registered with.
    #[must_use]
    pub const fn token(&self) -> i64 {
        self.0.token
    }

    /// The handle's number.
    #[must_use]
    pub const fn number(&self) -> abi::anysock_t {
        self.0.handle
    }

    /// What it is ready for.
    #[must_use]
    pub const fn events(&self) -> Events {
        Events(self.0.events)
    }
}

impl Default for Event {
    fn default() -> Self {
        Self(abi::anysock_event { token: 0, handle: 0, events: 0, reserved: 0 })
    }
}

/// Handles are registered once, and a wait costs what is ready. Any number of threads may wait and register.
#[derive(Debug)]
pub struct Poller(Handle);

impl Poller {
    /// Opens one.
    pub fn new() -> io::Result<Self> {
        let opened = check(abi::anysock_poller_open())?;
        // SAFETY: it was just made, and nobody else has it.
        Ok(Self(unsafe { Handle::from_number(opened) }))
    }

    /// Registers a handle, or changes what it is watched for. It leaves by itself when it is closed.
    pub fn set(&self, handle: &Handle, events: Events, token: i64) -> io::Result<()> {
        done(abi::anysock_poller_set(self.number(), handle.number(), events.bits(), token))
    }

    /// Takes a handle out.
    pub fn remove(&self, handle: &Handle) -> io::Result<()> {
        self.set(handle, Events::NONE, 0)
    }

    /// Waits until something is ready, and fills the array from its beginning. How many; 0 when the time is over, or after a wake.
    pub fn wait(&self, events: &mut [Event], time: Option<Duration>) -> io::Result<usize> {
        let room = events.as_mut_ptr().cast();
        // SAFETY: an `Event` is the structure of C and nothing else, and there are as many as is said.
        count(unsafe { abi::anysock_poller_wait(self.number(), room, events.len(), microseconds(time)) })
    }

    /// Ends one wait early: the one that waits now, or the next. May be called in a signal handler.
    pub fn wake(&self) -> io::Result<()> {
        done(abi::anysock_poller_wake(self.number()))
    }

    /// Gives it away as a handle.
    #[must_use]
    pub fn into_handle(self) -> Handle {
        self.0
    }
}

impl Deref for Poller {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.0
    }
}
