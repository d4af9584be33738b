//! Offsets in files longer than 2 GB, on 32-bit machines as well: glibc has separate calls for them there. Not here: the calls'
//! use (`unix`, `linux`, `bsd`).

use crate::sys::{OsError, Result};
#[cfg(all(any(target_os = "linux", target_os = "android"), not(target_env = "gnu")))]
pub(in crate::sys) use libc::sendfile;
#[cfg(not(all(any(target_os = "linux", target_os = "android"), target_env = "gnu")))]
pub(in crate::sys) use libc::{lseek, off_t, pread};
#[cfg(all(any(target_os = "linux", target_os = "android"), target_env = "gnu"))]
pub(in crate::sys) use libc::{lseek64 as lseek, off64_t as off_t, pread64 as pread, sendfile64 as sendfile};

/// An offset in a file as the system's type; `EOVERFLOW` if that is too narrow.
pub(in crate::sys) fn offset(place: i64) -> Result<off_t> {
    let offset = place as off_t;
    if offset as i64 == place { Ok(offset) } else { Err(OsError(libc::EOVERFLOW)) }
}
