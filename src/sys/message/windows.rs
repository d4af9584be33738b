//! Messages with control data on Windows, by WSARecvMsg and WSASendMsg, which support only datagrams: a stream has no control data
//! here, and no message carries descriptors. Not here: the control data itself (`cmsg`).

use crate::sys::edges;
use crate::sys::message::flags_of;
use crate::sys::{
    ControlData, ControlRoom, Events, Fd, Flags, Message, OsError, Piece, Result, check, ioctl,
    measured_message,
};
use crate::sys::{normalize, system_flags, translate_receive, translate_send, with_movable};
use socket2::SockAddr;
use std::mem::size_of;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};
use windows_sys::Win32::Networking::WinSock as ws;
use windows_sys::Win32::System::IO::OVERLAPPED;
use windows_sys::core::GUID;

/// The type of `LPFN_WSARECVMSG`.
type Receive = unsafe extern "system" fn(
    ws::SOCKET,
    *mut ws::WSAMSG,
    *mut u32,
    *mut OVERLAPPED,
    ws::LPWSAOVERLAPPED_COMPLETION_ROUTINE,
) -> i32;

/// WSARecvMsg, which no DLL exports: its address comes from an ioctl, and is the same for every socket of the system's own
/// protocols.
fn receive_function(fd: Fd) -> Result<Receive> {
    static FOUND: AtomicUsize = AtomicUsize::new(0);
    let mut found = FOUND.load(Ordering::Relaxed);
    if found == 0 {
        let mut place = [0; size_of::<usize>()];
        ioctl(fd, ws::SIO_GET_EXTENSION_FUNCTION_POINTER, &guid(ws::WSAID_WSARECVMSG), &mut place)?;
        found = usize::from_ne_bytes(place);
        FOUND.store(found, Ordering::Relaxed);
    }
    // SAFETY: the system has returned the function's address, and it is not NULL.
    Ok(unsafe { std::mem::transmute::<usize, Receive>(found) })
}

/// A GUID as bytes in memory.
fn guid(name: GUID) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&name.data1.to_ne_bytes());
    bytes[4..6].copy_from_slice(&name.data2.to_ne_bytes());
    bytes[6..8].copy_from_slice(&name.data3.to_ne_bytes());
    bytes[8..].copy_from_slice(&name.data4);
    bytes
}

/// Winsock requires at least one piece, which may be empty.
const NO_PIECE: &[Piece] = &[Piece::EMPTY];

/// Receives into several pieces, and for datagrams (`named`) with the sender's address and control data.
pub fn receive_message(
    fd: Fd,
    pieces: &[Piece],
    room: &mut ControlRoom,
    flags: Flags,
    named: bool,
) -> Result<Message> {
    if flags.has(Flags::TRUNC) {
        let flags = flags.without(Flags::TRUNC);
        return measured_message(pieces, |all| receive_message(fd, all, room, flags, named));
    }
    let pieces = if pieces.is_empty() { NO_PIECE } else { pieces };
    let message = match named {
        true => receive_datagram(fd, pieces, room, flags),
        false => receive_bytes(fd, pieces, flags),
    };
    edges::reenable(fd, Events::READ.or(Events::EXCEPT));
    translate_receive(message, flags)
}

fn receive_bytes(fd: Fd, pieces: &[Piece], flags: Flags) -> Result<Message> {
    let (mut received, mut found) = (0, system_flags(flags) as u32);
    // SAFETY: Piece is a transparent WSABUF; the kernel checks the memory they describe. Nothing is overlapped.
    with_movable(pieces, |list, count| unsafe {
        let socket = fd.to_raw() as ws::SOCKET;
        check(ws::WSARecv(socket, list, count, &mut received, &mut found, null_mut(), None))
    })?;
    let reported = if flags.has(Flags::OOB) { Flags::OOB } else { Flags::default() };
    Ok(Message { count: received as usize, sender: None, flags: reported, control: 0 })
}

fn receive_datagram(fd: Fd, pieces: &[Piece], room: &mut ControlRoom, flags: Flags) -> Result<Message> {
    let receive = receive_function(fd)?;
    // If control data does not fit, Winsock does not always report the message's length: so there is spare room for any.
    let mut spare = [0_u64; SPARE];
    let is_spare = room.length() == 0;
    let control = match is_spare {
        true => ws::WSABUF { len: size_of_val(&spare) as u32, buf: spare.as_mut_ptr().cast() },
        false => ws::WSABUF { len: room.length() as u32, buf: room.as_mut_ptr() },
    };
    let mut message =
        ws::WSAMSG { Control: control, dwFlags: system_flags(flags) as u32, ..ws::WSAMSG::default() };
    let mut received = 0;
    let mut outcome = Ok(());
    let mut fill = |storage: *mut socket2::SockAddrStorage, length: *mut i32| {
        message.name = storage.cast();
        // SAFETY: the length is that of the storage, and both outlive the call.
        message.namelen = unsafe { *length };
        // SAFETY: the header points at `pieces`, whose memory the kernel checks, and at room as large as it says for a
        // name and for control data. Nothing is overlapped.
        outcome = with_movable(pieces, |list, count| unsafe {
            (message.lpBuffers, message.dwBufferCount) = (list.cast_mut(), count);
            check(receive(fd.to_raw() as ws::SOCKET, &mut message, &mut received, null_mut(), None))
        });
        // SAFETY: as above.
        unsafe { *length = if normalize(fd, outcome.map(|()| 0), 0).is_ok() { message.namelen } else { 0 } };
        Ok(())
    };
    // SAFETY: the system fills in as much of the storage as it says in the length.
    let ((), sender) = unsafe { SockAddr::try_init(&mut fill) }?;
    let whole = Piece::total(pieces).unwrap_or(0);
    let count =
        received_length(fd, outcome.map(|()| received as usize), received, &mut message.dwFlags, whole)?;
    let control = if is_spare { 0 } else { message.Control.len as usize };
    if is_spare && message.Control.len > 0 {
        message.dwFlags |= ws::MSG_CTRUNC;
    }
    Ok(Message {
        count,
        sender: (sender.len() > 0 && sender.family() != 0).then_some(sender),
        flags: flags_of(message.dwFlags as i32, &REPORTED),
        control,
    })
}

/// How many bytes a receive has put into pieces of `whole` bytes. Sets the flag for a datagram that was cut.
fn received_length(
    fd: Fd,
    outcome: Result<usize>,
    received: u32,
    flags: &mut u32,
    whole: usize,
) -> Result<usize> {
    match outcome {
        // Winsock has the same error if only the control data was truncated.
        Err(OsError(ws::WSAEMSGSIZE)) if *flags & BOTH_CUT == ws::MSG_CTRUNC => match received {
            0 => Ok(whole),
            received => Ok(received as usize),
        },
        Err(OsError(ws::WSAEMSGSIZE)) => {
            *flags |= ws::MSG_TRUNC;
            Ok(whole)
        }
        other => normalize(fd, other, whole),
    }
}

/// More words than the control data of all options together takes.
const SPARE: usize = 64;

const BOTH_CUT: u32 = ws::MSG_TRUNC | ws::MSG_CTRUNC;

/// The flags that the system reports of a message.
const REPORTED: [(Flags, i32); 2] =
    [(Flags::TRUNC, ws::MSG_TRUNC as i32), (Flags::CONTROL_TRUNC, ws::MSG_CTRUNC as i32)];

/// Sends from several pieces, with control data, to an address or the peer.
pub fn send_message(
    fd: Fd,
    pieces: &[Piece],
    control: &ControlData,
    flags: Flags,
    address: Option<&SockAddr>,
) -> Result<usize> {
    let pieces = if pieces.is_empty() { NO_PIECE } else { pieces };
    let data = control.as_bytes();
    let (name, length) =
        address.map_or((null_mut(), 0), |address| (address.as_ptr().cast_mut().cast(), address.len()));
    let mut sent = 0;
    // SAFETY: the list is that of `pieces`, whose memory the kernel checks; address and control data are as long as given, and
    // only read. Nothing is overlapped.
    let outcome = with_movable(pieces, |list, count| unsafe {
        let (socket, flags) = (fd.to_raw() as ws::SOCKET, system_flags(flags) as u32);
        check(if address.is_none() && data.is_empty() {
            ws::WSASend(socket, list, count, &mut sent, flags, null_mut(), None)
        } else if data.is_empty() {
            ws::WSASendTo(socket, list, count, &mut sent, flags, name, length, null_mut(), None)
        } else {
            let message = ws::WSAMSG {
                name,
                namelen: length,
                lpBuffers: list.cast_mut(),
                dwBufferCount: count,
                Control: ws::WSABUF { len: data.len() as u32, buf: data.as_ptr().cast_mut() },
                dwFlags: 0,
            };
            ws::WSASendMsg(socket, &message, flags, &mut sent, null_mut(), None)
        })
    });
    let outcome = outcome.map(|()| sent as usize);
    edges::after_send(fd, outcome.unwrap_or(0), Piece::total(pieces).unwrap_or(usize::MAX));
    translate_send(fd, outcome)
}
