//! Opening, binding, listening, accepting, connecting and shutting down sockets. Not here: their bytes (`transfer`), what the
//! kernel reports of them (`state`).

mod shared;
pub use shared::*;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;

#[cfg(all(unix, not(target_vendor = "apple")))]
mod posix;
#[cfg(all(unix, not(target_vendor = "apple")))]
pub use posix::*;

#[cfg(all(unix, not(target_vendor = "apple")))]
mod older;

#[cfg(target_vendor = "apple")]
mod apple;
#[cfg(target_vendor = "apple")]
pub use apple::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;
