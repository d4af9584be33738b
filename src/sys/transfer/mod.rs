//! Bytes of sockets. Not here: control data (`message`), many datagrams (`batch`), files and pipes (`file`).

mod measured;
pub(in crate::sys) use measured::*;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(in crate::sys) use linux::*;

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
mod bsd;
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(in crate::sys) use bsd::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;
