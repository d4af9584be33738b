//! Flags of send(2) and recv(2) on macOS and the BSDs. Not here: the calls (`unix`).

use libc::c_int;

/// Flags of every receive: non-blocking, whatever the descriptor's mode is.
pub(in crate::sys) const PLATFORM_RECV: c_int = libc::MSG_DONTWAIT;

/// Flags of every send: non-blocking as well, and without SIGPIPE.
pub(in crate::sys) const PLATFORM_SEND: c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;

/// There is no such flag; as it is only a hint, it is ignored.
pub(in crate::sys) const MSG_MORE: c_int = 0;

/// Whether `MSG_TRUNC` makes a receive return a datagram's real length: here it is only reported.
pub(in crate::sys) const TRUNC_RETURNS_LENGTH: bool = false;
