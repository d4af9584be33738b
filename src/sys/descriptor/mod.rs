//! The system's descriptor (`int`, `SOCKET`), whatever it refers to. Not here: what only sockets do (`socket`), or files (`file`).

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;
