//! Native handles: what they say is what the system says. Nothing is kept, corrected or set unasked, so that a
//! language's own socket module can be had on top of this library as its programs know it. Waiting, timeouts, close
//! and signals are as on every handle. Not here: where the usual handles know better, which ask [`flag::NATIVE`] there.

use super::deadline::Deadline;
use super::error::{Error, Result};
use super::flat::Flat;
use super::kind::Kind;
use super::table::{self, New, Phase, Ref, flag};
use super::transfer;
use super::wait::SlotWatch;
use crate::sys::{self, Events, Fd, PollFd};
use socket2::{Domain, SockAddr, Type};

/// Opens a socket by the system's own numbers.
pub fn open(family: i32, kind: i32, protocol: i32) -> Result<i64> {
    let vacancy = table::reserve()?;
    let (family, transport) = (Domain::from(family), Type::from(kind));
    let fd = sys::open(family, transport, protocol)?;
    let kind = Kind::from_socket(family, transport, protocol).inspect_err(|_| sys::close(fd))?;
    // To the rest of the library it is a socket of which the kernel knows everything: one that is connected.
    let flags = flag::GIVE_BACK_BLOCKING | flag::NATIVE;
    Ok(vacancy.fill(&New { kind, fd, phase: Phase::Connected, flags }).encode())
}

/// Makes a handle native, for good.
pub fn turn_on(slot: &Ref) -> Result<()> {
    if slot.has(flag::NATIVE) {
        return Ok(());
    }
    // Not while there is no descriptor, or another one may take its place.
    if slot.has(flag::UNSETTLED) || slot.phase() == Phase::Racing {
        return Err(Error::EINVAL);
    }
    for phase in [Phase::Fresh, Phase::Connecting, Phase::Arrived, Phase::Failed] {
        slot.advance(phase, Phase::Connected);
    }
    slot.take_error();
    slot.clear_flags(flag::PENDING | flag::SHUT_READ | flag::SHUT_WRITE);
    slot.set_flags(flag::NATIVE);
    Ok(())
}

/// The address as the system takes it. One of the unix family without a name asks Linux for a name of its choice.
pub fn socket_address(address: &Flat) -> Result<SockAddr> {
    if address.is_unnamed() { Ok(sys::unix_address(&[])?) } else { address.to_socket_address() }
}

/// Connects as connect(2) does, again and again if the caller likes; the error of an attempt that has failed is told once.
pub fn connect(slot: &Ref, address: &SockAddr, deadline: Deadline) -> Result<()> {
    let watch = SlotWatch::new(slot);
    for round in 0.. {
        match sys::connect(slot.fd(), address) {
            Ok(true) => return Ok(()),
            Ok(false) => return arrive(&watch, slot.fd(), address, deadline),
            // A full backlog of an AF_UNIX listener: the kernel does not say when there is room.
            Err(sys::WOULD_BLOCK) if deadline != Deadline::Now => {
                watch.pause(transfer::pause(round), deadline)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::EINTERNAL)
}

/// Waits for the end of an attempt, which goes on if that is too long.
fn arrive(watch: &SlotWatch<'_>, fd: Fd, address: &SockAddr, deadline: Deadline) -> Result<()> {
    if deadline == Deadline::Now {
        return Err(Error::EINPROGRESS);
    }
    watch.poll(&mut [PollFd::new(fd, Events::WRITE), watch.entry()], deadline)?;
    // Either way Linux has yet to tell the outcome to the next call, which shall be told what comes of itself.
    match sys::pending_error(fd)? {
        None => {
            let _ = sys::connect(fd, address);
            Ok(())
        }
        Some(error) => {
            sys::disconnect(fd);
            Err(error.into())
        }
    }
}
