//! Socket addresses, which are [`socket2::SockAddr`]. Not here: names for a resolver (`resolver`).

mod copy;
pub(in crate::sys) use copy::*;

mod origin;
pub use origin::Origin;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;
