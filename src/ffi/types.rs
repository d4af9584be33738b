//! The types and numbers that the functions share. The error codes and the option names are not here:
//! the header gets them from the tables in `core`.
#![allow(non_camel_case_types)]

use std::ffi::c_void;

/// The version of the interface that this header describes; compare with `anysock_abi_version()`.
pub const ANYSOCK_ABI_VERSION: i64 = 1;

/// One millisecond in the unit of every timeout.
pub const ANYSOCK_MILLISECOND: i64 = 1000;
/// One second in the unit of every timeout.
pub const ANYSOCK_SECOND: i64 = 1000000;

/// `anysock_shutdown`: no more reading.
pub const ANYSOCK_SHUT_READ: i32 = 1;
/// `anysock_shutdown`: no more writing; the peer sees the end of the stream.
pub const ANYSOCK_SHUT_WRITE: i32 = 2;
/// `anysock_shutdown`: neither.
pub const ANYSOCK_SHUT_BOTH: i32 = 3;

/// Receiving: leave the data in the queue.
pub const ANYSOCK_PEEK: i32 = 1;
/// Sending and receiving: urgent (out-of-band) data, of which TCP has one byte.
pub const ANYSOCK_OOB: i32 = 2;
/// Receiving: wait until the whole length is there, the stream ends or an error comes.
pub const ANYSOCK_WAIT_ALL: i32 = 4;
/// Sending and receiving: `ANYSOCK_EAGAIN` rather than wait, in this one call.
pub const ANYSOCK_DONT_WAIT: i32 = 8;
/// Receiving a datagram: the result is its real length, even if that is more than the memory holds.
pub const ANYSOCK_TRUNC: i32 = 16;
/// Sending: more follows at once, so hold back a segment that is not full. A hint: ignored where the system has none.
pub const ANYSOCK_MORE: i32 = 32;
/// Told of a message: control data or handles did not fit, and are gone. Not for asking.
pub const ANYSOCK_CONTROL_TRUNC: i32 = 64;

/// Control data: whose message it is. `pid`, `uid`, `gid`. Option "unix.credentials".
pub const ANYSOCK_CONTROL_CREDENTIALS: i32 = 1;
/// Control data: interface and addresses. `interface`, `local`, `destination`. Options "ip.packet_info", "ipv6.packet_info".
pub const ANYSOCK_CONTROL_PACKET_INFO: i32 = 2;
/// Control data: TTL or hop limit, in `value`. Options "ip.receive_ttl", "ipv6.receive_hops".
pub const ANYSOCK_CONTROL_TTL: i32 = 3;
/// Control data: TOS or traffic class, in `value`. Options "ip.receive_tos", "ipv6.receive_traffic_class".
pub const ANYSOCK_CONTROL_TOS: i32 = 4;
/// Control data, received only: when the message came, in `value`, as nanoseconds since 1970. Option "timestamp".
pub const ANYSOCK_CONTROL_TIMESTAMP: i32 = 5;

/// Asked for and reported: a read would not block.
pub const ANYSOCK_READ: i32 = 1;
/// Asked for and reported: a write would not block.
pub const ANYSOCK_WRITE: i32 = 2;
/// Asked for and reported: urgent data, or a connect that failed.
pub const ANYSOCK_EXCEPT: i32 = 4;
/// Reported with the others: the connection is over in both directions.
pub const ANYSOCK_HANGUP: i32 = 8;
/// Reported with the others: an error is pending.
pub const ANYSOCK_ERROR: i32 = 16;
/// Asked for: report a change once (edge-triggered), not as long as it lasts.
pub const ANYSOCK_EDGE: i32 = 32;
/// Asked for: report once, then nothing until the socket is set again.
pub const ANYSOCK_ONESHOT: i32 = 64;

/// A handle: 1 to 2^53-1, so that a double holds it. It stands for a socket, a poller, a pipe or terminal.
///
/// A number that was never given out, or whose owner is closed, gives `ANYSOCK_EBADF` from every function; no number
/// is ever given out twice. Any function may be called on any handle from any thread at any time.
pub type anysock_t = i64;

/// A set of handles for `anysock_select`: an array of any length, in the caller's memory.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anysock_handles {
    /// How many handles there are.
    pub count: i64,
    /// The first of them. May be NULL when `count` is 0.
    pub handles: *mut anysock_t,
}

/// A piece of the caller's memory for `anysock_readv` and `anysock_writev`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anysock_buffer {
    /// Its first byte. May be NULL when `length` is 0.
    pub data: *mut c_void,
    /// How many bytes.
    pub length: usize,
}

/// An address as flat memory: 128 bytes, the same layout on every system, without a pointer.
///
/// Made by `anysock_address_parse`, told by `anysock_recv_many`. What is not used is 0, so that equal addresses are equal
/// byte for byte. All zero is no address.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anysock_address {
    /// At offset 0: 2 for IPv4, 10 for IPv6, 1 for unix, as option "family" gives them; 0 for no address.
    pub family: i32,
    /// At offset 4: the port, as a plain number (host byte order).
    pub port: u16,
    /// At offset 6: how many of `bytes` count: 4 for IPv4, 16 for IPv6.
    pub length: u16,
    /// At offset 8: the number of the interface that a link-local IPv6 address belongs to, else 0.
    pub scope: u32,
    /// At offset 12: 0.
    pub reserved: u32,
    /// At offset 16: the octets in the order in which they are written; a path; or a 0 and an abstract name. No NUL ends it.
    pub bytes: [u8; 112],
}

/// One datagram of an array for `anysock_recv_many` and `anysock_send_many`: 40 bytes where a pointer has 8, without padding.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anysock_datagram {
    /// At offset 0: its first byte. May be NULL when `length` is 0.
    pub data: *mut c_void,
    /// At offset 8: how many bytes there are to be sent, or how many there is room for. The library does not change it.
    pub length: usize,
    /// At offset 16, set by the call: how many bytes were received or sent; with `ANYSOCK_TRUNC` the datagram's real length.
    pub result: i64,
    /// At offset 24: where the sender's address goes, NULL if it is not wanted; or where to send to, NULL for the connected
    /// peer. When sending, an address whose `family` is 0 is as NULL.
    pub address: *mut anysock_address,
    /// At offset 32, set by receiving: `ANYSOCK_TRUNC` if the datagram was longer than `length`, else 0. Not looked at.
    pub flags: i32,
    /// At offset 36: when sending, the size of the datagrams that this one is cut into, 0 to leave that to option
    /// "udp.segment". Set by receiving: with option "udp.gro", the size of the datagrams that were joined to this one, of
    /// which the last may be shorter; 0 for one that is as it was sent.
    pub segment: i32,
}

/// A piece of control data, of whatever kind: 288 bytes, the same layout on every system, without a pointer.
///
/// Receiving fills in what `kind` says and sets the rest to 0; sending ignores the rest.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anysock_control {
    /// At offset 0: `ANYSOCK_CONTROL_CREDENTIALS`, `ANYSOCK_CONTROL_PACKET_INFO` or another of these numbers.
    pub kind: i32,
    /// At offset 4: the number of the interface by which the message came or shall go; 0 for none.
    pub interface: u32,
    /// At offset 8: TTL, TOS or time.
    pub value: i64,
    /// At offset 16: the process that sent the message.
    pub pid: i32,
    /// At offset 20: its user.
    pub uid: u32,
    /// At offset 24: its group.
    pub gid: u32,
    /// At offset 28: 0.
    pub reserved: u32,
    /// At offset 32: this machine's own address: the one by which the message came, or from which it shall go. No address
    /// if the system does not tell, or shall choose.
    pub local: anysock_address,
    /// At offset 160, received only: the address that the message was sent to, which may be one of many machines.
    pub destination: anysock_address,
}

/// A message for `anysock_recv_message` and `anysock_send_message`: data and what goes beside it.
///
/// It may grow at its end. `size` says how much of it the caller knows: at least up to `buffer_count`, and whole fields.
/// What the caller does not know counts as 0; a larger one than the library knows is fine if the rest is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anysock_message {
    /// `sizeof(anysock_message)`.
    pub size: u32,
    /// Receiving tells: `ANYSOCK_TRUNC` if the data did not fit, `ANYSOCK_CONTROL_TRUNC`, `ANYSOCK_OOB` for urgent data. Sending
    /// ignores it.
    pub flags: i32,
    /// The pieces of memory for the data. May be NULL when `buffer_count` is 0.
    pub buffers: *mut anysock_buffer,
    /// How many; the system moves 1,024 in one call.
    pub buffer_count: usize,
    /// Receiving: who sent it. Sending: to whom; NULL or no address (`family` 0) is the connected peer.
    pub address: *mut anysock_address,
    /// Control data that anysock knows. May be NULL when `control_count` is 0.
    pub controls: *mut anysock_control,
    /// How many. Receiving: in, how many there is room for; out, how many have come.
    pub control_count: usize,
    /// Handles that go along with a message of a unix kind. May be NULL when `handle_count` is 0.
    pub handles: *mut anysock_t,
    /// How many. Receiving: in, how many there is room for; out, how many have come.
    pub handle_count: usize,
    /// Control data as the system lays it out (`struct cmsghdr`), for what anysock does not know. May be NULL when
    /// `raw_length` is 0.
    pub raw_control: *mut c_void,
    /// How many bytes. Receiving: in, how many there is room for; out, how many have come.
    pub raw_length: usize,
}

/// One answer of `anysock_poller_wait`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anysock_event {
    /// What was given to `anysock_poller_set`.
    pub token: i64,
    /// The socket that is ready.
    pub handle: anysock_t,
    /// `ANYSOCK_READ`, `ANYSOCK_WRITE`, `ANYSOCK_EXCEPT`, `ANYSOCK_HANGUP`, `ANYSOCK_ERROR`, added up.
    pub events: i32,
    /// 0.
    pub reserved: i32,
}
