//! From the library's results to `std::io::Error`. Not here: the numbers (`abi`).

use crate::{abi, call};
use std::fmt;
use std::io;

/// An error of the library: Linux's number, negated, on every system. It is what an [`io::Error`] of this crate has inside.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Error(i64);

impl Error {
    /// The error of a number, as [`abi::ANYSOCK_ECONNREFUSED`].
    #[must_use]
    pub const fn from_code(code: i64) -> Self {
        Self(code)
    }

    /// Its number.
    #[must_use]
    pub const fn code(self) -> i64 {
        self.0
    }

    /// Its name, as "ECONNREFUSED"; "EOS_n" for the system's own number n.
    #[must_use]
    pub fn name(self) -> &'static str {
        call::error_name(self.0)
    }

    /// What it means, as "connection refused".
    #[must_use]
    pub fn message(self) -> &'static str {
        call::error_message(self.0)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.message(), self.name())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match abi::kind(error.0) {
            // It comes often and is no failure: nothing is allocated for it.
            io::ErrorKind::WouldBlock => io::ErrorKind::WouldBlock.into(),
            kind => io::Error::new(kind, error),
        }
    }
}

/// The library's number of an error that this crate returned; `None` of any other.
#[must_use]
pub fn code(error: &io::Error) -> Option<i64> {
    match error.get_ref() {
        Some(inner) => inner.downcast_ref::<Error>().map(|inner| inner.code()),
        None if error.kind() == io::ErrorKind::WouldBlock => Some(abi::ANYSOCK_EAGAIN),
        None => None,
    }
}

/// An answer that is no error.
#[inline]
pub fn check(result: i64) -> io::Result<i64> {
    if result < 0 { Err(Error(result).into()) } else { Ok(result) }
}

/// An answer that is a count.
#[inline]
pub fn count(result: i64) -> io::Result<usize> {
    Ok(check(result)? as usize)
}

/// An answer that says only that it is done.
#[inline]
pub fn done(result: i64) -> io::Result<()> {
    check(result).map(drop)
}

/// An answer of another type, or the error's number.
#[inline]
pub fn answer<T>(result: Result<T, i64>) -> io::Result<T> {
    result.map_err(|code| Error(code).into())
}
