//! The only door: every exported function, one file per section of the manual. Each checks its arguments, makes one call into
//! `core` and converts the result; here is how. Not here: logic of any kind.

// Functions that take pointers are `unsafe`; what they require of their callers is in the C documentation above each.
#![allow(clippy::missing_safety_doc)]

mod argument;
mod message_layout;

pub mod address;
pub mod bytes;
pub mod connection;
pub mod descriptor;
pub mod library;
pub mod life;
pub mod many;
pub mod message;
pub mod names;
pub mod options;
pub mod queue;
pub mod readiness;
pub mod types;

use crate::core::error::{Error, Result};
use crate::core::process::cancellation;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The result of a successful call, as the number that C gets.
trait Answer {
    fn number(self) -> i64;
}

impl Answer for () {
    #[inline]
    fn number(self) -> i64 {
        0
    }
}

impl Answer for i64 {
    #[inline]
    fn number(self) -> i64 {
        self
    }
}

impl Answer for usize {
    #[inline]
    fn number(self) -> i64 {
        self as i64
    }
}

impl Answer for bool {
    #[inline]
    fn number(self) -> i64 {
        i64::from(self)
    }
}

/// Runs the body of an exported function: a panic becomes `EINTERNAL` instead of unwinding into C, and the thread is not cancelled
/// (pthread_cancel(3)) meanwhile.
#[inline]
fn call<T: Answer>(body: impl FnOnce() -> Result<T>) -> i64 {
    cancellation::keep_out(|| call_now(body))
}

#[inline(always)]
fn call_now<T: Answer>(body: impl FnOnce() -> Result<T>) -> i64 {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(answer)) => answer.number(),
        Ok(Err(error)) => error.code(),
        Err(panic) => contained(panic),
    }
}

/// Out of line, so that a call that does not panic saves no registers for it.
#[cold]
#[inline(never)]
fn contained(panic: Box<dyn Any + Send>) -> i64 {
    drop(panic);
    Error::EINTERNAL.code()
}
