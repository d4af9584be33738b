//! Opening a socket, shutting it down, its addresses, lending its descriptor. Not here: serving (`listen`), connecting
//! (`connect`), bytes (`transfer`), its end (`close`).

use crate::core::error::{Error, Result};
use crate::core::handle::slot::{New, Phase, Slot, Wait, flag};
use crate::core::handle::{lookup, table};
use crate::core::name::address;
use crate::core::name::flat::Flat;
use crate::core::name::kind::Kind;
use crate::core::process::section::Section;
use crate::core::socket::family::create;
use crate::core::socket::judge::judge;
use crate::core::socket::mode;
use crate::core::{fork, readiness};
use crate::sys::{self, Events, Fd, Half};
use socket2::SockAddr;

/// Opens a socket; `tcp` and `udp` get their descriptor with their first address. Errors as in the header (`anysock_open`).
/// Does not block, as all functions here.
pub fn open(kind: &str) -> Result<i64> {
    let kind = Kind::parse(kind)?;
    let vacancy = table::reserve(fork::install()?)?;
    let section = Section::begin();
    let fd = match kind.family() {
        Some(family) => create(kind, family)?,
        None => Fd::NONE,
    };
    let new = New { kind, fd, phase: Phase::Fresh, flags: flag::NONBLOCKING };
    Ok(vacancy.fill(&new, &section).encode())
}

/// Shuts one or both halves (1 read, 2 write, 3 both). What was queued may still be read; what comes later is not delivered.
/// Errors as in the header (`anysock_shutdown`).
pub fn shutdown(number: i64, how: i32) -> Result<()> {
    let shut = halves(how)?;
    shutdown_slot(&*lookup::settled(number)?, shut)
}

/// The halves of such a number, and the flags of a handle for them; `EINVAL` for another number.
pub fn halves(how: i32) -> Result<(Half, u32)> {
    match how {
        1 => Ok((Half::Read, flag::SHUT_READ)),
        2 => Ok((Half::Write, flag::SHUT_WRITE)),
        3 => Ok((Half::Both, flag::SHUT_READ | flag::SHUT_WRITE)),
        _ => Err(Error::EINVAL),
    }
}

/// As [`shutdown`], for a socket that has its descriptor.
pub fn shutdown_slot(slot: &Slot, (half, flags): (Half, u32)) -> Result<()> {
    if slot.has(flag::NATIVE) {
        return Ok(sys::shutdown_raw(slot.fd(), half)?);
    }
    // Some systems would shut a half of a socket without a peer, or of a listener.
    sys::peer(slot.fd()).map_err(|_| Error::ENOTCONN)?;
    let queued = if slot.kind().is_tcp() { queued(slot) } else { u64::MAX };
    sys::shutdown(slot.fd(), half)?;
    if flags & flag::SHUT_READ != 0 && !slot.has(flag::SHUT_READ) {
        slot.read_left.store(queued, std::sync::atomic::Ordering::SeqCst);
    }
    slot.set_flags(flags);
    readiness::changed(slot);
    Ok(())
}

/// How many bytes may still be read. An error that this takes out of the kernel is kept.
fn queued(slot: &Slot) -> u64 {
    let queued = sys::queued(slot.fd());
    queued.map_err(|error| judge(slot, Wait::Read, Events::READ, error)).unwrap_or(0) as u64
}

/// The socket's own address.
pub fn local_address(number: i64) -> Result<String> {
    let slot = lookup::settled(number)?;
    Ok(address::format(slot.kind(), &sys::local(slot.fd())?))
}

/// The socket's own address as flat memory.
pub fn local_flat(number: i64) -> Result<Flat> {
    Ok(Flat::from(&sys::local(lookup::settled(number)?.fd())?))
}

/// The peer's address as flat memory.
pub fn peer_flat(number: i64) -> Result<Flat> {
    Ok(Flat::from(&peer(&*lookup::settled(number)?)?))
}

/// The peer's address.
pub fn peer_address(number: i64) -> Result<String> {
    let slot = lookup::settled(number)?;
    Ok(address::format(slot.kind(), &peer(&slot)?))
}

/// The peer's address: the one that accept(2) returned, even if the peer has gone since, or else getpeername(2).
fn peer(slot: &Slot) -> Result<SockAddr> {
    if slot.has(flag::NATIVE) {
        return Ok(sys::peer(slot.fd())?);
    }
    match slot.origin.address() {
        Some(address) => Ok(address),
        None => sys::peer(slot.fd()).or_else(|error| slot.origin.unnamed().ok_or(error.into())),
    }
}

/// The system's own descriptor of a socket or stream, lent. For pollers and queues see `queue::fd_of`.
pub fn fd(number: i64) -> Result<i64> {
    let slot = lookup::descriptor(number)?;
    mode::expose(&slot);
    Ok(slot.fd().to_raw())
}

/// The socket address of the peer that a raw address text names, for tests of the engine.
#[cfg(test)]
pub fn literal(kind: Kind, text: &str) -> socket2::SockAddr {
    match address::Address::parse(kind, text) {
        Ok(address::Address::Literal(address)) => address,
        other => panic!("{text}: {other:?}"),
    }
}
