//! What Winsock reports of a socket. Not here: Unix (`unix`).

use crate::sys::poll::afd;
use crate::sys::{
    DescriptorKind, Fd, Flags, OsError, Result, about, check, get_option, has_reported, inherit, peer,
    recv_quietly, start, with_socket,
};
use socket2::Socket;
use std::mem::MaybeUninit;
use windows_sys::Win32::Networking::WinSock as ws;

/// The pending error of a socket, if there is one. SO_ERROR has that of a failed connect, and keeps it; that of a broken
/// connection only a receive returns, here one that peeks.
pub fn pending_error(fd: Fd) -> Result<Option<OsError>> {
    if let Some(error) = with_socket(fd, Socket::take_error)? {
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

/// How many bytes of a TCP stream are queued for reading.
pub fn queued(fd: Fd) -> Result<usize> {
    available(fd)
}

/// Whether getpeername fails once the connection is over: here it goes on to return the peer.
pub const FORGETS_PEERS: bool = false;

/// Whether the connection is over, on which a call has just failed with this error. Here the state does not show it, so the
/// error decides.
#[must_use]
pub fn has_ended(_fd: Fd, error: OsError) -> bool {
    ENDS.contains(&error.0)
}

/// The errors that end a connection. A route that is gone for a moment fails datagrams and connects alone (send and recv,
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

/// The number of the socket's protocol, if the system reports one.
pub fn protocol(fd: Fd) -> Option<i32> {
    about(fd).ok().map(|about| about.iProtocol).filter(|protocol| *protocol != 0)
}

/// What a socket is that another part of the program has opened; `WSAEBADF` for a number that is no handle.
pub fn describe(fd: Fd) -> Result<DescriptorKind> {
    start();
    // Winsock has one error for a handle that is no socket and for a number that is no handle.
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
    has_reported(fd, afd::END)
}
