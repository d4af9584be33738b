//! Reading and writing control messages (cmsg(3), RFC 3542), for every system. The back-ends describe the numbers and forms of
//! theirs in [`RECEIVED`] and [`SENT`]. Not here: the calls (`message`).

use crate::sys::{
    CONTROL_PAYLOAD, Control, ControlHeader, Fd, Form, INVALID, OUT_OF_MEMORY, RECEIVED, RIGHTS, Result,
    SENT, UNSUPPORTED, close, control_length, control_space, discard_control, received_right,
};
use socket2::Domain;
use std::mem::{offset_of, size_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The most descriptors of one message on Linux (unix(7)). Other systems have a similar limit.
pub const MOST_RIGHTS: usize = 253;

/// Room for the control data of any message of an internet socket.
const ROOM: usize = 512;

/// Room for as many descriptors as a message has on any system: some systems leak those that do not fit.
const ROOM_FOR_RIGHTS: usize = 4096;

/// The most bytes of raw control data that a caller gets.
const MOST_RAW: usize = 1 << 16;

/// Memory for the control data of one receive, aligned as systems want it.
#[derive(Debug, Default)]
pub struct ControlRoom {
    words: Vec<u64>,
    /// In bytes.
    length: usize,
}

impl ControlRoom {
    /// Room for the control data of any message, or none if the caller wants none. `ENOMEM`.
    pub fn new(capacity: Capacity, rights: bool) -> Result<Self> {
        if capacity == Capacity::default() {
            return Ok(Self::default());
        }
        let raw = capacity.raw.min(MOST_RAW);
        Self::exact(if rights { ROOM_FOR_RIGHTS } else { ROOM } + raw)
    }

    /// Room for exactly so many bytes.
    pub fn exact(length: usize) -> Result<Self> {
        let length = length.min(ROOM_FOR_RIGHTS + MOST_RAW);
        let count = length.div_ceil(size_of::<u64>());
        let mut words = Vec::new();
        words.try_reserve_exact(count).map_err(|_| OUT_OF_MEMORY)?;
        words.resize(count, 0);
        Ok(Self { words, length })
    }

    /// Room filled with bytes that a system might have written, for tests of the parser.
    #[cfg(feature = "test-hooks")]
    pub fn holding(bytes: &[u8]) -> Result<Self> {
        let mut room = Self::exact(bytes.len())?;
        for (word, part) in room.words.iter_mut().zip(bytes.chunks(size_of::<u64>())) {
            let mut whole = [0; size_of::<u64>()];
            whole[..part.len()].copy_from_slice(part);
            *word = u64::from_ne_bytes(whole);
        }
        Ok(room)
    }

    pub(in crate::sys) fn as_mut_ptr(&mut self) -> *mut u8 {
        if self.length == 0 { std::ptr::null_mut() } else { self.words.as_mut_ptr().cast() }
    }

    pub(in crate::sys) fn length(&self) -> usize {
        self.length
    }

    fn bytes(&self, length: usize) -> &[u8] {
        let length = length.min(self.length());
        // SAFETY: the numbers are initialised and as long as that.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr().cast(), length) }
    }
}

/// How much of each sort of control data a caller has room for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Capacity {
    /// Control messages that anysock knows.
    pub controls: usize,
    /// Descriptors.
    pub rights: usize,
    /// Bytes of control messages that it does not know.
    pub raw: usize,
}

/// Received descriptors, closed when dropped unless they are taken.
#[derive(Debug, Default)]
pub struct Rights(Vec<Fd>);

impl Rights {
    /// Takes the next.
    pub fn take(&mut self) -> Option<Fd> {
        self.0.pop()
    }
}

impl Drop for Rights {
    fn drop(&mut self) {
        self.0.drain(..).for_each(close);
    }
}

/// The received control data of one message.
#[derive(Debug, Default)]
pub struct Arrived {
    /// In the system's order.
    pub controls: Vec<Control>,
    /// As many as there was capacity for, in reverse order.
    pub rights: Rights,
    /// Control messages of unknown types, one after the other as the system lays them out.
    pub raw: Vec<u8>,
    /// Whether something did not fit.
    pub lost: bool,
}

impl Arrived {
    /// Parses the control data of a message. Descriptors beyond the capacity are closed.
    #[must_use]
    pub fn read(room: &ControlRoom, length: usize, capacity: Capacity) -> Self {
        let mut arrived = Self::default();
        let mut rest = room.bytes(length);
        while let Some((message, after)) = Message::first(rest) {
            rest = after;
            arrived.add(&message, capacity);
        }
        arrived.rights.0.reverse();
        arrived
    }

    /// The control data unparsed. Descriptors in it are the caller's to close.
    #[must_use]
    pub fn unread(room: &ControlRoom, length: usize) -> Self {
        Self { raw: room.bytes(length).to_vec(), ..Self::default() }
    }

    fn add(&mut self, message: &Message<'_>, capacity: Capacity) {
        if (message.level, message.kind) == RIGHTS {
            return self.add_rights(message.data, capacity.rights);
        }
        let known = RECEIVED.iter().find(|known| (known.0, known.1) == (message.level, message.kind));
        match known.and_then(|known| known.2.read(message.data)) {
            Some(control) => self.add_control(control, capacity.controls),
            None => self.add_raw(message, capacity.raw),
        }
    }

    fn add_rights(&mut self, data: &[u8], capacity: usize) {
        for number in data.chunks_exact(size_of::<i32>()) {
            let fd = received_right(number);
            let kept = &mut self.rights.0;
            if kept.len() < capacity && kept.try_reserve(1).is_ok() {
                kept.push(fd);
            } else {
                close(fd);
                self.lost = true;
            }
        }
    }

    fn add_control(&mut self, control: Control, capacity: usize) {
        if self.controls.iter_mut().any(|earlier| earlier.absorb(control)) {
            return;
        }
        if self.controls.len() < capacity && self.controls.try_reserve(1).is_ok() {
            self.controls.push(control);
        } else {
            self.lost = true;
        }
    }

    fn add_raw(&mut self, message: &Message<'_>, capacity: usize) {
        let length = control_space(message.data.len());
        if self.raw.len() + length <= capacity && self.raw.try_reserve(length).is_ok() {
            self.raw.extend(message.whole);
            self.raw.resize(self.raw.len() + length - message.whole.len(), 0);
        } else {
            discard_control(message.level, message.kind, message.data);
            self.lost = true;
        }
    }
}

impl Control {
    /// Merges `other` into this one, if both are packet information, which some systems split into two messages; whether it did.
    fn absorb(&mut self, other: Self) -> bool {
        match (self, other) {
            (
                Self::PacketInfo { interface, local, destination },
                Self::PacketInfo { interface: other_interface, local: other_local, destination: other },
            ) => {
                *interface = (*interface).max(other_interface);
                *local = local.or(other_local);
                *destination = destination.or(other);
                true
            }
            _ => false,
        }
    }
}

/// One control message in memory.
struct Message<'a> {
    level: i32,
    kind: i32,
    data: &'a [u8],
    /// With its header, and the padding behind it.
    whole: &'a [u8],
}

impl<'a> Message<'a> {
    /// The first message, and what follows it. The kernel may have cut the last one short.
    fn first(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        if bytes.len() < CONTROL_PAYLOAD {
            return None;
        }
        // SAFETY: there are more bytes than the header has, and it is of plain numbers.
        let header = unsafe { bytes.as_ptr().cast::<ControlHeader>().read_unaligned() };
        #[allow(clippy::unnecessary_cast, reason = "systems differ in its width")]
        let length = (header.cmsg_len as usize).min(bytes.len());
        let data = bytes.get(CONTROL_PAYLOAD..length)?;
        let (whole, rest) = bytes.split_at(control_space(data.len()).min(bytes.len()));
        Some((Self { level: header.cmsg_level, kind: header.cmsg_type, data, whole }, rest))
    }
}

/// Control data to be sent.
#[derive(Debug, Default)]
pub struct ControlData(Vec<u8>);

impl ControlData {
    /// Encodes control data for a message whose packets are of `family`; `EOPNOTSUPP` for what this system can't send.
    pub fn write(controls: &[Control], rights: &[Fd], raw: &[u8], family: Domain) -> Result<Self> {
        let mut data = Self::default();
        for control in controls {
            data.add(control, family)?;
        }
        if !rights.is_empty() {
            let numbers: Vec<u8> = rights.iter().flat_map(|fd| (fd.to_raw() as i32).to_ne_bytes()).collect();
            data.push(RIGHTS, &numbers)?;
        }
        data.0.try_reserve(raw.len()).map_err(|_| OUT_OF_MEMORY)?;
        data.0.extend(raw);
        Ok(data)
    }

    pub(in crate::sys) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn add(&mut self, control: &Control, family: Domain) -> Result<()> {
        let v6 = family == Domain::IPV6;
        let by_family = |four: Option<(i32, i32)>, six| match family {
            Domain::IPV4 => four.ok_or(UNSUPPORTED),
            Domain::IPV6 => Ok(six),
            _ => Err(UNSUPPORTED),
        };
        match *control {
            Control::Credentials { pid, uid, gid } => {
                let name = SENT.credentials.filter(|_| family == Domain::UNIX).ok_or(UNSUPPORTED)?;
                let numbers = [pid as u32, uid, gid].map(u32::to_ne_bytes);
                self.push(name, numbers.as_flattened())
            }
            Control::PacketInfo { interface, local, .. } if v6 => {
                let source = match local {
                    Some(IpAddr::V6(source)) => source,
                    Some(IpAddr::V4(_)) => return Err(INVALID),
                    None => Ipv6Addr::UNSPECIFIED,
                };
                let data = [&source.octets()[..], &interface.to_ne_bytes()].concat();
                self.push(SENT.packet6, &data)
            }
            Control::PacketInfo { interface, local, .. } => {
                let source = match local {
                    Some(IpAddr::V4(source)) => source,
                    Some(IpAddr::V6(_)) => return Err(INVALID),
                    None => Ipv4Addr::UNSPECIFIED,
                };
                let name = SENT.packet4.filter(|_| family == Domain::IPV4).ok_or(UNSUPPORTED)?;
                if matches!(name.2, Form::Destination4) && local.is_none() {
                    // Such systems take only the address.
                    return Err(UNSUPPORTED);
                }
                self.push((name.0, name.1), &name.2.write4(interface, source))
            }
            Control::Hops(hops) => self.push(by_family(SENT.hops4, SENT.hops6)?, &hops.to_ne_bytes()),
            Control::TrafficClass(class) => {
                self.push(by_family(SENT.class4, SENT.class6)?, &class.to_ne_bytes())
            }
            Control::Timestamp(_) => Err(INVALID),
        }
    }

    fn push(&mut self, (level, kind): (i32, i32), data: &[u8]) -> Result<()> {
        let begin = self.0.len();
        let space = control_space(data.len());
        self.0.try_reserve(space).map_err(|_| OUT_OF_MEMORY)?;
        self.0.resize(begin + space, 0);
        let message = &mut self.0[begin..];
        let length = CONTROL_PAYLOAD + data.len();
        put(message, offset_of!(ControlHeader, cmsg_len), control_length(length));
        put(message, offset_of!(ControlHeader, cmsg_level), level.to_ne_bytes());
        put(message, offset_of!(ControlHeader, cmsg_type), kind.to_ne_bytes());
        message[CONTROL_PAYLOAD..length].copy_from_slice(data);
        Ok(())
    }
}

fn put<const N: usize>(message: &mut [u8], offset: usize, bytes: [u8; N]) {
    message[offset..offset + N].copy_from_slice(&bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room_of(data: &ControlData) -> (ControlRoom, usize) {
        let mut room =
            ControlRoom::new(Capacity { raw: data.0.len(), ..Capacity::default() }, false).unwrap();
        for (place, bytes) in room.words.iter_mut().zip(data.0.chunks(8)) {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            *place = u64::from_ne_bytes(word);
        }
        (room, data.0.len())
    }

    fn read_back(data: &ControlData, capacity: Capacity) -> Arrived {
        let (room, length) = room_of(data);
        Arrived::read(&room, length, capacity)
    }

    const SOME: Capacity = Capacity { controls: 4, rights: 0, raw: 64 };

    #[test]
    fn ipv6_reads_back_as_it_was_written() {
        let source: IpAddr = "2001:db8::1".parse().unwrap();
        let sent = [
            Control::PacketInfo { interface: 7, local: Some(source), destination: None },
            Control::Hops(42),
            Control::TrafficClass(0xb8),
        ];
        let data = ControlData::write(&sent, &[], &[], Domain::IPV6).unwrap();
        let arrived = read_back(&data, SOME);
        assert_eq!(
            arrived.controls,
            [
                Control::PacketInfo { interface: 7, local: Some(source), destination: Some(source) },
                Control::Hops(42),
                Control::TrafficClass(0xb8),
            ]
        );
        assert!(!arrived.lost && arrived.raw.is_empty());
    }

    #[test]
    fn what_comes_in_two_messages_is_one() {
        let ip = Some(IpAddr::from([192, 0, 2, 1]));
        let mut arrived = Arrived::default();
        for control in [
            Control::PacketInfo { interface: 0, local: ip, destination: ip },
            Control::Hops(1),
            Control::PacketInfo { interface: 7, local: None, destination: None },
        ] {
            arrived.add_control(control, 2);
        }
        let whole = Control::PacketInfo { interface: 7, local: ip, destination: ip };
        assert_eq!(arrived.controls, [whole, Control::Hops(1)]);
        assert!(!arrived.lost);
    }

    #[test]
    fn numbers_of_every_width_and_clock_are_read() {
        assert_eq!(Form::Hops.read(&[64]), Some(Control::Hops(64)));
        assert_eq!(Form::TrafficClass.read(&8_i32.to_ne_bytes()), Some(Control::TrafficClass(8)));
        let link = [&[20, 18][..], &7_u16.to_ne_bytes()].concat();
        let by_link = Control::PacketInfo { interface: 7, local: None, destination: None };
        assert_eq!(Form::Link.read(&link), Some(by_link));
        // macOS: 64 bits of seconds, 32 of microseconds, and padding.
        let padded = [&3_i64.to_ne_bytes()[..], &5_i32.to_ne_bytes(), &[0xff; 4]].concat();
        let clock = Form::Time { offset: 8, size: 4, unit: 1_000 };
        assert_eq!(clock.read(&padded), Some(Control::Timestamp(3_000_005_000)));
        let narrow = [3_i32.to_ne_bytes(), 5_i32.to_ne_bytes()].concat();
        let clock = Form::Time { offset: 4, size: 4, unit: 1 };
        assert_eq!(clock.read(&narrow), Some(Control::Timestamp(3_000_000_005)));
        assert_eq!(clock.read(&narrow[..7]), None);
    }

    #[test]
    fn an_ipv4_packet_is_told_of_as_the_system_lays_it_out() {
        let (source, own) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(10, 0, 0, 1));
        let linux = Form::Packet4 { interface: 0, local: Some(4), destination: 8 };
        let sent = [&7_u32.to_ne_bytes()[..], &own.octets(), &source.octets()].concat();
        let info = |local, destination: Ipv4Addr| Control::PacketInfo {
            interface: 7,
            local,
            destination: Some(destination.into()),
        };
        assert_eq!(linux.read(&sent), Some(info(Some(own.into()), source)));
        let winsock = Form::Packet4 { interface: 4, local: None, destination: 0 };
        let sent = winsock.write4(7, source);
        assert_eq!(sent, [&source.octets()[..], &7_u32.to_ne_bytes()].concat());
        assert_eq!(winsock.read(&sent), Some(info(Some(source.into()), source)));
        // Of many machines, and not its own.
        let group = Ipv4Addr::new(239, 1, 2, 3);
        assert_eq!(winsock.read(&winsock.write4(7, group)), Some(info(None, group)));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let data = ControlData::write(&[Control::Hops(1), Control::TrafficClass(2)], &[], &[], Domain::IPV6);
        let arrived = read_back(&data.unwrap(), Capacity { controls: 1, ..SOME });
        assert_eq!(arrived.controls, [Control::Hops(1)]);
        assert!(arrived.lost);
    }

    #[test]
    fn what_is_not_known_is_copied_whole() {
        let mut data = ControlData::default();
        data.push((12345, 6), b"abc").unwrap();
        data.push((12345, 7), b"").unwrap();
        let arrived = read_back(&data, Capacity { raw: data.0.len(), ..SOME });
        assert_eq!(arrived.raw, data.0);
        assert!(!arrived.lost);
        let arrived = read_back(&data, Capacity { raw: data.0.len() - 1, ..SOME });
        assert_eq!(arrived.raw, data.0[..control_space(3)]);
        assert!(arrived.lost);
    }

    #[test]
    fn a_message_that_was_cut_short_is_no_harm() {
        let data = ControlData::write(&[Control::Hops(1)], &[], &[], Domain::IPV6).unwrap();
        let (room, length) = room_of(&data);
        for cut in 0..length {
            let arrived = Arrived::read(&room, cut, SOME);
            assert!(arrived.controls.len() <= 1 && arrived.raw.len() <= 64, "{cut}");
        }
    }

    #[test]
    fn a_length_that_is_none_ends_the_reading() {
        let mut data = ControlData::write(&[Control::Hops(1)], &[], &[], Domain::IPV6).unwrap();
        put(&mut data.0, offset_of!(ControlHeader, cmsg_len), crate::sys::control_length(3));
        assert!(read_back(&data, SOME).controls.is_empty());
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let stamp = [Control::Timestamp(1)];
        assert_eq!(ControlData::write(&stamp, &[], &[], Domain::IPV4).unwrap_err(), crate::sys::INVALID);
        for control in [Control::Hops(1), Control::TrafficClass(1)] {
            assert_eq!(ControlData::write(&[control], &[], &[], Domain::UNIX).unwrap_err(), UNSUPPORTED);
        }
    }
}
