//! A model of kqueue(2), by its manual pages, on Linux: so that the code for macOS and the BSDs runs in the tests there
//! (`tests/kqueue/run`). Takes the place of the C library in `src/sys/readiness/kqueue.rs`. Not here: filters that the
//! library does not use, and behaviour of systems that the pages don't describe.
//!
//! Underneath is an epoll that reports activity, edge-triggered. A filter with activity is queued; a call checks the queued
//! filters alone, by poll(2), as the kernels call the f_event functions of their active knotes.

#![allow(non_camel_case_types, reason = "the C library's names")]

use libc::{EBADF, EINVAL, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDHUP, epoll_event, pollfd};
pub use libc::{ENOENT, EOPNOTSUPP, c_int, c_void};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// As FreeBSD, OpenBSD and macOS have it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct kevent {
    pub ident: usize,
    pub filter: i16,
    pub flags: u16,
    pub fflags: u32,
    pub data: i64,
    pub udata: *mut c_void,
}

pub const EVFILT_READ: i16 = -1;
pub const EVFILT_WRITE: i16 = -2;
pub const EVFILT_TIMER: i16 = -7;
/// OpenBSD's and macOS's, for urgent data.
pub const EVFILT_EXCEPT: i16 = -15;
pub const NOTE_OOB: u32 = 2;

pub const EV_ADD: u16 = 0x1;
pub const EV_DELETE: u16 = 0x2;
pub const EV_ONESHOT: u16 = 0x10;
pub const EV_CLEAR: u16 = 0x20;
pub const EV_EOF: u16 = 0x8000;

/// A descriptor, or a timer's number, and a filter.
type Key = (c_int, i16);

/// One filter of one descriptor, called as in the kernels.
#[derive(Debug)]
struct Knote {
    flags: u16,
    detail: u32,
    mark: usize,
    is_queued: bool,
    /// A timer's own descriptor.
    timer: Option<c_int>,
}

#[derive(Debug, Default)]
struct State {
    knotes: BTreeMap<Key, Knote>,
    /// The filters that the next call checks, in order.
    queued: VecDeque<Key>,
    /// Which open file each descriptor was when it was added (device and inode).
    watched: HashMap<c_int, (u64, u64)>,
}

#[derive(Debug)]
struct Kqueue {
    process: u32,
    state: Mutex<State>,
}

type Registry = HashMap<c_int, Arc<Kqueue>>;

/// All of this process, by their descriptors.
static REGISTRY: LazyLock<Mutex<Registry>> = LazyLock::new(Mutex::default);

thread_local! {
    /// The registry in the middle of a fork.
    static HELD: RefCell<Option<MutexGuard<'static, Registry>>> = const { RefCell::new(None) };
}

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

extern "C" fn before_fork() {
    HELD.with(|held| *held.borrow_mut() = Some(registry()));
}

extern "C" fn after_fork() {
    HELD.with(|held| held.borrow_mut().take());
}

/// Installs the fork handlers before `main`, and so before the library's. Handlers before a fork run in the reverse order: the
/// registry is locked after the library's locks, whose owners may be waiting for it. Handlers in the child run in this order:
/// the kqueues are gone before the library's own handler runs.
#[used]
#[unsafe(link_section = ".init_array")]
static EARLY: extern "C" fn() = install_fork_handlers;

extern "C" fn install_fork_handlers() {
    // SAFETY: the program that has the handlers is never unloaded.
    unsafe { libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(in_child)) };
}

/// A kqueue is not inherited by a child.
extern "C" fn in_child() {
    let mut held = HELD.with(|held| held.borrow_mut().take());
    let Some(registry) = held.as_mut() else { return };
    registry.retain(|fd, kqueue| {
        let stays = kqueue.process == std::process::id();
        if !stays && is_epoll(*fd) {
            // SAFETY: the number is the child's copy of a descriptor that nobody else closes.
            unsafe { libc::close(*fd) };
        }
        stays
    });
}

fn fail(number: c_int) -> c_int {
    // SAFETY: errno is the thread's own.
    unsafe { *libc::__errno_location() = number };
    -1
}

/// Whether the descriptor is still a kqueue: a close does not take it out of the registry.
fn is_epoll(fd: c_int) -> bool {
    std::fs::read_link(format!("/proc/self/fd/{fd}"))
        .is_ok_and(|path| path.as_os_str() == "anon_inode:[eventpoll]")
}

/// Which open file a descriptor is: device and inode.
fn identity(fd: c_int) -> Option<(u64, u64)> {
    // SAFETY: plain numbers, for which zero is a value.
    let mut status: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: there is room for the answer.
    (unsafe { libc::fstat(fd, &raw mut status) } == 0).then_some((status.st_dev, status.st_ino))
}

/// `kqueue(2)`.
pub unsafe fn kqueue() -> c_int {
    // SAFETY: takes no memory.
    let fd = unsafe { libc::epoll_create1(0) };
    if fd >= 0 {
        let kqueue = Kqueue { process: std::process::id(), state: Mutex::default() };
        registry().insert(fd, Arc::new(kqueue));
    }
    fd
}

/// `kevent(2)`: makes the changes, and then waits for events if there is room for some.
///
/// # Safety
///
/// The lists have as many elements as their counts say; `timeout` is null or a time.
pub unsafe fn kevent(
    kq: c_int,
    changes: *const kevent,
    nchanges: c_int,
    events: *mut kevent,
    nevents: c_int,
    timeout: *const libc::timespec,
) -> c_int {
    let Some(kqueue) = registry().get(&kq).cloned() else { return fail(EBADF) };
    for place in 0..nchanges as usize {
        // SAFETY: the list is so long.
        let change = unsafe { *changes.add(place) };
        if let Err(number) = kqueue.change(kq, &change) {
            return fail(number);
        }
    }
    if nevents == 0 {
        return 0;
    }
    // SAFETY: null, or a time.
    let limit = unsafe { timeout.as_ref() }
        .map(|time| Instant::now() + Duration::new(time.tv_sec as u64, time.tv_nsec as u32));
    loop {
        kqueue.note_activity(kq);
        let found = kqueue.scan(kq, nevents as usize);
        if !found.is_empty() {
            // SAFETY: there is room for so many.
            unsafe { events.copy_from_nonoverlapping(found.as_ptr(), found.len()) };
            return found.len() as c_int;
        }
        let left = limit.map(|limit| limit.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return 0;
        }
        let milliseconds = left.map_or(-1, |left| left.as_millis().min(1_000_000) as c_int + 1);
        let mut entry = pollfd { fd: kq, events: POLLIN, revents: 0 };
        // SAFETY: the entry outlives the call.
        if unsafe { libc::poll(&raw mut entry, 1, milliseconds) } < 0 {
            return -1;
        }
    }
}

impl Kqueue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, kq: c_int, change: &kevent) -> Result<(), c_int> {
        let mut state = self.state();
        let key = (change.ident as c_int, change.filter);
        state.forget_closed(key.0);
        if change.flags & EV_DELETE != 0 {
            return state.delete(kq, key).ok_or(ENOENT);
        }
        if change.flags & EV_ADD == 0 {
            return Err(EINVAL);
        }
        let timer = match change.filter {
            EVFILT_TIMER => {
                let _ = state.delete(kq, key);
                Some(start_timer(kq, key.0, change.data))
            }
            EVFILT_READ | EVFILT_WRITE | EVFILT_EXCEPT => {
                state.watch(kq, key)?;
                None
            }
            _ => return Err(EINVAL),
        };
        let mark = change.udata.expose_provenance();
        let knote = Knote { flags: change.flags, detail: change.fflags, mark, is_queued: false, timer };
        state.queued.retain(|other| *other != key);
        state.knotes.insert(key, knote);
        if timer.is_none() {
            state.queue(key);
        }
        Ok(())
    }

    /// Queues the filters of all descriptors with new activity.
    fn note_activity(&self, kq: c_int) {
        let mut state = self.state();
        let mut found = [epoll_event { events: 0, u64: 0 }; 64];
        loop {
            // SAFETY: there is room for so many.
            let count = unsafe { libc::epoll_wait(kq, found.as_mut_ptr(), found.len() as c_int, 0) };
            for event in &found[..count.max(0) as usize] {
                let (ident, is_timer) = ((event.u64 >> 1) as c_int, event.u64 & 1 != 0);
                let of_it = state.of(ident).filter(|(_, knote)| knote.timer.is_some() == is_timer);
                let keys: Vec<_> = of_it.map(|(key, _)| *key).collect();
                keys.into_iter().for_each(|key| state.queue(key));
            }
            if count < found.len() as c_int {
                return;
            }
        }
    }

    /// The events of the queued filters. A level-triggered filter stays queued, and keeps the kqueue's descriptor readable.
    fn scan(&self, kq: c_int, most: usize) -> Vec<kevent> {
        let mut state = self.state();
        let mut found = Vec::new();
        for _ in 0..state.queued.len() {
            if found.len() == most {
                break;
            }
            let Some(key) = state.queued.pop_front() else { break };
            state.forget_closed(key.0);
            let Some(knote) = state.knotes.get_mut(&key).filter(|knote| knote.is_queued) else { continue };
            knote.is_queued = false;
            let Some(event) = check(key, knote) else { continue };
            found.push(event);
            if knote.flags & EV_ONESHOT != 0 {
                let _ = state.delete(kq, key);
            } else if knote.flags & EV_CLEAR == 0 {
                state.queue(key);
            }
        }
        state.queued.iter().for_each(|key| state.rearm(kq, key.0));
        found
    }
}

impl State {
    /// The filters of a descriptor or timer.
    fn of(&self, ident: c_int) -> impl Iterator<Item = (&Key, &Knote)> {
        self.knotes.range((ident, i16::MIN)..=(ident, i16::MAX))
    }

    fn queue(&mut self, key: Key) {
        if let Some(knote) = self.knotes.get_mut(&key).filter(|knote| !knote.is_queued) {
            knote.is_queued = true;
            self.queued.push_back(key);
        }
    }

    /// The epoll events that the filters of a descriptor need.
    fn interest(&self, fd: c_int) -> c_int {
        self.of(fd)
            .filter(|(_, knote)| knote.timer.is_none())
            .fold(0, |all, ((_, filter), _)| all | i32::from(bits(*filter)))
    }

    fn watch(&mut self, kq: c_int, (fd, filter): Key) -> Result<(), c_int> {
        let behind = identity(fd).ok_or(EBADF)?;
        let is_new = !self.watched.contains_key(&fd);
        let action = if is_new { libc::EPOLL_CTL_ADD } else { libc::EPOLL_CTL_MOD };
        epoll(kq, action, fd, self.interest(fd) | i32::from(bits(filter)), (fd as u64) << 1)?;
        self.watched.insert(fd, behind);
        Ok(())
    }

    fn delete(&mut self, kq: c_int, key: Key) -> Option<()> {
        let knote = self.knotes.remove(&key)?;
        self.queued.retain(|other| *other != key);
        if let Some(timer) = knote.timer {
            // SAFETY: it was opened for this alone.
            unsafe { libc::close(timer) };
        } else if self.interest(key.0) == 0 {
            self.watched.remove(&key.0);
            let _ = epoll(kq, libc::EPOLL_CTL_DEL, key.0, 0, 0);
        } else {
            self.rearm(kq, key.0);
        }
        Some(())
    }

    /// "Calling close() on a file descriptor will remove any kevents that reference the descriptor."
    fn forget_closed(&mut self, fd: c_int) {
        if self.watched.get(&fd).is_some_and(|behind| identity(fd) != Some(*behind)) {
            self.watched.remove(&fd);
            self.knotes.retain(|(ident, _), knote| *ident != fd || knote.timer.is_some());
            let knotes = &self.knotes;
            self.queued.retain(|key| knotes.contains_key(key));
        }
    }

    /// Makes epoll report once more what is ready.
    fn rearm(&self, kq: c_int, fd: c_int) {
        let interest = self.interest(fd);
        if interest != 0 {
            let _ = epoll(kq, libc::EPOLL_CTL_MOD, fd, interest, (fd as u64) << 1);
        }
    }
}

/// The poll(2) events that a filter needs.
fn bits(filter: i16) -> i16 {
    match filter {
        EVFILT_READ => POLLIN | POLLRDHUP,
        EVFILT_WRITE => POLLOUT,
        EVFILT_EXCEPT => POLLPRI,
        _ => 0,
    }
}

fn epoll(kq: c_int, action: c_int, fd: c_int, interest: c_int, tag: u64) -> Result<(), c_int> {
    let mut event = epoll_event { events: (interest | libc::EPOLLET) as u32, u64: tag };
    // SAFETY: the event outlives the call.
    match unsafe { libc::epoll_ctl(kq, action, fd, &raw mut event) } {
        // SAFETY: errno is the thread's own.
        -1 => Err(unsafe { *libc::__errno_location() }),
        _ => Ok(()),
    }
}

fn start_timer(kq: c_int, ident: c_int, milliseconds: i64) -> c_int {
    let none = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let first =
        libc::timespec { tv_sec: milliseconds / 1_000, tv_nsec: (milliseconds % 1_000).max(1) * 1_000_000 };
    // SAFETY: the time outlives the calls, which are about a descriptor of the model's own.
    unsafe {
        let timer = libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC | libc::TFD_NONBLOCK);
        libc::timerfd_settime(
            timer,
            0,
            &libc::itimerspec { it_interval: none, it_value: first },
            std::ptr::null_mut(),
        );
        let _ = epoll(kq, libc::EPOLL_CTL_ADD, timer, libc::EPOLLIN, (ident as u64) << 1 | 1);
        timer
    }
}

/// The event of a filter, if its condition holds now.
fn check((fd, filter): Key, knote: &Knote) -> Option<kevent> {
    let asked = if knote.timer.is_some() { POLLIN } else { bits(filter) };
    let mut entry = pollfd { fd: knote.timer.unwrap_or(fd), events: asked, revents: 0 };
    // SAFETY: the entry outlives the call.
    unsafe { libc::poll(&raw mut entry, 1, 0) };
    let has = |bits| entry.revents & bits != 0;
    let is_over = match filter {
        EVFILT_WRITE => has(POLLHUP | POLLERR),
        EVFILT_TIMER => false,
        _ => has(POLLHUP | POLLERR | POLLRDHUP),
    };
    let is_so = has(asked & !POLLRDHUP);
    if !is_so && !is_over {
        return None;
    }
    // With EV_EOF, fflags is the socket's error; for EVFILT_EXCEPT, the conditions that hold.
    let fflags = match filter {
        EVFILT_EXCEPT if is_so => NOTE_OOB,
        EVFILT_READ | EVFILT_WRITE if has(POLLERR) => libc::ECONNRESET as u32,
        _ => 0,
    };
    let flags = knote.flags | if is_over { EV_EOF } else { 0 };
    let udata = std::ptr::with_exposed_provenance_mut(knote.mark);
    debug_assert!(filter != EVFILT_EXCEPT || knote.detail & NOTE_OOB != 0);
    Some(kevent { ident: fd as usize, filter, flags, fflags, data: 1, udata })
}
