//! Handles of descriptors from elsewhere: adopted, borrowed, or come in a message. Not here: giving one away (`close`).

use crate::core::error::{Error, Result};
use crate::core::fork;
use crate::core::handle::slot::{New, Phase, flag};
use crate::core::handle::table::{self, Vacancy};
use crate::core::name::kind::{Kind, Net};
use crate::core::process::section::Section;
use crate::core::settings::system_time;
use crate::core::socket::mode;
use crate::sys::{self, DescriptorKind, Fd, Flags};
use std::mem::MaybeUninit;

/// Makes a handle of a descriptor from elsewhere. On an error the descriptor is as it was.
pub fn adopt(raw: i64) -> Result<i64> {
    let fd = Fd::from_raw(raw).ok_or(Error::EBADF)?;
    let section = Section::begin();
    keep(fd, sys::describe(fd)?, &section)
}

/// Makes a handle that waits for a descriptor of somebody else's, and leaves its mode and its life alone.
pub fn borrow(raw: i64) -> Result<i64> {
    let fd = Fd::from_raw(raw).ok_or(Error::EBADF)?;
    let section = Section::begin();
    sys::describe(fd)?;
    let new = New { kind: Net::Stream.into(), fd, phase: Phase::Connected, flags: flag::RELEASED };
    Ok(table::reserve(fork::install()?)?.fill(&new, &section).encode())
}

/// Makes a handle of a descriptor that has come in a message, whatever it is. Of what can't be polled or is of no
/// family of ours it is a stream, so that it may be had back.
pub fn accept_right(fd: Fd, section: &Section) -> Result<i64> {
    match sys::describe(fd) {
        Ok(found) => match keep(fd, found, section) {
            Err(Error::EAFNOSUPPORT) => keep(fd, DescriptorKind::Stream, section),
            other => other,
        },
        Err(error) if Error::from(error) == Error::ENOTSOCK => keep(fd, DescriptorKind::File, section),
        Err(_) => keep(fd, DescriptorKind::Stream, section),
    }
}

fn keep(fd: Fd, found: DescriptorKind, section: &Section) -> Result<i64> {
    let stream = |net: Net| {
        let new = New { kind: net.into(), fd, phase: Phase::Connected, flags: 0 };
        Ok(table::reserve(fork::install()?)?.fill(&new, section).encode())
    };
    match found {
        DescriptorKind::Stream => stream(Net::Stream),
        DescriptorKind::File => stream(Net::File),
        DescriptorKind::Socket { family, kind, protocol, listening, connected } => {
            let kind = Kind::from_socket(family, kind, protocol)?;
            let vacancy = table::reserve(fork::install()?)?;
            let flags = mode::adopt(fd)?;
            let phase = phase_of(kind, fd, listening, connected);
            Ok(keep_socket(vacancy, kind, fd, flags, phase, section))
        }
    }
}

fn keep_socket(
    vacancy: Vacancy,
    kind: Kind,
    fd: Fd,
    flags: u32,
    (phase, error): (Phase, Option<Error>),
    section: &Section,
) -> i64 {
    let number = vacancy.fill(&New { kind, fd, phase, flags }, section).encode();
    let Ok(slot) = table::get(number) else { return number };
    system_time::take_over_both(&slot);
    if let Some(error) = error {
        slot.keep_error(error);
        slot.set_flags(flag::UNREPORTED);
    }
    number
}

/// Where a socket from elsewhere stands, and the error that has ended its connection.
fn phase_of(kind: Kind, fd: Fd, listening: bool, connected: bool) -> (Phase, Option<Error>) {
    match (listening, connected) {
        _ if !kind.is_connected_kind() => (Phase::Fresh, None),
        (true, _) => (Phase::Listening, None),
        (_, true) => (Phase::Connected, None),
        _ => phase_without_peer(kind, fd),
    }
}

/// No peer has a stream that was never connected, one that is connecting, and mostly one whose connection is over.
/// A read that takes nothing tells them apart; an error that it takes is kept.
fn phase_without_peer(kind: Kind, fd: Fd) -> (Phase, Option<Error>) {
    match sys::recv(fd, &mut [MaybeUninit::uninit()], Flags::PEEK) {
        Err(sys::WOULD_BLOCK) => (Phase::Connecting, None),
        Err(sys::INVALID) if !kind.is_tcp() => (Phase::Fresh, None),
        _ if !sys::FORGETS_PEERS => (Phase::Fresh, None),
        // There is something to read, or the end.
        Ok(_) => (Phase::Connected, None),
        Err(error) => match Error::from(error) {
            Error::ENOTCONN => (Phase::Fresh, None),
            // What no connection ends by, but many connects.
            Error::ECONNREFUSED => (Phase::Failed, Some(Error::ECONNREFUSED)),
            error => (Phase::Connected, Some(error)),
        },
    }
}
