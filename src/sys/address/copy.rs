//! Copying an address of the internet families. Not here: AF_UNIX addresses (`unix`, `windows`).

use socket2::{Domain, SockAddr};

/// Copies an address of one of the internet families, whose lengths are the same everywhere.
///
/// # Safety
/// `address` must point at a whole address of `family`.
pub(in crate::sys) unsafe fn copy_address(address: *const u8, family: Domain) -> Option<SockAddr> {
    let length = match family {
        Domain::IPV4 => 16,
        Domain::IPV6 => 28,
        _ => return None,
    };
    // SAFETY: the caller vouches for the address, and the storage is larger.
    let copy = unsafe {
        SockAddr::try_init(|storage, size| {
            std::ptr::copy_nonoverlapping(address, storage.cast(), length);
            *size = length as _;
            Ok(())
        })
    };
    copy.ok().map(|((), address)| address)
}
