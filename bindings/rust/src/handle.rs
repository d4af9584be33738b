//! The owner of a handle, and what every handle has: options, and an end. Not here: sockets and pollers.

use crate::error::{answer, check, done};
use crate::text::{Text, microseconds};
use crate::{abi, call};
use std::io;
use std::time::Duration;

/// A handle of any kind, closed when it is dropped. [`Socket`](crate::Socket) and [`Poller`](crate::Poller) are handles too.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Handle(abi::anysock_t);

impl Handle {
    /// Takes over a handle of the C interface.
    ///
    /// # Safety
    ///
    /// Nobody else owns it, and of a queue nobody uses the memory any more when this is closed. A number that is no handle is no danger:
    /// its calls fail with `EBADF`.
    #[must_use]
    pub const unsafe fn from_number(number: abi::anysock_t) -> Self {
        Self(number)
    }

    /// The number, for the functions of [`abi`]. It stands for nothing else, even when it is closed.
    #[must_use]
    pub const fn number(&self) -> abi::anysock_t {
        self.0
    }

    /// Gives the number away, which is the caller's to close.
    #[must_use]
    pub fn into_number(self) -> abi::anysock_t {
        std::mem::ManuallyDrop::new(self).0
    }

    /// Closes it now, from any thread. Calls that wait on it return `ECANCELED`, later ones `EBADF`.
    pub fn close(&self) -> io::Result<()> {
        // SAFETY: this is its owner. A queue's has an owner of its own, which outlives the memory's users.
        done(unsafe { abi::anysock_close(self.0) })
    }

    /// The system's own descriptor, lent: an `int` or a `SOCKET`; of a poller (Unix) one that is readable when a wait would report
    /// something.
    pub fn descriptor(&self) -> io::Result<i64> {
        check(abi::anysock_fd(self.0))
    }

    /// Sets an option that is a number or a switch.
    pub fn set(&self, option: impl Text, value: impl Into<i64>) -> io::Result<()> {
        done(call::set(self.0, &option, value.into()))
    }

    /// Sets an option that is a time; `None` is -1, for ever.
    pub fn set_time(&self, option: impl Text, time: Option<Duration>) -> io::Result<()> {
        self.set(option, microseconds(time))
    }

    /// Sets an option that is text.
    pub fn set_text(&self, option: impl Text, value: impl Text) -> io::Result<()> {
        done(call::set_text(self.0, &option, &value))
    }

    /// Reads an option that is a number.
    pub fn get(&self, option: impl Text) -> io::Result<i64> {
        answer(call::get(self.0, &option))
    }

    /// Reads an option that is a time.
    pub fn get_time(&self, option: impl Text) -> io::Result<Option<Duration>> {
        Ok(u64::try_from(self.get(option)?).ok().map(Duration::from_micros))
    }

    /// Reads an option that is text.
    pub fn get_text(&self, option: impl Text) -> io::Result<String> {
        answer(call::get_text(self.0, &option))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // One that was closed already is `EBADF`, and can't be another's.
        // SAFETY: as above.
        let _ = unsafe { abi::anysock_close(self.0) };
    }
}
