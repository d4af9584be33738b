//! The types that every back-end and `core` share: events, flags, results of calls. Not here: errors (`errno`).

use crate::sys::OsError;
use socket2::SockAddr;
use std::net::IpAddr;
use std::time::Duration;

/// Readiness: an interest, or a report. The bits are those of the ABI.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Events(pub i32);

impl Events {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// A read would not block.
    pub const READ: Self = Self(1);
    /// A write would not block.
    pub const WRITE: Self = Self(2);
    /// Urgent data, or a failed connect.
    pub const EXCEPT: Self = Self(4);
    /// Reported only: the connection is over in both directions.
    pub const HANGUP: Self = Self(8);
    /// Reported only: an error is pending.
    pub const ERROR: Self = Self(16);
    /// Interest only: report a change once (edge-triggered).
    pub const EDGE: Self = Self(32);
    /// Interest only: report once, then nothing until it is registered again.
    pub const ONESHOT: Self = Self(64);
    /// Reported only to `core`: the peer has finished sending. For systems that do not report by themselves that both
    /// directions are over.
    pub const ENDED: Self = Self(1 << 16);
    /// The three kinds of readiness.
    pub const ALL: Self = Self(7);

    /// Whether any bit of `other` is set.
    #[must_use]
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The bits that both have.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The bits that either has.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// `self` if `condition` holds, else nothing.
    #[must_use]
    pub const fn when(self, condition: bool) -> Self {
        if condition { self } else { Self::NONE }
    }

    /// `self` without the bits of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether no bit is set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Flags of one send or receive. The bits are those of the ABI.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags(pub i32);

impl Flags {
    /// Leave the data in the queue.
    pub const PEEK: Self = Self(1);
    /// Urgent (out-of-band) data.
    pub const OOB: Self = Self(2);
    /// Wait until the whole length has come (MSG_WAITALL).
    pub const WAIT_ALL: Self = Self(4);
    /// Do not wait in this call.
    pub const DONT_WAIT: Self = Self(8);
    /// The result is the datagram's real length.
    pub const TRUNC: Self = Self(16);
    /// More data follows: hold back a partial segment.
    pub const MORE: Self = Self(32);
    /// Reported only: control data did not fit.
    pub const CONTROL_TRUNC: Self = Self(64);
    /// Every flag that a caller may pass.
    pub const KNOWN: Self = Self(63);

    /// Whether any bit of `other` is set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// `self` without the bits of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The bits that either has.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// How many datagrams a [`Batch`] takes.
pub const BATCH: usize = 32;

/// What a call for many datagrams has done.
#[derive(Clone, Copy, Debug)]
pub struct Moved {
    /// How many datagrams, at least one.
    pub count: usize,
    /// An error that came after them. The system may not report it again.
    pub late_error: Option<OsError>,
}

/// One datagram that was received.
#[derive(Clone, Default, Debug)]
pub struct Received {
    /// How many bytes, or its real length.
    pub length: usize,
    /// Whether the room was too small for it.
    pub cut: bool,
    /// Its sender, if the protocol reports one.
    pub sender: Option<socket2::SockAddr>,
    /// The size of the datagrams that the kernel has joined, if it has.
    pub segment: u16,
}

/// Which half of a connection to shut. The bits are those of the ABI.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Half {
    /// No more reading.
    Read,
    /// No more writing: the peer sees the end of the stream.
    Write,
    /// Neither.
    Both,
}

/// The type of a descriptor that the library has not opened.
#[derive(Clone, Copy, Debug)]
pub enum DescriptorKind {
    /// A socket, with the system's numbers for its family, type and protocol.
    Socket {
        /// `AF_*`.
        family: socket2::Domain,
        /// `SOCK_*`.
        kind: socket2::Type,
        /// `IPPROTO_*`.
        protocol: i32,
        /// Whether it listens.
        listening: bool,
        /// Whether it has a peer.
        connected: bool,
    },
    /// A pipe, a terminal or whatever else can be polled.
    Stream,
    /// What can't be polled; [`describe`] returns an error instead.
    File,
}

/// A piece of control data of a type that the library knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Control {
    /// The process, user and group of the sender.
    Credentials { pid: i32, uid: u32, gid: u32 },
    /// Received: the interface, the address that the packet was sent to, and the machine's own address for that. To be sent: the
    /// interface to use, and the source address.
    PacketInfo { interface: u32, local: Option<IpAddr>, destination: Option<IpAddr> },
    /// TTL or hop limit.
    Hops(i32),
    /// TOS or traffic class.
    TrafficClass(i32),
    /// When it was received, in nanoseconds since 1970.
    Timestamp(i64),
}

/// A message that [`receive_message`] has received.
#[derive(Debug)]
pub struct Message {
    /// How many bytes.
    pub count: usize,
    /// Its sender, if it was wanted and the protocol reports one.
    pub sender: Option<SockAddr>,
    /// `TRUNC`, `CONTROL_TRUNC`, `OOB`.
    pub flags: Flags,
    /// How many bytes of control data.
    pub control: usize,
}

/// The type of a descriptor whose bytes are to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// It has offsets, and reads of it never wait for data.
    File,
    /// Reads consume its bytes, and may have to wait for more.
    Stream,
}

/// The timeout of a selector's wait or a poll; `None` waits for ever.
pub type Timeout = Option<Duration>;

/// One network interface address, as [`interfaces`] lists it.
#[derive(Clone, Debug)]
pub struct Interface {
    /// `eth0`, `lo`.
    pub name: String,
    /// The system's number for it.
    pub index: u32,
    /// Whether it is up.
    pub up: bool,
    /// Whether it is the loopback.
    pub loopback: bool,
    /// Whether it can send multicast.
    pub multicast: bool,
    /// The address, if it has one of a family that anysock knows.
    pub address: Option<std::net::IpAddr>,
    /// Length of the network prefix in bits.
    pub prefix: u32,
}

/// The most reports of one wait.
pub const MOST_REPORTS: usize = 16_384;
