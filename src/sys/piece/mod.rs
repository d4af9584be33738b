//! Pieces of the caller's memory, laid out as the system's calls take them (`struct iovec`, `WSABUF`). Not here: the calls.

mod shared;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;
