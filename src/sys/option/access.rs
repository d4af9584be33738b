//! Reads and sets an option whose form is known. Not here: which options there are (`linux`, `bsd`, `windows`).

use super::base;
use super::form::*;
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

/// Sets an option of [`Nature::Number`].
pub fn set_number(fd: Fd, native: Native, value: i64) -> Result<()> {
    let bytes = match native.form {
        Form::Int => int(value)?,
        Form::Unsigned => u32::try_from(value).map_err(|_| INVALID)?.to_ne_bytes(),
        Form::Flag => i32::from(value != 0).to_ne_bytes(),
        Form::Seconds => int(in_units(value, SECOND))?,
        Form::Millis => int(in_units(value, MILLISECOND))?,
        Form::Either(off, on) => (if value == 0 { off } else { on }).to_ne_bytes(),
        Form::Both(name) => {
            put(fd, native, &int(value)?)?;
            return put(fd, Native { name, ..native }, &int(value)?);
        }
        Form::Byte => return put(fd, native, &[u8::try_from(value).map_err(|_| INVALID)?]),
        Form::Linger => return put(fd, native, &linger(value)?),
        _ => return Err(INVALID),
    };
    put(fd, native, &bytes)
}

/// Reads an option of [`Nature::Number`].
pub fn get_number(fd: Fd, native: Native) -> Result<i64> {
    match native.form {
        Form::Int | Form::Flag | Form::Both(_) => get_int(fd, native),
        Form::Unsigned => get_int(fd, native).map(|value| value & i64::from(u32::MAX)),
        Form::Byte => get_array(fd, native).map(|[byte]: [u8; 1]| i64::from(byte)),
        Form::Seconds => get_int(fd, native).map(|value| value * SECOND),
        Form::Millis => get_int(fd, native).map(|value| value * MILLISECOND),
        Form::Either(_, on) => get_int(fd, native).map(|value| i64::from(value == i64::from(on))),
        Form::Linger => get_array(fd, native).map(lingering),
        Form::Field(field) => get_field(fd, native, field),
        _ => Err(INVALID),
    }
}

/// Sets an option of [`Nature::Text`].
pub fn set_text(fd: Fd, native: Native, text: &str) -> Result<()> {
    match native.form {
        Form::Text => put(fd, native, text.as_bytes()),
        _ => Err(INVALID),
    }
}

/// Reads an option of [`Nature::Text`].
pub fn get_text(fd: Fd, native: Native) -> Result<String> {
    match native.form {
        Form::Text => get_string(fd, native),
        Form::Word(field, words) => {
            let number = usize::try_from(get_field(fd, native, field)?).map_err(|_| INVALID)?;
            Ok(words.get(number).copied().unwrap_or("").to_owned())
        }
        _ => Err(INVALID),
    }
}

/// An interface by all that systems call it.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its name; empty for none.
    pub name: String,
    /// Its number; 0 for none.
    pub index: u32,
    /// Its first IPv4 address; unspecified for none.
    pub address: Ipv4Addr,
}

/// An interface by one of its designations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Designation {
    Name(String),
    Index(u32),
    Address(Ipv4Addr),
}

/// Sets an option of [`Nature::Interface`].
pub fn set_interface(fd: Fd, native: Native, link: &Link) -> Result<()> {
    match native.form {
        Form::DeviceName => put(fd, native, link.name.as_bytes()),
        Form::DeviceIndex(level, name) => {
            let index = link.index.to_ne_bytes();
            put(fd, native, &index).or_else(|_| base::write(fd, level, name, &index))
        }
        Form::Mreqn => put(fd, native, &mreqn(link)),
        Form::Address => put(fd, native, &link.address.octets()),
        Form::IndexAsAddress => put(fd, native, &link.index.to_be_bytes()),
        Form::Index => put(fd, native, &link.index.to_ne_bytes()),
        _ => Err(INVALID),
    }
}

/// Reads an option of [`Nature::Interface`].
pub fn get_interface(fd: Fd, native: Native) -> Result<Designation> {
    match native.form {
        Form::DeviceName => get_string(fd, native).map(Designation::Name),
        Form::DeviceIndex(level, name) => {
            let index = get_array(fd, native).or_else(|_| get_array(fd, Native { level, name, ..native }))?;
            Ok(Designation::Index(u32::from_ne_bytes(index)))
        }
        Form::Mreqn | Form::Address | Form::IndexAsAddress => get_array(fd, native).map(designation),
        Form::Index => get_array(fd, native).map(|index| Designation::Index(u32::from_ne_bytes(index))),
        _ => Err(INVALID),
    }
}

/// A multicast group to be joined or left.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The group's address.
    pub group: IpAddr,
    /// The only sender wanted, if there is one.
    pub source: Option<IpAddr>,
    /// Where; none leaves it to the system.
    pub link: Link,
}

/// Sets an option of [`Nature::Membership`].
pub fn set_membership(fd: Fd, native: Native, membership: &Membership) -> Result<()> {
    let Membership { group, source, link } = membership;
    match (native.form, group, source) {
        (Form::Group, _, None) => put(fd, native, &group_request(link, &[*group])),
        (Form::SourceGroup, _, Some(source)) => put(fd, native, &group_request(link, &[*group, *source])),
        (Form::Mreq, IpAddr::V4(group), None) => {
            put(fd, native, &[group.octets(), link.address.octets()].concat())
        }
        (Form::Mreq6, IpAddr::V6(group), None) => {
            put(fd, native, &[&group.octets()[..], &link.index.to_ne_bytes()].concat())
        }
        _ => Err(INVALID),
    }
}

fn put(fd: Fd, native: Native, value: &[u8]) -> Result<()> {
    base::write(fd, native.level, native.name, value)
}

/// Fills in an array. What the system leaves out is zero.
fn get_array<const N: usize>(fd: Fd, native: Native) -> Result<[u8; N]> {
    let mut value = [0; N];
    base::read(fd, native.level, native.name, &mut value)?;
    Ok(value)
}

/// Reads an `int`, of which some systems return only one byte.
fn get_int(fd: Fd, native: Native) -> Result<i64> {
    let mut value = [0; 4];
    match base::read(fd, native.level, native.name, &mut value)? {
        1 => Ok(i64::from(value[0])),
        _ => Ok(i64::from(i32::from_ne_bytes(value))),
    }
}

fn get_field(fd: Fd, native: Native, field: Field) -> Result<i64> {
    let mut value = [0; ROOM];
    let length = base::read(fd, native.level, native.name, &mut value)?;
    field.read(&value[..length.min(ROOM)]).ok_or(base::LACKING)
}

fn get_string(fd: Fd, native: Native) -> Result<String> {
    let mut value = [0; 64];
    let length = base::read(fd, native.level, native.name, &mut value)?;
    let text = value[..length.min(64)].split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(text).into_owned())
}

/// `struct linger`: a switch and seconds, in two numbers of the same width. -1 is off.
fn linger(micros: i64) -> Result<[u8; 2 * base::LINGER_PART]> {
    let seconds = in_units(micros.max(0), SECOND);
    let mut value = [0; 2 * base::LINGER_PART];
    let (on, time) = value.split_at_mut(base::LINGER_PART);
    put_number(on, i64::from(micros >= 0))?;
    put_number(time, seconds)?;
    Ok(value)
}

fn lingering(value: [u8; 2 * base::LINGER_PART]) -> i64 {
    let (on, time) = value.split_at(base::LINGER_PART);
    if take_number(on) == 0 { -1 } else { take_number(time) * SECOND }
}

/// Writes a number of two or four bytes.
fn put_number(place: &mut [u8], value: i64) -> Result<()> {
    match place.len() {
        2 => place.copy_from_slice(&u16::try_from(value).map_err(|_| INVALID)?.to_ne_bytes()),
        _ => place.copy_from_slice(&int(value)?),
    }
    Ok(())
}

fn take_number(place: &[u8]) -> i64 {
    match *place {
        [a, b] => i64::from(u16::from_ne_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_ne_bytes([a, b, c, d])),
        _ => 0,
    }
}

/// `struct ip_mreqn` without a group.
fn mreqn(link: &Link) -> [u8; 12] {
    let mut value = [0; 12];
    value[4..8].copy_from_slice(&link.address.octets());
    value[8..].copy_from_slice(&link.index.to_ne_bytes());
    value
}

/// What `IP_MULTICAST_IF` returns. No interface has an address of network 0: there it is a number.
fn designation(octets: [u8; 4]) -> Designation {
    match octets {
        [0, ..] => Designation::Index(u32::from_be_bytes(octets)),
        _ => Designation::Address(octets.into()),
    }
}

const STORAGE: usize = size_of::<socket2::SockAddrStorage>();

/// `struct group_req`, or with a second address `struct group_source_req`.
fn group_request(link: &Link, addresses: &[IpAddr]) -> Vec<u8> {
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

    fn link() -> Link {
        Link { name: "eth0".to_owned(), index: 7, address: [192, 0, 2, 1].into() }
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
        assert_eq!(designation([0, 0, 0, 0]), Designation::Index(0));
        assert_eq!(designation([0, 0, 1, 2]), Designation::Index(258));
        assert_eq!(designation([192, 0, 2, 1]), Designation::Address([192, 0, 2, 1].into()));
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
