//! Bytes in several pieces of memory by one call, as readv(2) and writev(2). Not here: one piece (`transfer`), and control data
//! beside the bytes (`message`).

use crate::core::error::{Error, Result};
use crate::core::handle::slot::{Slot, Wait, flag};
use crate::core::handle::table;
use crate::core::name::kind::Class;
use crate::core::socket::retry::{prepare, retry};
use crate::core::socket::transfer::{end, moves_nothing, read_remaining, read_stream, write_stream};
use crate::sys::{self, Events, Flags, MAX_PIECES, Piece};

/// Receives into several pieces of memory. Errors and blocking as in the header (`anysock_readv`).
pub fn readv(number: i64, pieces: &mut [Piece]) -> Result<usize> {
    transfer(number, pieces, |slot, pieces| read_stream(slot, pieces, false), read_socket)
}

/// Sends from several pieces of memory, perhaps not all bytes. Errors and blocking as in the header (`anysock_writev`).
pub fn writev(number: i64, pieces: &mut [Piece]) -> Result<usize> {
    transfer(number, pieces, |slot, pieces| write_stream(slot, pieces, false), write_socket)
}

/// Moves bytes by the function for the handle's class.
fn transfer(
    number: i64,
    pieces: &mut [Piece],
    by_stream: impl FnOnce(&Slot, &mut [Piece]) -> Result<usize>,
    by_socket: impl FnOnce(&Slot, &mut [Piece], usize) -> Result<usize>,
) -> Result<usize> {
    let slot = table::get(number)?;
    let length = Piece::total(pieces).ok_or(Error::EINVAL)?;
    if moves_nothing(&slot, length) {
        return Ok(0);
    }
    let pieces = movable(&slot, pieces)?;
    match slot.class() {
        Class::Socket => by_socket(&slot, pieces, length),
        Class::Stream | Class::File => by_stream(&slot, pieces),
        Class::Poller | Class::Queue => Err(Error::ENOTSOCK),
    }
}

fn read_socket(slot: &Slot, pieces: &mut [Piece], length: usize) -> Result<usize> {
    if slot.has(flag::SHUT_READ) {
        return read_after_shut(slot, pieces, length);
    }
    prepare(slot, Wait::Read, Flags::default())?;
    match retry(slot, Wait::Read, Events::READ, false, || sys::readv(slot.fd(), pieces)) {
        Ok(0) | Err(Error::ESHUTDOWN) => end(slot, length),
        other => other,
    }
}

fn read_after_shut(slot: &Slot, pieces: &mut [Piece], length: usize) -> Result<usize> {
    Ok(read_remaining(slot, length, false, |most| {
        Piece::truncate(pieces, most);
        sys::readv(slot.fd(), pieces)
    }))
}

fn write_socket(slot: &Slot, pieces: &mut [Piece], _length: usize) -> Result<usize> {
    prepare(slot, Wait::Write, Flags::default())?;
    retry(slot, Wait::Write, Events::WRITE, false, || sys::writev(slot.fd(), pieces))
}

/// The pieces that one system call moves: the first `MAX_PIECES` that are not empty. `EMSGSIZE` if there are more and the
/// socket is no byte stream, as a datagram must be moved whole.
#[inline]
pub fn movable<'a>(slot: &Slot, pieces: &'a mut [Piece]) -> Result<&'a mut [Piece]> {
    if pieces.len() <= MAX_PIECES { Ok(pieces) } else { first_of_many(slot, pieces) }
}

#[cold]
fn first_of_many<'a>(slot: &Slot, pieces: &'a mut [Piece]) -> Result<&'a mut [Piece]> {
    let filled = Piece::compact(pieces);
    let is_cut = filled > MAX_PIECES && !slot.kind().is_byte_stream();
    // A native handle behaves as sendmsg(2) and recvmsg(2).
    if is_cut || slot.has(flag::NATIVE) {
        return Err(Error::EMSGSIZE);
    }
    Ok(&mut pieces[..filled.min(MAX_PIECES)])
}
