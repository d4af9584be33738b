//! Pipes and terminals: what is no socket and can be polled all the same, on Unix. Not here: sockets (`descriptors`).
#![cfg(unix)]

use crate::peers::*;
use crate::support::*;
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const SHORT_US: i64 = 50 * ANYSOCK_MILLISECOND;

/// Gives a descriptor to the library.
#[track_caller]
fn adopt(fd: impl IntoRawFd) -> Own {
    own(expect(anysock_adopt(fd.into_raw_fd().into())))
}

/// The flags that all who share the open file see: its mode, `O_NONBLOCK` among them.
#[track_caller]
fn mode(fd: RawFd) -> i32 {
    // SAFETY: takes no memory.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    assert!(flags >= 0, "descriptor {fd} is not open");
    flags
}

pub fn is_blocking(fd: RawFd) -> bool {
    mode(fd) & libc::O_NONBLOCK == 0
}

pub fn is_open(fd: RawFd) -> bool {
    // SAFETY: takes no memory.
    unsafe { libc::fcntl(fd, libc::F_GETFD) >= 0 }
}

/// Both ends of a pipe: to read from, to write to.
pub fn pipe() -> (File, File) {
    let mut ends = [-1; 2];
    // SAFETY: the array holds both descriptors, which are new.
    unsafe {
        assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
        (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1]))
    }
}

/// Both ends of an adopted pipe, and the descriptors of their copies, which see the mode that is shared.
fn adopted_pipe() -> ([Own; 2], [File; 2]) {
    let (reader, writer) = pipe();
    let copies = [reader.try_clone().unwrap(), writer.try_clone().unwrap()];
    ([adopt(reader), adopt(writer)], copies)
}

#[test]
fn a_pipe_carries_bytes_and_its_mode_is_left_alone() {
    let ([reader, writer], copies) = adopted_pipe();
    for copy in &copies {
        assert!(is_blocking(copy.as_raw_fd()));
    }
    assert_eq!(write(*writer, b"hello"), 5);
    let mut room = [0; 16];
    assert_eq!(read(*reader, &mut room), 5);
    assert_eq!(writev(*writer, &[b"he", b"", b"llo"]), 5);
    let (mut head, mut tail) = ([0; 1], [0; 8]);
    assert_eq!(readv(*reader, &mut [&mut head, &mut tail]), 5);
    assert_eq!((&head, &tail[..4]), (b"h", &b"ello"[..]));
    assert_eq!(write_all(*writer, b"again"), 5);
    assert_eq!(read_full(*reader, &mut room[..5]), 5);
    for copy in &copies {
        assert!(is_blocking(copy.as_raw_fd()));
    }
    drop(copies);
    drop(writer);
    for _ in 0..2 {
        assert_eq!(read(*reader, &mut room), 0);
        assert_eq!(read_full(*reader, &mut room), 0);
    }
}

#[test]
fn a_pipe_keeps_the_timeouts() {
    let ([reader, writer], copies) = adopted_pipe();
    expect(set(*reader, "read_timeout", SHORT_US));
    expect_timeout(SHORT_US, || read(*reader, &mut [0; 8]));
    expect_timeout(SHORT_US, || read_full(*reader, &mut [0; 8]));
    expect_timeout(SHORT_US, || readv(*reader, &mut [&mut [0; 8]]));
    expect_error(recv(*reader, &mut [0; 8], ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
    let queued = fill(*writer);
    expect(set(*writer, "write_timeout", SHORT_US));
    expect_timeout(SHORT_US, || write(*writer, b"no room"));
    expect_timeout(SHORT_US, || write_all(*writer, b"no room"));
    expect_timeout(SHORT_US, || writev(*writer, &[b"no room"]));
    assert_eq!(select_one(*writer, ANYSOCK_EVENT_WRITE, 0), 0);
    assert_eq!(select_one(*reader, ANYSOCK_EVENT_READ, 0), ANYSOCK_EVENT_READ);
    assert_eq!(read_full(*reader, &mut vec![0; queued]), queued as i64);
    assert_eq!(select_one(*writer, ANYSOCK_EVENT_WRITE, 0), ANYSOCK_EVENT_WRITE);
    for copy in &copies {
        assert!(is_blocking(copy.as_raw_fd()));
    }
}

#[test]
fn much_goes_through_a_pipe_whose_reader_is_slow() {
    const LENGTH: usize = 1 << 20;
    let ([reader, writer], copies) = adopted_pipe();
    let data: Vec<_> = (0..LENGTH).map(|place| (place ^ (place >> 8)) as u8).collect();
    let sent = data.clone();
    let call = Call::blocked(move || (write_all(*writer, &sent), writer));
    let mut received = Vec::new();
    let mut room = vec![0; 3000];
    while received.len() < LENGTH {
        let count = expect(read(*reader, &mut room)) as usize;
        assert!(count > 0);
        received.extend_from_slice(&room[..count]);
    }
    assert_eq!(call.result().0, LENGTH as i64);
    assert!(received == data);
    drop(copies);
}

#[test]
fn closing_wakes_who_waits_for_a_pipe_and_leaves_the_copies_open() {
    let ([reader, writer], copies) = adopted_pipe();
    fill(*writer);
    let handle = *writer;
    let call = Call::blocked(move || write_all(handle, b"no room"));
    assert_eq!(anysock_close(handle), 0);
    expect_error(call.result(), "ECANCELED");
    assert!(is_open(copies[1].as_raw_fd()));
    drop(reader);
}

#[test]
fn what_a_pipe_can_not_do_says_so() {
    let ([reader, writer], _copies) = adopted_pipe();
    for handle in [*reader, *writer] {
        expect_error(bind(handle, ":0"), "ENOTSOCK");
        expect_error(anysock_listen(handle, 0), "ENOTSOCK");
        expect_error(anysock_accept(handle), "ENOTSOCK");
        expect_error(connect(handle, "127.0.0.1:9"), "ENOTSOCK");
        expect_error(anysock_shutdown(handle, ANYSOCK_SHUT_BOTH), "ENOTSOCK");
        expect_error(send_to(handle, b"lost", 0, "127.0.0.1:9"), "ENOTSOCK");
        // SAFETY: no memory is given for the texts and values.
        unsafe {
            expect_error(anysock_local_address(handle, null_mut(), 0), "ENOTSOCK");
            expect_error(anysock_peer_address(handle, null_mut(), 0), "ENOTSOCK");
            expect_error(anysock_get_raw(handle, 0, 0, null_mut(), 0), "ENOTSOCK");
            expect_error(anysock_set_raw(handle, 0, 0, null_mut(), 0), "ENOTSOCK");
        }
        for flags in [ANYSOCK_FLAG_PEEK, ANYSOCK_FLAG_OOB, ANYSOCK_FLAG_TRUNC] {
            expect_error(recv(handle, &mut [0; 8], flags), "ENOTSOCK");
        }
        for flags in [ANYSOCK_FLAG_OOB, ANYSOCK_FLAG_MORE] {
            expect_error(send(handle, b"lost", flags), "ENOTSOCK");
        }
        expect_error(set(handle, "reuse_address", 1), "ENOTSOCK");
    }
    // The other end's call is the system's to refuse.
    assert!(read(*writer, &mut [0; 8]) < 0);
    assert!(write(*reader, b"lost") < 0);
}

#[test]
fn writing_to_a_pipe_that_nobody_reads_raises_no_signal() {
    child::run("pipes::writing_to_a_pipe_that_nobody_reads_raises_no_signal", child::View::Process, || {
        // Rust ignores the signal, a C program does not.
        // SAFETY: the default takes no function.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        let (reader, writer) = pipe();
        let writer = adopt(writer);
        drop(reader);
        let writes: [fn(i64) -> i64; 3] =
            [|h| write(h, b"lost"), |h| write_all(h, b"lost"), |h| writev(h, &[b"lost"])];
        for write in writes {
            assert_eq!(signals(), Signals { blocked: false, pending: false });
            expect_error(write(*writer), "EPIPE");
        }
        assert_eq!(signals(), Signals { blocked: false, pending: false });
        // What the program itself has blocked, and what waits for it, are the program's.
        block_and_raise();
        expect_error(write(*writer, b"lost"), "EPIPE");
        assert_eq!(signals(), Signals { blocked: true, pending: true });
    });
}

#[derive(PartialEq, Eq, Debug)]
struct Signals {
    blocked: bool,
    pending: bool,
}

/// How the thread stands to SIGPIPE.
fn signals() -> Signals {
    // SAFETY: the sets are filled by the calls, and outlive them.
    unsafe {
        let (mut blocked, mut pending): (libc::sigset_t, libc::sigset_t) = std::mem::zeroed();
        libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut blocked);
        libc::sigpending(&mut pending);
        let has = |set: &libc::sigset_t| libc::sigismember(set, libc::SIGPIPE) == 1;
        Signals { blocked: has(&blocked), pending: has(&pending) }
    }
}

fn block_and_raise() {
    // SAFETY: the set is initialised before it is used, and outlives the calls.
    unsafe {
        let mut pipe: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut pipe);
        libc::sigaddset(&mut pipe, libc::SIGPIPE);
        libc::pthread_sigmask(libc::SIG_BLOCK, &pipe, null_mut());
        libc::pthread_kill(libc::pthread_self(), libc::SIGPIPE);
    }
}

/// Both ends of a terminal: the side that a screen and a keyboard would have, and the program's.
fn terminal() -> (File, File) {
    // SAFETY: the descriptors are new; the name is copied before anyone else can ask for one.
    unsafe {
        let screen = libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY);
        assert!(screen >= 0 && libc::grantpt(screen) == 0 && libc::unlockpt(screen) == 0);
        let program = libc::open(libc::ptsname(screen), libc::O_RDWR | libc::O_NOCTTY);
        assert!(program >= 0);
        (File::from_raw_fd(screen), File::from_raw_fd(program))
    }
}

#[test]
fn a_terminal_is_read_written_and_waited_for() {
    let (screen, program) = terminal();
    let copy = program.try_clone().unwrap();
    let (screen, program) = (adopt(screen), adopt(program));
    expect(set(*program, "read_timeout", SHORT_US));
    expect_timeout(SHORT_US, || read(*program, &mut [0; 64]));
    assert_eq!(select_one(*program, ANYSOCK_EVENT_READ | ANYSOCK_EVENT_WRITE, 0), ANYSOCK_EVENT_WRITE);
    assert_eq!(write(*screen, b"typed\n"), 6);
    assert_eq!(select_one(*program, ANYSOCK_EVENT_READ, LONG_US), ANYSOCK_EVENT_READ);
    let mut room = [0; 64];
    assert_eq!(read(*program, &mut room), 6);
    assert_eq!(&room[..6], b"typed\n");
    assert_eq!(write_all(*program, b"shown"), 5);
    // What was typed is echoed first.
    assert_eq!(read_full(*screen, &mut room[..12]), 12);
    assert_eq!(&room[..12], b"typed\r\nshown");
    assert!(is_blocking(copy.as_raw_fd()));
    let handle = *screen;
    let call = Call::blocked(move || read(handle, &mut [0; 8]));
    assert_eq!(anysock_close(handle), 0);
    expect_error(call.result(), "ECANCELED");
}

#[test]
fn a_pipe_is_released_in_the_mode_in_which_it_was() {
    for blocking in [true, false] {
        let (reader, _writer) = pipe();
        let fd = reader.as_raw_fd();
        if !blocking {
            // SAFETY: takes no memory.
            unsafe { libc::fcntl(fd, libc::F_SETFL, mode(fd) | libc::O_NONBLOCK) };
        }
        let reader = adopt(reader);
        assert_eq!(anysock_fd(*reader), i64::from(fd));
        assert_eq!(anysock_release(*reader), i64::from(fd));
        assert_eq!(is_blocking(fd), blocking);
        // SAFETY: the descriptor was given away just now.
        drop(unsafe { OwnedFd::from_raw_fd(fd) });
    }
}

// Threads that share one.

/// A terminal as a pipe: to read from and to write to, each byte as it is.
fn raw_terminal() -> (File, File) {
    let (screen, program) = terminal();
    // SAFETY: the settings are written before they are read.
    unsafe {
        let mut settings: libc::termios = std::mem::zeroed();
        assert_eq!(libc::tcgetattr(program.as_raw_fd(), &mut settings), 0);
        libc::cfmakeraw(&mut settings);
        assert_eq!(libc::tcsetattr(program.as_raw_fd(), libc::TCSANOW, &settings), 0);
    }
    (program, screen)
}

fn fifo() -> (File, File) {
    let path = std::env::temp_dir().join(crate::support::free_address("unix").trim_start_matches('@'));
    let path = path.with_file_name(format!("fifo-{}", path.file_name().unwrap().to_str().unwrap()));
    let text = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: the text is NUL-terminated.
    assert_eq!(unsafe { libc::mkfifo(text.as_ptr(), 0o600) }, 0);
    let both = || File::options().read(true).write(true).open(&path).unwrap();
    let ends = (both(), both());
    std::fs::remove_file(&path).unwrap();
    ends
}

/// What it is called, and how to come by both ends.
type Kind = (&'static str, fn() -> (File, File));

const SHARED: &[Kind] = &[("pipe", pipe), ("terminal", raw_terminal), ("fifo", fifo)];

/// One of the calls that read a byte or so.
const READS: &[NamedCall] = &[
    ("read", |h| read(h, &mut [0; 1])),
    ("readv", |h| readv(h, &mut [&mut [0; 1]])),
    ("send_file from it", |h| {
        let (one, _other) = pair("unix");
        expect(set(*one, "timeout", ANYSOCK_MILLISECOND));
        match anysock_send_file(*one, expect(anysock_fd(h)), -1, 1) {
            0.. => 1,
            code => code,
        }
    }),
];

/// Threads that make a call again and again, and how often each has returned.
struct Crowd {
    returns: Arc<[AtomicUsize; 4]>,
    over: Arc<AtomicBool>,
    calls: Vec<Call<()>>,
}

impl Crowd {
    fn new(call: impl Fn() -> i64 + Clone + Send + 'static) -> Self {
        let (returns, over) =
            (Arc::new([const { AtomicUsize::new(0) }; 4]), Arc::new(AtomicBool::new(false)));
        let start = |place: usize| {
            let (call, returns, over) = (call.clone(), Arc::clone(&returns), Arc::clone(&over));
            Call::start(move || {
                while !over.load(Ordering::SeqCst) {
                    match call() {
                        0.. => {}
                        code => expect_error(code, "ETIMEDOUT"),
                    }
                    returns[place].fetch_add(1, Ordering::SeqCst);
                }
            })
        };
        let calls = (0..returns.len()).map(start).collect();
        Self { returns, over, calls }
    }

    /// Waits until each has returned from a call that it has begun by now, and from the next.
    #[track_caller]
    fn await_all(&self) {
        for returns in self.returns.iter() {
            let before = returns.load(Ordering::SeqCst);
            until("the end of a call that has a timeout", || returns.load(Ordering::SeqCst) >= before + 2);
        }
    }

    fn end(self) {
        self.over.store(true, Ordering::SeqCst);
        self.calls.into_iter().for_each(Call::result);
    }
}

/// Each byte is for one of them, and all are told that there is one.
#[test]
fn threads_that_read_the_same_keep_their_timeouts() {
    for (what, open) in SHARED {
        for (_, call) in READS {
            let (reader, mut writer) = open();
            let reader = adopt(reader);
            expect(set(*reader, "read_timeout", ANYSOCK_MILLISECOND));
            let handle = *reader;
            let crowd = Crowd::new(move || call(handle));
            for _ in 0..ROUNDS {
                std::io::Write::write_all(&mut writer, b"x").expect(what);
                crowd.await_all();
            }
            crowd.end();
        }
    }
}

const ROUNDS: usize = 150;

/// All are told of the byte, and one gets it. The others must not sit in the system's read, from which no close wakes.
#[test]
fn closing_wakes_those_who_were_late_for_a_byte() {
    for (what, open) in SHARED {
        for _ in 0..ROUNDS / 3 {
            let (reader, mut writer) = open();
            let reader = adopt(reader);
            let handle = *reader;
            let mut calls: Vec<_> =
                (0..4).map(|_| Call::blocked(move || read(handle, &mut [0; 1]))).collect();
            std::io::Write::write_all(&mut writer, b"x").expect(what);
            let mut winner = None;
            until("the byte to be read", || {
                winner = calls.iter().position(|call| call.try_result() == Some(1));
                winner.is_some()
            });
            drop(winner.map(|place| calls.swap_remove(place)));
            assert_eq!(anysock_close(handle), 0, "{what}");
            calls.into_iter().for_each(|call| expect_error(call.result(), "ECANCELED"));
        }
    }
}

/// Each finds room for a little, and together they want more.
#[test]
fn threads_that_write_the_same_keep_their_timeouts() {
    for (what, open) in [SHARED[0], SHARED[2]] {
        let (mut reader, writer) = open();
        let writer = adopt(writer);
        expect(set(*writer, "write_timeout", ANYSOCK_MILLISECOND));
        let handle = *writer;
        let crowd = Crowd::new(move || write(handle, &[0; 4096]));
        for _ in 0..ROUNDS {
            std::io::Read::read_exact(&mut reader, &mut [0; 4096]).expect(what);
            crowd.await_all();
        }
        crowd.end();
    }
}
