//! Flags of send(2) and recv(2) on Linux. Not here: the calls (`unix`).

use libc::c_int;

/// Flags of every receive: non-blocking, whatever the descriptor's mode is.
pub(in crate::sys) const PLATFORM_RECV: c_int = libc::MSG_DONTWAIT;

/// Flags of every send: non-blocking as well, and without SIGPIPE.
pub(in crate::sys) const PLATFORM_SEND: c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;

pub(in crate::sys) const MSG_MORE: c_int = libc::MSG_MORE;

/// Whether `MSG_TRUNC` makes a receive return a datagram's real length.
pub(in crate::sys) const TRUNC_RETURNS_LENGTH: bool = true;
