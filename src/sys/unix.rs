//! What Linux, macOS and the BSDs have in common: POSIX sockets over `libc`.
//! Not here: what only some of them have (`linux`, `bsd`, `posix`, `apple`), and option numbers (`option`).

use super::{
    ControlData, ControlRoom, Events, Flags, Found, Half, Interface, LONGEST_WAIT, Message, OsError,
    PLATFORM_RECV, PLATFORM_SEND, PollFd, ResolveError, Result, Source, Timeout, lseek, off_t, peer, poll,
    pread,
};
use libc::{c_int, c_void, socklen_t};
use socket2::{Domain, SockAddr, Socket, Type};
use std::ffi::{CStr, CString, OsStr};
use std::mem::{MaybeUninit, offset_of, size_of};
use std::os::fd::{FromRawFd, IntoRawFd};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// The call would have to wait.
pub const WOULD_BLOCK: OsError = OsError(libc::EAGAIN);
/// A signal came before anything happened.
pub const INTERRUPTED: OsError = OsError(libc::EINTR);
/// The arguments make no sense together.
pub const INVALID: OsError = OsError(libc::EINVAL);
/// There is no memory.
pub const OUT_OF_MEMORY: OsError = OsError(libc::ENOMEM);

/// Whether a poll may name a descriptor that has been closed meanwhile, and so may be another's: it only looks.
pub const STALE_POLL_IS_HARMLESS: bool = true;

/// AF_UNIX pairs come from the kernel.
pub const HAS_UNIX_PAIR: bool = true;
/// Descriptors go along with messages of AF_UNIX.
pub const HAS_RIGHTS: bool = true;

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

/// A descriptor. Copyable, because who may close it is decided by the handle table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fd(pub(super) c_int);

impl Fd {
    /// No descriptor.
    pub const NONE: Self = Self(-1);

    /// Whether this is no descriptor.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 < 0
    }

    /// The number as the ABI carries it.
    #[must_use]
    pub const fn to_raw(self) -> i64 {
        self.0 as i64
    }

    /// From the ABI's number; `None` if no descriptor can have it.
    #[must_use]
    pub fn from_raw(raw: i64) -> Option<Self> {
        c_int::try_from(raw).ok().filter(|fd| *fd >= 0).map(Self)
    }

    /// Back from what [`Self::to_raw`] gave; [`Self::NONE`] stays none.
    #[must_use]
    #[inline]
    pub const fn from_kept(raw: i64) -> Self {
        Self(raw as c_int)
    }
}

/// The count that a system call returned, or why it failed.
#[inline(always)]
pub(super) fn count(result: isize) -> Result<usize> {
    // In this order, so that the usual case is one comparison for those who also ask whether it was 0.
    if result > 0 { Ok(result as usize) } else { none(result) }
}

#[cold]
#[inline(always)]
fn none(result: isize) -> Result<usize> {
    if result < 0 { Err(OsError::last()) } else { Ok(0) }
}

/// 0 or more is success.
pub(super) fn check(result: c_int) -> Result<c_int> {
    if result < 0 { Err(OsError::last()) } else { Ok(result) }
}

/// Takes a descriptor over from socket2.
pub(super) fn own(socket: Socket) -> Fd {
    Fd(socket.into_raw_fd())
}

/// Borrows a descriptor for one of socket2's methods.
pub(super) fn with<T>(fd: Fd, body: impl FnOnce(&Socket) -> std::io::Result<T>) -> Result<T> {
    // SAFETY: the caller's handle keeps `fd` open for this call, and ManuallyDrop keeps this borrower from closing it.
    let socket = std::mem::ManuallyDrop::new(unsafe { Socket::from_raw_fd(fd.0) });
    body(&socket).map_err(OsError::from)
}

/// Opens a socket: non-blocking, close-on-exec, without SIGPIPE.
pub fn open(family: Domain, kind: Type, protocol: i32) -> Result<Fd> {
    let socket = Socket::new(family, super::non_blocking(kind), Some(protocol.into()))?;
    super::settle(&socket)?;
    Ok(own(socket))
}

/// Opens two connected sockets of the AF_UNIX family.
pub fn pair(kind: Type) -> Result<(Fd, Fd)> {
    let (first, second) = Socket::pair(Domain::UNIX, super::non_blocking(kind), None)?;
    super::settle(&first)?;
    super::settle(&second)?;
    Ok((own(first), own(second)))
}

/// Closes. Errors say nothing a caller could act on: the descriptor is gone in every case.
pub fn close(fd: Fd) {
    // SAFETY: the handle table calls this once, after the last reference to the descriptor is gone.
    unsafe { libc::close(fd.0) };
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

/// Has `new` take the place of `old`: which stands there now, and which is spent, to be closed when no call uses it any
/// more. `old` gets the socket of `new`, so that calls that use it never see it vanish, and nothing is spent.
pub fn replace(old: Fd, new: Fd) -> Result<(Fd, Fd)> {
    let flags = inherit(new).map(|inherited| if inherited { 0 } else { libc::FD_CLOEXEC });
    // SAFETY: takes no memory.
    let outcome = check(unsafe { libc::dup2(new.0, old.0) });
    close(new);
    outcome?;
    // SAFETY: takes no memory.
    check(unsafe { libc::fcntl(old.0, libc::F_SETFD, flags?) })?;
    Ok((old, Fd::NONE))
}

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
    match with(fd, |socket| socket.connect(address)) {
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
    let taken_back = unsafe { libc::connect(fd.0, &nobody, size_of::<libc::sockaddr>() as socklen_t) } == 0;
    if !taken_back {
        // The BSDs let no stream go once it has set out; this one shall end where it arrives.
        let _ = shutdown(fd, Half::Both);
    }
}

/// The socket's own name.
pub fn local(fd: Fd) -> Result<SockAddr> {
    with(fd, Socket::local_addr)
}

/// The back-end's numbers for [`Flags`]; the common case of none is one comparison.
pub(super) fn native(flags: Flags) -> c_int {
    // Every call is non-blocking in any case.
    if flags.without(Flags::DONT_WAIT) == Flags::default() {
        return 0;
    }
    let mut bits = 0;
    for (flag, bit) in [
        (Flags::PEEK, libc::MSG_PEEK),
        (Flags::OOB, libc::MSG_OOB),
        (Flags::TRUNC, libc::MSG_TRUNC),
        (Flags::MORE, super::MSG_MORE),
    ] {
        if flags.has(flag) {
            bits |= bit;
        }
    }
    bits
}

/// Receives.
#[inline]
pub fn recv(fd: Fd, data: &mut [MaybeUninit<u8>], flags: Flags) -> Result<usize> {
    if !super::TELLS_LENGTH && flags.has(Flags::TRUNC) {
        return Ok(recv_from(fd, data, flags)?.0);
    }
    let flags = PLATFORM_RECV | native(flags);
    // SAFETY: the slice is writable for its length; the kernel writes no further.
    count(unsafe { libc::recv(fd.0, data.as_mut_ptr().cast(), data.len(), flags) })
}

/// Sends; never raises SIGPIPE.
#[inline]
pub fn send(fd: Fd, data: &[u8], flags: Flags) -> Result<usize> {
    let flags = PLATFORM_SEND | native(flags);
    // SAFETY: the slice is readable for its length.
    count(unsafe { libc::send(fd.0, data.as_ptr().cast(), data.len(), flags) })
}

/// Receives with the sender's name, if the protocol tells one.
pub fn recv_from(fd: Fd, data: &mut [MaybeUninit<u8>], flags: Flags) -> Result<(usize, Option<SockAddr>)> {
    if !super::TELLS_LENGTH && flags.has(Flags::TRUNC) {
        return super::measured(data, |whole| recv_from(fd, whole, flags.without(Flags::TRUNC)));
    }
    let flags = PLATFORM_RECV | native(flags);
    let mut receive = |storage: *mut socket2::SockAddrStorage, length: *mut socklen_t| {
        // SAFETY: the data slice is writable for its length, and `storage` is as large as `length` says.
        count(unsafe {
            let name = storage.cast();
            libc::recvfrom(fd.0, data.as_mut_ptr().cast(), data.len(), flags, name, length)
        })
        .map_err(|error| std::io::Error::from_raw_os_error(error.0))
    };
    // SAFETY: the kernel fills in as much of the storage as it says in the length.
    let (received, address) = unsafe { SockAddr::try_init(&mut receive) }?;
    Ok((received, (address.len() > 0).then_some(address)))
}

/// Sends to an address; never raises SIGPIPE.
pub fn send_to(fd: Fd, data: &[u8], flags: Flags, address: &SockAddr) -> Result<usize> {
    let flags = PLATFORM_SEND | native(flags);
    // SAFETY: the data slice is readable for its length, and so is the address.
    count(unsafe {
        let name = address.as_ptr().cast();
        libc::sendto(fd.0, data.as_ptr().cast(), data.len(), flags, name, address.len())
    })
}

/// One piece of caller memory: base and length in the order of `struct iovec`.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Piece(libc::iovec);

impl Piece {
    /// Describes memory that the caller vouches for; nothing is touched here.
    #[must_use]
    pub const fn new(base: *mut u8, length: usize) -> Self {
        Self(libc::iovec { iov_base: base.cast(), iov_len: length })
    }

    /// The length of all of them; `None` if no call can move as much.
    #[must_use]
    pub fn total(pieces: &[Self]) -> Option<usize> {
        let total = pieces.iter().try_fold(0_usize, |sum, piece| sum.checked_add(piece.0.iov_len))?;
        isize::try_from(total).ok().map(|_| total)
    }

    /// Shortens them to `length` in all.
    pub fn truncate(pieces: &mut [Self], mut length: usize) {
        for piece in pieces {
            piece.0.iov_len = piece.0.iov_len.min(length);
            length -= piece.0.iov_len;
        }
    }
}

/// How many pieces one system call takes.
pub const MAX_PIECES: usize = 1024;

fn message(pieces: &[Piece]) -> libc::msghdr {
    // SAFETY: plain numbers and pointers, for which zero is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = pieces.as_ptr().cast_mut().cast();
    message.msg_iovlen = pieces.len().min(MAX_PIECES) as _;
    message
}

/// Receives into several pieces.
pub fn readv(fd: Fd, pieces: &[Piece]) -> Result<usize> {
    let mut message = message(pieces);
    // SAFETY: the header points at `pieces`; the kernel checks the memory they describe (EFAULT).
    count(unsafe { libc::recvmsg(fd.0, &mut message, PLATFORM_RECV) })
}

/// Sends from several pieces; never raises SIGPIPE.
pub fn writev(fd: Fd, pieces: &[Piece]) -> Result<usize> {
    let message = message(pieces);
    // SAFETY: the header points at `pieces`; the kernel checks the memory they describe (EFAULT).
    count(unsafe { libc::sendmsg(fd.0, &message, PLATFORM_SEND) })
}

/// Receives one datagram, and tells who sent it.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
pub(super) fn receive_one(fd: Fd, pieces: &[Piece], flags: Flags) -> Result<super::Received> {
    let mut message = message(pieces);
    let mut receive = |storage: *mut socket2::SockAddrStorage, length: *mut socklen_t| {
        message.msg_name = storage.cast();
        // SAFETY: `storage` is as large as `length` says, and the header points at it and at `pieces`; the kernel checks
        // the memory that these describe (EFAULT).
        let received = count(unsafe {
            message.msg_namelen = *length;
            libc::recvmsg(fd.0, &mut message, PLATFORM_RECV | native(flags))
        });
        // SAFETY: `length` is a place for the length.
        unsafe { *length = message.msg_namelen };
        received.map_err(|error| std::io::Error::from_raw_os_error(error.0))
    };
    // SAFETY: the kernel fills in as much of the storage as it says in the length.
    let (length, address) = unsafe { SockAddr::try_init(&mut receive) }?;
    let cut = message.msg_flags & libc::MSG_TRUNC != 0;
    Ok(super::Received { length, cut, sender: (address.len() > 0).then_some(address), segment: 0 })
}

/// Sends one datagram, to an address or the connected peer; never raises SIGPIPE.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
pub(super) fn send_one(fd: Fd, piece: Piece, address: Option<&SockAddr>, flags: Flags) -> Result<usize> {
    let pieces = [piece];
    let mut message = message(&pieces);
    if let Some(address) = address {
        message.msg_name = address.as_ptr().cast_mut().cast();
        message.msg_namelen = address.len();
    }
    // SAFETY: the header points at `pieces` and the address; the kernel checks the memory they describe (EFAULT).
    count(unsafe { libc::sendmsg(fd.0, &message, PLATFORM_SEND | native(flags)) })
}

/// The header of a control message.
pub(super) type ControlHeader = libc::cmsghdr;
/// Where its data begins.
// SAFETY: takes no memory.
pub(super) const CONTROL_PAYLOAD: usize = unsafe { libc::CMSG_LEN(0) as usize };
/// The system has no such thing.
pub(super) const UNSUPPORTED: OsError = OsError(libc::EOPNOTSUPP);
/// The control message that carries descriptors.
pub(super) const RIGHTS: (c_int, c_int) = (libc::SOL_SOCKET, libc::SCM_RIGHTS);

/// How much room a control message takes with so much data.
pub(super) fn control_space(length: usize) -> usize {
    // SAFETY: takes no memory.
    unsafe { libc::CMSG_SPACE(length as libc::c_uint) as usize }
}

/// A length as it stands in the header.
pub(super) fn control_length(length: usize) -> [u8; CONTROL_LENGTH] {
    // SAFETY: plain numbers, for which zero is a value.
    let mut header: ControlHeader = unsafe { std::mem::zeroed() };
    header.cmsg_len = length as _;
    header.cmsg_len.to_ne_bytes()
}

// SAFETY: plain numbers, for which zero is a value.
const CONTROL_LENGTH: usize = size_of_val(&unsafe { std::mem::zeroed::<ControlHeader>() }.cmsg_len);

/// A descriptor that has come in a message, not inherited.
pub(super) fn received_right(number: &[u8]) -> Fd {
    let fd = Fd(number.try_into().map_or(-1, c_int::from_ne_bytes));
    if super::CMSG_CLOEXEC == 0 {
        // Here it is born inherited.
        let _ = set_inherit(fd, false);
    }
    fd
}

/// Receives into several pieces, with control data, and if `named` with the sender's name.
pub fn receive_message(
    fd: Fd,
    pieces: &[Piece],
    room: &mut ControlRoom,
    flags: Flags,
    named: bool,
) -> Result<Message> {
    if !super::TELLS_LENGTH && flags.has(Flags::TRUNC) {
        let flags = flags.without(Flags::TRUNC);
        return super::measured_message(pieces, |all| receive_message(fd, all, room, flags, named));
    }
    let mut header = message(pieces);
    header.msg_control = room.as_mut_ptr().cast();
    header.msg_controllen = room.length() as _;
    let flags = PLATFORM_RECV | super::CMSG_CLOEXEC | native(flags);
    let mut receive = |storage: *mut socket2::SockAddrStorage, length: *mut socklen_t| {
        if named {
            header.msg_name = storage.cast();
            // SAFETY: the length is that of the storage, and both outlive the call.
            header.msg_namelen = unsafe { *length };
        }
        // SAFETY: the header points at `pieces`, whose memory the kernel checks (EFAULT), and at room as large as
        // it says for a name and for control data.
        let received = count(unsafe { libc::recvmsg(fd.0, &mut header, flags) });
        // SAFETY: as above.
        unsafe { *length = if named { header.msg_namelen } else { 0 } };
        received.map_err(|error| std::io::Error::from_raw_os_error(error.0))
    };
    // SAFETY: the kernel fills in as much of the storage as it says in the length.
    let (count, sender) = unsafe { SockAddr::try_init(&mut receive) }?;
    Ok(Message {
        count,
        sender: (sender.len() > 0).then_some(sender),
        flags: told(header.msg_flags),
        control: header.msg_controllen as _,
    })
}

/// What the kernel tells of a message.
fn told(found: c_int) -> Flags {
    let told = [
        (Flags::TRUNC, libc::MSG_TRUNC),
        (Flags::CONTROL_TRUNC, libc::MSG_CTRUNC),
        (Flags::OOB, libc::MSG_OOB),
    ];
    let found = told.into_iter().filter(|(_, bit)| found & bit != 0);
    found.fold(Flags::default(), |all, (flag, _)| all.or(flag))
}

/// Sends from several pieces, with control data, to an address or the peer; never raises SIGPIPE.
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
    count(unsafe { libc::sendmsg(fd.0, &header, PLATFORM_SEND | native(flags)) })
}

/// Reads from a pipe or terminal. Others share it, so its mode is left alone and readiness is asked first.
pub fn read_stream(fd: Fd, data: &mut [MaybeUninit<u8>]) -> Result<usize> {
    ready_now(fd, Events::READ)?;
    // SAFETY: the slice is writable for its length.
    count(unsafe { libc::read(fd.0, data.as_mut_ptr().cast(), data.len()) })
}

/// As [`read_stream`], into several pieces.
pub fn readv_stream(fd: Fd, pieces: &[Piece]) -> Result<usize> {
    ready_now(fd, Events::READ)?;
    let length = pieces.len().min(MAX_PIECES) as c_int;
    // SAFETY: Piece is a transparent iovec; the kernel checks the memory they describe (EFAULT).
    count(unsafe { libc::readv(fd.0, pieces.as_ptr().cast(), length) })
}

/// As [`write_stream`], from several pieces.
pub fn writev_stream(fd: Fd, pieces: &mut [Piece]) -> Result<usize> {
    ready_now(fd, Events::WRITE)?;
    Piece::truncate(pieces, libc::PIPE_BUF);
    let length = pieces.len().min(MAX_PIECES) as c_int;
    // SAFETY: Piece is a transparent iovec; the kernel checks the memory they describe (EFAULT).
    super::without_sigpipe(fd, || count(unsafe { libc::writev(fd.0, pieces.as_ptr().cast(), length) }))
}

/// Writes to a pipe or terminal, no more than a writable pipe takes without waiting, and without SIGPIPE.
pub fn write_stream(fd: Fd, data: &[u8]) -> Result<usize> {
    ready_now(fd, Events::WRITE)?;
    let data = &data[..data.len().min(libc::PIPE_BUF)];
    // SAFETY: the slice is readable for its length.
    super::without_sigpipe(fd, || count(unsafe { libc::write(fd.0, data.as_ptr().cast(), data.len()) }))
}

fn ready_now(fd: Fd, events: Events) -> Result<()> {
    let mut entry = [PollFd::new(fd, events)];
    match poll(&mut entry, Some(Duration::ZERO))? {
        0 if is_open_for(fd, events)? => Err(WOULD_BLOCK),
        0 => Err(OsError(libc::EBADF)),
        _ => Ok(()),
    }
}

/// Whether a pipe's end is the right one: the other would never be ready.
fn is_open_for(fd: Fd, events: Events) -> Result<bool> {
    // SAFETY: takes no memory.
    let access = check(unsafe { libc::fcntl(fd.0, libc::F_GETFL) })? & libc::O_ACCMODE;
    let only = if events == Events::READ { libc::O_WRONLY } else { libc::O_RDONLY };
    Ok(access != only)
}

/// Says what bytes of a descriptor are to be had; an error if there are none.
pub fn examine(file: Fd) -> Result<Source> {
    let mut about = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the structure is written as a whole, or the call fails.
    check(unsafe { libc::fstat(file.0, about.as_mut_ptr()) })?;
    // SAFETY: the call above has written it.
    match unsafe { about.assume_init() }.st_mode & libc::S_IFMT {
        libc::S_IFDIR => Err(OsError(libc::EISDIR)),
        libc::S_IFREG | libc::S_IFBLK => Ok(Source::File),
        _ => Ok(Source::Stream),
    }
}

/// Where the next read of a file begins.
pub fn position(file: Fd) -> Result<i64> {
    // SAFETY: takes no memory.
    match unsafe { lseek(file.0, 0, libc::SEEK_CUR) } {
        -1 => Err(OsError::last()),
        position => Ok(position as _),
    }
}

/// Says where the next read of a file begins.
pub fn set_position(file: Fd, position: i64) -> Result<()> {
    // SAFETY: takes no memory.
    match unsafe { lseek(file.0, offset(position)?, libc::SEEK_SET) } {
        -1 => Err(OsError::last()),
        _ => Ok(()),
    }
}

/// Reads a file at a place, and leaves its position alone.
pub fn read_at(file: Fd, place: i64, data: &mut [u8]) -> Result<usize> {
    let place = offset(place)?;
    // SAFETY: the slice is writable for its length.
    count(unsafe { pread(file.0, data.as_mut_ptr().cast(), data.len(), place) })
}

/// A place in a file as this system counts it.
pub(super) fn offset(place: i64) -> Result<off_t> {
    let offset = place as off_t;
    if offset as i64 == place { Ok(offset) } else { Err(OsError(libc::EOVERFLOW)) }
}

/// The error that waits on a socket, if there is one. Reading it clears it in the kernel.
pub fn pending_error(fd: Fd) -> Result<Option<OsError>> {
    with(fd, Socket::take_error).map(|error| error.map(OsError::from))
}

/// The name of an AF_UNIX address: a path, `\0` and an abstract name, or nothing for an unnamed one.
#[must_use]
pub fn unix_name(address: &SockAddr) -> Option<Vec<u8>> {
    let offset = offset_of!(libc::sockaddr_un, sun_path);
    let length = (address.len() as usize).checked_sub(offset).filter(|length| *length > 0)?;
    // SAFETY: the address is an AF_UNIX one, and the system said that it is this long.
    let name = unsafe { std::slice::from_raw_parts(address.as_ptr().cast::<u8>().add(offset), length) };
    if name[0] == 0 {
        return (length > 1).then(|| name.to_vec());
    }
    // A path may carry its NUL, or not.
    Some(name.split(|byte| *byte == 0).next().unwrap_or_default().to_vec())
}

/// The address of that path, or of `\0` and an abstract name; an error if it is too long.
pub fn unix_address(name: &[u8]) -> Result<SockAddr> {
    Ok(SockAddr::unix(OsStr::from_bytes(name))?)
}

/// How many bytes are queued for reading.
pub fn available(fd: Fd) -> Result<usize> {
    let mut bytes: c_int = 0;
    // SAFETY: FIONREAD writes one int.
    check(unsafe { libc::ioctl(fd.0, libc::FIONREAD, &mut bytes) })?;
    Ok(usize::try_from(bytes).unwrap_or(0))
}

fn number(fd: Fd, level: c_int, name: c_int) -> Result<i32> {
    let mut value = [0; 4];
    super::get_option(fd, level, name, &mut value)?;
    Ok(i32::from_ne_bytes(value))
}

/// Says what a descriptor from elsewhere is; an error if it can't be polled.
pub fn describe(fd: Fd) -> Result<Found> {
    match number(fd, libc::SOL_SOCKET, libc::SO_TYPE) {
        Ok(kind) => describe_socket(fd, kind),
        Err(OsError(libc::ENOTSOCK)) => super::pollable(fd).map(|()| Found::Stream),
        Err(error) => Err(error),
    }
}

fn describe_socket(fd: Fd, kind: i32) -> Result<Found> {
    Ok(Found::Socket {
        family: local(fd)?.domain(),
        kind: kind.into(),
        protocol: super::SO_PROTOCOL.map_or(0, |name| number(fd, libc::SOL_SOCKET, name).unwrap_or(0)),
        listening: number(fd, libc::SOL_SOCKET, libc::SO_ACCEPTCONN).is_ok_and(|on| on != 0),
        connected: peer(fd).is_ok(),
    })
}

/// Sets or clears the blocking mode, and says which it was (`true`: blocking).
pub fn set_blocking(fd: Fd, blocking: bool) -> Result<bool> {
    // SAFETY: takes no memory.
    let flags = check(unsafe { libc::fcntl(fd.0, libc::F_GETFL) })?;
    let was = flags & libc::O_NONBLOCK == 0;
    if was != blocking {
        // SAFETY: takes no memory.
        check(unsafe { libc::fcntl(fd.0, libc::F_SETFL, flags ^ libc::O_NONBLOCK) })?;
    }
    Ok(was)
}

/// Whether a program started by `exec` keeps the descriptor.
pub fn inherit(fd: Fd) -> Result<bool> {
    // SAFETY: takes no memory.
    check(unsafe { libc::fcntl(fd.0, libc::F_GETFD) }).map(|flags| flags & libc::FD_CLOEXEC == 0)
}

/// Says whether a program started by `exec` keeps the descriptor.
pub fn set_inherit(fd: Fd, inherit: bool) -> Result<()> {
    let flags = if inherit { 0 } else { libc::FD_CLOEXEC };
    // SAFETY: takes no memory.
    check(unsafe { libc::fcntl(fd.0, libc::F_SETFD, flags) }).map(drop)
}

/// `setsockopt` with the system's own numbers.
pub fn set_option(fd: Fd, level: c_int, name: c_int, value: &[u8]) -> Result<()> {
    let length = socklen_t::try_from(value.len()).map_err(|_| INVALID)?;
    // SAFETY: the slice is readable for its length.
    check(unsafe { libc::setsockopt(fd.0, level, name, value.as_ptr().cast(), length) }).map(drop)
}

/// `getsockopt` with the system's own numbers; the length that the system filled in.
pub fn get_option_into(fd: Fd, level: c_int, name: c_int, value: &mut [MaybeUninit<u8>]) -> Result<usize> {
    let mut length = socklen_t::try_from(value.len()).map_err(|_| INVALID)?;
    // SAFETY: the slice is writable for the length that is given.
    check(unsafe {
        let data = value.as_mut_ptr().cast::<c_void>();
        libc::getsockopt(fd.0, level, name, data, &mut length)
    })?;
    Ok(length as usize)
}

/// A duration as the kernel takes it; it ends earlier than one that would be too long for some kernels.
pub(super) fn timespec(timeout: Timeout) -> Option<libc::timespec> {
    let timeout = timeout?.min(LONGEST_WAIT);
    // SAFETY: plain numbers, for which zero is a value.
    let mut time: libc::timespec = unsafe { std::mem::zeroed() };
    time.tv_sec = timeout.as_secs() as _;
    time.tv_nsec = timeout.subsec_nanos() as _;
    Some(time)
}

/// Keeps the program's signals away from this thread, which belongs to the library.
pub fn quiet_thread() {
    // SAFETY: the set is filled before it is used and outlives the call.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, std::ptr::null_mut());
    }
}

/// Has `prepare` run before every `fork`, and one of the others after it.
pub fn on_fork(prepare: extern "C" fn(), parent: extern "C" fn(), child: extern "C" fn()) {
    // SAFETY: the functions are static. Failure (ENOMEM) leaves fork as it was.
    unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
}

/// Asks the system's resolver. Blocks for as long as it likes.
pub fn resolve(
    host: Option<&CStr>,
    service: &CStr,
    family: Option<Domain>,
    kind: Type,
) -> std::result::Result<Vec<SockAddr>, ResolveError> {
    // SAFETY: plain numbers and pointers, for which zero is a value.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_family = family.map_or(libc::AF_UNSPEC, c_int::from);
    hints.ai_socktype = c_int::from(kind);
    let mut list = std::ptr::null_mut();
    let host = host.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: both texts are NUL-terminated, and `list` receives a list that is freed below.
    match unsafe { libc::getaddrinfo(host, service.as_ptr(), &hints, &mut list) } {
        0 => {}
        libc::EAI_SYSTEM => return Err(ResolveError::Os(OsError::last())),
        code => return Err(ResolveError::Resolver(code)),
    }
    let mut addresses = Vec::new();
    let mut entry = list;
    // SAFETY: the list is the resolver's own and ends with a null pointer.
    while let Some(info) = unsafe { entry.as_ref() } {
        addresses.extend(copy_address(info.ai_addr));
        entry = info.ai_next;
    }
    // SAFETY: the list came from getaddrinfo and is freed once.
    unsafe { libc::freeaddrinfo(list) };
    Ok(addresses)
}

/// Copies a `sockaddr` of one of the internet families.
fn copy_address(address: *const libc::sockaddr) -> Option<SockAddr> {
    // SAFETY: the caller's list holds a whole address, or none.
    unsafe {
        let family = c_int::from(address.as_ref()?.sa_family);
        super::copy_address(address.cast(), family.into())
    }
}

/// The number of the interface of that name.
#[must_use]
pub fn interface_index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: the text is NUL-terminated.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => None,
        index => Some(index),
    }
}

/// The name of the interface of that number.
#[must_use]
pub fn interface_name(index: u32) -> Option<String> {
    let mut name = [0; libc::IF_NAMESIZE];
    // SAFETY: the buffer has the size that the function demands.
    let found = unsafe { libc::if_indextoname(index, name.as_mut_ptr()) };
    if found.is_null() {
        return None;
    }
    // SAFETY: on success the buffer holds a NUL-terminated name.
    let name = unsafe { CStr::from_ptr(name.as_ptr()) };
    Some(name.to_string_lossy().into_owned())
}

/// The machine's interfaces, a row for each address.
pub fn interfaces() -> Result<Vec<Interface>> {
    let mut list = std::ptr::null_mut();
    // SAFETY: `list` receives a list that is freed below.
    check(unsafe { libc::getifaddrs(&mut list) })?;
    let mut rows = Vec::new();
    let mut entry = list;
    // SAFETY: the list is the system's own and ends with a null pointer.
    while let Some(info) = unsafe { entry.as_ref() } {
        rows.push(describe_interface(info));
        entry = info.ifa_next;
    }
    // SAFETY: the list came from getifaddrs and is freed once.
    unsafe { libc::freeifaddrs(list) };
    Ok(rows)
}

fn describe_interface(info: &libc::ifaddrs) -> Interface {
    // SAFETY: the system gives every row a NUL-terminated name.
    let name = unsafe { CStr::from_ptr(info.ifa_name) };
    let has = |flag: c_int| info.ifa_flags as c_int & flag != 0;
    Interface {
        name: name.to_string_lossy().into_owned(),
        // SAFETY: the name is NUL-terminated.
        index: unsafe { libc::if_nametoindex(info.ifa_name) },
        up: has(libc::IFF_UP),
        loopback: has(libc::IFF_LOOPBACK),
        multicast: has(libc::IFF_MULTICAST),
        address: copy_address(info.ifa_addr).and_then(|address| Some(address.as_socket()?.ip())),
        prefix: prefix(info),
    }
}

/// Counts the ones of a netmask. The BSDs leave its family empty, and may cut off the zeros at its end.
fn prefix(info: &libc::ifaddrs) -> u32 {
    if info.ifa_netmask.is_null() {
        return 0;
    }
    // SAFETY: the system gives a whole address, or none.
    let family =
        unsafe { info.ifa_addr.as_ref() }.map_or(libc::AF_UNSPEC, |address| address.sa_family.into());
    let (offset, length) = match family {
        libc::AF_INET => (offset_of!(libc::sockaddr_in, sin_addr), 4),
        libc::AF_INET6 => (offset_of!(libc::sockaddr_in6, sin6_addr), 16),
        _ => return 0,
    };
    // SAFETY: the mask is there, and begins with its length.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let length = length.min(usize::from(unsafe { (*info.ifa_netmask).sa_len }).saturating_sub(offset));
    // SAFETY: the mask has as many bytes.
    let bytes = unsafe { std::slice::from_raw_parts(info.ifa_netmask.cast::<u8>().add(offset), length) };
    bytes.iter().map(|byte| byte.count_ones()).sum()
}
