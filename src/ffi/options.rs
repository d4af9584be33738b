//! Options by name, and the system's own by number. Not here: the table (`core::settings::catalogue`).

use crate::core::options;
use crate::ffi::argument::{self, Out, TextOut};
use crate::ffi::call;
use crate::ffi::types::anysock_t;
use std::ffi::{c_char, c_void};

/// Sets an option that is a number.
///
/// @param h      A socket; pipes, terminals and pollers have a few options too.
/// @param option (in) Its name, "tcp.nodelay"; for each there is a macro, `ANYSOCK_OPT_TCP_NODELAY`.
/// @param value  Switches are 0 and 1, times are microseconds.
/// @return 0. `ANYSOCK_ENOPROTOOPT` for an unknown name and for an option that this kind of socket lacks,
///         `ANYSOCK_EOPNOTSUPP` for one that this system lacks, `ANYSOCK_EINVAL` for a value out of range, `ANYSOCK_EACCES`
///         for one that can only be read, `ANYSOCK_EFAULT`, `ANYSOCK_EBADF`, `ANYSOCK_ENOTSOCK`, and the system's errors
///         (`ANYSOCK_ENODEV` for an interface that does not exist, `ANYSOCK_EPERM`).
///
/// Does not block. On a "tcp" or "udp" socket whose family is not settled the option is kept, and applied when it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_set(h: anysock_t, option: *const c_char, value: i64) -> i64 {
    // SAFETY: the caller vouches for the text.
    call(|| options::set(h, unsafe { argument::text(option) }?, value))
}

/// Reads an option that is a number.
///
/// @param h      As for `anysock_set`.
/// @param option (in) As for `anysock_set`.
/// @param value  (out) Receives it.
/// @return 0. Errors as for `anysock_set`; `ANYSOCK_EACCES` for an option that can only be written. On an error nothing is
///         stored.
///
/// Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_get(h: anysock_t, option: *const c_char, value: *mut i64) -> i64 {
    call(|| {
        let out = Out::new(value)?;
        // SAFETY: the caller vouches for the text.
        let value = options::get(h, unsafe { argument::text(option) }?)?;
        // SAFETY: the caller vouches for the place.
        unsafe { out.put(value) };
        Ok(())
    })
}

/// Sets an option that is text.
///
/// @param h      As for `anysock_set`.
/// @param option (in) As for `anysock_set`.
/// @param value  (in) The text, as the option's description says.
/// @return 0. Errors as for `anysock_set`.
///
/// Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_set_text(h: anysock_t, option: *const c_char, value: *const c_char) -> i64 {
    // SAFETY: the caller vouches for both texts.
    call(|| options::set_text(h, unsafe { argument::text(option) }?, unsafe { argument::text(value) }?))
}

/// Reads an option that is text.
///
/// @param h        As for `anysock_set`.
/// @param option   (in) As for `anysock_set`.
/// @param text     (out, length=capacity) Receives it, cut if it must be, and its NUL. May be NULL when `capacity` is 0.
/// @param capacity How many bytes `text` holds.
/// @return The full length without the NUL. Errors as for `anysock_get`.
///
/// Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_get_text(
    h: anysock_t,
    option: *const c_char,
    text: *mut c_char,
    capacity: usize,
) -> i64 {
    call(|| {
        let out = TextOut::new(text, capacity)?;
        // SAFETY: the caller vouches for the text.
        let value = options::get_text(h, unsafe { argument::text(option) }?)?;
        // SAFETY: the caller vouches for the memory.
        Ok(unsafe { out.put(&value) })
    })
}

/// Sets an option by the system's own numbers, as setsockopt(2): for what has no name here.
///
/// @param h      A socket.
/// @param level  `SOL_SOCKET`, `IPPROTO_TCP` and the like, as this system numbers them.
/// @param name   The option's number.
/// @param value  (in, length=length) Its bytes, as this system lays them out. May be NULL when `length` is 0.
/// @param length How many.
/// @return 0. The system's errors; `ANYSOCK_ENOTCONN` while the family of the socket is not settled; `ANYSOCK_EFAULT`,
///         `ANYSOCK_EBADF`, `ANYSOCK_ENOTSOCK`.
///
/// Does not block. `SO_RCVTIMEO` and `SO_SNDTIMEO` become the handle's "read_timeout" and "write_timeout", apply to accept and
/// connect too, and end a call with `ANYSOCK_EAGAIN`, a connect with `ANYSOCK_EINPROGRESS`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_set_raw(
    h: anysock_t,
    level: i32,
    name: i32,
    value: *const c_void,
    length: usize,
) -> i64 {
    // SAFETY: the caller vouches for the memory.
    call(|| options::set_raw(h, level, name, unsafe { argument::bytes(value, length) }?))
}

/// Reads an option by the system's own numbers, as getsockopt(2).
///
/// @param h      A socket.
/// @param level  As for `anysock_set_raw`.
/// @param name   As for `anysock_set_raw`.
/// @param value  (out, length=length) Receives its bytes. May be NULL when `length` is 0.
/// @param length How many it holds.
/// @return How many bytes the system has filled in. Errors as for `anysock_set_raw`.
///
/// Does not block. `SO_ERROR` returns an error once, also one that a wait or option "error" has seen before; reads and a second
/// connect still return it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_get_raw(
    h: anysock_t,
    level: i32,
    name: i32,
    value: *mut c_void,
    length: usize,
) -> i64 {
    // SAFETY: the caller vouches for the memory.
    call(|| options::get_raw(h, level, name, unsafe { argument::room(value, length) }?))
}
