//! Many datagrams with one call. It waits for the first, and receives or sends what else can be moved without waiting; an error
//! after some is returned by the next call. Not here: one datagram (`transfer`), and how waiting works (`retry`).

use crate::core::error::{Error, Result};
use crate::core::handle::extras;
use crate::core::handle::slot::{Slot, Wait, flag};
use crate::core::handle::table::{self, Ref};
use crate::core::name::address::fit;
use crate::core::name::flat::Flat;
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
    /// How many bytes, or with `TRUNC` its real length.
    pub length: usize,
    /// Whether the room was too small for it.
    pub cut: bool,
    /// Its sender; [`Flat::NONE`] if the protocol reports none.
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

/// The caller's array, in the layout of `ffi`.
pub trait Datagrams {
    /// How many there are.
    fn count(&self) -> usize;
    /// The room for a datagram; an error for an invalid pointer or length.
    fn room(&self, place: usize) -> Result<Room>;
    /// Stores a datagram that was received.
    fn arrived(&mut self, place: usize, arrival: &Arrival);
    /// The datagram to send; an error for an invalid pointer or length.
    fn departure(&self, place: usize) -> Result<Departure>;
    /// Stores that a datagram was sent, with this many bytes.
    fn departed(&mut self, place: usize, sent: usize);
}

/// Receives up to as many datagrams as there are rooms; 0 if there are no rooms, or this side has shut reading. Errors and
/// blocking as in the header (`anysock_recv_many`).
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

/// Sends as many datagrams as there is room for, in their order. Errors and blocking as in the header (`anysock_send_many`).
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

/// Receives what is there, without waiting, each with its real length; how many. For a handle without special flags.
pub fn try_receive_many(slot: &Slot, batch: &mut Batch) -> Result<usize> {
    let flags = Flags::DONT_WAIT.or(Flags::TRUNC);
    let direction = Direction { slot, wait: Wait::Read, events: Events::READ, flags, call: sys::recv_many };
    match direction.step(batch, true) {
        // Shut meanwhile: the handle has a special flag now.
        Err(Error::ESHUTDOWN) => Err(Error::EAGAIN),
        outcome => outcome.map(|moved| moved.count),
    }
}

/// Sends as many as one system call takes without waiting, each to its address or the peer; how many. An error is that of the
/// first.
pub fn try_send_many<'a>(
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

/// Looks up a handle that has datagrams. Not packets of a connection, whose end a count of datagrams can't express.
fn get(number: i64) -> Result<Ref> {
    let slot = table::get(number)?;
    match slot.kind() {
        kind if !kind.is_socket() => Err(Error::ENOTSOCK),
        kind if kind.is_connected_kind() => Err(Error::EOPNOTSUPP),
        _ => Ok(slot),
    }
}

/// Receiving or sending: what the loop needs to know of the direction.
struct Direction<'a> {
    slot: &'a Slot,
    wait: Wait,
    events: Events,
    flags: Flags,
    call: fn(Fd, &mut Batch, Flags) -> sys::Result<Moved>,
}

impl Direction<'_> {
    /// Moves batch after batch; only the first waits.
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

    /// Whether the next call will get the error again by itself: it is about the call, or about the address or permission of one
    /// datagram.
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

    /// Keeps an error that the system won't report again, for the next call.
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

/// Adds rooms to the batch. If one is invalid, the batch stays empty: a call with the same array must find the mistake again.
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

/// Adds datagrams to the batch up to the first that can't be sent, whose error is returned when it is the first of a call.
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
