//! Many datagrams with one call. It waits for the first, and takes or gives what else can be moved without waiting; an
//! error that comes after some is told by the next call. Not here: one datagram, and how waiting works (`retry`).

use crate::core::error::{Error, Result};
use crate::core::handle::extras;
use crate::core::handle::slot::{Slot, Wait, flag};
use crate::core::handle::table::{self, Ref};
use crate::core::name::address::fit;
use crate::core::name::packed::Flat;
use crate::core::readiness;
use crate::core::socket::family::settle_family;
use crate::core::socket::judge::is_of_the_call;
use crate::core::socket::retry::{prepare, retry};
use crate::sys::{self, Batch, Events, Fd, Flags, Moved, OsError, Piece};
use socket2::SockAddr;

/// Room for a datagram.
pub struct Room {
    /// The memory.
    pub piece: Piece,
    /// Whether its sender is wanted.
    pub with_sender: bool,
}

/// A datagram that came.
pub struct Arrival {
    /// How many bytes, or its real length if that was asked for.
    pub length: usize,
    /// Whether the room was too small for it.
    pub cut: bool,
    /// Who has sent it; [`Flat::NONE`] where the protocol does not tell.
    pub sender: Flat,
    /// The size of the datagrams that were joined to it, or 0.
    pub segment: u16,
}

/// A datagram that shall go.
pub struct Departure {
    /// Its bytes.
    pub piece: Piece,
    /// Where to; `None` is the connected peer.
    pub address: Option<Flat>,
    /// The size of the datagrams that it is cut into; 0 leaves that to the socket.
    pub segment: i32,
}

/// The caller's array.
pub trait Datagrams {
    /// How many there are.
    fn count(&self) -> usize;
    /// Where one goes; an error for memory that can't be.
    fn room(&self, place: usize) -> Result<Room>;
    /// One has come.
    fn arrived(&mut self, place: usize, arrival: &Arrival);
    /// What one is; an error for memory that can't be.
    fn departure(&self, place: usize) -> Result<Departure>;
    /// One has gone, with so many bytes.
    fn departed(&mut self, place: usize, sent: usize);
}

/// Receives up to as many datagrams as there are rooms; 0 if there are no rooms, or this side has shut reading.
pub fn receive(number: i64, datagrams: &mut impl Datagrams, flags: Flags) -> Result<usize> {
    let slot = get(number)?;
    if datagrams.count() == 0 {
        return Ok(0);
    }
    prepare(&slot, Wait::Read, flags)?;
    if slot.has(flag::SHUT_READ) {
        return Ok(0);
    }
    let direction =
        Direction { slot: &slot, wait: Wait::Read, events: Events::READ, flags, call: sys::recv_many };
    match direction.move_all(datagrams, fill_rooms, arrived) {
        // Shut meanwhile.
        Err(Error::ESHUTDOWN) => Ok(0),
        other => other,
    }
}

/// Sends as many datagrams as there is room for, in their order.
pub fn send(number: i64, datagrams: &mut impl Datagrams, flags: Flags) -> Result<usize> {
    let slot = get(number)?;
    if datagrams.count() == 0 {
        return Ok(0);
    }
    if let Some(first) = datagrams.departure(0)?.address {
        settle_family(&slot, first.to_socket_address()?.domain())?;
    }
    prepare(&slot, Wait::Write, flags)?;
    let direction =
        Direction { slot: &slot, wait: Wait::Write, events: Events::WRITE, flags, call: sys::send_many };
    direction.move_all(
        datagrams,
        |batch, datagrams, from| fill_departures(&slot, batch, datagrams, from),
        departed,
    )
}

/// Receives what is there, without waiting, each with its real length; how many. Of a handle of which nothing special is known.
pub fn take_many(slot: &Slot, batch: &mut Batch) -> Result<usize> {
    let flags = Flags::DONT_WAIT.or(Flags::TRUNC);
    let direction = Direction { slot, wait: Wait::Read, events: Events::READ, flags, call: sys::recv_many };
    match direction.step(batch, true) {
        // Shut meanwhile: something special is known now.
        Err(Error::ESHUTDOWN) => Err(Error::EAGAIN),
        outcome => outcome.map(|moved| moved.count),
    }
}

/// Sends as many as go by a system call without waiting, each to its address or the peer; how many. An error is the first one's.
pub fn give_many<'a>(
    slot: &Ref,
    mut datagrams: impl Iterator<Item = (&'a [u8], Option<&'a Flat>)>,
) -> Result<usize> {
    let mut batch = Batch::new(false);
    while !batch.is_full() {
        let Some((bytes, to)) = datagrams.next() else { break };
        match to.map(|to| socket_address(slot, to)).transpose() {
            Ok(to) => batch.push(Piece::new(bytes.as_ptr().cast_mut(), bytes.len()), to, 0),
            Err(error) if batch.is_empty() => return Err(error),
            Err(_) => break,
        }
    }
    let flags = Flags::DONT_WAIT;
    let direction = Direction { slot, wait: Wait::Write, events: Events::WRITE, flags, call: sys::send_many };
    direction.step(&mut batch, true).map(|moved| moved.count)
}

/// Looks up a handle that has datagrams. Packets of a connection end like a stream, which a count can't tell.
fn get(number: i64) -> Result<Ref> {
    let slot = table::get(number)?;
    match slot.kind() {
        kind if !kind.is_socket() => Err(Error::ENOTSOCK),
        kind if kind.is_connected_kind() => Err(Error::EOPNOTSUPP),
        _ => Ok(slot),
    }
}

/// One of the two ways that datagrams go.
struct Direction<'a> {
    slot: &'a Slot,
    wait: Wait,
    events: Events,
    flags: Flags,
    call: fn(Fd, &mut Batch, Flags) -> sys::Result<Moved>,
}

impl Direction<'_> {
    /// Moves batch after batch, of which only the first waits.
    fn move_all<D: Datagrams>(
        &self,
        datagrams: &mut D,
        fill: impl Fn(&mut Batch, &D, usize) -> Result<()>,
        write_back: impl Fn(&Batch, usize, &mut D, usize),
    ) -> Result<usize> {
        let mut batch = Batch::new(self.slot.kind().is_udp());
        let mut done = 0;
        while done < datagrams.count() {
            batch.clear();
            let filled = fill(&mut batch, datagrams, done);
            let outcome = match filled {
                Err(error) if batch.is_empty() => Err(error),
                _ => self.step(&mut batch, done == 0),
            };
            let moved = match outcome {
                Ok(moved) => moved,
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            };
            for place in 0..moved.count {
                write_back(&batch, place, datagrams, done + place);
            }
            done += moved.count;
            if moved.count < batch.len() || moved.late_error.is_some() {
                break;
            }
        }
        Ok(done)
    }

    fn step(&self, batch: &mut Batch, may_wait: bool) -> Result<Moved> {
        let flags = self.flags;
        let mut call = || (self.call)(self.slot.fd(), batch, flags);
        let moved = match may_wait {
            true => retry(self.slot, self.wait, self.events, flags.has(Flags::DONT_WAIT), call),
            false => call().map_err(|error| self.keep(error)),
        }?;
        moved.late_error.map(|error| self.keep(error));
        Ok(moved)
    }

    /// Whether the next call will meet the error by itself: it is about the call, or the address and rights of one datagram.
    fn comes_again(&self, error: Error) -> bool {
        let of_the_datagram = matches!(
            error,
            Error::EACCES
                | Error::EPERM
                | Error::EINVAL
                | Error::EADDRNOTAVAIL
                | Error::EISCONN
                | Error::ENOTCONN
                | Error::EPIPE
        );
        is_of_the_call(error) || (self.wait == Wait::Write && of_the_datagram)
    }

    /// Keeps an error that the system won't tell again for the next call.
    #[cold]
    fn keep(&self, error: OsError) -> Error {
        let error = Error::from(error);
        if !self.comes_again(error) {
            extras::locked(self.slot.handle().index, || self.slot.keep_error(error));
            self.slot.set_flags(flag::PENDING);
            readiness::changed(self.slot);
        }
        error
    }
}

/// All rooms of a batch are good, or none is used: the same array may come again, and its mistake shall be told.
fn fill_rooms(batch: &mut Batch, datagrams: &impl Datagrams, from: usize) -> Result<()> {
    for place in from..datagrams.count() {
        if batch.is_full() {
            break;
        }
        match datagrams.room(place) {
            Ok(room) => batch.push_room(room.piece, room.with_sender),
            Err(error) => {
                batch.clear();
                return Err(error);
            }
        }
    }
    Ok(())
}

fn arrived(batch: &Batch, place: usize, datagrams: &mut impl Datagrams, at: usize) {
    let received = batch.received(place);
    let arrival = Arrival {
        length: received.length,
        cut: received.cut,
        sender: received.sender.as_ref().map_or(Flat::NONE, Flat::from),
        segment: received.segment,
    };
    datagrams.arrived(at, &arrival);
}

/// Up to the first datagram that can't be sent: its error comes when it is the first of all.
fn fill_departures(slot: &Slot, batch: &mut Batch, datagrams: &impl Datagrams, from: usize) -> Result<()> {
    for place in from..datagrams.count() {
        if batch.is_full() {
            break;
        }
        let departure = datagrams.departure(place)?;
        let segment = segment(slot, departure.segment)?;
        let address = departure.address.map(|address| socket_address(slot, &address)).transpose()?;
        batch.push(departure.piece, address, segment);
    }
    Ok(())
}

fn departed(batch: &Batch, place: usize, datagrams: &mut impl Datagrams, at: usize) {
    datagrams.departed(at, batch.sent(place));
}

fn segment(slot: &Slot, size: i32) -> Result<u16> {
    let size = u16::try_from(size).map_err(|_| Error::EINVAL)?;
    let can = sys::HAS_SEGMENTS && slot.kind().is_udp();
    if size == 0 || can { Ok(size) } else { Err(Error::EOPNOTSUPP) }
}

fn socket_address(slot: &Slot, address: &Flat) -> Result<SockAddr> {
    let address = address.to_socket_address()?;
    match slot.family() {
        Some(family) if family != address.domain() => fit(&address, family),
        _ => Ok(address),
    }
}
