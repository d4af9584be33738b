//! What Linux reports of a descriptor. Not here: what every Unix does (`unix`).

use crate::sys::calls;
use crate::sys::{
    Events, Fd, OsError, PLATFORM_RECV, PollFd, Result, Selector, WOULD_BLOCK, available, count, file_type,
    hangs_up, peer, poll, pollable_by_type, set_option,
};
use libc::c_int;
use std::time::Duration;

/// The socket option that reads the protocol.
pub(in crate::sys) const SO_PROTOCOL: Option<c_int> = Some(libc::SO_PROTOCOL);

/// `Ok` if epoll(7) takes the descriptor, else `ENOTSOCK`: it refuses files and directories, which are always ready.
pub(in crate::sys) fn pollable(fd: Fd) -> Result<()> {
    let Ok(selector) = Selector::new() else { return pollable_by_looks(fd) };
    match selector.add(fd, Events::NONE, 0) {
        Err(OsError(libc::EPERM)) => Err(OsError(libc::ENOTSOCK)),
        other => other,
    }
}

/// The same where the process is out of descriptors and can't open a selector: a guess by type. A device that does not support
/// poll is always ready.
fn pollable_by_looks(fd: Fd) -> Result<()> {
    // SAFETY: takes no memory.
    let is_device = file_type(fd)? == libc::S_IFCHR && unsafe { libc::isatty(fd.0) } == 0;
    let both = Events::READ.or(Events::WRITE);
    let mut entry = [PollFd::new(fd, both)];
    if is_device && poll(&mut entry, Some(Duration::ZERO)) == Ok(1) && entry[0].ready() == both {
        return Err(OsError(libc::ENOTSOCK));
    }
    pollable_by_type(fd)
}

/// How many bytes of a TCP stream are queued for reading, including those behind an urgent byte, where FIONREAD stops (tcp(7)).
pub fn queued(fd: Fd) -> Result<usize> {
    let up_to_urgent = available(fd)?;
    if set_option(fd, libc::IPPROTO_TCP, TCP_INQ, &1_i32.to_ne_bytes()).is_err() {
        return Ok(up_to_urgent);
    }
    let all = peek_for_queued(fd);
    set_option(fd, libc::IPPROTO_TCP, TCP_INQ, &0_i32.to_ne_bytes())?;
    // TCP_INQ counts the urgent byte as well, and the FIN as one byte.
    Ok(all?.map_or(up_to_urgent, |all| up_to_urgent.max(all.saturating_sub(1))))
}

/// `TCP_INQ`, the option, and `TCP_CM_INQ`, the type of its control message: linux/tcp.h, since 4.18.
const TCP_INQ: c_int = 36;

/// How many bytes are queued by TCP_INQ, which comes as control data of a receive: here of a peek at one byte. `None` if there is
/// nothing to read.
fn peek_for_queued(fd: Fd) -> Result<Option<usize>> {
    let mut byte = 0_u8;
    let mut piece = libc::iovec { iov_base: std::ptr::from_mut(&mut byte).cast(), iov_len: 1 };
    let mut control = [0_u64; 8];
    // SAFETY: plain numbers and pointers, for which zero is a value.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &mut piece;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&control) as _;
    // SAFETY: the header points at one piece and at room for control data, both as long as it says.
    match count(unsafe { calls::recvmsg(fd.0, &mut header, libc::MSG_PEEK | PLATFORM_RECV) }) {
        Ok(_) => {}
        Err(WOULD_BLOCK) => return Ok(None),
        Err(error) => return Err(error),
    }
    // SAFETY: the kernel has written whole control messages into the room, which is aligned for them.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(&header);
        while let Some(head) = message.as_ref() {
            if (head.cmsg_level, head.cmsg_type) == (libc::IPPROTO_TCP, TCP_INQ) {
                let queued = libc::CMSG_DATA(message).cast::<c_int>().read_unaligned();
                return Ok(usize::try_from(queued).ok());
            }
            message = libc::CMSG_NXTHDR(&header, message);
        }
    }
    Ok(None)
}

/// Whether the connection is over, on which a call has just failed with this error: then the socket has no peer any more. Only
/// AF_UNIX keeps the peer, and polls as hung up.
#[must_use]
pub fn has_ended(fd: Fd, _error: OsError) -> bool {
    peer(fd).map_or(true, |peer| peer.is_unix() && hangs_up(fd))
}

/// Whether the peer has finished sending, with bytes still queued or not.
#[must_use]
pub fn peer_has_finished(fd: Fd) -> bool {
    let mut entry = [PollFd(libc::pollfd { fd: fd.0, events: libc::POLLRDHUP, revents: 0 })];
    poll(&mut entry, Some(Duration::ZERO)) == Ok(1)
}
