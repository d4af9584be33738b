//! Kinds of sockets ("tcp", "unixgram", "ip4:icmp"), named as Go's net package names its networks. Not here: addresses
//! (`address`).

use crate::core::error::{Error, Result};
use socket2::{Domain, Protocol, Type};

/// A network: the part of a kind before the colon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Net {
    Tcp,
    Tcp4,
    Tcp6,
    Udp,
    Udp4,
    Udp6,
    Unix,
    Unixgram,
    Unixpacket,
    Ip4,
    Ip6,
    /// Not for `open`: a pipe or terminal that was adopted.
    Stream,
    /// Not for `open`: an adopted stream that the system can't poll, such as a regular file.
    File,
    /// Not for `open`: a poller.
    Poller,
    /// Not for `open`: a batch queue.
    Queue,
}

/// What a handle stands for, as far as calls distinguish handles. Every match on it names all classes, so that the
/// compiler finds each place that a new class must be thought about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// A socket of any kind.
    Socket,
    /// A pipe or terminal that was adopted: it can be read and written, and nothing else that a socket can.
    Stream,
    /// An adopted stream that the system can't poll: it counts as always ready, as with poll(2).
    File,
    /// A poller.
    Poller,
    /// A batch queue.
    Queue,
}

/// Every kind with its name, in the order of [`Net`].
pub const NETS: [(Net, &str); 15] = [
    (Net::Tcp, "tcp"),
    (Net::Tcp4, "tcp4"),
    (Net::Tcp6, "tcp6"),
    (Net::Udp, "udp"),
    (Net::Udp4, "udp4"),
    (Net::Udp6, "udp6"),
    (Net::Unix, "unix"),
    (Net::Unixgram, "unixgram"),
    (Net::Unixpacket, "unixpacket"),
    (Net::Ip4, "ip4"),
    (Net::Ip6, "ip6"),
    (Net::Stream, "stream"),
    (Net::File, "stream"),
    (Net::Poller, "poller"),
    (Net::Queue, "queue"),
];

/// The network of each number. 16 of them, so that a remainder of 16 needs no bounds check.
const UNPACKED: [Net; 16] = {
    let mut nets = [Net::Stream; 16];
    let mut number = 0;
    while number < NETS.len() {
        nets[number] = NETS[number].0;
        number += 1;
    }
    nets
};

/// Protocols of raw sockets that have a name (IANA's protocol numbers). The first of two names is the one that is shown.
const PROTOCOLS: [(&str, u8); 6] =
    [("icmp", 1), ("igmp", 2), ("tcp", 6), ("udp", 17), ("icmpv6", 58), ("ipv6-icmp", 58)];

/// A kind: the network, and for raw ones the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind {
    /// The name before the colon.
    pub net: Net,
    /// The IP protocol of a raw kind, else 0.
    pub protocol: u8,
}

impl From<Net> for Kind {
    fn from(net: Net) -> Self {
        Self { net, protocol: 0 }
    }
}

impl Kind {
    /// From text, in lower case; `EINVAL` if it names no kind that can be opened.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, protocol) = match text.split_once(':') {
            Some((name, protocol)) => (name, Some(protocol)),
            None => (text, None),
        };
        let known = NETS.iter().find(|(_, known)| *known == name).ok_or(Error::EINVAL)?;
        match (known.0, protocol) {
            (net, _) if Self::from(net).class() != Class::Socket => Err(Error::EINVAL),
            (net @ (Net::Ip4 | Net::Ip6), Some(protocol)) => {
                Ok(Self { net, protocol: parse_protocol(protocol)? })
            }
            (Net::Ip4 | Net::Ip6, None) | (_, Some(_)) => Err(Error::EINVAL),
            (net, None) => Ok(net.into()),
        }
    }

    /// From the options of a socket that was opened elsewhere; `EAFNOSUPPORT` for other families and types.
    pub fn from_socket(family: Domain, kind: Type, protocol: i32) -> Result<Self> {
        let net = match (family, kind) {
            (Domain::IPV4, Type::STREAM) => Net::Tcp4,
            (Domain::IPV6, Type::STREAM) => Net::Tcp6,
            (Domain::IPV4, Type::DGRAM) => Net::Udp4,
            (Domain::IPV6, Type::DGRAM) => Net::Udp6,
            (Domain::IPV4, Type::RAW) => Net::Ip4,
            (Domain::IPV6, Type::RAW) => Net::Ip6,
            (Domain::UNIX, Type::STREAM) => Net::Unix,
            (Domain::UNIX, Type::DGRAM) => Net::Unixgram,
            (Domain::UNIX, Type::SEQPACKET) => Net::Unixpacket,
            _ => return Err(Error::EAFNOSUPPORT),
        };
        let raw = matches!(net, Net::Ip4 | Net::Ip6);
        Ok(Self { net, protocol: if raw { protocol as u8 } else { 0 } })
    }

    /// The text that names it.
    #[must_use]
    pub fn text(self) -> String {
        let name = NETS[self.net as usize].1;
        if !matches!(self.net, Net::Ip4 | Net::Ip6) {
            return name.to_owned();
        }
        match PROTOCOLS.iter().find(|(_, number)| *number == self.protocol) {
            Some((protocol, _)) => format!("{name}:{protocol}"),
            None => format!("{name}:{}", self.protocol),
        }
    }

    /// Its address family; `None` for `tcp` and `udp`, which are IPv6 or IPv4, and for what is no socket.
    #[must_use]
    pub const fn family(self) -> Option<Domain> {
        match self.net {
            Net::Tcp4 | Net::Udp4 | Net::Ip4 => Some(Domain::IPV4),
            Net::Tcp6 | Net::Udp6 | Net::Ip6 => Some(Domain::IPV6),
            Net::Unix | Net::Unixgram | Net::Unixpacket => Some(Domain::UNIX),
            Net::Tcp | Net::Udp => None,
            Net::Stream | Net::File | Net::Poller | Net::Queue => None,
        }
    }

    /// The kind of both families, for one of IPv6 that may be dual-stack as well.
    #[must_use]
    pub fn of_both_families(self) -> Option<Self> {
        match self.net {
            Net::Tcp6 => Some(Net::Tcp.into()),
            Net::Udp6 => Some(Net::Udp.into()),
            _ => None,
        }
    }

    /// The socket type (socket(2)).
    #[must_use]
    pub const fn transport(self) -> Type {
        match self.net {
            Net::Udp | Net::Udp4 | Net::Udp6 | Net::Unixgram => Type::DGRAM,
            Net::Unixpacket => Type::SEQPACKET,
            Net::Ip4 | Net::Ip6 => Type::RAW,
            _ => Type::STREAM,
        }
    }

    /// The protocol for socket(2): that of a raw kind, else the only one of family and type.
    #[must_use]
    pub fn protocol_number(self) -> i32 {
        match self.net {
            Net::Tcp | Net::Tcp4 | Net::Tcp6 => Protocol::TCP.into(),
            Net::Udp | Net::Udp4 | Net::Udp6 => Protocol::UDP.into(),
            _ => i32::from(self.protocol),
        }
    }

    /// Whether it is connection-oriented: connect or accept comes before any transfer.
    #[must_use]
    pub const fn is_connected_kind(self) -> bool {
        matches!(self.net, Net::Tcp | Net::Tcp4 | Net::Tcp6 | Net::Unix | Net::Unixpacket)
    }

    /// Whether it is a byte stream: it keeps no message boundaries.
    #[must_use]
    pub const fn is_byte_stream(self) -> bool {
        matches!(self.net, Net::Tcp | Net::Tcp4 | Net::Tcp6 | Net::Unix | Net::Stream | Net::File)
    }

    /// Whether it is TCP.
    #[must_use]
    pub const fn is_tcp(self) -> bool {
        matches!(self.net, Net::Tcp | Net::Tcp4 | Net::Tcp6)
    }

    /// Whether it is UDP.
    #[must_use]
    pub const fn is_udp(self) -> bool {
        matches!(self.net, Net::Udp | Net::Udp4 | Net::Udp6)
    }

    /// The class of its handles.
    #[must_use]
    pub const fn class(self) -> Class {
        match self.net {
            Net::Tcp | Net::Tcp4 | Net::Tcp6 | Net::Udp | Net::Udp4 | Net::Udp6 => Class::Socket,
            Net::Unix | Net::Unixgram | Net::Unixpacket | Net::Ip4 | Net::Ip6 => Class::Socket,
            Net::Stream => Class::Stream,
            Net::File => Class::File,
            Net::Poller => Class::Poller,
            Net::Queue => Class::Queue,
        }
    }

    /// Whether it is a socket.
    #[must_use]
    pub fn is_socket(self) -> bool {
        self.class() == Class::Socket
    }

    /// As the two bytes that a slot keeps.
    #[must_use]
    pub const fn pack(self) -> u16 {
        (self.net as u16) << 8 | self.protocol as u16
    }

    /// From the two bytes that a slot keeps.
    #[must_use]
    pub fn unpack(packed: u16) -> Self {
        Self { net: UNPACKED[usize::from(packed >> 8) % UNPACKED.len()], protocol: packed as u8 }
    }
}

fn parse_protocol(text: &str) -> Result<u8> {
    if let Some((_, number)) = PROTOCOLS.iter().find(|(name, _)| *name == text) {
        return Ok(*number);
    }
    match text.parse() {
        Ok(number) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(number),
        _ => Err(Error::EINVAL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_as_it_was_written() {
        for text in [
            "tcp",
            "tcp4",
            "tcp6",
            "udp",
            "udp4",
            "udp6",
            "unix",
            "unixgram",
            "unixpacket",
            "ip4:icmp",
            "ip6:icmpv6",
            "ip4:89",
        ] {
            let kind = Kind::parse(text).unwrap();
            assert_eq!(kind.text(), text);
            assert_eq!(Kind::unpack(kind.pack()), kind);
        }
        assert_eq!(Kind::parse("ip6:58"), Kind::parse("ip6:icmpv6"));
    }

    #[test]
    fn what_is_no_kind_is_refused() {
        for text in [
            "", "TCP", "tcp5", "tcp:", "tcp:80", "ip4", "ip4:", "ip4:256", "ip4:-1", "ip4:+1", "poller",
            "queue", "stream", "unix:x", " tcp",
        ] {
            assert_eq!(Kind::parse(text), Err(Error::EINVAL), "{text:?}");
        }
    }
}
