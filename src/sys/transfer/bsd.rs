//! Flags of send(2) and recv(2) as macOS and the BSDs have them.

use libc::c_int;

/// Whatever the descriptor's mode is: it belongs to all who share the open file.
pub(in crate::sys) const PLATFORM_RECV: c_int = libc::MSG_DONTWAIT;

/// As for receiving, and no SIGPIPE.
pub(in crate::sys) const PLATFORM_SEND: c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;

/// The hint does not exist here, and a hint may be passed over.
pub(in crate::sys) const MSG_MORE: c_int = 0;

/// `MSG_TRUNC` is only ever told, and nobody tells the real length.
pub(in crate::sys) const TELLS_LENGTH: bool = false;
