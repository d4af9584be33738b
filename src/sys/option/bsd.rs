//! The options of macOS and the BSDs. Not here: what every Unix has (`unix`).

use super::encoding::{Encoding, Field, SockOpt};
use super::unix::{COMMON, GROUPS, sockopt};
use libc::{IPPROTO_IP, IPPROTO_TCP, SOL_SOCKET, c_int};
use std::mem::offset_of;

pub(super) const TABLES: &[&[(&str, SockOpt)]] = &[COMMON, GROUPS, BSD, INFO, OWN];

/// The states of netinet/tcp_fsm.h.
const STATES: &[&str] = &[
    "closed",
    "listen",
    "syn_sent",
    "syn_received",
    "established",
    "close_wait",
    "fin_wait_1",
    "closing",
    "last_ack",
    "fin_wait_2",
    "time_wait",
];

const BSD: &[(&str, SockOpt)] = &[
    // Some of them take an `int` as well, but all of them take one byte.
    ("ip.multicast_ttl", sockopt(IPPROTO_IP, libc::IP_MULTICAST_TTL, Encoding::Byte)),
    ("ip.multicast_loop", sockopt(IPPROTO_IP, libc::IP_MULTICAST_LOOP, Encoding::Byte)),
    ("tcp.state", sockopt(IPPROTO_TCP, TCP_INFO, Encoding::Word(Field::byte(0), STATES))),
    ("timestamp", sockopt(SOL_SOCKET, libc::SO_TIMESTAMP, Encoding::Int)),
    ("ip.receive_ttl", sockopt(IPPROTO_IP, IP_RECVTTL, Encoding::Int)),
    ("ipv6.receive_hops", sockopt(libc::IPPROTO_IPV6, IPV6_RECVHOPLIMIT, Encoding::Int)),
    ("ipv6.receive_traffic_class", sockopt(libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, Encoding::Int)),
    #[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
    ("ip.receive_tos", sockopt(IPPROTO_IP, libc::IP_RECVTOS, Encoding::Int)),
    // What other systems put into one control message comes in two here.
    #[cfg(any(target_os = "freebsd", target_os = "openbsd"))]
    ("ip.packet_info", sockopt(IPPROTO_IP, libc::IP_RECVDSTADDR, Encoding::Both(libc::IP_RECVIF))),
];

#[cfg(target_vendor = "apple")]
use libc::{TCP_CONNECTION_INFO as TCP_INFO, tcp_connection_info as Info};
#[cfg(not(target_vendor = "apple"))]
use libc::{TCP_INFO, tcp_info as Info};

// Both structures begin with the state.
const _: () = assert!(offset_of!(Info, tcpi_state) == 0);

const fn tcp_info(field: Field) -> SockOpt {
    sockopt(IPPROTO_TCP, TCP_INFO, Encoding::Field(field))
}

#[cfg(target_vendor = "apple")]
const INFO: &[(&str, SockOpt)] = &[
    ("tcp.rtt", tcp_info(Field::word(offset_of!(Info, tcpi_srtt)).millis())),
    ("tcp.rtt_variance", tcp_info(Field::word(offset_of!(Info, tcpi_rttvar)).millis())),
    ("tcp.congestion_window", tcp_info(Field::word(offset_of!(Info, tcpi_snd_cwnd)))),
    // The system's header calls this tcpi_txretransmitpackets.
    ("tcp.total_retransmits", tcp_info(Field::long(offset_of!(Info, tcpi_rxretransmitpackets)))),
    ("tcp.bytes_sent", tcp_info(Field::long(offset_of!(Info, tcpi_txbytes)))),
    ("tcp.bytes_received", tcp_info(Field::long(offset_of!(Info, tcpi_rxbytes)))),
];

#[cfg(not(target_vendor = "apple"))]
const INFO: &[(&str, SockOpt)] = &[
    ("tcp.rtt", tcp_info(Field::word(offset_of!(Info, tcpi_rtt)))),
    ("tcp.rtt_variance", tcp_info(Field::word(offset_of!(Info, tcpi_rttvar)))),
    ("tcp.congestion_window", tcp_info(Field::word(offset_of!(Info, tcpi_snd_cwnd)))),
    ("tcp.total_retransmits", tcp_info(Field::word(offset_of!(Info, tcpi_snd_rexmitpack)))),
];

#[cfg(target_vendor = "apple")]
const OWN: &[(&str, SockOpt)] = &[
    ("reuse_port", sockopt(SOL_SOCKET, libc::SO_REUSEPORT, Encoding::Int)),
    // SO_LINGER itself counts clock ticks here.
    ("linger", sockopt(SOL_SOCKET, libc::SO_LINGER_SEC, Encoding::Linger)),
    ("tcp.keepalive_idle", sockopt(IPPROTO_TCP, libc::TCP_KEEPALIVE, Encoding::Seconds)),
    ("tcp.keepalive_interval", sockopt(IPPROTO_TCP, libc::TCP_KEEPINTVL, Encoding::Seconds)),
    ("tcp.keepalive_count", sockopt(IPPROTO_TCP, libc::TCP_KEEPCNT, Encoding::Int)),
    ("tcp.user_timeout", sockopt(IPPROTO_TCP, TCP_RXT_CONNDROPTIME, Encoding::Seconds)),
    ("tcp.fastopen", sockopt(IPPROTO_TCP, libc::TCP_FASTOPEN, Encoding::Flag)),
    ("tcp.cork", sockopt(IPPROTO_TCP, libc::TCP_NOPUSH, Encoding::Int)),
    ("tcp.not_sent_low_water", sockopt(IPPROTO_TCP, TCP_NOTSENT_LOWAT, Encoding::Int)),
    ("ip.bind_device", sockopt(IPPROTO_IP, libc::IP_BOUND_IF, BOUND_INTERFACE)),
    ("ip.dont_fragment", sockopt(IPPROTO_IP, libc::IP_DONTFRAG, Encoding::Int)),
    ("ip.packet_info", sockopt(IPPROTO_IP, libc::IP_PKTINFO, Encoding::Int)),
    ("unix.peer_pid", sockopt(libc::SOL_LOCAL, libc::LOCAL_PEERPID, Encoding::Int)),
    ("unix.peer_uid", peer(offset_of!(libc::xucred, cr_uid))),
    // The first of the groups is the effective one.
    ("unix.peer_gid", peer(offset_of!(libc::xucred, cr_groups))),
];

#[cfg(target_vendor = "apple")]
const BOUND_INTERFACE: Encoding = Encoding::DeviceIndex(libc::IPPROTO_IPV6, libc::IPV6_BOUND_IF);

// From netinet/tcp.h; the libc crate lacks them.
#[cfg(target_vendor = "apple")]
const TCP_RXT_CONNDROPTIME: c_int = 0x80;
#[cfg(target_vendor = "apple")]
const TCP_NOTSENT_LOWAT: c_int = 0x201;

#[cfg(target_os = "freebsd")]
const OWN: &[(&str, SockOpt)] = &[
    // Plain SO_REUSEPORT does not spread connections over the listeners here.
    ("reuse_port", sockopt(SOL_SOCKET, libc::SO_REUSEPORT_LB, Encoding::Int)),
    ("linger", sockopt(SOL_SOCKET, libc::SO_LINGER, Encoding::Linger)),
    ("tcp.keepalive_idle", sockopt(IPPROTO_TCP, libc::TCP_KEEPIDLE, Encoding::Seconds)),
    ("tcp.keepalive_interval", sockopt(IPPROTO_TCP, libc::TCP_KEEPINTVL, Encoding::Seconds)),
    ("tcp.keepalive_count", sockopt(IPPROTO_TCP, libc::TCP_KEEPCNT, Encoding::Int)),
    ("tcp.user_timeout", sockopt(IPPROTO_TCP, libc::TCP_MAXUNACKTIME, Encoding::Seconds)),
    ("tcp.fastopen", sockopt(IPPROTO_TCP, libc::TCP_FASTOPEN, Encoding::Int)),
    ("tcp.cork", sockopt(IPPROTO_TCP, libc::TCP_NOPUSH, Encoding::Int)),
    ("tcp.congestion", sockopt(IPPROTO_TCP, libc::TCP_CONGESTION, Encoding::Text)),
    ("ip.dont_fragment", sockopt(IPPROTO_IP, libc::IP_DONTFRAG, Encoding::Int)),
    ("ip.freebind", sockopt(IPPROTO_IP, libc::IP_BINDANY, Encoding::Int)),
    ("ipv6.freebind", sockopt(libc::IPPROTO_IPV6, libc::IPV6_BINDANY, Encoding::Int)),
    ("unix.credentials", sockopt(libc::SOL_LOCAL, libc::LOCAL_CREDS_PERSISTENT, Encoding::Int)),
    ("unix.peer_pid", peer(offset_of!(libc::xucred, cr_pid__c_anonymous_union))),
    ("unix.peer_uid", peer(offset_of!(libc::xucred, cr_uid))),
    // The first of the groups is the effective one.
    ("unix.peer_gid", peer(offset_of!(libc::xucred, cr_groups))),
];

#[cfg(target_os = "netbsd")]
const OWN: &[(&str, SockOpt)] = &[
    ("reuse_port", sockopt(SOL_SOCKET, libc::SO_REUSEPORT, Encoding::Int)),
    ("linger", sockopt(SOL_SOCKET, libc::SO_LINGER, Encoding::Linger)),
    ("tcp.keepalive_idle", sockopt(IPPROTO_TCP, libc::TCP_KEEPIDLE, Encoding::Seconds)),
    ("tcp.keepalive_interval", sockopt(IPPROTO_TCP, libc::TCP_KEEPINTVL, Encoding::Seconds)),
    ("tcp.keepalive_count", sockopt(IPPROTO_TCP, libc::TCP_KEEPCNT, Encoding::Int)),
    ("tcp.congestion", sockopt(IPPROTO_TCP, libc::TCP_CONGCTL, Encoding::Text)),
    ("ip.packet_info", sockopt(IPPROTO_IP, libc::IP_RECVPKTINFO, Encoding::Int)),
    ("unix.credentials", sockopt(PEER_LEVEL, libc::LOCAL_CREDS, Encoding::Int)),
    ("unix.peer_pid", peer(offset_of!(libc::unpcbid, unp_pid))),
    ("unix.peer_uid", peer(offset_of!(libc::unpcbid, unp_euid))),
    ("unix.peer_gid", peer(offset_of!(libc::unpcbid, unp_egid))),
];

#[cfg(target_os = "openbsd")]
const OWN: &[(&str, SockOpt)] = &[
    ("reuse_port", sockopt(SOL_SOCKET, libc::SO_REUSEPORT, Encoding::Int)),
    ("linger", sockopt(SOL_SOCKET, libc::SO_LINGER, Encoding::Linger)),
    ("tcp.cork", sockopt(IPPROTO_TCP, libc::TCP_NOPUSH, Encoding::Int)),
    ("unix.peer_pid", peer(offset_of!(libc::sockpeercred, pid))),
    ("unix.peer_uid", peer(offset_of!(libc::sockpeercred, uid))),
    ("unix.peer_gid", peer(offset_of!(libc::sockpeercred, gid))),
];

/// A number of the structure with the peer's process, user and group.
const fn peer(offset: usize) -> SockOpt {
    sockopt(PEER_LEVEL, PEER_NAME, Encoding::Field(Field::word(offset)))
}

#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
const PEER_LEVEL: c_int = libc::SOL_LOCAL;
#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
const PEER_NAME: c_int = libc::LOCAL_PEERCRED;

/// The level of options of AF_UNIX (unix(4)): no protocol's number, and without a name in the headers.
#[cfg(target_os = "netbsd")]
const PEER_LEVEL: c_int = 0;
#[cfg(target_os = "netbsd")]
const PEER_NAME: c_int = libc::LOCAL_PEEREID;

#[cfg(target_os = "openbsd")]
const PEER_LEVEL: c_int = SOL_SOCKET;
#[cfg(target_os = "openbsd")]
const PEER_NAME: c_int = libc::SO_PEERCRED;

/// The names of the system's own timeouts of receiving and of sending.
pub(super) const TIMEOUTS: [&[i32]; 2] = [&[libc::SO_RCVTIMEO], &[libc::SO_SNDTIMEO]];

#[cfg(target_os = "netbsd")]
pub(in crate::sys) const IP_RECVTTL: c_int = 23;

#[cfg(target_os = "openbsd")]
pub(in crate::sys) const IP_RECVTTL: c_int = 31;

#[cfg(any(target_os = "netbsd", target_os = "openbsd"))]
pub(in crate::sys) const IPV6_RECVHOPLIMIT: c_int = 37;
#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
pub(in crate::sys) use libc::{IP_RECVTTL, IPV6_RECVHOPLIMIT};
