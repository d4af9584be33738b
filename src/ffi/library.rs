//! The library itself: versions, features, and what its numbers mean. Not here: anything about a socket.

use crate::core::error::{self, os};
use crate::core::feature;
use crate::ffi::{argument, call};
use std::ffi::c_char;
use std::panic::catch_unwind;

/// The version of the library, as "1.2.3".
///
/// @return The text.
///
/// Never fails, never blocks. The text lives as long as the library.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The version of the interface of the loaded library. A program was compiled for it
/// if this equals `ANYSOCK_HEADER_ABI`.
///
/// @return The number.
///
/// Never fails, never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_abi_version() -> i64 {
    super::types::ANYSOCK_HEADER_ABI
}

/// Whether this library on this system has a feature: 1 or 0.
///
/// @param feature (in) A kind ("tcp6", "unix", "ip4:icmp"), the name of an option ("tcp.fastopen"), or one of "ipv6",
///                "unix.abstract" (names outside the file system), "udp.gso" (`segment` of `anysock_send_many`), "fork". Any
///                other text is a feature that is not there.
/// @return 1 or 0; `ANYSOCK_EFAULT` for NULL, `ANYSOCK_EINVAL` for text that is not UTF-8.
///
/// Does not block. Of a kind it says whether the system knows it, not whether this user may open it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_has(feature: *const c_char) -> i64 {
    // SAFETY: the caller vouches for the text.
    call(|| Ok(feature::has(unsafe { argument::text(feature) }?)))
}

/// The name of a result: "OK" for 0, "ETIMEDOUT" for `ANYSOCK_ETIMEDOUT`, "EOS_n" for the operating system's own
/// error n (`-(20000+n)`), "EUNKNOWN" for a number that is none of these.
///
/// @param code A result of any function.
/// @return The text.
///
/// Never fails, never blocks. The text lives as long as the library.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_error_name(code: i64) -> *const c_char {
    catch_unwind(|| error::name(code)).unwrap_or(c"EUNKNOWN").as_ptr()
}

/// What a result means, in a few English words: "connection timed out".
///
/// @param code A result of any function.
/// @return The text.
///
/// Never fails, never blocks. The text lives as long as the library.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_error_message(code: i64) -> *const c_char {
    catch_unwind(|| error::message(code)).unwrap_or(c"unknown error").as_ptr()
}

/// The operating system's own number (`errno`, `WSAGetLastError`) of the last error that a call of this thread met.
/// For logs only: every result already says what a program needs.
///
/// @return The number; 0 if there was no error.
///
/// Never fails, never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_last_os_error() -> i64 {
    call(|| Ok(i64::from(os::last_error())))
}
