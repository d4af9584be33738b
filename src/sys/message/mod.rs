//! Messages: bytes with control data. Not here: the control data's content (`cmsg`).

use crate::sys::Flags;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;

/// The flags for the system's bits.
fn flags_of(bits: i32, known: &[(Flags, i32)]) -> Flags {
    known.iter().filter(|(_, bit)| bits & bit != 0).fold(Flags::default(), |all, (flag, _)| all.or(*flag))
}
