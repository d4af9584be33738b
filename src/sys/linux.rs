//! Linux: epoll, eventfd. Not here: what Unixes share (`unix`, `posix`).

use super::control::{Form, Received, Sent};
use super::unix::{check, count, offset, timespec};
use super::{
    Events, Fd, MOST_REPORTS, OUT_OF_MEMORY, OsError, PollFd, Result, Timeout, close, poll, without_sigpipe,
};
use libc::{c_int, c_void};
use std::mem::{offset_of, size_of};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

/// Descriptors are non-blocking already; the flag also holds when another process has switched the mode.
pub(super) const PLATFORM_RECV: c_int = libc::MSG_DONTWAIT;
/// As for receiving, and no SIGPIPE.
pub(super) const PLATFORM_SEND: c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
pub(super) const MSG_MORE: c_int = libc::MSG_MORE;
/// `MSG_TRUNC` makes a receive tell the datagram's real length.
pub(super) const TELLS_LENGTH: bool = true;
/// The socket option that tells the protocol.
pub(super) const SO_PROTOCOL: Option<c_int> = Some(libc::SO_PROTOCOL);

#[cfg(not(target_env = "gnu"))]
pub(super) use libc::{lseek, off_t, pread, sendfile};
/// Descriptors that come in messages are born close-on-exec.
pub(super) const CMSG_CLOEXEC: c_int = libc::MSG_CMSG_CLOEXEC;
/// A message that is left in the queue tells its control data too; descriptors come once for each look.
pub const PEEKS_CONTROL: bool = true;

/// Control messages as Linux numbers them (ip(7), ipv6(7), unix(7), socket(7)).
pub(super) const RECEIVED: &[Received] = &[
    (libc::SOL_SOCKET, libc::SCM_CREDENTIALS, Form::Credentials { process: 0, user: 4, group: 8 }),
    (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS, NANOSECONDS),
    (libc::IPPROTO_IP, libc::IP_PKTINFO, PACKET),
    (libc::IPPROTO_IP, libc::IP_TTL, Form::Hops),
    (libc::IPPROTO_IP, libc::IP_TOS, Form::TrafficClass),
    (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, Form::Packet6),
    (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, Form::Hops),
    (libc::IPPROTO_IPV6, libc::IPV6_TCLASS, Form::TrafficClass),
];

/// As [`RECEIVED`], for sending.
pub(super) const SENT: Sent = Sent {
    credentials: Some((libc::SOL_SOCKET, libc::SCM_CREDENTIALS)),
    packet4: Some((libc::IPPROTO_IP, libc::IP_PKTINFO, PACKET)),
    hops4: Some((libc::IPPROTO_IP, libc::IP_TTL)),
    class4: Some((libc::IPPROTO_IP, libc::IP_TOS)),
    packet6: (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO),
    hops6: (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT),
    class6: (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
};

const PACKET: Form = Form::Packet4 {
    interface: offset_of!(libc::in_pktinfo, ipi_ifindex),
    local: Some(offset_of!(libc::in_pktinfo, ipi_spec_dst)),
    destination: offset_of!(libc::in_pktinfo, ipi_addr),
};

const NANOSECONDS: Form =
    Form::Time { offset: offset_of!(libc::timespec, tv_nsec), size: size_of::<libc::c_long>(), unit: 1 };

/// The process that has sent, as a descriptor: linux/socket.h; the libc crate lacks it.
const SCM_PIDFD: c_int = 4;

/// A control message that nobody wants may hold what must be closed.
pub(super) fn discard_control(level: c_int, kind: c_int, data: &[u8]) {
    if (level, kind) == (libc::SOL_SOCKET, SCM_PIDFD) {
        if let Ok(number) = data.try_into() {
            close(Fd(c_int::from_ne_bytes(number)));
        }
    }
}

/// Files longer than 2 GB, on machines of 32 bits as well.
#[cfg(target_env = "gnu")]
pub(super) use libc::{lseek64 as lseek, off64_t as off_t, pread64 as pread, sendfile64 as sendfile};

/// AF_UNIX names that live outside the file system.
pub const HAS_ABSTRACT: bool = true;

/// Whether epoll takes the descriptor: it refuses files and directories, which are always ready.
pub(super) fn pollable(fd: Fd) -> Result<()> {
    let queue = Queue::new()?;
    match queue.add(fd, Events::NONE, 0) {
        Err(OsError(libc::EPERM)) => Err(OsError(libc::ENOTSOCK)),
        other => other,
    }
}

/// Whether the peer has finished sending, with bytes still queued or not.
#[must_use]
pub fn peer_has_finished(fd: Fd) -> bool {
    let mut entry = [PollFd(libc::pollfd { fd: fd.0, events: libc::POLLRDHUP, revents: 0 })];
    poll(&mut entry, Some(Duration::ZERO)) == Ok(1)
}

/// What a kernel says that can't move the bytes of such a file by itself, or that must not. Of a place where no file
/// can have bytes a read says that there are none.
fn unless_refused(outcome: Result<usize>) -> Result<Option<usize>> {
    match outcome {
        Err(OsError(libc::EINVAL | libc::ENOSYS | libc::EOPNOTSUPP | libc::EOVERFLOW)) => Ok(None),
        other => other.map(Some),
    }
}

/// Sends bytes of a file that never leave the kernel; `None` if it can't do that with this file.
pub fn send_file(socket: Fd, file: Fd, place: i64, length: usize) -> Result<Option<usize>> {
    let mut place = offset(place)?;
    unless_refused(without_sigpipe(socket, || {
        // SAFETY: the place outlives the call.
        count(unsafe { sendfile(socket.0, file.0, &mut place, length) })
    }))
}

/// Sends what is in a pipe, so that what is not sent stays there; `None` if the source is no pipe.
pub fn send_pipe(socket: Fd, pipe: Fd, length: usize) -> Result<Option<usize>> {
    let nowhere = std::ptr::null_mut();
    unless_refused(without_sigpipe(socket, || {
        // SAFETY: takes no memory.
        count(unsafe { libc::splice(pipe.0, nowhere, socket.0, nowhere, length, libc::SPLICE_F_NONBLOCK) })
    }))
}

/// What another thread can make readable: an eventfd.
#[derive(Debug)]
pub struct Waker(AtomicI32);

impl Waker {
    /// Makes one; fails when the process is out of descriptors.
    pub fn new() -> Result<Self> {
        // SAFETY: takes no memory.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        Ok(Self(AtomicI32::new(fd)))
    }

    /// What to poll so as to be woken.
    #[must_use]
    pub fn entry(&self) -> PollFd {
        PollFd::new(self.fd(), Events::READ)
    }

    fn fd(&self) -> Fd {
        Fd(self.0.load(Ordering::Acquire))
    }

    /// Makes it readable.
    pub fn wake(&self) {
        let one = 1_u64;
        // SAFETY: writes the eight bytes of `one`. The only failure is a counter that is full: then it is readable.
        unsafe { libc::write(self.fd().0, std::ptr::from_ref(&one).cast::<c_void>(), size_of::<u64>()) };
    }

    /// Makes it unreadable again; whether it was readable.
    pub fn drain(&self) -> bool {
        let mut count = 0_u64;
        let data = std::ptr::from_mut(&mut count).cast::<c_void>();
        // SAFETY: reads at most the eight bytes of `count`.
        unsafe { libc::read(self.fd().0, data, size_of::<u64>()) > 0 }
    }

    /// Gives the descriptor up before its time: a forked child has no use for its parent's.
    pub fn abandon(&self) {
        let fd = Fd(self.0.swap(-1, Ordering::AcqRel));
        if !fd.is_none() {
            close(fd);
        }
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// A wait costs what is ready, not what is watched.
pub const QUEUE_SCALES: bool = true;

/// The tag under which a queue reports its own waker.
const WAKE: u64 = u64::MAX;

/// An epoll with a waker inside. Every method may be called from any thread.
#[derive(Debug)]
pub struct Queue {
    epoll: AtomicI32,
    waker: Waker,
}

/// Room for what one wait reports; kept by the caller so that a wait allocates nothing.
pub struct Reports(Vec<libc::epoll_event>);

impl Reports {
    /// Room for none yet.
    pub const EMPTY: Self = Self(Vec::new());

    /// Forgets the last wait.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What the last wait reported: tag and readiness.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Events)> + '_ {
        self.0.iter().map(|event| (event.u64, ready(event.events))).filter(|(tag, _)| *tag != WAKE)
    }
}

fn asked(events: Events) -> u32 {
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
    // Told at one glance, since it is what most waits find.
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

impl Queue {
    /// Opens an empty queue.
    pub fn new() -> Result<Self> {
        // SAFETY: takes no memory.
        let epoll = Fd(check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?);
        let waker = Waker::new().inspect_err(|_| close(epoll))?;
        let queue = Self { epoll: AtomicI32::new(epoll.0), waker };
        queue.add(queue.waker.fd(), Events::READ, WAKE)?;
        Ok(queue)
    }

    fn epoll(&self) -> Fd {
        Fd(self.epoll.load(Ordering::Relaxed))
    }

    fn control(&self, operation: c_int, fd: Fd, events: Events, tag: u64) -> Result<()> {
        let mut event = libc::epoll_event { events: asked(events), u64: tag };
        // SAFETY: the event outlives the call.
        check(unsafe { libc::epoll_ctl(self.epoll().0, operation, fd.0, &mut event) }).map(drop)
    }

    /// Watches a descriptor.
    pub fn add(&self, fd: Fd, events: Events, tag: u64) -> Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, events, tag)
    }

    /// Watches it for something else.
    pub fn modify(&self, fd: Fd, events: Events, tag: u64) -> Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, events, tag)
    }

    /// Watches it no more. Must come before the descriptor is closed: a copy of it elsewhere would go on reporting.
    pub fn remove(&self, fd: Fd) {
        // Fails only if it was not there, which is what the caller wants.
        let _ = self.control(libc::EPOLL_CTL_DEL, fd, Events::NONE, 0);
    }

    /// Makes one wait return, now or the next.
    pub fn wake(&self) {
        self.waker.wake();
    }

    /// Gives the descriptors up before their time: a forked child has no use for its parent's, and what threads
    /// hold that it does not have is never dropped.
    pub fn close(&self) {
        self.waker.abandon();
        let epoll = Fd(self.epoll.swap(Fd::NONE.0, Ordering::AcqRel));
        if !epoll.is_none() {
            close(epoll);
        }
    }

    /// Waits for at most `capacity` reports; whether this wait took a wake-up.
    ///
    /// All that runs around the system call is inlined: a processor has lost its return addresses by the time the
    /// kernel is done, so that each frame that is left afterwards costs as much as fifty instructions.
    #[inline(always)]
    pub fn wait(&self, reports: &mut Reports, capacity: usize, timeout: Timeout) -> Result<bool> {
        let capacity = capacity.min(MOST_REPORTS);
        let list = &mut reports.0;
        list.clear();
        if list.capacity() < capacity {
            reserve(list, capacity)?;
        }
        // For ever and not at all are the same in every unit.
        let found = match timeout {
            None => self.wait_into(list.as_mut_ptr(), capacity as c_int, -1),
            Some(Duration::ZERO) => self.wait_into(list.as_mut_ptr(), capacity as c_int, 0),
            Some(time) => self.wait_for(list.as_mut_ptr(), capacity as c_int, time),
        }?;
        // SAFETY: the kernel has filled in this many, and the reserve above holds them.
        unsafe { list.set_len(found) };
        Ok(list.iter().any(|event| { event.u64 } == WAKE) && self.waker.drain())
    }

    #[inline(always)]
    fn wait_into(&self, list: *mut libc::epoll_event, capacity: c_int, milliseconds: c_int) -> Result<usize> {
        // SAFETY: `list` has room for `capacity` events.
        let found = unsafe { libc::epoll_wait(self.epoll().0, list, capacity, milliseconds) };
        check(found).map(|found| found as usize)
    }

    fn wait_for(&self, list: *mut libc::epoll_event, capacity: c_int, time: Duration) -> Result<usize> {
        if let Some(time) = timespec(Some(time)) {
            // SAFETY: `list` has room for `capacity` events, the time outlives the call.
            match check(unsafe { epoll_pwait2(self.epoll(), list, capacity, &time) }) {
                // Kernels before 5.11 count in milliseconds.
                Err(OsError(libc::ENOSYS)) => {}
                other => return other.map(|found| found as usize),
            }
        }
        self.wait_into(list, capacity, milliseconds(time))
    }
}

#[cold]
fn reserve(list: &mut Vec<libc::epoll_event>, capacity: usize) -> Result<()> {
    list.try_reserve(capacity).map_err(|_| OUT_OF_MEMORY)
}

/// The thread's signals stay as they are.
const NO_MASK: *const libc::sigset_t = std::ptr::null();

/// Milliseconds, rounded up.
fn milliseconds(timeout: Duration) -> c_int {
    let rounded = timeout.as_millis() + u128::from(timeout.subsec_nanos() % 1_000_000 > 0);
    c_int::try_from(rounded).unwrap_or(c_int::MAX)
}

/// The system call itself: C libraries have it only since 2021.
unsafe fn epoll_pwait2(
    epoll: Fd,
    list: *mut libc::epoll_event,
    capacity: c_int,
    time: *const libc::timespec,
) -> c_int {
    // SAFETY: the caller vouches for `list` and `time`.
    unsafe { libc::syscall(libc::SYS_epoll_pwait2, epoll.0, list, capacity, time, NO_MASK, 0) as c_int }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.close();
    }
}
