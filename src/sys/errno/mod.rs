//! Errors as the system numbers them. Not here: the library's own numbers (`core::error`).

mod number;
pub use number::*;

mod last;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;

#[cfg(all(unix, not(target_vendor = "apple")))]
mod refusal;
#[cfg(all(unix, not(target_vendor = "apple")))]
pub(in crate::sys) use refusal::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;
