//! The one table of options: the header's macros, the manual and the bindings are made from it.
//! Not here: how an option is carried out (`options`, `own`), and the systems' numbers (`sys::option`).

use crate::core::error::System;
use crate::core::handle::slot::Wait;

use crate::sys::option::{self, SockOpt, ValueType};

/// The type and range of an option's value. Ranges include both ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value {
    /// 0 or 1.
    Switch,
    /// A number.
    Number { least: i64, most: i64 },
    /// Microseconds.
    Time { least: i64, most: i64 },
    /// A text.
    Text,
    /// A text: an interface's name, number or address; empty for none.
    Interface,
    /// A text: `group` or `group%interface`.
    Group,
    /// A text: `source@group` or `source@group%interface`.
    SourceGroup,
}

impl Value {
    /// Whether the text functions serve it, and not those for numbers.
    #[must_use]
    pub const fn is_text(self) -> bool {
        !matches!(self, Self::Switch | Self::Number { .. } | Self::Time { .. })
    }

    /// Whether a number is in range. A text has none.
    #[must_use]
    pub const fn takes(self, number: i64) -> bool {
        match self {
            Self::Switch => number == 0 || number == 1,
            Self::Number { least, most } | Self::Time { least, most } => least <= number && number <= most,
            _ => false,
        }
    }

    const fn value_type(self) -> ValueType {
        match self {
            Self::Switch | Self::Number { .. } | Self::Time { .. } => ValueType::Number,
            Self::Text => ValueType::Text,
            Self::Interface => ValueType::Interface,
            Self::Group | Self::SourceGroup => ValueType::Membership,
        }
    }
}

/// What may be done with an option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// It can only be read.
    Read,
    /// It can only be set.
    Write,
    /// Both.
    ReadWrite,
}

/// Which handles have an option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// All, pollers too.
    Any,
    /// Sockets, and pipes and terminals that were adopted.
    Handle,
    /// Sockets.
    Socket,
    /// `tcp`, `udp` and raw sockets of either family.
    Internet,
    /// `tcp`, `tcp4`, `tcp6`.
    Tcp,
    /// `udp`, `udp4`, `udp6`.
    Udp,
    /// Internet sockets of IPv4, and those of the kinds `tcp` and `udp`, which leave the family open.
    Ip,
    /// Internet sockets of IPv6, and those of the kinds `tcp` and `udp` unless their family was settled as IPv4.
    Ipv6,
    /// As `Ip`, but not TCP.
    Multicast,
    /// As `Ipv6`, but not TCP.
    Multicast6,
    /// `unix` and `unixpacket`.
    Unix,
    /// Every unix kind.
    Local,
    /// Batch queues.
    Queue,
}

/// Who carries an option out.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// This library, on every system.
    Own(Own),
    /// The kernel, by this level and name; `None` on a system that lacks the option.
    Kernel(Option<SockOpt>),
}

/// The systems that have an option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Systems(u8);

const LINUX: Systems = Systems(1);
const APPLE: Systems = Systems(2);
const FREEBSD: Systems = Systems(4);
const NETBSD: Systems = Systems(8);
const OPENBSD: Systems = Systems(16);
const WINDOWS: Systems = Systems(32);
const BSD: Systems = APPLE.and(FREEBSD).and(NETBSD).and(OPENBSD);
const UNIX: Systems = LINUX.and(BSD);
const ALL: Systems = UNIX.and(WINDOWS);
/// Those that have the times of keepalive probes for each socket, and not only for the whole system.
const KEEPALIVE: Systems = LINUX.and(APPLE).and(FREEBSD).and(NETBSD).and(WINDOWS);
/// Those that end a connection whose peer does not answer.
const USER_TIMEOUT: Systems = LINUX.and(APPLE).and(FREEBSD).and(WINDOWS);
/// Those with RFC 3678.
const SOURCES: Systems = LINUX.and(APPLE).and(FREEBSD).and(WINDOWS);

impl Systems {
    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn has(self, system: System) -> bool {
        let bit = match system {
            System::Linux | System::LinuxMips | System::LinuxSparc => LINUX,
            System::Apple => APPLE,
            System::FreeBsd => FREEBSD,
            System::NetBsd => NETBSD,
            System::OpenBsd => OPENBSD,
            System::Windows => WINDOWS,
            System::DragonFly => Self(0),
        };
        self.0 & bit.0 != 0
    }
}

/// What there is to know of an option: a row of the table.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// Its name, such as `tcp.nodelay`. The macro is `ANYSOCK_OPT_` with this in upper case and `_` for dots.
    pub name: &'static str,
    /// What its value is.
    pub value: Value,
    /// What may be done with it.
    pub access: Access,
    /// Which handles have it.
    pub scope: Scope,
    /// Who carries it out.
    pub source: Source,
    /// What it means, for the manual.
    pub doc: &'static str,
    systems: Systems,
}

impl PartialEq for OptionSpec {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl OptionSpec {
    /// Whether a system has the option. An old version of the system may still lack it.
    #[must_use]
    pub const fn is_on(&self, system: System) -> bool {
        match self.source {
            Source::Own(_) => true,
            Source::Kernel(_) => self.systems.has(system),
        }
    }
}

/// Every option there is, with the numbers of the system that this build is for.
pub static OPTIONS: &[OptionSpec] = &SPECS;

const SPECS: [OptionSpec; LIST.len()] = with_numbers();

/// Joins the table with the system's levels and names. A row that only one of the two has is a compile error, so that a
/// back-end can't fall behind the table.
const fn with_numbers() -> [OptionSpec; LIST.len()] {
    let mut rows = [LIST[0]; LIST.len()];
    let mut found = 0;
    let mut place = 0;
    while place < rows.len() {
        let row = &mut rows[place];
        *row = LIST[place];
        if let (Source::Kernel(numbers), true) = (&mut row.source, row.systems.has(System::HOST)) {
            *numbers = number_of(row.name);
            match numbers {
                Some(sockopt) => assert!(sockopt.encoding.value_type() as u8 == row.value.value_type() as u8),
                None => panic!("the back-end lacks an option that the table says it has"),
            }
            found += 1;
        }
        place += 1;
    }
    assert!(found == count(), "the back-end has an option that the table says it lacks");
    rows
}

const fn number_of(name: &str) -> Option<SockOpt> {
    let mut table = 0;
    while table < option::TABLES.len() {
        let entries = option::TABLES[table];
        let mut place = 0;
        while place < entries.len() {
            if same(entries[place].0.as_bytes(), name.as_bytes()) {
                return Some(entries[place].1);
            }
            place += 1;
        }
        table += 1;
    }
    None
}

const fn count() -> usize {
    let mut sum = 0;
    let mut table = 0;
    while table < option::TABLES.len() {
        sum += option::TABLES[table].len();
        table += 1;
    }
    sum
}

const fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    // From the end, where names of one group differ: a compiler evaluates this for every pair of rows.
    let mut place = one.len();
    while place > 0 {
        place -= 1;
        if one[place] != other[place] {
            return false;
        }
    }
    true
}

/// An empty row for an option that this library carries out.
const fn by(own: Own) -> OptionSpec {
    OptionSpec { source: Source::Own(own), ..on(ALL) }
}

/// An empty row for an option that the kernels of these systems carry out.
const fn on(systems: Systems) -> OptionSpec {
    let (value, access, scope) = (Value::Switch, Access::Read, Scope::Any);
    OptionSpec { name: "", value, access, scope, source: Source::Kernel(None), doc: "", systems }
}

/// A documentation comment without the space that it begins with.
const fn text(doc: &'static str) -> &'static str {
    match std::str::from_utf8(doc.as_bytes().split_at(1).1) {
        Ok(text) => text,
        Err(_) => panic!("a comment begins with a space"),
    }
}

/// Rows as they are meant to be read: what the manual says, name, value, access, handles, and who carries
/// it out: `by` this library or `on` these systems.
macro_rules! options {
    ($(
        $(#[doc = $doc:literal])+
        $name:literal = $value:expr, $access:ident, $scope:ident, $how:ident $who:expr;
    )+) => {
        &[$(OptionSpec {
            name: $name,
            value: $value,
            access: Access::$access,
            scope: Scope::$scope,
            doc: text(concat!($($doc),+)),
            ..$how($who)
        }),+]
    };
}

use Value::{Group, Interface, SourceGroup, Switch, Text};

const INT_MAX: i64 = i32::MAX as i64;
const SECOND: i64 = 1_000_000;

const fn number(least: i64, most: i64) -> Value {
    Value::Number { least, most }
}

const fn time(least: i64, most: i64) -> Value {
    Value::Time { least, most }
}

/// How long a call waits; -1 waits for ever.
const TIMEOUT: Value = time(-1, i64::MAX);
/// A number that is only read.
const REPORTED: Value = number(0, i64::MAX);
/// A time that is only read.
const REPORTED_TIME: Value = time(0, i64::MAX);
const POSITIVE: Value = number(1, INT_MAX);
/// A hop limit; 0 keeps datagrams on this machine, -1 is the system's default.
const HOPS: Value = number(-1, 255);
/// The range that every kernel takes: up to 32,767 s.
const KEEPALIVE_TIME: Value = time(1, 32_767 * SECOND);

/// The most used come first, as a name is searched for in this order.
const LIST: &[OptionSpec] = options! {
    /// How long a call on this handle may wait, for every kind of call whose own timeout is -1. -1 (the
    /// default) waits for ever, 0 never waits: what would have to wait is `EAGAIN`, or `EINPROGRESS` for
    /// connect. A positive one ends in `ETIMEDOUT`, and holds for the call as a whole.
    "timeout" = TIMEOUT, ReadWrite, Handle, by Own::Timeout(Wait::General);

    /// How long a read or receive may wait. -1 (the default) leaves it to `timeout`.
    "read_timeout" = TIMEOUT, ReadWrite, Handle, by Own::Timeout(Wait::Read);

    /// How long a write or send may wait. -1 (the default) leaves it to `timeout`.
    "write_timeout" = TIMEOUT, ReadWrite, Handle, by Own::Timeout(Wait::Write);

    /// How long connect may wait, over all the addresses that a name has. -1 (the default) leaves it to
    /// `timeout`.
    "connect_timeout" = TIMEOUT, ReadWrite, Handle, by Own::Timeout(Wait::Connect);

    /// How long accept may wait. -1 (the default) leaves it to `timeout`; accepted handles do not inherit
    /// it.
    "accept_timeout" = TIMEOUT, ReadWrite, Handle, by Own::Timeout(Wait::Accept);

    /// With 1 a signal ends a wait on this handle with `EINTR`, under `SA_RESTART` too; with 0 (the default)
    /// the wait goes on. A select or poller wait ends if one of its handles, or the poller itself, has it.
    /// Windows has no such signals.
    "interruptible" = Switch, ReadWrite, Any, by Own::Interruptible;

    /// With 1 programs that this one starts inherit the descriptor (no close-on-exec); 0 is the default. An
    /// adopted descriptor stays as it was.
    "inherit" = Switch, ReadWrite, Handle, by Own::Inherit;

    /// With 1 the handle behaves as the system's own socket, with the differences between systems: an error is
    /// reported once, a failed connect may be tried again, control data is raw. For a language's own socket module
    /// on top of this library. Can't be turned off again; `EINVAL` while the family is not settled or a connect
    /// tries several addresses.
    "native" = Switch, ReadWrite, Socket, by Own::Native;

    /// The kind that the handle was opened as, `tcp4`. `stream` is a pipe or terminal that was adopted,
    /// `poller` a poller, `queue` a batch queue.
    "kind" = Text, Read, Any, by Own::Kind;

    /// The address family by Linux's number on every system: 1 `AF_UNIX`, 2 `AF_INET`, 10 `AF_INET6`. 0
    /// while the family of a `tcp` or `udp` socket is not settled.
    "family" = REPORTED, Read, Socket, by Own::Family;

    /// The socket type by Linux's number on every system: 1 `SOCK_STREAM`, 2 `SOCK_DGRAM`, 3 `SOCK_RAW`, 5
    /// `SOCK_SEQPACKET`.
    "type" = REPORTED, Read, Socket, by Own::Type;

    /// The IP protocol's number: 6 for TCP, 17 for UDP, that of a raw kind; 0 for unix kinds.
    "protocol" = REPORTED, Read, Socket, by Own::Protocol;

    /// The error that is pending or that ended the connection, as a negative code; 0 if there is none.
    /// Reading it clears nothing: a connection's error stays, a datagram socket's still comes once with the
    /// next transfer. An error that has ended no connection is reported once.
    "error" = number(i64::MIN, 0), Read, Handle, by Own::Error;

    /// How many bytes a read would find. For a datagram socket Linux and Windows report the size of the first
    /// datagram, other systems that of all. 0 for a listener.
    "available" = REPORTED, Read, Handle, by Own::Available;

    /// Whether the socket is a listener.
    "listening" = Switch, Read, Socket, by Own::Listening;

    /// `SO_REUSEADDR`. On Unix a port may be bound although connections of an earlier owner linger in
    /// TIME_WAIT; TCP sockets get it when they are bound, unless it was set. On Windows it lets a socket
    /// take over another's port: leave it alone there.
    "reuse_address" = Switch, ReadWrite, Socket, on ALL;

    /// `SO_REUSEPORT` (`SO_REUSEPORT_LB` on FreeBSD): several sockets of one user bind the same port, if all
    /// of them set it before. Linux and FreeBSD spread connections and datagrams over them. Default 0.
    "reuse_port" = Switch, ReadWrite, Socket, on UNIX;

    /// `SO_EXCLUSIVEADDRUSE`: nobody else can bind the port, not even with `reuse_address`. TCP sockets get
    /// it when they are bound, unless this or `reuse_address` was set.
    "exclusive_address" = Switch, ReadWrite, Socket, on WINDOWS;

    /// `SO_BROADCAST`: datagrams may be sent to broadcast addresses. Default 0: such a send is `EACCES`.
    "broadcast" = Switch, ReadWrite, Socket, on ALL;

    /// `SO_KEEPALIVE` (RFC 1122, 4.2.3.6): an idle connection is probed, and ends with `ETIMEDOUT` if the
    /// peer is gone. Default 0. See `tcp.keepalive_idle`.
    "keepalive" = Switch, ReadWrite, Socket, on ALL;

    /// `SO_LINGER`. -1 (the default): close returns at once and the system goes on sending. 0: close throws
    /// away what is not sent, and resets the connection. More: the system takes up to this long to send it,
    /// and close may wait for that. Kernels count in seconds: rounded up.
    "linger" = time(-1, 65_535 * SECOND), ReadWrite, Socket, on ALL;

    /// `SO_OOBINLINE`: urgent data stays in its place in the stream. Default 0: it is received with the flag
    /// `OOB`.
    "oob_inline" = Switch, ReadWrite, Socket, on ALL;

    /// `SO_RCVBUF`: bytes that may wait to be read. Kernels have limits and adjust the value; Linux doubles
    /// what was set, and reports the doubled value. Set it before connect or listen, as it bounds the TCP
    /// window; where it is not set, Linux and Windows adapt it.
    "receive_buffer" = POSITIVE, ReadWrite, Socket, on ALL;

    /// `SO_SNDBUF`: bytes that may wait to be sent. As for `receive_buffer`.
    "send_buffer" = POSITIVE, ReadWrite, Socket, on ALL;

    /// `SO_RCVLOWAT`: how many bytes make a socket readable, in select and poller waits. Default 1.
    "receive_low_water" = POSITIVE, ReadWrite, Socket, on UNIX;

    /// `SO_SNDLOWAT`: how much room makes a socket writable. On Linux it is always 1, and setting it is
    /// `EOPNOTSUPP`; see `tcp.not_sent_low_water`.
    "send_low_water" = POSITIVE, ReadWrite, Socket, on UNIX;

    /// `SO_PRIORITY` (socket(7)): the queue that packets leave by. Default 0; more than 6 needs
    /// CAP_NET_ADMIN.
    "priority" = number(0, INT_MAX), ReadWrite, Socket, on LINUX;

    /// `SO_MARK` (socket(7)): a mark for routing and packet filters. Default 0; setting it needs
    /// CAP_NET_ADMIN.
    "mark" = number(0, u32::MAX as i64), ReadWrite, Socket, on LINUX;

    /// `SO_BUSY_POLL` (socket(7)): how long a receive spins on the network device before it sleeps. More
    /// than before needs CAP_NET_ADMIN.
    "busy_poll" = time(0, INT_MAX), ReadWrite, Socket, on LINUX;

    /// `SO_INCOMING_CPU` (socket(7)): the processor that last handled a packet of this socket, -1 if none
    /// has; set on `reuse_port` listeners, the processor whose packets one of them prefers.
    "incoming_cpu" = number(-1, INT_MAX), ReadWrite, Socket, on LINUX;

    /// `SO_TIMESTAMPNS`, elsewhere `SO_TIMESTAMP`: each datagram comes with the time at which it arrived
    /// (`ANYSOCK_CONTROL_TIMESTAMP`). Default 0.
    "timestamp" = Switch, ReadWrite, Socket, on UNIX;

    /// `TCP_NODELAY`: small writes are sent at once, not gathered (Nagle's algorithm, RFC 1122, 4.2.3.4).
    /// Default 0.
    "tcp.nodelay" = Switch, ReadWrite, Tcp, on ALL;

    /// `TCP_KEEPIDLE` (`TCP_KEEPALIVE` on macOS): how long a connection is idle before the first keepalive
    /// probe. Default mostly two hours. Kernels count in seconds: rounded up.
    "tcp.keepalive_idle" = KEEPALIVE_TIME, ReadWrite, Tcp, on KEEPALIVE;

    /// `TCP_KEEPINTVL`: time between keepalive probes. Default mostly 75 s, 1 s on Windows. Kernels count in
    /// seconds: rounded up.
    "tcp.keepalive_interval" = KEEPALIVE_TIME, ReadWrite, Tcp, on KEEPALIVE;

    /// `TCP_KEEPCNT`: how many keepalive probes may go unanswered before the connection ends. Default 8 to
    /// 10.
    "tcp.keepalive_count" = number(1, 127), ReadWrite, Tcp, on KEEPALIVE;

    /// `TCP_USER_TIMEOUT` (RFC 5482), `TCP_RXT_CONNDROPTIME` on macOS, `TCP_MAXUNACKTIME` on FreeBSD,
    /// `TCP_MAXRT` on Windows: how long sent data may stay unacknowledged before the connection ends with
    /// `ETIMEDOUT`. 0 is the system's default. Linux counts in milliseconds, others in seconds: rounded up.
    "tcp.user_timeout" = time(0, INT_MAX * 1_000), ReadWrite, Tcp, on USER_TIMEOUT;

    /// `TCP_FASTOPEN` (RFC 7413): a listener takes data with the first packet. On Linux how many such
    /// connections may be pending; elsewhere anything but 0 is on. macOS takes it from a listener only.
    /// Default 0.
    "tcp.fastopen" = number(0, INT_MAX), ReadWrite, Tcp, on LINUX.and(APPLE).and(FREEBSD).and(WINDOWS);

    /// `TCP_FASTOPEN_CONNECT` (tcp(7)): connect sends nothing if the server's cookie is known; the first
    /// write carries its data in the first packet. Default 0.
    "tcp.fastopen_connect" = Switch, ReadWrite, Tcp, on LINUX;

    /// `TCP_QUICKACK` (tcp(7)): acknowledgements are sent at once. Not lasting: the kernel goes back to
    /// delaying them as it sees fit.
    "tcp.quickack" = Switch, ReadWrite, Tcp, on LINUX;

    /// `TCP_CORK`, elsewhere `TCP_NOPUSH`: only full segments are sent until it is 0 again; Linux waits 200
    /// ms at the most. Default 0.
    "tcp.cork" = Switch, ReadWrite, Tcp, on LINUX.and(APPLE).and(FREEBSD).and(OPENBSD);

    /// `TCP_DEFER_ACCEPT` (tcp(7)): a connection is there to be accepted once its first data is, or this
    /// long has passed. 0 (the default) is off. Linux counts in seconds, and rounds up to where a
    /// retransmission would fall.
    "tcp.defer_accept" = time(0, INT_MAX * SECOND), ReadWrite, Tcp, on LINUX;

    /// `TCP_MAXSEG`: the largest segment in bytes. Set it before connect or listen; read from a connection it
    /// is the size in use.
    "tcp.max_segment" = number(1, INT_MAX), ReadWrite, Tcp, on UNIX;

    /// `TCP_NOTSENT_LOWAT` (tcp(7)): the socket is writable only while fewer bytes than this wait to be
    /// sent. On Linux 0 (the default) leaves it to the system.
    "tcp.not_sent_low_water" = number(0, INT_MAX), ReadWrite, Tcp, on LINUX.and(APPLE);

    /// `TCP_CONGESTION` (tcp(7)), `TCP_CONGCTL` on NetBSD: the name of the congestion control algorithm, such
    /// as `cubic` or `reno`. `ENOENT` if the system has none of that name.
    "tcp.congestion" = Text, ReadWrite, Tcp, on LINUX.and(FREEBSD).and(NETBSD);

    /// The state of RFC 9293, 3.3.2: `closed`, `listen`, `syn_sent`, `syn_received`, `established`,
    /// `fin_wait_1`, `fin_wait_2`, `close_wait`, `closing`, `last_ack` or `time_wait`.
    "tcp.state" = Text, Read, Tcp, on ALL;

    /// The smoothed round-trip time (RFC 6298). 0 before the first measurement. macOS counts in
    /// milliseconds.
    "tcp.rtt" = REPORTED_TIME, Read, Tcp, on ALL;

    /// How much the round-trip time varies (RFC 6298).
    "tcp.rtt_variance" = REPORTED_TIME, Read, Tcp, on UNIX;

    /// How many times in a row the oldest unacknowledged segment has been retransmitted without an answer
    /// (`tcpi_retransmits`).
    "tcp.retransmits" = REPORTED, Read, Tcp, on LINUX;

    /// How many segments were retransmitted in all.
    "tcp.total_retransmits" = REPORTED, Read, Tcp, on UNIX;

    /// The congestion window (RFC 5681) in bytes; on Linux segments times their size.
    "tcp.congestion_window" = REPORTED, Read, Tcp, on ALL;

    /// How many segments are sent and not acknowledged; of a listener, how many connections wait to be
    /// accepted.
    "tcp.unacked" = REPORTED, Read, Tcp, on LINUX;

    /// How many bytes were sent, retransmissions included. Linux since 4.19.
    "tcp.bytes_sent" = REPORTED, Read, Tcp, on LINUX.and(APPLE).and(WINDOWS);

    /// How many bytes the peer has acknowledged (RFC 4898, `tcpEStatsAppHCThruOctetsAcked`).
    "tcp.bytes_acked" = REPORTED, Read, Tcp, on LINUX;

    /// How many bytes have come in.
    "tcp.bytes_received" = REPORTED, Read, Tcp, on LINUX.and(APPLE).and(WINDOWS);

    /// The latest measurement of how many bytes a second reach the peer (`tcpi_delivery_rate`).
    "tcp.delivery_rate" = REPORTED, Read, Tcp, on LINUX;

    /// `UDP_SEGMENT` (udp(7)), `UDP_SEND_MSG_SIZE` on Windows: one send is cut into datagrams of this many
    /// bytes. 0 (the default) is off.
    "udp.segment" = number(0, 65_535), ReadWrite, Udp, on LINUX.and(WINDOWS);

    /// `UDP_GRO` (udp(7)): the system may join datagrams of one sender that came together, so that one receive brings
    /// several; `anysock_recv_many` reports the size of each. Off (the default), they are kept apart. Linux since 5.0.
    "udp.gro" = Switch, ReadWrite, Udp, on LINUX;

    /// `SIO_UDP_CONNRESET`: with 1 a receive fails with `ECONNRESET` after an earlier send has met a closed
    /// port. 0 is the default here, although not Windows' own.
    "udp.connection_reset" = Switch, Write, Udp, on WINDOWS;

    /// `IP_TTL`: how many routers a packet may pass. Default mostly 64, 128 on Windows.
    "ip.ttl" = number(1, 255), ReadWrite, Ip, on ALL;

    /// `IP_TOS`: the byte with DSCP and ECN (RFC 2474, RFC 3168). TCP sets the two bits of ECN itself.
    /// Default 0.
    "ip.tos" = number(0, 255), ReadWrite, Ip, on UNIX;

    /// `SO_BINDTODEVICE` (socket(7)), `IP_BOUND_IF` on macOS: packets go and come by this interface only,
    /// for IPv6 too. Empty (the default) for any.
    "ip.bind_device" = Interface, ReadWrite, Internet, on LINUX.and(APPLE);

    /// `IP_MTU`: the largest packet that the path to the peer is known to take. `ENOTCONN` without a peer.
    "ip.mtu" = REPORTED, Read, Ip, on LINUX.and(WINDOWS);

    /// `IP_DONTFRAG`, `IP_MTU_DISCOVER` on Linux: packets are not fragmented; a datagram too large for the
    /// path is `EMSGSIZE`. On Linux 0 turns path MTU discovery off, which is on but less strict until this
    /// is set.
    "ip.dont_fragment" = Switch, ReadWrite, Ip, on LINUX.and(APPLE).and(FREEBSD).and(WINDOWS);

    /// `IP_FREEBIND` (ip(7)), `IP_BINDANY` on FreeBSD (privileged): an address may be bound that this
    /// machine does not have, or not yet. Default 0.
    "ip.freebind" = Switch, ReadWrite, Ip, on LINUX.and(FREEBSD);

    /// `IP_TRANSPARENT` (ip(7)): for transparent proxies. Needs CAP_NET_ADMIN. Default 0.
    "ip.transparent" = Switch, ReadWrite, Ip, on LINUX;

    /// `IP_PKTINFO`, `IP_RECVPKTINFO` on NetBSD, `IP_RECVDSTADDR` and `IP_RECVIF` on FreeBSD and OpenBSD: each
    /// datagram comes with the interface that received it and the address that it was sent to
    /// (`ANYSOCK_CONTROL_PACKET_INFO`). Default 0.
    "ip.packet_info" = Switch, ReadWrite, Ip, on ALL;

    /// `IP_RECVTTL`: each datagram comes with its TTL (`ANYSOCK_CONTROL_TTL`). Default 0.
    "ip.receive_ttl" = Switch, ReadWrite, Ip, on ALL;

    /// `IP_RECVTOS`: each datagram comes with its TOS (`ANYSOCK_CONTROL_TOS`). Default 0.
    "ip.receive_tos" = Switch, ReadWrite, Ip, on LINUX.and(APPLE).and(FREEBSD).and(WINDOWS);

    /// `IP_MULTICAST_TTL`: how far multicast datagrams go. Default 1, this network; 0 is this machine.
    "ip.multicast_ttl" = number(0, 255), ReadWrite, Multicast, on ALL;

    /// `IP_MULTICAST_LOOP`: members on this machine get what is sent from it. Default 1. Set it on the
    /// sender; on Windows, on the receiver.
    "ip.multicast_loop" = Switch, ReadWrite, Multicast, on ALL;

    /// `IP_MULTICAST_ALL` (ip(7)): a socket bound to the wildcard address gets datagrams for every group
    /// that any program on this machine has joined. Default 1; 0 is what other systems do.
    "ip.multicast_all" = Switch, ReadWrite, Multicast, on LINUX;

    /// `IP_MULTICAST_IF`: the interface by which multicast datagrams leave: its name, number or address.
    /// Empty (the default) leaves it to the routing table. Reads as the interface's name, if it has one and
    /// an IPv4 address.
    "ip.multicast_interface" = Interface, ReadWrite, Multicast, on ALL;

    /// Joins a group, written `239.1.2.3` or `239.1.2.3%eth0`; without an interface the system chooses one.
    /// Several groups may be joined. `EADDRINUSE` if the socket is a member, `ENODEV` if there is no such
    /// interface.
    "ip.multicast_join" = Group, Write, Multicast, on ALL;

    /// Leaves a group, written as it was joined. `EADDRNOTAVAIL` if the socket is no member.
    "ip.multicast_leave" = Group, Write, Multicast, on ALL;

    /// Joins a group for one sender (RFC 3678), written `192.0.2.1@232.1.2.3` or `192.0.2.1@232.1.2.3%eth0`.
    "ip.multicast_join_source" = SourceGroup, Write, Multicast, on SOURCES;

    /// Leaves what `ip.multicast_join_source` has joined, written as it was joined.
    "ip.multicast_leave_source" = SourceGroup, Write, Multicast, on SOURCES;

    /// `IPV6_V6ONLY` (RFC 3493, 5.3): with 0 an IPv6 socket bound to the wildcard address serves IPv4 too.
    /// The kinds `tcp6` and `udp6` start with 1, `tcp` and `udp` with 0 (OpenBSD knows only 1). Set it
    /// before bind.
    "ipv6.only" = Switch, ReadWrite, Ipv6, on ALL;

    /// `IPV6_UNICAST_HOPS` (RFC 3493, 5.1): how many routers a packet may pass. -1 is the system's default,
    /// mostly 64.
    "ipv6.hops" = HOPS, ReadWrite, Ipv6, on ALL;

    /// `IPV6_TCLASS` (RFC 3542): the byte with DSCP and ECN, as `ip.tos`. Default 0.
    "ipv6.traffic_class" = number(0, 255), ReadWrite, Ipv6, on UNIX;

    /// `IPV6_MTU`: the largest packet that the path to the peer is known to take. `ENOTCONN` without a peer.
    "ipv6.mtu" = REPORTED, Read, Ipv6, on LINUX.and(WINDOWS);

    /// `IPV6_DONTFRAG` (RFC 3542): packets are not fragmented; a datagram too large for the path is
    /// `EMSGSIZE`. Default 0.
    "ipv6.dont_fragment" = Switch, ReadWrite, Ipv6, on ALL;

    /// `IPV6_FREEBIND`, `IPV6_BINDANY` on FreeBSD (privileged): as `ip.freebind`.
    "ipv6.freebind" = Switch, ReadWrite, Ipv6, on LINUX.and(FREEBSD);

    /// `IPV6_TRANSPARENT`: as `ip.transparent`.
    "ipv6.transparent" = Switch, ReadWrite, Ipv6, on LINUX;

    /// `IPV6_RECVPKTINFO` (RFC 3542), `IPV6_PKTINFO` on Windows: as `ip.packet_info`.
    "ipv6.packet_info" = Switch, ReadWrite, Ipv6, on ALL;

    /// `IPV6_RECVHOPLIMIT` (RFC 3542), `IPV6_HOPLIMIT` on Windows: as `ip.receive_ttl`.
    "ipv6.receive_hops" = Switch, ReadWrite, Ipv6, on ALL;

    /// `IPV6_RECVTCLASS` (RFC 3542): as `ip.receive_tos`.
    "ipv6.receive_traffic_class" = Switch, ReadWrite, Ipv6, on ALL;

    /// `IPV6_MULTICAST_HOPS` (RFC 3493, 5.2): how far multicast datagrams go. Default 1, this network; 0 is
    /// this machine, -1 the default.
    "ipv6.multicast_hops" = HOPS, ReadWrite, Multicast6, on ALL;

    /// `IPV6_MULTICAST_LOOP` (RFC 3493, 5.2): as `ip.multicast_loop`.
    "ipv6.multicast_loop" = Switch, ReadWrite, Multicast6, on ALL;

    /// `IPV6_MULTICAST_ALL`: as `ip.multicast_all`.
    "ipv6.multicast_all" = Switch, ReadWrite, Multicast6, on LINUX;

    /// `IPV6_MULTICAST_IF` (RFC 3493, 5.2): the interface by which multicast datagrams leave: its name,
    /// number or address. Empty (the default) leaves it to the routing table. Reads as the interface's name.
    "ipv6.multicast_interface" = Interface, ReadWrite, Multicast6, on ALL;

    /// Joins a group, written `ff02::1234` or `ff02::1234%eth0`. As `ip.multicast_join`.
    "ipv6.multicast_join" = Group, Write, Multicast6, on ALL;

    /// Leaves a group, written as it was joined. `EADDRNOTAVAIL` if the socket is no member.
    "ipv6.multicast_leave" = Group, Write, Multicast6, on ALL;

    /// Joins a group for one sender (RFC 3678), written `2001:db8::1@ff3e::1234` or
    /// `2001:db8::1@ff3e::1234%eth0`.
    "ipv6.multicast_join_source" = SourceGroup, Write, Multicast6, on SOURCES;

    /// Leaves what `ipv6.multicast_join_source` has joined, written as it was joined.
    "ipv6.multicast_leave_source" = SourceGroup, Write, Multicast6, on SOURCES;

    /// `SO_PASSCRED` (unix(7)), `LOCAL_CREDS_PERSISTENT` on FreeBSD, `LOCAL_CREDS` on NetBSD (once for a
    /// stream): each message comes with the process, user and group of its sender
    /// (`ANYSOCK_CONTROL_CREDENTIALS`). Default 0.
    "unix.credentials" = Switch, ReadWrite, Local, on LINUX.and(FREEBSD).and(NETBSD);

    /// The peer's process (`SO_PEERCRED` and its like): the one that connected, or the one that listens. As it
    /// was at the connect. `ENOTCONN` without a peer.
    "unix.peer_pid" = REPORTED, Read, Unix, on ALL;

    /// The effective user of that process. As it was at the connect.
    "unix.peer_uid" = REPORTED, Read, Unix, on UNIX;

    /// The effective group of that process. As it was at the connect.
    "unix.peer_gid" = REPORTED, Read, Unix, on UNIX;

    /// How many bytes of writes may wait for the peer of one handle: a write that would exceed it is `ENOBUFS`. Bytes in
    /// the queue's own buffers and of files do not count. Default 16 MiB; 0 is no limit.
    "queue.send_limit" = number(0, i64::MAX), ReadWrite, Queue, by Own::SendLimit;

    /// How the queue waits and moves bytes: `io_uring`, `epoll`, `kqueue`, `afd` or `poll`. May be set before the first run,
    /// `EBUSY` later; `EOPNOTSUPP` for one that this system does not have or permit. The default is the best that works.
    "queue.engine" = Text, ReadWrite, Queue, by Own::Engine;
};

/// The options that this library carries out itself, in the order of their rows above, which say what each means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Own {
    /// The five timeouts.
    Timeout(Wait),
    Interruptible,
    Native,
    /// Belongs to the descriptor, so that it is kept and replayed as the kernel's options are.
    Inherit,
    Kind,
    Family,
    Type,
    Protocol,
    Error,
    Available,
    Listening,
    SendLimit,
    Engine,
}
