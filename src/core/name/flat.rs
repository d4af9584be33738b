//! Flat addresses: fixed-size structures without pointers, of one layout on every system (`anysock_address` in the
//! header), for callers who move many datagrams and want no text. Not here: addresses as text (`address`), and the
//! system's own structures (`sys`).

use crate::core::error::{Error, Result};
use crate::core::name::address::{self, Address};
use crate::core::name::kind::{Kind, Net};
use crate::sys;
use socket2::SockAddr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How many bytes it has in memory.
pub const SIZE: usize = 16 + ROOM;
/// How many bytes an address may have: the longest path of a unix socket (108 on Linux), rounded up.
pub const ROOM: usize = 112;

/// Linux's numbers of the families, which option "family" gives on every system too.
const NOBODY: i32 = 0;
const UNIX: i32 = 1;
const IPV4: i32 = 2;
const IPV6: i32 = 10;

/// An address. Unused fields and bytes are zero, so that equal addresses are equal byte for byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flat {
    /// Linux's number of the family; 0 for no address.
    pub family: i32,
    /// The port, in the order of this machine's bytes; 0 for unix addresses.
    pub port: u16,
    /// How many of `bytes` are used.
    pub length: u16,
    /// The number of the interface of a link-local IPv6 address, else 0.
    pub scope: u32,
    /// Zero; anything else is refused (EINVAL), so that a later version can give it a meaning.
    pub reserved: u32,
    /// The octets in network order, the path, or a zero and an abstract name.
    pub bytes: [u8; ROOM],
}

impl Flat {
    /// No address.
    pub const NONE: Self =
        Self { family: NOBODY, port: 0, length: 0, scope: 0, reserved: 0, bytes: [0; ROOM] };

    /// As it lies in memory.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; SIZE] {
        let Self { family, port, length, scope, reserved, bytes } = self;
        let mut flat = [0; SIZE];
        flat[..4].copy_from_slice(&family.to_ne_bytes());
        flat[4..6].copy_from_slice(&port.to_ne_bytes());
        flat[6..8].copy_from_slice(&length.to_ne_bytes());
        flat[8..12].copy_from_slice(&scope.to_ne_bytes());
        flat[12..16].copy_from_slice(&reserved.to_ne_bytes());
        flat[16..].copy_from_slice(bytes);
        flat
    }

    /// From text that is a whole address; `EINVAL` for a name, which only the resolver can answer. Never blocks.
    pub fn parse(kind: &str, text: &str) -> Result<Self> {
        match Address::parse(Kind::parse(kind)?, text)? {
            Address::Literal(address) => Ok(Self::from(&address)),
            // `:80` depends on whether it is for binding or connecting; a name depends on the resolver.
            Address::Any { .. } | Address::Name { .. } => Err(Error::EINVAL),
        }
    }

    /// The text of the address; empty for no address. Errors as [`Self::to_socket_address`].
    pub fn text(&self) -> Result<String> {
        match self.family {
            NOBODY => Ok(String::new()),
            _ => Ok(address::format(Net::Udp.into(), &self.to_socket_address()?)),
        }
    }

    /// Whether it is no address.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.family == NOBODY
    }

    /// Whether it is of the unix family and has no name (unix(7), "unnamed").
    #[must_use]
    pub const fn is_unnamed(&self) -> bool {
        self.family == UNIX && self.length == 0
    }

    /// As the system's calls take it: `EINVAL` for no address or a malformed one, `EAFNOSUPPORT` for an unknown family,
    /// `ENAMETOOLONG` for a unix path longer than this system's, `EOPNOTSUPP` for an abstract name where there are none.
    pub fn to_socket_address(&self) -> Result<SockAddr> {
        if self.reserved != 0 {
            return Err(Error::EINVAL);
        }
        match self.family {
            IPV4 => Ok(self.socket_address(Ipv4Addr::from(self.array::<4>()?))),
            IPV6 => Ok(self.socket_address(Ipv6Addr::from(self.array::<16>()?))),
            UNIX => self.unix_address(),
            NOBODY => Err(Error::EINVAL),
            _ => Err(Error::EAFNOSUPPORT),
        }
    }

    /// The bytes that are used; `EINVAL` if there are not so many.
    fn used_bytes(&self) -> Result<&[u8]> {
        self.bytes.get(..usize::from(self.length)).ok_or(Error::EINVAL)
    }

    fn array<const N: usize>(&self) -> Result<[u8; N]> {
        self.used_bytes()?.try_into().map_err(|_| Error::EINVAL)
    }

    fn socket_address(&self, ip: impl Into<IpAddr>) -> SockAddr {
        address::socket_address(ip.into(), self.scope, self.port)
    }

    fn unix_address(&self) -> Result<SockAddr> {
        let name = self.used_bytes()?;
        match name.split_first() {
            None => Err(Error::EINVAL),
            Some((0, _)) if !sys::HAS_ABSTRACT => Err(Error::EOPNOTSUPP),
            // The system ends a path at its first NUL: the rest would be lost silently.
            Some((1.., rest)) if rest.contains(&0) => Err(Error::EINVAL),
            Some(_) => sys::unix_address(name).map_err(|_| Error::ENAMETOOLONG),
        }
    }

    fn new(family: i32, port: u16, scope: u32, used: &[u8]) -> Self {
        let mut flat = Self { family, port, scope, length: used.len() as u16, ..Self::NONE };
        flat.bytes[..used.len()].copy_from_slice(used);
        flat
    }
}

impl From<&SockAddr> for Flat {
    /// An unnamed unix address becomes [`Flat::NONE`], as does one of another family.
    fn from(address: &SockAddr) -> Self {
        match address.as_socket() {
            Some(address) => Self::from(address),
            None if address.is_unix() => sys::unix_name(address)
                .filter(|name| name.len() <= ROOM)
                .map_or(Self::NONE, |name| Self::new(UNIX, 0, 0, &name)),
            None => Self::NONE,
        }
    }
}

impl From<SocketAddr> for Flat {
    #[inline]
    fn from(address: SocketAddr) -> Self {
        let port = address.port();
        match (address.ip().to_canonical(), address) {
            (IpAddr::V4(ip), _) => Self::new(IPV4, port, 0, &ip.octets()),
            (IpAddr::V6(ip), SocketAddr::V6(full)) => Self::new(IPV6, port, full.scope_id(), &ip.octets()),
            (IpAddr::V6(ip), SocketAddr::V4(_)) => Self::new(IPV6, port, 0, &ip.octets()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(family: i32, used: &[u8]) -> Flat {
        Flat::new(family, 80, 0, used)
    }

    #[test]
    fn text_reads_back_as_it_was_written() {
        for (kind, text) in [
            ("tcp", "127.0.0.1:80"),
            ("udp4", "0.0.0.0:0"),
            ("udp", "[::1]:65535"),
            ("tcp6", "[2001:db8::1]:443"),
            ("unix", "/tmp/a socket"),
        ] {
            assert_eq!(Flat::parse(kind, text).unwrap().text().as_deref(), Ok(text), "{kind}");
        }
    }

    #[test]
    fn an_address_survives_the_way_to_the_system_and_back() {
        for (kind, text) in [("udp", "192.0.2.1:53"), ("udp", "[fe80::1%7]:53"), ("unixgram", "/tmp/a")] {
            let flat = Flat::parse(kind, text).unwrap();
            assert_eq!(Flat::from(&flat.to_socket_address().unwrap()), flat, "{text}");
        }
    }

    #[test]
    fn an_abstract_name_of_no_letters_is_a_name() {
        if sys::HAS_ABSTRACT {
            let flat = Flat::parse("unix", "@").unwrap();
            assert_eq!((flat.length, flat.bytes[0]), (1, 0));
            let back = Flat::from(&flat.to_socket_address().unwrap());
            assert_eq!((back, back.text().as_deref()), (flat, Ok("@")));
        }
        assert!(Flat::from(&SockAddr::unix("").unwrap()).is_none());
    }

    #[test]
    fn a_mapped_address_is_an_ipv4_address() {
        let plain = Flat::parse("udp", "192.0.2.1:80").unwrap();
        assert_eq!(Flat::parse("udp", "[::ffff:192.0.2.1]:80"), Ok(plain));
        let mapped = flat(IPV6, &Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped().octets());
        assert_eq!(mapped.text().as_deref(), Ok("192.0.2.1:80"));
        assert_eq!(Flat::from(&mapped.to_socket_address().unwrap()), plain);
    }

    #[test]
    fn what_needs_a_resolver_or_a_purpose_is_refused() {
        for text in ["localhost:80", "127.0.0.1:http", ":80", "127.0.0.1", ""] {
            assert_eq!(Flat::parse("udp", text), Err(Error::EINVAL), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let reserved = Flat { reserved: 1, ..flat(IPV4, &[127, 0, 0, 1]) };
        let endless = Flat { length: ROOM as u16 + 1, ..flat(UNIX, b"/tmp/a") };
        for (address, error) in [
            (reserved, Error::EINVAL),
            (endless, Error::EINVAL),
            (flat(IPV4, &[127, 0, 0]), Error::EINVAL),
            (flat(IPV4, &[0; 16]), Error::EINVAL),
            (flat(IPV6, &[0; 4]), Error::EINVAL),
            (flat(UNIX, b""), Error::EINVAL),
            (flat(UNIX, b"/tmp\0a"), Error::EINVAL),
            (flat(UNIX, &[b'x'; ROOM]), Error::ENAMETOOLONG),
            (flat(3, &[127, 0, 0, 1]), Error::EAFNOSUPPORT),
            (flat(-1, &[]), Error::EAFNOSUPPORT),
        ] {
            assert_eq!(address.text(), Err(error), "{address:?}");
        }
        assert_eq!(Flat::NONE.text().as_deref(), Ok(""));
    }
}
