//! The header of a control message on Unix (cmsg(3)), and descriptors received in one. Not here: the tables (`linux`, `bsd`).

use crate::sys::{CMSG_CLOEXEC, Fd, set_inherit};
use libc::c_int;

/// Whether messages of AF_UNIX can carry descriptors.
pub const HAS_RIGHTS: bool = true;

/// The header of a control message.
pub(in crate::sys) type ControlHeader = libc::cmsghdr;

/// Where its data begins.
// SAFETY: takes no memory.
pub(in crate::sys) const CONTROL_PAYLOAD: usize = unsafe { libc::CMSG_LEN(0) as usize };

/// The control message that carries descriptors.
pub(in crate::sys) const RIGHTS: (c_int, c_int) = (libc::SOL_SOCKET, libc::SCM_RIGHTS);

/// The space of a control message with `length` bytes of data (CMSG_SPACE).
pub(in crate::sys) fn control_space(length: usize) -> usize {
    // SAFETY: takes no memory.
    unsafe { libc::CMSG_SPACE(length as libc::c_uint) as usize }
}

/// A length in the type of the header's field.
pub(in crate::sys) fn control_length(length: usize) -> [u8; CONTROL_LENGTH] {
    // SAFETY: plain numbers, for which zero is a value.
    let mut header: ControlHeader = unsafe { std::mem::zeroed() };
    header.cmsg_len = length as _;
    header.cmsg_len.to_ne_bytes()
}

// SAFETY: plain numbers, for which zero is a value.
const CONTROL_LENGTH: usize = size_of_val(&unsafe { std::mem::zeroed::<ControlHeader>() }.cmsg_len);

/// A descriptor received in a message, made close-on-exec if it is not.
pub(in crate::sys) fn received_right(number: &[u8]) -> Fd {
    let fd = Fd(number.try_into().map_or(-1, c_int::from_ne_bytes));
    if CMSG_CLOEXEC == 0 {
        // The system has no flag that does so.
        let _ = set_inherit(fd, false);
    }
    fd
}
