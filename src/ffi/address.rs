//! Addresses as flat memory, from text and to it. Not here: what an address text may be (`core::name::address`).

use crate::core::name::flat::Flat;
use crate::ffi::argument::{self, Out, TextOut};
use crate::ffi::call;
use crate::ffi::types::anysock_address;
use std::ffi::c_char;

/// Parses an address text into flat memory (`anysock_address`). The text must be a whole address in numbers.
///
/// @param kind    (in) The kind of socket that the address is for, as for `anysock_open`.
/// @param text    (in) "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", for unix kinds a path or "@name" (abstract, Linux),
///                for raw kinds a bare host.
/// @param address (out) Receives it. A mapped IPv6 address ("[::ffff:192.0.2.1]:80") becomes the IPv4 address that it stands
///                for.
/// @return 0. `ANYSOCK_EINVAL` for text that is no kind or no address, and for what only `anysock_resolve` can look up: a
///         host's name, a port's name, ":80"; `ANYSOCK_EAFNOSUPPORT` for an address of another family;
///         `ANYSOCK_ENAMETOOLONG` for a path; `ANYSOCK_EOPNOTSUPP` for an abstract name where there are none;
///         `ANYSOCK_EFAULT`. On an error nothing is stored.
///
/// Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_address_parse(
    kind: *const c_char,
    text: *const c_char,
    address: *mut anysock_address,
) -> i64 {
    call(|| {
        let out = Out::new(address)?;
        // SAFETY: the caller vouches for both texts.
        let (kind, text) = unsafe { (argument::text(kind)?, argument::text(text)?) };
        let flat = Flat::parse(kind, text)?;
        // SAFETY: the caller vouches for the place.
        unsafe { out.put(flat.into()) };
        Ok(())
    })
}

/// The text of an address in flat memory, as `anysock_address_parse` takes it and `anysock_recv_from` gives it, always with
/// a port unless it is a unix address.
///
/// @param address  (in) The address. An IPv4 address is never shown as a mapped IPv6 one.
/// @param text     (out, length=capacity) Receives the text, cut if it must be, and its NUL. May be NULL when `capacity` is
///                 0.
/// @param capacity How many bytes `text` holds. 128 hold every address but a unix name that is not UTF-8.
/// @return The full length without the NUL; 0 for no address (`family` 0). `ANYSOCK_EINVAL` if `length` does not fit the
///         family or `reserved` is not 0, `ANYSOCK_EAFNOSUPPORT` for another family, `ANYSOCK_ENAMETOOLONG`,
///         `ANYSOCK_EOPNOTSUPP` as for `anysock_address_parse`, `ANYSOCK_EFAULT`.
///
/// Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_address_format(
    address: *const anysock_address,
    text: *mut c_char,
    capacity: usize,
) -> i64 {
    call(|| {
        let out = TextOut::new(text, capacity)?;
        // SAFETY: the caller vouches for the address.
        let flat = unsafe { argument::address(address) }?;
        let formatted = flat.text()?;
        // SAFETY: the caller vouches for the memory.
        Ok(unsafe { out.put(&formatted) })
    })
}
