//! macOS and the BSDs: kqueue. Not here: what Unixes share (`unix`, `posix`), and what Apple lacks (`apple`).

use super::control::{Form, Received, Sent};
use super::unix::{check, timespec};
use super::{
    Events, Fd, Flags, MOST_REPORTS, OUT_OF_MEMORY, OsError, PollFd, Result, Timeout, close, pair, recv, send,
};
use libc::{c_int, c_void, kevent};
pub(super) use libc::{lseek, off_t, pread};
use socket2::Type;
use std::collections::HashMap;
use std::mem::{MaybeUninit, offset_of};
use std::sync::atomic::{AtomicI32, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Descriptors are non-blocking already; the flag also holds when another process has switched the mode.
pub(super) const PLATFORM_RECV: c_int = libc::MSG_DONTWAIT;
/// As for receiving, and no SIGPIPE.
pub(super) const PLATFORM_SEND: c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
/// The hint does not exist here, and a hint may be passed over.
pub(super) const MSG_MORE: c_int = 0;
/// `MSG_TRUNC` is only ever told, and nobody tells the real length.
pub(super) const TELLS_LENGTH: bool = false;

/// Descriptors that come in messages are born close-on-exec, where the system can do that.
#[cfg(not(target_vendor = "apple"))]
pub(super) const CMSG_CLOEXEC: c_int = libc::MSG_CMSG_CLOEXEC;
#[cfg(target_vendor = "apple")]
pub(super) const CMSG_CLOEXEC: c_int = 0;
/// A look at a message that stays in the queue would give the kernel's own form of its control data.
pub const PEEKS_CONTROL: bool = false;

/// Control messages as these systems number them (ip(4), ip6(4), unix(4)).
pub(super) const RECEIVED: &[Received] = &[
    (libc::SOL_SOCKET, libc::SCM_TIMESTAMP, MICROSECONDS),
    #[cfg(any(target_os = "freebsd", target_os = "netbsd"))]
    (libc::SOL_SOCKET, CREDENTIALS.0, CREDENTIALS.1),
    #[cfg(any(target_vendor = "apple", target_os = "netbsd"))]
    (libc::IPPROTO_IP, libc::IP_PKTINFO, PACKET),
    #[cfg(any(target_os = "freebsd", target_os = "openbsd"))]
    (libc::IPPROTO_IP, libc::IP_RECVDSTADDR, PACKET),
    #[cfg(any(target_os = "freebsd", target_os = "openbsd"))]
    (libc::IPPROTO_IP, libc::IP_RECVIF, Form::Link),
    (libc::IPPROTO_IP, IP_RECVTTL, Form::Hops),
    #[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
    (libc::IPPROTO_IP, libc::IP_RECVTOS, Form::TrafficClass),
    (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, Form::Packet6),
    (libc::IPPROTO_IPV6, IPV6_HOPLIMIT, Form::Hops),
    (libc::IPPROTO_IPV6, libc::IPV6_TCLASS, Form::TrafficClass),
];

/// As [`RECEIVED`], for sending. Of IPv4 these systems are told little.
pub(super) const SENT: Sent = Sent {
    credentials: None,
    #[cfg(any(target_vendor = "apple", target_os = "netbsd"))]
    packet4: Some((libc::IPPROTO_IP, libc::IP_PKTINFO, PACKET)),
    #[cfg(any(target_os = "freebsd", target_os = "openbsd"))]
    packet4: Some((libc::IPPROTO_IP, libc::IP_SENDSRCADDR, PACKET)),
    hops4: None,
    class4: None,
    packet6: (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO),
    hops6: (libc::IPPROTO_IPV6, IPV6_HOPLIMIT),
    class6: (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
};

#[cfg(target_vendor = "apple")]
const PACKET: Form = Form::Packet4 {
    interface: offset_of!(libc::in_pktinfo, ipi_ifindex),
    local: Some(offset_of!(libc::in_pktinfo, ipi_spec_dst)),
    destination: offset_of!(libc::in_pktinfo, ipi_addr),
};
#[cfg(target_os = "netbsd")]
const PACKET: Form = Form::Packet4 {
    interface: offset_of!(libc::in_pktinfo, ipi_ifindex),
    local: None,
    destination: offset_of!(libc::in_pktinfo, ipi_addr),
};
#[cfg(any(target_os = "freebsd", target_os = "openbsd"))]
const PACKET: Form = Form::Destination4;

const MICROSECONDS: Form = Form::Time {
    offset: offset_of!(libc::timeval, tv_usec),
    size: size_of::<libc::suseconds_t>(),
    unit: 1_000,
};

/// `LOCAL_CREDS_PERSISTENT`'s `struct sockcred2`, which tells the process too.
#[cfg(target_os = "freebsd")]
const CREDENTIALS: (c_int, Form) = (
    libc::SCM_CREDS2,
    Form::Credentials {
        process: offset_of!(libc::sockcred2, sc_pid),
        user: offset_of!(libc::sockcred2, sc_euid),
        group: offset_of!(libc::sockcred2, sc_egid),
    },
);
#[cfg(target_os = "netbsd")]
const CREDENTIALS: (c_int, Form) = (
    libc::SCM_CREDS,
    Form::Credentials {
        process: offset_of!(libc::sockcred, sc_pid),
        user: offset_of!(libc::sockcred, sc_euid),
        group: offset_of!(libc::sockcred, sc_egid),
    },
);

// From netinet/in.h and netinet6/in6.h, where the libc crate lacks them.
#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
pub(super) use libc::{IP_RECVTTL, IPV6_RECVHOPLIMIT};
#[cfg(target_os = "netbsd")]
pub(super) const IP_RECVTTL: c_int = 23;
#[cfg(target_os = "openbsd")]
pub(super) const IP_RECVTTL: c_int = 31;
#[cfg(any(target_os = "netbsd", target_os = "openbsd"))]
pub(super) const IPV6_RECVHOPLIMIT: c_int = 37;
const IPV6_HOPLIMIT: c_int = 47;

/// Nothing else holds descriptors.
pub(super) fn discard_control(_level: c_int, _kind: c_int, _data: &[u8]) {}

/// AF_UNIX names that live outside the file system.
pub const HAS_ABSTRACT: bool = false;

/// The socket option that tells the protocol.
#[cfg(any(target_os = "freebsd", target_os = "openbsd"))]
pub(super) const SO_PROTOCOL: Option<c_int> = Some(libc::SO_PROTOCOL);
#[cfg(not(any(target_os = "freebsd", target_os = "openbsd")))]
pub(super) const SO_PROTOCOL: Option<c_int> = None;

/// Runs a write that raises no SIGPIPE: here the signal goes to any thread, so no mask would do. The
/// descriptor's switch is turned back at once, because whoever shares the pipe shares the switch.
#[cfg(any(target_vendor = "apple", target_os = "netbsd"))]
pub(super) fn without_sigpipe(fd: Fd, write: impl FnOnce() -> Result<usize>) -> Result<usize> {
    // SAFETY: takes no memory.
    let before = check(unsafe { libc::fcntl(fd.0, libc::F_GETNOSIGPIPE) })?;
    // SAFETY: takes no memory.
    check(unsafe { libc::fcntl(fd.0, libc::F_SETNOSIGPIPE, 1) })?;
    let outcome = write();
    // SAFETY: takes no memory.
    unsafe { libc::fcntl(fd.0, libc::F_SETNOSIGPIPE, before) };
    outcome
}

/// Whether a descriptor that is no socket can be watched: kqueue takes files as well, to tell other things.
pub(super) fn pollable(fd: Fd) -> Result<()> {
    let mut about = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the structure is written as a whole, or the call fails.
    check(unsafe { libc::fstat(fd.0, about.as_mut_ptr()) })?;
    // SAFETY: the call above has written it.
    let kind = unsafe { about.assume_init() }.st_mode & libc::S_IFMT;
    let queue = Queue::new()?;
    // A pipe or FIFO may have one direction only.
    let taken = queue.add(fd, Events::READ, 0).or_else(|_| queue.add(fd, Events::WRITE, 0));
    if kind == libc::S_IFREG || kind == libc::S_IFDIR || taken.is_err() {
        return Err(OsError(libc::ENOTSOCK));
    }
    Ok(())
}

/// What a kernel says that can't move the bytes of such a file by itself.
#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
const REFUSED: &[c_int] = &[libc::EINVAL, libc::ENOSYS, libc::EOPNOTSUPP, libc::ENOTSUP];

/// Sends bytes of a file that never leave the kernel; `None` if it can't do that with this file.
#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
pub fn send_file(socket: Fd, file: Fd, place: i64, length: usize) -> Result<Option<usize>> {
    let place = super::unix::offset(place)?;
    let mut sent: off_t = 0;
    let outcome = super::without_sigpipe(socket, || kernel_send_file(socket, file, place, length, &mut sent));
    match outcome {
        // What has gone counts, whatever came then.
        _ if sent > 0 => Ok(Some(sent as usize)),
        Err(OsError(code)) if REFUSED.contains(&code) => Ok(None),
        other => other.map(Some),
    }
}

#[cfg(target_vendor = "apple")]
fn kernel_send_file(socket: Fd, file: Fd, place: off_t, length: usize, sent: &mut off_t) -> Result<usize> {
    // In: how many; out: how many have gone, after an error too.
    let mut moved = length as off_t;
    // SAFETY: the number outlives the call, and there are no headers.
    let outcome =
        check(unsafe { libc::sendfile(file.0, socket.0, place, &mut moved, std::ptr::null_mut(), 0) });
    *sent = moved;
    outcome.inspect_err(|error| {
        // Others than these leave the number as it was.
        if !matches!(error, OsError(libc::EAGAIN | libc::EINTR | libc::EPIPE)) {
            *sent = 0;
        }
    })?;
    Ok(moved as usize)
}

#[cfg(target_os = "freebsd")]
fn kernel_send_file(socket: Fd, file: Fd, place: off_t, length: usize, sent: &mut off_t) -> Result<usize> {
    // SAFETY: the number outlives the call, and there are no headers.
    let outcome =
        check(unsafe { libc::sendfile(file.0, socket.0, place, length, std::ptr::null_mut(), sent, 0) });
    outcome.map(|_| *sent as usize)
}

/// There is no such call.
#[cfg(not(any(target_vendor = "apple", target_os = "freebsd")))]
pub fn send_file(_socket: Fd, _file: Fd, _place: i64, _length: usize) -> Result<Option<usize>> {
    Ok(None)
}

/// There is no such call.
pub fn send_pipe(_socket: Fd, _pipe: Fd, _length: usize) -> Result<Option<usize>> {
    Ok(None)
}

/// Whether the peer has finished sending, with bytes still queued or not.
#[must_use]
pub fn peer_has_finished(fd: Fd) -> bool {
    let Ok(queue) = kqueue() else { return false };
    let (_, filter, _) = FILTERS[0];
    let mut event = change(fd, filter, 0, libc::EV_ADD, 0);
    let now = timespec(Some(Duration::ZERO));
    let now = now.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let place = &raw mut event;
    // SAFETY: there is one event, which the system reads before it writes it, and the time outlives the call.
    let found = unsafe { libc::kevent(queue.0, place, 1, place, 1, now) };
    close(queue);
    found == 1 && event.flags & libc::EV_EOF != 0
}

/// What another thread can make readable: a pair of sockets.
#[derive(Debug)]
pub struct Waker {
    read: AtomicI64,
    write: AtomicI64,
}

impl Waker {
    /// Makes one; fails when the process is out of descriptors.
    pub fn new() -> Result<Self> {
        let (read, write) = pair(Type::STREAM)?;
        Ok(Self { read: AtomicI64::new(read.to_raw()), write: AtomicI64::new(write.to_raw()) })
    }

    /// What to poll so as to be woken.
    #[must_use]
    pub fn entry(&self) -> PollFd {
        PollFd::new(self.fd(), Events::READ)
    }

    fn fd(&self) -> Fd {
        Fd::from_raw(self.read.load(Ordering::Acquire)).unwrap_or(Fd::NONE)
    }

    /// Makes it readable.
    pub fn wake(&self) {
        let fd = Fd::from_raw(self.write.load(Ordering::Acquire)).unwrap_or(Fd::NONE);
        // The only failure is a buffer that is full: then it is readable.
        let _ = send(fd, &[1], Flags::default());
    }

    /// Makes it unreadable again; whether it was readable.
    pub fn drain(&self) -> bool {
        let mut bytes = [MaybeUninit::uninit(); 64];
        let mut any = false;
        while let Ok(1..) = recv(self.fd(), &mut bytes, Flags::default()) {
            any = true;
        }
        any
    }

    /// Gives the descriptors up before their time: a forked child has no use for its parent's.
    pub fn abandon(&self) {
        for end in [&self.read, &self.write] {
            if let Some(fd) = Fd::from_raw(end.swap(Fd::NONE.to_raw(), Ordering::AcqRel)) {
                close(fd);
            }
        }
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// The widths of a kevent's numbers.
#[cfg(target_os = "netbsd")]
type Filter = u32;
#[cfg(target_os = "netbsd")]
type Action = u32;
#[cfg(not(target_os = "netbsd"))]
type Filter = i16;
#[cfg(not(target_os = "netbsd"))]
type Action = u16;

/// Which filter tells of what, and what of it is wanted.
const FILTERS: &[(Events, Filter, u32)] = &[
    (Events::READ, libc::EVFILT_READ, 0),
    (Events::WRITE, libc::EVFILT_WRITE, 0),
    // FreeBSD and NetBSD have none for urgent data.
    #[cfg(not(any(target_os = "freebsd", target_os = "netbsd")))]
    (Events::EXCEPT, libc::EVFILT_EXCEPT, libc::NOTE_OOB),
];

/// What a queue can watch for.
const WATCHABLE: Events = FILTERS[0].0.or(FILTERS[1].0).or(FILTERS[FILTERS.len() - 1].0);

fn kqueue() -> Result<Fd> {
    // SAFETY: takes no memory.
    let queue = Fd(check(unsafe { libc::kqueue() })?);
    super::set_inherit(queue, false).inspect_err(|_| close(queue))?;
    Ok(queue)
}

fn change(fd: Fd, filter: Filter, detail: u32, action: Action, tag: u64) -> kevent {
    // SAFETY: plain numbers and pointers, for which zero is a value.
    let mut event: kevent = unsafe { std::mem::zeroed() };
    event.ident = fd.0 as usize;
    event.filter = filter;
    event.flags = action;
    event.fflags = detail;
    event.udata = mark(tag);
    event
}

/// What the kernel keeps of a tag: on a small machine a part of it.
fn mark(tag: u64) -> *mut c_void {
    std::ptr::without_provenance_mut(tag as usize)
}

/// How far left an event stands that says of a direction that it has ended.
const ENDED: u32 = 8;

fn ready(event: &kevent) -> Events {
    let Some((kind, _, detail)) = FILTERS.iter().find(|(_, filter, _)| *filter == event.filter) else {
        return Events::NONE;
    };
    let over = event.flags & libc::EV_EOF != 0;
    if *detail != 0 && event.fflags & detail == 0 {
        // Not what was asked for, but for ever: the caller shall know why it is woken.
        return Events::HANGUP;
    }
    kind.or(Events(kind.0 << ENDED).when(over)).or(Events::ERROR.when(over && event.fflags != 0))
}

/// A connection is over when both directions have ended.
fn conclude(found: Events) -> Events {
    let both = Events::READ.or(Events::WRITE);
    let ended = Events(found.0 >> ENDED).and(both);
    Events(found.0 & ((1 << ENDED) - 1)).or(Events::HANGUP.when(ended == both))
}

/// One watched descriptor.
#[derive(Debug)]
struct Watched {
    asked: Events,
    tag: u64,
    /// Where the current wait has noted it, if the tag there is the same.
    place: usize,
}

/// A wait costs what is ready, not what is watched.
pub const QUEUE_SCALES: bool = true;

/// A kqueue with a waker inside. Every method may be called from any thread.
#[derive(Debug)]
pub struct Queue {
    kqueue: AtomicI32,
    /// Whose it is: a forked child does not get it, and may have another descriptor of that number.
    process: u32,
    waker: Waker,
    watched: Mutex<HashMap<c_int, Watched>>,
}

/// Room for what one wait reports; kept by the caller so that a wait allocates nothing.
pub struct Reports {
    found: Vec<kevent>,
    /// A descriptor's events in one.
    merged: Vec<(u64, Events)>,
}

// SAFETY: the pointers in a kevent are marks, and point at nothing.
unsafe impl Send for Reports {}

impl Reports {
    /// Room for none yet.
    pub const EMPTY: Self = Self { found: Vec::new(), merged: Vec::new() };

    /// Forgets the last wait.
    pub fn clear(&mut self) {
        self.found.clear();
        self.merged.clear();
    }

    /// What the last wait reported: tag and readiness.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Events)> + '_ {
        self.merged.iter().map(|(tag, found)| (*tag, conclude(*found)))
    }
}

impl Queue {
    /// Opens an empty queue.
    pub fn new() -> Result<Self> {
        let waker = Waker::new()?;
        let kqueue = kqueue()?;
        let queue = Self {
            kqueue: AtomicI32::new(kqueue.0),
            process: std::process::id(),
            waker,
            watched: Mutex::default(),
        };
        queue.arm(queue.waker.fd(), Events::READ, 0)?;
        Ok(queue)
    }

    fn kqueue(&self) -> c_int {
        self.kqueue.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<c_int, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn control(&self, event: &kevent) -> Result<()> {
        // SAFETY: the one change outlives the call, and there is no room for events.
        check(unsafe { libc::kevent(self.kqueue(), event, 1, std::ptr::null_mut(), 0, std::ptr::null()) })
            .map(drop)
    }

    fn arm(&self, fd: Fd, asked: Events, tag: u64) -> Result<()> {
        let edge = if asked.any(Events::EDGE) { libc::EV_CLEAR } else { 0 };
        for (kind, filter, detail) in FILTERS {
            if asked.any(*kind) {
                self.control(&change(fd, *filter, *detail, libc::EV_ADD | edge, tag))?;
            }
        }
        Ok(())
    }

    fn disarm(&self, fd: Fd) {
        for (_, filter, detail) in FILTERS {
            // Fails only if it was not there, which is what the caller wants.
            let _ = self.control(&change(fd, *filter, *detail, libc::EV_DELETE, 0));
        }
    }

    /// Watches a descriptor.
    pub fn add(&self, fd: Fd, events: Events, tag: u64) -> Result<()> {
        if events.and(Events::ALL).and(WATCHABLE) != events.and(Events::ALL) {
            return Err(OsError(libc::EOPNOTSUPP));
        }
        let mut watched = self.lock();
        watched.try_reserve(1).map_err(|_| OUT_OF_MEMORY)?;
        self.arm(fd, events, tag).inspect_err(|_| self.disarm(fd))?;
        watched.insert(fd.0, Watched { asked: events, tag, place: 0 });
        Ok(())
    }

    /// Watches it for something else.
    pub fn modify(&self, fd: Fd, events: Events, tag: u64) -> Result<()> {
        self.remove(fd);
        self.add(fd, events, tag)
    }

    /// Watches it no more.
    pub fn remove(&self, fd: Fd) {
        if self.lock().remove(&fd.0).is_some() {
            self.disarm(fd);
        }
    }

    /// Gives the descriptors up before their time. In a forked child the kqueue has stayed behind by itself.
    pub fn close(&self) {
        self.waker.abandon();
        let kqueue = Fd(self.kqueue.swap(Fd::NONE.0, Ordering::AcqRel));
        if !kqueue.is_none() && self.process == std::process::id() {
            close(kqueue);
        }
    }

    /// Makes one wait return, now or the next.
    pub fn wake(&self) {
        self.waker.wake();
    }

    /// Waits for at most `capacity` reports; whether this wait took a wake-up.
    pub fn wait(&self, reports: &mut Reports, capacity: usize, timeout: Timeout) -> Result<bool> {
        let capacity = capacity.min(MOST_REPORTS);
        reports.clear();
        reports.found.try_reserve(capacity).map_err(|_| OUT_OF_MEMORY)?;
        reports.merged.try_reserve(capacity).map_err(|_| OUT_OF_MEMORY)?;
        let time = timespec(timeout);
        let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        let list = reports.found.as_mut_ptr();
        // SAFETY: `list` has room for `capacity` events, there are no changes, and the time outlives the call.
        let found = unsafe { libc::kevent(self.kqueue(), std::ptr::null(), 0, list, capacity as _, time) };
        // SAFETY: the kernel has filled in this many, and the reserve above holds them.
        unsafe { reports.found.set_len(check(found)? as usize) };
        self.merge(reports);
        let waker = self.waker.fd().0 as usize;
        Ok(reports.found.iter().any(|event| event.ident == waker) && self.waker.drain())
    }

    /// Notes what was found under the tags; what was found of an earlier owner of the number is no news.
    fn merge(&self, Reports { found, merged }: &mut Reports) {
        let mut watched = self.lock();
        for event in found {
            let Some(entry) = watched.get_mut(&(event.ident as c_int)) else { continue };
            if event.udata != mark(entry.tag) {
                continue;
            }
            match merged.get_mut(entry.place) {
                Some((tag, known)) if *tag == entry.tag => *known = known.or(ready(event)),
                _ => {
                    entry.place = merged.len();
                    merged.push((entry.tag, ready(event)));
                }
            }
            if entry.asked.any(Events::ONESHOT) {
                self.disarm(Fd(event.ident as c_int));
            }
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.close();
    }
}
