//! Connected sockets, of which everybody may write, read, shut and close each end. Both directions are numbered bytes or
//! numbered datagrams, so that whoever reads knows what must come. Not here: waiting for them.

use crate::support::*;
use crate::world::{World, count};
use std::io::{IoSlice, IoSliceMut};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

const KINDS: [&str; 6] = ["unix", "tcp4", "tcp", "unixpacket", "unixgram", "udp4"];
const LARGEST: usize = 3_000;
/// A datagram's source and number.
const HEAD: usize = 16;

/// What the handle answers whose end, or peer, was closed or shut.
const OVER: [&str; 7] =
    ["EBADF", "ECANCELED", "EPIPE", "ECONNRESET", "ECONNREFUSED", "ENOTCONN", "ECONNABORTED"];
/// What says that there is nothing to do just now.
const LATER: [&str; 2] = ["EAGAIN", "ETIMEDOUT"];

/// One end.
pub struct End {
    pub handle: i64,
    /// Who writes here: what every byte depends on.
    source: u64,
    /// Set before it is closed or shut.
    ends: AtomicBool,
    is_closed: AtomicBool,
    /// How many bytes or datagrams were written to it, and read from it: one at a time does so.
    written: Mutex<u64>,
    read: Mutex<u64>,
}

/// Two ends that are connected.
pub struct Pair {
    pub kind: &'static str,
    pub ends: [End; 2],
}

/// One side of a pair, in a thread's hands.
pub struct Side {
    pub pair: Arc<Pair>,
    which: usize,
}

/// What stands for an end in the eyes of a forked child, which takes no lock: its handle, or 0, and the socket's cookie.
/// One cache line, so that a child never has half of it.
#[derive(Default)]
#[repr(align(64))]
pub struct Shown {
    pub handle: AtomicI64,
    pub cookie: AtomicU64,
}

/// A place for a pair, which is replaced by others.
pub struct Place {
    pair: Mutex<Arc<Pair>>,
    pub shown: [Shown; 2],
}

/// The byte of a source with this number.
fn byte(source: u64, number: u64) -> u8 {
    ((source ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}

/// So many bytes of a source.
pub fn bytes(source: u64, first: u64, length: usize) -> Vec<u8> {
    (first..).take(length).map(|number| byte(source, number)).collect()
}

/// They must be these.
#[track_caller]
pub fn check_bytes(source: u64, first: u64, data: &[u8]) {
    for (number, got) in (first..).zip(data) {
        assert_eq!(*got, byte(source, number), "byte {number} of source {source:#x}");
    }
}

/// A number that no other source has.
pub fn new_source() -> u64 {
    static SOURCES: AtomicU64 = AtomicU64::new(1);
    SOURCES.fetch_add(1, Ordering::Relaxed) << 32
}

/// The socket's own number, which no other ever has.
pub fn cookie(handle: i64) -> u64 {
    let mut cookie = [0_u8; 8];
    // SAFETY: there are as many bytes as is said.
    let length = unsafe {
        anysock_get_raw(handle, libc::SOL_SOCKET, libc::SO_COOKIE, cookie.as_mut_ptr().cast(), cookie.len())
    };
    assert_eq!(expect(length), 8);
    u64::from_ne_bytes(cookie)
}

/// It worked, or there is a reason why not.
#[track_caller]
fn check_answer(pair: &Pair, answer: i64) -> Option<usize> {
    if let Ok(count) = usize::try_from(answer) {
        return Some(count);
    }
    let error = name(answer);
    let is_over = pair.ends.iter().any(|end| end.ends.load(Ordering::SeqCst));
    assert!(
        LATER.contains(&error.as_str()) || is_over && OVER.contains(&error.as_str()),
        "{error} of {}, {}",
        pair.kind,
        if is_over { "which ends" } else { "which nobody has ended" }
    );
    None
}

impl End {
    fn new(handle: i64) -> Self {
        Self {
            handle,
            source: new_source(),
            ends: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            written: Mutex::new(0),
            read: Mutex::new(0),
        }
    }

    /// Closes it, if nobody else does.
    fn close(&self) {
        self.ends.store(true, Ordering::SeqCst);
        if !self.is_closed.swap(true, Ordering::SeqCst) {
            expect(anysock_close(self.handle));
            expect_error(anysock_close(self.handle), "EBADF");
        }
    }
}

impl Pair {
    fn open(which: usize) -> Self {
        let kind = KINDS[which % KINDS.len()];
        let (one, other) = if which % 2 == 0 && kind != "udp4" { pair(kind) } else { connected(kind) };
        let ends = [one, other].map(|end| {
            // Nobody waits for long, as all who wait can't close.
            expect(set(*end, "timeout", 2_000));
            End::new(end.into_number())
        });
        Self { kind, ends }
    }

    fn is_stream(&self) -> bool {
        matches!(self.kind, "unix" | "tcp" | "tcp4")
    }

    /// Whether either end is closed, or about to be.
    pub fn is_ending(&self) -> bool {
        self.ends.iter().any(|end| end.ends.load(Ordering::SeqCst))
    }
}

impl Side {
    pub fn own(&self) -> &End {
        &self.pair.ends[self.which]
    }

    fn peer(&self) -> &End {
        &self.pair.ends[1 - self.which]
    }

    pub fn shut(&self, random: &mut Random) {
        self.own().ends.store(true, Ordering::SeqCst);
        let how = [ANYSOCK_SHUT_READ, ANYSOCK_SHUT_WRITE, ANYSOCK_SHUT_BOTH][random.below(3)];
        check_answer(&self.pair, anysock_shutdown(self.own().handle, how));
    }
}

impl Place {
    pub fn new(which: usize) -> Self {
        let place = Self { pair: Mutex::new(Arc::new(Pair::open(which))), shown: Default::default() };
        place.show(&place.pair.lock().unwrap());
        place
    }

    /// One side of it.
    pub fn side(&self, which: usize) -> Side {
        Side { pair: Arc::clone(&self.pair.lock().unwrap()), which }
    }

    /// Either.
    pub fn get(&self) -> Side {
        static EITHER: AtomicU64 = AtomicU64::new(0);
        self.side(EITHER.fetch_add(1, Ordering::Relaxed) as usize % 2)
    }

    /// Puts a new pair here, and closes the old one: before, or when others find the new one already.
    pub fn renew(&self, world: &World, random: &mut Random) {
        let mut pair = self.pair.lock().unwrap();
        for shown in &self.shown {
            shown.handle.store(0, Ordering::SeqCst);
        }
        let old = Arc::clone(&pair);
        let first = random.below(2);
        if random.below(2) == 0 {
            old.ends[first].close();
        }
        *pair = Arc::new(Pair::open(random.below(2 * KINDS.len())));
        self.show(&pair);
        count(&world.done.opens, 1);
        drop(pair);
        old.ends[first].close();
        old.ends[1 - first].close();
    }

    fn show(&self, pair: &Pair) {
        for (shown, end) in self.shown.iter().zip(&pair.ends) {
            shown.cookie.store(cookie(end.handle), Ordering::SeqCst);
            shown.handle.store(end.handle, Ordering::SeqCst);
        }
    }

    pub fn close(&self) {
        self.pair.lock().unwrap().ends.iter().for_each(End::close);
    }
}

/// Writes the next bytes, or a datagram, unless somebody else does.
pub fn write_some(_world: &World, side: &Side, random: &mut Random) {
    let end = side.own();
    let Ok(mut written) = end.written.try_lock() else { return };
    let length = 1 + random.below(LARGEST);
    if !side.pair.is_stream() {
        let mut data = [end.source.to_ne_bytes(), written.to_ne_bytes()].concat();
        data.extend(bytes(end.source ^ *written, 0, length));
        // A datagram that the socket has no room for, now or ever, is not counted.
        let sent = write(end.handle, &data);
        if sent >= 0 {
            assert_eq!(sent as usize, data.len());
            *written += 1;
        } else {
            check_answer(&side.pair, sent);
        }
        return;
    }
    let data = bytes(end.source, *written, length);
    let (head, tail) = data.split_at(length / 3);
    let answer = match random.below(5) {
        0 => write(end.handle, &data),
        1 => send(end.handle, &data, ANYSOCK_FLAG_DONT_WAIT),
        2 => write_all(end.handle, &data),
        3 => binding::call::writev(end.handle, &[IoSlice::new(head), IoSlice::new(tail)]),
        _ => {
            let piece =
                |data: &[u8]| anysock_buffer { data: data.as_ptr().cast_mut().cast(), length: data.len() };
            let mut pieces = [piece(head), piece(tail)];
            let message = message_of(&mut pieces);
            // SAFETY: the message describes memory that outlives the call.
            unsafe { anysock_send_message(end.handle, &message, 0) }
        }
    };
    *written += check_answer(&side.pair, answer).unwrap_or(0) as u64;
}

/// Reads what is there, unless somebody else does, and checks it.
pub fn read_some(world: &World, side: &Side, random: &mut Random) {
    let end = side.own();
    let Ok(mut read_before) = end.read.try_lock() else { return };
    let source = side.peer().source;
    let mut room = vec![0; 1 + random.below(LARGEST + HEAD)];
    if !side.pair.is_stream() {
        room.resize(LARGEST + HEAD, 0);
        let answer =
            recv(end.handle, &mut room, if random.below(2) == 0 { ANYSOCK_FLAG_DONT_WAIT } else { 0 });
        let Some(length) = check_answer(&side.pair, answer).filter(|length| *length > 0) else { return };
        check_datagram(&side.pair, source, &mut read_before, &room[..length]);
        return count(&world.done.bytes, length);
    }
    let middle = room.len() / 2;
    let answer = match random.below(5) {
        0 => read(end.handle, &mut room),
        1 => recv(end.handle, &mut room, ANYSOCK_FLAG_DONT_WAIT),
        2 => read_full(end.handle, &mut room),
        3 => {
            let (head, tail) = room.split_at_mut(middle);
            binding::call::readv(end.handle, &mut [IoSliceMut::new(head), IoSliceMut::new(tail)])
        }
        _ => {
            let mut pieces = [anysock_buffer { data: room.as_mut_ptr().cast(), length: room.len() }];
            let mut message = message_of(&mut pieces);
            // SAFETY: the message describes memory that outlives the call.
            unsafe { anysock_recv_message(end.handle, &mut message, 0) }
        }
    };
    let Some(length) = check_answer(&side.pair, answer) else { return };
    assert!(length > 0 || side.pair.is_ending(), "the end of a stream that nobody has ended");
    check_bytes(source, *read_before, &room[..length]);
    *read_before += length as u64;
    count(&world.done.bytes, length);
}

/// It is whole, of the peer, and the next one where none may be lost.
fn check_datagram(pair: &Pair, source: u64, next: &mut u64, data: &[u8]) {
    let number = |place: usize| u64::from_ne_bytes(data[place..place + 8].try_into().unwrap());
    assert_eq!(number(0), source, "a datagram of somebody else");
    if pair.kind == "udp4" {
        assert!(number(8) < 1 << 32);
    } else {
        assert_eq!(number(8), *next, "datagrams are lost, or come twice");
    }
    *next = number(8) + 1;
    check_bytes(source ^ number(8), 0, &data[HEAD..]);
}

/// Sets some options, and reads some.
pub fn set_options(side: &Side, random: &mut Random) {
    let handle = side.own().handle;
    let answer = match random.below(7) {
        0 => set(handle, "read_timeout", random.below(3_000) as i64),
        1 => set(handle, "write_timeout", random.below(3_000) as i64),
        2 => set(handle, "timeout", random.below(3_000) as i64),
        3 => set(handle, "send_buffer", 2_000 + random.below(60_000) as i64),
        4 => set(handle, "receive_buffer", 6_000 + random.below(60_000) as i64),
        5 => get(handle, "available").unwrap_or_else(|error| error),
        _ => get_text(handle, "kind").map_or_else(
            |error| error,
            |kind| {
                // What a listener of an open kind has taken says its family.
                assert!(kind.starts_with(side.pair.kind), "{kind} of {}", side.pair.kind);
                0
            },
        ),
    };
    check_answer(&side.pair, answer);
}

/// The same socket under another handle.
fn moved(socket: Own) -> Own {
    let fd = expect(anysock_release(socket.into_number()));
    own(expect(anysock_adopt(fd)))
}

/// Connects to a listener, takes the next connection, which may be anybody's, and sends what its name is; reads its own.
pub fn connect_and_talk(world: &World, random: &mut Random) {
    let (kind, listener) = &world.listeners[random.below(world.listeners.len())];
    let client = open(kind);
    // Everybody who has come this far also takes one, so that there is one for each.
    expect(connect(*client, &local_address(**listener)));
    let server = own(expect(anysock_accept(**listener)));
    let [client, server] =
        [client, server].map(|socket| if random.below(4) == 0 { moved(socket) } else { socket });
    for socket in [&client, &server] {
        expect(set(**socket, "timeout", LONG_US));
    }
    let source = new_source();
    let length = HEAD + random.below(LARGEST);
    let mut data = [source.to_ne_bytes(), (length as u64).to_ne_bytes()].concat();
    data.extend(bytes(source, 0, length));
    assert_eq!(expect(write_all(*server, &data)) as usize, data.len());
    expect(anysock_shutdown(*server, ANYSOCK_SHUT_WRITE));
    let mut head = [0; HEAD];
    assert_eq!(expect(read_full(*client, &mut head)) as usize, HEAD);
    let [source, length] = [0, 8].map(|place| u64::from_ne_bytes(head[place..place + 8].try_into().unwrap()));
    // One byte more than there is: the end must come.
    let mut room = vec![0; length as usize + 1];
    assert_eq!(expect(read_full(*client, &mut room)) as u64, length);
    check_bytes(source, 0, &room[..length as usize]);
    // No port must wait.
    expect(set(*client, "linger", 0));
    count(&world.done.opens, 1);
    count(&world.done.bytes, length as usize);
}
