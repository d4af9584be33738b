//! Readiness of many descriptors on Linux, by epoll(7). Not here: a few (`poll`).

use crate::sys::calls;
use crate::sys::{
    Events, Fd, LONGEST_WAIT, MOST_REPORTS, Result, Timeout, Waker, check, close, grow_up_to, is_refusal,
    milliseconds, move_out_of_the_way, set_inherit, timespec,
};
use libc::c_int;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

/// Whether the cost of a wait depends on how many are ready, and not on how many are watched.
pub const SELECTOR_SCALES: bool = true;

/// Its name, for option "queue.engine".
pub const SELECTOR_NAME: &str = "epoll";

/// Whether a batch queue may wait by [`poll`](fn@crate::sys::poll) instead.
pub const HAS_POLL_ENGINE: bool = true;

/// The tag under which a selector reports its own waker.
const WAKE: u64 = u64::MAX;

/// The tag under which it reports its alarm.
const ALARM: u64 = u64::MAX - 1;

/// An epoll with a waker inside. Every method may be called from any thread.
#[derive(Debug)]
pub struct Selector {
    epoll: AtomicI32,
    waker: Waker,
    /// A timerfd, if one was ever set.
    alarm: AtomicI32,
}

/// Room for what one wait reports; kept by the caller so that a wait allocates nothing.
pub struct Reports(Vec<libc::epoll_event>);

impl Reports {
    /// Without memory yet.
    pub const EMPTY: Self = Self(Vec::new());

    /// Forgets the last wait.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What the last wait reported: tag and readiness.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Events)> + '_ {
        self.0.iter().map(|event| (event.u64, ready(event.events))).filter(|(tag, _)| *tag < ALARM)
    }
}

fn epoll_events(events: Events) -> u32 {
    let mut bits = 0;
    for (event, bit) in [
        (Events::READ, libc::EPOLLIN | libc::EPOLLRDHUP),
        (Events::WRITE, libc::EPOLLOUT),
        (Events::EXCEPT, libc::EPOLLPRI),
        (Events::EDGE, libc::EPOLLET),
        (Events::ONESHOT, libc::EPOLLONESHOT),
    ] {
        if events.any(event) {
            bits |= bit;
        }
    }
    bits as u32
}

#[inline]
fn ready(found: u32) -> Events {
    // The fast path: most waits report only readable sockets.
    if found == libc::EPOLLIN as u32 { Events::READ } else { all_ready(found) }
}

fn all_ready(found: u32) -> Events {
    let has = |bits: c_int| found & bits as u32 != 0;
    let over = has(libc::EPOLLHUP | libc::EPOLLERR);
    Events::READ
        .when(over || has(libc::EPOLLIN | libc::EPOLLRDHUP))
        .or(Events::WRITE.when(over || has(libc::EPOLLOUT)))
        .or(Events::EXCEPT.when(has(libc::EPOLLPRI)))
        .or(Events::HANGUP.when(has(libc::EPOLLHUP)))
        .or(Events::ERROR.when(has(libc::EPOLLERR)))
}

impl Selector {
    /// Opens an empty selector.
    pub fn new() -> Result<Self> {
        // SAFETY: takes no memory.
        let epoll = match check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }) {
            Err(error) if is_refusal(error) => older_epoll()?,
            other => Fd(other?),
        };
        let waker = Waker::new().inspect_err(|_| close(epoll))?;
        let selector = Self { epoll: AtomicI32::new(epoll.0), waker, alarm: AtomicI32::new(Fd::NONE.0) };
        selector.add(selector.waker.fd(), Events::READ, WAKE)?;
        Ok(selector)
    }

    fn epoll(&self) -> Fd {
        Fd(self.epoll.load(Ordering::Relaxed))
    }

    fn control(&self, operation: c_int, fd: Fd, events: Events, tag: u64) -> Result<()> {
        let mut event = libc::epoll_event { events: epoll_events(events), u64: tag };
        // SAFETY: the event outlives the call.
        check(unsafe { libc::epoll_ctl(self.epoll().0, operation, fd.0, &mut event) }).map(drop)
    }

    /// Registers a descriptor under a tag (EPOLL_CTL_ADD). [`ALREADY_WATCHED`](crate::sys::ALREADY_WATCHED) and the system's
    /// errors.
    pub fn add(&self, fd: Fd, events: Events, tag: u64) -> Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, events, tag)
    }

    /// Changes a registration (EPOLL_CTL_MOD).
    pub fn modify(&self, fd: Fd, events: Events, tag: u64) -> Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, events, tag)
    }

    /// Removes a registration (EPOLL_CTL_DEL). Must be called before the descriptor is closed, because a duplicate of it
    /// elsewhere would keep the registration alive.
    pub fn remove(&self, fd: Fd) {
        // Fails only if it was not registered.
        let _ = self.control(libc::EPOLL_CTL_DEL, fd, Events::NONE, 0);
    }

    /// Makes one wait return: a running one, or else the next.
    pub fn wake(&self) {
        self.waker.wake();
    }

    /// The descriptor that wakes it when written to.
    pub(in crate::sys) fn trigger(&self) -> Fd {
        self.waker.trigger()
    }

    /// Makes the descriptor readable after `time` (timerfd_create(2)), so that a wait returns; `None` is never. Replaces the
    /// last alarm.
    pub fn set_alarm(&self, time: Timeout) -> Result<()> {
        let fd = match Fd(self.alarm.load(Ordering::Acquire)) {
            fd if !fd.is_none() => fd,
            _ if time.is_none() => return Ok(()),
            _ => self.open_alarm()?,
        };
        // SAFETY: plain numbers, for which zero is a value: an alarm that is not set.
        let mut new: libc::itimerspec = unsafe { std::mem::zeroed() };
        if let Some(time) = timespec(time) {
            new.it_value = time;
            // A time of zero would disarm the timer.
            new.it_value.tv_nsec += libc::c_long::from(time.tv_sec == 0 && time.tv_nsec == 0);
        }
        // SAFETY: the time outlives the call.
        check(unsafe { libc::timerfd_settime(fd.0, 0, &new, std::ptr::null_mut()) }).map(drop)
    }

    fn open_alarm(&self) -> Result<Fd> {
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: takes no memory.
        let fd =
            move_out_of_the_way(Fd(check(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) })?));
        self.add(fd, Events::READ, ALARM).inspect_err(|_| close(fd))?;
        self.alarm.store(fd.0, Ordering::Release);
        Ok(fd)
    }

    /// Its descriptor, which is readable when a wait would return at once.
    pub fn fd(&self) -> Result<Fd> {
        Ok(self.epoll())
    }

    /// Closes the descriptors before the selector is dropped: in a forked child, where it may be owned by a thread that the
    /// child does not have.
    pub fn close(&self) {
        self.waker.abandon();
        let alarm = Fd(self.alarm.swap(Fd::NONE.0, Ordering::AcqRel));
        if !alarm.is_none() {
            close(alarm);
        }
        let epoll = Fd(self.epoll.swap(Fd::NONE.0, Ordering::AcqRel));
        if !epoll.is_none() {
            close(epoll);
        }
    }

    /// Waits for at most `capacity` reports, for `timeout` at the most; whether this wait took a wake-up.
    ///
    /// All that runs around the system call is inlined: the kernel has displaced the processor's return addresses, so that each
    /// function that returns afterwards costs as much as fifty instructions.
    #[inline(always)]
    pub fn wait(&self, reports: &mut Reports, capacity: usize, timeout: Timeout) -> Result<bool> {
        let list = &mut reports.0;
        list.clear();
        let capacity = grow_up_to(list, capacity.min(MOST_REPORTS))?;
        // Only other times than these need the call with nanoseconds.
        let found = match timeout {
            None => self.wait_into(list.as_mut_ptr(), capacity as c_int, -1),
            Some(Duration::ZERO) => self.wait_into(list.as_mut_ptr(), capacity as c_int, 0),
            Some(time) => self.wait_for(list.as_mut_ptr(), capacity as c_int, time),
        }?;
        // SAFETY: the kernel has filled in this many, and the reserve above holds them.
        unsafe { list.set_len(found) };
        Ok(list.iter().any(|event| { event.u64 } == WAKE) && self.waker.drain() > 0)
    }

    #[inline(always)]
    fn wait_into(&self, list: *mut libc::epoll_event, capacity: c_int, milliseconds: c_int) -> Result<usize> {
        // SAFETY: `list` has room for `capacity` events.
        let found = unsafe { calls::epoll_wait(self.epoll().0, list, capacity, milliseconds) };
        check(found).map(|found| found as usize)
    }

    fn wait_for(&self, list: *mut libc::epoll_event, capacity: c_int, time: Duration) -> Result<usize> {
        let length = time.min(LONGEST_WAIT);
        let exact =
            KernelTime { seconds: length.as_secs() as i64, nanoseconds: length.subsec_nanos().into() };
        // SAFETY: `list` has room for `capacity` events, the time outlives the call.
        match check(unsafe { epoll_pwait2(self.epoll(), list, capacity, &exact) }) {
            // Kernels before 5.11 count in milliseconds.
            Err(error) if is_refusal(error) => self.wait_into(list, capacity, milliseconds(time)),
            other => other.map(|found| found as usize),
        }
    }
}

/// No signal mask: the thread's stays as it is.
const NO_MASK: *const libc::sigset_t = std::ptr::null();

/// The fallback for `epoll_create1`.
#[cold]
fn older_epoll() -> Result<Fd> {
    // SAFETY: takes no memory.
    let epoll = Fd(check(unsafe { epoll_create(1) })?);
    set_inherit(epoll, false).inspect_err(|_| close(epoll))?;
    Ok(epoll)
}

/// The system call itself, because some C libraries use `epoll_create1` for it.
#[cfg(any(target_arch = "x86_64", target_arch = "x86", target_arch = "arm"))]
unsafe fn epoll_create(size: c_int) -> c_int {
    // SAFETY: takes no memory.
    unsafe { libc::syscall(libc::SYS_epoll_create, size) as c_int }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "arm")))]
use libc::epoll_create;

/// A time as the kernel's newer calls take it, with 64-bit numbers even where the C library's type has 32.
#[repr(C)]
struct KernelTime {
    seconds: i64,
    nanoseconds: i64,
}

/// The system call itself, because C libraries have it only since 2021.
unsafe fn epoll_pwait2(
    epoll: Fd,
    list: *mut libc::epoll_event,
    capacity: c_int,
    time: *const KernelTime,
) -> c_int {
    // SAFETY: the caller vouches for `list` and `time`.
    unsafe { libc::syscall(libc::SYS_epoll_pwait2, epoll.0, list, capacity, time, NO_MASK, 0_usize) as c_int }
}

impl Drop for Selector {
    fn drop(&mut self) {
        self.close();
    }
}
