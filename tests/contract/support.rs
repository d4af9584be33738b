//! What the modules share: the library as Rust programs have it (`bindings/rust`), and threads of which one can tell that they
//! are blocked. Not here: any expectation of its own beyond "this must work" and "this must fail with that name".
#![allow(dead_code, unused_imports, reason = "each test binary uses its own part of it")]

pub use binding::Handle;
pub use binding::abi::*;
pub use binding::call::*;

use std::ffi::{CString, c_char};
use std::io::{IoSlice, IoSliceMut};
use std::ops::Deref;
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// For what must happen and will: no test waits that long unless it fails.
pub const LONG: Duration = Duration::from_secs(300);
/// The same as a timeout of the library.
pub const LONG_US: i64 = 300 * ANYSOCK_SECOND;

/// A handle that is closed at the end of its scope, unless the test has closed it. It stands for its number.
#[derive(Debug, PartialEq, Eq)]
pub struct Own(Handle, i64);

/// Owns a handle that was just made.
pub fn own(number: i64) -> Own {
    // SAFETY: nobody else owns it.
    Own(unsafe { Handle::from_number(number) }, number)
}

impl Own {
    /// Its number, which is the test's to close.
    pub fn into_number(self) -> i64 {
        self.0.into_number()
    }
}

impl Deref for Own {
    type Target = i64;

    fn deref(&self) -> &i64 {
        &self.1
    }
}

/// A call on a handle, and what it is called.
pub type NamedCall = (&'static str, fn(i64) -> i64);

// Results.

/// The name of a result, as "ETIMEDOUT".
pub fn name(code: i64) -> String {
    error_name(code).to_owned()
}

/// The answer of a call that must work.
#[track_caller]
pub fn expect(code: i64) -> i64 {
    assert!(code >= 0, "{}", name(code));
    code
}

/// The call must have failed with the error of that name.
#[track_caller]
pub fn expect_error(code: i64, error: &str) {
    assert!(code < 0, "{code} instead of {error}");
    assert_eq!(name(code), error);
}

// What takes something away, or takes it over. A test does so with what is its own, or else that is what it tests.

/// As `anysock_close`.
pub fn anysock_close(h: i64) -> i64 {
    // SAFETY: nobody uses a queue's memory afterwards.
    unsafe { binding::abi::anysock_close(h) }
}

/// As `anysock_adopt`.
pub fn anysock_adopt(fd: i64) -> i64 {
    // SAFETY: the test owns it, or it is none.
    unsafe { binding::abi::anysock_adopt(fd) }
}

/// As `anysock_borrow`.
pub fn anysock_borrow(fd: i64) -> i64 {
    // SAFETY: the test owns it, or it is none.
    unsafe { binding::abi::anysock_borrow(fd) }
}

/// As `anysock_send_file`.
pub fn anysock_send_file(h: i64, fd: i64, offset: i64, length: i64) -> i64 {
    // SAFETY: the test owns it, or it is none.
    unsafe { binding::abi::anysock_send_file(h, fd, offset, length) }
}

// Text.

/// Text for a call.
pub fn text(text: &str) -> CString {
    CString::new(text).unwrap()
}

/// The text that a call gives out, or its error.
pub fn text_out(call: impl Fn(*mut c_char, usize) -> i64) -> Result<String, i64> {
    let mut room = vec![0_u8; 4096];
    let length = call(room.as_mut_ptr().cast(), room.len());
    match usize::try_from(length) {
        Err(_) => Err(length),
        Ok(length) => {
            assert!(length < room.len(), "a text of {length} bytes");
            assert_eq!(room[length], 0, "the text is not terminated where it should end");
            Ok(String::from_utf8(room[..length].to_vec()).unwrap())
        }
    }
}

// Kinds.

/// The kinds that tests leave out where the system lacks them. It does not go unsaid: the contract's module `kinds` has a test
/// for each, which is skipped or fails there.
pub const KINDS: [&str; 9] = ["tcp", "tcp4", "tcp6", "udp", "udp4", "udp6", "unix", "unixgram", "unixpacket"];

/// Those of the kinds that this system has.
#[track_caller]
pub fn here(kinds: &[&'static str]) -> Vec<&'static str> {
    assert!(kinds.iter().all(|kind| KINDS.contains(kind)), "a kind that nobody would miss: {kinds:?}");
    kinds.iter().copied().filter(|kind| has(kind) == 1).collect()
}

// Open.

/// Opens a socket.
#[track_caller]
pub fn open(kind: &str) -> Own {
    own(expect(binding::call::open(kind)))
}

/// Opens two sockets that are connected to each other.
#[track_caller]
pub fn pair(kind: &str) -> (Own, Own) {
    let (first, second) = binding::call::pair(kind).unwrap_or_else(|error| panic!("{}", name(error)));
    (own(first), own(second))
}

/// Opens a poller.
#[track_caller]
pub fn poller() -> Own {
    own(expect(anysock_poller_open()))
}

/// An address to bind a socket of this kind to, on this machine and free.
pub fn free_address(kind: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    match kind {
        "tcp6" | "udp6" => "[::1]:0".to_owned(),
        "unix" | "unixgram" | "unixpacket" => {
            let unique = format!("anysock-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            match cfg!(target_os = "linux") {
                true => format!("@{unique}"),
                false => std::env::temp_dir().join(unique).to_str().unwrap().to_owned(),
            }
        }
        _ => "127.0.0.1:0".to_owned(),
    }
}

/// Opens a socket that is bound to a free address of this machine.
#[track_caller]
pub fn bound(kind: &str) -> Own {
    let socket = open(kind);
    expect(bind(*socket, &free_address(kind)));
    socket
}

/// Opens a listener on a free address of this machine; its `local_address` says which.
#[track_caller]
pub fn listener(kind: &str) -> Own {
    let listener = bound(kind);
    expect(anysock_listen(*listener, 0));
    listener
}

/// Two connected sockets that came by listen, connect and accept: the client and the server.
/// For datagram kinds, two that have each other as peer.
#[track_caller]
pub fn connected(kind: &str) -> (Own, Own) {
    if matches!(kind, "udp" | "udp4" | "udp6" | "unixgram") {
        let (one, other) = (bound(kind), bound(kind));
        expect(connect(*one, &local_address(*other)));
        expect(connect(*other, &local_address(*one)));
        return (one, other);
    }
    let listener = listener(kind);
    let client = open(kind);
    expect(connect(*client, &local_address(*listener)));
    let server = own(expect(anysock_accept(*listener)));
    (client, server)
}

// Names.

/// The socket's own address.
#[track_caller]
pub fn local_address(h: i64) -> String {
    binding::call::local_address(h).unwrap()
}

/// An address in memory that is anything but zero.
pub const UNSET_ADDRESS: anysock_address =
    anysock_address { family: -1, port: 7, length: 7, scope: 7, reserved: 7, bytes: [0xa5; 112] };

/// As `anysock_address_parse`.
pub fn parse(kind: &str, address: &str) -> Result<anysock_address, i64> {
    let mut parsed = UNSET_ADDRESS;
    // SAFETY: both texts are NUL-terminated, the place lives through the call.
    let code = unsafe { anysock_address_parse(text(kind).as_ptr(), text(address).as_ptr(), &mut parsed) };
    if code == 0 { Ok(parsed) } else { Err(code) }
}

/// The peer's address.
#[track_caller]
pub fn peer_address(h: i64) -> String {
    binding::call::peer_address(h).unwrap()
}

// Bytes.

/// As `anysock_readv`.
pub fn readv(h: i64, rooms: &mut [&mut [u8]]) -> i64 {
    let mut pieces: Vec<_> = rooms.iter_mut().map(|room| IoSliceMut::new(room)).collect();
    binding::call::readv(h, &mut pieces)
}

/// As `anysock_writev`.
pub fn writev(h: i64, data: &[&[u8]]) -> i64 {
    let pieces: Vec<_> = data.iter().map(|piece| IoSlice::new(piece)).collect();
    binding::call::writev(h, &pieces)
}

/// A message of data alone.
pub fn message_of(buffers: &mut [anysock_buffer]) -> anysock_message {
    anysock_message {
        size: size_of::<anysock_message>() as u32,
        flags: 0,
        buffers: buffers.as_mut_ptr(),
        buffer_count: buffers.len(),
        address: null_mut(),
        controls: null_mut(),
        control_count: 0,
        handles: null_mut(),
        handle_count: 0,
        raw_control: null_mut(),
        raw_length: 0,
    }
}

/// Writes until there is no more room; how many bytes (or datagrams) went in.
#[track_caller]
pub fn fill(h: i64) -> usize {
    fill_all(&[h])
}

/// The same for several at once.
#[track_caller]
fn fill_all(handles: &[i64]) -> usize {
    let mut total = handles.iter().map(|h| push(*h)).sum();
    let is_tcp = |h: &&i64| get_text(**h, "kind").is_ok_and(|kind| kind.starts_with("tcp"));
    let tcp: Vec<_> = handles.iter().filter(is_tcp).collect();
    // An acknowledgement may be late by 40 ms, under Wine by more, and make room once more.
    let patience = if cfg!(windows) { 40 } else { 10 };
    let mut quiet = if tcp.is_empty() { patience } else { 0 };
    while quiet < patience {
        std::thread::sleep(Duration::from_millis(6));
        let more: usize = tcp.iter().map(|h| push(**h)).sum();
        total += more;
        // On a busy machine it may be later by any time: as long as one is to come, nothing is full.
        quiet = if more == 0 && !tcp.iter().any(|h| has_bytes_in_flight(**h)) { quiet + 1 } else { 0 };
    }
    total
}

/// Whether the peer's system has yet to acknowledge what was sent to it. Linux alone tells.
#[cfg(target_os = "linux")]
fn has_bytes_in_flight(h: i64) -> bool {
    const SIOCOUTQNSD: u32 = 0x894b;
    let count = |request: u32| {
        let mut bytes: libc::c_int = 0;
        // SAFETY: these requests store a number of this type.
        let told = unsafe { libc::ioctl(anysock_fd(h) as i32, request as _, &raw mut bytes) };
        (told == 0).then_some(bytes)
    };
    let (unsent, unacknowledged) = (count(SIOCOUTQNSD), count(libc::TIOCOUTQ as u32));
    let in_flight = unsent.zip(unacknowledged).map(|(unsent, unacknowledged)| unacknowledged > unsent);
    // An emulator may know one of them alone. A timer of the sort 01 runs until an acknowledgement comes.
    in_flight.unwrap_or_else(|| line_of_the_network(h)[5].starts_with("01:"))
}

/// The fields of a socket of TCP in the tables of the network.
#[cfg(target_os = "linux")]
#[track_caller]
pub fn line_of_the_network(h: i64) -> Vec<String> {
    use std::os::unix::fs::MetadataExt;
    let inode =
        std::fs::metadata(format!("/proc/self/fd/{}", expect(anysock_fd(h)))).unwrap().ino().to_string();
    let table = |name| std::fs::read_to_string(format!("/proc/thread-self/net/{name}")).unwrap_or_default();
    let sockets = table("tcp") + &table("tcp6");
    let mut lines =
        sockets.lines().map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    lines.find(|fields| fields[9] == inode).expect("a socket of TCP")
}

#[cfg(not(target_os = "linux"))]
fn has_bytes_in_flight(_h: i64) -> bool {
    false
}

/// Writes what there is room for now.
#[track_caller]
fn push(h: i64) -> usize {
    let chunk = [0x55; 4096];
    let mut total = 0;
    // A smaller write may still fit where a larger one does not.
    for length in [chunk.len(), 1] {
        loop {
            match send(h, &chunk[..length], ANYSOCK_FLAG_DONT_WAIT) {
                sent if sent > 0 => total += sent as usize,
                other => break expect_error(other, "EAGAIN"),
            }
        }
    }
    total
}

// Many at once.

/// A datagram that was received.
#[derive(Debug)]
pub struct Got {
    pub data: Vec<u8>,
    pub result: i64,
    pub address: anysock_address,
    pub flags: i32,
    pub segment: i32,
}

/// No address.
pub const NOWHERE: anysock_address =
    anysock_address { family: 0, port: 0, length: 0, scope: 0, reserved: 0, bytes: [0; 112] };

/// As `anysock_recv_many`, with so many rooms of the same size. What was not received must be untouched.
pub fn recv_many(h: i64, count: usize, room: usize, flags: i32) -> Result<Vec<Got>, i64> {
    let untouched = anysock_address { family: -1, ..NOWHERE };
    let mut memory = vec![0x7f_u8; count * room];
    let mut addresses = vec![untouched; count];
    let mut datagrams: Vec<_> = (memory.chunks_exact_mut(room).zip(&mut addresses))
        .map(|(room, address)| anysock_datagram {
            data: room.as_mut_ptr().cast(),
            length: room.len(),
            result: -7,
            address,
            flags: -7,
            segment: -7,
        })
        .collect();
    // SAFETY: every datagram describes memory that outlives the call.
    let code = unsafe { anysock_recv_many(h, datagrams.as_mut_ptr(), count, flags) };
    let done = usize::try_from(code).unwrap_or(0);
    let mut got = Vec::new();
    for (place, (datagram, address)) in datagrams.iter().zip(addresses).enumerate() {
        let anysock_datagram { length, result, flags, segment, .. } = *datagram;
        assert_eq!(length, room, "the length of {place} was changed");
        if place >= done {
            assert_eq!((result, flags, segment, address.family), (-7, -7, -7, -1), "{place} was touched");
            continue;
        }
        let data = memory[place * room..][..room.min(result as usize)].to_vec();
        got.push(Got { data, result, address, flags, segment });
    }
    if code < 0 { Err(code) } else { Ok(got) }
}

/// As [`recv_many`], for callers who only want the number.
pub fn recv_many_code(h: i64) -> i64 {
    recv_many(h, 4, 64, 0).map_or_else(|code| code, |got| got.len() as i64)
}

/// A datagram to be sent.
pub fn outgoing(data: &[u8], address: Option<&anysock_address>) -> anysock_datagram {
    let address = address.map_or(null_mut(), |address| std::ptr::from_ref(address).cast_mut());
    let data_start = data.as_ptr().cast_mut().cast();
    anysock_datagram { data: data_start, length: data.len(), result: -7, address, flags: -7, segment: 0 }
}

/// As `anysock_send_many`. Only results may change, and only those of what was sent.
#[track_caller]
pub fn send_many(h: i64, datagrams: &mut [anysock_datagram], flags: i32) -> i64 {
    // SAFETY: the datagrams describe memory that outlives the call, and is only read.
    let code = unsafe { anysock_send_many(h, datagrams.as_mut_ptr(), datagrams.len(), flags) };
    for (place, datagram) in datagrams.iter_mut().enumerate() {
        assert_eq!(datagram.flags, -7, "{place} was touched");
        let expected = if (place as i64) < code { datagram.length as i64 } else { -7 };
        assert_eq!(datagram.result, expected, "the result of {place}");
        datagram.result = -7;
    }
    code
}

/// As `anysock_accept_many`; the connections.
pub fn accept_many(h: i64, capacity: usize) -> Result<Vec<Own>, i64> {
    let mut handles = vec![-7; capacity];
    let code = binding::call::accept_many(h, &mut handles);
    let count = usize::try_from(code).unwrap_or(0);
    assert!(handles[count..].iter().all(|handle| *handle == -7), "written past what was told");
    handles.truncate(count);
    let connections = handles.into_iter().map(own).collect();
    if code < 0 { Err(code) } else { Ok(connections) }
}

/// As [`accept_many`], for callers who only want the number.
pub fn accept_many_code(h: i64) -> i64 {
    accept_many(h, 4).map_or_else(|code| code, |connections| connections.len() as i64)
}

// Readiness.

/// What of `asked` one socket is ready for according to select, as the bits of the events.
#[track_caller]
pub fn select_one(h: i64, asked: i32, timeout_us: i64) -> i32 {
    select_among(&[], h, asked, timeout_us)
}

/// The same, in the midst of others that are not ready.
#[track_caller]
fn select_among(others: &[i64], h: i64, asked: i32, timeout_us: i64) -> i32 {
    let events = [ANYSOCK_EVENT_READ, ANYSOCK_EVENT_WRITE, ANYSOCK_EVENT_EXCEPT];
    let mut sets = crowded(others, events.map(|event| vec![h; usize::from(asked & event != 0)]));
    let count = expect(select(&mut sets, timeout_us));
    assert_eq!(count as usize, sets.iter().map(Vec::len).sum::<usize>());
    assert!(sets.iter().flatten().all(|ready| *ready == h), "others than {h} are ready: {sets:?}");
    events.into_iter().zip(sets).filter(|(_, set)| !set.is_empty()).map(|(event, _)| event).sum()
}

/// These sets in the midst of others, of which each set gets its share.
fn crowded(others: &[i64], sets: [Vec<i64>; 3]) -> [Vec<i64>; 3] {
    let mut shares = others.chunks(others.len().div_ceil(6).max(1)).chain(std::iter::repeat(&[][..]));
    let mut share = || shares.next().unwrap_or_default();
    sets.map(|set| [share(), &set, share()].concat())
}

// Crowds: large sets that come again, of which few are ready.

/// So often a crowd comes until select has surely made up its mind about it.
pub const AGAIN: usize = 48;

/// Sockets that are never ready, whatever they are asked for: connected, with a full buffer and nothing to read.
pub fn idlers() -> &'static [i64] {
    static IDLERS: OnceLock<Vec<i64>> = OnceLock::new();
    let idler = |_| {
        let (one, other) = pair("unix");
        // Little fits, so that it is soon full.
        expect(set(*one, "send_buffer", 1));
        expect(set(*other, "receive_buffer", 1));
        let handle = *one;
        // For as long as the program runs.
        std::mem::forget((one, other));
        handle
    };
    IDLERS.get_or_init(|| {
        let idlers: Vec<_> = (0..120).map(idler).collect();
        fill_all(&idlers);
        idlers
    })
}

/// These sets in a crowd.
pub fn in_crowd(sets: &[Vec<i64>; 3]) -> [Vec<i64>; 3] {
    crowded(idlers(), sets.clone())
}

/// As [`select_one`], in a crowd.
#[track_caller]
pub fn select_in_crowd(h: i64, asked: i32, timeout_us: i64) -> i32 {
    select_among(idlers(), h, asked, timeout_us)
}

/// Has a crowd come so often that it is known, with the socket in it.
#[track_caller]
pub fn introduce(h: i64, asked: i32) {
    for _ in 0..AGAIN {
        select_in_crowd(h, asked, 0);
    }
}

/// What one wait of a poller answers, or the error.
pub fn poller_wait(poller: i64, capacity: usize, timeout_us: i64) -> Result<Vec<anysock_event>, i64> {
    let nothing = anysock_event { token: 0, handle: 0, events: 0, reserved: -1 };
    let mut events = vec![nothing; capacity];
    let count = binding::call::poller_wait(poller, &mut events, timeout_us);
    events.truncate(usize::try_from(count).map_err(|_| count)?);
    assert!(events.iter().all(|event| event.reserved == 0), "a reserved field that is not 0");
    Ok(events)
}

/// As `anysock_poller_wait`, for callers who only want the number.
pub fn poller_wait_code(poller: i64, capacity: usize, timeout_us: i64) -> i64 {
    poller_wait(poller, capacity, timeout_us).map_or_else(|code| code, |events| events.len() as i64)
}

// Threads.

/// A call in a thread of its own.
pub struct Call<T = i64> {
    result: Receiver<T>,
    thread: ThreadId,
    begun: Instant,
    end: JoinHandle<()>,
}

/// What the system calls a thread.
type ThreadId = i32;

#[cfg(target_os = "linux")]
fn thread_id() -> ThreadId {
    // SAFETY: takes no memory.
    unsafe { libc::gettid() }
}

#[cfg(not(target_os = "linux"))]
fn thread_id() -> ThreadId {
    0
}

impl<T: Send + 'static> Call<T> {
    /// Starts it.
    pub fn start(body: impl FnOnce() -> T + Send + 'static) -> Self {
        Self::start_after(|| {}, body)
    }

    /// Starts it when its thread has done something else.
    pub fn start_after(
        first: impl FnOnce() + Send + 'static,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> Self {
        let (tell_result, result) = channel();
        let (tell_thread, thread) = channel();
        let end = std::thread::spawn(move || {
            first();
            tell_thread.send(thread_id()).unwrap();
            // Nobody listens any more if the test has failed meanwhile.
            let _ = tell_result.send(body());
        });
        Self { result, thread: thread.recv().unwrap(), begun: Instant::now(), end }
    }

    /// Starts it, and returns when it is blocked.
    #[track_caller]
    pub fn blocked(body: impl FnOnce() -> T + Send + 'static) -> Self {
        Self::blocked_after(|| {}, body)
    }

    /// As [`Self::blocked`], when its thread has done something else.
    #[track_caller]
    pub fn blocked_after(
        first: impl FnOnce() + Send + 'static,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> Self {
        let call = Self::start_after(first, body);
        call.until_blocked();
        call
    }

    /// Waits until the call waits.
    #[track_caller]
    pub fn until_blocked(&self) {
        let end = Instant::now() + LONG;
        while !is_waiting(self.thread, self.begun) {
            assert!(!self.end.is_finished(), "the call has returned without blocking");
            assert!(Instant::now() < end, "the call does not block");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Its result, when its thread is gone. A call that does not return fails the test rather than hang it.
    #[track_caller]
    pub fn result(self) -> T {
        match self.result.recv_timeout(LONG) {
            Ok(result) => {
                self.end.join().unwrap();
                result
            }
            Err(RecvTimeoutError::Timeout) => panic!("the call is still blocked"),
            Err(RecvTimeoutError::Disconnected) => panic!("the call has panicked"),
        }
    }

    /// The result, if the call has returned.
    pub fn try_result(&self) -> Option<T> {
        self.result.try_recv().ok()
    }
}

#[cfg(target_os = "linux")]
impl<T: Send + 'static> Call<T> {
    /// Has SIGUSR1 do nothing but interrupt, with SA_RESTART or without; then as [`Self::blocked`].
    #[track_caller]
    pub fn blocked_for_signals(restart: bool, body: impl FnOnce() -> T + Send + 'static) -> Self {
        extern "C" fn nothing(_signal: i32) {}
        // SAFETY: plain numbers and pointers, for which zero is a value.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = nothing as extern "C" fn(i32) as libc::sighandler_t;
        action.sa_flags = if restart { libc::SA_RESTART } else { 0 };
        // SAFETY: the action is whole and outlives the call, and its handler does nothing.
        assert_eq!(unsafe { libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()) }, 0);
        Self::blocked(body)
    }

    /// Sends SIGUSR1 to the call's thread.
    pub fn signal(&self) {
        // SAFETY: takes no memory. A thread that has ended is no harm.
        unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), self.thread, libc::SIGUSR1) };
    }

    /// As [`Self::result`], and sends signals until it is there.
    #[track_caller]
    pub fn result_under_signals(self) -> T {
        let end = Instant::now() + LONG;
        loop {
            if let Some(result) = self.try_result() {
                return result;
            }
            assert!(Instant::now() < end, "the call is still blocked");
            self.signal();
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Whether a thread sleeps in one of the system calls in which the library waits.
#[cfg(target_os = "linux")]
fn is_waiting(thread: ThreadId, _begun: Instant) -> bool {
    const WAITS: &[libc::c_long] = &[
        libc::SYS_ppoll,
        libc::SYS_epoll_pwait,
        libc::SYS_epoll_pwait2,
        // Newer architectures do without.
        #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
        libc::SYS_epoll_wait,
        #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
        libc::SYS_poll,
        // ppoll_time64, which the `libc` crate does not name here.
        #[cfg(target_arch = "x86")]
        414,
    ];
    // "running", or the number of the system call and its arguments.
    let status = std::fs::read_to_string(format!("/proc/self/task/{thread}/syscall")).unwrap_or_default();
    let number = status.split_whitespace().next().and_then(|number| number.parse().ok());
    number.is_some_and(|number| WAITS.contains(&number) || waits_of_the_host().contains(&number))
}

/// Under an emulator of another processor the system calls are seen with the host's numbers.
#[cfg(target_os = "linux")]
fn waits_of_the_host() -> &'static [libc::c_long] {
    static NUMBERS: std::sync::OnceLock<Vec<libc::c_long>> = std::sync::OnceLock::new();
    NUMBERS.get_or_init(|| {
        let list = std::env::var("ANYSOCK_HOST_WAITS").unwrap_or_default();
        list.split_whitespace().map(|number| number.parse().expect("numbers of system calls")).collect()
    })
}

/// Elsewhere there is no telling: it has had its time.
#[cfg(not(target_os = "linux"))]
fn is_waiting(_thread: ThreadId, begun: Instant) -> bool {
    std::thread::sleep(Duration::from_millis(200).saturating_sub(begun.elapsed()));
    true
}

/// Control data as the system lays it out: one message, of one number.
#[cfg(unix)]
pub fn raw_control(level: i32, kind: i32, number: i32) -> Vec<u8> {
    // SAFETY: plain arithmetic; and plain numbers, for which zero is a value.
    let (head, length, space, mut header) = unsafe {
        (
            libc::CMSG_LEN(0) as usize,
            libc::CMSG_LEN(4),
            libc::CMSG_SPACE(4) as usize,
            std::mem::zeroed::<libc::cmsghdr>(),
        )
    };
    header.cmsg_len = length as _;
    header.cmsg_level = level;
    header.cmsg_type = kind;
    let mut raw = vec![0; space];
    // SAFETY: there is more room than for a header.
    unsafe { raw.as_mut_ptr().cast::<libc::cmsghdr>().write_unaligned(header) };
    raw[head..head + 4].copy_from_slice(&number.to_ne_bytes());
    raw
}

/// This program, to be run once more. Under an emulator it is that one's argument: `ANYSOCK_EMULATOR` names it.
pub fn this_program() -> std::process::Command {
    let program = std::env::current_exe().unwrap();
    let Some(emulator) = std::env::var_os("ANYSOCK_EMULATOR") else {
        return std::process::Command::new(program);
    };
    let mut command = std::process::Command::new(emulator);
    command.arg(program);
    command
}

/// How much processor time this thread has used.
#[cfg(target_os = "linux")]
pub fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time outlives the call.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) }, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Waits until something is so that no call announces.
#[track_caller]
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !so() {
        assert!(Instant::now() < end, "{what} has not come about");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Writes until nobody is there to read: a child that another test has just forked may have a copy of what was closed here.
#[track_caller]
pub fn until_broken(mut write: impl FnMut() -> i64) {
    until("the end of the connection", || {
        let code = write();
        if code < 0 {
            expect_error(code, "EPIPE");
        }
        code < 0
    });
}

/// Random numbers that a test can repeat (xorshift64*).
pub struct Random(pub u64);

impl Random {
    /// The next.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// One of `0..limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit
    }
}
