//! Many datagrams at once.

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

#[cfg(any(target_os = "linux", target_os = "android"))]
mod mmsg;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use mmsg::*;

// Tests go through it everywhere.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
#[cfg_attr(any(target_os = "linux", target_os = "android"), allow(dead_code))]
mod one_by_one;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub use one_by_one::*;
