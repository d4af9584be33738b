//! Messages with an address, control data and handles beside their bytes. Waiting and errors that stay are those of `retry`.
//! Not here: how a system lays control data out (`sys::cmsg`).

use crate::core::error::{Error, Result};
use crate::core::handle::lookup;
use crate::core::handle::slot::{Wait, flag};
use crate::core::handle::table::{self, Ref};
use crate::core::name::address::fit;
use crate::core::name::flat::Flat;
use crate::core::name::kind::Class;
use crate::core::process::section::Section;
use crate::core::socket::adopt::accept_right;
use crate::core::socket::family::settle_family;
use crate::core::socket::judge::report_pending;
use crate::core::socket::mode;
use crate::core::socket::pieces::movable;
use crate::core::socket::retry::{prepare, retry};
use crate::core::socket::transfer::{end, for_kind, moves_nothing, no_address, read_remaining};
use crate::sys::{self, Arrived, ControlData, ControlRoom, Events, Fd, Flags, Message, PEEKS_CONTROL, Piece};
pub use crate::sys::{Capacity, Control, MOST_RIGHTS};
use socket2::{Domain, SockAddr};
use std::net::IpAddr;

/// The range of a hop limit and of a traffic class.
const BYTE: std::ops::RangeInclusive<i32> = 0..=255;

/// A message that was received.
#[derive(Debug)]
pub struct Incoming {
    /// How many bytes.
    pub count: usize,
    /// Its sender; [`Flat::NONE`] if the protocol reports none.
    pub sender: Flat,
    /// `TRUNC`, `CONTROL_TRUNC`, `OOB`.
    pub flags: Flags,
    /// The control data of types that this library knows.
    pub controls: Vec<Control>,
    /// Handles of the received descriptors.
    pub handles: Vec<i64>,
    /// The rest of the control data.
    pub raw: Vec<u8>,
}

impl Incoming {
    const NOTHING: Self = Self {
        count: 0,
        sender: Flat::NONE,
        flags: Flags(0),
        controls: Vec::new(),
        handles: Vec::new(),
        raw: Vec::new(),
    };
}

/// Receives a message into several pieces of memory. Errors and blocking as in the header (`anysock_recv_message`).
pub fn recv_message(number: i64, pieces: &mut [Piece], wanted: Capacity, flags: Flags) -> Result<Incoming> {
    let slot = lookup::socket(number)?;
    let length = Piece::total(pieces).ok_or(Error::EINVAL)?;
    if moves_nothing(&slot, length) {
        return Ok(Incoming::NOTHING);
    }
    let pieces = movable(&slot, pieces)?;
    if slot.has(flag::SPECIAL_READ) {
        prepare(&slot, Wait::Read, flags)?;
    }
    let mut receiver = Receiver::new(&slot, wanted, for_kind(&slot, flags))?;
    if slot.has(flag::SHUT_READ) {
        return receiver.after_shut(pieces, length);
    }
    let events = if flags.has(Flags::OOB) { Events::EXCEPT } else { Events::READ };
    let dont_wait = flags.has(Flags::DONT_WAIT);
    match retry(&slot, Wait::Read, events, dont_wait, || receiver.receive(pieces)) {
        // No byte: the control data is dropped only if an error has ended the stream.
        Ok(arrival) if arrival.message.count == 0 => {
            end(&slot, length)?;
            Ok(conclude(arrival))
        }
        Ok(arrival) => Ok(conclude(arrival)),
        Err(Error::ESHUTDOWN) => end(&slot, length).map(|_| Incoming::NOTHING),
        Err(error) => Err(error),
    }
}

/// A message as received. Its descriptors get their handles in the section in which they were received.
struct Arrival {
    message: Message,
    arrived: Arrived,
    section: Section,
}

/// One call of [`recv_message`].
struct Receiver<'a> {
    slot: &'a Ref,
    room: ControlRoom,
    wanted: Capacity,
    flags: Flags,
    named: bool,
    /// Whether all control data is passed on raw: decided once, as the room is made for it.
    native: bool,
}

impl<'a> Receiver<'a> {
    fn new(slot: &'a Ref, wanted: Capacity, flags: Flags) -> Result<Self> {
        let wanted = if flags.has(Flags::PEEK) && !PEEKS_CONTROL { Capacity::default() } else { wanted };
        let native = slot.has(flag::NATIVE);
        let room = match native {
            true => ControlRoom::exact(wanted.raw)?,
            false => ControlRoom::new(wanted, slot.family() == Some(Domain::UNIX))?,
        };
        Ok(Self { slot, room, wanted, flags, named: !slot.kind().is_connected_kind(), native })
    }

    /// Receives without waiting. The received descriptors are owned from here on.
    fn receive(&mut self, pieces: &[Piece]) -> sys::Result<Arrival> {
        let section = Section::begin();
        let message = sys::receive_message(self.slot.fd(), pieces, &mut self.room, self.flags, self.named)?;
        let arrived = match self.native {
            true => Arrived::unread(&self.room, message.control),
            false => Arrived::read(&self.room, message.control, self.wanted),
        };
        Ok(Arrival { message, arrived, section })
    }

    /// Receives what was queued when this side shut reading, with its control data.
    fn after_shut(&mut self, pieces: &mut [Piece], length: usize) -> Result<Incoming> {
        let keep = self.flags.has(Flags::PEEK.or(Flags::OOB));
        let mut received = None;
        read_remaining(self.slot, length, keep, |most| {
            Piece::truncate(pieces, most);
            let arrival = self.receive(pieces)?;
            let count = arrival.message.count;
            received = Some(arrival);
            Ok(count)
        });
        Ok(received.map_or(Incoming::NOTHING, conclude))
    }
}

/// Makes handles of the descriptors. One for which no handle can be made is closed, and `CONTROL_TRUNC` reports that.
fn conclude(arrival: Arrival) -> Incoming {
    let Arrival { message, mut arrived, section } = arrival;
    let mut lost = arrived.lost;
    let mut handles = Vec::new();
    while let Some(fd) = arrived.rights.take() {
        let handle = match handles.try_reserve(1) {
            Ok(()) => accept_right(fd, &section),
            Err(_) => Err(Error::ENOMEM),
        };
        match handle {
            Ok(handle) => handles.push(handle),
            Err(_) => {
                sys::close(fd);
                lost = true;
            }
        }
    }
    let cut = if lost { Flags::CONTROL_TRUNC } else { Flags::default() };
    Incoming {
        count: message.count,
        sender: message.sender.as_ref().map_or(Flat::NONE, Flat::from),
        flags: message.flags.or(cut),
        controls: arrived.controls,
        handles,
        raw: arrived.raw,
    }
}

/// What goes beside the data of a message.
#[derive(Debug, Default)]
pub struct Outgoing<'a> {
    /// The destination; `None` is the connected peer.
    pub address: Option<Flat>,
    /// Control data of types that this library knows.
    pub controls: Vec<Control>,
    /// Handles whose descriptors go along.
    pub handles: Vec<i64>,
    /// Control data as the system lays it out.
    pub raw: &'a [u8],
}

impl Outgoing<'_> {
    /// Whether there is control data, which on a stream would be lost without a byte.
    fn is_more_than_an_address(&self) -> bool {
        !(self.controls.is_empty() && self.handles.is_empty() && self.raw.is_empty())
    }
}

/// Sends a message from several pieces of memory. On an error, also about control data, nothing is sent. Errors and blocking as
/// in the header (`anysock_send_message`).
pub fn send_message(
    number: i64,
    pieces: &mut [Piece],
    outgoing: &Outgoing<'_>,
    flags: Flags,
) -> Result<usize> {
    let slot = lookup::socket(number)?;
    let length = Piece::total(pieces).ok_or(Error::EINVAL)?;
    let pieces = movable(&slot, pieces)?;
    check(&slot, outgoing)?;
    let handles = SentHandles::new(&outgoing.handles)?;
    if moves_nothing(&slot, length) {
        // On a stream control data is sent with the first byte.
        return if outgoing.is_more_than_an_address() { Err(Error::EINVAL) } else { Ok(0) };
    }
    let address = match outgoing.address {
        Some(address) => Some(destination(&slot, address.to_socket_address()?)?),
        None => None,
    };
    if address.is_none() && slot.has(flag::SPECIAL_WRITE) {
        prepare(&slot, Wait::Write, flags)?;
    }
    let control = match outgoing.is_more_than_an_address() {
        true => {
            let family = family_of_packets(address.as_ref(), &slot)?;
            ControlData::write(&outgoing.controls, &handles.fds, outgoing.raw, family)?
        }
        false => ControlData::default(),
    };
    let dont_wait = flags.has(Flags::DONT_WAIT);
    retry(&slot, Wait::Write, Events::WRITE, dont_wait, || {
        sys::send_message(slot.fd(), pieces, &control, flags, address.as_ref())
    })
}

/// Refuses control data that this kind of socket can't send, which some kernels would ignore silently.
fn check(slot: &Ref, outgoing: &Outgoing<'_>) -> Result<()> {
    let kind = slot.kind();
    let unix = kind.family() == Some(Domain::UNIX);
    if outgoing.address.is_some() && kind.is_connected_kind() && !slot.has(flag::NATIVE) {
        return Err(no_address(slot));
    }
    let travels = unix && sys::HAS_RIGHTS;
    if !outgoing.handles.is_empty() && !travels {
        return Err(Error::EOPNOTSUPP);
    }
    if outgoing.handles.len() > MOST_RIGHTS {
        return Err(Error::EINVAL);
    }
    outgoing.controls.iter().try_for_each(|control| match control {
        Control::Timestamp(_) => Err(Error::EINVAL),
        Control::Hops(number) | Control::TrafficClass(number) if !BYTE.contains(number) => Err(Error::EINVAL),
        Control::Credentials { .. } if !unix => Err(Error::EOPNOTSUPP),
        Control::Credentials { .. } => Ok(()),
        // Kernels use these only of datagrams.
        _ if unix || kind.is_connected_kind() => Err(Error::EOPNOTSUPP),
        _ => Ok(()),
    })
}

/// The destination in the socket's family; the first address settles the family of a `udp` socket.
fn destination(slot: &Ref, address: SockAddr) -> Result<SockAddr> {
    if address.is_unix() != (slot.kind().family() == Some(Domain::UNIX)) {
        return Err(Error::EAFNOSUPPORT);
    }
    if slot.has(flag::PENDING) {
        report_pending(slot)?;
    }
    let family = settle_family(slot, address.domain())?;
    fit(&address, family)
}

/// The family that the packets will have: an IPv6 socket sends to IPv4 peers too.
fn family_of_packets(address: Option<&SockAddr>, slot: &Ref) -> Result<Domain> {
    match slot.family() {
        Some(Domain::IPV6) if !goes_by_ipv6(address, slot) => Ok(Domain::IPV4),
        family => family.ok_or(Error::ENOTCONN),
    }
}

fn goes_by_ipv6(address: Option<&SockAddr>, slot: &Ref) -> bool {
    let peer = address.cloned().or_else(|| sys::peer(slot.fd()).ok());
    let ip = peer.and_then(|peer| peer.as_socket()).map(|peer| peer.ip().to_canonical());
    !matches!(ip, Some(IpAddr::V4(_)))
}

/// The descriptors to be sent, with references that keep them open until they are sent, whoever closes their handles.
struct SentHandles {
    fds: Vec<Fd>,
    _held: Vec<Ref>,
}

impl SentHandles {
    fn new(handles: &[i64]) -> Result<Self> {
        let (mut fds, mut held) = (Vec::new(), Vec::new());
        fds.try_reserve_exact(handles.len()).map_err(|_| Error::ENOMEM)?;
        held.try_reserve_exact(handles.len()).map_err(|_| Error::ENOMEM)?;
        for handle in handles {
            let slot = table::get(*handle)?;
            match slot.class() {
                Class::Socket if slot.has(flag::UNSETTLED) => return Err(Error::ENOTCONN),
                Class::Socket | Class::Stream | Class::File => {}
                Class::Poller | Class::Queue => return Err(Error::EOPNOTSUPP),
            }
            mode::expose(&slot);
            fds.push(slot.fd());
            held.push(slot);
        }
        Ok(Self { fds, _held: held })
    }
}
