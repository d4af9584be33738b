//! What is done alike on every system, on top of socket2 and of a back-end's own calls.
//! Not here: anything that asks which system this is.

use super::{
    Fd, Flags, MAX_PIECES, Message, OUT_OF_MEMORY, Piece, Result, get_option_into, read_stream, with,
};
use socket2::{Domain, SockAddr, Socket};
use std::mem::MaybeUninit;
use std::time::Duration;

/// The longest wait in one system call, as some have a limit. Whoever waits looks at the time again.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// No more reports come from one wait.
pub const MOST_REPORTS: usize = 16_384;

/// The peer's name.
pub fn peer(fd: Fd) -> Result<SockAddr> {
    with(fd, Socket::peer_addr)
}

/// No datagram of the internet protocols is longer.
const LONGEST: usize = 1 << 16;

/// Receives a datagram into room for any, and of it as much as fits into `data`: for systems that do not
/// tell the length of one that was cut.
#[allow(dead_code, reason = "Linux tells the length")]
pub(super) fn measured<T>(
    data: &mut [MaybeUninit<u8>],
    receive: impl FnOnce(&mut [MaybeUninit<u8>]) -> Result<(usize, T)>,
) -> Result<(usize, T)> {
    let mut whole = Vec::<u8>::new();
    whole.try_reserve_exact(LONGEST).map_err(|_| OUT_OF_MEMORY)?;
    let whole = whole.spare_capacity_mut();
    let (length, sender) = receive(whole)?;
    let kept = length.min(data.len());
    data[..kept].copy_from_slice(&whole[..kept]);
    Ok((length, sender))
}

/// As [`measured`] for a message in several pieces: what they do not hold goes into one more.
#[allow(dead_code, reason = "Linux tells the length")]
pub(super) fn measured_message(
    pieces: &[Piece],
    receive: impl FnOnce(&[Piece]) -> Result<Message>,
) -> Result<Message> {
    let (mut rest, mut all) = (Vec::<u8>::new(), Vec::new());
    rest.try_reserve_exact(LONGEST).map_err(|_| OUT_OF_MEMORY)?;
    all.try_reserve_exact(pieces.len() + 1).map_err(|_| OUT_OF_MEMORY)?;
    all.extend(pieces.iter().take(MAX_PIECES - 1));
    all.push(Piece::new(rest.as_mut_ptr(), LONGEST));
    let mut message = receive(&all)?;
    if Piece::total(pieces).is_some_and(|room| message.count > room) {
        message.flags = message.flags.or(Flags::TRUNC);
    }
    Ok(message)
}

/// Copies an address of one of the internet families, whose lengths are the same everywhere.
///
/// # Safety
/// `address` must point at a whole address of `family`.
pub(super) unsafe fn copy_address(address: *const u8, family: Domain) -> Option<SockAddr> {
    let length = match family {
        Domain::IPV4 => 16,
        Domain::IPV6 => 28,
        _ => return None,
    };
    // SAFETY: the caller vouches for the address, and the storage is larger.
    let copy = unsafe {
        SockAddr::try_init(|storage, size| {
            std::ptr::copy_nonoverlapping(address, storage.cast(), length);
            *size = length as _;
            Ok(())
        })
    };
    copy.ok().map(|((), address)| address)
}

/// As [`read_stream`], for memory that has a value already.
pub fn read_source(fd: Fd, data: &mut [u8]) -> Result<usize> {
    // SAFETY: the system writes whole bytes and leaves the others, so all stay initialised.
    let room =
        unsafe { std::slice::from_raw_parts_mut(data.as_mut_ptr().cast::<MaybeUninit<u8>>(), data.len()) };
    read_stream(fd, room)
}

/// As [`get_option_into`], for memory that has a value already.
pub fn get_option(fd: Fd, level: i32, name: i32, value: &mut [u8]) -> Result<usize> {
    // SAFETY: the system writes whole bytes and leaves the others, so all stay initialised.
    let room =
        unsafe { std::slice::from_raw_parts_mut(value.as_mut_ptr().cast::<MaybeUninit<u8>>(), value.len()) };
    get_option_into(fd, level, name, room)
}
