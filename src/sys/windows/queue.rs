//! Readiness of many sockets on Windows: a list over `poll`, so that a wait costs what is watched. Edges are
//! told by Winsock's own rule for them (WSAAsyncSelect): once, and again only after a call that could have
//! changed them. Not here: what is ready (`select`).

use super::{Fd, OUT_OF_MEMORY, Waker};
use crate::sys::{Events, LONGEST_WAIT, PollFd, Result, Timeout, poll};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

/// A wait costs what is watched.
pub const QUEUE_SCALES: bool = false;

/// The queues there are, for the calls that re-enable their edges.
static QUEUES: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());
/// Whether anyone has ever asked for edges.
static EDGES: AtomicBool = AtomicBool::new(false);

/// A call that could have changed what these events tell has been made on the socket.
pub(super) fn reenable(fd: Fd, events: Events) {
    if !EDGES.load(Ordering::SeqCst) {
        return;
    }
    let queues = QUEUES.lock().unwrap_or_else(PoisonError::into_inner);
    for queue in queues.iter().filter_map(Weak::upgrade) {
        let mut state = queue.lock();
        let Some(watched) = state.watched.get_mut(&fd.0) else { continue };
        if watched.told.any(events) {
            watched.told = watched.told.without(events);
            queue.changed(&mut state);
        }
    }
}

/// One watched socket.
#[derive(Debug)]
struct Watched {
    asked: Events,
    tag: u64,
    /// What was told of an edge or in one shot, and is not told again before it is enabled again.
    told: Events,
}

#[derive(Debug, Default)]
struct State {
    watched: BTreeMap<usize, Watched>,
    /// The last one that was reported: it is the others' turn, so that a small capacity reaches all.
    last: usize,
    /// A wait is polling; others wait until it is done.
    polling: bool,
    /// What is being polled is not what is watched any more.
    stale: bool,
    /// A wake-up that no wait has taken yet.
    woken: bool,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    turn: Condvar,
    waker: Waker,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the wait that is polling look again.
    fn changed(&self, state: &mut State) {
        state.stale = true;
        if state.polling {
            self.waker.wake();
        }
    }
}

/// A list of watched sockets with a waker inside. Every method may be called from any thread.
#[derive(Debug)]
pub struct Queue(Arc<Shared>);

/// Room for what one wait reports; kept by the caller so that a wait allocates little.
pub struct Reports {
    polled: Vec<(usize, u64)>,
    entries: Vec<PollFd>,
    found: Vec<(u64, Events)>,
}

impl Reports {
    /// Room for none yet.
    pub const EMPTY: Self = Self { polled: Vec::new(), entries: Vec::new(), found: Vec::new() };

    /// Forgets the last wait.
    pub fn clear(&mut self) {
        self.found.clear();
    }

    /// What the last wait reported: tag and readiness.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Events)> + '_ {
        self.found.iter().copied()
    }

    /// Lists what is to be polled, beginning after the one that was reported last.
    fn gather(&mut self, state: &mut State, waker: &Waker) -> Result<()> {
        let room = state.watched.len() + 1;
        self.entries.clear();
        self.polled.clear();
        self.entries.try_reserve(room).map_err(|_| OUT_OF_MEMORY)?;
        self.polled.try_reserve(room).map_err(|_| OUT_OF_MEMORY)?;
        state.stale = false;
        let later = state.watched.range(state.last.saturating_add(1)..);
        for (fd, watched) in later.chain(state.watched.range(..=state.last)) {
            let wanted = watched.asked.and(Events::ALL).without(watched.told);
            if !wanted.is_empty() {
                self.polled.push((*fd, watched.tag));
                self.entries.push(PollFd::new(Fd(*fd), wanted));
            }
        }
        self.entries.push(PollFd::new(waker.fd(), Events::READ));
        Ok(())
    }

    /// Notes what is ready and still watched.
    fn collect(&mut self, state: &mut State, capacity: usize) {
        for ((fd, tag), entry) in self.polled.iter().zip(&self.entries) {
            let ready = entry.ready();
            let Some(watched) = state.watched.get_mut(fd).filter(|watched| watched.tag == *tag) else {
                continue;
            };
            if ready.is_empty() || self.found.len() == capacity {
                continue;
            }
            if watched.asked.any(Events::ONESHOT) {
                watched.told = Events::ALL;
            } else if watched.asked.any(Events::EDGE) {
                watched.told = watched.told.or(ready);
            }
            state.last = *fd;
            self.found.push((*tag, ready));
        }
    }
}

impl Queue {
    /// Opens an empty queue.
    pub fn new() -> Result<Self> {
        let shared = Shared { state: Mutex::default(), turn: Condvar::new(), waker: Waker::new()? };
        let shared = Arc::new(shared);
        let mut queues = QUEUES.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|queue| queue.strong_count() > 0);
        queues.push(Arc::downgrade(&shared));
        Ok(Self(shared))
    }

    /// Watches a socket.
    pub fn add(&self, fd: Fd, events: Events, tag: u64) -> Result<()> {
        if events.any(Events::EDGE) {
            EDGES.store(true, Ordering::SeqCst);
        }
        let mut state = self.0.lock();
        state.watched.insert(fd.0, Watched { asked: events, tag, told: Events::NONE });
        self.0.changed(&mut state);
        Ok(())
    }

    /// Watches it for something else.
    pub fn modify(&self, fd: Fd, events: Events, tag: u64) -> Result<()> {
        self.add(fd, events, tag)
    }

    /// Watches it no more.
    pub fn remove(&self, fd: Fd) {
        let mut state = self.0.lock();
        if state.watched.remove(&fd.0).is_some() {
            self.0.changed(&mut state);
        }
    }

    /// Watches nothing any more. There are no descriptors of its own to be given up.
    pub fn close(&self) {
        self.0.lock().watched.clear();
    }

    /// Makes one wait return, now or the next.
    pub fn wake(&self) {
        let mut state = self.0.lock();
        state.woken = true;
        self.0.changed(&mut state);
    }

    /// Waits for at most `capacity` reports; whether this wait took a wake-up.
    pub fn wait(&self, reports: &mut Reports, capacity: usize, timeout: Timeout) -> Result<bool> {
        reports.clear();
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let patience = timeout.unwrap_or(LONGEST_WAIT);
        let state = self.0.lock();
        let (mut state, _) = self
            .0
            .turn
            .wait_timeout_while(state, patience, |state| state.polling)
            .unwrap_or_else(PoisonError::into_inner);
        if state.polling {
            return Ok(false);
        }
        state.polling = true;
        drop(state);
        let outcome = self.poll(reports, capacity, until);
        self.0.lock().polling = false;
        self.0.turn.notify_one();
        outcome
    }

    /// Polls until there is something to report, as the only wait that does.
    fn poll(&self, reports: &mut Reports, capacity: usize, until: Option<Instant>) -> Result<bool> {
        loop {
            let mut state = self.0.lock();
            reports.gather(&mut state, &self.0.waker)?;
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let limit = if state.woken { Some(std::time::Duration::ZERO) } else { left };
            drop(state);
            let outcome = poll(&mut reports.entries, limit);
            let mut state = self.0.lock();
            match outcome {
                Ok(_) => reports.collect(&mut state, capacity),
                // Somebody has closed what is not watched any more.
                Err(_) if state.stale => {}
                Err(error) => return Err(error),
            }
            self.0.waker.drain();
            let woken = std::mem::take(&mut state.woken);
            if woken || !reports.found.is_empty() || left.is_some_and(|left| left.is_zero()) {
                return Ok(woken);
            }
        }
    }
}
