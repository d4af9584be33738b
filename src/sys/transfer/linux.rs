//! Flags of send(2) and recv(2) as Linux has them.

use libc::c_int;

/// Whatever the descriptor's mode is: it belongs to all who share the open file.
pub(in crate::sys) const PLATFORM_RECV: c_int = libc::MSG_DONTWAIT;

/// As for receiving, and no SIGPIPE.
pub(in crate::sys) const PLATFORM_SEND: c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;

pub(in crate::sys) const MSG_MORE: c_int = libc::MSG_MORE;

/// `MSG_TRUNC` makes a receive tell the datagram's real length.
pub(in crate::sys) const TELLS_LENGTH: bool = true;
