//! Names: hosts and interfaces as text. Not here: addresses of a socket (`connection`).

use crate::core::socket::resolve;
use crate::ffi::argument::{self, TextOut};
use crate::ffi::call;
use std::ffi::c_char;

/// Resolves an address text, as getaddrinfo(3).
///
/// @param kind       (in) A kind of socket, which decides on families: "tcp" gives all, "tcp4" only IPv4.
/// @param address    (in) As for `anysock_bind`.
/// @param timeout_us Microseconds; -1 waits for ever, 0 accepts only what needs no resolver.
/// @param text       (out, length=capacity) Receives the addresses, one a line, best first, without a newline at the end;
///                   cut if it must be, and its NUL. May be NULL when `capacity` is 0.
/// @param capacity   How many bytes `text` holds.
/// @return The full length without the NUL. `ANYSOCK_EAI_NONAME` and its like for a name that does not resolve,
///         `ANYSOCK_ETIMEDOUT`, `ANYSOCK_EAGAIN` for timeout 0, `ANYSOCK_EINVAL` for text that is no kind or no address,
///         `ANYSOCK_EAFNOSUPPORT`, `ANYSOCK_EFAULT`, `ANYSOCK_EMFILE` and `ANYSOCK_ENOMEM` without a descriptor or
///         memory for the resolver.
///
/// Blocks (bounded=timeout_us) for `timeout_us` at the longest, whatever the system's resolver does; only where no thread is
/// to be had for it, for as long as it likes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_resolve(
    kind: *const c_char,
    address: *const c_char,
    timeout_us: i64,
    text: *mut c_char,
    capacity: usize,
) -> i64 {
    call(|| {
        let out = TextOut::new(text, capacity)?;
        // SAFETY: the caller vouches for both texts.
        let (kind, address) = unsafe { (argument::text(kind)?, argument::text(address)?) };
        let lines = resolve::resolve(kind, address, timeout_us)?;
        // SAFETY: the caller vouches for the memory.
        Ok(unsafe { out.put(&lines) })
    })
}

/// The machine's network interfaces, as getifaddrs(3): a line for each address, "eth0 2 up,multicast 192.0.2.7/24" (name,
/// index, flags out of up, loopback and multicast or "-", address and length of its network prefix).
///
/// @param text     (out, length=capacity) Receives the lines, without a newline at the end; cut if it must be, and its NUL.
///                 May be NULL when `capacity` is 0.
/// @param capacity How many bytes `text` holds.
/// @return The full length without the NUL. The system's errors; `ANYSOCK_EFAULT`.
///
/// Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_interfaces(text: *mut c_char, capacity: usize) -> i64 {
    call(|| {
        let out = TextOut::new(text, capacity)?;
        // SAFETY: the caller vouches for the memory.
        resolve::interfaces().map(|lines| unsafe { out.put(&lines) })
    })
}
