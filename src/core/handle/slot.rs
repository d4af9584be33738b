//! A slot: what stands behind a handle. One atomic word {references, closed, vacant, generation} and a few atomic fields, which
//! any thread may read and write. Not here: who may take a reference and who closes (`table`), where slots lie (`chunks`).

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

/// References are counted from -1, so that a negative word is one that nobody refers to. There is room for four million.
pub(super) const REFERENCE: i64 = 1 << (MARKS + 2);

/// Whom the slot belongs to: all of the word but the references.
pub(super) const OWNER: i64 = REFERENCE - 1;

/// Where the two marks stand: above all bits of [`Handle::generation`], so that of no number, whoever has made it up, this is the
/// owner of a closed or vacant slot.
const MARKS: u32 = i64::BITS - 1 - INDEX_BITS;

/// The handle is closed. Together with `VACANT`: whoever was last is closing the descriptor.
pub(super) const CLOSED: i64 = 1 << (MARKS + 1);

/// No handle stands for the slot.
pub(super) const VACANT: i64 = 1 << MARKS;

/// The generation, in the lowest bits: the owner of an open slot is its generation and nothing else.
pub(super) const GENERATION: i64 = MAX_GENERATION as i64;

/// Where a connection-oriented socket stands. Others stay `Fresh`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Phase {
    /// Neither connected nor listening.
    Fresh,
    /// Several attempts are under way; none of their descriptors is visible yet.
    Racing,
    /// The kernel is connecting the descriptor.
    Connecting,
    /// Connected, but `connect` has not said so yet.
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

/// Switches of a slot.
pub mod flag {
    /// A signal ends a wait.
    pub const INTERRUPTIBLE: u32 = 1 << 0;
    /// This side shut reading.
    pub const SHUT_READ: u32 = 1 << 1;
    /// This side shut writing.
    pub const SHUT_WRITE: u32 = 1 << 2;
    /// Of another class than a socket.
    pub const NO_SOCKET: u32 = 1 << 3;
    /// No descriptor yet: the address family is open.
    pub const UNSETTLED: u32 = 1 << 4;
    /// The caller has named it.
    pub const BOUND: u32 = 1 << 6;
    /// The descriptor is non-blocking because this library has made it so (`mode`).
    pub const NONBLOCKING: u32 = 1 << 7;
    /// The descriptor outlives the handle.
    pub const RELEASED: u32 = 1 << 8;
    /// A datagram socket has an error to report, once.
    pub const PENDING: u32 = 1 << 9;
    /// The family of an open kind was settled as IPv4.
    pub const FAMILY4: u32 = 1 << 10;
    /// The family of an open kind was settled as IPv6.
    pub const FAMILY6: u32 = 1 << 11;
    /// A poller or a queue watches it.
    pub const REGISTERED: u32 = 1 << 12;
    /// The last read that tried had to wait.
    pub const READS_WAIT: u32 = 1 << 14;
    /// It has extras, or had some since the slot was last set aside.
    pub const HAS_EXTRAS: u32 = 1 << 15;
    /// The system's word counts alone.
    pub const NATIVE: u32 = 1 << 16;
    /// The kernel has told the error that stays, and SO_ERROR has not told it to the program.
    pub const UNHEARD: u32 = 1 << 17;
    /// Others know the descriptor, and may change its mode at any time (`mode`).
    pub const EXPOSED: u32 = 1 << 18;
    /// A call relies on the mode that the descriptor has just now (`mode`).
    pub const MODE_HELD: u32 = 1 << 19;
    /// A queue sends on it, and nobody else does before it has done so.
    pub const SENDING: u32 = 1 << 20;
    /// Others wait for their turn to send.
    pub const SENDERS_WAIT: u32 = 1 << 21;

    // Several of them.

    /// The handle knows more of its readiness than the kernel.
    pub const KNOWS_MORE: u32 = SHUT_READ | SHUT_WRITE | UNSETTLED | PENDING;
    /// Receiving is more than one system call.
    pub const SPECIAL_READ: u32 = SHUT_READ | NO_SOCKET | UNSETTLED | PENDING;
    /// What a read must look at first.
    pub const READ_OUT_OF_LINE: u32 = SPECIAL_READ | READS_WAIT;
    /// Sending is more than one system call.
    pub const SPECIAL_WRITE: u32 = NO_SOCKET | UNSETTLED | PENDING;
}

/// Which timeout. `General` serves those that are -1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    General,
    Read,
    Write,
    Connect,
    Accept,
    /// `SO_RCVTIMEO`, which serves reads and accepts.
    SystemReceive,
    /// `SO_SNDTIMEO`, which serves writes and connects.
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

    /// Which of the system's timeouts rules it (socket(7)).
    const fn of_system(self) -> Self {
        match self {
            Self::Read | Self::Accept | Self::SystemReceive => Self::SystemReceive,
            Self::Write | Self::Connect | Self::SystemSend => Self::SystemSend,
            Self::General => Self::General,
        }
    }
}

/// What stands behind a handle. Every field may be read and written by any thread.
///
/// Aligned and ordered so that two slots never share a cache line, and that what every call needs is in the first.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Slot {
    pub(super) word: AtomicI64,
    pub(super) fd: AtomicI64,
    pub(super) flags: AtomicU32,
    pub(super) error: AtomicI32,
    pub(super) kind: AtomicU16,
    pub(super) phase: AtomicU8,
    /// What is expected of reads, while `READS_WAIT` is on.
    pub reads: Run,
    /// How many forks there were when the handle was made.
    pub(super) forks: Forks,
    pub(super) timeouts: [AtomicI64; 5],
    pub(super) index: u32,
    /// `SO_RCVTIMEO` and `SO_SNDTIMEO` in milliseconds, which are no coarser than a system's clock for them.
    pub(super) system_timeouts: [AtomicU32; 2],
    /// Who has connected, if it was accepted: written before there is a handle, and never afterwards.
    pub origin: Origin,
    /// What stood for the handle before `fd`, and is closed with it; mostly none.
    pub(super) replaced: AtomicI64,
    /// Bytes that may still be read after this side shut reading. No number stands for a free slot, so that there it is the
    /// next free one: the two cache lines of a slot are full.
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

    /// In a free slot: the next free one, as [`Self::set_next_free`] was told.
    #[inline]
    pub(super) fn next_free(&self) -> u32 {
        self.read_left.load(Ordering::Relaxed) as u32
    }

    /// In a free slot.
    #[inline]
    pub(super) fn set_next_free(&self, next: u32) {
        self.read_left.store(u64::from(next), Ordering::Relaxed);
    }

    /// Takes a reference away; whether there is none any more.
    #[inline(always)]
    pub(super) fn leave(&self) -> bool {
        // An addition whose result is compared with 0 is a single instruction on some processors.
        self.word.fetch_add(-REFERENCE, Ordering::SeqCst).wrapping_add(-REFERENCE) < 0
    }

    /// Whom the slot belongs to.
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

    /// The descriptor, or none while the family is open.
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

    /// Keeps a descriptor that stood for the handle open for the calls that still use it. There is at most one.
    pub fn keep_replaced(&self, fd: Fd) {
        debug_assert!(Fd::from_kept(self.replaced.load(Ordering::SeqCst)).is_none(), "there is one already");
        self.replaced.store(fd.to_raw(), Ordering::SeqCst);
    }

    /// Gives a slot of an open kind its descriptor and family.
    pub fn give_family(&self, fd: Fd, family: Domain) {
        self.set_fd(fd);
        if self.kind().family().is_none() {
            self.set_flags(if family == Domain::IPV6 { flag::FAMILY6 } else { flag::FAMILY4 });
        }
    }

    /// The address family; `None` while it is open.
    pub fn family(&self) -> Option<Domain> {
        match self.flags() {
            flags if flags & flag::FAMILY6 != 0 => Some(Domain::IPV6),
            flags if flags & flag::FAMILY4 != 0 => Some(Domain::IPV4),
            _ => self.kind().family(),
        }
    }

    /// The kind it was opened as.
    pub fn kind(&self) -> Kind {
        // As all that is read without a reference: what is seen of a later owner shows that it is one.
        Kind::unpack(self.kind.load(Ordering::Acquire))
    }

    /// What the handle stands for.
    #[inline]
    pub fn class(&self) -> Class {
        // Told at one glance of a socket, since most are.
        if self.has(flag::NO_SOCKET) { self.kind().class() } else { Class::Socket }
    }

    /// The same without a reference: `None` if the slot is no longer that handle's, since another's may have been read.
    #[inline]
    pub fn class_of(&self, handle: Handle) -> Option<Class> {
        let class = self.class();
        self.is_open_as(handle).then_some(class)
    }

    /// Where it stands.
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

    /// Moves it on, if it still stands where the caller thinks.
    pub fn advance(&self, from: Phase, to: Phase) -> bool {
        let exchange = self.phase.compare_exchange(from as u8, to as u8, Ordering::SeqCst, Ordering::SeqCst);
        exchange.is_ok()
    }

    /// The switches. In one order with all that wakes: who waits looks at them after announcing it, and who turns one
    /// looks for announcements afterwards (`wait`).
    #[inline]
    pub fn flags(&self) -> u32 {
        self.flags.load(Ordering::SeqCst)
    }

    /// Whether any of these switches is on.
    #[inline]
    pub fn has(&self, flags: u32) -> bool {
        self.flags() & flags != 0
    }

    /// Turns switches on.
    pub fn set_flags(&self, flags: u32) {
        self.flags.fetch_or(flags, Ordering::SeqCst);
    }

    /// Turns switches on; whether none of them was.
    #[inline]
    pub fn try_set_flags(&self, flags: u32) -> bool {
        self.flags.fetch_or(flags, Ordering::SeqCst) & flags == 0
    }

    /// Turns switches off.
    pub fn clear_flags(&self, flags: u32) {
        self.flags.fetch_and(!flags, Ordering::SeqCst);
    }

    /// Turns switches off; whether one of them was on.
    pub fn take_flags(&self, flags: u32) -> bool {
        self.flags.fetch_and(!flags, Ordering::SeqCst) & flags != 0
    }

    /// Whether the process has forked since the handle was made: another may have the descriptor too.
    #[inline]
    pub fn has_forked(&self) -> bool {
        self.forks.are_more()
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

    /// Keeps the first error; later ones are its consequences.
    pub fn keep_error(&self, error: Error) {
        let code = error.code() as i32;
        let _ = self.error.compare_exchange(0, code, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Takes the error away: datagram sockets report one once.
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
                // What is longer than can be counted here is for ever.
                let millis = u64::try_from(micros).map_or(NO_TIMEOUT, |micros| {
                    u32::try_from(micros.div_ceil(MILLISECOND as u64)).unwrap_or(NO_TIMEOUT)
                });
                self.system_timeouts[place].store(millis, Ordering::Relaxed);
            }
        }
    }

    /// The timeout that rules a call.
    pub fn ruling_timeout(&self, wait: Wait) -> i64 {
        match self.timeout(wait) {
            -1 => self.next_timeout(wait).0,
            own => own,
        }
    }

    /// When a call must end that begins now.
    pub fn deadline(&self, wait: Wait) -> Deadline {
        match self.timeout(wait) {
            -1 => match self.next_timeout(wait) {
                (micros, true) => Deadline::after(micros).of_system(),
                (micros, false) => Deadline::after(micros),
            },
            own => Deadline::after(own),
        }
    }

    /// What rules a call that has no timeout of its own, and whether it is the system's. That one comes before the general
    /// one; but to the system a socket with a general one is non-blocking, as its language's module says, and so it comes
    /// after it on a native handle.
    fn next_timeout(&self, wait: Wait) -> (i64, bool) {
        let general = self.timeout(Wait::General);
        match self.timeout(wait.of_system()) {
            -1 => (general, false),
            _ if general != -1 && self.has(flag::NATIVE) => (general, false),
            system => (system, wait != Wait::General),
        }
    }

    /// The timeout as an option of this name has it: of a native handle, what its options alone say.
    pub fn named_timeout(&self, wait: Wait) -> i64 {
        match self.timeout(wait) {
            -1 if wait != Wait::General && !self.has(flag::NATIVE) => self.timeout(wait.of_system()),
            own => own,
        }
    }

    /// Sets it by its name: what was said of reads or writes to the system counts no more.
    pub fn set_named_timeout(&self, wait: Wait, micros: i64) {
        if matches!(wait, Wait::Read | Wait::Write) && !self.has(flag::NATIVE) {
            self.set_timeout(wait.of_system(), -1);
        }
        self.set_timeout(wait, micros);
    }

    /// Whether calls run on the slot besides the asking one.
    pub fn is_shared(&self) -> bool {
        let word = self.word.load(Ordering::SeqCst);
        // Being open holds a reference too.
        let own = if word & CLOSED == 0 { 2 } else { 1 };
        word >= own * REFERENCE
    }

    /// As a new handle's.
    #[inline]
    pub(super) fn fill(&self, new: &New) {
        let unsettled = if new.fd.is_none() { flag::UNSETTLED } else { 0 };
        let class = if new.kind.is_socket() { 0 } else { flag::NO_SOCKET };
        self.fill_with(new.kind.pack(), new.fd, new.phase, new.flags | class | unsettled);
    }

    /// As that of a connection which a listener has taken.
    #[inline]
    pub(super) fn fill_as_accepted(&self, listener: &Self, fd: Fd) {
        let taken_over = listener.flags() & (flag::FAMILY4 | flag::FAMILY6 | flag::INTERRUPTIBLE);
        let kind = listener.kind.load(Ordering::Relaxed);
        self.fill_with(kind, fd, Phase::Connected, flag::NONBLOCKING | taken_over);
    }

    /// Fills a slot that no number stands for. Who looks without a reference may see what is stored here before the new
    /// word: the fence has him see as well that the word is no more that of the last owner.
    #[inline]
    pub(super) fn fill_with(&self, kind: u16, fd: Fd, phase: Phase, flags: u32) {
        // Models see no look that the code does not have.
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
        self.forks.note();
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
