//! Linux's options. Not here: what every Unix has (`unix`).

use super::encoding::{Encoding, Field, SockOpt};
use super::unix::{COMMON, GROUPS, sockopt};
use libc::{IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP, SOL_SOCKET};
use std::mem::offset_of;

pub(super) const TABLES: &[&[(&str, SockOpt)]] = &[COMMON, GROUPS, LINUX];

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

const fn tcp_info(field: Field) -> SockOpt {
    sockopt(IPPROTO_TCP, libc::TCP_INFO, Encoding::Field(field))
}

const fn peer(field: usize) -> SockOpt {
    sockopt(SOL_SOCKET, libc::SO_PEERCRED, Encoding::Field(Field::word(field)))
}

const LINUX: &[(&str, SockOpt)] = &[
    ("reuse_port", sockopt(SOL_SOCKET, libc::SO_REUSEPORT, Encoding::Int)),
    ("linger", sockopt(SOL_SOCKET, libc::SO_LINGER, Encoding::Linger)),
    ("priority", sockopt(SOL_SOCKET, libc::SO_PRIORITY, Encoding::Int)),
    ("mark", sockopt(SOL_SOCKET, libc::SO_MARK, Encoding::Unsigned)),
    ("busy_poll", sockopt(SOL_SOCKET, libc::SO_BUSY_POLL, Encoding::Int)),
    ("incoming_cpu", sockopt(SOL_SOCKET, libc::SO_INCOMING_CPU, Encoding::Int)),
    ("timestamp", sockopt(SOL_SOCKET, libc::SO_TIMESTAMPNS, Encoding::Int)),
    ("tcp.keepalive_idle", sockopt(IPPROTO_TCP, libc::TCP_KEEPIDLE, Encoding::Seconds)),
    ("tcp.keepalive_interval", sockopt(IPPROTO_TCP, libc::TCP_KEEPINTVL, Encoding::Seconds)),
    ("tcp.keepalive_count", sockopt(IPPROTO_TCP, libc::TCP_KEEPCNT, Encoding::Int)),
    ("tcp.user_timeout", sockopt(IPPROTO_TCP, libc::TCP_USER_TIMEOUT, Encoding::Millis)),
    ("tcp.fastopen", sockopt(IPPROTO_TCP, libc::TCP_FASTOPEN, Encoding::Int)),
    ("tcp.fastopen_connect", sockopt(IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, Encoding::Int)),
    ("tcp.quickack", sockopt(IPPROTO_TCP, libc::TCP_QUICKACK, Encoding::Int)),
    ("tcp.cork", sockopt(IPPROTO_TCP, libc::TCP_CORK, Encoding::Int)),
    ("tcp.defer_accept", sockopt(IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, Encoding::Seconds)),
    ("tcp.not_sent_low_water", sockopt(IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, Encoding::Unsigned)),
    ("tcp.congestion", sockopt(IPPROTO_TCP, libc::TCP_CONGESTION, Encoding::Text)),
    // Offsets of struct tcp_info in linux/tcp.h, which only grows at its end.
    ("tcp.state", sockopt(IPPROTO_TCP, libc::TCP_INFO, Encoding::Word(Field::byte(0), STATES))),
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
    ("udp.segment", sockopt(IPPROTO_UDP, libc::UDP_SEGMENT, Encoding::Int)),
    ("udp.gro", sockopt(IPPROTO_UDP, libc::UDP_GRO, Encoding::Int)),
    ("ip.bind_device", sockopt(SOL_SOCKET, libc::SO_BINDTODEVICE, Encoding::DeviceName)),
    ("ip.mtu", sockopt(IPPROTO_IP, libc::IP_MTU, Encoding::Int)),
    (
        "ip.dont_fragment",
        sockopt(
            IPPROTO_IP,
            libc::IP_MTU_DISCOVER,
            Encoding::Either(libc::IP_PMTUDISC_DONT, libc::IP_PMTUDISC_DO),
        ),
    ),
    ("ip.freebind", sockopt(IPPROTO_IP, libc::IP_FREEBIND, Encoding::Int)),
    ("ip.transparent", sockopt(IPPROTO_IP, libc::IP_TRANSPARENT, Encoding::Int)),
    ("ip.packet_info", sockopt(IPPROTO_IP, libc::IP_PKTINFO, Encoding::Int)),
    ("ip.receive_ttl", sockopt(IPPROTO_IP, libc::IP_RECVTTL, Encoding::Int)),
    ("ip.receive_tos", sockopt(IPPROTO_IP, libc::IP_RECVTOS, Encoding::Int)),
    ("ip.multicast_ttl", sockopt(IPPROTO_IP, libc::IP_MULTICAST_TTL, Encoding::Int)),
    ("ip.multicast_loop", sockopt(IPPROTO_IP, libc::IP_MULTICAST_LOOP, Encoding::Int)),
    ("ip.multicast_all", sockopt(IPPROTO_IP, libc::IP_MULTICAST_ALL, Encoding::Int)),
    ("ipv6.receive_hops", sockopt(IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, Encoding::Int)),
    ("ipv6.receive_traffic_class", sockopt(IPPROTO_IPV6, libc::IPV6_RECVTCLASS, Encoding::Int)),
    ("ipv6.mtu", sockopt(IPPROTO_IPV6, libc::IPV6_MTU, Encoding::Int)),
    ("ipv6.freebind", sockopt(IPPROTO_IPV6, libc::IPV6_FREEBIND, Encoding::Int)),
    ("ipv6.transparent", sockopt(IPPROTO_IPV6, libc::IPV6_TRANSPARENT, Encoding::Int)),
    ("ipv6.multicast_all", sockopt(IPPROTO_IPV6, libc::IPV6_MULTICAST_ALL, Encoding::Int)),
    ("unix.credentials", sockopt(SOL_SOCKET, libc::SO_PASSCRED, Encoding::Int)),
    ("unix.peer_pid", peer(offset_of!(libc::ucred, pid))),
    ("unix.peer_uid", peer(offset_of!(libc::ucred, uid))),
    ("unix.peer_gid", peer(offset_of!(libc::ucred, gid))),
];

/// The names of the system's own timeouts of receiving and of sending; the second of each takes times of 64 bits
/// (asm-generic/socket.h).
pub(super) const TIMEOUTS: [&[i32]; 2] = [&[libc::SO_RCVTIMEO, 66], &[libc::SO_SNDTIMEO, 67]];
