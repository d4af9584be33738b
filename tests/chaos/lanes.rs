//! Queues: one thread at a time reads what comes, all others wake it, close what it reads from and close the queue itself. Not here: what
//! each operation does (`tests/contract/queue`).

use crate::pairs::{Side, bytes, check_bytes, new_source};
use crate::support::*;
use crate::world::{World, count};
use binding::{Batch, Completion, Queue, Socket};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LINES: usize = 12;
const GLANCES: usize = 16;
const ENGINES: [&str; 3] = ["io_uring", "epoll", "poll"];
const LARGEST: usize = 20_000;
/// The token of an operation whose outcome is its handle's.
const NONE: i64 = 0;

/// A connection both of whose ends are in the queue's hands: written at one, read at the other.
struct Line {
    writer: Socket,
    reader: Socket,
    source: u64,
    /// Somebody else has closed one of its ends.
    is_broken: AtomicBool,
}

/// What the thread knows that has the queue.
#[derive(Default)]
struct Known {
    lines: HashMap<i64, Progress>,
    /// By tokens below zero.
    glances: HashMap<i64, Glance>,
    last: i64,
}

/// A socket of others whose readiness the queue is to tell.
struct Glance {
    side: Side,
    is_cancelled: bool,
}

struct Progress {
    line: Arc<Line>,
    written: u64,
    read: u64,
    /// Its writer closes when all is written.
    closes: bool,
}

/// A queue, and those who use it.
pub struct Lane {
    known: Mutex<Known>,
    queue: Mutex<Shared>,
    /// What others find to break.
    seen: Mutex<Vec<Arc<Line>>>,
}

#[derive(Clone)]
struct Shared {
    queue: Queue,
    is_closed: Arc<AtomicBool>,
}

impl Shared {
    /// One after the other waits by each engine that there is.
    fn open() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let queue = Queue::with_buffers(16, 1_000).unwrap();
        let engine = ENGINES[NEXT.fetch_add(1, Ordering::Relaxed) % ENGINES.len()];
        let chosen = set_text(queue.number(), "queue.engine", engine);
        assert!(chosen == 0 || chosen == ANYSOCK_EOPNOTSUPP, "{engine}: {}", name(chosen));
        Self { queue, is_closed: Arc::default() }
    }

    fn close(&self) {
        if !self.is_closed.swap(true, Ordering::SeqCst) {
            expect(anysock_close(self.queue.number()));
        }
    }
}

impl Lane {
    pub fn open() -> Self {
        Self { known: Mutex::default(), queue: Mutex::new(Shared::open()), seen: Mutex::default() }
    }

    pub fn close(&self) {
        self.queue.lock().unwrap().close();
    }

    /// Hands over some operations, and checks what has happened. If another thread does that, wakes it.
    pub fn run(&self, world: &World, random: &mut Random) {
        let shared = self.queue.lock().unwrap().clone();
        let Ok(mut known) = self.known.try_lock() else {
            let woken = shared.queue.wake();
            return assert!(woken.is_ok() || shared.is_closed.load(Ordering::SeqCst), "{woken:?}");
        };
        let mut batch = Batch::new();
        known.add_line(&mut batch, random, self);
        let data: Vec<_> = (0..random.below(4)).filter_map(|_| known.next_bytes(random)).collect();
        for (token, data) in &data {
            batch.write(&known.lines[token].line.writer, data, NONE);
        }
        known.end_line(&mut batch, random);
        known.glance(&mut batch, world, random);
        known.look_away(&mut batch, random);
        let mut events = Vec::new();
        let run = shared.queue.run(
            &mut batch,
            &mut events,
            Some(Duration::from_micros(random.below(3_000) as u64)),
        );
        if run.is_err() {
            assert!(shared.is_closed.load(Ordering::SeqCst), "{run:?}");
            *self.queue.lock().unwrap() = Shared::open();
            *known = Known::default();
            return self.seen.lock().unwrap().clear();
        }
        count(&world.done.completions, events.len());
        for event in events {
            known.check(world, &event, &shared);
        }
        let lines = known.lines.values().map(|progress| Arc::clone(&progress.line)).collect();
        *self.seen.lock().unwrap() = lines;
    }

    /// Closes an end of a line, or the queue itself.
    pub fn disturb(&self, random: &mut Random) {
        if random.below(20) == 0 {
            return self.close();
        }
        let seen = self.seen.lock().unwrap();
        if seen.is_empty() {
            return;
        }
        let line = Arc::clone(&seen[random.below(seen.len())]);
        drop(seen);
        line.is_broken.store(true, Ordering::SeqCst);
        // Another may have closed it before.
        let _ = if random.below(2) == 0 { line.writer.close() } else { line.reader.close() };
    }
}

impl Known {
    fn add_line(&mut self, batch: &mut Batch<'_>, random: &mut Random, _lane: &Lane) {
        if self.lines.len() >= LINES {
            return;
        }
        let (writer, reader) = binding::pair(["unix", "tcp4"][random.below(2)]).unwrap();
        let line = Line { writer, reader, source: new_source(), is_broken: AtomicBool::new(false) };
        self.last += 1;
        batch.read(&line.reader, self.last, true);
        self.lines.insert(self.last, Progress { line: Arc::new(line), written: 0, read: 0, closes: false });
    }

    /// The next bytes of some line, which are then written.
    fn next_bytes(&mut self, random: &mut Random) -> Option<(i64, Vec<u8>)> {
        let open: Vec<_> =
            self.lines.iter().filter(|(_, line)| !line.closes).map(|(token, _)| *token).collect();
        let token = *open.get(random.below(open.len().max(1)))?;
        let progress = self.lines.get_mut(&token)?;
        let data = bytes(progress.line.source, progress.written, 1 + random.below(LARGEST));
        progress.written += data.len() as u64;
        Some((token, data))
    }

    /// Now and then, a line is closed behind what is written to it.
    fn end_line(&mut self, batch: &mut Batch<'_>, random: &mut Random) {
        if random.below(3) > 0 {
            return;
        }
        let Some(progress) = self.lines.values_mut().find(|progress| !progress.closes) else { return };
        progress.closes = true;
        batch.close(&progress.line.writer, NONE);
    }

    /// Others read, write and close what is glanced at.
    fn glance(&mut self, batch: &mut Batch<'_>, world: &World, random: &mut Random) {
        if self.glances.len() >= GLANCES {
            return;
        }
        let side = world.some_side(random);
        self.last += 1;
        let events = [ANYSOCK_EVENT_READ, ANYSOCK_EVENT_READ | ANYSOCK_EVENT_WRITE][random.below(2)];
        let token = -self.last;
        let flags = [0, ANYSOCK_QUEUE_MULTI][random.below(2)];
        // SAFETY: it points at nothing.
        unsafe {
            batch.add(anysock_op {
                op: ANYSOCK_OP_POLL,
                handle: side.own().handle,
                token,
                flags,
                value: events.into(),
                data: 0,
                length: 0,
                buffer: 0,
            });
        }
        self.glances.insert(token, Glance { side, is_cancelled: false });
    }

    fn look_away(&mut self, batch: &mut Batch<'_>, random: &mut Random) {
        let count = self.glances.len();
        if let Some((token, glance)) = self.glances.iter_mut().nth(random.below(2 * count + 1)) {
            glance.is_cancelled = true;
            batch.cancel(*token, NONE);
        }
    }

    fn check_glance(&mut self, event: &Completion) {
        let glance = self.glances.get(&event.token).expect("no event comes behind the last");
        match &event.result {
            Ok(ready) => assert!(*ready > 0, "{event:?}"),
            Err(_) => assert!(glance.is_cancelled || glance.side.pair.is_ending(), "{event:?}"),
        }
        if !event.more {
            self.glances.remove(&event.token);
        }
    }

    fn check(&mut self, world: &World, event: &Completion, shared: &Shared) {
        if event.token < NONE {
            return self.check_glance(event);
        }
        let Some(progress) = self.lines.get_mut(&event.token) else {
            return assert_eq!(event.token, NONE, "{event:?}");
        };
        let line = &progress.line;
        let data = event.bytes().to_vec();
        // The memory of a queue that is closed may be a later one's by now.
        if !shared.is_closed.load(Ordering::SeqCst) {
            check_bytes(line.source, progress.read, &data);
        }
        progress.read += data.len() as u64;
        count(&world.done.bytes, data.len());
        if event.more {
            return;
        }
        let is_broken = line.is_broken.load(Ordering::SeqCst);
        assert!(is_broken || event.result.is_ok() && progress.closes, "{event:?}");
        assert!(
            is_broken || progress.read == progress.written,
            "{} bytes of {}",
            progress.read,
            progress.written
        );
        self.lines.remove(&event.token);
    }
}
