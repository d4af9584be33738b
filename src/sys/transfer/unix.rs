//! Bytes of sockets on Unix. Not here: control data (`message`), many datagrams (`batch`), files and pipes (`file`).

use crate::sys::calls;
use crate::sys::{
    Fd, Flags, MAX_PIECES, MSG_MORE, PLATFORM_RECV, PLATFORM_SEND, Piece, Result, TRUNC_RETURNS_LENGTH,
    count, measured,
};
use libc::{c_int, socklen_t};
use socket2::SockAddr;
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};

/// The system's bits for [`Flags`]; without flags, the common case, it is one comparison.
pub(in crate::sys) fn system_flags(flags: Flags) -> c_int {
    // Every call is non-blocking in any case.
    if flags.without(Flags::DONT_WAIT) == Flags::default() {
        return 0;
    }
    let mut bits = 0;
    for (flag, bit) in [
        (Flags::PEEK, libc::MSG_PEEK),
        (Flags::OOB, libc::MSG_OOB),
        (Flags::TRUNC, libc::MSG_TRUNC),
        (Flags::MORE, MSG_MORE),
    ] {
        if flags.has(flag) {
            bits |= bit;
        }
    }
    bits
}

/// Receives, as recv(2). Does not block, as all functions here.
#[inline]
pub fn recv(fd: Fd, data: &mut [MaybeUninit<u8>], flags: Flags) -> Result<usize> {
    if !TRUNC_RETURNS_LENGTH && flags.has(Flags::TRUNC) {
        return Ok(recv_from(fd, data, flags)?.0);
    }
    let flags = PLATFORM_RECV | system_flags(flags);
    // SAFETY: the slice is writable for its length; the kernel writes no further.
    unsafe { calls::recvfrom(fd.0, (data.as_mut_ptr().cast(), data.len()), flags, (null_mut(), null_mut())) }
}

/// Sends, as send(2); never raises SIGPIPE.
#[inline]
pub fn send(fd: Fd, data: &[u8], flags: Flags) -> Result<usize> {
    let flags = PLATFORM_SEND | system_flags(flags);
    // SAFETY: the slice is readable for its length.
    unsafe { calls::sendto(fd.0, (data.as_ptr().cast(), data.len()), flags, (null(), 0)) }
}

/// Receives with the sender's address, if the protocol reports one, as recvfrom(2).
pub fn recv_from(fd: Fd, data: &mut [MaybeUninit<u8>], flags: Flags) -> Result<(usize, Option<SockAddr>)> {
    if !TRUNC_RETURNS_LENGTH && flags.has(Flags::TRUNC) {
        return measured(data, |whole| recv_from(fd, whole, flags.without(Flags::TRUNC)));
    }
    let flags = PLATFORM_RECV | system_flags(flags);
    let mut receive = |storage: *mut socket2::SockAddrStorage, length: *mut socklen_t| {
        // SAFETY: the data slice is writable for its length, and `storage` is as large as `length` says.
        unsafe {
            let room = (data.as_mut_ptr().cast(), data.len());
            calls::recvfrom(fd.0, room, flags, (storage.cast(), length))
        }
        .map_err(|error| std::io::Error::from_raw_os_error(error.0))
    };
    // SAFETY: the kernel fills in as much of the storage as it says in the length.
    let (received, address) = unsafe { SockAddr::try_init(&mut receive) }?;
    Ok((received, (address.len() > 0).then_some(address)))
}

/// Sends to an address, as sendto(2); never raises SIGPIPE.
pub fn send_to(fd: Fd, data: &[u8], flags: Flags, address: &SockAddr) -> Result<usize> {
    let flags = PLATFORM_SEND | system_flags(flags);
    // SAFETY: the data slice is readable for its length, and so is the address.
    unsafe {
        let name = (address.as_ptr().cast(), address.len());
        calls::sendto(fd.0, (data.as_ptr().cast(), data.len()), flags, name)
    }
}

pub(in crate::sys) fn message(pieces: &[Piece]) -> libc::msghdr {
    // SAFETY: plain numbers and pointers, for which zero is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = pieces.as_ptr().cast_mut().cast();
    message.msg_iovlen = pieces.len().min(MAX_PIECES) as _;
    message
}

/// Receives into several pieces, as readv(2).
pub fn readv(fd: Fd, pieces: &[Piece]) -> Result<usize> {
    let mut message = message(pieces);
    // SAFETY: the header points at `pieces`; the kernel checks the memory they describe (EFAULT).
    count(unsafe { calls::recvmsg(fd.0, &mut message, PLATFORM_RECV) })
}

/// Sends from several pieces, as writev(2); never raises SIGPIPE.
pub fn writev(fd: Fd, pieces: &[Piece]) -> Result<usize> {
    let message = message(pieces);
    // SAFETY: the header points at `pieces`; the kernel checks the memory they describe (EFAULT).
    count(unsafe { calls::sendmsg(fd.0, &message, PLATFORM_SEND) })
}

/// Receives one datagram, with its sender's address.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
pub(in crate::sys) fn receive_one(fd: Fd, pieces: &[Piece], flags: Flags) -> Result<crate::sys::Received> {
    let mut message = message(pieces);
    let mut receive = |storage: *mut socket2::SockAddrStorage, length: *mut socklen_t| {
        message.msg_name = storage.cast();
        // SAFETY: `storage` is as large as `length` says, and the header points at it and at `pieces`; the kernel checks
        // the memory that these describe (EFAULT).
        let received = count(unsafe {
            message.msg_namelen = *length;
            calls::recvmsg(fd.0, &mut message, PLATFORM_RECV | system_flags(flags))
        });
        // SAFETY: `length` is a place for the length.
        unsafe { *length = message.msg_namelen };
        received.map_err(|error| std::io::Error::from_raw_os_error(error.0))
    };
    // SAFETY: the kernel fills in as much of the storage as it says in the length.
    let (length, address) = unsafe { SockAddr::try_init(&mut receive) }?;
    let cut = message.msg_flags & libc::MSG_TRUNC != 0;
    Ok(crate::sys::Received { length, cut, sender: (address.len() > 0).then_some(address), segment: 0 })
}

/// Sends one datagram, to an address or the connected peer; never raises SIGPIPE.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
pub(in crate::sys) fn send_one(
    fd: Fd,
    piece: Piece,
    address: Option<&SockAddr>,
    flags: Flags,
) -> Result<usize> {
    let pieces = [piece];
    let mut message = message(&pieces);
    if let Some(address) = address {
        message.msg_name = address.as_ptr().cast_mut().cast();
        message.msg_namelen = address.len();
    }
    // SAFETY: the header points at `pieces` and the address; the kernel checks the memory they describe (EFAULT).
    count(unsafe { calls::sendmsg(fd.0, &message, PLATFORM_SEND | system_flags(flags)) })
}
