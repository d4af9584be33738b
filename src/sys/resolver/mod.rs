//! Names of hosts, services and interfaces, by the system's resolver. Not here: addresses as text (`core::name`), and threads
//! that may block in it (`core::process::workers`).

mod hosts;
pub use hosts::*;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;

#[cfg(unix)]
mod unix_hosts;
#[cfg(unix)]
pub(in crate::sys) use unix_hosts::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;
