//! The fallback for accept4(2), where a sandbox refuses it (`errno/refusal` lists all such calls). Not here: the usual way
//! (`posix`).

use crate::sys::{Fd, Origin, Result, check, close, set_blocking, set_inherit, uncancelled};
use libc::socklen_t;

/// Accepts by accept(2) and fcntl(2).
#[cold]
pub(in crate::sys) fn accept(fd: Fd, origin: &Origin) -> Result<Fd> {
    let mut length = Origin::LENGTH as socklen_t;
    // SAFETY: the origin is as long as `length` says, may be written, and outlives the call as `length` does.
    let accept = || check(unsafe { libc::accept(fd.0, origin.as_ptr(), &mut length) });
    let connection = Fd(uncancelled(accept)?);
    let prepared = set_inherit(connection, false).and_then(|()| set_blocking(connection, false));
    prepared.map(|_| connection).inspect_err(|_| close(connection))
}
