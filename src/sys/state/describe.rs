//! The type of a descriptor that another part of the program has opened, on Unix. Not here: making a handle of it
//! (`core::socket::adopt`).

use crate::sys::{DescriptorKind, Fd, OsError, Result, SO_PROTOCOL, get_option, local, peer, pollable};
use libc::c_int;

/// The number of the socket's protocol, if the system reports one.
pub fn protocol(fd: Fd) -> Option<i32> {
    number(fd, libc::SOL_SOCKET, SO_PROTOCOL?).ok().filter(|protocol| *protocol != 0)
}

pub(in crate::sys) fn number(fd: Fd, level: c_int, name: c_int) -> Result<i32> {
    let mut value = [0; 4];
    get_option(fd, level, name, &mut value)?;
    Ok(i32::from_ne_bytes(value))
}

/// What a descriptor is; `ENOTSOCK` if it can't be polled, `EBADF` if there is none of that number.
pub fn describe(fd: Fd) -> Result<DescriptorKind> {
    match number(fd, libc::SOL_SOCKET, libc::SO_TYPE) {
        Ok(kind) => describe_socket(fd, kind),
        Err(OsError(libc::ENOTSOCK)) => pollable(fd).map(|()| DescriptorKind::Stream),
        Err(error) => Err(error),
    }
}

fn describe_socket(fd: Fd, kind: i32) -> Result<DescriptorKind> {
    Ok(DescriptorKind::Socket {
        family: local(fd)?.domain(),
        kind: kind.into(),
        protocol: protocol(fd).unwrap_or(0),
        listening: number(fd, libc::SOL_SOCKET, libc::SO_ACCEPTCONN).is_ok_and(|on| on != 0),
        connected: peer(fd).is_ok(),
    })
}
