//! Addresses of AF_UNIX on Windows, as bytes and from them. Not here: their text (`core::name::address`).

use crate::sys::{INVALID, Result};
use socket2::SockAddr;
use std::mem::offset_of;
use windows_sys::Win32::Networking::WinSock as ws;

/// Whether there are AF_UNIX names outside the file system (abstract ones).
pub const HAS_ABSTRACT: bool = false;

/// The name of an AF_UNIX address: a path, or nothing for an unnamed one.
#[must_use]
pub fn unix_name(address: &SockAddr) -> Option<Vec<u8>> {
    let offset = offset_of!(ws::SOCKADDR_UN, sun_path);
    let length = (address.len() as usize).checked_sub(offset)?;
    // SAFETY: the address is an AF_UNIX one, and the system said that it is this long.
    let name = unsafe { std::slice::from_raw_parts(address.as_ptr().cast::<u8>().add(offset), length) };
    name.split(|byte| *byte == 0).next().filter(|path| !path.is_empty()).map(<[u8]>::to_vec)
}

/// The address of that path, which is UTF-8 here; an error if it is too long.
pub fn unix_address(name: &[u8]) -> Result<SockAddr> {
    let path = std::str::from_utf8(name).map_err(|_| INVALID)?;
    Ok(SockAddr::unix(path)?)
}
