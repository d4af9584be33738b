//! Windows: Winsock, through socket2 and windows-sys. Not here: readiness of a few (`poll`) and of many (`queue`),
//! names (`names`), option numbers (`option`).

use super::{Events, Flags, Found, Half, OsError, Received, Result, measured, peer};
use socket2::{Domain, SockAddr, Socket, Type};
use std::mem::{ManuallyDrop, MaybeUninit, offset_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::windows::io::{FromRawSocket, IntoRawSocket};
use std::ptr::{null, null_mut};
use std::sync::Once;
use std::time::Duration;
use windows_sys::Win32::Foundation::{
    GetHandleInformation, HANDLE, HANDLE_FLAG_INHERIT, SetHandleInformation,
};
use windows_sys::Win32::Networking::WinSock as ws;
use windows_sys::Win32::System::IO::CancelIoEx;

mod afd;
mod file;
mod message;
mod names;
mod poll;
mod queue;

pub use file::*;
pub use message::*;
pub use names::*;
pub use poll::{PollFd, STALE_POLL_IS_HARMLESS, Waker, peer_has_finished, poll};
pub use queue::{QUEUE_SCALES, Queue, Reports};

/// The call would have to wait.
pub const WOULD_BLOCK: OsError = OsError(ws::WSAEWOULDBLOCK);
/// A signal came before anything happened: never so on this system.
pub const INTERRUPTED: OsError = OsError(ws::WSAEINTR);
/// The arguments make no sense together.
pub const INVALID: OsError = OsError(ws::WSAEINVAL);
/// There is no memory.
pub const OUT_OF_MEMORY: OsError = OsError(ws::WSA_NOT_ENOUGH_MEMORY);
/// The system has no such thing.
pub(super) const UNSUPPORTED: OsError = OsError(ws::WSAEOPNOTSUPP);
/// Pipes and consoles can't be polled, so that no handle stands for one.
const NO_SOCKET: OsError = OsError(ws::WSAENOTSOCK);

/// AF_UNIX names that live outside the file system.
pub const HAS_ABSTRACT: bool = false;
/// AF_UNIX pairs come from the kernel.
pub const HAS_UNIX_PAIR: bool = false;

/// What `accept` says of a connection that died before it was taken: the next one may live.
pub const DIED_IN_QUEUE: &[i32] = &[ws::WSAECONNABORTED, ws::WSAECONNRESET];

/// A socket. Copyable, because who may close it is decided by the handle table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fd(ws::SOCKET);

impl Fd {
    /// No socket.
    pub const NONE: Self = Self(ws::INVALID_SOCKET);

    /// Whether this is no socket.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == ws::INVALID_SOCKET
    }

    /// The number as the ABI carries it.
    #[must_use]
    pub const fn to_raw(self) -> i64 {
        self.0 as i64
    }

    /// From the ABI's number; `None` if no socket can have it.
    #[must_use]
    pub fn from_raw(raw: i64) -> Option<Self> {
        usize::try_from(raw).ok().map(Self).filter(|fd| !fd.is_none())
    }

    /// Back from what [`Self::to_raw`] gave; [`Self::NONE`] stays none.
    #[must_use]
    #[inline]
    pub const fn from_kept(raw: i64) -> Self {
        Self(raw as ws::SOCKET)
    }
}

/// The count that a call returned, or why it failed.
fn count(result: i32) -> Result<usize> {
    usize::try_from(result).map_err(|_| OsError::last())
}

fn check(result: i32) -> Result<()> {
    if result == ws::SOCKET_ERROR { Err(OsError::last()) } else { Ok(()) }
}

/// The most that one call moves. Winsock locks the memory that it is given, all of it; and what it has taken to
/// send, the kernel holds. No datagram is longer, so that none is cut by this.
const MOST: usize = 1 << 20;

/// A length as Winsock takes it; who asks for more gets less.
fn cut(length: usize) -> i32 {
    length.min(MOST) as i32
}

/// Starts Winsock, as socket2 does on its own before the first socket.
fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let mut about = ws::WSADATA::default();
        // SAFETY: the structure is written as a whole. A failure shows in the next call.
        unsafe { ws::WSAStartup(0x0202, &mut about) };
    });
}

fn own(socket: Socket) -> Fd {
    Fd(socket.into_raw_socket() as ws::SOCKET)
}

/// Borrows a socket for one of socket2's methods.
pub(super) fn with<T>(fd: Fd, body: impl FnOnce(&Socket) -> std::io::Result<T>) -> Result<T> {
    // SAFETY: the caller's handle keeps `fd` open for this call, and ManuallyDrop keeps this borrower from closing it.
    let socket = ManuallyDrop::new(unsafe { Socket::from_raw_socket(fd.0 as _) });
    body(&socket).map_err(OsError::from)
}

/// Opens a socket: non-blocking, not inherited.
pub fn open(family: Domain, kind: Type, protocol: i32) -> Result<Fd> {
    let socket = Socket::new(family, kind, Some(protocol.into()))?;
    socket.set_nonblocking(true)?;
    Ok(own(socket))
}

/// There are none: the caller makes pairs over the loopback.
pub fn pair(_kind: Type) -> Result<(Fd, Fd)> {
    Err(UNSUPPORTED)
}

/// Closes. A socket that lingers and does not block Winsock refuses to close: then this waits, as elsewhere. Other errors
/// say nothing a caller could act on: the socket is gone.
pub fn close(fd: Fd) {
    // SAFETY: the handle table calls this once, after the last reference to the socket is gone.
    let closed = check(unsafe { ws::closesocket(fd.0) });
    if closed == Err(WOULD_BLOCK) && set_blocking(fd, true).is_ok() {
        // SAFETY: it is still open, and still nobody else's.
        unsafe { ws::closesocket(fd.0) };
    }
}

/// Shuts one or both halves of a connection. The reading half only by word of the caller: Winsock would reset
/// the connection if the peer went on sending.
pub fn shutdown(fd: Fd, half: Half) -> Result<()> {
    match half {
        Half::Read => peer(fd).map(drop),
        Half::Write | Half::Both => shutdown_as_told(fd, Half::Write),
    }
}

/// As [`shutdown`], with whatever the system makes of it.
pub fn shutdown_as_told(fd: Fd, half: Half) -> Result<()> {
    let how = match half {
        Half::Read => ws::SD_RECEIVE,
        Half::Write => ws::SD_SEND,
        Half::Both => ws::SD_BOTH,
    };
    // SAFETY: takes no memory.
    check(unsafe { ws::shutdown(fd.0, how) })
}

/// Whether a second socket can have the name of one that is bound, to connect from there too.
pub const NAMES_ARE_SHARED: bool = false;

/// Has `new` take the place of `old`: which stands there now, and which is spent, to be closed when no call uses it any
/// more. Winsock has no `dup2`, so that the number changes.
pub fn replace(old: Fd, new: Fd) -> Result<(Fd, Fd)> {
    Ok((new, old))
}

/// Names the socket. That somebody has the port for himself alone, as every listener of this library has, Winsock
/// calls a lack of permission; there are no ports here that need one.
pub fn bind(fd: Fd, address: &SockAddr) -> Result<()> {
    match with(fd, |socket| socket.bind(address)) {
        Err(OsError(ws::WSAEACCES)) if address.as_socket().is_some() => Err(OsError(ws::WSAEADDRINUSE)),
        other => other,
    }
}

/// Makes it a listener; elsewhere one without a name gets a free port on every interface.
pub fn listen(fd: Fd, backlog: i32) -> Result<()> {
    if is_unnamed(fd) && !local(fd)?.is_unix() {
        bind(fd, &local(fd)?)?;
    }
    with(fd, |socket| socket.listen(backlog))
}

/// Takes the next connection of a listener.
pub fn accept(fd: Fd) -> Result<Fd> {
    let accepted = with(fd, Socket::accept);
    queue::reenable(fd, Events::READ);
    let (connection, _) = accepted?;
    connection.set_nonblocking(true)?;
    Ok(own(connection))
}

/// Starts a connection; `true` if it is already there, `false` if it is on its way.
pub fn connect(fd: Fd, address: &SockAddr) -> Result<bool> {
    match with(fd, |socket| socket.connect(address)) {
        Ok(()) => Ok(true),
        Err(WOULD_BLOCK) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Takes back a connection attempt.
pub fn disconnect(fd: Fd) {
    // SAFETY: takes no memory; it cancels what is under way on this socket.
    unsafe { CancelIoEx(fd.0 as HANDLE, null()) };
}

/// The socket's own name. Before it has one, Winsock calls that an error, and others the wildcard.
pub fn local(fd: Fd) -> Result<SockAddr> {
    match with(fd, Socket::local_addr) {
        Err(INVALID) => match Domain::from(protocol(fd)?.iAddressFamily) {
            Domain::IPV4 => Ok(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into()),
            Domain::IPV6 => Ok(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into()),
            _ => Ok(SockAddr::unix("")?),
        },
        other => other,
    }
}

fn native(flags: Flags) -> i32 {
    let bit = |flag, bit| if flags.has(flag) { bit } else { 0 };
    bit(Flags::PEEK, ws::MSG_PEEK) | bit(Flags::OOB, ws::MSG_OOB)
}

/// What Winsock calls a failed receive, and others do not, or by another name: a datagram that was cut, a port that
/// refused an earlier one, a socket without a name, which gets nothing yet.
fn forgive(fd: Fd, outcome: Result<usize>, room: usize) -> Result<usize> {
    match outcome {
        Err(OsError(ws::WSAEMSGSIZE)) => Ok(room),
        Err(OsError(ws::WSAECONNRESET)) if is_datagram(fd) => Err(OsError(ws::WSAECONNREFUSED)),
        Err(INVALID) if is_datagram(fd) && is_unnamed(fd) => Err(WOULD_BLOCK),
        other => other,
    }
}

/// What Winsock may call invalid about a send: that there is nobody to send to.
fn understand_send(fd: Fd, outcome: Result<usize>) -> Result<usize> {
    match outcome {
        Err(INVALID) if peer(fd).is_err() => Err(OsError(ws::WSAENOTCONN)),
        other => other,
    }
}

fn is_datagram(fd: Fd) -> bool {
    with(fd, Socket::r#type).is_ok_and(|kind| kind == Type::DGRAM)
}

fn is_unnamed(fd: Fd) -> bool {
    with(fd, Socket::local_addr).map(drop) == Err(INVALID)
}

/// Receives.
pub fn recv(fd: Fd, data: &mut [MaybeUninit<u8>], flags: Flags) -> Result<usize> {
    if flags.has(Flags::TRUNC) {
        return Ok(recv_from(fd, data, flags)?.0);
    }
    let outcome = recv_quietly(fd, data, flags);
    queue::reenable(fd, Events::READ.or(Events::EXCEPT));
    understand_receive(outcome, flags)
}

/// Urgent data is there or not: elsewhere nobody waits for it.
fn understand_receive<T>(outcome: Result<T>, flags: Flags) -> Result<T> {
    match outcome {
        Err(WOULD_BLOCK) if flags.has(Flags::OOB) => Err(INVALID),
        other => other,
    }
}

/// Receives, which re-enables no edge.
fn recv_quietly(fd: Fd, data: &mut [MaybeUninit<u8>], flags: Flags) -> Result<usize> {
    // SAFETY: the slice is writable for its length; the system writes no further.
    let received = unsafe { ws::recv(fd.0, data.as_mut_ptr().cast(), cut(data.len()), native(flags)) };
    forgive(fd, count(received), data.len())
}

/// Sends.
pub fn send(fd: Fd, data: &[u8], flags: Flags) -> Result<usize> {
    let outcome = send_quietly(fd, data, flags);
    queue::after_send(fd, outcome.unwrap_or(0), data.len());
    understand_send(fd, outcome)
}

/// Sends, which re-enables no edge.
fn send_quietly(fd: Fd, data: &[u8], flags: Flags) -> Result<usize> {
    // SAFETY: the slice is readable for its length.
    count(unsafe { ws::send(fd.0, data.as_ptr(), cut(data.len()), native(flags)) })
}

/// Receives with the sender's name, if the protocol tells one.
pub fn recv_from(fd: Fd, data: &mut [MaybeUninit<u8>], flags: Flags) -> Result<(usize, Option<SockAddr>)> {
    if flags.has(Flags::TRUNC) {
        return measured(data, |whole| recv_from(fd, whole, flags.without(Flags::TRUNC)));
    }
    let mut receive = |storage: *mut socket2::SockAddrStorage, length: *mut i32| {
        // SAFETY: the data slice is writable for its length, and `storage` is as large as `length` says.
        let received = unsafe {
            let (room, flags, name) = (cut(data.len()), native(flags), storage.cast());
            ws::recvfrom(fd.0, data.as_mut_ptr().cast(), room, flags, name, length)
        };
        forgive(fd, count(received), data.len()).map_err(|error| std::io::Error::from_raw_os_error(error.0))
    };
    // SAFETY: the system fills in as much of the storage as it says in the length.
    let outcome = unsafe { SockAddr::try_init(&mut receive) };
    queue::reenable(fd, Events::READ.or(Events::EXCEPT));
    let (received, address) = understand_receive(outcome.map_err(OsError::from), flags)?;
    Ok((received, (address.family() != 0).then_some(address)))
}

/// Sends to an address.
pub fn send_to(fd: Fd, data: &[u8], flags: Flags, address: &SockAddr) -> Result<usize> {
    // SAFETY: the data slice is readable for its length, and so is the address.
    let sent = count(unsafe {
        let name = address.as_ptr().cast();
        ws::sendto(fd.0, data.as_ptr(), cut(data.len()), native(flags), name, address.len())
    });
    queue::after_send(fd, sent.unwrap_or(0), data.len());
    sent
}

/// One piece of caller memory: length and base in the order of WSABUF, whose length has 32 bits.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Piece(ws::WSABUF);

impl Piece {
    /// Describes no memory.
    const EMPTY: Self = Self(ws::WSABUF { len: 0, buf: null_mut() });

    /// Describes memory that the caller vouches for; nothing is touched here.
    #[must_use]
    pub fn new(base: *mut u8, length: usize) -> Self {
        Self(ws::WSABUF { len: u32::try_from(length).unwrap_or(u32::MAX), buf: base })
    }

    /// The length of all of them; `None` if no call can move as much.
    #[must_use]
    pub fn total(pieces: &[Self]) -> Option<usize> {
        let total = pieces.iter().try_fold(0_usize, |sum, piece| sum.checked_add(piece.0.len as usize))?;
        isize::try_from(total).ok().map(|_| total)
    }

    /// Shortens them to `length` in all.
    pub fn truncate(pieces: &mut [Self], mut length: usize) {
        for piece in pieces {
            let kept = length.min(piece.0.len as usize);
            piece.0.len = kept as u32;
            length -= kept;
        }
    }
}

/// How many pieces one system call takes.
pub const MAX_PIECES: usize = 1024;

/// Lends those of the pieces that one call moves, of which none comes after [`MOST`] bytes, and tells how many they are.
/// What is cut is cut there: no datagram is as long, and so none is sent that is not whole.
fn with_movable<T>(pieces: &[Piece], call: impl FnOnce(*const ws::WSABUF, u32) -> Result<T>) -> Result<T> {
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
    queue::reenable(fd, Events::READ);
    forgive(fd, outcome.map(|()| received as usize), Piece::total(pieces).unwrap_or(0))
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
    queue::after_send(fd, outcome.unwrap_or(0), Piece::total(pieces).unwrap_or(usize::MAX));
    understand_send(fd, outcome)
}

/// Receives one datagram, and tells who sent it.
pub(super) fn receive_one(fd: Fd, pieces: &[Piece], flags: Flags) -> Result<Received> {
    let (mut length, mut flags) = (0, native(flags) as u32);
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
        forgive(fd, outcome.map(|()| length as usize), room)
            .map_err(|error| std::io::Error::from_raw_os_error(error.0))
    };
    // SAFETY: the system fills in as much of the storage as it says in the length.
    let outcome = unsafe { SockAddr::try_init(&mut receive) };
    queue::reenable(fd, Events::READ);
    let (length, address) = outcome?;
    Ok(Received { length, cut, sender: (address.family() != 0).then_some(address), segment: 0 })
}

/// Sends one datagram, to an address or the connected peer.
pub(super) fn send_one(fd: Fd, piece: Piece, address: Option<&SockAddr>, flags: Flags) -> Result<usize> {
    let Some(address) = address else { return writev(fd, &[piece]) };
    let mut sent = 0;
    // SAFETY: Piece is a transparent WSABUF; the kernel checks the memory it describes. The address is readable for its
    // length. Nothing is overlapped.
    let outcome = check(unsafe {
        let (list, name) = ((&raw const piece).cast(), address.as_ptr().cast());
        let flags = native(flags) as u32;
        ws::WSASendTo(fd.0, list, 1, &mut sent, flags, name, address.len(), null_mut(), None)
    });
    let outcome = outcome.map(|()| sent as usize);
    queue::after_send(fd, outcome.unwrap_or(0), piece.0.len as usize);
    outcome
}

/// The most that is written to a socket of somebody else's, which may be blocking: a writable one takes it without waiting.
const LITTLE: usize = 4096;

/// Reads from a socket of somebody else's. Its mode is left alone, and readiness is asked first.
pub fn read_stream(fd: Fd, data: &mut [MaybeUninit<u8>]) -> Result<usize> {
    ready_now(fd, Events::READ)?;
    recv(fd, data, Flags::default())
}

/// As [`read_stream`], into several pieces.
pub fn readv_stream(fd: Fd, pieces: &[Piece]) -> Result<usize> {
    ready_now(fd, Events::READ)?;
    readv(fd, pieces)
}

/// Writes to a socket of somebody else's, as [`read_stream`] reads from it.
pub fn write_stream(fd: Fd, data: &[u8]) -> Result<usize> {
    ready_now(fd, Events::WRITE)?;
    send(fd, &data[..data.len().min(LITTLE)], Flags::default())
}

/// As [`write_stream`], from several pieces.
pub fn writev_stream(fd: Fd, pieces: &mut [Piece]) -> Result<usize> {
    ready_now(fd, Events::WRITE)?;
    Piece::truncate(pieces, LITTLE);
    writev(fd, pieces)
}

fn ready_now(fd: Fd, events: Events) -> Result<()> {
    match poll(&mut [PollFd::new(fd, events)], Some(Duration::ZERO))? {
        0 => Err(WOULD_BLOCK),
        _ => Ok(()),
    }
}

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

/// The name of an AF_UNIX address: a path, or nothing for an unnamed one.
#[must_use]
pub fn unix_name(address: &SockAddr) -> Option<Vec<u8>> {
    let offset = offset_of!(ws::SOCKADDR_UN, sun_path);
    let length = (address.len() as usize).checked_sub(offset)?;
    // SAFETY: the address is an AF_UNIX one, and the system said that it is this long.
    let name = unsafe { std::slice::from_raw_parts(address.as_ptr().cast::<u8>().add(offset), length) };
    name.split(|byte| *byte == 0).next().filter(|path| !path.is_empty()).map(<[u8]>::to_vec)
}

/// The address of that path, which is UTF-8 here; an error if it is too long.
pub fn unix_address(name: &[u8]) -> Result<SockAddr> {
    let path = std::str::from_utf8(name).map_err(|_| INVALID)?;
    Ok(SockAddr::unix(path)?)
}

/// How many bytes are queued for reading.
pub fn available(fd: Fd) -> Result<usize> {
    let mut bytes = 0;
    // SAFETY: FIONREAD writes one number.
    check(unsafe { ws::ioctlsocket(fd.0, ws::FIONREAD, &mut bytes) })?;
    Ok(bytes as usize)
}

fn protocol(fd: Fd) -> Result<ws::WSAPROTOCOL_INFOW> {
    let mut bytes = [0; size_of::<ws::WSAPROTOCOL_INFOW>()];
    super::get_option(fd, ws::SOL_SOCKET, ws::SO_PROTOCOL_INFOW, &mut bytes)?;
    // SAFETY: these are as many bytes, and the structure has plain numbers alone.
    Ok(unsafe { bytes.as_ptr().cast::<ws::WSAPROTOCOL_INFOW>().read_unaligned() })
}

/// Says what a socket from elsewhere is.
pub fn describe(fd: Fd) -> Result<Found> {
    start();
    // Of a number that is no handle at all Winsock says no more than that it is no socket.
    inherit(fd).map_err(|_| OsError(ws::WSAEBADF))?;
    let about = protocol(fd)?;
    let mut listening = [0; 4];
    let asked = super::get_option(fd, ws::SOL_SOCKET, ws::SO_ACCEPTCONN, &mut listening);
    Ok(Found::Socket {
        family: about.iAddressFamily.into(),
        kind: about.iSocketType.into(),
        protocol: about.iProtocol,
        listening: asked.is_ok() && listening[0] != 0,
        connected: peer(fd).is_ok(),
    })
}

/// Sets or clears the blocking mode. Which it was can't be told here: blocking, as sockets are born.
pub fn set_blocking(fd: Fd, blocking: bool) -> Result<bool> {
    let mut non_blocking = u32::from(!blocking);
    // SAFETY: FIONBIO reads one number.
    check(unsafe { ws::ioctlsocket(fd.0, ws::FIONBIO, &mut non_blocking) })?;
    Ok(true)
}

/// Whether a process started by this one gets the socket.
pub fn inherit(fd: Fd) -> Result<bool> {
    let mut flags = 0;
    // SAFETY: the number outlives the call.
    match unsafe { GetHandleInformation(fd.0 as HANDLE, &mut flags) } {
        0 => Err(OsError::last()),
        _ => Ok(flags & HANDLE_FLAG_INHERIT != 0),
    }
}

/// Says whether a process started by this one gets the socket.
pub fn set_inherit(fd: Fd, inherit: bool) -> Result<()> {
    let flags = if inherit { HANDLE_FLAG_INHERIT } else { 0 };
    // SAFETY: takes no memory.
    match unsafe { SetHandleInformation(fd.0 as HANDLE, HANDLE_FLAG_INHERIT, flags) } {
        0 => Err(OsError::last()),
        _ => Ok(()),
    }
}

/// `setsockopt` with the system's own numbers.
pub fn set_option(fd: Fd, level: i32, name: i32, value: &[u8]) -> Result<()> {
    let length = i32::try_from(value.len()).map_err(|_| INVALID)?;
    // SAFETY: the slice is readable for its length.
    match check(unsafe { ws::setsockopt(fd.0, level, name, value.as_ptr(), length) }) {
        // What Winsock says of a value that is too short as well.
        Err(OsError(ws::WSAEFAULT)) if value.len() < size_of::<i32>() => Err(INVALID),
        other => other,
    }
}

/// `getsockopt` with the system's own numbers; the length that the system filled in.
pub fn get_option_into(fd: Fd, level: i32, name: i32, value: &mut [MaybeUninit<u8>]) -> Result<usize> {
    let mut length = i32::try_from(value.len()).map_err(|_| INVALID)?;
    // SAFETY: the slice is writable for the length that is given.
    check(unsafe { ws::getsockopt(fd.0, level, name, value.as_mut_ptr().cast(), &mut length) })?;
    Ok(length as usize)
}

/// `WSAIoctl` with the system's own numbers; the length that the system filled in.
pub(super) fn control(fd: Fd, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize> {
    let room = u32::try_from(output.len()).map_err(|_| INVALID)?;
    let (from, to) = (input.as_ptr().cast(), output.as_mut_ptr().cast());
    let mut length = 0;
    // SAFETY: both slices are given with their lengths and outlive the call, which is not overlapped.
    check(unsafe {
        ws::WSAIoctl(fd.0, code, from, input.len() as u32, to, room, &mut length, null_mut(), None)
    })?;
    Ok(length as usize)
}

/// There are no signals to keep away.
pub fn quiet_thread() {}

/// There is no `fork`.
pub fn on_fork(_prepare: extern "C" fn(), _parent: extern "C" fn(), _child: extern "C" fn()) {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::os::windows::io::AsRawSocket;

    /// Of whatever a stream is given it takes no more at a time than the kernel shall hold; a datagram that is cut
    /// stays too long for any.
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
