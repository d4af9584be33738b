//! The process and its threads: cancellation, signals, fork handlers, thread-locals. Not here: what the library does around a fork
//! (`core::fork`).

mod thread_local;
pub use thread_local::{ThreadLocal, ThreadOwned};

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
