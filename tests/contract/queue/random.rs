//! Batch queues against a model: threads that hand over operations drawn by chance, on connections whose peers read and
//! write by chance, with handles that are closed and children that are forked at any moment. The model knows what every
//! operation was, what came of it, and what the peers have sent and received: each operation has one last event, each
//! stream is what was written, byte for byte, and all buffers are there in the end. What is handed over is taken away
//! right after each call. `ANYSOCK_SEED` repeats a run, `ANYSOCK_OPERATIONS` says for how long.
//!
//! Part of two programs: a brief life among the contract tests, and long ones in `random`, which forks.

#[path = "random_datagrams.rs"]
mod datagrams;

use super::kit::*;
use crate::support::*;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard};

const CONNECTIONS: usize = 6;
const PAIRS: usize = 3;
/// A page each for operations and events, then the bytes of writes.
const EVENTS: usize = 4_096;
const DATA: usize = 8_192;
const LARGEST: usize = 1 << 20;
const QUEUES: usize = 2;
const MORE: i64 = ANYSOCK_QUEUE_MORE;
const MULTI: i64 = ANYSOCK_QUEUE_MULTI;
const QUIET: i64 = ANYSOCK_QUEUE_QUIET;

/// What was handed over, and what came of it.
#[derive(Debug)]
struct Record {
    op: i64,
    is_quiet: bool,
    is_multi: bool,
    /// The bytes of a write.
    sent: Vec<u8>,
    /// The most bytes of a read; 0: what a buffer holds.
    length: usize,
    /// Who sends what it reads, if that is told.
    from: Option<anysock_address>,
    pieces: Vec<Piece>,
    /// Result and value of the last event.
    end: Option<(i64, i64)>,
}

/// What an event of a read has brought, and where in the operation's share of the stream.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Piece {
    place: i64,
    bytes: Vec<u8>,
    is_cut: bool,
}

/// A connection, of which the queues have one end.
struct Connection {
    seed: u64,
    one: Own,
    other: Own,
    /// The operations in the order in which they were handed over.
    writes: Vec<i64>,
    reads: Vec<i64>,
    /// What the peer has sent, and what it has received.
    sent: usize,
    received: Vec<u8>,
    is_over: bool,
}

impl Connection {
    fn new(random: &mut Random) -> Self {
        let kind = ["unix", "tcp"][random.below(2)];
        let (one, other) = narrow(kind);
        match random.below(8) {
            0 => {
                expect(set(*one, "write_timeout", 3_000));
            }
            1 => {
                expect(set(*one, "read_timeout", 3_000));
            }
            2 => {
                expect(set(*one, "timeout", 0));
            }
            _ => {}
        }
        let seed = random.next();
        Self { seed, one, other, writes: vec![], reads: vec![], sent: 0, received: vec![], is_over: false }
    }

    /// What the peer sends at this place.
    fn byte(&self, place: usize) -> u8 {
        ((place as u64).wrapping_mul(0x9E37_79B9).wrapping_add(self.seed) >> 7) as u8
    }

    /// The peer takes what has come; whether there may be more.
    fn receive(&mut self, most: usize) -> bool {
        let mut room = vec![0; most];
        let count = recv(*self.other, &mut room, ANYSOCK_FLAG_DONT_WAIT);
        self.received.extend_from_slice(&room[..count.max(0) as usize]);
        count > 0
    }

    fn send(&mut self, count: usize) {
        let data: Vec<_> = (self.sent..self.sent + count).map(|place| self.byte(place)).collect();
        let count = send(*self.other, &data, ANYSOCK_FLAG_DONT_WAIT);
        self.sent += count.max(0) as usize;
    }
}

struct World {
    queues: Vec<Queue>,
    buffers: usize,
    size: usize,
    tokens: AtomicI64,
    records: [Mutex<HashMap<i64, Record>>; 2],
    connections: Vec<Mutex<Connection>>,
    retired: Mutex<Vec<Connection>>,
    pairs: Vec<Mutex<datagrams::Pair>>,
    retired_pairs: Mutex<Vec<datagrams::Pair>>,
    /// Buffers that came with events and were not given back: queue, buffer, where, how many bytes.
    held: Mutex<Vec<(usize, i64, i64, i64)>>,
    seen: Mutex<HashSet<i64>>,
    /// With one thread the order of events is known.
    is_alone: bool,
    forks: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("another thread has failed")
}

/// What one thread hands over, and takes.
struct Hand<'a> {
    world: &'a World,
    random: Random,
    pages: Pages,
    ops: Vec<anysock_op>,
    data: usize,
    /// Of each queue and handle the write that ended well last.
    last_written: HashMap<(usize, i64), i64>,
}

impl<'a> Hand<'a> {
    fn new(world: &'a World, seed: u64) -> Self {
        let random = Random(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) | 1);
        let pages = Pages::new(DATA + LARGEST + (LARGEST >> 1));
        Self { world, random, pages, ops: vec![], data: 0, last_written: HashMap::new() }
    }

    fn note(&mut self, queue: usize, op: anysock_op, sent: Vec<u8>) -> i64 {
        let token = self.world.tokens.fetch_add(1, Ordering::SeqCst);
        let record = Record {
            op: op.op,
            is_quiet: op.flags & QUIET != 0,
            is_multi: op.flags & MULTI != 0,
            sent,
            length: op.length as usize,
            from: None,
            pieces: vec![],
            end: None,
        };
        assert!(lock(&self.world.records[queue]).insert(token, record).is_none());
        self.ops.push(anysock_op { token, ..op });
        token
    }

    /// Puts bytes where they will be taken away after the call.
    fn place(&mut self, bytes: &[u8]) -> Option<i64> {
        self.data = self.data.next_multiple_of(8);
        if DATA + self.data + bytes.len() > DATA + LARGEST + (LARGEST >> 1) {
            return None;
        }
        // SAFETY: there are pages for it.
        let place = unsafe { self.pages.first.add(DATA + self.data) };
        // SAFETY: as above, and they may be written to just now.
        unsafe { place.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        self.data += bytes.len();
        Some(place as i64)
    }

    fn add_write(&mut self, queue: usize, connection: &mut Connection) {
        let length = match self.random.below(60) {
            0 => LARGEST,
            1..=5 => 100_000,
            6..=20 => 5_000,
            _ => self.random.below(200),
        };
        let first = self.random.next();
        let bytes: Vec<_> =
            (0..length).map(|place| (first.wrapping_add(place as u64 * 31) >> 3) as u8).collect();
        let Some(data) = self.place(&bytes) else { return };
        let flags = if self.random.below(4) == 0 { QUIET } else { 0 };
        let op =
            anysock_op { data, length: length as i64, flags, ..op(ANYSOCK_OP_WRITE, 0, *connection.one) };
        let token = self.note(queue, op, bytes);
        connection.writes.push(token);
    }

    /// A write of at most so many bytes, from a buffer.
    fn add_echo(&mut self, handle: i64, most: usize, writes: &mut Vec<i64>) -> Option<usize> {
        let mut held = lock(&self.world.held);
        let place = held.iter().rposition(|(.., length)| (1..=most as i64).contains(length))?;
        let (queue, buffer, data, length) = held.remove(place);
        drop(held);
        // SAFETY: a queue's memory stays mapped, and the buffer is held.
        let bytes = unsafe { std::slice::from_raw_parts(data as *const u8, length as usize) }.to_vec();
        let op = anysock_op { data, length, buffer, ..op(ANYSOCK_OP_WRITE, 0, handle) };
        let token = self.note(queue, op, bytes);
        writes.push(token);
        Some(queue)
    }

    fn add_read(&mut self, connection: &mut Connection) {
        let flags = if self.random.below(2) == 0 { MULTI } else { 0 };
        let length = [0, 0, 1, 50][self.random.below(4)];
        let op = anysock_op { flags, length, ..op(ANYSOCK_OP_READ, 0, *connection.one) };
        let token = self.note(0, op, vec![]);
        connection.reads.push(token);
    }

    fn add_other(&mut self, queue: usize, handle: i64) {
        let victim = self.world.tokens.load(Ordering::SeqCst) - self.random.below(200) as i64;
        let other = match self.random.below(9) {
            0 => op(ANYSOCK_OP_NOP, 0, 0),
            1 => timer_op(0, self.random.below(3_000) as i64, 0),
            2 => timer_op(0, 500 + self.random.below(3_000) as i64, MULTI),
            3 | 4 => cancel_op(0, victim),
            5 => anysock_op { flags: ANYSOCK_QUEUE_ALL, handle, ..op(ANYSOCK_OP_CANCEL, 0, 0) },
            6 => anysock_op { value: 1 + self.random.below(7) as i64, ..op(ANYSOCK_OP_POLL, 0, handle) },
            7 => anysock_op { buffer: self.random.next() as i64 & 0xFFFF, ..op(ANYSOCK_OP_READ, 0, handle) },
            _ => op(self.random.below(40) as i64 - 20, 0, -5),
        };
        // What may be a give by chance would be one of somebody's buffers.
        if other.op != ANYSOCK_OP_GIVE {
            self.note(queue, other, vec![]);
        }
    }

    /// Gives buffers back, most of the time all of them.
    fn add_gives(&mut self, queue: usize) {
        let mut held = lock(&self.world.held);
        let keep = if self.random.below(4) == 0 { held.len() / 2 } else { 0 };
        let mut kept = Vec::new();
        while held.len() > keep && self.ops.len() < 60 {
            match held.pop() {
                Some(one) if one.0 == queue => self.ops.push(anysock_op { token: -1, ..give_op(one.1) }),
                Some(other) => kept.push(other),
                None => break,
            }
        }
        held.extend(kept);
    }

    fn run(&mut self, queue: usize, capacity: usize, timeout: i64) -> usize {
        let world = self.world;
        let (ops, done) = (self.pages.first, self.pages.first.wrapping_add(EVENTS));
        assert!(self.ops.len() <= 64 && capacity <= 64);
        // SAFETY: there is a page for the operations and one for the events.
        let code = unsafe {
            ops.cast::<anysock_op>().copy_from_nonoverlapping(self.ops.as_ptr(), self.ops.len());
            let handle = *world.queues[queue].0;
            anysock_queue_run(handle, ops.cast(), self.ops.len(), done.cast(), capacity, timeout)
        };
        // SAFETY: so many events are there.
        let told = unsafe { std::slice::from_raw_parts(done.cast(), expect(code) as usize) }.to_vec();
        self.pages.take_away();
        self.ops.clear();
        self.data = 0;
        told.iter().for_each(|done| self.take(queue, done));
        self.pages.give_back();
        told.len()
    }

    fn take(&mut self, queue: usize, done: &anysock_done) {
        assert_ne!(done.token, -1, "a give that has failed: {done:?}");
        let mut records = lock(&self.world.records[queue]);
        let record = records.get_mut(&done.token).unwrap_or_else(|| panic!("of no operation: {done:?}"));
        assert_eq!(record.op, done.op, "{done:?}");
        let is_last = done.flags & MORE == 0;
        assert!(is_last || record.is_multi, "{done:?}");
        assert!(!is_last || record.end.is_none(), "a second last event: {done:?} of {record:?}");
        if self.world.is_alone {
            assert!(record.end.is_none(), "an event after the last: {done:?} of {record:?}");
        }
        assert!(!record.is_quiet || done.result < 0, "not quiet: {done:?}");
        if is_last {
            record.end = Some((done.result, done.value));
        }
        match done.op {
            ANYSOCK_OP_WRITE | ANYSOCK_OP_SEND_TO if done.result >= 0 => {
                assert_eq!((done.result as usize, done.value), (record.sent.len(), 0), "{done:?}");
                if self.world.is_alone {
                    let last = self.last_written.insert((queue, done.handle), done.token);
                    assert!(last.is_none_or(|last| last < done.token), "out of order: {done:?}");
                }
            }
            ANYSOCK_OP_WRITE | ANYSOCK_OP_SEND_TO => {
                assert!((0..=record.sent.len() as i64).contains(&done.value), "{done:?}");
            }
            ANYSOCK_OP_READ | ANYSOCK_OP_RECEIVE_FROM if done.result >= 0 => {
                self.world.take_bytes(queue, done, record);
            }
            _ => assert_eq!((done.buffer, done.data), (0, 0), "{done:?}"),
        }
    }

    /// Something happens.
    fn step(&mut self) {
        if self.random.below(3) == 0 {
            return self.datagrams();
        }
        let world = self.world;
        let place = self.random.below(CONNECTIONS);
        let mut queue = usize::from(self.random.below(4) == 0) % QUEUES;
        match self.random.below(400) {
            0 if world.forks => return self.fork(),
            1..=3 => return self.replace(place),
            4..=120 => {
                let mut connection = lock(&world.connections[place]);
                let count = self.random.below(3_000);
                connection.receive(1 + 20 * count);
                return connection.send(count);
            }
            121..=260 => {
                self.add_gives(queue);
                let timeout = [0, 0, 300][self.random.below(3)];
                let capacity = self.random.below(20);
                self.run(queue, capacity, timeout);
                return;
            }
            _ => {}
        }
        let mut connection = lock(&world.connections[place]);
        let handle = *connection.one;
        if self.random.below(4) == 0 {
            queue = self.add_echo(handle, LARGEST, &mut connection.writes).unwrap_or(queue);
        }
        for _ in 0..self.random.below(5) {
            match self.random.below(4) {
                0 | 1 => self.add_write(queue, &mut connection),
                2 if queue == 0 => self.add_read(&mut connection),
                _ => self.add_other(queue, handle),
            }
        }
        let capacity = self.random.below(10);
        self.run(queue, capacity, 0);
    }

    /// A connection ends, in one of several ways, and another has its place.
    fn replace(&mut self, place: usize) {
        let world = self.world;
        let queue = self.random.below(QUEUES);
        let mut connection = lock(&world.connections[place]);
        let flags = [0, ANYSOCK_QUEUE_NOW][self.random.below(2)];
        if self.random.below(3) == 0 {
            // The half that writes ends first: what is written after it fails, and what was before goes out.
            let how = ANYSOCK_SHUT_WRITE.into();
            let shut = anysock_op { value: how, ..op(ANYSOCK_OP_SHUTDOWN, 0, *connection.one) };
            self.note(queue, shut, vec![]);
            self.add_write(queue, &mut connection);
            self.run(queue, 8, 0);
        }
        if self.random.below(2) == 0 {
            let close = anysock_op { flags, ..op(ANYSOCK_OP_CLOSE, 0, *connection.one) };
            self.note(queue, close, vec![]);
            self.run(queue, 8, 0);
        } else {
            expect(anysock_close(*connection.one));
        }
        connection.is_over = true;
        let old = std::mem::replace(&mut *connection, Connection::new(&mut self.random));
        lock(&world.retired).push(old);
    }

    #[cfg(not(unix))]
    fn fork(&mut self) {
        unreachable!("forks are asked for on Unix alone")
    }

    /// A child has the queues empty, and does not disturb.
    #[cfg(unix)]
    fn fork(&mut self) {
        // SAFETY: the library allows its use in a child of a process with threads, and the child uses nothing else.
        match unsafe { libc::fork() } {
            -1 => panic!("fork: {}", std::io::Error::last_os_error()),
            0 => {
                let world = self.world;
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| in_child(world)));
                // SAFETY: ends the child at once.
                unsafe { libc::_exit(i32::from(outcome.is_err())) }
            }
            child => {
                let mut status = -1;
                // SAFETY: the place lives through the call.
                assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
                assert_eq!(status, 0, "a child");
            }
        }
    }
}

/// No lock of the test's is taken: who knows who had it.
#[cfg(unix)]
fn in_child(world: &World) {
    for queue in &world.queues {
        assert!(queue.run_for(&[], 64, 0).unwrap().is_empty());
        let (one, other) = pair("unix");
        let mut told = queue.run(&[write_op(1, *one, b"child"), timer_op(2, 100, 0)]);
        while told.len() < 2 {
            told.extend(queue.run_for(&[], 8, LONG_US).unwrap());
        }
        assert_eq!(drain(*other, 5), b"child");
        assert_eq!(queue.one(&[cancel_op(3, 1)]).result, 0);
    }
}

impl World {
    fn new(engine: &str, random: &mut Random, is_alone: bool, forks: bool) -> Self {
        let buffers = [1, 2, 5, 64][random.below(4)];
        let size = [1, 7, 100, 4_096][random.below(4)];
        let queue = || {
            let queue = Queue::open(buffers as i64, size as i64);
            expect(set_text(*queue.0, "queue.engine", engine));
            expect(set(*queue.0, "queue.send_limit", 300_000));
            queue
        };
        Self {
            queues: (0..QUEUES).map(|_| queue()).collect(),
            buffers,
            size,
            tokens: AtomicI64::new(1),
            records: Default::default(),
            connections: (0..CONNECTIONS).map(|_| Mutex::new(Connection::new(random))).collect(),
            retired: Mutex::default(),
            pairs: (0..PAIRS).map(|_| Mutex::new(datagrams::Pair::new(random))).collect(),
            retired_pairs: Mutex::default(),
            held: Mutex::default(),
            seen: Mutex::default(),
            is_alone,
            forks,
        }
    }

    /// What an event of a read has brought.
    fn take_bytes(&self, queue: usize, done: &anysock_done, record: &mut Record) {
        let piece = Piece {
            place: done.value,
            bytes: bytes(done).to_vec(),
            is_cut: done.flags & ANYSOCK_QUEUE_CUT != 0,
        };
        record.pieces.push(piece);
        assert!(done.result as usize <= self.size);
        if let Some(from) = record.from {
            // SAFETY: the event says that an address is there, aligned.
            let address = unsafe { (done.value as *const anysock_address).read() };
            assert_eq!((address.family, address.port), (from.family, from.port), "{done:?}");
            assert_eq!(address.bytes, from.bytes, "{done:?}");
        }
        if done.buffer == 0 {
            return assert_eq!((done.result, record.op), (0, ANYSOCK_OP_READ), "{done:?}");
        }
        assert!(lock(&self.seen).insert(done.buffer), "given out twice: {done:?}");
        lock(&self.held).push((queue, done.buffer, done.data, done.result));
    }

    /// Ends all that goes on.
    fn end_all(&self, mut hand: Hand<'_>) {
        for queue in 0..QUEUES {
            let open: Vec<_> = lock(&self.records[queue])
                .iter()
                .filter(|(_, record)| record.end.is_none())
                .map(|(token, _)| *token)
                .collect();
            for tokens in open.chunks(30) {
                for token in tokens {
                    hand.note(queue, cancel_op(0, *token), vec![]);
                }
                hand.run(queue, 64, 0);
            }
            hand.add_gives(queue);
            let is_open = |record: &Record| record.end.is_none() && !record.is_quiet;
            until("that every operation has its last event", || {
                hand.run(queue, 64, 1_000);
                !lock(&self.records[queue]).values().any(is_open)
            });
            while hand.run(queue, 64, 0) > 0 {}
            hand.add_gives(queue);
            while !hand.ops.is_empty() {
                hand.run(queue, 64, 0);
                hand.add_gives(queue);
            }
        }
    }

    /// Compares what was told with what has come.
    fn conclude(self) {
        let Self {
            queues, buffers, size, records, connections, retired, pairs, retired_pairs, is_alone, ..
        } = self;
        let mut records = records.map(|records| records.into_inner().unwrap());
        let mut all: HashMap<_, _> = records.iter_mut().flat_map(|records| records.drain()).collect();
        let living = connections.into_iter().map(|connection| connection.into_inner().unwrap());
        for connection in living.chain(retired.into_inner().unwrap()) {
            compare(connection, &mut all);
        }
        let living = pairs.into_iter().map(|pair| pair.into_inner().unwrap());
        for pair in living.chain(retired_pairs.into_inner().unwrap()) {
            datagrams::compare(pair, &mut all, size, is_alone);
        }
        for queue in &queues {
            let (one, other) = pair("unix");
            assert_eq!(
                write_all(*other, &vec![0; (buffers + 1) * size.min(100)]),
                ((buffers + 1) * size.min(100)) as i64
            );
            let read = anysock_op { length: size.min(100) as i64, ..read_op(-9, *one, 0) };
            let told = queue.wait(&vec![read; buffers + 1], buffers);
            assert!(told.iter().all(|done| done.token == -9 && done.result > 0), "{told:?}");
            assert!(queue.run_for(&[], 64, 2_000).unwrap().is_empty(), "more buffers than there were");
        }
    }
}

/// The streams of a connection, and what was told of them.
fn compare(mut connection: Connection, records: &mut HashMap<i64, Record>) {
    let mut expected = Vec::new();
    for token in &connection.writes {
        let record = records.remove(token).unwrap();
        let gone = match record.end {
            Some((result, value)) if result < 0 => value as usize,
            _ => record.sent.len(),
        };
        expected.extend_from_slice(&record.sent[..gone]);
    }
    if connection.is_over {
        while connection.receive(1 << 20) {}
        assert!(expected.starts_with(&connection.received), "what the peer of a closed one has received");
    } else {
        until("that all that was written has come", || {
            while connection.receive(1 << 20) {}
            connection.received.len() >= expected.len()
        });
        assert_eq!(connection.received.len(), expected.len());
        assert!(connection.received == expected, "what the peer has received");
    }
    let mut place = 0;
    for token in &connection.reads {
        let mut record = records.remove(token).unwrap();
        record.pieces.sort_unstable();
        let mut brought = 0;
        for Piece { place: value, bytes, is_cut } in &record.pieces {
            assert_eq!((*value, *is_cut), (brought, false), "{record:?}");
            brought += bytes.len() as i64;
            assert!(bytes.iter().all(|byte| {
                place += 1;
                *byte == connection.byte(place - 1)
            }));
        }
        if let (true, Some((_, value))) = (record.is_multi, record.end) {
            assert_eq!(value, brought, "the end of {record:?}");
        }
    }
    assert!(place <= connection.sent);
}

fn live(engine: &str, seed: u64, threads: u64, operations: u64, forks: bool) {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let world = World::new(engine, &mut random, threads == 1, forks);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let world = &world;
            scope.spawn(move || {
                let mut hand = Hand::new(world, seed * 16 + thread + 1);
                (0..operations).for_each(|_| hand.step());
            });
        }
    });
    world.end_all(Hand::new(&world, seed));
    world.conclude();
}

/// On every engine, in one thread and in four, so many operations each time.
pub fn lives(seed: u64, operations: u64, forks: bool) {
    for engine in engines() {
        for threads in [1, 4] {
            let _told = With(format!("engine {engine}, ANYSOCK_SEED={seed}, {threads} threads"));
            live(engine, seed, threads, operations / threads, forks);
        }
    }
}

/// Briefly, on every system. The program `random` does it for longer, and forks.
#[test]
fn whatever_threads_do_is_as_promised() {
    let seed = std::env::var("ANYSOCK_SEED").ok().and_then(|seed| seed.parse().ok());
    lives(seed.unwrap_or_else(|| std::process::id().into()), rounds(400) as u64, false);
}
