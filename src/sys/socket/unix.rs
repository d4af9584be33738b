//! Sockets on Unix: open, bind, listen, connect, shut down. Not here: their bytes (`transfer`), and accepting (`posix`, `apple`).

use crate::sys::{
    Fd, Half, OsError, Result, check, into_fd, non_blocking, peer, set_up, uncancelled, with_socket,
};
use libc::socklen_t;
use socket2::{Domain, SockAddr, Socket, Type};
use std::mem::size_of;

/// Whether the kernel makes AF_UNIX pairs (socketpair(2)).
pub const HAS_UNIX_PAIR: bool = true;

/// The errors of accept(2) for a connection that died in the queue: the next one may live.
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
    Ok(into_fd(socket))
}

/// Opens two connected sockets of the AF_UNIX family.
pub fn pair(kind: Type) -> Result<(Fd, Fd)> {
    let (first, second) = Socket::pair(Domain::UNIX, non_blocking(kind), None)?;
    set_up(&first)?;
    set_up(&second)?;
    Ok((into_fd(first), into_fd(second)))
}

/// Shuts one or both halves of a connection, for every process that shares it, as shutdown(2).
pub fn shutdown(fd: Fd, half: Half) -> Result<()> {
    let how = match half {
        Half::Read => libc::SHUT_RD,
        Half::Write => libc::SHUT_WR,
        Half::Both => libc::SHUT_RDWR,
    };
    // SAFETY: takes no memory.
    check(unsafe { libc::shutdown(fd.0, how) }).map(drop)
}

/// As [`shutdown`], with the system's own behaviour.
pub fn shutdown_raw(fd: Fd, half: Half) -> Result<()> {
    shutdown(fd, half)
}

/// Whether a second socket can be bound to the same address, to connect from it too.
pub const ADDRESSES_ARE_SHARED: bool = true;

/// Binds the socket to an address, as bind(2).
pub fn bind(fd: Fd, address: &SockAddr) -> Result<()> {
    with_socket(fd, |socket| socket.bind(address))
}

/// Makes it a listener, as listen(2).
pub fn listen(fd: Fd, backlog: i32) -> Result<()> {
    with_socket(fd, |socket| socket.listen(backlog))
}

/// Begins to connect, as connect(2) on a non-blocking socket; `true` if it has connected at once, `false` if it goes on.
pub fn connect(fd: Fd, address: &SockAddr) -> Result<bool> {
    // By the C library, because tools like proxychains replace its function.
    match uncancelled(|| with_socket(fd, |socket| socket.connect(address))) {
        Ok(()) => Ok(true),
        // An interrupted connect goes on by itself.
        Err(OsError(libc::EINPROGRESS | libc::EINTR)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a connect that was begun has succeeded: before, the socket has no peer.
pub fn has_connected(fd: Fd) -> bool {
    peer(fd).is_ok()
}

/// Cancels a connect, or removes the peer of a datagram socket (connect(2), AF_UNSPEC).
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
        // The BSDs can't cancel the connect of a stream: have it end as soon as it is connected.
        let _ = shutdown(fd, Half::Both);
    }
}

/// The socket's own address, as getsockname(2).
pub fn local(fd: Fd) -> Result<SockAddr> {
    with_socket(fd, Socket::local_addr)
}
