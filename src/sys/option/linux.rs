//! Linux's options. Not here: what every Unix has (`unix`).

use super::form::{Field, Form, Native};
use super::unix::{COMMON, GROUPS, native};
use libc::{IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP, SOL_SOCKET};
use std::mem::offset_of;

pub(super) const TABLES: &[&[(&str, Native)]] = &[COMMON, GROUPS, LINUX];

/// The states of linux/tcp_states.h. TCP_NEW_SYN_RECV (12) never gets out of the kernel.
const STATES: &[&str] = &[
    "",
    "established",
    "syn_sent",
    "syn_received",
    "fin_wait_1",
    "fin_wait_2",
    "time_wait",
    "closed",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
    "syn_received",
];

const fn tcp_info(field: Field) -> Native {
    native(IPPROTO_TCP, libc::TCP_INFO, Form::Field(field))
}

const fn peer(field: usize) -> Native {
    native(SOL_SOCKET, libc::SO_PEERCRED, Form::Field(Field::word(field)))
}

const LINUX: &[(&str, Native)] = &[
    ("reuse_port", native(SOL_SOCKET, libc::SO_REUSEPORT, Form::Int)),
    ("linger", native(SOL_SOCKET, libc::SO_LINGER, Form::Linger)),
    ("priority", native(SOL_SOCKET, libc::SO_PRIORITY, Form::Int)),
    ("mark", native(SOL_SOCKET, libc::SO_MARK, Form::Unsigned)),
    ("busy_poll", native(SOL_SOCKET, libc::SO_BUSY_POLL, Form::Int)),
    ("incoming_cpu", native(SOL_SOCKET, libc::SO_INCOMING_CPU, Form::Int)),
    ("timestamp", native(SOL_SOCKET, libc::SO_TIMESTAMPNS, Form::Int)),
    ("tcp.keepalive_idle", native(IPPROTO_TCP, libc::TCP_KEEPIDLE, Form::Seconds)),
    ("tcp.keepalive_interval", native(IPPROTO_TCP, libc::TCP_KEEPINTVL, Form::Seconds)),
    ("tcp.keepalive_count", native(IPPROTO_TCP, libc::TCP_KEEPCNT, Form::Int)),
    ("tcp.user_timeout", native(IPPROTO_TCP, libc::TCP_USER_TIMEOUT, Form::Millis)),
    ("tcp.fastopen", native(IPPROTO_TCP, libc::TCP_FASTOPEN, Form::Int)),
    ("tcp.fastopen_connect", native(IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, Form::Int)),
    ("tcp.quickack", native(IPPROTO_TCP, libc::TCP_QUICKACK, Form::Int)),
    ("tcp.cork", native(IPPROTO_TCP, libc::TCP_CORK, Form::Int)),
    ("tcp.defer_accept", native(IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, Form::Seconds)),
    ("tcp.not_sent_low_water", native(IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, Form::Unsigned)),
    ("tcp.congestion", native(IPPROTO_TCP, libc::TCP_CONGESTION, Form::Text)),
    // Offsets of struct tcp_info in linux/tcp.h, which only grows at its end.
    ("tcp.state", native(IPPROTO_TCP, libc::TCP_INFO, Form::Word(Field::byte(0), STATES))),
    ("tcp.retransmits", tcp_info(Field::byte(2))),
    ("tcp.unacked", tcp_info(Field::word(24))),
    ("tcp.rtt", tcp_info(Field::word(68))),
    ("tcp.rtt_variance", tcp_info(Field::word(72))),
    // Segments, times tcpi_snd_mss.
    ("tcp.congestion_window", tcp_info(Field::word(80).times(16))),
    ("tcp.total_retransmits", tcp_info(Field::word(100))),
    ("tcp.bytes_acked", tcp_info(Field::long(120))),
    ("tcp.bytes_received", tcp_info(Field::long(128))),
    ("tcp.delivery_rate", tcp_info(Field::long(160))),
    ("tcp.bytes_sent", tcp_info(Field::long(200))),
    ("udp.segment", native(IPPROTO_UDP, libc::UDP_SEGMENT, Form::Int)),
    ("udp.gro", native(IPPROTO_UDP, libc::UDP_GRO, Form::Int)),
    ("ip.bind_device", native(SOL_SOCKET, libc::SO_BINDTODEVICE, Form::DeviceName)),
    ("ip.mtu", native(IPPROTO_IP, libc::IP_MTU, Form::Int)),
    (
        "ip.dont_fragment",
        native(IPPROTO_IP, libc::IP_MTU_DISCOVER, Form::Either(libc::IP_PMTUDISC_DONT, libc::IP_PMTUDISC_DO)),
    ),
    ("ip.freebind", native(IPPROTO_IP, libc::IP_FREEBIND, Form::Int)),
    ("ip.transparent", native(IPPROTO_IP, libc::IP_TRANSPARENT, Form::Int)),
    ("ip.packet_info", native(IPPROTO_IP, libc::IP_PKTINFO, Form::Int)),
    ("ip.receive_ttl", native(IPPROTO_IP, libc::IP_RECVTTL, Form::Int)),
    ("ip.receive_tos", native(IPPROTO_IP, libc::IP_RECVTOS, Form::Int)),
    ("ip.multicast_ttl", native(IPPROTO_IP, libc::IP_MULTICAST_TTL, Form::Int)),
    ("ip.multicast_loop", native(IPPROTO_IP, libc::IP_MULTICAST_LOOP, Form::Int)),
    ("ip.multicast_all", native(IPPROTO_IP, libc::IP_MULTICAST_ALL, Form::Int)),
    ("ipv6.receive_hops", native(IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, Form::Int)),
    ("ipv6.receive_traffic_class", native(IPPROTO_IPV6, libc::IPV6_RECVTCLASS, Form::Int)),
    ("ipv6.mtu", native(IPPROTO_IPV6, libc::IPV6_MTU, Form::Int)),
    ("ipv6.freebind", native(IPPROTO_IPV6, libc::IPV6_FREEBIND, Form::Int)),
    ("ipv6.transparent", native(IPPROTO_IPV6, libc::IPV6_TRANSPARENT, Form::Int)),
    ("ipv6.multicast_all", native(IPPROTO_IPV6, libc::IPV6_MULTICAST_ALL, Form::Int)),
    ("unix.credentials", native(SOL_SOCKET, libc::SO_PASSCRED, Form::Int)),
    ("unix.peer_pid", peer(offset_of!(libc::ucred, pid))),
    ("unix.peer_uid", peer(offset_of!(libc::ucred, uid))),
    ("unix.peer_gid", peer(offset_of!(libc::ucred, gid))),
];

/// The options that are the system's own timeouts, also with times of 64 bits (asm-generic/socket.h): of receiving, and of
/// sending.
pub(super) const TIMEOUTS: [&[i32]; 2] = [&[libc::SO_RCVTIMEO, 66], &[libc::SO_SNDTIMEO, 67]];
