//! Native handles (option "native"), which behave as the system's own sockets: no error is kept, no state corrected, no default
//! set, so that a language's own socket module can be built on this library. Waiting, timeouts, close and signals are as on
//! every handle. Not here: the places where other handles differ, which check [`flag::NATIVE`] themselves.

use crate::core::deadline::Deadline;
use crate::core::error::{Error, Result};
use crate::core::handle::extras;
use crate::core::handle::slot::{New, Phase, flag};
use crate::core::handle::table::{self, Ref};
use crate::core::name::flat::Flat;
use crate::core::name::kind::Kind;
use crate::core::process::section::Section;
use crate::core::socket::{mode, retry};
use crate::core::wait::SlotWatch;
use crate::core::{fork, readiness};
use crate::sys::{self, Events, PollFd};
use socket2::{Domain, SockAddr, Type};

/// Opens a socket by the system's own numbers. Errors as in the header (`anysock_open_raw`). Does not block.
pub fn open(family: i32, kind: i32, protocol: i32) -> Result<i64> {
    let vacancy = table::reserve(fork::install()?)?;
    let (family, transport) = (Domain::from(family), Type::from(kind));
    let section = Section::begin();
    let fd = sys::open(family, transport, protocol)?;
    let kind = Kind::from_socket(family, transport, protocol).inspect_err(|_| sys::close(fd))?;
    // `Connected` is the phase in which the rest of the library corrects nothing.
    let flags = flag::NONBLOCKING | flag::NATIVE;
    Ok(vacancy.fill(&New { kind, fd, phase: Phase::Connected, flags }, &section).encode())
}

/// Makes a handle native, for good. `EINVAL` while it has no descriptor or a connect may replace it.
pub fn turn_on(slot: &Ref) -> Result<()> {
    if slot.has(flag::NATIVE) {
        return Ok(());
    }
    // Under the lock under which a connect is decided.
    extras::locked(slot.handle().index, || {
        // Not while there is no descriptor, or another one may take its place.
        if slot.has(flag::UNSETTLED) || slot.phase() == Phase::Racing {
            return Err(Error::EINVAL);
        }
        // Before the phase, so that a call which sees the phase `Connected` also sees why.
        slot.set_flags(flag::NATIVE);
        for phase in [Phase::Fresh, Phase::Connecting, Phase::Arrived, Phase::Failed] {
            slot.advance(phase, Phase::Connected);
        }
        slot.clear_flags(flag::SHUT_READ | flag::SHUT_WRITE);
        // An error that was taken out of the kernel and not reported yet is reported once, as the kernel would.
        if slot.take_flags(flag::PENDING | flag::UNREPORTED) && slot.has_error() {
            slot.set_flags(flag::PENDING);
        } else {
            slot.take_error();
        }
        Ok(())
    })?;
    readiness::changed(slot);
    Ok(())
}

/// The address in the system's form. A unix address without a name makes Linux choose an abstract one (unix(7), autobind).
pub fn socket_address(address: &Flat) -> Result<SockAddr> {
    if address.is_unnamed() { Ok(sys::unix_address(&[])?) } else { address.to_socket_address() }
}

/// Connects as connect(2): may be called again after a failure, whose error is reported once. Waits until the deadline.
pub fn connect(slot: &Ref, address: &SockAddr, deadline: Deadline) -> Result<()> {
    let watch = SlotWatch::new(slot);
    for round in 0.. {
        match mode::without_blocking(slot, || sys::connect(slot.fd(), address)) {
            Ok(true) => return Ok(()),
            Ok(false) => return arrive(slot, &watch, address, deadline),
            // A full backlog of an AF_UNIX listener: the kernel does not report when there is room.
            Err(sys::WOULD_BLOCK) if deadline != Deadline::Now && slot.kind().is_connected_kind() => {
                watch.pause(retry::pause(round), deadline)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::EINTERNAL)
}

/// Waits for the end of a connect that began when the handle was not native yet.
pub fn outcome(slot: &Ref, deadline: Deadline) -> Result<()> {
    let fd = slot.fd();
    if sys::has_connected(fd) {
        return Ok(());
    }
    if deadline == Deadline::Now {
        return Err(Error::EINPROGRESS);
    }
    let watch = SlotWatch::new(slot);
    watch.poll(&mut [PollFd::new(fd, Events::WRITE), watch.entry()], deadline)?;
    Ok(sys::pending_error(fd)?.map_or_else(|| sys::peer(fd).map(drop), Err)?)
}

/// Waits for the end of an attempt, which goes on in the kernel if the deadline passes.
fn arrive(slot: &Ref, watch: &SlotWatch<'_>, address: &SockAddr, deadline: Deadline) -> Result<()> {
    let fd = slot.fd();
    if deadline == Deadline::Now {
        return Err(Error::EINPROGRESS);
    }
    match watch.poll(&mut [PollFd::new(fd, Events::WRITE), watch.entry()], deadline) {
        Err(Error::EAGAIN) => return Err(Error::EINPROGRESS),
        other => other?,
    };
    conclude(slot, address)
}

/// The outcome of an attempt that has ended.
pub fn conclude(slot: &Ref, address: &SockAddr) -> Result<()> {
    let fd = slot.fd();
    // In both cases Linux would report the outcome once more to the next connect: have it report that here.
    match sys::pending_error(fd)? {
        None => {
            let _ = mode::without_blocking(slot, || sys::connect(fd, address));
            Ok(())
        }
        Some(error) => {
            sys::disconnect(fd);
            Err(error.into())
        }
    }
}
