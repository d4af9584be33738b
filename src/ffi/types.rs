//! The types and numbers that the functions share. Not here: the error codes and the option names, which the header gets
//! from the tables in `core`.
#![allow(non_camel_case_types)]

use std::ffi::c_void;

/// The version of the interface that this header describes; compare with `anysock_abi_version()`.
pub const ANYSOCK_HEADER_ABI: i64 = 1;

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
pub const ANYSOCK_FLAG_PEEK: i32 = 1;
/// Sending and receiving: urgent (out-of-band) data, of which TCP has one byte.
pub const ANYSOCK_FLAG_OOB: i32 = 2;
/// Receiving: wait until the whole length has come, the stream ends or an error comes (recv(2), MSG_WAITALL).
pub const ANYSOCK_FLAG_WAIT_ALL: i32 = 4;
/// Sending and receiving: `ANYSOCK_EAGAIN` rather than wait, in this one call.
pub const ANYSOCK_FLAG_DONT_WAIT: i32 = 8;
/// Receiving a datagram: the result is its real length, even if that is more than the memory holds.
pub const ANYSOCK_FLAG_TRUNC: i32 = 16;
/// Sending: more follows at once, so hold back a segment that is not full. A hint: ignored where the system has none.
pub const ANYSOCK_FLAG_MORE: i32 = 32;
/// Only reported, of a message: control data or handles did not fit, and are lost.
pub const ANYSOCK_FLAG_CONTROL_TRUNC: i32 = 64;

/// Control data: the sender's `pid`, `uid` and `gid`. Option "unix.credentials".
pub const ANYSOCK_CONTROL_CREDENTIALS: i32 = 1;
/// Control data: interface and addresses. `interface_index`, `local_address`, `destination`. Options "ip.packet_info",
/// "ipv6.packet_info".
pub const ANYSOCK_CONTROL_PACKET_INFO: i32 = 2;
/// Control data: TTL or hop limit, in `value`. Options "ip.receive_ttl", "ipv6.receive_hops".
pub const ANYSOCK_CONTROL_TTL: i32 = 3;
/// Control data: TOS or traffic class, in `value`. Options "ip.receive_tos", "ipv6.receive_traffic_class".
pub const ANYSOCK_CONTROL_TOS: i32 = 4;
/// Control data, received only: when the message came, in `value`, as nanoseconds since 1970. Option "timestamp".
pub const ANYSOCK_CONTROL_TIMESTAMP: i32 = 5;

/// Asked for and reported: a read would not block.
pub const ANYSOCK_EVENT_READ: i32 = 1;
/// Asked for and reported: a write would not block.
pub const ANYSOCK_EVENT_WRITE: i32 = 2;
/// Asked for and reported: urgent data, or a connect that failed.
pub const ANYSOCK_EVENT_EXCEPT: i32 = 4;
/// Reported with the others: the connection is over in both directions.
pub const ANYSOCK_EVENT_HANGUP: i32 = 8;
/// Reported with the others: an error is pending.
pub const ANYSOCK_EVENT_ERROR: i32 = 16;
/// Asked for: report a change once (edge-triggered), not as long as it lasts.
pub const ANYSOCK_EVENT_EDGE: i32 = 32;
/// Asked for: report once, then nothing until the socket is set again.
pub const ANYSOCK_EVENT_ONESHOT: i32 = 64;

/// Operation: an event with result 0, in the same run. Takes nothing.
pub const ANYSOCK_OP_NOP: i64 = 1;
/// Operation: takes connections of `handle`; with `ANYSOCK_QUEUE_MULTI` one after the other. Result: the new handle.
pub const ANYSOCK_OP_ACCEPT: i64 = 2;
/// Operation: connects `handle` to the text at `data`, which is `length` long or, if that is 0, ends with a NUL; with
/// `ANYSOCK_QUEUE_FLAT` to the `anysock_address` at `data`. Later operations on `handle` wait for it. Result: 0.
pub const ANYSOCK_OP_CONNECT: i64 = 3;
/// Operation: reads `handle`, at most `length` bytes an event, or a buffer's size if that is 0; with `ANYSOCK_QUEUE_MULTI`
/// again and again. Result: how many bytes, at `data` in `buffer`; `value` is how many its earlier events had. 0 is the end.
pub const ANYSOCK_OP_READ: i64 = 4;
/// Operation: writes all of the `length` bytes at `data` to `handle`. If `buffer` is not 0 they lie in that buffer, which is
/// given back. Result: `length`; on an error `value` is how many bytes the system has taken.
pub const ANYSOCK_OP_WRITE: i64 = 5;
/// Operation: as `ANYSOCK_OP_READ`, of datagrams with their sender: `value` is the address of an `anysock_address`.
pub const ANYSOCK_OP_RECEIVE_FROM: i64 = 6;
/// Operation: as `ANYSOCK_OP_WRITE`, of a datagram to the `anysock_address` whose address is `value`.
pub const ANYSOCK_OP_SEND_TO: i64 = 7;
/// Operation: sends to `handle` the bytes of the file whose descriptor is `data`, from the offset `value` on (-1: its
/// position), `length` of them (-1: to its end). Result: how many.
pub const ANYSOCK_OP_SEND_FILE: i64 = 8;
/// Operation: waits until `handle` is ready for any of `value`, `ANYSOCK_EVENT_READ` and its like; with
/// `ANYSOCK_QUEUE_MULTI` once in every run for as long as it is so. Result: what it is ready for.
pub const ANYSOCK_OP_POLL: i64 = 9;
/// Operation: waits for `value` microseconds; with `ANYSOCK_QUEUE_MULTI` again and again. Result: 0.
pub const ANYSOCK_OP_TIMER: i64 = 10;
/// Operation: ends the operations whose token is `value`, those of `handle` alone if that is not 0; with
/// `ANYSOCK_QUEUE_ALL` whatever goes on for `handle`. Result: how many.
pub const ANYSOCK_OP_CANCEL: i64 = 11;
/// Operation: shuts halves of `handle`, `value` as for `anysock_shutdown`, after the writes before it. Result: 0.
pub const ANYSOCK_OP_SHUTDOWN: i64 = 12;
/// Operation: closes `handle` after the writes before it, with `ANYSOCK_QUEUE_NOW` without them. Result: 0.
pub const ANYSOCK_OP_CLOSE: i64 = 13;
/// Operation: gives `buffer` back. No event unless it fails.
pub const ANYSOCK_OP_GIVE: i64 = 14;
/// Operation: looks up the text at `data`, as long as for `ANYSOCK_OP_CONNECT`, for the kind whose text is at `value`.
/// Result: how many bytes of text, as `anysock_resolve` gives it, are at `data` in `buffer`.
pub const ANYSOCK_OP_RESOLVE: i64 = 15;

/// Flag of an operation: it goes on after its event.
pub const ANYSOCK_QUEUE_MULTI: i64 = 1;
/// Flag of an operation: no event if it succeeds.
pub const ANYSOCK_QUEUE_QUIET: i64 = 2;
/// Flag of `ANYSOCK_OP_CLOSE`: at once.
pub const ANYSOCK_QUEUE_NOW: i64 = 4;
/// Flag of `ANYSOCK_OP_CONNECT`: to an address in numbers.
pub const ANYSOCK_QUEUE_FLAT: i64 = 8;
/// Flag of `ANYSOCK_OP_CANCEL`: whatever goes on for the handle.
pub const ANYSOCK_QUEUE_ALL: i64 = 16;
/// Flag of an event: further ones of the operation will follow.
pub const ANYSOCK_QUEUE_MORE: i64 = 1;
/// Flag of an event: a datagram was longer than its room, or a text.
pub const ANYSOCK_QUEUE_CUT: i64 = 2;

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
    /// (length=count) The first of them. May be NULL when `count` is 0.
    pub handles: *mut anysock_t,
}

/// A piece of the caller's memory for `anysock_readv` and `anysock_writev`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anysock_buffer {
    /// (length=length) Its first byte. May be NULL when `length` is 0.
    pub data: *mut c_void,
    /// How many bytes.
    pub length: usize,
}

/// An address as flat memory: 128 bytes, the same layout on every system, without a pointer.
///
/// Made by `anysock_address_parse`, returned by `anysock_recv_many`. What is not used is 0, so that equal addresses are equal
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

/// One datagram of an array for `anysock_recv_many` and `anysock_send_many`: 40 bytes where a pointer has 8, without
/// padding.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anysock_datagram {
    /// (length=length) At offset 0: its first byte. May be NULL when `length` is 0.
    pub data: *mut c_void,
    /// At offset 8: how many bytes there are to be sent, or how many there is room for. The library does not change it.
    pub length: usize,
    /// At offset 16, set by the call: how many bytes were received or sent; with `ANYSOCK_FLAG_TRUNC` the datagram's real
    /// length.
    pub result: i64,
    /// (nullable) At offset 24: where the sender's address goes, NULL if it is not wanted; or where to send to, NULL for the
    /// connected peer. When sending, an address whose `family` is 0 is as NULL.
    pub address: *mut anysock_address,
    /// At offset 32, set by receiving: `ANYSOCK_FLAG_TRUNC` if the datagram was longer than `length`, else 0. Never read.
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
    pub interface_index: u32,
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
    /// if the system does not report one, or shall choose.
    pub local_address: anysock_address,
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
    /// (size, least=buffer_count) `sizeof(anysock_message)`.
    pub size: u32,
    /// Set by receiving: `ANYSOCK_FLAG_TRUNC` if the data did not fit, `ANYSOCK_FLAG_CONTROL_TRUNC`, `ANYSOCK_FLAG_OOB` for
    /// urgent data. Sending ignores it.
    pub flags: i32,
    /// (length=buffer_count) The pieces of memory for the data. May be NULL when `buffer_count` is 0.
    pub buffers: *mut anysock_buffer,
    /// How many; the system moves 1,024 in one call.
    pub buffer_count: usize,
    /// (nullable) Receiving: who sent it. Sending: to whom; NULL or no address (`family` 0) is the connected peer.
    pub address: *mut anysock_address,
    /// (length=control_count) Control data that anysock knows. May be NULL when `control_count` is 0.
    pub controls: *mut anysock_control,
    /// How many. Receiving: in, how many there is room for; out, how many have come.
    pub control_count: usize,
    /// (length=handle_count) Handles that go along with a message of a unix kind. May be NULL when `handle_count` is 0.
    pub handles: *mut anysock_t,
    /// How many. Receiving: in, how many there is room for; out, how many have come.
    pub handle_count: usize,
    /// (length=raw_length) Control data as the system lays it out (`struct cmsghdr`), for what anysock does not know. May be
    /// NULL when `raw_length` is 0.
    pub raw_control: *mut c_void,
    /// How many bytes. Receiving: in, how many there is room for; out, how many have come.
    pub raw_length: usize,
}

/// One event of `anysock_poller_wait`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anysock_event {
    /// What was given to `anysock_poller_set`.
    pub token: i64,
    /// The socket that is ready.
    pub handle: anysock_t,
    /// `ANYSOCK_EVENT_READ`, `ANYSOCK_EVENT_WRITE`, `ANYSOCK_EVENT_EXCEPT`, `ANYSOCK_EVENT_HANGUP`, `ANYSOCK_EVENT_ERROR`,
    /// added up.
    pub events: i32,
    /// 0.
    pub reserved: i32,
}

/// What a queue shall do: 64 bytes, an array of numbers. What an operation does not take must be 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anysock_op {
    /// Any number; it comes back in every event of the operation.
    pub token: i64,
    /// The socket, pipe or terminal.
    pub handle: anysock_t,
    /// `ANYSOCK_OP_READ` and its like.
    pub op: i64,
    /// `ANYSOCK_QUEUE_MULTI` and its like, added up.
    pub flags: i64,
    /// The address of bytes, of a text or of an `anysock_address`; a file's descriptor.
    pub data: i64,
    /// How many bytes.
    pub length: i64,
    /// What else the operation takes.
    pub value: i64,
    /// The buffer in which the bytes lie, or which is given back; 0 for none.
    pub buffer: i64,
}

/// What has happened: 64 bytes, an array of numbers.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anysock_done {
    /// That of the operation.
    pub token: i64,
    /// That of the operation.
    pub handle: anysock_t,
    /// That of the operation.
    pub op: i64,
    /// `ANYSOCK_QUEUE_MORE`, `ANYSOCK_QUEUE_CUT`, added up.
    pub flags: i64,
    /// The operation's result, or a negative error.
    pub result: i64,
    /// The address of the bytes.
    pub data: i64,
    /// What else the operation reports, as said there.
    pub value: i64,
    /// The buffer in which the bytes lie: the program's until it gives it back. 0 for none.
    pub buffer: i64,
}
