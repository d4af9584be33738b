//! The library's own threads, a pool for each lane: they run what may block without a limit, so that the caller can wait for it
//! with a deadline. Work that its caller has given up may hold a thread for minutes; such threads do not count against the
//! pool's limit. Not here: the work (`resolve`, `connect`).

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

/// No thread can be started, by a limit of the system or in a sandbox. The system's error is `EAGAIN`, which in this library means
/// that a call would have to wait.
pub const NO_THREAD: Error = Error::ENOMEM;

/// How many threads of a pool may run work that somebody waits for; further work is queued.
const MAX_AWAITED: usize = 256;
/// How many threads a pool may have in all, including those whose work was given up.
const MAX_THREADS: usize = 512;
/// A thread ends after this time without work.
const IDLE: Duration = Duration::from_secs(10);
/// The standard library's default stack size in bytes. `RUST_MIN_STACK` is ignored, as it is meant for the program's threads.
const STACK: usize = 2 << 20;

/// Which pool runs a piece of work. Work of one lane never waits for that of the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// What the machine can answer by itself.
    Local,
    /// What may need the network.
    Network,
}

/// A piece of work.
pub type Work = Box<dyn FnOnce() + Send>;

/// The state of a piece of work. Changed only under the lock.
#[derive(Debug)]
struct Progress(AtomicU8);

const QUEUED: u8 = 0;
const RUNNING: u8 = 1;
const OVER: u8 = 2;
const GIVEN_UP: u8 = 3;

impl Progress {
    /// Changes it; the state before.
    fn advance(&self, to: u8) -> u8 {
        self.0.swap(to, Ordering::Relaxed)
    }
}

struct Task {
    work: Work,
    progress: Arc<Progress>,
}

/// The threads of a lane, and the queue of work for them.
struct Pool {
    tasks: VecDeque<Task>,
    threads: usize,
    idle: usize,
    /// Threads whose work was given up.
    given_up: usize,
}

impl Pool {
    const EMPTY: Self = Self { tasks: VecDeque::new(), threads: 0, idle: 0, given_up: 0 };

    /// Starts one more thread if the queue needs it; whether any thread will run the queued work.
    fn ensure_thread(&mut self, lane: Lane) -> bool {
        let awaited = self.threads - self.given_up;
        let wanted = self.idle < self.tasks.len() && awaited < MAX_AWAITED && self.threads < MAX_THREADS;
        if wanted && spawn(move || serve(lane)).is_ok() {
            self.threads += 1;
        }
        self.threads > self.given_up
    }
}

/// The pools of all lanes, under one lock.
pub struct Workers([Pool; 2]);

static WORKERS: Mutex<Workers> = Mutex::new(Rank::Workers, Workers([Pool::EMPTY, Pool::EMPTY]));
static WORK_ARRIVED: [Condvar; 2] = [Condvar::new(), Condvar::new()];

/// Takes the lock, for `fork`.
pub fn lock() -> Guard<'static, Workers> {
    WORKERS.lock()
}

impl Workers {
    /// In a forked child: it has neither the threads nor those who wait for them.
    pub fn forget(&mut self) {
        for pool in &mut self.0 {
            // Leaked, not dropped: work holds references that threads of the parent may be in the middle of changing.
            std::mem::forget(std::mem::replace(pool, Pool::EMPTY));
        }
    }
}

/// A token of the caller who waits for a piece of work. Dropping it before the work is over gives the work up.
#[derive(Debug)]
pub struct Awaited {
    lane: Lane,
    progress: Arc<Progress>,
    epoch: u32,
}

impl Drop for Awaited {
    fn drop(&mut self) {
        // In a forked child, which does not have the thread.
        if self.epoch != section::epoch() {
            return;
        }
        let pool = &mut lock().0[self.lane as usize];
        if self.progress.advance(GIVEN_UP) == RUNNING {
            pool.given_up += 1;
            // Queued work that would have waited for this thread gets another.
            pool.ensure_thread(self.lane);
        }
    }
}

/// Queues work for a thread of the lane's pool. Keep the token as long as anybody waits for the work: work that is given up before
/// it has begun is not run. [`NO_THREAD`] if there is no thread and none can be started. Does not block.
pub fn run(lane: Lane, work: Work) -> Result<Awaited> {
    let progress = Arc::new(Progress(AtomicU8::new(QUEUED)));
    let mut workers = lock();
    let pool = &mut workers.0[lane as usize];
    pool.tasks.try_reserve(1).map_err(|_| Error::ENOMEM)?;
    pool.tasks.push_back(Task { work, progress: Arc::clone(&progress) });
    if !pool.ensure_thread(lane) {
        pool.tasks.pop_back();
        return Err(NO_THREAD);
    }
    drop(workers);
    WORK_ARRIVED[lane as usize].notify_one();
    Ok(Awaited { lane, progress, epoch: section::epoch() })
}

/// Runs work on a new thread outside of the pools. [`NO_THREAD`] if none can be started. Does not block.
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
        // A panic must not end the thread, which the pool counts.
        let _ = catch_unwind(AssertUnwindSafe(work));
        let pool = &mut lock().0[lane as usize];
        if progress.advance(OVER) == GIVEN_UP {
            pool.given_up -= 1;
        }
    }
}

/// Waits for the next work that was not given up; `None` after [`IDLE`] without any.
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
    workers = workers.wait_timeout_while(&WORK_ARRIVED[lane as usize], IDLE, is_empty);
    let pool = &mut workers.0[lane as usize];
    pool.idle -= 1;
    let task = pool.tasks.pop_front();
    match &task {
        Some(task) => drop(task.progress.advance(RUNNING)),
        None => pool.threads -= 1,
    }
    task
}
