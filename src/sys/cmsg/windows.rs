//! Control messages on Windows: their header, and the tables of Winsock's numbers. Not here: Unix (`unix`, `linux`, `bsd`).

use crate::sys::{Fd, Form, ReceivedForm, SentForms};
use std::mem::{offset_of, size_of};
use windows_sys::Win32::Networking::WinSock as ws;

/// Whether messages can carry descriptors: not here.
pub const HAS_RIGHTS: bool = false;

/// Whether a peek returns control data.
pub const PEEKS_CONTROL: bool = true;

/// No message has this level.
pub(in crate::sys) const RIGHTS: (i32, i32) = (-1, -1);

/// The header of a control message.
pub(in crate::sys) type ControlHeader = ws::CMSGHDR;

/// Where its data begins.
pub(in crate::sys) const CONTROL_PAYLOAD: usize = size_of::<ControlHeader>().next_multiple_of(ALIGNMENT);

/// The alignment of control messages.
const ALIGNMENT: usize = size_of::<usize>();

/// The space of a control message with `length` bytes of data.
pub(in crate::sys) fn control_space(length: usize) -> usize {
    CONTROL_PAYLOAD + length.next_multiple_of(ALIGNMENT)
}

/// A length in the type of the header's field.
pub(in crate::sys) fn control_length(length: usize) -> [u8; size_of::<usize>()] {
    length.to_ne_bytes()
}

/// Never called, as no message carries descriptors.
pub(in crate::sys) fn received_right(_number: &[u8]) -> Fd {
    Fd::NONE
}

/// No control message has a descriptor that would have to be closed.
pub(in crate::sys) fn discard_control(_level: i32, _kind: i32, _data: &[u8]) {}

/// Control messages as Winsock numbers them.
pub(in crate::sys) const RECEIVED: &[ReceivedForm] = &[
    (ws::IPPROTO_IP, ws::IP_PKTINFO, PACKET),
    (ws::IPPROTO_IP, ws::IP_TTL, Form::Hops),
    (ws::IPPROTO_IP, ws::IP_HOPLIMIT, Form::Hops),
    (ws::IPPROTO_IP, ws::IP_TOS, Form::TrafficClass),
    (ws::IPPROTO_IPV6, ws::IPV6_PKTINFO, Form::Packet6),
    (ws::IPPROTO_IPV6, ws::IPV6_HOPLIMIT, Form::Hops),
    (ws::IPPROTO_IPV6, ws::IPV6_TCLASS, Form::TrafficClass),
];

/// As [`RECEIVED`], for sending.
pub(in crate::sys) const SENT: SentForms = SentForms {
    credentials: None,
    packet4: Some((ws::IPPROTO_IP, ws::IP_PKTINFO, PACKET)),
    hops4: Some((ws::IPPROTO_IP, ws::IP_TTL)),
    class4: Some((ws::IPPROTO_IP, ws::IP_TOS)),
    packet6: (ws::IPPROTO_IPV6, ws::IPV6_PKTINFO),
    hops6: (ws::IPPROTO_IPV6, ws::IPV6_HOPLIMIT),
    class6: (ws::IPPROTO_IPV6, ws::IPV6_TCLASS),
};

const PACKET: Form = Form::Packet4 {
    interface: offset_of!(ws::IN_PKTINFO, ipi_ifindex),
    local: None,
    destination: offset_of!(ws::IN_PKTINFO, ipi_addr),
};
