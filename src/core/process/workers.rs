//! The library's own threads: they do what may take as long as it likes, so that the caller can wait for it with a
//! deadline. Work that nobody waits for any more may hold a thread for minutes, but never one that others need. Not here:
//! what they do (`resolve`, `connect`).

use crate::core::error::{Error, Result};
use crate::core::lock::{Guard, Mutex, Rank};
use crate::core::memory;
use crate::core::process::{panics, section};
use crate::sys;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar};
use std::time::Duration;

/// No thread is to be had: a limit of the system's, or a sandbox. The system calls that `EAGAIN`, which would mean that
/// the call would have to wait.
pub const NO_THREAD: Error = Error::ENOMEM;

/// So many threads of a lane may do what somebody waits for; further work waits its turn.
const MOST_AWAITED: usize = 256;
/// So many threads a lane has at the most, with those whose work nobody waits for.
const MOST_THREADS: usize = 512;
/// A thread without work ends after this.
const IDLE: Duration = Duration::from_secs(10);
/// The standard library's usual size, whatever `RUST_MIN_STACK` says: that is for the program's threads.
const STACK: usize = 2 << 20;

/// Which threads do a piece of work. That of one lane never waits for the other's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// What the machine knows by itself.
    Local,
    /// What others must be asked for.
    Network,
}

/// A piece of work.
pub type Work = Box<dyn FnOnce() + Send>;

/// How far a piece of work is. Changed under the lock alone.
#[derive(Debug)]
struct Progress(AtomicU8);

const QUEUED: u8 = 0;
const RUNNING: u8 = 1;
const OVER: u8 = 2;
const GIVEN_UP: u8 = 3;

impl Progress {
    /// Moves it on; where it stood.
    fn advance(&self, to: u8) -> u8 {
        self.0.swap(to, Ordering::Relaxed)
    }
}

struct Task {
    work: Work,
    progress: Arc<Progress>,
}

/// The threads of a lane, and the work that waits for one.
struct Crew {
    tasks: VecDeque<Task>,
    threads: usize,
    idle: usize,
    /// Threads whose work nobody waits for any more.
    given_up: usize,
}

impl Crew {
    const EMPTY: Self = Self { tasks: VecDeque::new(), threads: 0, idle: 0, given_up: 0 };

    /// Has one more thread come if the work needs it; whether any thread will do the work sooner or later.
    fn staff(&mut self, lane: Lane) -> bool {
        let awaited = self.threads - self.given_up;
        let wanted = self.idle < self.tasks.len() && awaited < MOST_AWAITED && self.threads < MOST_THREADS;
        if wanted && spawn(move || serve(lane)).is_ok() {
            self.threads += 1;
        }
        self.threads > self.given_up
    }
}

/// All lanes, under one lock.
pub struct Workers([Crew; 2]);

static WORKERS: Mutex<Workers> = Mutex::new(Rank::Workers, Workers([Crew::EMPTY, Crew::EMPTY]));
static COME: [Condvar; 2] = [Condvar::new(), Condvar::new()];

/// The lock, for `fork`.
pub fn lock() -> Guard<'static, Workers> {
    WORKERS.lock()
}

impl Workers {
    /// In a forked child: the threads stayed behind, and so did those who wait for them.
    pub fn forget(&mut self) {
        for crew in &mut self.0 {
            // Work holds references whose owners are gone; leaking them is the only safe way to drop them.
            std::mem::forget(std::mem::replace(crew, Crew::EMPTY));
        }
    }
}

/// Somebody waits for a piece of work. Dropped before it is over, it says that nobody does any more.
#[derive(Debug)]
pub struct Awaited {
    lane: Lane,
    progress: Arc<Progress>,
    epoch: u32,
}

impl Drop for Awaited {
    fn drop(&mut self) {
        // In a forked child: the thread has stayed behind.
        if self.epoch != section::epoch() {
            return;
        }
        let crew = &mut lock().0[self.lane as usize];
        if self.progress.advance(GIVEN_UP) == RUNNING {
            crew.given_up += 1;
            // What waited for this thread gets another, if it can.
            crew.staff(self.lane);
        }
    }
}

/// Hands work to a thread. Keep what it returns as long as anybody waits for it: work that is given up before it has
/// begun is not done.
pub fn run(lane: Lane, work: Work) -> Result<Awaited> {
    let progress = Arc::new(Progress(AtomicU8::new(QUEUED)));
    let mut workers = lock();
    let crew = &mut workers.0[lane as usize];
    crew.tasks.try_reserve(1).map_err(|_| Error::ENOMEM)?;
    crew.tasks.push_back(Task { work, progress: Arc::clone(&progress) });
    if !crew.staff(lane) {
        crew.tasks.pop_back();
        return Err(NO_THREAD);
    }
    drop(workers);
    COME[lane as usize].notify_one();
    Ok(Awaited { lane, progress, epoch: section::epoch() })
}

/// Hands work to a thread of its own, which nobody else needs.
pub fn run_apart(work: Work) -> Result<()> {
    spawn(work)
}

fn spawn(body: impl FnOnce() + Send + 'static) -> Result<()> {
    memory::check()?;
    let quiet = move || {
        panics::keep_quiet();
        body();
    };
    sys::start_thread(STACK, Box::new(quiet)).map_err(|_| NO_THREAD)
}

fn serve(lane: Lane) {
    while let Some(Task { work, progress }) = next(lane) {
        // A panic must not take the thread's place in the count with it.
        let _ = catch_unwind(AssertUnwindSafe(work));
        let crew = &mut lock().0[lane as usize];
        if progress.advance(OVER) == GIVEN_UP {
            crew.given_up -= 1;
        }
    }
}

/// The next work that somebody waits for; none if there was none for long.
fn next(lane: Lane) -> Option<Task> {
    let mut workers = lock();
    workers.0[lane as usize].idle += 1;
    let is_empty = |workers: &mut Workers| {
        let tasks = &mut workers.0[lane as usize].tasks;
        while tasks.front().is_some_and(|task| task.progress.0.load(Ordering::Relaxed) == GIVEN_UP) {
            tasks.pop_front();
        }
        tasks.is_empty()
    };
    workers = workers.wait_timeout_while(&COME[lane as usize], IDLE, is_empty);
    let crew = &mut workers.0[lane as usize];
    crew.idle -= 1;
    let task = crew.tasks.pop_front();
    match &task {
        Some(task) => drop(task.progress.advance(RUNNING)),
        None => crew.threads -= 1,
    }
    task
}
