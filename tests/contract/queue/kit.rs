//! A queue that closes itself, and operations in short. Not here: any expectation.
#![allow(dead_code, reason = "each test binary uses its own part of it")]

use crate::support::*;
use std::ptr::null_mut;

/// The engines of this machine that can be asked for.
pub fn engines() -> Vec<&'static str> {
    let is_here = |name: &&str| {
        let queue = own(expect(anysock_queue_open(1, 1)));
        set_text(*queue, "queue.engine", name) == 0
    };
    ["io_uring", "epoll", "kqueue", "afd", "poll"].into_iter().filter(is_here).collect()
}

/// Runs a test on each.
pub fn on_each(test: impl Fn(&Queue)) {
    on_each_with(0, 0, test);
}

/// The same with so many buffers of that size.
pub fn on_each_with(buffers: i64, size: i64, test: impl Fn(&Queue)) {
    for engine in engines() {
        let _told = With(format!("engine {engine}"));
        let queue = Queue::open(buffers, size);
        expect(set_text(*queue.0, "queue.engine", engine));
        test(&queue);
    }
}

/// How often something is done: so often, or as `ANYSOCK_OPERATIONS` says (a campaign has 100,000).
pub fn rounds(usual: usize) -> usize {
    std::env::var("ANYSOCK_OPERATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(usual)
}

/// Says with what a test has failed. Of one that works it says nothing: what several tests say at once mingles with their
/// results, by which they are judged elsewhere.
pub struct With(pub String);

impl Drop for With {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("with {}", self.0);
        }
    }
}

/// Wants nothing.
pub const NOTHING: anysock_op =
    anysock_op { token: 0, handle: 0, op: 0, flags: 0, data: 0, length: 0, value: 0, buffer: 0 };

const UNTOUCHED: anysock_done = anysock_done {
    token: -77,
    handle: -77,
    op: -77,
    flags: -77,
    result: -77,
    data: -77,
    value: -77,
    buffer: -77,
};

/// An operation on a handle.
pub fn op(op: i64, token: i64, handle: i64) -> anysock_op {
    anysock_op { token, handle, op, ..NOTHING }
}

/// A read; with `MULTI` again and again.
pub fn read_op(token: i64, handle: i64, flags: i64) -> anysock_op {
    anysock_op { flags, ..op(ANYSOCK_OP_READ, token, handle) }
}

/// A write. The bytes must be there during the run.
pub fn write_op(token: i64, handle: i64, data: &[u8]) -> anysock_op {
    anysock_op {
        data: data.as_ptr() as i64,
        length: data.len() as i64,
        ..op(ANYSOCK_OP_WRITE, token, handle)
    }
}

pub fn timer_op(token: i64, micros: i64, flags: i64) -> anysock_op {
    anysock_op { value: micros, flags, ..op(ANYSOCK_OP_TIMER, token, 0) }
}

pub fn cancel_op(token: i64, victim: i64) -> anysock_op {
    anysock_op { value: victim, ..op(ANYSOCK_OP_CANCEL, token, 0) }
}

pub fn give_op(buffer: i64) -> anysock_op {
    anysock_op { buffer, ..op(ANYSOCK_OP_GIVE, 0, 0) }
}

/// A queue that closes itself.
pub struct Queue(pub Own);

impl Queue {
    pub fn open(buffers: i64, size: i64) -> Self {
        Self(own(expect(anysock_queue_open(buffers, size))))
    }

    /// Runs once, with room for so many events.
    pub fn run_for(
        &self,
        ops: &[anysock_op],
        capacity: usize,
        timeout: i64,
    ) -> Result<Vec<anysock_done>, i64> {
        let mut done = vec![UNTOUCHED; capacity + 1];
        // SAFETY: both arrays are as long as it says.
        let code = unsafe {
            anysock_queue_run(*self.0, ops.as_ptr(), ops.len(), done.as_mut_ptr(), capacity, timeout)
        };
        let told = usize::try_from(code).unwrap_or(0);
        assert!(told <= capacity);
        assert!(done[told..].iter().all(|done| done.token == -77 && done.buffer == -77), "behind the count");
        done.truncate(told);
        if code < 0 { Err(code) } else { Ok(done) }
    }

    /// Hands operations over and takes what has happened by now.
    #[track_caller]
    pub fn run(&self, ops: &[anysock_op]) -> Vec<anysock_done> {
        self.run_for(ops, 64, 0).unwrap_or_else(|code| panic!("{}", name(code)))
    }

    /// Hands operations over and waits for so many events.
    #[track_caller]
    pub fn wait(&self, ops: &[anysock_op], count: usize) -> Vec<anysock_done> {
        let mut all = Vec::new();
        let mut ops = ops;
        while all.len() < count {
            let told = self.run_for(ops, 64, LONG_US).unwrap_or_else(|code| panic!("{}", name(code)));
            assert!(!told.is_empty(), "only {} of {count} events: {all:?}", all.len());
            all.extend(told);
            ops = &[];
        }
        assert_eq!(all.len(), count, "{all:?}");
        all
    }

    /// The same for a single event.
    #[track_caller]
    pub fn one(&self, ops: &[anysock_op]) -> anysock_done {
        self.wait(ops, 1)[0]
    }

    /// Runs without anything to tell.
    #[track_caller]
    pub fn quiet(&self, ops: &[anysock_op]) {
        let told = self.run(ops);
        assert!(told.is_empty(), "{told:?}");
    }
}

/// The bytes of an event.
pub fn bytes(done: &anysock_done) -> &'static [u8] {
    assert!(done.result >= 0, "{}", name(done.result));
    if done.result == 0 {
        return &[];
    }
    // SAFETY: the memory of a queue stays mapped, and the event says how many bytes there are.
    unsafe { std::slice::from_raw_parts(done.data as *const u8, done.result as usize) }
}

/// Receives all that comes until the end of the stream, from another thread's point of view.
pub fn drain(handle: i64, count: usize) -> Vec<u8> {
    let mut room = vec![0; count];
    assert_eq!(read_full(handle, &mut room), count as i64);
    room
}

/// Bytes that say where they were in the stream.
pub fn pattern(count: usize) -> Vec<u8> {
    (0..count).map(|place| (place % 251) as u8).collect()
}

/// A socket that takes little at a time. TCP's receive buffer stays: with a tiny window its timers set the pace. On Windows a
/// pair of `unix` is one of TCP.
pub fn narrow(kind: &str) -> (Own, Own) {
    let (one, other) = pair(kind);
    expect(set(*one, "send_buffer", 4096));
    if kind == "unix" && cfg!(unix) {
        expect(set(*other, "receive_buffer", 4096));
    }
    (one, other)
}

/// Pages that can be taken away.
#[cfg(unix)]
pub struct Pages {
    pub first: *mut u8,
    length: usize,
}

#[cfg(unix)]
impl Pages {
    pub fn new(length: usize) -> Self {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANON);
        // SAFETY: new pages, wherever there is room.
        let first = unsafe { libc::mmap(std::ptr::null_mut(), length, access, kind, -1, 0) };
        assert_ne!(first, libc::MAP_FAILED);
        Self { first: first.cast(), length }
    }

    pub fn allow(&self, access: i32) {
        // SAFETY: they are this test's alone.
        assert_eq!(unsafe { libc::mprotect(self.first.cast(), self.length, access) }, 0);
    }

    /// Whoever touches them now ends the program.
    pub fn take_away(&self) {
        self.allow(libc::PROT_NONE);
    }

    pub fn give_back(&self) {
        self.allow(libc::PROT_READ | libc::PROT_WRITE);
    }
}

/// Memory that is changed where it can't be taken away.
#[cfg(not(unix))]
pub struct Pages {
    pub first: *mut u8,
    memory: Vec<u64>,
}

#[cfg(not(unix))]
impl Pages {
    pub fn new(length: usize) -> Self {
        let mut memory = vec![0_u64; length.div_ceil(8)];
        Self { first: memory.as_mut_ptr().cast(), memory }
    }

    /// Whoever reads it now reads something else.
    pub fn take_away(&self) {
        // SAFETY: it is this test's alone.
        unsafe { self.first.write_bytes(0xA5, self.memory.len() * 8) };
    }

    pub fn give_back(&self) {}
}

#[cfg(unix)]
impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: nobody uses them any more.
        unsafe { libc::munmap(self.first.cast(), self.length) };
    }
}

pub const NULL: *mut anysock_done = null_mut();
