//! What differs between operating systems, one file per back-end. Nothing here knows of handles,
//! timeouts or options by name: that is `core`. All calls are non-blocking unless their name says
//! `poll` or `wait`, and every error is the system's own number.
//!
//! A back-end supplies exactly this:
//!
//! | item | what it is |
//! | --- | --- |
//! | [`Fd`] | the system's descriptor (`int`, `SOCKET`), copyable, closed only by [`close`] |
//! | [`WOULD_BLOCK`], [`INTERRUPTED`], [`INVALID`], [`OUT_OF_MEMORY`], [`DIED_IN_QUEUE`] | the errors that have a meaning here |
//! | [`HAS_ABSTRACT`], [`HAS_UNIX_PAIR`], [`HAS_RIGHTS`] | what AF_UNIX can do |
//! | [`open`], [`pair`], [`close`], [`shutdown`], [`shutdown_as_told`], [`replace`] | non-blocking, not inherited, no signals |
//! | [`bind`], [`listen`], [`accept`], [`connect`], [`disconnect`], [`local`], [`peer`], [`NAMES_ARE_SHARED`] | addresses are [`socket2::SockAddr`] |
//! | [`recv`], [`send`], [`recv_from`], [`send_to`] | bytes of sockets, [`Flags`] translated |
//! | [`readv`], [`writev`], [`Piece`] | the same in several pieces |
//! | [`recv_many`], [`send_many`], [`Batch`], [`HAS_SEGMENTS`] | many datagrams at once |
//! | [`receive_message`], [`send_message`], [`PEEKS_CONTROL`] | the same with control data |
//! | `ControlHeader` and what stands beside it, `RECEIVED`, `SENT` | how control data is laid out, for `control` |
//! | [`read_stream`], [`write_stream`], [`readv_stream`], [`writev_stream`] | bytes of pipes and terminals that others share |
//! | [`pending_error`], [`peer_has_finished`], [`available`], [`describe`] | what the kernel knows of a socket |
//! | [`unix_name`], [`unix_address`] | AF_UNIX addresses as bytes, and from them |
//! | [`examine`], [`position`], [`set_position`], [`read_at`] | files, which are the caller's |
//! | [`send_file`], [`send_pipe`] | bytes that never leave the kernel, where it can do so |
//! | [`set_blocking`], [`set_inherit`], [`inherit`] | descriptor flags |
//! | [`set_option`], [`get_option_into`] | raw socket options |
//! | [`PollFd`], [`poll`], [`STALE_POLL_IS_HARMLESS`] | readiness of a few descriptors, without a limit on their count |
//! | [`Waker`] | what another thread can end a poll with, by an entry of its own |
//! | [`Queue`], [`Reports`], [`QUEUE_SCALES`] | readiness of many descriptors, at the price of the ready ones where that is so |
//! | [`resolve`], [`interface_index`], [`interface_name`], [`interfaces`] | names |
//! | [`quiet_thread`], [`on_fork`] | threads that take no signals; what happens around `fork` |
//! | `option` | the back-end's numbers for the option table (a file of its own) |
//!
//! Much of it is shared: `portable` serves every system, `unix` all but Windows, `posix` these without
//! Apple's, whose own are `apple` and `select`; `each` serves all but Linux, on top of
//! `receive_one` and `send_one`. What is left is a system's own file.

use socket2::SockAddr;
use std::mem::ManuallyDrop;
use std::net::IpAddr;
use std::time::Duration;

pub mod option;
pub use option::{set_datagram_default, set_listener_default, set_v6_only};

mod portable;
pub use portable::*;

mod control;
pub use control::*;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;

#[cfg(all(unix, not(target_vendor = "apple")))]
mod posix;
#[cfg(all(unix, not(target_vendor = "apple")))]
pub use posix::*;

#[cfg(target_vendor = "apple")]
mod apple;
#[cfg(target_vendor = "apple")]
pub use apple::*;

#[cfg(target_vendor = "apple")]
mod select;
#[cfg(target_vendor = "apple")]
pub use select::*;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use linux::*;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod mmsg;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use mmsg::*;

// Tests go through it everywhere.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
#[cfg_attr(any(target_os = "linux", target_os = "android"), allow(dead_code))]
mod each;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub use each::*;

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
mod bsd;
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub use bsd::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;

/// An error as the operating system numbers it (`errno`, `WSAGetLastError`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OsError(pub i32);

/// The result of a system call.
pub type Result<T> = std::result::Result<T, OsError>;

impl From<std::io::Error> for OsError {
    fn from(error: std::io::Error) -> Self {
        Self(error.raw_os_error().unwrap_or(INVALID.0))
    }
}

impl OsError {
    /// What a system calls success.
    pub const NONE: Self = Self(0);

    /// This thread's last error.
    #[must_use]
    #[inline(always)]
    pub fn last() -> Self {
        // The system's number is all that such an error owns: there is nothing to drop.
        let error = ManuallyDrop::new(std::io::Error::last_os_error());
        Self(error.raw_os_error().unwrap_or(INVALID.0))
    }
}

/// A failure of `getaddrinfo`: the resolver has numbers of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResolveError {
    /// One of the system's `EAI_*` numbers.
    Resolver(i32),
    /// `EAI_SYSTEM`: the cause is an ordinary system error.
    Os(OsError),
}

/// Readiness, asked for or reported. The bits are those of the ABI.
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
    /// Asked for only: report a change once (edge-triggered).
    pub const EDGE: Self = Self(32);
    /// Asked for only: report once, then wait to be asked again.
    pub const ONESHOT: Self = Self(64);
    /// Told only between here and `core`: the peer has finished sending. For systems that do not tell by themselves
    /// when both directions are over.
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
    /// Wait until the whole length is there.
    pub const WAIT_ALL: Self = Self(4);
    /// Do not wait in this call.
    pub const DONT_WAIT: Self = Self(8);
    /// The result is the datagram's real length.
    pub const TRUNC: Self = Self(16);
    /// More data follows: hold back a partial segment.
    pub const MORE: Self = Self(32);
    /// Told only: control data did not fit.
    pub const CONTROL_TRUNC: Self = Self(64);
    /// Every flag that can be asked for.
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
    /// An error that came after them. The system has told it now, and perhaps will not again.
    pub told: Option<OsError>,
}

/// One datagram that was received.
#[derive(Clone, Default, Debug)]
pub struct Received {
    /// How many bytes, or its real length.
    pub length: usize,
    /// Whether the room was too small for it.
    pub cut: bool,
    /// Who has sent it, where the protocol tells.
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

/// What a descriptor from elsewhere turns out to be.
#[derive(Clone, Copy, Debug)]
pub enum Found {
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
    /// What can't be polled; [`describe`] finds none, as it is an error to it.
    File,
}

/// What comes or goes beside the data of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Control {
    /// Whose message it is.
    Credentials { pid: i32, uid: u32, gid: u32 },
    /// By which interface and for which address it has come, and which of the machine's own addresses that means;
    /// or by which interface, and from which of the machine's own addresses, it shall go.
    PacketInfo { interface: u32, local: Option<IpAddr>, destination: Option<IpAddr> },
    /// TTL or hop limit.
    Hops(i32),
    /// TOS or traffic class.
    TrafficClass(i32),
    /// When it came: nanoseconds since 1970.
    Timestamp(i64),
}

/// A message that [`receive_message`] has received.
#[derive(Debug)]
pub struct Message {
    /// How many bytes.
    pub count: usize,
    /// Who sent it, if that was asked for and the protocol tells it.
    pub sender: Option<SockAddr>,
    /// `TRUNC`, `CONTROL_TRUNC`, `OOB`.
    pub flags: Flags,
    /// How many bytes of control data.
    pub control: usize,
}

/// What a descriptor is from which bytes are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// It has positions, and never makes anyone wait.
    File,
    /// What was read is gone from it, and what is not there yet may come.
    Stream,
}

/// What a queue or a poll is told of time: `None` waits for ever.
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
