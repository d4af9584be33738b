//! Addresses as text ("127.0.0.1:80", "[::1]:80", "/tmp/socket"), written as they are read. Not here: the resolver
//! (`socket/resolve`), and addresses as memory (`flat`).

mod plain;

use crate::core::error::{Error, Result};
use crate::core::memory;
use crate::core::name::kind::{Kind, Net};
use crate::sys;
use socket2::{Domain, SockAddr};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// What an address text stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// A whole address.
    Literal(SockAddr),
    /// `:80`: every interface when bound, this machine when connected to.
    Any {
        /// The port's number or name.
        service: String,
    },
    /// What the resolver must answer: `localhost:80`, `127.0.0.1:http`.
    Name {
        /// The host's name, or its address where only the port has a name.
        host: String,
        /// The port's number or name.
        service: String,
    },
}

impl Address {
    /// From text; never blocks. `EINVAL` if it is malformed, `EAFNOSUPPORT` for an address of another family,
    /// `ENAMETOOLONG` for a unix path that is too long, `EOPNOTSUPP` for an abstract name where there are none,
    /// `EAI_NONAME` and `EAI_SERVICE` for names that are too long to exist, `ENOTSOCK` if the kind is no socket.
    pub fn parse(kind: Kind, text: &str) -> Result<Self> {
        match kind.net {
            Net::Unix | Net::Unixgram | Net::Unixpacket => parse_unix(text),
            Net::Ip4 | Net::Ip6 => parse_bare(kind, text),
            Net::Stream | Net::File | Net::Poller | Net::Queue => Err(Error::ENOTSOCK),
            _ => parse_host_port(kind, text),
        }
    }
}

fn parse_unix(text: &str) -> Result<Address> {
    if text.is_empty() {
        return Err(Error::EINVAL);
    }
    let address = match text.strip_prefix('@') {
        Some(name) if sys::HAS_ABSTRACT => {
            let mut bytes = memory::room(1 + name.len())?;
            bytes.push(0);
            bytes.extend_from_slice(name.as_bytes());
            sys::unix_address(&bytes)
        }
        Some(_) => return Err(Error::EOPNOTSUPP),
        None => sys::unix_address(text.as_bytes()),
    };
    // The only thing that can be wrong with such an address is its length. (Text never has a NUL.)
    address.map(Address::Literal).map_err(|_| Error::ENAMETOOLONG)
}

/// An address of a raw kind: a host without a port.
fn parse_bare(kind: Kind, text: &str) -> Result<Address> {
    if text.is_empty() {
        return Ok(Address::Any { service: "0".to_owned() });
    }
    match parse_ip(text)? {
        Some(ip) => literal(kind, ip, 0),
        None => Ok(Address::Name { host: host_name(text)?, service: "0".to_owned() }),
    }
}

fn parse_host_port(kind: Kind, text: &str) -> Result<Address> {
    if let Some(address) = plain::parse(text) {
        return literal(kind, Ip { ip: (*address.ip()).into(), scope: 0 }, address.port());
    }
    let (host, service) = text.rsplit_once(':').ok_or(Error::EINVAL)?;
    let port = parse_service(service)?;
    if host.is_empty() {
        return Ok(Address::Any { service: memory::text(service)? });
    }
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let ip = match bracketed {
        Some(inside) => Some(parse_ip(inside)?.filter(Ip::is_v6).ok_or(Error::EINVAL)?),
        None => parse_ip(host)?,
    };
    match (ip, port) {
        // `::1:80` without brackets could be an address with or without a port.
        (Some(ip), _) if ip.is_v6() && bracketed.is_none() => Err(Error::EINVAL),
        (Some(ip), Some(port)) => literal(kind, ip, port),
        (Some(ip), None) => {
            literal(kind, ip, 0)?;
            Ok(Address::Name {
                host: memory::text(bracketed.unwrap_or(host))?,
                service: memory::text(service)?,
            })
        }
        (None, _) => Ok(Address::Name { host: host_name(host)?, service: memory::text(service)? }),
    }
}

/// No name is longer (`NI_MAXHOST` is 1025 with its NUL).
const LONGEST_NAME: usize = 1024;

/// A port's number, or `None` for a name that the resolver may know.
fn parse_service(text: &str) -> Result<Option<u16>> {
    if text.is_empty() {
        return Err(Error::EINVAL);
    }
    if is_decimal(text) {
        return text.parse().map(Some).map_err(|_| Error::EINVAL);
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+*".contains(&byte);
    let named =
        text.as_bytes()[0].is_ascii_alphanumeric() && text.bytes().any(|byte| byte.is_ascii_alphabetic());
    match named && text.bytes().all(plain) {
        true if text.len() > LONGEST_NAME => Err(Error::EAI_SERVICE),
        true => Ok(None),
        false => Err(Error::EINVAL),
    }
}

/// A text that might be a host's name; `EINVAL` for what can't be one, before the resolver is asked.
fn host_name(text: &str) -> Result<String> {
    // glibc takes `*` for no name at all: it would be the loopback, where most mean every interface.
    let impossible = |byte: u8| byte <= b' ' || byte == 0x7f || b"[]/:@%*".contains(&byte);
    if text.bytes().any(impossible) || text.split('.').all(is_number) {
        return Err(Error::EINVAL);
    }
    if text.len() > LONGEST_NAME {
        return Err(Error::EAI_NONAME);
    }
    memory::text(text)
}

/// Whether a label of a name is a number. `127.1`, `0x7f.1`, `2130706433` and `010.0.0.1` are neither names nor addresses
/// here: the resolver would read them as inet_aton(3) does, which few expect, and which is known for slipping past filters.
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    hex.map_or_else(|| is_decimal(label), |digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_decimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The number of an interface, by its name or, where none has this name, its number in decimal (if_nametoindex(3));
/// `None` if it is neither.
pub fn interface(text: &str) -> Result<Option<u32>> {
    let named = sys::interface_index(text)?;
    Ok(named.or_else(|| text.parse().ok().filter(|_| is_decimal(text))))
}

/// An address with the number of its interface, for link-local ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Ip {
    ip: IpAddr,
    scope: u32,
}

impl Ip {
    const fn is_v6(&self) -> bool {
        self.ip.is_ipv6()
    }
}

/// An IP address, perhaps with a zone (`fe80::1%eth0`, RFC 4007); `None` for text that is no address.
fn parse_ip(text: &str) -> Result<Option<Ip>> {
    let Some((address, zone)) = text.split_once('%') else {
        return Ok(text.parse().ok().map(|ip| Ip { ip, scope: 0 }));
    };
    match address.parse::<Ipv6Addr>() {
        Ok(ip) if ip.to_ipv4_mapped().is_none() => {
            let scope = interface(zone)?.ok_or(Error::EINVAL)?;
            Ok(Some(Ip { ip: ip.into(), scope }))
        }
        _ => Err(Error::EINVAL),
    }
}

fn literal(kind: Kind, ip: Ip, port: u16) -> Result<Address> {
    let address = socket_address(ip.ip, ip.scope, port);
    match kind.family() {
        Some(family) if family != address.domain() => Err(Error::EAFNOSUPPORT),
        _ => Ok(Address::Literal(address)),
    }
}

/// The system's form of an address. An IPv4-mapped IPv6 address (RFC 4291) becomes the IPv4 address.
pub fn socket_address(ip: IpAddr, scope: u32, port: u16) -> SockAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => SocketAddr::from((ip, port)).into(),
        IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, scope).into(),
    }
}

/// The address of every interface (INADDR_ANY).
#[must_use]
pub fn wildcard(family: Domain, port: u16) -> SockAddr {
    either(family, Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED, port)
}

/// This machine's address (INADDR_LOOPBACK).
#[must_use]
pub fn loopback(family: Domain, port: u16) -> SockAddr {
    either(family, Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST, port)
}

fn either(family: Domain, v4: Ipv4Addr, v6: Ipv6Addr, port: u16) -> SockAddr {
    let ip = if family == Domain::IPV6 { IpAddr::from(v6) } else { IpAddr::from(v4) };
    SocketAddr::from((ip, port)).into()
}

/// Whether it is the address of every interface.
#[must_use]
pub fn is_wildcard(address: &SockAddr) -> bool {
    address.as_socket().is_some_and(|address| address.ip().is_unspecified())
}

/// The address as a socket of `family` takes it: a dual-stack IPv6 socket takes IPv4 as mapped addresses. `EAFNOSUPPORT`
/// if it can't take it.
pub fn fit(address: &SockAddr, family: Domain) -> Result<SockAddr> {
    if address.domain() == family {
        return Ok(address.clone());
    }
    match (address.as_socket(), family) {
        (Some(SocketAddr::V4(v4)), Domain::IPV6) => {
            Ok(SocketAddr::from((v4.ip().to_ipv6_mapped(), v4.port())).into())
        }
        _ => Err(Error::EAFNOSUPPORT),
    }
}

/// The text of an address: without a port for raw kinds, empty for unnamed sockets.
#[must_use]
pub fn format(kind: Kind, address: &SockAddr) -> String {
    if address.is_unix() {
        return format_unix(address);
    }
    let Some(address) = address.as_socket() else { return String::new() };
    let bare = matches!(kind.net, Net::Ip4 | Net::Ip6);
    match (canonical(address), bare) {
        (SocketAddr::V4(address), true) => address.ip().to_string(),
        (SocketAddr::V4(address), false) => plain::format(address),
        (SocketAddr::V6(address), true) => format!("{}{}", address.ip(), zone(&address)),
        (SocketAddr::V6(address), false) => {
            format!("[{}{}]:{}", address.ip(), zone(&address), address.port())
        }
    }
}

/// A dual-stack socket reports its IPv4 peers as mapped addresses; callers see them as IPv4.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => (ip, address.port()).into(),
        IpAddr::V6(_) => address,
    }
}

fn zone(address: &SocketAddrV6) -> String {
    match address.scope_id() {
        0 => String::new(),
        scope => match sys::interface_name(scope) {
            Some(name) => format!("%{name}"),
            None => format!("%{scope}"),
        },
    }
}

fn format_unix(address: &SockAddr) -> String {
    sys::unix_name(address).map_or_else(String::new, |name| {
        // An abstract name may hold any byte, and has a NUL in front; in C a NUL would end the text.
        let text = String::from_utf8_lossy(&name);
        // A path that begins with `@` must not read back as an abstract name.
        if text.starts_with('@') { format!("./{text}") } else { text.replace('\0', "@") }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: &str, text: &str) -> Result<Address> {
        Address::parse(Kind::parse(kind).unwrap(), text)
    }

    #[test]
    fn literals_read_back_as_they_were_written() {
        let loopback = sys::interfaces().unwrap().into_iter().find(|row| row.loopback).unwrap().name;
        for (kind, text) in [
            ("tcp", "127.0.0.1:80"),
            ("tcp4", "0.0.0.0:0"),
            ("tcp", "[::1]:65535"),
            ("udp6", &format!("[fe80::1%{loopback}]:53")),
            ("ip4:icmp", "127.0.0.1"),
            ("ip6:58", "::1"),
            ("unix", "/tmp/a socket"),
            ("unix", if sys::HAS_ABSTRACT { "@abstract" } else { "/tmp/concrete" }),
        ] {
            let Ok(Address::Literal(address)) = parse(kind, text) else { panic!("{kind} {text}") };
            assert_eq!(format(Kind::parse(kind).unwrap(), &address), text);
        }
    }

    #[test]
    fn names_are_left_to_the_resolver() {
        let name = |host: &str, service: &str| {
            Ok(Address::Name { host: host.to_owned(), service: service.to_owned() })
        };
        assert_eq!(parse("tcp", "localhost:http"), name("localhost", "http"));
        assert_eq!(parse("tcp", "127.0.0.1:http"), name("127.0.0.1", "http"));
        assert_eq!(parse("tcp", "[::1]:http"), name("::1", "http"));
        assert_eq!(parse("udp", ":53"), Ok(Address::Any { service: "53".to_owned() }));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            ":",
            "localhost",
            "127.0.0.1",
            "::1",
            "::1:80",
            "[::1]",
            "[::1:80",
            "[127.0.0.1]:80",
            "127.0.0.1:65536",
            "127.0.0.1:-1",
            "127.0.0.1:+1",
            "127.0.0.1: 80",
            "300.0.0.1:80",
            "1.2.3:80",
            "a b:80",
            "a/b:80",
            "*:80",
            "*.example:80",
            "[]:80",
            "[::1%]:80",
            "host:80:90",
            "host:",
            "host:8_0",
            "host: http",
            "host:-http",
            "[fe80::1%]:80",
            "[fe80::1%no such]:80",
            "[fe80::1%+1]:80",
            "[fe80::1%-1]:80",
            "[fe80::1%4294967296]:80",
            "[::ffff:127.0.0.1%1]:80",
            "[127.0.0.1%1]:80",
            "127.0.0.1%1:80",
            "localhost%1:80",
            "[localhost]:80",
        ] {
            assert_eq!(parse("tcp", text), Err(Error::EINVAL), "{text:?}");
        }
    }

    /// What inet_aton(3) takes for an address.
    #[test]
    fn numbers_that_are_no_address_are_no_name_either() {
        for host in [
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f.1",
            "0x7f.0.0.1",
            "0X7F000001",
            "0x",
            "017700000001",
            "010.0.0.1",
            "127.0.0.01",
            "127.0.0.1.",
            "127.0.0.1.1",
            "127..0.1",
            "256.0.0.1",
            "0",
            ".",
            "..",
        ] {
            for service in ["80", "http"] {
                assert_eq!(parse("tcp", &format!("{host}:{service}")), Err(Error::EINVAL), "{host:?}");
            }
            assert_eq!(parse("ip4:icmp", host), Err(Error::EINVAL), "{host:?}");
        }
        for host in
            ["1a", "0xy.1", "127.0.0.1.example", "1.2.3.com", "7-eleven", "0x7f.1.example", "localhost."]
        {
            let name = Address::Name { host: host.to_owned(), service: "80".to_owned() };
            assert_eq!(parse("tcp", &format!("{host}:80")), Ok(name), "{host:?}");
        }
    }

    #[test]
    fn zeros_before_a_port_mean_nothing() {
        for text in ["127.0.0.1:80", "127.0.0.1:080", "127.0.0.1:0000000080"] {
            let Ok(Address::Literal(address)) = parse("tcp", text) else { panic!("{text}") };
            assert_eq!(format(Net::Tcp.into(), &address), "127.0.0.1:80");
        }
    }

    #[test]
    fn an_address_of_another_family_is_refused() {
        assert_eq!(parse("tcp4", "[::1]:80"), Err(Error::EAFNOSUPPORT));
        assert_eq!(parse("udp6", "127.0.0.1:80"), Err(Error::EAFNOSUPPORT));
        assert_eq!(parse("unix", &"x".repeat(200)), Err(Error::ENAMETOOLONG));
    }

    #[test]
    fn a_mapped_address_is_an_ipv4_address() {
        let mapped = SockAddr::from("[::ffff:127.0.0.1]:80".parse::<SocketAddr>().unwrap());
        assert_eq!(format(Net::Tcp.into(), &mapped), "127.0.0.1:80");
        let plain = SockAddr::from("127.0.0.1:80".parse::<SocketAddr>().unwrap());
        assert_eq!(fit(&plain, Domain::IPV6).unwrap(), mapped);
        assert_eq!(parse("tcp", "[::ffff:127.0.0.1]:80"), Ok(Address::Literal(plain)));
    }
}
