//! Making handles of descriptors that the library has not opened: adopted, borrowed, or received in a message (SCM_RIGHTS). Not
//! here: giving one away (`close`).

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

/// Makes a handle that owns the descriptor. On an error the descriptor is unchanged. Errors as in the header (`anysock_adopt`).
/// Does not block.
pub fn adopt(raw: i64) -> Result<i64> {
    let fd = Fd::from_raw(raw).ok_or(Error::EBADF)?;
    let section = Section::begin();
    keep(fd, sys::describe(fd)?, &section)
}

/// Makes a handle that can wait for the descriptor but does not own it, nor change its mode. Errors as in the header
/// (`anysock_borrow`). Does not block.
pub fn borrow(raw: i64) -> Result<i64> {
    let fd = Fd::from_raw(raw).ok_or(Error::EBADF)?;
    let section = Section::begin();
    sys::describe(fd)?;
    let new = New { kind: Net::Stream.into(), fd, phase: Phase::Connected, flags: flag::RELEASED };
    Ok(table::reserve(fork::install()?)?.fill(&new, &section).encode())
}

/// Makes a handle of a descriptor that was received in a message, of whatever type: what can't be polled or is a socket of an
/// unknown family becomes a stream, so that the program can release it.
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

/// The phase of an adopted socket, and the error that has ended its connection, if there is one.
fn phase_of(kind: Kind, fd: Fd, listening: bool, connected: bool) -> (Phase, Option<Error>) {
    match (listening, connected) {
        _ if !kind.is_connected_kind() => (Phase::Fresh, None),
        (true, _) => (Phase::Listening, None),
        (_, true) => (Phase::Connected, None),
        _ => phase_without_peer(kind, fd),
    }
}

/// A stream without a peer was never connected, is connecting, or (on most systems) has lost its connection. A peek tells these
/// apart; an error that it consumes is kept.
fn phase_without_peer(kind: Kind, fd: Fd) -> (Phase, Option<Error>) {
    match sys::recv(fd, &mut [MaybeUninit::uninit()], Flags::PEEK) {
        Err(sys::WOULD_BLOCK) => (Phase::Connecting, None),
        Err(sys::INVALID) if !kind.is_tcp() => (Phase::Fresh, None),
        _ if !sys::FORGETS_PEERS => (Phase::Fresh, None),
        // There is something to read, or the end.
        Ok(_) => (Phase::Connected, None),
        Err(error) => match Error::from(error) {
            Error::ENOTCONN => (Phase::Fresh, None),
            // This ends a connect, but never an established connection.
            Error::ECONNREFUSED => (Phase::Failed, Some(Error::ECONNREFUSED)),
            error => (Phase::Connected, Some(error)),
        },
    }
}
