//! The process and its threads: cancellation, signals, fork, what each thread has of its own.

mod thread_local;
pub use thread_local::{Deposit, ThreadLocal};

mod wiped;
pub use wiped::Wiped;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;

#[cfg(unix)]
mod thread;
#[cfg(unix)]
pub use thread::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;

#[cfg(test)]
mod claim_tests;
