//! The options that Linux, macOS and the BSDs have by the same names, though with different numbers. Not here: what only some
//! of them have (`linux`, `bsd`).

use super::encoding::{Encoding, SockOpt};
use crate::sys::{Fd, OsError, Result, get_option, set_option};
use libc::{IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, SOL_SOCKET, c_int};
use socket2::Domain;

/// The kernel is too old for what was asked.
pub(super) const LACKING: OsError = OsError(libc::EOPNOTSUPP);

/// The width of a number in `struct linger`.
pub(super) const LINGER_PART: usize = size_of::<c_int>();

pub(super) const fn sockopt(level: c_int, name: c_int, encoding: Encoding) -> SockOpt {
    SockOpt { level, name, encoding }
}

/// Options of all sockets, of TCP, and of both families.
pub(super) const COMMON: &[(&str, SockOpt)] = &[
    ("reuse_address", sockopt(SOL_SOCKET, libc::SO_REUSEADDR, Encoding::Int)),
    ("broadcast", sockopt(SOL_SOCKET, libc::SO_BROADCAST, Encoding::Int)),
    ("keepalive", sockopt(SOL_SOCKET, libc::SO_KEEPALIVE, Encoding::Int)),
    ("oob_inline", sockopt(SOL_SOCKET, libc::SO_OOBINLINE, Encoding::Int)),
    ("receive_buffer", sockopt(SOL_SOCKET, libc::SO_RCVBUF, Encoding::Int)),
    ("send_buffer", sockopt(SOL_SOCKET, libc::SO_SNDBUF, Encoding::Int)),
    ("receive_low_water", sockopt(SOL_SOCKET, libc::SO_RCVLOWAT, Encoding::Int)),
    ("send_low_water", sockopt(SOL_SOCKET, libc::SO_SNDLOWAT, Encoding::Int)),
    ("tcp.nodelay", sockopt(IPPROTO_TCP, libc::TCP_NODELAY, Encoding::Int)),
    ("tcp.max_segment", sockopt(IPPROTO_TCP, libc::TCP_MAXSEG, Encoding::Int)),
    ("ip.ttl", sockopt(IPPROTO_IP, libc::IP_TTL, Encoding::Int)),
    ("ip.tos", sockopt(IPPROTO_IP, libc::IP_TOS, Encoding::Int)),
    ("ipv6.only", sockopt(IPPROTO_IPV6, libc::IPV6_V6ONLY, Encoding::Int)),
    ("ipv6.hops", sockopt(IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, Encoding::Int)),
    ("ipv6.traffic_class", sockopt(IPPROTO_IPV6, libc::IPV6_TCLASS, Encoding::Int)),
    ("ipv6.dont_fragment", sockopt(IPPROTO_IPV6, libc::IPV6_DONTFRAG, Encoding::Int)),
    ("ipv6.packet_info", sockopt(IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, Encoding::Int)),
    ("ipv6.multicast_hops", sockopt(IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS, Encoding::Int)),
    ("ipv6.multicast_loop", sockopt(IPPROTO_IPV6, libc::IPV6_MULTICAST_LOOP, Encoding::Int)),
    ("ipv6.multicast_interface", sockopt(IPPROTO_IPV6, libc::IPV6_MULTICAST_IF, Encoding::Index)),
];

/// Multicast as RFC 3678 has it, the same for both families.
#[cfg(not(any(target_os = "netbsd", target_os = "openbsd")))]
mod groups {
    use super::*;

    /// Where `struct group_req` has its address.
    pub const GROUP_OFFSET: usize = std::mem::offset_of!(libc::group_req, gr_group);

    const fn ip(name: c_int, encoding: Encoding) -> SockOpt {
        sockopt(IPPROTO_IP, name, encoding)
    }

    const fn ipv6(name: c_int, encoding: Encoding) -> SockOpt {
        sockopt(IPPROTO_IPV6, name, encoding)
    }

    pub const GROUPS: &[(&str, SockOpt)] = &[
        ("ip.multicast_interface", ip(libc::IP_MULTICAST_IF, Encoding::Mreqn)),
        ("ip.multicast_join", ip(libc::MCAST_JOIN_GROUP, Encoding::Group)),
        ("ip.multicast_leave", ip(libc::MCAST_LEAVE_GROUP, Encoding::Group)),
        ("ip.multicast_join_source", ip(libc::MCAST_JOIN_SOURCE_GROUP, Encoding::SourceGroup)),
        ("ip.multicast_leave_source", ip(libc::MCAST_LEAVE_SOURCE_GROUP, Encoding::SourceGroup)),
        ("ipv6.multicast_join", ipv6(libc::MCAST_JOIN_GROUP, Encoding::Group)),
        ("ipv6.multicast_leave", ipv6(libc::MCAST_LEAVE_GROUP, Encoding::Group)),
        ("ipv6.multicast_join_source", ipv6(libc::MCAST_JOIN_SOURCE_GROUP, Encoding::SourceGroup)),
        ("ipv6.multicast_leave_source", ipv6(libc::MCAST_LEAVE_SOURCE_GROUP, Encoding::SourceGroup)),
    ];
}

/// Multicast without RFC 3678: no choice of senders, and IPv4 calls interfaces by their addresses.
#[cfg(any(target_os = "netbsd", target_os = "openbsd"))]
mod groups {
    use super::*;

    /// Not used: there is no `struct group_req`.
    pub const GROUP_OFFSET: usize = 8;

    pub const GROUPS: &[(&str, SockOpt)] = &[
        ("ip.multicast_interface", sockopt(IPPROTO_IP, libc::IP_MULTICAST_IF, Encoding::Address)),
        ("ip.multicast_join", sockopt(IPPROTO_IP, libc::IP_ADD_MEMBERSHIP, Encoding::Mreq)),
        ("ip.multicast_leave", sockopt(IPPROTO_IP, libc::IP_DROP_MEMBERSHIP, Encoding::Mreq)),
        ("ipv6.multicast_join", sockopt(IPPROTO_IPV6, libc::IPV6_JOIN_GROUP, Encoding::Mreq6)),
        ("ipv6.multicast_leave", sockopt(IPPROTO_IPV6, libc::IPV6_LEAVE_GROUP, Encoding::Mreq6)),
    ];
}

pub(super) use groups::{GROUP_OFFSET, GROUPS};

/// The first two bytes of a `sockaddr`.
pub(super) fn family_bytes(family: Domain, length: u8) -> [u8; 2] {
    let family = c_int::from(family) as libc::sa_family_t;
    match family.to_ne_bytes().as_slice() {
        [one, two] => [*one, *two],
        // The BSDs keep the length in the first byte.
        _ => [length, family as u8],
    }
}

pub(super) fn read(fd: Fd, level: i32, name: i32, value: &mut [u8]) -> Result<usize> {
    get_option(fd, level, name, value)
}

pub(super) fn write(fd: Fd, level: i32, name: i32, value: &[u8]) -> Result<()> {
    set_option(fd, level, name, value)
}

/// Says whether an IPv6 socket takes IPv6 alone.
pub fn set_v6_only(fd: Fd, only: bool) -> Result<()> {
    set_option(fd, IPPROTO_IPV6, libc::IPV6_V6ONLY, &c_int::from(only).to_ne_bytes())
}

/// Whether an IPv6 socket takes IPv6 alone.
#[must_use]
pub fn is_v6_only(fd: Fd) -> bool {
    let mut only = [0; 4];
    get_option(fd, IPPROTO_IPV6, libc::IPV6_V6ONLY, &mut only).is_err() || only != [0; 4]
}

/// The default of a datagram socket: none here.
pub fn set_datagram_default(_fd: Fd) {}

/// The default of a listener: here a port may be bound although connections linger on it in TIME_WAIT.
pub fn set_listener_default(fd: Fd) -> Result<()> {
    set_option(fd, SOL_SOCKET, libc::SO_REUSEADDR, &c_int::from(true).to_ne_bytes())
}
