//! Many datagrams at once: by one system call where there is a good one, else one by one. Not here: one datagram
//! (`transfer`).

use crate::sys::{Moved, Result, WOULD_BLOCK};

/// How full a batch is, by its `length`: alike for each way to move one.
macro_rules! counted {
    ($batch:ident) => {
        impl $batch {
            /// How many datagrams it has.
            #[must_use]
            pub const fn len(&self) -> usize {
                self.length
            }

            /// Whether it has none.
            #[must_use]
            pub const fn is_empty(&self) -> bool {
                self.length == 0
            }

            /// Whether it takes no more.
            #[must_use]
            pub const fn is_full(&self) -> bool {
                self.length == BATCH
            }
        }
    };
}

/// Moves datagrams by a call for each, until one fails.
///
/// The first one's error is the result. A later error is in [`Moved::late_error`]: the system has reported it to this
/// call and won't again. That the next datagram would have to wait is no error.
fn move_each<T>(
    datagrams: impl Iterator<Item = T>,
    mut move_one: impl FnMut(T) -> Result<()>,
) -> Result<Moved> {
    let mut count = 0;
    for datagram in datagrams {
        match move_one(datagram) {
            Ok(()) => count += 1,
            Err(error) if count == 0 => return Err(error),
            Err(error) => {
                return Ok(Moved { count, late_error: (error != WOULD_BLOCK).then_some(error) });
            }
        }
    }
    Ok(Moved { count, late_error: None })
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod mmsg;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use mmsg::*;

// Tested on every system: a Linux developer sees at once when it breaks.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
#[cfg_attr(any(target_os = "linux", target_os = "android"), allow(dead_code))]
mod one_by_one;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub use one_by_one::*;
