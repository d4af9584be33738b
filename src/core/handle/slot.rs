//! A slot, the state behind a handle: one atomic word {references, closed, vacant, generation} and a few atomic fields, which any
//! thread may read and write. Not here: who may take a reference and who closes (`table`), where slots lie (`chunks`).

use crate::core::deadline::Deadline;
use crate::core::error::Error;
use crate::core::handle::number::{Handle, INDEX_BITS, MAX_GENERATION};
use crate::core::handle::read_guess::Run;
use crate::core::name::kind::{Class, Kind};
use crate::core::process::section::Forks;
use crate::core::sync::atomic::{
    AtomicI32, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering, fence,
};
use crate::sys::{Fd, Origin};
use socket2::Domain;
use std::array::from_fn;

/// One reference. They are counted from -1, so that the word is negative when there is none. There is room for four million.
pub(super) const REFERENCE: i64 = 1 << (MARKS + 2);

/// The owner: all of the word but the references.
pub(super) const OWNER: i64 = REFERENCE - 1;

/// The position of the two marks, above all bits of [`Handle::generation`]: so no number, however made up, equals the owner of
/// a closed or vacant slot.
const MARKS: u32 = i64::BITS - 1 - INDEX_BITS;

/// The handle is closed. Together with `VACANT`: the holder of the last reference is closing the descriptor.
pub(super) const CLOSED: i64 = 1 << (MARKS + 1);

/// No handle uses the slot.
pub(super) const VACANT: i64 = 1 << MARKS;

/// The generation, in the lowest bits: the owner of an open slot is its generation and nothing else.
pub(super) const GENERATION: i64 = MAX_GENERATION as i64;

/// The state of a connection-oriented socket. Others stay `Fresh`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Phase {
    /// Neither connected nor listening.
    Fresh,
    /// Several attempts are under way; none of their descriptors is visible yet.
    Racing,
    /// The kernel is connecting the descriptor.
    Connecting,
    /// Connected, but no call of `connect` has returned that yet.
    Arrived,
    /// Connected.
    Connected,
    /// A listener.
    Listening,
    /// The connect failed; the error stays.
    Failed,
}

const PHASES: [Phase; 7] = [
    Phase::Fresh,
    Phase::Racing,
    Phase::Connecting,
    Phase::Arrived,
    Phase::Connected,
    Phase::Listening,
    Phase::Failed,
];

/// Flags of a slot.
pub mod flag {
    /// A signal ends a wait.
    pub const INTERRUPTIBLE: u32 = 1 << 0;
    /// This side shut reading.
    pub const SHUT_READ: u32 = 1 << 1;
    /// This side shut writing.
    pub const SHUT_WRITE: u32 = 1 << 2;
    /// Of another class than a socket.
    pub const NO_SOCKET: u32 = 1 << 3;
    /// No descriptor yet, because the address family is not settled (kinds `tcp` and `udp`).
    pub const UNSETTLED: u32 = 1 << 4;
    /// The caller has bound it to an address.
    pub const BOUND: u32 = 1 << 5;
    /// This library has made the descriptor non-blocking (`mode`).
    pub const NONBLOCKING: u32 = 1 << 6;
    /// The descriptor outlives the handle.
    pub const RELEASED: u32 = 1 << 7;
    /// A datagram socket has an error to report, once.
    pub const PENDING: u32 = 1 << 8;
    /// The family of a `tcp` or `udp` socket was settled as IPv4.
    pub const FAMILY4: u32 = 1 << 9;
    /// The family of a `tcp` or `udp` socket was settled as IPv6.
    pub const FAMILY6: u32 = 1 << 10;
    /// A poller or a queue watches it.
    pub const REGISTERED: u32 = 1 << 11;
    /// The last read that tried first had to wait (`read_guess`).
    pub const READS_WAIT: u32 = 1 << 12;
    /// It has extras, or its last owner left some.
    pub const HAS_EXTRAS: u32 = 1 << 13;
    /// Option "native": the handle behaves as the system's own socket (`native`).
    pub const NATIVE: u32 = 1 << 14;
    /// The library has taken the error that stays from the kernel, and the program has not read it by SO_ERROR yet.
    pub const UNREPORTED: u32 = 1 << 15;
    /// Other code knows the descriptor, and may change its blocking mode at any time (`mode`).
    pub const EXPOSED: u32 = 1 << 16;
    /// A lock: a call relies on the descriptor's current blocking mode (`mode`).
    pub const MODE_HELD: u32 = 1 << 17;
    /// A lock: a queue has the turn to send on it.
    pub const SENDING: u32 = 1 << 18;
    /// Other queues wait for their turn to send.
    pub const SENDERS_WAIT: u32 = 1 << 19;

    // Sets of flags.

    /// Any means that the handle knows more of its readiness than the kernel.
    pub const KNOWS_MORE: u32 = SHUT_READ | SHUT_WRITE | UNSETTLED | PENDING;
    /// Any means that receiving is more than one system call.
    pub const SPECIAL_READ: u32 = SHUT_READ | NO_SOCKET | UNSETTLED | PENDING;
    /// Any means that a read leaves the fast path.
    pub const READ_OUT_OF_LINE: u32 = SPECIAL_READ | READS_WAIT;
    /// Any means that sending is more than one system call.
    pub const SPECIAL_WRITE: u32 = NO_SOCKET | UNSETTLED | PENDING;
}

/// Which of a handle's timeouts. `General` applies where a specific one is -1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    General,
    Read,
    Write,
    Connect,
    Accept,
    /// `SO_RCVTIMEO`, which applies to reads and accepts.
    SystemReceive,
    /// `SO_SNDTIMEO`, which applies to writes and connects.
    SystemSend,
}

/// Where a timeout is kept.
enum Place {
    Named(usize),
    OfSystem(usize),
}

/// In microseconds.
const MILLISECOND: i64 = 1000;

impl Wait {
    #[inline(always)]
    const fn place(self) -> Place {
        match self {
            Self::SystemReceive => Place::OfSystem(0),
            Self::SystemSend => Place::OfSystem(1),
            named => Place::Named(named as usize),
        }
    }

    /// Which of the system's timeouts applies to it (socket(7)).
    const fn of_system(self) -> Self {
        match self {
            Self::Read | Self::Accept | Self::SystemReceive => Self::SystemReceive,
            Self::Write | Self::Connect | Self::SystemSend => Self::SystemSend,
            Self::General => Self::General,
        }
    }
}

/// The state behind a handle. Every field may be read and written by any thread.
///
/// Aligned and ordered so that two slots never share a cache line, and what every call needs is in the first of its two.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Slot {
    pub(super) word: AtomicI64,
    pub(super) fd: AtomicI64,
    pub(super) flags: AtomicU32,
    pub(super) error: AtomicI32,
    pub(super) kind: AtomicU16,
    pub(super) phase: AtomicU8,
    /// The guess about the next read, while `READS_WAIT` is on.
    pub reads: Run,
    /// How many forks there were when the handle was made.
    pub(super) forks: Forks,
    pub(super) timeouts: [AtomicI64; 5],
    pub(super) index: u32,
    /// `SO_RCVTIMEO` and `SO_SNDTIMEO` in milliseconds, as fine as any system's clock for them.
    pub(super) system_timeouts: [AtomicU32; 2],
    /// The peer's address, if the connection was accepted: written before there is a handle, and never afterwards.
    pub origin: Origin,
    /// The descriptor that `fd` has replaced, closed along with it; mostly none.
    pub(super) replaced: AtomicI64,
    /// Bytes that may still be read after this side shut reading. In a free slot, the link of the free list: the two cache
    /// lines are full.
    pub read_left: AtomicU64,
}

#[cfg(not(all(test, loom)))]
const _: () = assert!(size_of::<Slot>() == 128);

/// No timeout of the system's.
const NO_TIMEOUT: u32 = u32::MAX;

impl Slot {
    pub(super) fn new(index: u32, generation: u32) -> Self {
        Self {
            index,
            forks: Forks::default(),
            system_timeouts: from_fn(|_| AtomicU32::new(NO_TIMEOUT)),
            word: AtomicI64::new(VACANT | i64::from(generation)),
            fd: AtomicI64::new(Fd::NONE.to_raw()),
            replaced: AtomicI64::new(Fd::NONE.to_raw()),
            read_left: AtomicU64::new(0),
            timeouts: from_fn(|_| AtomicI64::new(-1)),
            flags: AtomicU32::new(0),
            error: AtomicI32::new(0),
            kind: AtomicU16::new(0),
            phase: AtomicU8::new(0),
            reads: Run::default(),
            origin: Origin::new(),
        }
    }

    /// The handle that the slot stands behind, for as long as someone holds a reference.
    #[must_use]
    pub fn handle(&self) -> Handle {
        let generation = self.word.load(Ordering::Relaxed) & GENERATION;
        Handle { index: self.index, generation: generation as u32 }
    }

    /// In a free slot: the link that [`Self::set_next_free`] has stored.
    #[inline]
    pub(super) fn next_free(&self) -> u32 {
        self.read_left.load(Ordering::Relaxed) as u32
    }

    /// In a free slot: stores the link of the free list.
    #[inline]
    pub(super) fn set_next_free(&self, next: u32) {
        self.read_left.store(u64::from(next), Ordering::Relaxed);
    }

    /// Drops a reference; whether it was the last.
    #[inline(always)]
    pub(super) fn leave(&self) -> bool {
        // An addition whose result is compared with 0 is a single instruction on some processors.
        self.word.fetch_add(-REFERENCE, Ordering::SeqCst).wrapping_add(-REFERENCE) < 0
    }

    /// The owner: generation and marks.
    #[inline]
    pub(super) fn owner(&self) -> i64 {
        self.word.load(Ordering::SeqCst) & OWNER
    }

    /// Whether someone has closed the handle.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.owner() & (CLOSED | VACANT) != 0
    }

    /// Whether the handle of this number is open in the slot.
    #[inline(always)]
    pub fn stands_for(&self, number: i64) -> bool {
        self.owner() == Handle::generation(number)
    }

    /// Whether this handle, and no later one, is open in the slot.
    #[inline]
    pub fn is_open_as(&self, handle: Handle) -> bool {
        self.owner() == i64::from(handle.generation)
    }

    /// The descriptor; none while the family is not settled.
    #[inline]
    pub fn fd(&self) -> Fd {
        Fd::from_kept(self.fd.load(Ordering::Acquire))
    }

    /// Gives the slot its descriptor.
    pub fn set_fd(&self, fd: Fd) {
        self.fd.store(fd.to_raw(), Ordering::SeqCst);
        if !fd.is_none() {
            self.clear_flags(flag::UNSETTLED);
        }
    }

    /// Keeps a replaced descriptor open for the calls that still use it. There is at most one.
    pub fn keep_replaced(&self, fd: Fd) {
        debug_assert!(Fd::from_kept(self.replaced.load(Ordering::SeqCst)).is_none(), "there is one already");
        self.replaced.store(fd.to_raw(), Ordering::SeqCst);
    }

    /// Sets the descriptor, and the family of a `tcp` or `udp` socket whose family was not settled.
    pub fn set_fd_and_family(&self, fd: Fd, family: Domain) {
        self.set_fd(fd);
        if self.kind().family().is_none() {
            self.set_flags(if family == Domain::IPV6 { flag::FAMILY6 } else { flag::FAMILY4 });
        }
    }

    /// The address family; `None` while it is not settled.
    pub fn family(&self) -> Option<Domain> {
        match self.flags() {
            flags if flags & flag::FAMILY6 != 0 => Some(Domain::IPV6),
            flags if flags & flag::FAMILY4 != 0 => Some(Domain::IPV4),
            _ => self.kind().family(),
        }
    }

    /// The kind it was opened as.
    pub fn kind(&self) -> Kind {
        // Acquire, as for all that is read without a reference: whoever sees a later owner's value also sees the later owner.
        Kind::unpack(self.kind.load(Ordering::Acquire))
    }

    /// What the handle stands for.
    #[inline]
    pub fn class(&self) -> Class {
        // One flag decides for sockets, as most are.
        if self.has(flag::NO_SOCKET) { self.kind().class() } else { Class::Socket }
    }

    /// The same without a reference: `None` if the slot is no longer that handle's, as another's class may have been read.
    #[inline]
    pub fn class_of(&self, handle: Handle) -> Option<Class> {
        let class = self.class();
        self.is_open_as(handle).then_some(class)
    }

    /// The phase of its connection.
    pub fn phase(&self) -> Phase {
        PHASES.get(usize::from(self.phase.load(Ordering::SeqCst))).copied().unwrap_or(Phase::Failed)
    }

    /// Whether it is a listener, and so a socket that has its descriptor.
    #[inline]
    pub fn is_listening(&self) -> bool {
        self.phase.load(Ordering::SeqCst) == Phase::Listening as u8
    }

    /// Whether it is connected or a listener.
    #[inline]
    pub fn is_in_use(&self) -> bool {
        let phase = self.phase.load(Ordering::SeqCst);
        phase == Phase::Connected as u8 || phase == Phase::Listening as u8
    }

    /// Changes the phase, if it is still `from`; whether it did.
    pub fn advance(&self, from: Phase, to: Phase) -> bool {
        let exchange = self.phase.compare_exchange(from as u8, to as u8, Ordering::SeqCst, Ordering::SeqCst);
        exchange.is_ok()
    }

    /// The flags. `SeqCst` here and below for announce-then-look (`wait`): a waiter reads them after its announcement, and whoever
    /// changes one looks for announcements afterwards.
    #[inline]
    pub fn flags(&self) -> u32 {
        self.flags.load(Ordering::SeqCst)
    }

    /// Whether any of these flags is set.
    #[inline]
    pub fn has(&self, flags: u32) -> bool {
        self.flags() & flags != 0
    }

    /// Sets flags.
    pub fn set_flags(&self, flags: u32) {
        self.flags.fetch_or(flags, Ordering::SeqCst);
    }

    /// Sets flags; whether none of them was set before.
    #[inline]
    pub fn try_set_flags(&self, flags: u32) -> bool {
        self.flags.fetch_or(flags, Ordering::SeqCst) & flags == 0
    }

    /// Clears flags.
    pub fn clear_flags(&self, flags: u32) {
        self.flags.fetch_and(!flags, Ordering::SeqCst);
    }

    /// Clears flags; whether any of them was set.
    pub fn take_flags(&self, flags: u32) -> bool {
        self.flags.fetch_and(!flags, Ordering::SeqCst) & flags != 0
    }

    /// Whether the process has forked since the handle was made, so that another process may have the descriptor too.
    #[inline]
    pub fn has_forked(&self) -> bool {
        self.forks.has_grown()
    }

    /// The error that stays, if there is one.
    pub fn error(&self) -> Option<Error> {
        Error::from_code(i64::from(self.error.load(Ordering::SeqCst)))
    }

    /// Whether there is one.
    #[inline]
    pub fn has_error(&self) -> bool {
        self.error.load(Ordering::SeqCst) != 0
    }

    /// Keeps an error, unless there is one: later errors are consequences of the first.
    pub fn keep_error(&self, error: Error) {
        let code = error.code() as i32;
        let _ = self.error.compare_exchange(0, code, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Takes the error out: datagram sockets report one once.
    pub fn take_error(&self) -> Option<Error> {
        Error::from_code(i64::from(self.error.swap(0, Ordering::SeqCst)))
    }

    /// The timeout in microseconds as it was set.
    pub fn timeout(&self, wait: Wait) -> i64 {
        match wait.place() {
            Place::Named(place) => self.timeouts[place].load(Ordering::Relaxed),
            Place::OfSystem(place) => match self.system_timeouts[place].load(Ordering::Relaxed) {
                NO_TIMEOUT => -1,
                millis => i64::from(millis) * MILLISECOND,
            },
        }
    }

    /// Sets it.
    pub fn set_timeout(&self, wait: Wait, micros: i64) {
        match wait.place() {
            Place::Named(place) => self.timeouts[place].store(micros, Ordering::Relaxed),
            Place::OfSystem(place) => {
                // A time too long for the field is for ever.
                let millis = u64::try_from(micros).map_or(NO_TIMEOUT, |micros| {
                    u32::try_from(micros.div_ceil(MILLISECOND as u64)).unwrap_or(NO_TIMEOUT)
                });
                self.system_timeouts[place].store(millis, Ordering::Relaxed);
            }
        }
    }

    /// The timeout that applies to a call, in microseconds; -1 is for ever.
    pub fn ruling_timeout(&self, wait: Wait) -> i64 {
        match self.timeout(wait) {
            -1 => self.next_timeout(wait).0,
            own => own,
        }
    }

    /// The deadline of a call that begins now.
    pub fn deadline(&self, wait: Wait) -> Deadline {
        match self.timeout(wait) {
            -1 => match self.next_timeout(wait) {
                (micros, true) => Deadline::after(micros).of_system(),
                (micros, false) => Deadline::after(micros),
            },
            own => Deadline::after(own),
        }
    }

    /// The timeout of a call that has no specific one, and whether it is the system's own. The system's comes before the
    /// general one; but on a native handle after it, because a socket module with a general timeout makes its socket
    /// non-blocking, for which the system ignores its own.
    fn next_timeout(&self, wait: Wait) -> (i64, bool) {
        let general = self.timeout(Wait::General);
        match self.timeout(wait.of_system()) {
            -1 => (general, false),
            _ if general != -1 && self.has(flag::NATIVE) => (general, false),
            system => (system, wait != Wait::General),
        }
    }

    /// The timeout as the option of this name reads: on a native handle, without the system's own.
    pub fn named_timeout(&self, wait: Wait) -> i64 {
        match self.timeout(wait) {
            -1 if wait != Wait::General && !self.has(flag::NATIVE) => self.timeout(wait.of_system()),
            own => own,
        }
    }

    /// Sets the timeout by its option, which overrides the system's own.
    pub fn set_named_timeout(&self, wait: Wait, micros: i64) {
        if matches!(wait, Wait::Read | Wait::Write) && !self.has(flag::NATIVE) {
            self.set_timeout(wait.of_system(), -1);
        }
        self.set_timeout(wait, micros);
    }

    /// Whether other calls than the current one run on the slot.
    pub fn is_shared(&self) -> bool {
        let word = self.word.load(Ordering::SeqCst);
        // An open handle holds a reference of its own.
        let own = if word & CLOSED == 0 { 2 } else { 1 };
        word >= own * REFERENCE
    }

    /// Fills in the fields for a new handle.
    #[inline]
    pub(super) fn fill(&self, new: &New) {
        let unsettled = if new.fd.is_none() { flag::UNSETTLED } else { 0 };
        let class = if new.kind.is_socket() { 0 } else { flag::NO_SOCKET };
        self.fill_with(new.kind.pack(), new.fd, new.phase, new.flags | class | unsettled);
    }

    /// Fills in the fields for a connection that the listener has accepted.
    #[inline]
    pub(super) fn fill_as_accepted(&self, listener: &Self, fd: Fd) {
        let taken_over = listener.flags() & (flag::FAMILY4 | flag::FAMILY6 | flag::INTERRUPTIBLE);
        let kind = listener.kind.load(Ordering::Relaxed);
        self.fill_with(kind, fd, Phase::Connected, flag::NONBLOCKING | taken_over);
    }

    /// Fills in the fields of a vacant slot. A thread without a reference may see these values before the new word: the fence
    /// makes sure that it then sees as well that the word is not the last owner's any more.
    #[inline]
    pub(super) fn fill_with(&self, kind: u16, fd: Fd, phase: Phase, flags: u32) {
        // Not in models, where the load would add an order that the code does not have.
        debug_assert!(cfg!(loom) || self.owner() & VACANT != 0, "a number stands for the slot");
        fence(Ordering::Release);
        self.read_left.store(0, Ordering::Relaxed);
        for timeout in &self.timeouts {
            timeout.store(-1, Ordering::Relaxed);
        }
        let extras = self.flags.load(Ordering::Relaxed) & flag::HAS_EXTRAS;
        for timeout in &self.system_timeouts {
            timeout.store(NO_TIMEOUT, Ordering::Relaxed);
        }
        self.forks.record();
        self.fd.store(fd.to_raw(), Ordering::Relaxed);
        self.flags.store(flags | extras, Ordering::Relaxed);
        self.error.store(0, Ordering::Relaxed);
        self.kind.store(kind, Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Relaxed);
        self.reads.end();
    }
}

/// What a new handle starts with.
#[derive(Clone, Copy, Debug)]
pub struct New {
    pub kind: Kind,
    pub fd: Fd,
    pub phase: Phase,
    pub flags: u32,
}
