//! The handle table: what stands behind a number, and who may still be using it.
//!
//! A slot is one atomic word {references, closed, vacant, generation} and a few atomic fields. A call takes a
//! reference, so the descriptor stays open (and its number taken) until the last call is done, whoever
//! closes meanwhile. Looking up takes no lock. Not here: what only some handles have (`side`).
//!
//! A lookup takes its reference first and then looks whether the word is that of the handle; of a slot that is
//! another's it gives the reference back. So that such a one is never the last, a vacant slot holds a reference of its
//! own, which becomes that of being open.

use super::error::{Error, Result};
use super::handle::{Handle, LAST_GENERATION, MAX_CHUNKS, MAX_PLACES, MAX_SLOTS};
use super::hint::Run;
use super::kind::Kind;
use super::{connect, fork, side};
use crate::sys::{self, Fd};
use once_cell::race::OnceBox;
use socket2::Domain;
use std::ops::Deref;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// References are counted from -1, so that a negative word is one that nobody refers to.
const REFERENCE: i64 = 1 << 31;
/// Whom the slot belongs to: all of the word but the references.
const OWNER: i64 = REFERENCE - 1;
/// The handle is closed. Together with `VACANT`: whoever was last is closing the descriptor.
const CLOSED: i64 = 1 << 30;
/// No handle stands for the slot.
const VACANT: i64 = 1 << 29;
/// The generation, in the lowest bits: the owner of an open slot is its generation and nothing else.
const GENERATION: i64 = VACANT - 1;

const _: () = assert!(GENERATION == LAST_GENERATION as i64);

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
    pub const INTERRUPTIBLE: u32 = 1;
    /// This side shut reading.
    pub const SHUT_READ: u32 = 2;
    /// This side shut writing.
    pub const SHUT_WRITE: u32 = 4;
    /// A pipe or terminal, not a socket.
    pub const STREAM: u32 = 8;
    /// No descriptor yet: the address family is open.
    pub const UNSETTLED: u32 = 16;
    /// A poller, not a socket.
    pub const POLLER: u32 = 32;
    /// The caller has named it.
    pub const BOUND: u32 = 64;
    /// The mode in which `release` gives the descriptor back.
    pub const GIVE_BACK_BLOCKING: u32 = 128;
    /// The descriptor outlives the handle.
    pub const RELEASED: u32 = 256;
    /// A datagram socket has an error to report, once.
    pub const PENDING: u32 = 512;
    /// The family of an open kind was settled as IPv4.
    pub const FAMILY4: u32 = 1024;
    /// The family of an open kind was settled as IPv6.
    pub const FAMILY6: u32 = 2048;
    /// A poller watches it.
    pub const REGISTERED: u32 = 4096;
    /// A stream that can't be polled: it is always ready.
    pub const FILE: u32 = 8192;
    /// The last read that tried had to wait.
    pub const READS_WAIT: u32 = 16384;
    /// The system's word counts alone.
    pub const NATIVE: u32 = 65536;
    /// The handle knows more of its readiness than the kernel.
    pub const KNOWS_MORE: u32 = SHUT_READ | SHUT_WRITE | UNSETTLED | PENDING;
    /// Receiving is more than one system call.
    pub const SPECIAL_READ: u32 = SHUT_READ | STREAM | UNSETTLED | POLLER | PENDING;
    /// There is something at its side, or was since the slot was last set aside.
    pub const HAS_SIDE: u32 = 32768;
    /// What a read must look at first.
    pub const READ_OUT_OF_LINE: u32 = SPECIAL_READ | READS_WAIT;
    /// Sending is more than one system call.
    pub const SPECIAL_WRITE: u32 = STREAM | UNSETTLED | POLLER | PENDING;
}

/// Which timeout. `General` serves those that are -1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    General,
    Read,
    Write,
    Connect,
    Accept,
}

/// What stands behind a handle. Every field may be read and written by any thread.
///
/// Aligned and ordered so that two slots never share a cache line, and that what every call needs is in the first.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Slot {
    word: AtomicI64,
    fd: AtomicI64,
    flags: AtomicU32,
    error: AtomicI32,
    kind: AtomicU16,
    phase: AtomicU8,
    /// What is expected of reads, while `READS_WAIT` is on.
    pub reads: Run,
    timeouts: [AtomicI64; 5],
    index: u32,
    /// What stood for the handle before `fd`, and is closed with it; mostly none.
    spent: AtomicI64,
    /// Bytes that may still be read after this side shut reading; in a free slot, the next free one.
    pub read_left: AtomicU64,
}

impl Slot {
    fn new(index: u32) -> Self {
        Self {
            index,
            word: AtomicI64::new(VACANT | 1),
            fd: AtomicI64::new(Fd::NONE.to_raw()),
            spent: AtomicI64::new(Fd::NONE.to_raw()),
            read_left: AtomicU64::new(0),
            timeouts: [const { AtomicI64::new(-1) }; 5],
            flags: AtomicU32::new(0),
            error: AtomicI32::new(0),
            kind: AtomicU16::new(0),
            phase: AtomicU8::new(0),
            reads: Run::default(),
        }
    }

    /// The handle that the slot stands behind, for as long as someone holds a reference.
    #[must_use]
    pub fn handle(&self) -> Handle {
        let generation = self.word.load(Ordering::Relaxed) & GENERATION;
        Handle { index: self.index, generation: generation as u32 }
    }

    /// Takes a reference away; whether there is none any more.
    #[inline(always)]
    fn leave(&self) -> bool {
        // An addition whose result is compared with 0 is a single instruction on some processors.
        self.word.fetch_add(-REFERENCE, Ordering::SeqCst).wrapping_add(-REFERENCE) < 0
    }

    /// Whom the slot belongs to.
    #[inline]
    fn owner(&self) -> i64 {
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
    pub fn spend(&self, fd: Fd) {
        self.spent.store(fd.to_raw(), Ordering::SeqCst);
    }

    /// Gives a slot of an open kind its descriptor and family.
    pub fn settle(&self, fd: Fd, family: Domain) {
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
        Kind::unpack(self.kind.load(Ordering::Relaxed))
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

    /// Turns switches off.
    pub fn clear_flags(&self, flags: u32) {
        self.flags.fetch_and(!flags, Ordering::SeqCst);
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
        self.timeouts[wait as usize].load(Ordering::Relaxed)
    }

    /// Sets it.
    pub fn set_timeout(&self, wait: Wait, micros: i64) {
        self.timeouts[wait as usize].store(micros, Ordering::Relaxed);
    }

    /// The timeout that rules a call: its own, or else the general one.
    pub fn ruling_timeout(&self, wait: Wait) -> i64 {
        match self.timeout(wait) {
            -1 => self.timeout(Wait::General),
            own => own,
        }
    }

    /// Whether calls run on the slot besides the asking one.
    pub fn is_shared(&self) -> bool {
        let word = self.word.load(Ordering::SeqCst);
        // Being open holds a reference too.
        let own = if word & CLOSED == 0 { 2 } else { 1 };
        word >= own * REFERENCE
    }

    /// Fills a slot that nobody can see yet.
    fn fill(&self, new: &New) {
        self.read_left.store(0, Ordering::Relaxed);
        for timeout in &self.timeouts {
            timeout.store(-1, Ordering::Relaxed);
        }
        let unsettled = if new.fd.is_none() { flag::UNSETTLED } else { 0 };
        let side = self.flags.load(Ordering::Relaxed) & flag::HAS_SIDE;
        self.fd.store(new.fd.to_raw(), Ordering::Relaxed);
        self.flags.store(new.flags | unsettled | side, Ordering::Relaxed);
        self.error.store(0, Ordering::Relaxed);
        self.kind.store(new.kind.pack(), Ordering::Relaxed);
        self.phase.store(new.phase as u8, Ordering::Relaxed);
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

/// A reference to an open handle. While one lives, the descriptor stays open.
#[derive(Debug)]
pub struct Ref {
    slot: &'static Slot,
}

impl Ref {
    /// The slot itself, which never moves; what is read from it counts only while the handle is known to be open.
    pub const fn slot(&self) -> &'static Slot {
        self.slot
    }

    /// Drops the reference and gives back what the call answers, which so need not be kept meanwhile.
    #[inline(always)]
    pub fn done<T>(self, answer: T) -> T {
        let slot = self.slot;
        std::mem::forget(self);
        if slot.leave() { done_last(slot, answer) } else { answer }
    }
}

impl Deref for Ref {
    type Target = Slot;

    #[inline]
    fn deref(&self) -> &Slot {
        self.slot
    }
}

impl Drop for Ref {
    #[inline]
    fn drop(&mut self) {
        if self.slot.leave() {
            left_by_all(self.slot);
        }
    }
}

/// Slots are made in chunks, which never move. The list of chunks is long, but what was never touched of it
/// takes no memory.
const CHUNK: usize = MAX_PLACES as usize;

type Chunk = [Slot; CHUNK];

static TABLE: [OnceBox<Chunk>; MAX_CHUNKS as usize] = [const { OnceBox::new() }; MAX_CHUNKS as usize];

/// The slot that a number stands for, or stood, or would.
#[inline(always)]
pub fn slot_of(number: i64) -> Option<&'static Slot> {
    slot_at(Handle::chunk(number), Handle::place(number))
}

#[inline(always)]
fn slot_at(chunk: u16, place: u8) -> Option<&'static Slot> {
    Some(&TABLE[usize::from(chunk)].get()?[usize::from(place)])
}

fn slot(index: u32) -> Option<&'static Slot> {
    slot_at(u16::try_from(index / MAX_PLACES).ok()?, (index % MAX_PLACES) as u8)
}

/// Makes the chunk that holds the slot.
fn grow(index: u32) -> Result<()> {
    let chunk = index as usize / CHUNK;
    TABLE[chunk].get_or_try_init(|| {
        let mut slots = Vec::new();
        slots.try_reserve_exact(CHUNK).map_err(|_| Error::ENOMEM)?;
        slots.extend((0..CHUNK).map(|place| Slot::new((chunk * CHUNK + place) as u32)));
        Box::<Chunk>::try_from(slots).map_err(|_| Error::EINTERNAL)
    })?;
    Ok(())
}

/// The first slot that was never used.
#[derive(Debug)]
pub struct Fresh(u32);

static FRESH: Mutex<Fresh> = Mutex::new(Fresh(0));

/// The lock on the slots that were never used, for `fork`.
pub fn lock() -> MutexGuard<'static, Fresh> {
    FRESH.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fresh {
    #[cold]
    fn take(&mut self) -> Result<u32> {
        if self.0 == MAX_SLOTS {
            return Err(Error::EMFILE);
        }
        grow(self.0)?;
        self.0 += 1;
        Ok(self.0 - 1)
    }
}

/// Slots that are free, a list through `read_left`: in the lower half the first, plus one, where 0 is the end. The upper
/// half counts the changes, lest a thread that has looked at the first take a list for that which it was then.
static FREE: AtomicU64 = AtomicU64::new(0);

const ONE_CHANGE: u64 = 1 << 32;

const fn first_free(list: u64) -> Option<u32> {
    (list as u32).checked_sub(1)
}

/// Puts the list in another's place, if it is still that; otherwise, what it is now.
fn relist(list: u64, first: u64) -> std::result::Result<u64, u64> {
    let next = (list & !(ONE_CHANGE - 1)).wrapping_add(ONE_CHANGE) | first;
    FREE.compare_exchange_weak(list, next, Ordering::SeqCst, Ordering::SeqCst)
}

/// Takes a slot out of the list, or one that was never used.
fn take() -> Result<&'static Slot> {
    let mut list = FREE.load(Ordering::SeqCst);
    while let Some(index) = first_free(list) {
        let slot = slot(index).ok_or(Error::EINTERNAL)?;
        match relist(list, slot.read_left.load(Ordering::Relaxed)) {
            Ok(_) => return Ok(slot),
            Err(now) => list = now,
        }
    }
    slot(lock().take()?).ok_or(Error::EINTERNAL)
}

/// Puts a vacant slot into the list.
fn give(slot: &Slot) {
    let mut list = FREE.load(Ordering::SeqCst);
    loop {
        slot.read_left.store(list & (ONE_CHANGE - 1), Ordering::Relaxed);
        match relist(list, u64::from(slot.index) + 1) {
            Ok(_) => return,
            Err(now) => list = now,
        }
    }
}

/// A slot set aside, so that what is about to be opened can't be lost for want of one.
#[derive(Debug)]
pub struct Vacancy(&'static Slot);

/// Sets a slot aside.
pub fn reserve() -> Result<Vacancy> {
    fork::install();
    let vacancy = Vacancy(take()?);
    if vacancy.0.has(flag::HAS_SIDE) {
        forget_side(vacancy.0);
    }
    Ok(vacancy)
}

/// What the last owner left.
#[cold]
fn forget_side(slot: &Slot) {
    slot.clear_flags(flag::HAS_SIDE);
    side::forget(slot.index);
}

/// The slot has something at its side from now on; called under the side's lock.
pub fn note_side(index: u32) {
    if let Some(slot) = slot(index) {
        slot.set_flags(flag::HAS_SIDE);
    }
}

impl Vacancy {
    /// The handle that it would make. Until then no number stands for it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.0.handle()
    }

    /// Makes a handle of it.
    pub fn fill(self, new: &New) -> Handle {
        let slot = self.0;
        std::mem::forget(self);
        slot.fill(new);
        let handle = slot.handle();
        // Publishing the word publishes the fields.
        slot.word.fetch_sub(VACANT, Ordering::SeqCst);
        handle
    }
}

impl Drop for Vacancy {
    fn drop(&mut self) {
        give(self.0);
    }
}

/// Looks a number up and takes a reference; `EBADF` if it stands for nothing.
#[inline(always)]
pub fn get(number: i64) -> Result<Ref> {
    let Some(slot) = slot_of(number) else { return Err(give_back(None)) };
    let word = slot.word.fetch_add(REFERENCE, Ordering::SeqCst);
    let found = Ref { slot };
    // One comparison for all: of that generation, neither closed nor vacant.
    if word & OWNER == Handle::generation(number) { Ok(found) } else { Err(give_back(Some(found))) }
}

/// The slot is another's, if there is one.
#[cold]
#[inline(never)]
fn give_back(found: Option<Ref>) -> Error {
    drop(found);
    Error::EBADF
}

/// Looks a number up without taking a reference: the slot may pass to another owner at any time, so what is read
/// from it counts only if [`Slot::is_open_as`] still holds afterwards.
#[inline]
pub fn peek(number: i64) -> Result<(Handle, &'static Slot)> {
    let slot = slot_of(number).filter(|slot| slot.stands_for(number)).ok_or(Error::EBADF)?;
    Ok((Handle { index: slot.index, generation: Handle::generation(number) as u32 }, slot))
}

/// Marks the handle closed. The reference returned is the one that being open held:
/// dropping it closes the descriptor, unless calls still run. Only one caller ever gets it.
pub fn close(number: i64) -> Result<Ref> {
    let mine = get(number)?;
    let before = mine.slot.word.fetch_or(CLOSED, Ordering::SeqCst);
    if before & CLOSED != 0 {
        return Err(Error::EBADF);
    }
    Ok(Ref { slot: mine.slot })
}

/// Whether nobody but the holder of `last` uses the slot.
pub fn is_last(last: &Ref) -> bool {
    last.slot.word.load(Ordering::SeqCst) < REFERENCE
}

/// Whether the handle's descriptor is gone.
pub fn is_retired(handle: Handle) -> bool {
    let Some(slot) = slot(handle.index) else { return true };
    let owner = slot.owner();
    owner & GENERATION != i64::from(handle.generation) || owner & (CLOSED | VACANT) == VACANT
}

#[cold]
#[inline(never)]
fn done_last<T>(slot: &'static Slot, answer: T) -> T {
    left_by_all(slot);
    answer
}

/// A drop has left the slot without a reference. If it is closed, whoever takes the vacant slot's own retires it: one
/// who has looked it up in vain may have been the last, or may be about to. Otherwise it was a drop too many: of a
/// call that a signal handler has interrupted to fork, after which the child has counted anew.
#[cold]
fn left_by_all(slot: &'static Slot) {
    let vacate = |word: i64| if word & CLOSED == 0 { word } else { word | VACANT };
    let hold = |word: i64| (word < 0).then(|| vacate(word) + REFERENCE);
    if let Ok(word) = slot.word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, hold) {
        if word & (CLOSED | VACANT) == CLOSED {
            retire(slot);
        }
    }
}

/// Closes the descriptor and hands the slot on.
///
/// May run while the caller holds a side's lock, so what the handle had at its side stays until the slot is set aside again.
fn retire(slot: &'static Slot) {
    let handle = slot.handle();
    // Taken first: if the process forks now, the child finds what is left to be done.
    let fd = Fd::from_kept(slot.fd.swap(Fd::NONE.to_raw(), Ordering::SeqCst));
    if !fd.is_none() && !slot.has(flag::RELEASED) {
        sys::close(fd);
    }
    if !Fd::from_kept(slot.spent.load(Ordering::SeqCst)).is_none() {
        close_spent(slot);
    }
    pass_on(slot, handle);
}

#[cold]
fn close_spent(slot: &Slot) {
    sys::close(Fd::from_kept(slot.spent.swap(Fd::NONE.to_raw(), Ordering::SeqCst)));
}

/// Hands the slot to the next generation, after the last to nobody. Once: in a forked child the thread that was about to
/// do it may be the one that has forked, and go on after `bury`.
fn pass_on(slot: &'static Slot, handle: Handle) {
    let generation = i64::from(handle.generation);
    let is_used_up = handle.generation == LAST_GENERATION;
    let next = VACANT | if is_used_up { generation } else { generation + 1 };
    let pass = |word: i64| (word & OWNER == generation | CLOSED | VACANT).then_some(word & !OWNER | next);
    let passed = slot.word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, pass).is_ok();
    if passed && !is_used_up {
        give(slot);
    }
}

/// In a forked child: only the forking thread lives on, so nobody else holds a reference or waits.
/// Returns the slots that vanished threads were about to close.
pub fn after_fork() -> Vec<&'static Slot> {
    let used = lock().0;
    let slots = (0..used).filter_map(slot);
    slots.filter(|slot| count_anew(slot)).collect()
}

/// Leaves one reference, that of being open or vacant; whether the slot is to be retired.
fn count_anew(slot: &Slot) -> bool {
    let owner = slot.owner();
    let is_closed = owner & CLOSED != 0;
    slot.word.store(if is_closed { owner | VACANT } else { owner }, Ordering::SeqCst);
    if owner & VACANT == 0 && slot.phase() == Phase::Racing {
        connect::abandon(slot.index);
    }
    if owner & (CLOSED | VACANT) == 0 && slot.advance(Phase::Racing, Phase::Failed) {
        slot.keep_error(Error::ECONNABORTED);
    }
    is_closed
}

/// In a forked child: finishes what vanished threads had begun.
pub fn bury(orphans: Vec<&'static Slot>) {
    orphans.into_iter().for_each(retire);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::kind::Net;

    fn nothing() -> New {
        New { kind: Net::Tcp.into(), fd: Fd::NONE, phase: Phase::Fresh, flags: 0 }
    }

    fn insert() -> i64 {
        reserve().unwrap().fill(&nothing()).encode()
    }

    #[test]
    fn numbers_that_are_no_handles_are_not_found() {
        let number = insert();
        let beyond = [
            number | 1 << 53,
            number | 1 << 61,
            number | i64::MIN,
            -number,
            number & 0xFF_FFFF,
            number + (1 << 24),
        ];
        for number in beyond.into_iter().chain([0, -1, i64::MIN, i64::MAX, i64::from(MAX_SLOTS) - 1]) {
            assert_eq!(get(number).unwrap_err(), Error::EBADF, "{number}");
        }
        drop(close(number).unwrap());
    }

    #[test]
    fn a_slot_is_shared_while_another_call_runs() {
        let number = insert();
        let call = get(number).unwrap();
        assert!(soon(|| !call.is_shared()));
        let other = get(number).unwrap();
        assert!(call.is_shared());
        let closer = close(number).unwrap();
        drop(call);
        assert!(closer.is_shared());
        drop(other);
        assert!(soon(|| !closer.is_shared()));
    }

    #[test]
    fn a_closed_handle_is_never_found_again() {
        let number = insert();
        drop(get(number).unwrap());
        drop(close(number).unwrap());
        assert_eq!(get(number).unwrap_err(), Error::EBADF);
        let next = insert();
        assert_ne!(next, number);
        assert_eq!(get(number).unwrap_err(), Error::EBADF);
        drop(close(next).unwrap());
    }

    #[test]
    fn a_running_call_keeps_the_slot() {
        let number = insert();
        let call = get(number).unwrap();
        let closer = close(number).unwrap();
        assert_eq!(close(number).unwrap_err(), Error::EBADF);
        assert!(!is_last(&closer));
        drop(closer);
        assert!(call.is_closed());
        assert!(!is_retired(call.handle()));
        let handle = call.handle();
        drop(call);
        assert!(soon(|| is_retired(handle)));
    }

    #[test]
    fn a_vacancy_that_is_not_filled_goes_back() {
        let index = reserve().unwrap().0.index;
        let again: Vec<_> = std::iter::from_fn(|| reserve().ok()).take(8).collect();
        assert!(again.iter().any(|vacancy| vacancy.0.index == index));
    }

    #[test]
    fn a_slot_whose_generations_are_used_up_is_retired() {
        let vacancy = reserve().unwrap();
        let (index, slot) = (vacancy.0.index, vacancy.0);
        slot.word.fetch_or(GENERATION, Ordering::SeqCst);
        let number = vacancy.fill(&nothing()).encode();
        assert_eq!(Handle::decode(number), Some(Handle { index, generation: LAST_GENERATION }));
        let last = get(number).unwrap().handle();
        assert!(!is_retired(last));
        drop(close(number).unwrap());
        assert!(soon(|| is_retired(last)));
        assert_eq!(get(number).unwrap_err(), Error::EBADF);
        assert_eq!(slot.owner(), VACANT | GENERATION);
        assert_eq!(times_free(index), 0);
    }

    /// How often the slot is among the first that are free.
    fn times_free(index: u32) -> usize {
        let held: Vec<_> = std::iter::from_fn(|| reserve().ok()).take(1024).collect();
        held.iter().filter(|vacancy| vacancy.0.index == index).count()
    }

    /// Whether something is so, or becomes so: the other tests look up in vain, and then a slot has a reference more
    /// for a moment.
    fn soon(is_so: impl Fn() -> bool) -> bool {
        (0..100_000).any(|_| {
            std::thread::yield_now();
            is_so()
        })
    }

    fn has_references(slot: &Slot, expected: i64) -> bool {
        soon(|| (slot.word.load(Ordering::SeqCst) >> REFERENCE.trailing_zeros()) + 1 == expected)
    }

    #[test]
    fn a_lookup_of_a_vacant_slot_finds_nothing_and_leaves_nothing() {
        let vacancy = reserve().unwrap();
        let slot = vacancy.0;
        let number = vacancy.handle().encode();
        assert!(has_references(slot, 1));
        for number in [number, number & 0xFF_FFFF, number - (1 << 24), number + (1 << 24)] {
            assert_eq!(get(number).unwrap_err(), Error::EBADF);
            assert_eq!(peek(number).unwrap_err(), Error::EBADF);
            assert_eq!(close(number).unwrap_err(), Error::EBADF);
        }
        assert!(has_references(slot, 1));
        assert_eq!(vacancy.fill(&nothing()).encode(), number);
        assert!(has_references(slot, 1));
        assert!(get(number).is_ok());
        drop(close(number).unwrap());
    }

    #[test]
    fn one_who_looks_a_closed_handle_up_in_vain_may_be_the_last() {
        let number = insert();
        let closer = close(number).unwrap();
        let handle = closer.handle();
        // As a lookup does it that has taken its reference and not looked yet.
        closer.slot.word.fetch_add(REFERENCE, Ordering::SeqCst);
        let in_vain = Ref { slot: closer.slot };
        drop(closer);
        assert!(!is_retired(handle));
        assert_eq!(give_back(Some(in_vain)), Error::EBADF);
        assert!(soon(|| is_retired(handle)));
    }

    #[test]
    fn a_vacancy_keeps_the_references_of_those_who_look_in_vain() {
        let vacancy = reserve().unwrap();
        vacancy.0.word.fetch_add(REFERENCE, Ordering::SeqCst);
        let in_vain = Ref { slot: vacancy.0 };
        let number = vacancy.fill(&nothing()).encode();
        assert!(has_references(in_vain.slot, 2));
        let slot = in_vain.slot;
        drop(in_vain);
        assert!(has_references(slot, 1));
        assert!(get(number).is_ok());
        drop(close(number).unwrap());
    }

    /// As the child of a fork does it that came from a signal handler in the middle of a call.
    fn fork_in_the_middle_of(slot: &'static Slot) {
        if count_anew(slot) {
            bury(vec![slot]);
        }
    }

    #[test]
    fn a_drop_too_many_after_a_fork_is_given_back() {
        let number = insert();
        let interrupted = get(number).unwrap();
        let slot = interrupted.slot;
        fork_in_the_middle_of(slot);
        assert!(has_references(slot, 1));
        drop(interrupted);
        assert!(has_references(slot, 1));
        let handle = get(number).unwrap().handle();
        drop(close(number).unwrap());
        assert!(soon(|| is_retired(handle)));
    }

    #[test]
    fn a_drop_too_many_leaves_a_vacant_slot_and_its_next_owner_alone() {
        let vacancy = reserve().unwrap();
        let slot = vacancy.0;
        drop(Ref { slot });
        assert!(has_references(slot, 1));
        let number = vacancy.fill(&nothing()).encode();
        drop(Ref { slot });
        assert!(has_references(slot, 1));
        assert!(get(number).is_ok());
        drop(close(number).unwrap());
    }

    #[test]
    fn what_a_vanished_thread_was_closing_is_closed_by_the_child() {
        let number = insert();
        let closer = close(number).unwrap();
        let (handle, slot) = (closer.handle(), closer.slot);
        fork_in_the_middle_of(slot);
        assert!(soon(|| is_retired(handle)));
        // It was not a vanished thread but the one that forked: it goes on, and finds that all is done.
        drop(closer);
        pass_on(slot, handle);
        assert!(has_references(slot, 1));
        assert!(times_free(handle.index) <= 1);
    }

    #[test]
    fn the_next_owner_of_a_slot_finds_nothing_at_its_side() {
        let number = insert();
        let handle = get(number).unwrap().handle();
        side::with(handle.index, |side| side.pollers.push(handle));
        assert!(side::find(handle.index, |_| ()).is_some());
        drop(close(number).unwrap());
        let is_remembered = || side::find(handle.index, |side| side.pollers.contains(&handle)) == Some(true);
        // Whoever sets the slot aside, this test or another.
        assert!(soon(|| times_free(handle.index) <= 1 && !is_remembered()));
    }

    #[test]
    fn no_slot_is_set_aside_for_two_of_eight_threads() {
        const THREADS: usize = 8;
        const ROUNDS: usize = 5_000;
        let set_aside = || {
            for round in 0..ROUNDS {
                let vacancies: Vec<_> = (0..round % 4).map(|_| reserve().unwrap()).collect();
                // A mark that only its holder makes and takes away.
                let mark = |vacancy: &Vacancy| vacancy.0.error.swap(1, Ordering::SeqCst);
                assert!(vacancies.iter().all(|vacancy| mark(vacancy) != 1));
                vacancies.iter().for_each(|vacancy| vacancy.0.error.store(0, Ordering::SeqCst));
            }
        };
        std::thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(set_aside))));
    }

    /// Threads look numbers up, right and stale ones, and close them, while others are opened in the same slots.
    #[test]
    fn eight_threads_find_a_handle_until_it_is_closed_and_never_another_instead() {
        const THREADS: usize = 8;
        const ROUNDS: i64 = 2_000;
        let current = AtomicI64::new(insert());
        let (closes, finds) = (AtomicI64::new(0), AtomicI64::new(0));
        let work = || {
            let mut stale = 0;
            while closes.load(Ordering::SeqCst) < ROUNDS {
                let number = current.load(Ordering::SeqCst);
                assert!(stale == number || get(stale).is_err());
                if let Ok(found) = get(number) {
                    assert_eq!(found.handle().encode(), number);
                    finds.fetch_add(1, Ordering::SeqCst);
                }
                if let Ok(last) = close(number) {
                    assert_eq!(last.handle().encode(), number);
                    drop(last);
                    closes.fetch_add(1, Ordering::SeqCst);
                    current.store(insert(), Ordering::SeqCst);
                    stale = number;
                }
            }
        };
        std::thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(work))));
        assert!(finds.load(Ordering::SeqCst) > 0);
        let handle = get(current.load(Ordering::SeqCst)).unwrap().handle();
        drop(close(handle.encode()).unwrap());
        assert!(soon(|| is_retired(handle)));
    }
}
