//! Windows' options. What Winsock answers through WSAIoctl stands here as an option of the level `IOCTL`.

use super::form::{Field, Form, Native};
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

const fn native(level: i32, name: i32, form: Form) -> Native {
    Native { level, name, form }
}

const fn group(level: i32, name: u32, form: Form) -> Native {
    native(level, name as i32, form)
}

const fn tcp_info(field: Field) -> Native {
    native(IOCTL, ws::SIO_TCP_INFO as i32, Form::Field(field))
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
const STATE: Form = Form::Word(Field::word(offset_of!(Info, State)), STATES);

pub(super) const TABLES: &[&[(&str, Native)]] = &[WINDOWS];

const WINDOWS: &[(&str, Native)] = &[
    ("reuse_address", native(SOL_SOCKET, ws::SO_REUSEADDR, Form::Int)),
    ("exclusive_address", native(SOL_SOCKET, ws::SO_EXCLUSIVEADDRUSE, Form::Int)),
    ("broadcast", native(SOL_SOCKET, ws::SO_BROADCAST, Form::Int)),
    ("keepalive", native(SOL_SOCKET, ws::SO_KEEPALIVE, Form::Int)),
    ("linger", native(SOL_SOCKET, ws::SO_LINGER, Form::Linger)),
    ("oob_inline", native(SOL_SOCKET, ws::SO_OOBINLINE, Form::Int)),
    ("receive_buffer", native(SOL_SOCKET, ws::SO_RCVBUF, Form::Int)),
    ("send_buffer", native(SOL_SOCKET, ws::SO_SNDBUF, Form::Int)),
    ("tcp.nodelay", native(IPPROTO_TCP, ws::TCP_NODELAY, Form::Int)),
    ("tcp.keepalive_idle", native(IPPROTO_TCP, ws::TCP_KEEPIDLE, Form::Seconds)),
    ("tcp.keepalive_interval", native(IPPROTO_TCP, ws::TCP_KEEPINTVL, Form::Seconds)),
    ("tcp.keepalive_count", native(IPPROTO_TCP, ws::TCP_KEEPCNT, Form::Int)),
    ("tcp.user_timeout", native(IPPROTO_TCP, ws::TCP_MAXRT, Form::Seconds)),
    ("tcp.fastopen", native(IPPROTO_TCP, ws::TCP_FASTOPEN, Form::Flag)),
    ("tcp.state", native(IOCTL, ws::SIO_TCP_INFO as i32, STATE)),
    ("tcp.rtt", tcp_info(Field::word(offset_of!(Info, RttUs)))),
    ("tcp.congestion_window", tcp_info(Field::word(offset_of!(Info, Cwnd)))),
    ("tcp.bytes_sent", tcp_info(Field::long(offset_of!(Info, BytesOut)))),
    ("tcp.bytes_received", tcp_info(Field::long(offset_of!(Info, BytesIn)))),
    ("udp.segment", native(IPPROTO_UDP, ws::UDP_SEND_MSG_SIZE, Form::Int)),
    ("udp.connection_reset", native(IOCTL, ws::SIO_UDP_CONNRESET as i32, Form::Flag)),
    ("ip.ttl", native(IPPROTO_IP, ws::IP_TTL, Form::Int)),
    ("ip.mtu", native(IPPROTO_IP, ws::IP_MTU, Form::Int)),
    ("ip.dont_fragment", native(IPPROTO_IP, ws::IP_DONTFRAGMENT, Form::Int)),
    ("ip.packet_info", native(IPPROTO_IP, ws::IP_PKTINFO, Form::Int)),
    ("ip.receive_ttl", native(IPPROTO_IP, ws::IP_RECVTTL, Form::Int)),
    ("ip.receive_tos", native(IPPROTO_IP, ws::IP_RECVTOS, Form::Int)),
    ("ip.multicast_ttl", native(IPPROTO_IP, ws::IP_MULTICAST_TTL, Form::Int)),
    ("ip.multicast_loop", native(IPPROTO_IP, ws::IP_MULTICAST_LOOP, Form::Int)),
    ("ip.multicast_interface", native(IPPROTO_IP, ws::IP_MULTICAST_IF, Form::Address)),
    ("ip.multicast_join", native(IPPROTO_IP, ws::IP_ADD_MEMBERSHIP, Form::Mreq)),
    ("ip.multicast_leave", native(IPPROTO_IP, ws::IP_DROP_MEMBERSHIP, Form::Mreq)),
    ("ip.multicast_join_source", group(IPPROTO_IP, ws::MCAST_JOIN_SOURCE_GROUP, Form::SourceGroup)),
    ("ip.multicast_leave_source", group(IPPROTO_IP, ws::MCAST_LEAVE_SOURCE_GROUP, Form::SourceGroup)),
    ("ipv6.only", native(IPPROTO_IPV6, ws::IPV6_V6ONLY, Form::Int)),
    ("ipv6.hops", native(IPPROTO_IPV6, ws::IPV6_UNICAST_HOPS, Form::Int)),
    ("ipv6.mtu", native(IPPROTO_IPV6, ws::IPV6_MTU, Form::Int)),
    ("ipv6.dont_fragment", native(IPPROTO_IPV6, ws::IPV6_DONTFRAG, Form::Int)),
    ("ipv6.packet_info", native(IPPROTO_IPV6, ws::IPV6_PKTINFO, Form::Int)),
    ("ipv6.receive_hops", native(IPPROTO_IPV6, ws::IPV6_HOPLIMIT, Form::Int)),
    ("ipv6.receive_traffic_class", native(IPPROTO_IPV6, ws::IPV6_RECVTCLASS, Form::Int)),
    ("ipv6.multicast_hops", native(IPPROTO_IPV6, ws::IPV6_MULTICAST_HOPS, Form::Int)),
    ("ipv6.multicast_loop", native(IPPROTO_IPV6, ws::IPV6_MULTICAST_LOOP, Form::Int)),
    ("ipv6.multicast_interface", native(IPPROTO_IPV6, ws::IPV6_MULTICAST_IF, Form::Index)),
    ("ipv6.multicast_join", native(IPPROTO_IPV6, ws::IPV6_ADD_MEMBERSHIP, Form::Mreq6)),
    ("ipv6.multicast_leave", native(IPPROTO_IPV6, ws::IPV6_DROP_MEMBERSHIP, Form::Mreq6)),
    (
        "ipv6.multicast_join_source",
        native(IPPROTO_IPV6, ws::MCAST_JOIN_SOURCE_GROUP as i32, Form::SourceGroup),
    ),
    ("ipv6.multicast_leave_source", group(IPPROTO_IPV6, ws::MCAST_LEAVE_SOURCE_GROUP, Form::SourceGroup)),
    ("unix.peer_pid", native(IOCTL, ws::SIO_AF_UNIX_GETPEERPID as i32, Form::Field(Field::word(0)))),
];

/// The first two bytes of a `SOCKADDR`.
pub(super) fn family_bytes(family: Domain, _length: u8) -> [u8; 2] {
    (i32::from(family) as u16).to_ne_bytes()
}

pub(super) fn read(fd: Fd, level: i32, name: i32, value: &mut [u8]) -> Result<usize> {
    let outcome = match level {
        // SIO_TCP_INFO is told which version of its structure is wanted: 0. The other code ignores it.
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
            // Winsock has one word for a value that is none and for an option that this kind of socket lacks.
            Err(INVALID) if read(fd, level, name, &mut [0; 4]) == Err(LACKING) => Err(LACKING),
            other => other,
        },
    }
}

/// Says whether an IPv6 socket takes IPv6 alone.
pub fn set_v6_only(fd: Fd, only: bool) -> Result<()> {
    set_option(fd, IPPROTO_IPV6, ws::IPV6_V6ONLY, &i32::from(only).to_ne_bytes())
}

/// What a datagram socket has unless its owner says otherwise: here silence about what became of its datagrams. Systems
/// that do not know the one or the other do not report it.
pub fn set_datagram_default(fd: Fd) {
    for report in [ws::SIO_UDP_CONNRESET, ws::SIO_UDP_NETRESET] {
        let _ = ioctl(fd, report, &0_u32.to_ne_bytes(), &mut []);
    }
}

/// What a listener has unless its owner says otherwise: here a port that nobody can steal. Ports in
/// TIME_WAIT are free anyway.
pub fn set_listener_default(fd: Fd) -> Result<()> {
    set_option(fd, SOL_SOCKET, ws::SO_EXCLUSIVEADDRUSE, &1_i32.to_ne_bytes())
}

/// The options that are the system's own timeouts: of receiving, and of sending.
pub(super) const TIMEOUTS: [&[i32]; 2] = [&[ws::SO_RCVTIMEO], &[ws::SO_SNDTIMEO]];
