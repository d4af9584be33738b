//! Windows' options. What Winsock reads and sets by WSAIoctl instead is in the table as an option of the pretended level `IOCTL`.

use super::encoding::{Encoding, Field, SockOpt};
use crate::sys::{Fd, INVALID, OsError, Result, get_option, ioctl, set_option};
use socket2::Domain;
use std::mem::offset_of;
use windows_sys::Win32::Networking::WinSock::{
    self as ws, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP, SOL_SOCKET,
};

/// The system is too old for what was asked.
pub(super) const LACKING: OsError = OsError(ws::WSAEOPNOTSUPP);

/// The width of a number in `struct linger`.
pub(super) const LINGER_PART: usize = size_of::<u16>();

/// Where `GROUP_REQ` has its address.
pub(super) const GROUP_OFFSET: usize = offset_of!(ws::GROUP_REQ, gr_group);

/// The level of what is no option but a control code; no protocol has this number.
const IOCTL: i32 = -1;

const fn sockopt(level: i32, name: i32, encoding: Encoding) -> SockOpt {
    SockOpt { level, name, encoding }
}

const fn group(level: i32, name: u32, encoding: Encoding) -> SockOpt {
    sockopt(level, name as i32, encoding)
}

const fn tcp_info(field: Field) -> SockOpt {
    sockopt(IOCTL, ws::SIO_TCP_INFO as i32, Encoding::Field(field))
}

/// `TCPSTATE`.
const STATES: &[&str] = &[
    "closed",
    "listen",
    "syn_sent",
    "syn_received",
    "established",
    "fin_wait_1",
    "fin_wait_2",
    "close_wait",
    "closing",
    "last_ack",
    "time_wait",
];

type Info = ws::TCP_INFO_v0;
const STATE: Encoding = Encoding::Word(Field::word(offset_of!(Info, State)), STATES);

pub(super) const TABLES: &[&[(&str, SockOpt)]] = &[WINDOWS];

const WINDOWS: &[(&str, SockOpt)] = &[
    ("reuse_address", sockopt(SOL_SOCKET, ws::SO_REUSEADDR, Encoding::Int)),
    ("exclusive_address", sockopt(SOL_SOCKET, ws::SO_EXCLUSIVEADDRUSE, Encoding::Int)),
    ("broadcast", sockopt(SOL_SOCKET, ws::SO_BROADCAST, Encoding::Int)),
    ("keepalive", sockopt(SOL_SOCKET, ws::SO_KEEPALIVE, Encoding::Int)),
    ("linger", sockopt(SOL_SOCKET, ws::SO_LINGER, Encoding::Linger)),
    ("oob_inline", sockopt(SOL_SOCKET, ws::SO_OOBINLINE, Encoding::Int)),
    ("receive_buffer", sockopt(SOL_SOCKET, ws::SO_RCVBUF, Encoding::Int)),
    ("send_buffer", sockopt(SOL_SOCKET, ws::SO_SNDBUF, Encoding::Int)),
    ("tcp.nodelay", sockopt(IPPROTO_TCP, ws::TCP_NODELAY, Encoding::Int)),
    ("tcp.keepalive_idle", sockopt(IPPROTO_TCP, ws::TCP_KEEPIDLE, Encoding::Seconds)),
    ("tcp.keepalive_interval", sockopt(IPPROTO_TCP, ws::TCP_KEEPINTVL, Encoding::Seconds)),
    ("tcp.keepalive_count", sockopt(IPPROTO_TCP, ws::TCP_KEEPCNT, Encoding::Int)),
    ("tcp.user_timeout", sockopt(IPPROTO_TCP, ws::TCP_MAXRT, Encoding::Seconds)),
    ("tcp.fastopen", sockopt(IPPROTO_TCP, ws::TCP_FASTOPEN, Encoding::Flag)),
    ("tcp.state", sockopt(IOCTL, ws::SIO_TCP_INFO as i32, STATE)),
    ("tcp.rtt", tcp_info(Field::word(offset_of!(Info, RttUs)))),
    ("tcp.congestion_window", tcp_info(Field::word(offset_of!(Info, Cwnd)))),
    ("tcp.bytes_sent", tcp_info(Field::long(offset_of!(Info, BytesOut)))),
    ("tcp.bytes_received", tcp_info(Field::long(offset_of!(Info, BytesIn)))),
    ("udp.segment", sockopt(IPPROTO_UDP, ws::UDP_SEND_MSG_SIZE, Encoding::Int)),
    ("udp.connection_reset", sockopt(IOCTL, ws::SIO_UDP_CONNRESET as i32, Encoding::Flag)),
    ("ip.ttl", sockopt(IPPROTO_IP, ws::IP_TTL, Encoding::Int)),
    ("ip.mtu", sockopt(IPPROTO_IP, ws::IP_MTU, Encoding::Int)),
    ("ip.dont_fragment", sockopt(IPPROTO_IP, ws::IP_DONTFRAGMENT, Encoding::Int)),
    ("ip.packet_info", sockopt(IPPROTO_IP, ws::IP_PKTINFO, Encoding::Int)),
    ("ip.receive_ttl", sockopt(IPPROTO_IP, ws::IP_RECVTTL, Encoding::Int)),
    ("ip.receive_tos", sockopt(IPPROTO_IP, ws::IP_RECVTOS, Encoding::Int)),
    ("ip.multicast_ttl", sockopt(IPPROTO_IP, ws::IP_MULTICAST_TTL, Encoding::Int)),
    ("ip.multicast_loop", sockopt(IPPROTO_IP, ws::IP_MULTICAST_LOOP, Encoding::Int)),
    ("ip.multicast_interface", sockopt(IPPROTO_IP, ws::IP_MULTICAST_IF, Encoding::Address)),
    ("ip.multicast_join", sockopt(IPPROTO_IP, ws::IP_ADD_MEMBERSHIP, Encoding::Mreq)),
    ("ip.multicast_leave", sockopt(IPPROTO_IP, ws::IP_DROP_MEMBERSHIP, Encoding::Mreq)),
    ("ip.multicast_join_source", group(IPPROTO_IP, ws::MCAST_JOIN_SOURCE_GROUP, Encoding::SourceGroup)),
    ("ip.multicast_leave_source", group(IPPROTO_IP, ws::MCAST_LEAVE_SOURCE_GROUP, Encoding::SourceGroup)),
    ("ipv6.only", sockopt(IPPROTO_IPV6, ws::IPV6_V6ONLY, Encoding::Int)),
    ("ipv6.hops", sockopt(IPPROTO_IPV6, ws::IPV6_UNICAST_HOPS, Encoding::Int)),
    ("ipv6.mtu", sockopt(IPPROTO_IPV6, ws::IPV6_MTU, Encoding::Int)),
    ("ipv6.dont_fragment", sockopt(IPPROTO_IPV6, ws::IPV6_DONTFRAG, Encoding::Int)),
    ("ipv6.packet_info", sockopt(IPPROTO_IPV6, ws::IPV6_PKTINFO, Encoding::Int)),
    ("ipv6.receive_hops", sockopt(IPPROTO_IPV6, ws::IPV6_HOPLIMIT, Encoding::Int)),
    ("ipv6.receive_traffic_class", sockopt(IPPROTO_IPV6, ws::IPV6_RECVTCLASS, Encoding::Int)),
    ("ipv6.multicast_hops", sockopt(IPPROTO_IPV6, ws::IPV6_MULTICAST_HOPS, Encoding::Int)),
    ("ipv6.multicast_loop", sockopt(IPPROTO_IPV6, ws::IPV6_MULTICAST_LOOP, Encoding::Int)),
    ("ipv6.multicast_interface", sockopt(IPPROTO_IPV6, ws::IPV6_MULTICAST_IF, Encoding::Index)),
    ("ipv6.multicast_join", sockopt(IPPROTO_IPV6, ws::IPV6_ADD_MEMBERSHIP, Encoding::Mreq6)),
    ("ipv6.multicast_leave", sockopt(IPPROTO_IPV6, ws::IPV6_DROP_MEMBERSHIP, Encoding::Mreq6)),
    (
        "ipv6.multicast_join_source",
        sockopt(IPPROTO_IPV6, ws::MCAST_JOIN_SOURCE_GROUP as i32, Encoding::SourceGroup),
    ),
    ("ipv6.multicast_leave_source", group(IPPROTO_IPV6, ws::MCAST_LEAVE_SOURCE_GROUP, Encoding::SourceGroup)),
    ("unix.peer_pid", sockopt(IOCTL, ws::SIO_AF_UNIX_GETPEERPID as i32, Encoding::Field(Field::word(0)))),
];

/// The first two bytes of a `SOCKADDR`.
pub(super) fn family_bytes(family: Domain, _length: u8) -> [u8; 2] {
    (i32::from(family) as u16).to_ne_bytes()
}

pub(super) fn read(fd: Fd, level: i32, name: i32, value: &mut [u8]) -> Result<usize> {
    let outcome = match level {
        // The input is the version of the structure that SIO_TCP_INFO shall return. The other code ignores it.
        IOCTL => ioctl(fd, name as u32, &0_u32.to_ne_bytes(), value),
        _ => get_option(fd, level, name, value),
    };
    // Nothing about a read can be invalid but the option itself.
    outcome.map_err(lacking)
}

fn lacking(error: OsError) -> OsError {
    if error == INVALID { LACKING } else { error }
}

pub(super) fn write(fd: Fd, level: i32, name: i32, value: &[u8]) -> Result<()> {
    match level {
        // These are switches, of which no value is invalid.
        IOCTL => ioctl(fd, name as u32, value, &mut []).map(drop).map_err(lacking),
        _ => match set_option(fd, level, name, value) {
            // Winsock has one error for an invalid value and for an option that this kind of socket lacks.
            Err(INVALID) if read(fd, level, name, &mut [0; 4]) == Err(LACKING) => Err(LACKING),
            other => other,
        },
    }
}

/// Says whether an IPv6 socket takes IPv6 alone.
pub fn set_v6_only(fd: Fd, only: bool) -> Result<()> {
    set_option(fd, IPPROTO_IPV6, ws::IPV6_V6ONLY, &i32::from(only).to_ne_bytes())
}

/// Whether an IPv6 socket takes IPv6 alone.
#[must_use]
pub fn is_v6_only(fd: Fd) -> bool {
    let mut only = [0; 4];
    get_option(fd, IPPROTO_IPV6, ws::IPV6_V6ONLY, &mut only).is_err() || only != [0; 4]
}

/// The default of a datagram socket here: a receive does not fail because an earlier send was refused. A Windows that lacks
/// one of these codes does not have the failure either.
pub fn set_datagram_default(fd: Fd) {
    for report in [ws::SIO_UDP_CONNRESET, ws::SIO_UDP_NETRESET] {
        let _ = ioctl(fd, report, &0_u32.to_ne_bytes(), &mut []);
    }
}

/// The default of a listener: here a port that nobody can take over. Ports in TIME_WAIT are free anyway.
pub fn set_listener_default(fd: Fd) -> Result<()> {
    set_option(fd, SOL_SOCKET, ws::SO_EXCLUSIVEADDRUSE, &1_i32.to_ne_bytes())
}

/// The names of the system's own timeouts of receiving and of sending.
pub(super) const TIMEOUTS: [&[i32]; 2] = [&[ws::SO_RCVTIMEO], &[ws::SO_SNDTIMEO]];
