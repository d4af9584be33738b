//! Bytes of sockets on Windows, by Winsock. Not here: control data (`message`), many datagrams (`batch`).

use crate::sys::edges;
use crate::sys::{
    Events, Fd, Flags, INVALID, MAX_PIECES, OUT_OF_MEMORY, OsError, Piece, Received, Result, WOULD_BLOCK,
    check, count, is_unnamed, measured, peer, with_socket,
};
use socket2::{SockAddr, Socket, Type};
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use windows_sys::Win32::Networking::WinSock as ws;

/// The most bytes that one call moves: Winsock locks all memory that it is given, and a send that finds any room copies all of it
/// into the kernel, whatever option `send_buffer` says. No datagram is longer, so that none is truncated.
const MOST: usize = 1 << 17;

/// A length in Winsock's type, [`MOST`] at the most.
pub(in crate::sys) fn cut(length: usize) -> i32 {
    length.min(MOST) as i32
}

pub(in crate::sys) fn system_flags(flags: Flags) -> i32 {
    let bit = |flag, bit| if flags.has(flag) { bit } else { 0 };
    bit(Flags::PEEK, ws::MSG_PEEK) | bit(Flags::OOB, ws::MSG_OOB)
}

/// Translates Winsock's result of a receive to that of other systems: a truncated datagram is no error, a refused earlier
/// datagram is WSAECONNREFUSED, a socket that is not bound has nothing to receive yet.
pub(in crate::sys) fn normalize(fd: Fd, outcome: Result<usize>, room: usize) -> Result<usize> {
    match outcome {
        Err(OsError(ws::WSAEMSGSIZE)) => Ok(room),
        Err(OsError(ws::WSAECONNRESET)) if is_datagram(fd) => Err(OsError(ws::WSAECONNREFUSED)),
        Err(INVALID) if is_datagram(fd) && is_unnamed(fd) => Err(WOULD_BLOCK),
        other => other,
    }
}

/// Translates Winsock's result of a send to that of other systems: WSAENOTCONN for a socket without a peer.
pub(in crate::sys) fn translate_send(fd: Fd, outcome: Result<usize>) -> Result<usize> {
    match outcome {
        Err(INVALID) if peer(fd).is_err() => Err(OsError(ws::WSAENOTCONN)),
        other => other,
    }
}

fn is_datagram(fd: Fd) -> bool {
    with_socket(fd, Socket::r#type).is_ok_and(|kind| kind == Type::DGRAM)
}

/// Receives. Does not block, as all functions here.
pub fn recv(fd: Fd, data: &mut [MaybeUninit<u8>], flags: Flags) -> Result<usize> {
    if flags.has(Flags::TRUNC) {
        return Ok(recv_from(fd, data, flags)?.0);
    }
    let outcome = recv_quietly(fd, data, flags);
    edges::reenable(fd, Events::READ.or(Events::EXCEPT));
    translate_receive(outcome, flags)
}

/// Translates Winsock's result of a receive of urgent data to that of other systems: an error if there is none, instead of
/// waiting.
pub(in crate::sys) fn translate_receive<T>(outcome: Result<T>, flags: Flags) -> Result<T> {
    match outcome {
        Err(WOULD_BLOCK) if flags.has(Flags::OOB) => Err(INVALID),
        other => other,
    }
}

/// Receives without re-enabling edges.
pub(in crate::sys) fn recv_quietly(fd: Fd, data: &mut [MaybeUninit<u8>], flags: Flags) -> Result<usize> {
    // SAFETY: the slice is writable for its length; the system writes no further.
    let received = unsafe { ws::recv(fd.0, data.as_mut_ptr().cast(), cut(data.len()), system_flags(flags)) };
    normalize(fd, count(received), data.len())
}

/// Sends.
pub fn send(fd: Fd, data: &[u8], flags: Flags) -> Result<usize> {
    let outcome = send_quietly(fd, data, flags);
    edges::after_send(fd, outcome.unwrap_or(0), data.len());
    translate_send(fd, outcome)
}

/// Sends without re-enabling edges.
fn send_quietly(fd: Fd, data: &[u8], flags: Flags) -> Result<usize> {
    // SAFETY: the slice is readable for its length.
    count(unsafe { ws::send(fd.0, data.as_ptr(), cut(data.len()), system_flags(flags)) })
}

/// Receives with the sender's address, if the protocol reports one.
pub fn recv_from(fd: Fd, data: &mut [MaybeUninit<u8>], flags: Flags) -> Result<(usize, Option<SockAddr>)> {
    if flags.has(Flags::TRUNC) {
        return measured(data, |whole| recv_from(fd, whole, flags.without(Flags::TRUNC)));
    }
    let mut receive = |storage: *mut socket2::SockAddrStorage, length: *mut i32| {
        // SAFETY: the data slice is writable for its length, and `storage` is as large as `length` says.
        let received = unsafe {
            let (room, flags, name) = (cut(data.len()), system_flags(flags), storage.cast());
            ws::recvfrom(fd.0, data.as_mut_ptr().cast(), room, flags, name, length)
        };
        normalize(fd, count(received), data.len()).map_err(|error| std::io::Error::from_raw_os_error(error.0))
    };
    // SAFETY: the system fills in as much of the storage as it says in the length.
    let outcome = unsafe { SockAddr::try_init(&mut receive) };
    edges::reenable(fd, Events::READ.or(Events::EXCEPT));
    let (received, address) = translate_receive(outcome.map_err(OsError::from), flags)?;
    Ok((received, (address.family() != 0).then_some(address)))
}

/// Sends to an address.
pub fn send_to(fd: Fd, data: &[u8], flags: Flags, address: &SockAddr) -> Result<usize> {
    // SAFETY: the data slice is readable for its length, and so is the address.
    let sent = count(unsafe {
        let name = address.as_ptr().cast();
        ws::sendto(fd.0, data.as_ptr(), cut(data.len()), system_flags(flags), name, address.len())
    });
    edges::after_send(fd, sent.unwrap_or(0), data.len());
    sent
}

/// Runs `call` with the pieces that one call moves, shortened to [`MOST`] bytes, and their count. A datagram is never shortened
/// into a valid one, as none is that long.
pub(in crate::sys) fn with_movable<T>(
    pieces: &[Piece],
    call: impl FnOnce(*const ws::WSABUF, u32) -> Result<T>,
) -> Result<T> {
    let pieces = &pieces[..pieces.len().min(MAX_PIECES)];
    let mut sum = 0_usize;
    let reaches = |piece: &Piece| {
        sum = sum.saturating_add(piece.0.len as usize);
        sum > MOST
    };
    let Some(last) = pieces.iter().position(reaches) else {
        return call(pieces.as_ptr().cast(), pieces.len() as u32);
    };
    let mut fewer = Vec::new();
    fewer.try_reserve_exact(last + 1).map_err(|_| OUT_OF_MEMORY)?;
    fewer.extend_from_slice(&pieces[..=last]);
    Piece::truncate(&mut fewer, MOST);
    call(fewer.as_ptr().cast(), fewer.len() as u32)
}

/// Receives into several pieces.
pub fn readv(fd: Fd, pieces: &[Piece]) -> Result<usize> {
    if pieces.is_empty() {
        return recv(fd, &mut [], Flags::default());
    }
    let (mut received, mut flags) = (0, 0);
    // SAFETY: Piece is a transparent WSABUF; the kernel checks the memory they describe. Nothing is overlapped.
    let outcome = with_movable(pieces, |list, count| unsafe {
        check(ws::WSARecv(fd.0, list, count, &mut received, &mut flags, null_mut(), None))
    });
    edges::reenable(fd, Events::READ);
    normalize(fd, outcome.map(|()| received as usize), Piece::total(pieces).unwrap_or(0))
}

/// Sends from several pieces.
pub fn writev(fd: Fd, pieces: &[Piece]) -> Result<usize> {
    if pieces.is_empty() {
        return send(fd, &[], Flags::default());
    }
    let mut sent = 0;
    // SAFETY: Piece is a transparent WSABUF; the kernel checks the memory they describe. Nothing is overlapped.
    let outcome = with_movable(pieces, |list, count| unsafe {
        check(ws::WSASend(fd.0, list, count, &mut sent, 0, null_mut(), None))
    });
    let outcome = outcome.map(|()| sent as usize);
    edges::after_send(fd, outcome.unwrap_or(0), Piece::total(pieces).unwrap_or(usize::MAX));
    translate_send(fd, outcome)
}

/// Receives one datagram, with its sender's address.
pub(in crate::sys) fn receive_one(fd: Fd, pieces: &[Piece], flags: Flags) -> Result<Received> {
    let (mut length, mut flags) = (0, system_flags(flags) as u32);
    let mut cut = false;
    let mut receive = |storage: *mut socket2::SockAddrStorage, name_length: *mut i32| {
        // SAFETY: Piece is a transparent WSABUF; the kernel checks the memory they describe. `storage` is as large as
        // `name_length` says. Nothing is overlapped.
        let outcome = with_movable(pieces, |list, count| unsafe {
            let (got, name, none) = (&raw mut length, storage.cast(), null_mut());
            check(ws::WSARecvFrom(fd.0, list, count, got, &mut flags, name, name_length, none, None))
        });
        cut = outcome == Err(OsError(ws::WSAEMSGSIZE));
        let room = Piece::total(pieces).unwrap_or(0);
        normalize(fd, outcome.map(|()| length as usize), room)
            .map_err(|error| std::io::Error::from_raw_os_error(error.0))
    };
    // SAFETY: the system fills in as much of the storage as it says in the length.
    let outcome = unsafe { SockAddr::try_init(&mut receive) };
    edges::reenable(fd, Events::READ);
    let (length, address) = outcome?;
    Ok(Received { length, cut, sender: (address.family() != 0).then_some(address), segment: 0 })
}

/// Sends one datagram, to an address or the connected peer.
pub(in crate::sys) fn send_one(
    fd: Fd,
    piece: Piece,
    address: Option<&SockAddr>,
    flags: Flags,
) -> Result<usize> {
    let Some(address) = address else { return writev(fd, &[piece]) };
    let mut sent = 0;
    // SAFETY: Piece is a transparent WSABUF; the kernel checks the memory it describes. The address is readable for its
    // length. Nothing is overlapped.
    let outcome = check(unsafe {
        let (list, name) = ((&raw const piece).cast(), address.as_ptr().cast());
        let flags = system_flags(flags) as u32;
        ws::WSASendTo(fd.0, list, 1, &mut sent, flags, name, address.len(), null_mut(), None)
    });
    let outcome = outcome.map(|()| sent as usize);
    edges::after_send(fd, outcome.unwrap_or(0), piece.0.len as usize);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{send_message, set_blocking, set_option};
    use std::net::{TcpListener, TcpStream};
    use std::os::windows::io::AsRawSocket;

    /// A stream takes no more at a time than [`MOST`]; a datagram shortened to that is still too long, and fails.
    #[test]
    fn one_call_moves_a_mebibyte_at_the_most() {
        let mut data = vec![7; 3 * MOST];
        let (begin, rest) = data.split_at_mut(100);
        let pieces = [begin, rest].map(|piece| Piece::new(piece.as_mut_ptr(), piece.len()));
        let control = crate::sys::ControlData::default();
        let message = |fd| send_message(fd, &pieces, &control, Flags::default(), None);
        let ways: [&dyn Fn(Fd) -> Result<usize>; 3] =
            [&|fd| send(fd, &vec![7; 3 * MOST], Flags::default()), &|fd| writev(fd, &pieces), &message];
        for way in ways {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let fd = Fd(stream.as_raw_socket() as ws::SOCKET);
            set_blocking(fd, false).unwrap();
            set_option(fd, ws::SOL_SOCKET, ws::SO_SNDBUF, &(4 * MOST as i32).to_ne_bytes()).unwrap();
            assert_eq!(way(fd), Ok(MOST));
            let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            udp.connect(listener.local_addr().unwrap()).unwrap();
            assert_eq!(way(Fd(udp.as_raw_socket() as ws::SOCKET)), Err(OsError(ws::WSAEMSGSIZE)));
        }
    }
}
