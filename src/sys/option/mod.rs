//! Socket options as this system numbers and encodes them: one table a system, and the few encodings that the tables name.
//! Not here: what an option means and which handles have it (`core::settings::catalogue`).

mod encoding;
pub use encoding::*;

mod access;
pub use access::*;

mod raw;
pub use raw::*;

mod timeouts;
pub use timeouts::*;

#[cfg(unix)]
mod raw_unix;
#[cfg(unix)]
pub use raw_unix::*;

#[cfg(windows)]
mod raw_windows;
#[cfg(windows)]
pub use raw_windows::*;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as base;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
#[cfg(any(target_os = "linux", target_os = "android"))]
use linux as system;

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
mod bsd;
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
use bsd as system;
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(in crate::sys) use bsd::IP_RECVTTL;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as base;
#[cfg(windows)]
use windows as system;

pub use base::{is_v6_only, set_datagram_default, set_listener_default, set_v6_only};

/// The options of this system, by their names in the catalogue. One that is missing here is not supported.
pub const TABLES: &[&[(&str, SockOpt)]] = system::TABLES;
