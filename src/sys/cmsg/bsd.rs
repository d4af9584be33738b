//! Control messages as macOS and the BSDs number them (ip(4), ip6(4), unix(4)). Not here: the header (`unix`).

use crate::sys::option::IP_RECVTTL;
use crate::sys::{Form, ReceivedForm, SentForms};
use libc::c_int;
use std::mem::offset_of;

/// The flag that makes received descriptors close-on-exec, where there is one.
#[cfg(not(target_vendor = "apple"))]
pub(in crate::sys) const CMSG_CLOEXEC: c_int = libc::MSG_CMSG_CLOEXEC;

#[cfg(target_vendor = "apple")]
pub(in crate::sys) const CMSG_CLOEXEC: c_int = 0;

/// Whether a peek returns control data: here it would be in the kernel's internal form.
pub const PEEKS_CONTROL: bool = false;

/// Control messages as these systems number them (ip(4), ip6(4), unix(4)).
pub(in crate::sys) const RECEIVED: &[ReceivedForm] = &[
    (libc::SOL_SOCKET, libc::SCM_TIMESTAMP, MICROSECONDS),
    #[cfg(any(target_os = "freebsd", target_os = "netbsd"))]
    (libc::SOL_SOCKET, CREDENTIALS.0, CREDENTIALS.1),
    #[cfg(any(target_vendor = "apple", target_os = "netbsd"))]
    (libc::IPPROTO_IP, libc::IP_PKTINFO, PACKET),
    #[cfg(any(target_os = "freebsd", target_os = "openbsd"))]
    (libc::IPPROTO_IP, libc::IP_RECVDSTADDR, PACKET),
    #[cfg(any(target_os = "freebsd", target_os = "openbsd"))]
    (libc::IPPROTO_IP, libc::IP_RECVIF, Form::Link),
    (libc::IPPROTO_IP, IP_RECVTTL, Form::Hops),
    #[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
    (libc::IPPROTO_IP, libc::IP_RECVTOS, Form::TrafficClass),
    (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, Form::Packet6),
    (libc::IPPROTO_IPV6, IPV6_HOPLIMIT, Form::Hops),
    (libc::IPPROTO_IPV6, libc::IPV6_TCLASS, Form::TrafficClass),
];

/// As [`RECEIVED`], for sending. These systems support little for IPv4.
pub(in crate::sys) const SENT: SentForms = SentForms {
    credentials: None,
    #[cfg(any(target_vendor = "apple", target_os = "netbsd"))]
    packet4: Some((libc::IPPROTO_IP, libc::IP_PKTINFO, PACKET)),
    #[cfg(any(target_os = "freebsd", target_os = "openbsd"))]
    packet4: Some((libc::IPPROTO_IP, libc::IP_SENDSRCADDR, PACKET)),
    hops4: None,
    class4: None,
    packet6: (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO),
    hops6: (libc::IPPROTO_IPV6, IPV6_HOPLIMIT),
    class6: (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
};

#[cfg(target_vendor = "apple")]
const PACKET: Form = Form::Packet4 {
    interface: offset_of!(libc::in_pktinfo, ipi_ifindex),
    local: Some(offset_of!(libc::in_pktinfo, ipi_spec_dst)),
    destination: offset_of!(libc::in_pktinfo, ipi_addr),
};

#[cfg(target_os = "netbsd")]
const PACKET: Form = Form::Packet4 {
    interface: offset_of!(libc::in_pktinfo, ipi_ifindex),
    local: None,
    destination: offset_of!(libc::in_pktinfo, ipi_addr),
};

#[cfg(any(target_os = "freebsd", target_os = "openbsd"))]
const PACKET: Form = Form::Destination4;

const MICROSECONDS: Form = Form::Time {
    offset: offset_of!(libc::timeval, tv_usec),
    size: size_of::<libc::suseconds_t>(),
    unit: 1_000,
};

/// `LOCAL_CREDS_PERSISTENT`'s `struct sockcred2`, which has the process too.
#[cfg(target_os = "freebsd")]
const CREDENTIALS: (c_int, Form) = (
    libc::SCM_CREDS2,
    Form::Credentials {
        process: offset_of!(libc::sockcred2, sc_pid),
        user: offset_of!(libc::sockcred2, sc_euid),
        group: offset_of!(libc::sockcred2, sc_egid),
    },
);

#[cfg(target_os = "netbsd")]
const CREDENTIALS: (c_int, Form) = (
    libc::SCM_CREDS,
    Form::Credentials {
        process: offset_of!(libc::sockcred, sc_pid),
        user: offset_of!(libc::sockcred, sc_euid),
        group: offset_of!(libc::sockcred, sc_egid),
    },
);

const IPV6_HOPLIMIT: c_int = 47;

/// No other control message has a descriptor that would have to be closed.
pub(in crate::sys) fn discard_control(_level: c_int, _kind: c_int, _data: &[u8]) {}
