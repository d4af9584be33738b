//! What Linux, macOS and the BSDs number alike in name. Not here: what only some of them have.

use super::form::{Form, Native};
use crate::sys::{Fd, OsError, Result, get_option, set_option};
use libc::{IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, SOL_SOCKET, c_int};
use socket2::Domain;

/// The kernel is too old for what was asked.
pub(super) const LACKING: OsError = OsError(libc::EOPNOTSUPP);

/// The width of a number in `struct linger`.
pub(super) const LINGER_PART: usize = size_of::<c_int>();

pub(super) const fn native(level: c_int, name: c_int, form: Form) -> Native {
    Native { level, name, form }
}

/// Options of all sockets, of TCP, and of both families.
pub(super) const COMMON: &[(&str, Native)] = &[
    ("reuse_address", native(SOL_SOCKET, libc::SO_REUSEADDR, Form::Int)),
    ("broadcast", native(SOL_SOCKET, libc::SO_BROADCAST, Form::Int)),
    ("keepalive", native(SOL_SOCKET, libc::SO_KEEPALIVE, Form::Int)),
    ("oob_inline", native(SOL_SOCKET, libc::SO_OOBINLINE, Form::Int)),
    ("receive_buffer", native(SOL_SOCKET, libc::SO_RCVBUF, Form::Int)),
    ("send_buffer", native(SOL_SOCKET, libc::SO_SNDBUF, Form::Int)),
    ("receive_low_water", native(SOL_SOCKET, libc::SO_RCVLOWAT, Form::Int)),
    ("send_low_water", native(SOL_SOCKET, libc::SO_SNDLOWAT, Form::Int)),
    ("tcp.nodelay", native(IPPROTO_TCP, libc::TCP_NODELAY, Form::Int)),
    ("tcp.max_segment", native(IPPROTO_TCP, libc::TCP_MAXSEG, Form::Int)),
    ("ip.ttl", native(IPPROTO_IP, libc::IP_TTL, Form::Int)),
    ("ip.tos", native(IPPROTO_IP, libc::IP_TOS, Form::Int)),
    ("ipv6.only", native(IPPROTO_IPV6, libc::IPV6_V6ONLY, Form::Int)),
    ("ipv6.hops", native(IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, Form::Int)),
    ("ipv6.traffic_class", native(IPPROTO_IPV6, libc::IPV6_TCLASS, Form::Int)),
    ("ipv6.dont_fragment", native(IPPROTO_IPV6, libc::IPV6_DONTFRAG, Form::Int)),
    ("ipv6.packet_info", native(IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, Form::Int)),
    ("ipv6.multicast_hops", native(IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS, Form::Int)),
    ("ipv6.multicast_loop", native(IPPROTO_IPV6, libc::IPV6_MULTICAST_LOOP, Form::Int)),
    ("ipv6.multicast_interface", native(IPPROTO_IPV6, libc::IPV6_MULTICAST_IF, Form::Index)),
];

/// Multicast as RFC 3678 has it, the same for both families.
#[cfg(not(any(target_os = "netbsd", target_os = "openbsd")))]
mod groups {
    use super::*;

    /// Where `struct group_req` has its address.
    pub const GROUP_OFFSET: usize = std::mem::offset_of!(libc::group_req, gr_group);

    const fn ip(name: c_int, form: Form) -> Native {
        native(IPPROTO_IP, name, form)
    }

    const fn ipv6(name: c_int, form: Form) -> Native {
        native(IPPROTO_IPV6, name, form)
    }

    pub const GROUPS: &[(&str, Native)] = &[
        ("ip.multicast_interface", ip(libc::IP_MULTICAST_IF, Form::Mreqn)),
        ("ip.multicast_join", ip(libc::MCAST_JOIN_GROUP, Form::Group)),
        ("ip.multicast_leave", ip(libc::MCAST_LEAVE_GROUP, Form::Group)),
        ("ip.multicast_join_source", ip(libc::MCAST_JOIN_SOURCE_GROUP, Form::SourceGroup)),
        ("ip.multicast_leave_source", ip(libc::MCAST_LEAVE_SOURCE_GROUP, Form::SourceGroup)),
        ("ipv6.multicast_join", ipv6(libc::MCAST_JOIN_GROUP, Form::Group)),
        ("ipv6.multicast_leave", ipv6(libc::MCAST_LEAVE_GROUP, Form::Group)),
        ("ipv6.multicast_join_source", ipv6(libc::MCAST_JOIN_SOURCE_GROUP, Form::SourceGroup)),
        ("ipv6.multicast_leave_source", ipv6(libc::MCAST_LEAVE_SOURCE_GROUP, Form::SourceGroup)),
    ];
}

/// Multicast without RFC 3678: no choice of senders, and IPv4 calls interfaces by their addresses.
#[cfg(any(target_os = "netbsd", target_os = "openbsd"))]
mod groups {
    use super::*;

    /// Not used: there is no `struct group_req`.
    pub const GROUP_OFFSET: usize = 8;

    pub const GROUPS: &[(&str, Native)] = &[
        ("ip.multicast_interface", native(IPPROTO_IP, libc::IP_MULTICAST_IF, Form::Address)),
        ("ip.multicast_join", native(IPPROTO_IP, libc::IP_ADD_MEMBERSHIP, Form::Mreq)),
        ("ip.multicast_leave", native(IPPROTO_IP, libc::IP_DROP_MEMBERSHIP, Form::Mreq)),
        ("ipv6.multicast_join", native(IPPROTO_IPV6, libc::IPV6_JOIN_GROUP, Form::Mreq6)),
        ("ipv6.multicast_leave", native(IPPROTO_IPV6, libc::IPV6_LEAVE_GROUP, Form::Mreq6)),
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

/// What a datagram socket has unless its owner says otherwise: nothing here.
pub fn set_datagram_default(_fd: Fd) {}

/// What a listener has unless its owner says otherwise: here a port that is free but for connections
/// that linger in TIME_WAIT.
pub fn set_listener_default(fd: Fd) -> Result<()> {
    set_option(fd, SOL_SOCKET, libc::SO_REUSEADDR, &c_int::from(true).to_ne_bytes())
}
