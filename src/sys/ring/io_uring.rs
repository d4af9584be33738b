//! io_uring (io_uring(7)): many transfers by one system call. Each has MSG_DONTWAIT, so all are complete when the call
//! returns and nothing is in flight between two calls: no memory can be freed, and no socket closed, under an operation
//! that still runs.
//!
//! A few lines over two system calls rather than a crate: only two operations are needed, and what must not happen
//! (another thread, a forked child, a sandbox that is entered later) is easier to see here. Not here: which transfers
//! (`core/queue`).

use crate::sys::{
    Bytes, Fd, OsError, PLATFORM_RECV, PLATFORM_SEND, Region, Result, Target, check, close, count, pair,
};
use libc::{c_int, c_void};
use once_cell::race::OnceBox;
use std::mem::zeroed;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many transfers one system call carries out at the most.
pub const RING_SIZE: usize = 256;

/// One transfer: of bytes to be sent, or into room for bytes.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    fd: Fd,
    code: u8,
    address: usize,
    length: usize,
    /// The number of bytes or the error; `None` until it was carried out.
    pub outcome: Option<Result<usize>>,
}

impl Call {
    /// A send.
    #[must_use]
    pub const fn send(fd: Fd, bytes: Bytes) -> Self {
        Self { fd, code: SEND, address: bytes.address(), length: bytes.length(), outcome: None }
    }

    /// A receive.
    #[must_use]
    pub const fn receive(fd: Fd, target: Target) -> Self {
        Self { fd, code: RECEIVE, address: target.address(), length: target.length(), outcome: None }
    }
}

// As the kernel numbers them (linux/io_uring.h).
const SEND: u8 = 26;
const RECEIVE: u8 = 27;
const SETUP_COOP_TASKRUN: u32 = 1 << 8;
const FEATURE_SINGLE_MMAP: u32 = 1;
const ENTER_GETEVENTS: u32 = 1;
const OFFSET_SQES: libc::off_t = 0x1000_0000;

#[repr(C)]
#[derive(Clone, Copy)]
struct SqOffsets {
    head: u32,
    tail: u32,
    ring_mask: u32,
    ring_entries: u32,
    flags: u32,
    dropped: u32,
    array: u32,
    reserved: u32,
    user_address: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct CqOffsets {
    head: u32,
    tail: u32,
    ring_mask: u32,
    ring_entries: u32,
    overflow: u32,
    cqes: u32,
    flags: u32,
    reserved: u32,
    user_address: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Parameters {
    sq_entries: u32,
    cq_entries: u32,
    flags: u32,
    sq_thread_cpu: u32,
    sq_thread_idle: u32,
    features: u32,
    wq_fd: u32,
    reserved: [u32; 3],
    sq: SqOffsets,
    cq: CqOffsets,
}

/// An entry of the submission queue (`struct io_uring_sqe`).
#[repr(C)]
#[derive(Clone, Copy)]
struct Submission {
    code: u8,
    flags: u8,
    priority: u16,
    fd: i32,
    offset: u64,
    address: u64,
    length: u32,
    message_flags: u32,
    user_data: u64,
    rest: [u64; 3],
}

/// An entry of the completion queue (`struct io_uring_cqe`).
#[repr(C)]
#[derive(Clone, Copy)]
struct Completion {
    user_data: u64,
    result: i32,
    flags: u32,
}

const _: () = assert!(size_of::<Submission>() == 64 && size_of::<Completion>() == 16);

const _: () = assert!(size_of::<Parameters>() == 120);

/// Memory shared with the kernel. A forked child does not inherit it.
#[derive(Debug)]
struct Shared {
    first: *mut c_void,
    length: usize,
}

// SAFETY: it is memory like any other; only the thread with the lock of the queues uses it.
unsafe impl Send for Shared {}

impl Shared {
    fn map(fd: Fd, length: usize, offset: libc::off_t) -> Result<Self> {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_POPULATE);
        // SAFETY: new memory, wherever there is room.
        let first = unsafe { libc::mmap(std::ptr::null_mut(), length, access, kind, fd.0, offset) };
        if first == libc::MAP_FAILED {
            return Err(OsError::last());
        }
        let shared = Self { first, length };
        // SAFETY: it is what was just mapped.
        check(unsafe { libc::madvise(first, length, libc::MADV_DONTFORK) })?;
        Ok(shared)
    }

    fn at<T>(&self, offset: u32) -> *mut T {
        assert!(offset as usize + size_of::<T>() <= self.length);
        // SAFETY: the offset was just checked.
        unsafe { self.first.byte_add(offset as usize).cast() }
    }

    fn atomic(&self, offset: u32) -> &AtomicU32 {
        // SAFETY: the offset is one of the kernel's, and both sides use what is there as an atomic.
        unsafe { &*self.at(offset) }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: its owner is being dropped.
        unsafe { libc::munmap(self.first, self.length) };
    }
}

#[derive(Debug)]
struct Queues {
    rings: Shared,
    entries: Shared,
    sq_tail: u32,
    sq_mask: u32,
    cq_head: u32,
    cq_tail: u32,
    cq_mask: u32,
    cqes: u32,
}

/// A ring. Threads may share it: a lock lets one at a time carry transfers out.
#[derive(Debug)]
pub struct Ring {
    fd: AtomicI32,
    queues: Mutex<Queues>,
}

impl Ring {
    /// Makes a ring, and tries a transfer with it. Fails where the kernel or a sandbox lacks or refuses any of it.
    pub fn new() -> Result<Self> {
        // SAFETY: plain numbers, for which zero is a value.
        let mut parameters: Parameters = unsafe { zeroed() };
        // Without it, completions interrupt the thread's blocking system calls (EINTR).
        parameters.flags = SETUP_COOP_TASKRUN;
        let size = RING_SIZE as u32;
        // SAFETY: the parameters outlive the call.
        let fd = unsafe { libc::syscall(libc::SYS_io_uring_setup, size, &raw mut parameters) };
        let fd = Fd(check(fd as c_int)?);
        let ring = Self::map(fd, &parameters).inspect_err(|_| close(fd))?;
        ring.try_transfer()?;
        Ok(ring)
    }

    fn map(fd: Fd, parameters: &Parameters) -> Result<Self> {
        if parameters.features & FEATURE_SINGLE_MMAP == 0 {
            return Err(OsError(libc::ENOSYS));
        }
        let (sq, cq) = (parameters.sq, parameters.cq);
        let sq_end = sq.array as usize + parameters.sq_entries as usize * size_of::<u32>();
        let cq_end = cq.cqes as usize + parameters.cq_entries as usize * size_of::<Completion>();
        let rings = Shared::map(fd, sq_end.max(cq_end), 0)?;
        let entries = Shared::map(fd, parameters.sq_entries as usize * size_of::<Submission>(), OFFSET_SQES)?;
        let mask = |offset| rings.atomic(offset).load(Ordering::Relaxed);
        let queues = Queues {
            sq_tail: sq.tail,
            sq_mask: mask(sq.ring_mask),
            cq_head: cq.head,
            cq_tail: cq.tail,
            cq_mask: mask(cq.ring_mask),
            cqes: cq.cqes,
            rings,
            entries,
        };
        for at in 0..parameters.sq_entries {
            // Entry n is submitted n-th: the array of indices never changes after this.
            // SAFETY: the array is in the rings, and nothing is submitted yet.
            unsafe { queues.rings.at::<u32>(sq.array + at * size_of::<u32>() as u32).write(at) };
        }
        Ok(Self { fd: AtomicI32::new(fd.0), queues: Mutex::new(queues) })
    }

    /// Sends a few bytes to itself: a sandbox may allow the ring and refuse its operations.
    fn try_transfer(&self) -> Result<()> {
        let room = PROBE_ROOM.get_or_try_init(|| Region::new(PROBE.len()).map(Box::new))?;
        let (one, other) = pair(socket2::Type::STREAM)?;
        // SAFETY: the bytes are static.
        let bytes = unsafe { Bytes::new(PROBE.as_ptr().expose_provenance(), PROBE.len()) };
        let mut calls = [Call::send(one, bytes), Call::receive(other, room.target(0, PROBE.len()))];
        let outcome = self.carry_out(&mut calls);
        close(one);
        close(other);
        outcome?;
        let works = calls.iter().all(|call| call.outcome == Some(Ok(PROBE.len())));
        if works { Ok(()) } else { Err(OsError(libc::ENOSYS)) }
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries all transfers out and writes their outcomes; never blocks on a socket. After an error, those without an
    /// outcome were not tried.
    pub fn carry_out(&self, calls: &mut [Call]) -> Result<()> {
        let mut queues = self.lock();
        for chunk in calls.chunks_mut(RING_SIZE) {
            queues.carry_out(Fd(self.fd.load(Ordering::Relaxed)), chunk)?;
        }
        Ok(())
    }

    /// Closes the descriptor early: a forked child must not use its parent's ring. Later calls fail (EBADF).
    pub fn close(&self) {
        let fd = Fd(self.fd.swap(Fd::NONE.0, Ordering::AcqRel));
        if !fd.is_none() {
            close(fd);
        }
    }
}

/// What a new ring sends to itself.
const PROBE: &[u8] = b"ring";

/// Where all rings receive it; the contents are never read. One for all, because a region is never freed.
static PROBE_ROOM: OnceBox<Region> = OnceBox::new();

impl Drop for Ring {
    fn drop(&mut self) {
        self.close();
    }
}

impl Call {
    fn submission(&self, place: usize) -> Submission {
        let flags = if self.code == SEND { PLATFORM_SEND } else { PLATFORM_RECV };
        Submission {
            code: self.code,
            flags: 0,
            priority: 0,
            fd: self.fd.0,
            offset: 0,
            address: self.address as u64,
            // A longer transfer is a short one: the caller goes on with the rest.
            length: self.length.min(1 << 30) as u32,
            message_flags: flags as u32,
            user_data: place as u64,
            rest: [0; 3],
        }
    }
}

impl Queues {
    fn carry_out(&mut self, fd: Fd, calls: &mut [Call]) -> Result<()> {
        let tail = self.rings.atomic(self.sq_tail);
        let first = tail.load(Ordering::Relaxed);
        self.write_entries(first, calls);
        tail.store(first.wrapping_add(calls.len() as u32), Ordering::Release);
        // What the kernel is to take, has taken, and has completed.
        let (mut wanted, mut submitted, mut completed) = (calls.len(), 0, 0);
        let mut refused = None;
        while completed < wanted {
            match enter(fd, (wanted - submitted) as u32, (wanted - completed) as u32) {
                Ok(more) => submitted += more,
                Err(OsError(libc::EINTR)) => {}
                Err(error) if refused.is_none() => {
                    // The entries that the kernel has not taken are withdrawn. Those it has taken complete at once.
                    refused = Some(error);
                    wanted = submitted;
                    tail.store(first.wrapping_add(submitted as u32), Ordering::Release);
                }
                Err(error) => return Err(error),
            }
            completed += self.reap(calls);
        }
        refused.map_or(Ok(()), Err)
    }

    /// Writes the entries of the calls, from place `first` of the submission queue on.
    fn write_entries(&self, first: u32, calls: &[Call]) {
        for (place, call) in calls.iter().enumerate() {
            let at = first.wrapping_add(place as u32) & self.sq_mask;
            let entry = self.entries.at::<Submission>(at * size_of::<Submission>() as u32);
            // SAFETY: the entry is in the ring, and the kernel does not read it before the tail is moved.
            unsafe { entry.write(call.submission(place)) };
        }
    }

    /// Takes the outcomes of completed calls from the completion queue; returns how many.
    fn reap(&self, calls: &mut [Call]) -> usize {
        let head = self.rings.atomic(self.cq_head);
        let (mut at, end) =
            (head.load(Ordering::Relaxed), self.rings.atomic(self.cq_tail).load(Ordering::Acquire));
        let mut count = 0;
        while at != end {
            let place = self.cqes + (at & self.cq_mask) * size_of::<Completion>() as u32;
            // SAFETY: the kernel has written it before it moved the tail.
            let completion = unsafe { self.rings.at::<Completion>(place).read() };
            if let Some(call) = calls.get_mut(completion.user_data as usize) {
                call.outcome = Some(match completion.result {
                    error @ ..0 => Err(OsError(-error)),
                    moved => Ok(moved as usize),
                });
            }
            at = at.wrapping_add(1);
            count += 1;
        }
        head.store(at, Ordering::Release);
        count
    }
}

/// Submits so many entries, and waits until so many have completed; returns how many the kernel has taken
/// (io_uring_enter(2)).
fn enter(fd: Fd, submit: u32, wanted: u32) -> Result<usize> {
    let nowhere = std::ptr::null_mut::<c_void>();
    // SAFETY: no memory is passed here; the memory that the entries point at is valid by the contracts of `Bytes` and
    // `Target`.
    let taken = unsafe {
        libc::syscall(libc::SYS_io_uring_enter, fd.0, submit, wanted, ENTER_GETEVENTS, nowhere, 0_usize)
    };
    count(taken as isize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{Flags, WOULD_BLOCK, pair, send};

    #[test]
    fn what_would_wait_says_so_and_nothing_is_in_flight() {
        // A sandbox without rings has nothing to test.
        let Ok(ring) = Ring::new() else { return };
        let (one, other) = pair(socket2::Type::STREAM).unwrap();
        let region = Region::new(16).unwrap();
        let mut calls = [Call::receive(other, region.target(0, 8))];
        ring.carry_out(&mut calls).unwrap();
        assert_eq!(calls[0].outcome, Some(Err(WOULD_BLOCK)));
        assert_eq!(send(one, b"later", Flags::default()), Ok(5));
        // The receive of the first call did not stay in flight.
        assert_eq!(region.bytes(0, 5).as_slice(), [0; 5]);
        let mut many = vec![Call::receive(other, region.target(8, 8)); RING_SIZE + 3];
        ring.carry_out(&mut many).unwrap();
        assert_eq!(many[0].outcome, Some(Ok(5)));
        assert!(many[1..].iter().all(|call| call.outcome == Some(Err(WOULD_BLOCK))));
        assert_eq!(region.bytes(8, 5).as_slice(), b"later");
        close(one);
        close(other);
    }

    #[test]
    fn a_ring_that_is_gone_refuses_and_leaves_what_was_not_tried() {
        let Ok(ring) = Ring::new() else { return };
        ring.close();
        let region = Region::new(16).unwrap();
        let mut calls = [Call::receive(Fd::NONE, region.target(0, 8))];
        assert!(ring.carry_out(&mut calls).is_err());
        assert_eq!(calls[0].outcome, None);
    }
}
