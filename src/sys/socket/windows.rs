//! Sockets on Windows, by Winsock: open, bind, listen, accept, connect, shut down. Not here: their bytes (`transfer`).

use crate::sys::edges;
use crate::sys::{
    Events, Fd, Half, INVALID, Origin, OsError, Result, UNSUPPORTED, WOULD_BLOCK, check, get_option, into_fd,
    peer, with_socket,
};
use socket2::{Domain, SockAddr, Socket, Type};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ptr::null;
use std::sync::Once;
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::Networking::WinSock as ws;
use windows_sys::Win32::System::IO::CancelIoEx;

/// Whether the kernel makes AF_UNIX pairs: not here.
pub const HAS_UNIX_PAIR: bool = false;

/// The errors of `accept` for a connection that died in the queue: the next one may live.
pub const DIED_IN_QUEUE: &[i32] = &[ws::WSAECONNABORTED, ws::WSAECONNRESET];

/// Starts Winsock, as socket2 does on its own before the first socket.
pub(in crate::sys) fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let mut about = ws::WSADATA::default();
        // SAFETY: the structure is written as a whole. A failure shows in the next call.
        unsafe { ws::WSAStartup(0x0202, &mut about) };
    });
}

/// Opens a socket: non-blocking, not inherited.
pub fn open(family: Domain, kind: Type, protocol: i32) -> Result<Fd> {
    let socket = Socket::new(family, kind, Some(protocol.into()))?;
    socket.set_nonblocking(true)?;
    Ok(into_fd(socket))
}

/// There are none: the caller makes pairs over the loopback.
pub fn pair(_kind: Type) -> Result<(Fd, Fd)> {
    Err(UNSUPPORTED)
}

/// Shuts one or both halves of a connection. Shutting the read half is left to the caller, because Winsock would reset the
/// connection if the peer went on sending: here it only checks that there is a peer.
pub fn shutdown(fd: Fd, half: Half) -> Result<()> {
    match half {
        Half::Read => peer(fd).map(drop),
        Half::Write | Half::Both => shutdown_raw(fd, Half::Write),
    }
}

/// As [`shutdown`], with the system's own behaviour.
pub fn shutdown_raw(fd: Fd, half: Half) -> Result<()> {
    let how = match half {
        Half::Read => ws::SD_RECEIVE,
        Half::Write => ws::SD_SEND,
        Half::Both => ws::SD_BOTH,
    };
    // SAFETY: takes no memory.
    check(unsafe { ws::shutdown(fd.0, how) })
}

/// Whether a second socket can be bound to the same address, to connect from it too.
pub const ADDRESSES_ARE_SHARED: bool = false;

/// Binds the socket to an address. For a port in exclusive use, as that of every listener of this library, Winsock returns
/// WSAEACCES, which becomes WSAEADDRINUSE: no port needs a permission here.
pub fn bind(fd: Fd, address: &SockAddr) -> Result<()> {
    match with_socket(fd, |socket| socket.bind(address)) {
        Err(OsError(ws::WSAEACCES)) if address.as_socket().is_some() => Err(OsError(ws::WSAEADDRINUSE)),
        other => other,
    }
}

/// Makes it a listener; one that is not bound gets a free port on all interfaces, as on other systems.
pub fn listen(fd: Fd, backlog: i32) -> Result<()> {
    if is_unnamed(fd) && !local(fd)?.is_unix() {
        bind(fd, &local(fd)?)?;
    }
    with_socket(fd, |socket| socket.listen(backlog))
}

/// Accepts the next connection of a listener, and stores the peer's address in `origin`.
pub fn accept(fd: Fd, origin: &Origin) -> Result<Fd> {
    let accepted = with_socket(fd, Socket::accept);
    edges::reenable(fd, Events::READ);
    let (connection, address) = accepted?;
    connection.set_nonblocking(true)?;
    origin.keep(&address);
    Ok(into_fd(connection))
}

/// Begins to connect; `true` if it has connected at once, `false` if it goes on.
pub fn connect(fd: Fd, address: &SockAddr) -> Result<bool> {
    match with_socket(fd, |socket| socket.connect(address)) {
        Ok(()) => Ok(true),
        Err(WOULD_BLOCK) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a connect that was begun has succeeded. Before, some versions (Wine 10) name the peer already; until then the time for
/// which a socket has been connected is -1 (SO_CONNECT_TIME).
pub fn has_connected(fd: Fd) -> bool {
    let mut seconds = [0; 4];
    let is_told = get_option(fd, ws::SOL_SOCKET, ws::SO_CONNECT_TIME, &mut seconds).is_ok();
    peer(fd).is_ok() && !(is_told && i32::from_ne_bytes(seconds) == -1)
}

/// Cancels a connect.
pub fn disconnect(fd: Fd) {
    // SAFETY: takes no memory; it cancels what is under way on this socket.
    unsafe { CancelIoEx(fd.0 as HANDLE, null()) };
}

/// The socket's own address, as getsockname; the wildcard address before it is bound, as on other systems, where Winsock
/// returns an error.
pub fn local(fd: Fd) -> Result<SockAddr> {
    match with_socket(fd, Socket::local_addr) {
        Err(INVALID) => match Domain::from(about(fd)?.iAddressFamily) {
            Domain::IPV4 => Ok(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into()),
            Domain::IPV6 => Ok(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into()),
            _ => Ok(SockAddr::unix("")?),
        },
        other => other,
    }
}

pub(in crate::sys) fn is_unnamed(fd: Fd) -> bool {
    with_socket(fd, Socket::local_addr).map(drop) == Err(INVALID)
}

pub(in crate::sys) fn about(fd: Fd) -> Result<ws::WSAPROTOCOL_INFOW> {
    let mut bytes = [0; size_of::<ws::WSAPROTOCOL_INFOW>()];
    get_option(fd, ws::SOL_SOCKET, ws::SO_PROTOCOL_INFOW, &mut bytes)?;
    // SAFETY: these are as many bytes, and the structure has plain numbers alone.
    Ok(unsafe { bytes.as_ptr().cast::<ws::WSAPROTOCOL_INFOW>().read_unaligned() })
}
