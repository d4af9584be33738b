//! Many transfers by one system call, where there is such a thing.

#[cfg(target_os = "linux")]
mod io_uring;
#[cfg(target_os = "linux")]
pub use io_uring::*;

// Android ends programs that try it.
#[cfg(not(target_os = "linux"))]
mod none;
#[cfg(not(target_os = "linux"))]
pub use none::*;
