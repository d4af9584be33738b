//! Bytes of what is no socket of the library: files, pipes, terminals, and descriptors that another program uses as well.
//! Not here: bytes of sockets (`transfer`).

mod shared;
pub use shared::*;

#[cfg(unix)]
mod large;
#[cfg(unix)]
pub(in crate::sys) use large::*;

#[cfg(unix)]
mod sigpipe;
#[cfg(unix)]
pub(in crate::sys) use sigpipe::*;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;

#[cfg(unix)]
mod stream;
#[cfg(unix)]
pub use stream::*;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use linux::*;

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
mod bsd;
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub use bsd::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;

#[cfg(windows)]
mod stream_windows;
#[cfg(windows)]
pub use stream_windows::*;
