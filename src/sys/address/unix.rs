//! Addresses of AF_UNIX on Unix, as bytes and from them (unix(7)). Not here: their text (`core::name::address`).

use crate::sys::Result;
use libc::socklen_t;
use socket2::SockAddr;
use std::ffi::OsStr;
use std::mem::{offset_of, size_of};
use std::os::unix::ffi::OsStrExt;

/// Whether there are AF_UNIX names outside the file system (abstract ones).
pub const HAS_ABSTRACT: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// The name of an AF_UNIX address: a path, `\0` and an abstract name, or nothing for an unnamed one.
#[must_use]
pub fn unix_name(address: &SockAddr) -> Option<Vec<u8>> {
    let offset = offset_of!(libc::sockaddr_un, sun_path);
    let length = (address.len() as usize).checked_sub(offset).filter(|length| *length > 0)?;
    // SAFETY: the address is an AF_UNIX one, and the system said that it is this long.
    let name = unsafe { std::slice::from_raw_parts(address.as_ptr().cast::<u8>().add(offset), length) };
    if name[0] == 0 {
        // A single NUL is a valid abstract name; elsewhere an unnamed socket may look like this.
        return HAS_ABSTRACT.then(|| name.to_vec());
    }
    // A path may carry its NUL, or not.
    Some(name.split(|byte| *byte == 0).next().unwrap_or_default().to_vec())
}

/// The address of that path, or of `\0` and an abstract name; an error if it is too long.
pub fn unix_address(name: &[u8]) -> Result<SockAddr> {
    // A path of the full length has no NUL at its end, which socket2 does not support.
    if name.len() == UNIX_PATH && name[0] != 0 {
        full_path(name)
    } else {
        Ok(SockAddr::unix(OsStr::from_bytes(name))?)
    }
}

/// The longest path in bytes (unix(7)).
// SAFETY: plain numbers, for which zero is a value.
const UNIX_PATH: usize = size_of_val(&unsafe { std::mem::zeroed::<libc::sockaddr_un>() }.sun_path);

/// The address of a path of that length.
fn full_path(path: &[u8]) -> Result<SockAddr> {
    // SAFETY: the storage is larger than the address, whose path is filled in as a whole.
    let ((), address) = unsafe {
        SockAddr::try_init(|storage, length| {
            let place = storage.cast::<libc::sockaddr_un>();
            (*place).sun_family = libc::AF_UNIX as libc::sa_family_t;
            std::ptr::copy_nonoverlapping(path.as_ptr(), (&raw mut (*place).sun_path).cast(), path.len());
            *length = size_of::<libc::sockaddr_un>() as socklen_t;
            Ok(())
        })
    }?;
    Ok(address)
}
