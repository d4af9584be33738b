//! What Winsock tells of a socket.

use crate::sys::poll::afd;
use crate::sys::{
    DescriptorKind, Fd, Flags, OsError, Result, about, check, get_option, has_told, inherit, peer,
    recv_quietly, start, with,
};
use socket2::Socket;
use std::mem::MaybeUninit;
use windows_sys::Win32::Networking::WinSock as ws;

/// The error that waits on a socket, if there is one. SO_ERROR tells of a failed connect, and keeps it; of a
/// connection that has broken, only a receive tells, here one that takes nothing.
pub fn pending_error(fd: Fd) -> Result<Option<OsError>> {
    if let Some(error) = with(fd, Socket::take_error)? {
        return Ok(Some(error.into()));
    }
    match recv_quietly(fd, &mut [MaybeUninit::uninit()], Flags::PEEK) {
        Err(
            error @ OsError(ws::WSAECONNRESET | ws::WSAECONNABORTED | ws::WSAENETRESET | ws::WSAETIMEDOUT),
        ) => Ok(Some(error)),
        _ => Ok(None),
    }
}

/// How many bytes are queued for reading.
pub fn available(fd: Fd) -> Result<usize> {
    let mut bytes = 0;
    // SAFETY: FIONREAD writes one number.
    check(unsafe { ws::ioctlsocket(fd.0, ws::FIONREAD, &mut bytes) })?;
    Ok(bytes as usize)
}

/// How many bytes of a TCP stream can still be read.
pub fn queued(fd: Fd) -> Result<usize> {
    available(fd)
}

/// A socket keeps its peer when the connection is over.
pub const FORGETS_PEERS: bool = false;

/// Whether the error that the system has just told is the end of the connection. No state tells it here.
#[must_use]
pub fn has_ended(_fd: Fd, error: OsError) -> bool {
    ENDS.contains(&error.0)
}

/// What a connection ends by. Routes that are gone for a moment are told by datagrams and connects alone (send and recv,
/// Winsock's reference).
const ENDS: &[i32] = &[
    ws::WSAECONNRESET,
    ws::WSAECONNABORTED,
    ws::WSAECONNREFUSED,
    ws::WSAENETRESET,
    ws::WSAETIMEDOUT,
    ws::WSAEHOSTUNREACH,
    ws::WSAENETUNREACH,
    ws::WSAEHOSTDOWN,
    ws::WSAEDISCON,
];

/// The number of the socket's protocol, if the system tells one.
pub fn protocol(fd: Fd) -> Option<i32> {
    about(fd).ok().map(|about| about.iProtocol).filter(|protocol| *protocol != 0)
}

/// Says what a socket from elsewhere is.
pub fn describe(fd: Fd) -> Result<DescriptorKind> {
    start();
    // Of a number that is no handle at all Winsock says no more than that it is no socket.
    inherit(fd).map_err(|_| OsError(ws::WSAEBADF))?;
    let about = about(fd)?;
    let mut listening = [0; 4];
    let asked = get_option(fd, ws::SOL_SOCKET, ws::SO_ACCEPTCONN, &mut listening);
    Ok(DescriptorKind::Socket {
        family: about.iAddressFamily.into(),
        kind: about.iSocketType.into(),
        protocol: about.iProtocol,
        listening: asked.is_ok() && listening[0] != 0,
        connected: peer(fd).is_ok(),
    })
}

/// Whether the peer has finished sending, with bytes still queued or not.
#[must_use]
pub fn peer_has_finished(fd: Fd) -> bool {
    has_told(fd, afd::END)
}
