//! How a queue waits for what is ready: through the system's scalable readiness, or through poll(2), which is everywhere.
//! Not here: what is done with what is ready.

use crate::core::error::{Error, Result};
use crate::core::lock::{Guard, Mutex, Rank};
use crate::core::memory;
use crate::core::poller::wakeup::Wakeup;
use crate::core::socket::close::wait_until;
use crate::sys::OUT_OF_MEMORY;
use crate::sys::{self, Events, Fd, PollFd, Reports, Timeout, Waker};
use std::sync::atomic::{AtomicBool, Ordering};

/// The engines by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// epoll, and transfers by io_uring.
    Ring,
    /// epoll, kqueue or AFD, whatever the system has.
    Scalable,
    Poll,
}

impl Kind {
    /// Of a text that a program may write on any system.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            // Found by trying it.
            "io_uring" => sys::Ring::new().map(|_| Self::Ring).map_err(|_| Error::EOPNOTSUPP),
            "poll" if sys::HAS_POLL_ENGINE => Ok(Self::Poll),
            name if name == sys::SELECTOR_NAME => Ok(Self::Scalable),
            "epoll" | "kqueue" | "afd" | "poll" => Err(Error::EOPNOTSUPP),
            _ => Err(Error::EINVAL),
        }
    }

    /// The number of one that is wanted; 0 is the best that there is.
    pub const fn code(self) -> u8 {
        match self {
            Self::Scalable => 1,
            Self::Poll => 2,
            Self::Ring => 3,
        }
    }

    /// The one that a number asks for.
    pub const fn of_code(code: u8) -> Self {
        match code {
            1 => Self::Scalable,
            2 => Self::Poll,
            _ => Self::Ring,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Ring => "io_uring",
            Self::Scalable => sys::SELECTOR_NAME,
            Self::Poll => "poll",
        }
    }
}

/// What a wait has found: tag and readiness. Kept from one to the next.
pub struct Found {
    kernel: Reports,
    pub list: Vec<(u64, Events)>,
}

impl std::fmt::Debug for Found {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.list.fmt(formatter)
    }
}

impl Found {
    pub const fn new() -> Self {
        Self { kernel: Reports::EMPTY, list: Vec::new() }
    }
}

#[derive(Debug)]
pub struct Engine {
    readiness: Readiness,
    ring: Option<sys::Ring>,
    /// The ring was refused by a sandbox that was entered after it was made.
    is_refused: AtomicBool,
}

/// How it learns what is ready.
#[derive(Debug)]
enum Readiness {
    Scalable(sys::Selector),
    Poll(Poll),
}

impl Engine {
    /// Makes one. Where a ring is not to be had, transfers go by themselves.
    pub fn new(kind: Kind) -> Result<Self> {
        let readiness = match kind {
            Kind::Ring | Kind::Scalable => Readiness::Scalable(sys::Selector::new()?),
            Kind::Poll => Readiness::Poll(Poll::new()?),
        };
        let ring = if kind == Kind::Ring { sys::Ring::new().ok() } else { None };
        Ok(Self { readiness, ring, is_refused: AtomicBool::new(false) })
    }

    /// What carries out many transfers at once, if anything does.
    #[inline]
    pub fn ring(&self) -> Option<&sys::Ring> {
        self.ring.as_ref().filter(|_| !self.is_refused.load(Ordering::Relaxed))
    }

    /// Carries transfers out. Those that have no outcome afterwards go by themselves.
    pub fn carry_out(&self, calls: &mut [sys::Call]) {
        if self.ring().is_some_and(|ring| ring.carry_out(calls).is_err()) {
            self.is_refused.store(true, Ordering::Relaxed);
        }
    }

    pub fn kind(&self) -> Kind {
        match self.readiness {
            Readiness::Scalable(_) if self.ring().is_some() => Kind::Ring,
            Readiness::Scalable(_) => Kind::Scalable,
            Readiness::Poll(_) => Kind::Poll,
        }
    }

    /// Watches a descriptor for other events than before; for none, not at all. Level-triggered.
    pub fn watch(&self, fd: Fd, tag: u64, before: Events, events: Events) -> Result<()> {
        match &self.readiness {
            Readiness::Scalable(queue) => match (before.is_empty(), events.is_empty()) {
                (_, true) => queue.remove(fd),
                (true, false) => queue.add(fd, events, tag)?,
                (false, false) => queue.modify(fd, events, tag)?,
            },
            Readiness::Poll(poll) => poll.watch(fd, tag, events)?,
        }
        Ok(())
    }

    /// From now on it is woken by this.
    pub fn connect(&self, wakeup: &Wakeup) {
        match &self.readiness {
            Readiness::Scalable(queue) => wakeup.connect(queue),
            Readiness::Poll(poll) => wakeup.connect_waker(&poll.waker),
        }
    }

    /// Ends the wait of one thread, or the next.
    pub fn wake(&self) {
        match &self.readiness {
            Readiness::Scalable(queue) => queue.wake(),
            Readiness::Poll(poll) => {
                poll.waker.wake();
            }
        }
    }

    /// Waits until something is ready or somebody wakes; whether it was woken.
    #[inline]
    pub fn wait(&self, found: &mut Found, capacity: usize, timeout: Timeout) -> sys::Result<bool> {
        found.list.clear();
        match &self.readiness {
            Readiness::Scalable(queue) => {
                // First: what the kernel has reported may not come again.
                let capacity = sys::grow_up_to(&mut found.list, capacity)?;
                let woken = queue.wait(&mut found.kernel, capacity, timeout)?;
                found.list.extend(found.kernel.iter());
                Ok(woken)
            }
            Readiness::Poll(poll) => poll.wait(&mut found.list, timeout),
        }
    }

    /// A descriptor that is readable when a wait would not wait.
    pub fn fd(&self) -> Result<Fd> {
        match &self.readiness {
            Readiness::Scalable(queue) => Ok(queue.fd()?),
            Readiness::Poll(_) => Err(Error::EOPNOTSUPP),
        }
    }

    /// Has that descriptor become readable after some time as well; `None` is never.
    pub fn set_alarm(&self, time: Timeout) {
        if let Readiness::Scalable(queue) = &self.readiness {
            // Without one (out of descriptors) the program learns of a deadline when it runs the queue next.
            let _ = queue.set_alarm(time);
        }
    }

    /// Gives the descriptors up before their time.
    pub fn close(&self) {
        if let Some(ring) = &self.ring {
            ring.close();
        }
        match &self.readiness {
            Readiness::Scalable(queue) => queue.close(),
            Readiness::Poll(poll) => poll.waker.abandon(),
        }
    }
}

/// An empty list with room for so many.
fn room<T>(count: usize) -> sys::Result<Vec<T>> {
    memory::room(count).map_err(|_| OUT_OF_MEMORY)
}

/// poll(2) over a list.
#[derive(Debug)]
pub struct Poll {
    waker: Waker,
    lists: Mutex<Lists>,
}

#[derive(Default, Debug)]
struct Lists {
    watched: Vec<(Fd, u64, Events)>,
    /// Counts the changes.
    version: u64,
    /// The version that each wait which is under way looks at.
    waits: Vec<u64>,
}

impl Poll {
    fn new() -> Result<Self> {
        Ok(Self { waker: Waker::new()?, lists: Mutex::new(Rank::Polled, Lists::default()) })
    }

    fn lists(&self) -> Guard<'_, Lists> {
        self.lists.lock()
    }

    fn watch(&self, fd: Fd, tag: u64, events: Events) -> Result<()> {
        let mut lists = self.lists();
        lists.version += 1;
        match lists.watched.iter().position(|(_, other, _)| *other == tag) {
            Some(place) if events.is_empty() => drop(lists.watched.swap_remove(place)),
            Some(place) => lists.watched[place] = (fd, tag, events),
            None if events.is_empty() => {}
            None => {
                memory::grow(&mut lists.watched, 1)?;
                lists.watched.push((fd, tag, events));
            }
        }
        if lists.waits.is_empty() {
            return Ok(());
        }
        let version = lists.version;
        drop(lists);
        self.waker.wake();
        if events.is_empty() {
            // As long as a poll looks at a descriptor, the kernel holds it open, whoever closes it.
            wait_until(|| {
                let is_old = self.lists().waits.iter().any(|wait| *wait < version);
                if is_old {
                    self.waker.wake();
                }
                !is_old
            });
        }
        Ok(())
    }

    fn wait(&self, found: &mut Vec<(u64, Events)>, timeout: Timeout) -> sys::Result<bool> {
        let mut lists = self.lists();
        let count = lists.watched.len();
        let (mut entries, mut tags) = (room(count + 1)?, room(count)?);
        sys::grow(found, count)?;
        entries.extend(lists.watched.iter().map(|(fd, _, events)| PollFd::new(*fd, *events)));
        tags.extend(lists.watched.iter().map(|(_, tag, _)| *tag));
        entries.push(self.waker.entry());
        let version = lists.version;
        lists.waits.push(version);
        drop(lists);
        let outcome = sys::poll(&mut entries, timeout);
        let mut lists = self.lists();
        if let Some(place) = lists.waits.iter().position(|wait| *wait == version) {
            lists.waits.swap_remove(place);
        }
        drop(lists);
        outcome?;
        found.extend(tags.iter().zip(&entries).map(|(tag, entry)| (*tag, entry.ready())));
        found.retain(|(_, events)| !events.is_empty());
        let woken = entries.last().is_some_and(|entry| !entry.ready().is_empty());
        Ok(woken && self.waker.drain() > 0)
    }
}
