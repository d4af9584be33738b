//! Many transfers, of many sockets, by one system call: io_uring, and Linux alone has it. Not here: many datagrams of
//! one socket (`batch`).

#[cfg(target_os = "linux")]
mod io_uring;
#[cfg(target_os = "linux")]
pub use io_uring::*;

// Android kills programs that try it (seccomp).
#[cfg(not(target_os = "linux"))]
mod none;
#[cfg(not(target_os = "linux"))]
pub use none::*;
