//! Messages: bytes with control data. Not here: what the control data says (`cmsg`).

use crate::sys::Flags;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;

/// The flags for which bits of the system's stand.
fn flags_of(bits: i32, known: &[(Flags, i32)]) -> Flags {
    known.iter().filter(|(_, bit)| bits & bit != 0).fold(Flags::default(), |all, (flag, _)| all.or(*flag))
}
