//! The options of macOS and the BSDs. Not here: what every Unix has (`unix`).

use super::form::{Field, Form, Native};
use super::unix::{COMMON, GROUPS, native};
use libc::{IPPROTO_IP, IPPROTO_TCP, SOL_SOCKET, c_int};
use std::mem::offset_of;

pub(super) const TABLES: &[&[(&str, Native)]] = &[COMMON, GROUPS, BSD, INFO, OWN];

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

const BSD: &[(&str, Native)] = &[
    // One byte is what all of them take.
    ("ip.multicast_ttl", native(IPPROTO_IP, libc::IP_MULTICAST_TTL, Form::Byte)),
    ("ip.multicast_loop", native(IPPROTO_IP, libc::IP_MULTICAST_LOOP, Form::Byte)),
    ("tcp.state", native(IPPROTO_TCP, TCP_INFO, Form::Word(Field::byte(0), STATES))),
    ("timestamp", native(SOL_SOCKET, libc::SO_TIMESTAMP, Form::Int)),
    ("ip.receive_ttl", native(IPPROTO_IP, IP_RECVTTL, Form::Int)),
    ("ipv6.receive_hops", native(libc::IPPROTO_IPV6, IPV6_RECVHOPLIMIT, Form::Int)),
    ("ipv6.receive_traffic_class", native(libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, Form::Int)),
    #[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
    ("ip.receive_tos", native(IPPROTO_IP, libc::IP_RECVTOS, Form::Int)),
    // What others tell in one message comes in two here.
    #[cfg(any(target_os = "freebsd", target_os = "openbsd"))]
    ("ip.packet_info", native(IPPROTO_IP, libc::IP_RECVDSTADDR, Form::Both(libc::IP_RECVIF))),
];

#[cfg(target_vendor = "apple")]
use libc::{TCP_CONNECTION_INFO as TCP_INFO, tcp_connection_info as Info};
#[cfg(not(target_vendor = "apple"))]
use libc::{TCP_INFO, tcp_info as Info};

// Both structures begin with the state.
const _: () = assert!(offset_of!(Info, tcpi_state) == 0);

const fn tcp_info(field: Field) -> Native {
    native(IPPROTO_TCP, TCP_INFO, Form::Field(field))
}

#[cfg(target_vendor = "apple")]
const INFO: &[(&str, Native)] = &[
    ("tcp.rtt", tcp_info(Field::word(offset_of!(Info, tcpi_srtt)).millis())),
    ("tcp.rtt_variance", tcp_info(Field::word(offset_of!(Info, tcpi_rttvar)).millis())),
    ("tcp.congestion_window", tcp_info(Field::word(offset_of!(Info, tcpi_snd_cwnd)))),
    // The system's header calls this tcpi_txretransmitpackets.
    ("tcp.total_retransmits", tcp_info(Field::long(offset_of!(Info, tcpi_rxretransmitpackets)))),
    ("tcp.bytes_sent", tcp_info(Field::long(offset_of!(Info, tcpi_txbytes)))),
    ("tcp.bytes_received", tcp_info(Field::long(offset_of!(Info, tcpi_rxbytes)))),
];

#[cfg(not(target_vendor = "apple"))]
const INFO: &[(&str, Native)] = &[
    ("tcp.rtt", tcp_info(Field::word(offset_of!(Info, tcpi_rtt)))),
    ("tcp.rtt_variance", tcp_info(Field::word(offset_of!(Info, tcpi_rttvar)))),
    ("tcp.congestion_window", tcp_info(Field::word(offset_of!(Info, tcpi_snd_cwnd)))),
    ("tcp.total_retransmits", tcp_info(Field::word(offset_of!(Info, tcpi_snd_rexmitpack)))),
];

#[cfg(target_vendor = "apple")]
const OWN: &[(&str, Native)] = &[
    ("reuse_port", native(SOL_SOCKET, libc::SO_REUSEPORT, Form::Int)),
    // SO_LINGER itself counts clock ticks here.
    ("linger", native(SOL_SOCKET, libc::SO_LINGER_SEC, Form::Linger)),
    ("tcp.keepalive_idle", native(IPPROTO_TCP, libc::TCP_KEEPALIVE, Form::Seconds)),
    ("tcp.keepalive_interval", native(IPPROTO_TCP, libc::TCP_KEEPINTVL, Form::Seconds)),
    ("tcp.keepalive_count", native(IPPROTO_TCP, libc::TCP_KEEPCNT, Form::Int)),
    ("tcp.user_timeout", native(IPPROTO_TCP, TCP_RXT_CONNDROPTIME, Form::Seconds)),
    ("tcp.fastopen", native(IPPROTO_TCP, libc::TCP_FASTOPEN, Form::Flag)),
    ("tcp.cork", native(IPPROTO_TCP, libc::TCP_NOPUSH, Form::Int)),
    ("tcp.not_sent_low_water", native(IPPROTO_TCP, TCP_NOTSENT_LOWAT, Form::Int)),
    ("ip.bind_device", native(IPPROTO_IP, libc::IP_BOUND_IF, BOUND_INTERFACE)),
    ("ip.dont_fragment", native(IPPROTO_IP, libc::IP_DONTFRAG, Form::Int)),
    ("ip.packet_info", native(IPPROTO_IP, libc::IP_PKTINFO, Form::Int)),
    ("unix.peer_pid", native(libc::SOL_LOCAL, libc::LOCAL_PEERPID, Form::Int)),
    ("unix.peer_uid", peer(offset_of!(libc::xucred, cr_uid))),
    // The first of the groups is the effective one.
    ("unix.peer_gid", peer(offset_of!(libc::xucred, cr_groups))),
];

#[cfg(target_vendor = "apple")]
const BOUND_INTERFACE: Form = Form::DeviceIndex(libc::IPPROTO_IPV6, libc::IPV6_BOUND_IF);

// From netinet/tcp.h; the libc crate lacks them.
#[cfg(target_vendor = "apple")]
const TCP_RXT_CONNDROPTIME: c_int = 0x80;
#[cfg(target_vendor = "apple")]
const TCP_NOTSENT_LOWAT: c_int = 0x201;

#[cfg(target_os = "freebsd")]
const OWN: &[(&str, Native)] = &[
    // Plain SO_REUSEPORT does not spread connections over the listeners here.
    ("reuse_port", native(SOL_SOCKET, libc::SO_REUSEPORT_LB, Form::Int)),
    ("linger", native(SOL_SOCKET, libc::SO_LINGER, Form::Linger)),
    ("tcp.keepalive_idle", native(IPPROTO_TCP, libc::TCP_KEEPIDLE, Form::Seconds)),
    ("tcp.keepalive_interval", native(IPPROTO_TCP, libc::TCP_KEEPINTVL, Form::Seconds)),
    ("tcp.keepalive_count", native(IPPROTO_TCP, libc::TCP_KEEPCNT, Form::Int)),
    ("tcp.user_timeout", native(IPPROTO_TCP, libc::TCP_MAXUNACKTIME, Form::Seconds)),
    ("tcp.fastopen", native(IPPROTO_TCP, libc::TCP_FASTOPEN, Form::Int)),
    ("tcp.cork", native(IPPROTO_TCP, libc::TCP_NOPUSH, Form::Int)),
    ("tcp.congestion", native(IPPROTO_TCP, libc::TCP_CONGESTION, Form::Text)),
    ("ip.dont_fragment", native(IPPROTO_IP, libc::IP_DONTFRAG, Form::Int)),
    ("ip.freebind", native(IPPROTO_IP, libc::IP_BINDANY, Form::Int)),
    ("ipv6.freebind", native(libc::IPPROTO_IPV6, libc::IPV6_BINDANY, Form::Int)),
    ("unix.credentials", native(libc::SOL_LOCAL, libc::LOCAL_CREDS_PERSISTENT, Form::Int)),
    ("unix.peer_pid", peer(offset_of!(libc::xucred, cr_pid__c_anonymous_union))),
    ("unix.peer_uid", peer(offset_of!(libc::xucred, cr_uid))),
    // The first of the groups is the effective one.
    ("unix.peer_gid", peer(offset_of!(libc::xucred, cr_groups))),
];

#[cfg(target_os = "netbsd")]
const OWN: &[(&str, Native)] = &[
    ("reuse_port", native(SOL_SOCKET, libc::SO_REUSEPORT, Form::Int)),
    ("linger", native(SOL_SOCKET, libc::SO_LINGER, Form::Linger)),
    ("tcp.keepalive_idle", native(IPPROTO_TCP, libc::TCP_KEEPIDLE, Form::Seconds)),
    ("tcp.keepalive_interval", native(IPPROTO_TCP, libc::TCP_KEEPINTVL, Form::Seconds)),
    ("tcp.keepalive_count", native(IPPROTO_TCP, libc::TCP_KEEPCNT, Form::Int)),
    ("tcp.congestion", native(IPPROTO_TCP, libc::TCP_CONGCTL, Form::Text)),
    ("ip.packet_info", native(IPPROTO_IP, libc::IP_RECVPKTINFO, Form::Int)),
    ("unix.credentials", native(PEER_LEVEL, libc::LOCAL_CREDS, Form::Int)),
    ("unix.peer_pid", peer(offset_of!(libc::unpcbid, unp_pid))),
    ("unix.peer_uid", peer(offset_of!(libc::unpcbid, unp_euid))),
    ("unix.peer_gid", peer(offset_of!(libc::unpcbid, unp_egid))),
];

#[cfg(target_os = "openbsd")]
const OWN: &[(&str, Native)] = &[
    ("reuse_port", native(SOL_SOCKET, libc::SO_REUSEPORT, Form::Int)),
    ("linger", native(SOL_SOCKET, libc::SO_LINGER, Form::Linger)),
    ("tcp.cork", native(IPPROTO_TCP, libc::TCP_NOPUSH, Form::Int)),
    ("unix.peer_pid", peer(offset_of!(libc::sockpeercred, pid))),
    ("unix.peer_uid", peer(offset_of!(libc::sockpeercred, uid))),
    ("unix.peer_gid", peer(offset_of!(libc::sockpeercred, gid))),
];

/// A number of the structure that tells who the peer is.
const fn peer(offset: usize) -> Native {
    native(PEER_LEVEL, PEER_NAME, Form::Field(Field::word(offset)))
}

#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
const PEER_LEVEL: c_int = libc::SOL_LOCAL;
#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
const PEER_NAME: c_int = libc::LOCAL_PEERCRED;

/// AF_UNIX is no protocol, and has no number of its own.
#[cfg(target_os = "netbsd")]
const PEER_LEVEL: c_int = 0;
#[cfg(target_os = "netbsd")]
const PEER_NAME: c_int = libc::LOCAL_PEEREID;

#[cfg(target_os = "openbsd")]
const PEER_LEVEL: c_int = SOL_SOCKET;
#[cfg(target_os = "openbsd")]
const PEER_NAME: c_int = libc::SO_PEERCRED;

/// The options that are the system's own timeouts: of receiving, and of sending.
pub(super) const TIMEOUTS: [&[i32]; 2] = [&[libc::SO_RCVTIMEO], &[libc::SO_SNDTIMEO]];

#[cfg(target_os = "netbsd")]
pub(in crate::sys) const IP_RECVTTL: c_int = 23;

#[cfg(target_os = "openbsd")]
pub(in crate::sys) const IP_RECVTTL: c_int = 31;

#[cfg(any(target_os = "netbsd", target_os = "openbsd"))]
pub(in crate::sys) const IPV6_RECVHOPLIMIT: c_int = 37;
#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
pub(in crate::sys) use libc::{IP_RECVTTL, IPV6_RECVHOPLIMIT};
