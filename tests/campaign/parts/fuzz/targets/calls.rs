//! Sequences of calls, beside a model of what two ends of a stream are: bytes on their way, halves that are shut, ends that
//! are closed. Every answer is the model's, by whatever way one asks: read, peek, select, poller, queue.
#![no_main]

use anysock::ffi::bytes::{anysock_read, anysock_recv, anysock_write};
use anysock::ffi::life::{anysock_close, anysock_pair, anysock_shutdown};
use anysock::ffi::options::anysock_set;
use anysock::ffi::queue::{anysock_queue_open, anysock_queue_run};
use anysock::ffi::readiness::{anysock_poller_open, anysock_poller_set, anysock_poller_wait, anysock_select};
use anysock::ffi::types::{anysock_done, anysock_event, anysock_handles, anysock_op};
use libfuzzer_sys::fuzz_target;
use std::collections::VecDeque;
use std::mem::zeroed;
use std::ptr::null_mut;

const EBADF: i64 = -9;
const EAGAIN: i64 = -11;
const EPIPE: i64 = -32;
const ECONNRESET: i64 = -104;
const READABLE: i32 = 1;
const PEEK: i32 = 1;
const READ: i64 = 4;
const WRITE: i64 = 5;
const GIVE: i64 = 14;

/// So much is under way at the most: it fits into any socket's buffer.
const FULL: usize = 4000;

/// One end of a pair, as it should be.
#[derive(Default)]
struct End {
    h: i64,
    is_open: bool,
    /// What has come and was not read.
    queue: VecDeque<u8>,
    /// Nothing more comes.
    has_ended: bool,
    /// It was closed with bytes that nobody had read: the other end may hear of a reset.
    lost_bytes: bool,
    shut_write: bool,
}

struct World {
    ends: Vec<End>,
    poller: i64,
    queue: i64,
    next: u8,
}

fuzz_target!(|data: &[u8]| {
    let mut world = World::new();
    for step in data.chunks_exact(2).take(200) {
        world.step(step[0] >> 4, (step[0] & 15) as usize % world.ends.len(), step[1] as usize);
    }
    world.close();
});

impl World {
    fn new() -> Self {
        let mut ends = Vec::new();
        // SAFETY: the texts end with a NUL, the places outlive the calls.
        unsafe {
            let poller = anysock_poller_open();
            for kind in [c"unix", c"unix"] {
                let mut both = [0; 2];
                let [one, other] = &mut both;
                assert_eq!(anysock_pair(kind.as_ptr(), one, other), 0);
                for h in both {
                    assert_eq!(anysock_set(h, c"timeout".as_ptr(), 0), 0);
                    assert_eq!(anysock_poller_set(poller, h, READABLE, h), 0);
                    ends.push(End { h, is_open: true, ..End::default() });
                }
            }
            Self { ends, poller, queue: anysock_queue_open(4, 64), next: 0 }
        }
    }

    fn close(mut self) {
        for at in 0..self.ends.len() {
            self.close_end(at);
        }
        assert_eq!((anysock_close(self.poller), anysock_close(self.queue)), (0, 0));
    }

    fn step(&mut self, what: u8, at: usize, length: usize) {
        match what {
            0..=2 => self.write(at, length, false),
            3 => self.write(at, length, true),
            4 | 5 => self.read(at, length),
            6 => self.peek(at, length),
            7 => self.queue_read(at),
            8 => self.shut(at),
            9 => self.close_end(at),
            10 | 11 => self.select(at),
            _ => self.wait(),
        }
    }

    fn write(&mut self, at: usize, length: usize, by_queue: bool) {
        let peer = at ^ 1;
        if self.ends[peer].queue.len() + length > FULL || length == 0 {
            return;
        }
        let bytes: Vec<u8> = (0..length).map(|place| self.next.wrapping_add(place as u8)).collect();
        let (end, other) = (&self.ends[at], &self.ends[peer]);
        let h = end.h;
        let may_be_reset = !other.is_open && other.lost_bytes;
        let wanted = match (end.is_open, end.shut_write || !other.is_open) {
            (false, _) => EBADF,
            (true, true) => EPIPE,
            (true, false) => length as i64,
        };
        let result = match by_queue {
            // SAFETY: the bytes are that long.
            false => unsafe { anysock_write(h, bytes.as_ptr().cast(), length) },
            true => {
                let op = anysock_op {
                    handle: h,
                    op: WRITE,
                    data: bytes.as_ptr() as i64,
                    length: length as i64,
                    ..none()
                };
                self.run(op).result
            }
        };
        assert!(result == wanted || (may_be_reset && result == ECONNRESET), "write: {result}, not {wanted}");
        if result > 0 {
            self.next = self.next.wrapping_add(length as u8);
            self.ends[peer].queue.extend(bytes);
        }
    }

    /// What a read of so many bytes may say, and the bytes.
    fn expect(&self, at: usize, length: usize) -> (i64, Vec<u8>) {
        let end = &self.ends[at];
        let bytes: Vec<u8> = end.queue.iter().copied().take(length).collect();
        match () {
            () if !end.is_open => (EBADF, Vec::new()),
            () if !bytes.is_empty() || length == 0 => (bytes.len() as i64, bytes),
            () if end.has_ended => (0, bytes),
            () => (EAGAIN, bytes),
        }
    }

    fn judge(&self, at: usize, result: i64, wanted: i64) {
        let is_reset = self.ends[at ^ 1].lost_bytes && wanted <= 0 && result == ECONNRESET;
        assert!(result == wanted || is_reset, "read: {result}, not {wanted}");
    }

    fn read(&mut self, at: usize, length: usize) {
        let mut room = [0u8; 256];
        let (wanted, bytes) = self.expect(at, length);
        // SAFETY: there is room for 255 bytes.
        let result = unsafe { anysock_read(self.ends[at].h, room.as_mut_ptr().cast(), length) };
        self.judge(at, result, wanted);
        if result > 0 {
            assert_eq!(room[..bytes.len()], bytes);
            self.ends[at].queue.drain(..bytes.len());
        }
    }

    fn peek(&mut self, at: usize, length: usize) {
        let mut room = [0u8; 256];
        let (wanted, bytes) = self.expect(at, length.max(1));
        // SAFETY: there is room for 255 bytes.
        let result = unsafe { anysock_recv(self.ends[at].h, room.as_mut_ptr().cast(), length.max(1), PEEK) };
        self.judge(at, result, wanted);
        assert!(result <= 0 || room[..bytes.len()] == bytes);
    }

    fn queue_read(&mut self, at: usize) {
        let (wanted, bytes) = self.expect(at, 64);
        let done = self.run(anysock_op { handle: self.ends[at].h, op: READ, ..none() });
        self.judge(at, done.result, wanted);
        if done.result > 0 {
            // SAFETY: the event says where its bytes are, and the buffer is not given back yet.
            let come = unsafe { std::slice::from_raw_parts(done.data as *const u8, done.result as usize) };
            assert_eq!(come, bytes);
            self.ends[at].queue.drain(..bytes.len());
            self.tell(anysock_op { op: GIVE, buffer: done.buffer, ..none() }, 0);
        }
    }

    fn shut(&mut self, at: usize) {
        let wanted = if self.ends[at].is_open { 0 } else { EBADF };
        let result = anysock_shutdown(self.ends[at].h, 2);
        // Whose peer has gone may be told that it has none.
        assert!(result == wanted || !self.ends[at ^ 1].is_open, "shutdown: {result}, not {wanted}");
        if result == 0 {
            self.ends[at].shut_write = true;
            self.ends[at ^ 1].has_ended = true;
        }
    }

    fn close_end(&mut self, at: usize) {
        let wanted = if self.ends[at].is_open { 0 } else { EBADF };
        assert_eq!(anysock_close(self.ends[at].h), wanted);
        self.ends[at].is_open = false;
        self.ends[at].lost_bytes |= !self.ends[at].queue.is_empty();
        self.ends[at ^ 1].has_ended = true;
    }

    fn is_readable(&self, at: usize) -> bool {
        let end = &self.ends[at];
        end.is_open && (!end.queue.is_empty() || end.has_ended)
    }

    fn select(&mut self, at: usize) {
        let mut one = self.ends[at].h;
        let mut set = anysock_handles { count: 1, handles: &raw mut one };
        let wanted = if self.ends[at].is_open { i64::from(self.is_readable(at)) } else { EBADF };
        // SAFETY: the set outlives the call.
        assert_eq!(unsafe { anysock_select(&raw mut set, null_mut(), null_mut(), 0) }, wanted);
    }

    fn wait(&mut self) {
        // SAFETY: plain numbers, for which zero is a value; the array outlives the call.
        let (mut events, count) = unsafe {
            let mut events: [anysock_event; 8] = zeroed();
            let count = anysock_poller_wait(self.poller, events.as_mut_ptr(), events.len(), 0);
            (events, count)
        };
        let told = &mut events[..count as usize];
        told.sort_by_key(|event| event.handle);
        let mut wanted: Vec<i64> =
            (0..self.ends.len()).filter(|at| self.is_readable(*at)).map(|at| self.ends[at].h).collect();
        wanted.sort_unstable();
        assert_eq!(told.iter().map(|event| event.handle).collect::<Vec<_>>(), wanted);
    }

    fn run(&mut self, op: anysock_op) -> anysock_done {
        self.tell(op, 1)
    }

    /// Hands over one operation, which has so many events.
    fn tell(&mut self, op: anysock_op, wanted: i64) -> anysock_done {
        // SAFETY: plain numbers, for which zero is a value; the places outlive the call.
        unsafe {
            let mut done: [anysock_done; 4] = zeroed();
            let count = anysock_queue_run(self.queue, &raw const op, 1, done.as_mut_ptr(), done.len(), 0);
            assert_eq!(count, wanted);
            let [first, ..] = done;
            first
        }
    }
}

fn none() -> anysock_op {
    // SAFETY: plain numbers, for which zero is a value.
    unsafe { zeroed() }
}
