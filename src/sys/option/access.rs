//! Reads and sets an option whose encoding is known. Not here: which options there are (`linux`, `bsd`, `windows`).

use super::base;
use super::encoding::*;
use crate::sys::{Fd, INVALID, Result};
use socket2::Domain;
use std::net::{IpAddr, Ipv4Addr};

/// Larger than any structure that an option returns.
const ROOM: usize = 1024;

fn int(value: i64) -> Result<[u8; 4]> {
    i32::try_from(value).map(i32::to_ne_bytes).map_err(|_| INVALID)
}

/// Microseconds in a coarser unit, rounded up.
fn in_units(micros: i64, unit: i64) -> i64 {
    micros / unit + i64::from(micros % unit > 0)
}

/// Sets an option of [`ValueType::Number`].
pub fn set_number(fd: Fd, sockopt: SockOpt, value: i64) -> Result<()> {
    let bytes = match sockopt.encoding {
        Encoding::Int => int(value)?,
        Encoding::Unsigned => u32::try_from(value).map_err(|_| INVALID)?.to_ne_bytes(),
        Encoding::Flag => i32::from(value != 0).to_ne_bytes(),
        Encoding::Seconds => int(in_units(value, SECOND))?,
        Encoding::Millis => int(in_units(value, MILLISECOND))?,
        Encoding::Either(off, on) => (if value == 0 { off } else { on }).to_ne_bytes(),
        Encoding::Both(name) => {
            put(fd, sockopt, &int(value)?)?;
            return put(fd, SockOpt { name, ..sockopt }, &int(value)?);
        }
        Encoding::Byte => return put(fd, sockopt, &[u8::try_from(value).map_err(|_| INVALID)?]),
        Encoding::Linger => return put(fd, sockopt, &linger(value)?),
        _ => return Err(INVALID),
    };
    put(fd, sockopt, &bytes)
}

/// Reads an option of [`ValueType::Number`].
pub fn get_number(fd: Fd, sockopt: SockOpt) -> Result<i64> {
    match sockopt.encoding {
        Encoding::Int | Encoding::Flag | Encoding::Both(_) => get_int(fd, sockopt),
        Encoding::Unsigned => get_int(fd, sockopt).map(|value| value & i64::from(u32::MAX)),
        Encoding::Byte => get_array(fd, sockopt).map(|[byte]: [u8; 1]| i64::from(byte)),
        Encoding::Seconds => get_int(fd, sockopt).map(|value| value * SECOND),
        Encoding::Millis => get_int(fd, sockopt).map(|value| value * MILLISECOND),
        Encoding::Either(_, on) => get_int(fd, sockopt).map(|value| i64::from(value == i64::from(on))),
        Encoding::Linger => get_array(fd, sockopt).map(lingering),
        Encoding::Field(field) => get_field(fd, sockopt, field),
        _ => Err(INVALID),
    }
}

/// Sets an option of [`ValueType::Text`].
pub fn set_text(fd: Fd, sockopt: SockOpt, text: &str) -> Result<()> {
    match sockopt.encoding {
        Encoding::Text => put(fd, sockopt, text.as_bytes()),
        _ => Err(INVALID),
    }
}

/// Reads an option of [`ValueType::Text`].
pub fn get_text(fd: Fd, sockopt: SockOpt) -> Result<String> {
    match sockopt.encoding {
        Encoding::Text => get_string(fd, sockopt),
        Encoding::Word(field, words) => {
            let number = usize::try_from(get_field(fd, sockopt, field)?).map_err(|_| INVALID)?;
            Ok(words.get(number).copied().unwrap_or("").to_owned())
        }
        _ => Err(INVALID),
    }
}

/// A network interface by all its identifiers: systems take one or another of them.
#[derive(Clone, Debug)]
pub struct InterfaceIds {
    /// Its name; empty for none.
    pub name: String,
    /// Its number; 0 for none.
    pub index: u32,
    /// Its first IPv4 address; unspecified for none.
    pub address: Ipv4Addr,
}

/// A network interface by the identifier that a system has returned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InterfaceId {
    Name(String),
    Index(u32),
    Address(Ipv4Addr),
}

/// Sets an option of [`ValueType::Interface`].
pub fn set_interface(fd: Fd, sockopt: SockOpt, link: &InterfaceIds) -> Result<()> {
    match sockopt.encoding {
        Encoding::DeviceName => put(fd, sockopt, link.name.as_bytes()),
        Encoding::DeviceIndex(level, name) => {
            let index = link.index.to_ne_bytes();
            put(fd, sockopt, &index).or_else(|_| base::write(fd, level, name, &index))
        }
        Encoding::Mreqn => put(fd, sockopt, &mreqn(link)),
        Encoding::Address => put(fd, sockopt, &link.address.octets()),
        Encoding::IndexAsAddress => put(fd, sockopt, &link.index.to_be_bytes()),
        Encoding::Index => put(fd, sockopt, &link.index.to_ne_bytes()),
        _ => Err(INVALID),
    }
}

/// Reads an option of [`ValueType::Interface`].
pub fn get_interface(fd: Fd, sockopt: SockOpt) -> Result<InterfaceId> {
    match sockopt.encoding {
        Encoding::DeviceName => get_string(fd, sockopt).map(InterfaceId::Name),
        Encoding::DeviceIndex(level, name) => {
            let index =
                get_array(fd, sockopt).or_else(|_| get_array(fd, SockOpt { level, name, ..sockopt }))?;
            Ok(InterfaceId::Index(u32::from_ne_bytes(index)))
        }
        Encoding::Mreqn | Encoding::Address | Encoding::IndexAsAddress => {
            get_array(fd, sockopt).map(interface_id)
        }
        Encoding::Index => get_array(fd, sockopt).map(|index| InterfaceId::Index(u32::from_ne_bytes(index))),
        _ => Err(INVALID),
    }
}

/// A multicast group to be joined or left.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The group's address.
    pub group: IpAddr,
    /// The only sender whose datagrams are wanted; `None` for all (RFC 3678).
    pub source: Option<IpAddr>,
    /// The interface; none (index 0) leaves the choice to the system.
    pub link: InterfaceIds,
}

/// Sets an option of [`ValueType::Membership`].
pub fn set_membership(fd: Fd, sockopt: SockOpt, membership: &Membership) -> Result<()> {
    let Membership { group, source, link } = membership;
    match (sockopt.encoding, group, source) {
        (Encoding::Group, _, None) => put(fd, sockopt, &group_request(link, &[*group])),
        (Encoding::SourceGroup, _, Some(source)) => {
            put(fd, sockopt, &group_request(link, &[*group, *source]))
        }
        (Encoding::Mreq, IpAddr::V4(group), None) => {
            put(fd, sockopt, &[group.octets(), link.address.octets()].concat())
        }
        (Encoding::Mreq6, IpAddr::V6(group), None) => {
            put(fd, sockopt, &[&group.octets()[..], &link.index.to_ne_bytes()].concat())
        }
        _ => Err(INVALID),
    }
}

fn put(fd: Fd, sockopt: SockOpt, value: &[u8]) -> Result<()> {
    base::write(fd, sockopt.level, sockopt.name, value)
}

/// Fills in an array. What the system leaves out is zero.
fn get_array<const N: usize>(fd: Fd, sockopt: SockOpt) -> Result<[u8; N]> {
    let mut value = [0; N];
    base::read(fd, sockopt.level, sockopt.name, &mut value)?;
    Ok(value)
}

/// Reads an `int`, of which some systems return only one byte.
fn get_int(fd: Fd, sockopt: SockOpt) -> Result<i64> {
    let mut value = [0; 4];
    match base::read(fd, sockopt.level, sockopt.name, &mut value)? {
        1 => Ok(i64::from(value[0])),
        _ => Ok(i64::from(i32::from_ne_bytes(value))),
    }
}

fn get_field(fd: Fd, sockopt: SockOpt, field: Field) -> Result<i64> {
    let mut value = [0; ROOM];
    let length = base::read(fd, sockopt.level, sockopt.name, &mut value)?;
    field.read(&value[..length.min(ROOM)]).ok_or(base::LACKING)
}

fn get_string(fd: Fd, sockopt: SockOpt) -> Result<String> {
    let mut value = [0; 64];
    let length = base::read(fd, sockopt.level, sockopt.name, &mut value)?;
    let text = value[..length.min(64)].split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(text).into_owned())
}

/// `struct linger`: a switch and seconds, in two numbers of the same width. -1 is off.
fn linger(micros: i64) -> Result<[u8; 2 * base::LINGER_PART]> {
    let seconds = in_units(micros.max(0), SECOND);
    let mut value = [0; 2 * base::LINGER_PART];
    let (on, time) = value.split_at_mut(base::LINGER_PART);
    encode_number(on, i64::from(micros >= 0))?;
    encode_number(time, seconds)?;
    Ok(value)
}

fn lingering(value: [u8; 2 * base::LINGER_PART]) -> i64 {
    let (on, time) = value.split_at(base::LINGER_PART);
    if decode_number(on) == 0 { -1 } else { decode_number(time) * SECOND }
}

/// Writes a number of two or four bytes.
fn encode_number(place: &mut [u8], value: i64) -> Result<()> {
    match place.len() {
        2 => place.copy_from_slice(&u16::try_from(value).map_err(|_| INVALID)?.to_ne_bytes()),
        _ => place.copy_from_slice(&int(value)?),
    }
    Ok(())
}

fn decode_number(place: &[u8]) -> i64 {
    match *place {
        [a, b] => i64::from(u16::from_ne_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_ne_bytes([a, b, c, d])),
        _ => 0,
    }
}

/// `struct ip_mreqn` without a group.
fn mreqn(link: &InterfaceIds) -> [u8; 12] {
    let mut value = [0; 12];
    value[4..8].copy_from_slice(&link.address.octets());
    value[8..].copy_from_slice(&link.index.to_ne_bytes());
    value
}

/// What `IP_MULTICAST_IF` returns: an address, or in the form of an address of network 0, which no interface has, a number.
fn interface_id(octets: [u8; 4]) -> InterfaceId {
    match octets {
        [0, ..] => InterfaceId::Index(u32::from_be_bytes(octets)),
        _ => InterfaceId::Address(octets.into()),
    }
}

const STORAGE: usize = size_of::<socket2::SockAddrStorage>();

/// `struct group_req`, or with a second address `struct group_source_req`.
fn group_request(link: &InterfaceIds, addresses: &[IpAddr]) -> Vec<u8> {
    let mut value = vec![0; base::GROUP_OFFSET];
    value[..4].copy_from_slice(&link.index.to_ne_bytes());
    for address in addresses {
        value.extend(storage(*address));
    }
    value
}

/// `struct sockaddr_storage` with an address and no port.
fn storage(address: IpAddr) -> [u8; STORAGE] {
    let mut value = [0; STORAGE];
    match address {
        IpAddr::V4(address) => {
            value[..2].copy_from_slice(&base::family_bytes(Domain::IPV4, 16));
            value[4..8].copy_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            value[..2].copy_from_slice(&base::family_bytes(Domain::IPV6, 28));
            value[8..24].copy_from_slice(&address.octets());
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> InterfaceIds {
        InterfaceIds { name: "eth0".to_owned(), index: 7, address: [192, 0, 2, 1].into() }
    }

    #[test]
    fn coarser_clocks_round_up() {
        for (micros, seconds) in [(0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2)] {
            assert_eq!(in_units(micros, SECOND), seconds, "{micros}");
        }
    }

    #[test]
    fn linger_reads_back_as_it_was_written() {
        for (given, kept) in [(-1, -1), (0, 0), (1, SECOND), (SECOND, SECOND), (90 * SECOND, 90 * SECOND)] {
            assert_eq!(lingering(linger(given).unwrap()), kept, "{given}");
        }
        assert_eq!(linger(i64::MAX), Err(INVALID));
    }

    #[test]
    fn fields_are_read_where_they_stand() {
        let mut bytes = [0; 24];
        bytes[3] = 9;
        bytes[4..8].copy_from_slice(&3_000_000_000_u32.to_ne_bytes());
        bytes[8..12].copy_from_slice(&10_u32.to_ne_bytes());
        bytes[16..].copy_from_slice(&(1_i64 << 40).to_ne_bytes());
        assert_eq!(Field::byte(3).read(&bytes), Some(9));
        assert_eq!(Field::word(4).read(&bytes), Some(3_000_000_000));
        assert_eq!(Field::word(8).millis().read(&bytes), Some(10_000));
        assert_eq!(Field::word(4).times(8).read(&bytes), Some(30_000_000_000));
        assert_eq!(Field::long(16).read(&bytes), Some(1 << 40));
    }

    #[test]
    fn a_field_beyond_the_end_is_none() {
        assert_eq!(Field::byte(4).read(&[0; 4]), None);
        assert_eq!(Field::word(1).read(&[0; 4]), None);
        assert_eq!(Field::long(0).read(&[0; 4]), None);
        assert_eq!(Field::word(0).times(4).read(&[0; 4]), None);
    }

    #[test]
    fn what_multicast_if_returns_is_an_address_or_a_number() {
        assert_eq!(interface_id([0, 0, 0, 0]), InterfaceId::Index(0));
        assert_eq!(interface_id([0, 0, 1, 2]), InterfaceId::Index(258));
        assert_eq!(interface_id([192, 0, 2, 1]), InterfaceId::Address([192, 0, 2, 1].into()));
    }

    #[test]
    fn structures_have_the_systems_layout() {
        assert_eq!(mreqn(&link())[..8], [0, 0, 0, 0, 192, 0, 2, 1]);
        let one = group_request(&link(), &["239.1.2.3".parse().unwrap()]);
        assert_eq!(one.len(), base::GROUP_OFFSET + STORAGE);
        let two = group_request(&link(), &["ff02::1".parse().unwrap(), "2001:db8::1".parse().unwrap()]);
        assert_eq!(two.len(), base::GROUP_OFFSET + 2 * STORAGE);
        #[cfg(target_os = "linux")]
        {
            assert_eq!(one.len(), size_of::<libc::group_req>());
            assert_eq!(two.len(), size_of::<libc::group_source_req>());
            assert_eq!(mreqn(&link()).len(), size_of::<libc::ip_mreqn>());
            assert_eq!(2 * base::LINGER_PART, size_of::<libc::linger>());
        }
    }
}
