//! The life of a socket on Unix: open, name, listen, connect, shut down. Not here: its bytes (`transfer`), and accepting
//! (`posix`, `apple`).

use crate::sys::{Fd, Half, OsError, Result, check, non_blocking, own, set_up, uncancelled, with};
use libc::socklen_t;
use socket2::{Domain, SockAddr, Socket, Type};
use std::mem::size_of;

/// AF_UNIX pairs come from the kernel.
pub const HAS_UNIX_PAIR: bool = true;

/// What `accept` says of a connection that died before it was taken (accept(2)): the next one may live.
pub const DIED_IN_QUEUE: &[i32] = &[
    libc::ECONNABORTED,
    libc::EPROTO,
    libc::ENETDOWN,
    libc::ENOPROTOOPT,
    libc::EHOSTDOWN,
    libc::EHOSTUNREACH,
    libc::ENETUNREACH,
];

/// Opens a socket: non-blocking, close-on-exec, without SIGPIPE.
pub fn open(family: Domain, kind: Type, protocol: i32) -> Result<Fd> {
    let socket = Socket::new(family, non_blocking(kind), Some(protocol.into()))?;
    set_up(&socket)?;
    Ok(own(socket))
}

/// Opens two connected sockets of the AF_UNIX family.
pub fn pair(kind: Type) -> Result<(Fd, Fd)> {
    let (first, second) = Socket::pair(Domain::UNIX, non_blocking(kind), None)?;
    set_up(&first)?;
    set_up(&second)?;
    Ok((own(first), own(second)))
}

/// Shuts one or both halves of a connection, for every process that shares it.
pub fn shutdown(fd: Fd, half: Half) -> Result<()> {
    let how = match half {
        Half::Read => libc::SHUT_RD,
        Half::Write => libc::SHUT_WR,
        Half::Both => libc::SHUT_RDWR,
    };
    // SAFETY: takes no memory.
    check(unsafe { libc::shutdown(fd.0, how) }).map(drop)
}

/// As [`shutdown`], which leaves to the system all that it makes of it.
pub fn shutdown_as_told(fd: Fd, half: Half) -> Result<()> {
    shutdown(fd, half)
}

/// Whether a second socket can have the name of one that is bound, to connect from there too.
pub const NAMES_ARE_SHARED: bool = true;

/// Names the socket.
pub fn bind(fd: Fd, address: &SockAddr) -> Result<()> {
    with(fd, |socket| socket.bind(address))
}

/// Makes it a listener.
pub fn listen(fd: Fd, backlog: i32) -> Result<()> {
    with(fd, |socket| socket.listen(backlog))
}

/// Starts a connection; `true` if it is already there, `false` if it is on its way.
pub fn connect(fd: Fd, address: &SockAddr) -> Result<bool> {
    // By the C library, because programs that send connections elsewhere put themselves in its place.
    match uncancelled(|| with(fd, |socket| socket.connect(address))) {
        Ok(()) => Ok(true),
        // An interrupted connect goes on by itself.
        Err(OsError(libc::EINPROGRESS | libc::EINTR)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Takes back a connection attempt, or the peer of a datagram socket.
pub fn disconnect(fd: Fd) {
    let nobody = libc::sockaddr {
        sa_family: libc::AF_UNSPEC as libc::sa_family_t,
        // SAFETY: plain numbers, for which zero is a value.
        ..unsafe { std::mem::zeroed() }
    };
    // SAFETY: `nobody` lives through the call and its size is given.
    let taken_back = uncancelled(|| unsafe {
        libc::connect(fd.0, &nobody, size_of::<libc::sockaddr>() as socklen_t) == 0
    });
    if !taken_back {
        // The BSDs let no stream go once it has set out; this one shall end where it arrives.
        let _ = shutdown(fd, Half::Both);
    }
}

/// The socket's own name.
pub fn local(fd: Fd) -> Result<SockAddr> {
    with(fd, Socket::local_addr)
}
