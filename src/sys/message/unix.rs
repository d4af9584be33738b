//! Messages with control data on Unix: recvmsg(2), sendmsg(2). Not here: the control data itself (`cmsg`).

use crate::sys::calls;
use crate::sys::message::flags_of;
use crate::sys::{
    CMSG_CLOEXEC, ControlData, ControlRoom, Fd, Flags, Message, PLATFORM_RECV, PLATFORM_SEND, Piece, Result,
    TRUNC_RETURNS_LENGTH, count, measured_message, message, system_flags,
};
use libc::{c_int, socklen_t};
use socket2::SockAddr;

/// Receives into several pieces, with control data, and if `named` with the sender's address (recvmsg(2)).
pub fn receive_message(
    fd: Fd,
    pieces: &[Piece],
    room: &mut ControlRoom,
    flags: Flags,
    named: bool,
) -> Result<Message> {
    if !TRUNC_RETURNS_LENGTH && flags.has(Flags::TRUNC) {
        let flags = flags.without(Flags::TRUNC);
        return measured_message(pieces, |all| receive_message(fd, all, room, flags, named));
    }
    let mut header = message(pieces);
    header.msg_control = room.as_mut_ptr().cast();
    header.msg_controllen = room.length() as _;
    let flags = PLATFORM_RECV | CMSG_CLOEXEC | system_flags(flags);
    let mut receive = |storage: *mut socket2::SockAddrStorage, length: *mut socklen_t| {
        if named {
            header.msg_name = storage.cast();
            // SAFETY: the length is that of the storage, and both outlive the call.
            header.msg_namelen = unsafe { *length };
        }
        // SAFETY: the header points at `pieces`, whose memory the kernel checks (EFAULT), and at room as large as
        // it says for a name and for control data.
        let received = count(unsafe { calls::recvmsg(fd.0, &mut header, flags) });
        // SAFETY: as above.
        unsafe { *length = if named { header.msg_namelen } else { 0 } };
        received.map_err(|error| std::io::Error::from_raw_os_error(error.0))
    };
    // SAFETY: the kernel fills in as much of the storage as it says in the length.
    let (count, sender) = unsafe { SockAddr::try_init(&mut receive) }?;
    Ok(Message {
        count,
        sender: (sender.len() > 0).then_some(sender),
        flags: flags_of(header.msg_flags, &REPORTED),
        control: header.msg_controllen as _,
    })
}

/// The flags that the kernel reports of a message.
const REPORTED: [(Flags, c_int); 3] =
    [(Flags::TRUNC, libc::MSG_TRUNC), (Flags::CONTROL_TRUNC, libc::MSG_CTRUNC), (Flags::OOB, libc::MSG_OOB)];

/// Sends from several pieces, with control data, to an address or the peer (sendmsg(2)); never raises SIGPIPE.
pub fn send_message(
    fd: Fd,
    pieces: &[Piece],
    control: &ControlData,
    flags: Flags,
    address: Option<&SockAddr>,
) -> Result<usize> {
    let mut header = message(pieces);
    if let Some(address) = address {
        header.msg_name = address.as_ptr().cast_mut().cast();
        header.msg_namelen = address.len();
    }
    let control = control.as_bytes();
    if !control.is_empty() {
        header.msg_control = control.as_ptr().cast_mut().cast();
        header.msg_controllen = control.len() as _;
    }
    // SAFETY: the header points at `pieces`, whose memory the kernel checks (EFAULT), and at a name and control data
    // that are as long as it says and only read.
    count(unsafe { calls::sendmsg(fd.0, &header, PLATFORM_SEND | system_flags(flags)) })
}
