//! The handle table: what stands behind a number, and who may still be using it.
//!
//! A slot is one atomic word {generation, closed, references} and a few atomic fields. A call takes a
//! reference, so the descriptor stays open (and its number taken) until the last call is done, whoever
//! closes meanwhile. Looking up takes no lock. Not here: what only some handles have (`side`).

use super::error::{Error, Result};
use super::handle::{Handle, LAST_GENERATION, MAX_SLOTS};
use super::hint::Run;
use super::kind::Kind;
use super::{connect, fork, side};
use crate::sys::{self, Fd};
use once_cell::race::OnceBox;
use socket2::Domain;
use std::ops::Deref;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const CLOSED_SHIFT: u32 = 31;
const CLOSED: u64 = 1 << CLOSED_SHIFT;
const REFERENCES: u64 = CLOSED - 1;
const GENERATION_SHIFT: u32 = 32;

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
    /// The last read that tried had to wait.
    pub const READS_WAIT: u32 = 16384;
    /// The handle knows more of its readiness than the kernel.
    pub const KNOWS_MORE: u32 = SHUT_READ | SHUT_WRITE | UNSETTLED | PENDING;
    /// A stream that can't be polled: it is always ready.
    pub const FILE: u32 = 8192;
    /// Receiving is more than one system call.
    pub const SPECIAL_READ: u32 = SHUT_READ | STREAM | UNSETTLED | POLLER | PENDING;
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
    word: AtomicU64,
    fd: AtomicI64,
    flags: AtomicU32,
    error: AtomicI32,
    kind: AtomicU16,
    phase: AtomicU8,
    /// What is expected of reads, while `READS_WAIT` is on.
    pub reads: Run,
    timeouts: [AtomicI64; 5],
    index: u32,
    /// Bytes that may still be read after this side shut reading; in a free slot, the next free one.
    pub read_left: AtomicU64,
}

impl Slot {
    fn new(index: u32) -> Self {
        Self {
            index,
            word: AtomicU64::new(1 << GENERATION_SHIFT | CLOSED),
            fd: AtomicI64::new(Fd::NONE.to_raw()),
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
        let generation = self.word.load(Ordering::Relaxed) >> GENERATION_SHIFT;
        Handle { index: self.index, generation: generation as u32 }
    }

    /// Whether someone has closed the handle.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.word.load(Ordering::SeqCst) & CLOSED != 0
    }

    /// Whether this handle, and no later one, is open in the slot.
    #[inline]
    pub fn is_open_as(&self, handle: Handle) -> bool {
        let word = self.word.load(Ordering::SeqCst);
        (word >> GENERATION_SHIFT) as u32 == handle.generation && word & CLOSED == 0
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
        word & REFERENCES > own
    }

    /// Fills a slot that nobody can see yet.
    fn fill(&self, new: &New) {
        self.read_left.store(0, Ordering::Relaxed);
        for timeout in &self.timeouts {
            timeout.store(-1, Ordering::Relaxed);
        }
        let unsettled = if new.fd.is_none() { flag::UNSETTLED } else { 0 };
        self.fd.store(new.fd.to_raw(), Ordering::Relaxed);
        self.flags.store(new.flags | unsettled, Ordering::Relaxed);
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
    epoch: u32,
}

impl Ref {
    /// The slot itself, which never moves; what is read from it counts only while the handle is known to be open.
    pub const fn slot(&self) -> &'static Slot {
        self.slot
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
        // A reference from before a fork was dropped for us in the child.
        if self.epoch != fork::epoch() {
            return;
        }
        let before = self.slot.word.fetch_sub(1, Ordering::SeqCst);
        if before as u32 == (CLOSED | 1) as u32 {
            retire(self.slot);
        }
    }
}

/// Slots are made in chunks, which never move. The list of chunks is long, but what was never touched of it
/// takes no memory.
const CHUNK: usize = 256;

type Chunk = [Slot; CHUNK];

static TABLE: [OnceBox<Chunk>; MAX_SLOTS as usize / CHUNK] =
    [const { OnceBox::new() }; MAX_SLOTS as usize / CHUNK];

#[inline]
fn slot(index: u32) -> Option<&'static Slot> {
    let index = index as usize;
    Some(&TABLE.get(index / CHUNK)?.get()?[index % CHUNK])
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

/// Slots that are free: a list through `read_left`, and those that were never used.
#[derive(Debug)]
pub struct Free {
    /// The first of the list, plus one; 0 is the end.
    head: u32,
    /// The first slot that was never used.
    fresh: u32,
}

static FREE: Mutex<Free> = Mutex::new(Free { head: 0, fresh: 0 });

/// The lock on the free list, for `fork`.
pub fn lock() -> MutexGuard<'static, Free> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Free {
    fn take(&mut self) -> Result<u32> {
        if let Some(index) = self.head.checked_sub(1) {
            let slot = slot(index).ok_or(Error::EINTERNAL)?;
            self.head = slot.read_left.load(Ordering::Relaxed) as u32;
            return Ok(index);
        }
        if self.fresh == MAX_SLOTS {
            return Err(Error::EMFILE);
        }
        grow(self.fresh)?;
        self.fresh += 1;
        Ok(self.fresh - 1)
    }

    fn give(&mut self, index: u32, slot: &Slot) {
        slot.read_left.store(u64::from(self.head), Ordering::Relaxed);
        self.head = index + 1;
    }
}

/// A slot set aside, so that what is about to be opened can't be lost for want of one.
#[derive(Debug)]
pub struct Vacancy {
    index: u32,
    filled: bool,
}

/// Sets a slot aside.
pub fn reserve() -> Result<Vacancy> {
    fork::install();
    let index = lock().take()?;
    Ok(Vacancy { index, filled: false })
}

impl Vacancy {
    /// The handle that it would make. Until then no number stands for it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        slot(self.index).map_or(Handle { index: self.index, generation: 0 }, Slot::handle)
    }

    /// Makes a handle of it.
    pub fn fill(mut self, new: &New) -> Result<Handle> {
        let slot = slot(self.index).ok_or(Error::EINTERNAL)?;
        self.filled = true;
        side::forget(self.index);
        slot.fill(new);
        let generation = slot.word.load(Ordering::Relaxed) >> GENERATION_SHIFT;
        // One reference belongs to being open; publishing the word publishes the fields.
        slot.word.store(generation << GENERATION_SHIFT | 1, Ordering::SeqCst);
        Ok(Handle { index: self.index, generation: generation as u32 })
    }
}

impl Drop for Vacancy {
    fn drop(&mut self) {
        if let (false, Some(slot)) = (self.filled, slot(self.index)) {
            lock().give(self.index, slot);
        }
    }
}

/// Looks a number up and takes a reference; `EBADF` if it stands for nothing.
#[inline]
pub fn get(number: i64) -> Result<Ref> {
    let slot = slot(Handle::index(number)).ok_or(Error::EBADF)?;
    let open = Handle::generation(number) << 1;
    let epoch = fork::epoch();
    let mut word = slot.word.load(Ordering::Relaxed);
    // One comparison for both: of that generation, and not closed.
    while word >> CLOSED_SHIFT == open {
        match slot.word.compare_exchange_weak(word, word + 1, Ordering::SeqCst, Ordering::Relaxed) {
            Ok(_) => return Ok(Ref { slot, epoch }),
            Err(now) => word = now,
        }
    }
    Err(Error::EBADF)
}

/// Looks a number up without taking a reference: the slot may pass to another owner at any time, so what is read
/// from it counts only if [`Slot::is_open_as`] still holds afterwards.
#[inline]
pub fn peek(number: i64) -> Result<(Handle, &'static Slot)> {
    let index = Handle::index(number);
    let generation = Handle::generation(number);
    let slot = slot(index).ok_or(Error::EBADF)?;
    // One comparison for both: of that generation, and not closed.
    if slot.word.load(Ordering::SeqCst) >> CLOSED_SHIFT != generation << 1 {
        return Err(Error::EBADF);
    }
    Ok((Handle { index, generation: generation as u32 }, slot))
}

/// Marks the handle closed. The reference returned is the one that being open held:
/// dropping it closes the descriptor, unless calls still run. Only one caller ever gets it.
pub fn close(number: i64) -> Result<Ref> {
    let mine = get(number)?;
    let before = mine.slot.word.fetch_or(CLOSED, Ordering::SeqCst);
    if before & CLOSED != 0 {
        return Err(Error::EBADF);
    }
    Ok(Ref { slot: mine.slot, epoch: mine.epoch })
}

/// Whether nobody but the holder of `last` uses the slot.
pub fn is_last(last: &Ref) -> bool {
    last.slot.word.load(Ordering::SeqCst) & REFERENCES == 1
}

/// Whether the handle's descriptor is gone.
pub fn is_retired(handle: Handle) -> bool {
    let Some(slot) = slot(handle.index) else { return true };
    (slot.word.load(Ordering::SeqCst) >> GENERATION_SHIFT) as u32 != handle.generation
}

/// The last reference is gone: closes the descriptor and hands the slot to the next generation.
///
/// May run while the caller holds a side's lock, so what the handle had at its side stays until the slot is filled again.
#[cold]
fn retire(slot: &'static Slot) {
    let handle = slot.handle();
    let fd = slot.fd();
    if !fd.is_none() && !slot.has(flag::RELEASED) {
        sys::close(fd);
    }
    slot.fd.store(Fd::NONE.to_raw(), Ordering::Relaxed);
    let next = u64::from(handle.generation) + 1;
    slot.word.store(next << GENERATION_SHIFT | CLOSED, Ordering::SeqCst);
    if handle.generation < LAST_GENERATION {
        lock().give(handle.index, slot);
    }
}

/// In a forked child: only the forking thread lives on, so nobody else holds a reference or waits.
/// Returns the handles that a vanished thread was about to close.
pub fn after_fork() -> Vec<Handle> {
    let used = lock().fresh;
    let mut orphans = Vec::new();
    for index in 0..used {
        let Some(slot) = slot(index) else { continue };
        let word = slot.word.load(Ordering::SeqCst);
        let generation = word >> GENERATION_SHIFT;
        if word & REFERENCES == 0 {
            continue;
        }
        slot.word.store(generation << GENERATION_SHIFT | word & CLOSED | 1, Ordering::SeqCst);
        if slot.phase() == Phase::Racing {
            connect::abandon(index);
        }
        if word & CLOSED != 0 {
            orphans.push(Handle { index, generation: generation as u32 });
        } else if slot.advance(Phase::Racing, Phase::Failed) {
            slot.keep_error(Error::ECONNABORTED);
        }
    }
    orphans
}

/// In a forked child: drops the references that vanished threads held of closed handles.
pub fn bury(orphans: Vec<Handle>) {
    for handle in orphans {
        if let Some(slot) = slot(handle.index) {
            drop(Ref { slot, epoch: fork::epoch() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::kind::Net;

    fn nothing() -> New {
        New { kind: Net::Tcp.into(), fd: Fd::NONE, phase: Phase::Fresh, flags: 0 }
    }

    fn insert() -> i64 {
        reserve().unwrap().fill(&nothing()).unwrap().encode()
    }

    #[test]
    fn numbers_that_are_no_handles_are_not_found() {
        let number = insert();
        let beyond = [number | 1 << 53, number | 1 << 61, number | i64::MIN, -number, number & 0xFF_FFFF];
        for number in beyond.into_iter().chain([0, -1, i64::MIN, i64::MAX, i64::from(MAX_SLOTS) - 1]) {
            assert_eq!(get(number).unwrap_err(), Error::EBADF, "{number}");
        }
        drop(close(number).unwrap());
    }

    #[test]
    fn a_slot_is_shared_while_another_call_runs() {
        let number = insert();
        let call = get(number).unwrap();
        assert!(!call.is_shared());
        let other = get(number).unwrap();
        assert!(call.is_shared());
        let closer = close(number).unwrap();
        drop(call);
        assert!(closer.is_shared());
        drop(other);
        assert!(!closer.is_shared());
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
        assert!(is_retired(handle));
    }

    #[test]
    fn a_vacancy_that_is_not_filled_goes_back() {
        let index = reserve().unwrap().index;
        let again: Vec<_> = std::iter::from_fn(|| reserve().ok()).take(8).collect();
        assert!(again.iter().any(|vacancy| vacancy.index == index));
    }

    #[test]
    fn a_slot_whose_generations_are_used_up_is_retired() {
        let vacancy = reserve().unwrap();
        let index = vacancy.index;
        let last = u64::from(LAST_GENERATION);
        slot(index).unwrap().word.store(last << GENERATION_SHIFT | CLOSED, Ordering::SeqCst);
        let number = vacancy.fill(&nothing()).unwrap().encode();
        drop(close(number).unwrap());
        let head = lock().head;
        assert_ne!(head, index + 1);
        assert_eq!(get(number).unwrap_err(), Error::EBADF);
    }
}
