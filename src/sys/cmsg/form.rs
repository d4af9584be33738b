//! The forms of control messages, by which the back-ends' tables describe their content. Not here: headers and buffers (`layout`).

use crate::sys::Control;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A control message that a system sends up, by its level and type, with its form.
pub(in crate::sys) type ReceivedForm = (i32, i32, Form);

/// The content of a control message. Offsets are in bytes.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "each system has some of them")]
pub(in crate::sys) enum Form {
    /// Three numbers of 32 bits: the process, its user, its group.
    Credentials { process: usize, user: usize, group: usize },
    /// An interface's number and IPv4 addresses: the machine's own, if there is one, and that in the packet's header.
    Packet4 { interface: usize, local: Option<usize>, destination: usize },
    /// An IPv6 address, and an interface's number.
    Packet6,
    /// The IPv4 address of the header alone.
    Destination4,
    /// An interface as a `struct sockaddr_dl`.
    Link,
    /// A number of one byte or four: TTL, hop limit.
    Hops,
    /// A number of one byte or four: TOS, traffic class.
    TrafficClass,
    /// Seconds at the beginning, and at `offset` a number of `size` bytes that counts units of so many nanoseconds.
    Time { offset: usize, size: usize, unit: i64 },
}

/// The control messages that a system accepts, by level and type; `None` for what it does not support.
pub(in crate::sys) struct SentForms {
    pub credentials: Option<(i32, i32)>,
    pub packet4: Option<(i32, i32, Form)>,
    pub hops4: Option<(i32, i32)>,
    pub class4: Option<(i32, i32)>,
    pub packet6: (i32, i32),
    pub hops6: (i32, i32),
    pub class6: (i32, i32),
}

fn array<const N: usize>(data: &[u8], offset: usize) -> Option<[u8; N]> {
    data.get(offset..offset.checked_add(N)?)?.try_into().ok()
}

pub(in crate::sys) fn word(data: &[u8], offset: usize) -> Option<u32> {
    array(data, offset).map(u32::from_ne_bytes)
}

fn address4(data: &[u8], offset: usize) -> Option<IpAddr> {
    array::<4>(data, offset).map(|octets| Ipv4Addr::from(octets).into())
}

/// The address, unless it is a multicast or broadcast one: then it is the machine's own.
fn unicast(ip: IpAddr) -> Option<IpAddr> {
    Some(ip).filter(|ip| !ip.is_multicast() && *ip != IpAddr::from(Ipv4Addr::BROADCAST))
}

/// A number of whatever width the system gives it.
fn integer(data: &[u8]) -> Option<i32> {
    match data.len() {
        1 => Some(data[0].into()),
        _ => array(data, 0).map(i32::from_ne_bytes),
    }
}

impl Form {
    /// Decodes the data of a message of this form; `None` if it is too short.
    pub(in crate::sys) fn read(self, data: &[u8]) -> Option<Control> {
        let packet = |interface, local, destination| Control::PacketInfo { interface, local, destination };
        Some(match self {
            Self::Credentials { process, user, group } => Control::Credentials {
                pid: word(data, process)? as i32,
                uid: word(data, user)?,
                gid: word(data, group)?,
            },
            Self::Packet4 { interface, local, destination } => {
                let destination = address4(data, destination)?;
                let local = local.map_or(unicast(destination), |offset| address4(data, offset));
                packet(word(data, interface)?, local, Some(destination))
            }
            Self::Packet6 => {
                let destination = Ipv6Addr::from(array::<16>(data, 0)?).to_canonical();
                packet(word(data, 16)?, unicast(destination), Some(destination))
            }
            Self::Destination4 => {
                let destination = address4(data, 0)?;
                packet(0, unicast(destination), Some(destination))
            }
            // Length and family stand before the number.
            Self::Link => packet(u16::from_ne_bytes(array(data, 2)?).into(), None, None),
            Self::Hops => Control::Hops(integer(data)?),
            Self::TrafficClass => Control::TrafficClass(integer(data)?),
            Self::Time { offset, size, unit } => Control::Timestamp(time(data, offset, size, unit)?),
        })
    }

    /// Encodes interface and source address for an IPv4 packet to be sent.
    pub(in crate::sys) fn write4(self, interface: u32, local: Ipv4Addr) -> Vec<u8> {
        let local = local.octets();
        match self {
            Self::Packet4 { interface: at, local: own, destination } => {
                let mut data = vec![0; if own.is_some() { 12 } else { 8 }];
                let address = own.unwrap_or(destination);
                data[at..at + 4].copy_from_slice(&interface.to_ne_bytes());
                data[address..address + 4].copy_from_slice(&local);
                data
            }
            _ => local.to_vec(),
        }
    }
}

/// Nanoseconds since 1970. The seconds are at the beginning, and are as wide as the offset of the fraction.
fn time(data: &[u8], offset: usize, size: usize, unit: i64) -> Option<i64> {
    let wide = |offset, size| match size {
        4 => word(data, offset).map(|number| i64::from(number as i32)),
        _ => array(data, offset).map(i64::from_ne_bytes),
    };
    let seconds = wide(0, offset)?;
    seconds.checked_mul(1_000_000_000)?.checked_add(wide(offset, size)?.checked_mul(unit)?)
}
