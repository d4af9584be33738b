//! Control messages on Windows: their header, and Winsock's numbers.

use crate::sys::{Fd, Form, ReceivedForm, SentForms};
use std::mem::{offset_of, size_of};
use windows_sys::Win32::Networking::WinSock as ws;

/// No descriptor goes along with a message.
pub const HAS_RIGHTS: bool = false;

/// A message that is left in the queue tells its control data too.
pub const PEEKS_CONTROL: bool = true;

/// No message has this level.
pub(in crate::sys) const RIGHTS: (i32, i32) = (-1, -1);

/// The header of a control message.
pub(in crate::sys) type ControlHeader = ws::CMSGHDR;

/// Where its data begins.
pub(in crate::sys) const CONTROL_PAYLOAD: usize = size_of::<ControlHeader>().next_multiple_of(ALIGNMENT);

/// To what control messages are aligned.
const ALIGNMENT: usize = size_of::<usize>();

/// How much room a control message takes with so much data.
pub(in crate::sys) fn control_space(length: usize) -> usize {
    CONTROL_PAYLOAD + length.next_multiple_of(ALIGNMENT)
}

/// A length as it stands in the header.
pub(in crate::sys) fn control_length(length: usize) -> [u8; size_of::<usize>()] {
    length.to_ne_bytes()
}

/// None comes.
pub(in crate::sys) fn received_right(_number: &[u8]) -> Fd {
    Fd::NONE
}

/// Nothing holds descriptors.
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
