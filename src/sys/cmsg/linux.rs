//! Control messages as Linux numbers them (ip(7), ipv6(7), unix(7), socket(7)). Not here: the header (`unix`).

use crate::sys::{Fd, Form, ReceivedForm, SentForms, close};
use libc::c_int;
use std::mem::{offset_of, size_of};

/// The flag that makes received descriptors close-on-exec.
pub(in crate::sys) const CMSG_CLOEXEC: c_int = libc::MSG_CMSG_CLOEXEC;

/// Whether a peek returns control data: it does, and new descriptors each time.
pub const PEEKS_CONTROL: bool = true;

/// Control messages as Linux numbers them (ip(7), ipv6(7), unix(7), socket(7)).
pub(in crate::sys) const RECEIVED: &[ReceivedForm] = &[
    (libc::SOL_SOCKET, libc::SCM_CREDENTIALS, Form::Credentials { process: 0, user: 4, group: 8 }),
    (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS, NANOSECONDS),
    (libc::IPPROTO_IP, libc::IP_PKTINFO, PACKET),
    (libc::IPPROTO_IP, libc::IP_TTL, Form::Hops),
    (libc::IPPROTO_IP, libc::IP_TOS, Form::TrafficClass),
    (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, Form::Packet6),
    (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, Form::Hops),
    (libc::IPPROTO_IPV6, libc::IPV6_TCLASS, Form::TrafficClass),
];

/// As [`RECEIVED`], for sending.
pub(in crate::sys) const SENT: SentForms = SentForms {
    credentials: Some((libc::SOL_SOCKET, libc::SCM_CREDENTIALS)),
    packet4: Some((libc::IPPROTO_IP, libc::IP_PKTINFO, PACKET)),
    hops4: Some((libc::IPPROTO_IP, libc::IP_TTL)),
    class4: Some((libc::IPPROTO_IP, libc::IP_TOS)),
    packet6: (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO),
    hops6: (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT),
    class6: (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
};

const PACKET: Form = Form::Packet4 {
    interface: offset_of!(libc::in_pktinfo, ipi_ifindex),
    local: Some(offset_of!(libc::in_pktinfo, ipi_spec_dst)),
    destination: offset_of!(libc::in_pktinfo, ipi_addr),
};

const NANOSECONDS: Form =
    Form::Time { offset: offset_of!(libc::timespec, tv_nsec), size: size_of::<libc::c_long>(), unit: 1 };

/// A control message with a descriptor of the sending process (pidfd): linux/socket.h; the libc crate lacks it.
const SCM_PIDFD: c_int = 4;

/// Closes the descriptor in a control message for which the caller has no room.
pub(in crate::sys) fn discard_control(level: c_int, kind: c_int, data: &[u8]) {
    if (level, kind) == (libc::SOL_SOCKET, SCM_PIDFD) {
        if let Ok(number) = data.try_into() {
            close(Fd(c_int::from_ne_bytes(number)));
        }
    }
}
