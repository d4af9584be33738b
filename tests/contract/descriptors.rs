//! The operating system's own descriptors: lent, adopted, borrowed and given away, pipes and terminals among them; and
//! pairs.
//! Not here: what a program that is started inherits, and fork.
#![cfg(unix)]

use crate::peers::*;
use crate::support::*;
use std::fs::File;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr::null_mut;

const SHORT_US: i64 = 50 * ANYSOCK_MILLISECOND;

/// Gives a descriptor to the library.
#[track_caller]
fn adopt(fd: impl IntoRawFd) -> Own {
    Own(expect(anysock_adopt(fd.into_raw_fd().into())))
}

/// The flags that all who share the open file see: its mode, `O_NONBLOCK` among them.
#[track_caller]
fn mode(fd: RawFd) -> i32 {
    // SAFETY: takes no memory.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    assert!(flags >= 0, "descriptor {fd} is not open");
    flags
}

fn is_blocking(fd: RawFd) -> bool {
    mode(fd) & libc::O_NONBLOCK == 0
}

fn is_open(fd: RawFd) -> bool {
    // SAFETY: takes no memory.
    unsafe { libc::fcntl(fd, libc::F_GETFD) >= 0 }
}

fn close_on_exec(fd: RawFd) -> bool {
    // SAFETY: takes no memory.
    unsafe { libc::fcntl(fd, libc::F_GETFD) & libc::FD_CLOEXEC != 0 }
}

fn set_close_on_exec(fd: RawFd, on: bool) {
    // SAFETY: takes no memory.
    assert_eq!(unsafe { libc::fcntl(fd, libc::F_SETFD, if on { libc::FD_CLOEXEC } else { 0 }) }, 0);
}

/// A socket of the system's own making.
fn raw_socket(family: i32, kind: i32) -> OwnedFd {
    // SAFETY: takes no memory, and the descriptor is new.
    unsafe {
        let fd = libc::socket(family, kind, 0);
        assert!(fd >= 0, "{}", std::io::Error::last_os_error());
        OwnedFd::from_raw_fd(fd)
    }
}

/// Both ends of a pipe: to read from, to write to.
fn pipe() -> (File, File) {
    let mut ends = [-1; 2];
    // SAFETY: the array holds both descriptors, which are new.
    unsafe {
        assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
        (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1]))
    }
}

// Sockets.

#[test]
fn a_connection_from_elsewhere_is_adopted_and_given_back_as_it_was() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for (blocking, close) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let there = listener.accept().unwrap().0;
        there.set_nonblocking(!blocking).unwrap();
        let fd = there.as_raw_fd();
        set_close_on_exec(fd, close);
        let handle = adopt(there);
        assert_eq!(anysock_fd(*handle), fd.into());
        assert!(!is_blocking(fd));
        assert_eq!(close_on_exec(fd), close);
        assert_eq!(get_text(*handle, "kind").as_deref(), Ok("tcp4"));
        assert_eq!(peer_address(*handle), here.local_addr().unwrap().to_string());
        std::io::Write::write_all(&mut here, b"hello").unwrap();
        assert_eq!(read(*handle, &mut [0; 8]), 5);
        expect_error(connect(*handle, "127.0.0.1:9"), "EISCONN");

        assert_eq!(anysock_release(*handle), fd.into());
        expect_error(read(*handle, &mut [0; 8]), "EBADF");
        expect_error(anysock_close(*handle), "EBADF");
        assert_eq!((is_blocking(fd), close_on_exec(fd)), (blocking, close));
        // SAFETY: the descriptor was given away just now.
        let mut there = unsafe { TcpStream::from_raw_fd(fd) };
        std::io::Write::write_all(&mut there, b"still there").unwrap();
        drop(there);
        let mut text = String::new();
        std::io::Read::read_to_string(&mut here, &mut text).unwrap();
        assert_eq!(text, "still there");
    }
}

#[test]
fn closing_an_adopted_handle_closes_the_descriptor() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    drop(adopt(listener.accept().unwrap().0));
    assert_eq!(std::io::Read::read(&mut here, &mut [0; 8]).unwrap(), 0);
}

#[test]
fn a_listener_from_elsewhere_listens_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let handle = adopt(listener);
    assert_eq!(get(*handle, "listening"), Ok(1));
    assert_eq!(local_address(*handle), address.to_string());
    expect(set(*handle, "accept_timeout", 0));
    expect_error(anysock_accept(*handle), "EAGAIN");
    let client = TcpStream::connect(address).unwrap();
    expect(set(*handle, "accept_timeout", LONG_US));
    let server = Own(expect(anysock_accept(*handle)));
    assert_eq!(peer_address(*server), client.local_addr().unwrap().to_string());
    expect_error(connect(*handle, "127.0.0.1:9"), "EOPNOTSUPP");
}

#[test]
fn a_new_socket_from_elsewhere_connects_and_listens() {
    let listener = adopt(raw_socket(libc::AF_INET, libc::SOCK_STREAM));
    expect_error(read(*listener, &mut [0; 8]), "ENOTCONN");
    expect(bind(*listener, "127.0.0.1:0"));
    expect(anysock_listen(*listener, 0));
    let client = adopt(raw_socket(libc::AF_INET, libc::SOCK_STREAM));
    assert_eq!(connect(*client, &local_address(*listener)), 0);
    drop(Own(expect(anysock_accept(*listener))));
}

#[test]
fn a_socket_that_is_connecting_is_adopted_in_the_middle_of_it() {
    let mut silent = Silent::new("tcp4");
    let socket = raw_socket(libc::AF_INET, libc::SOCK_STREAM);
    start_connect(socket.as_raw_fd(), port(&silent.address()));
    let client = adopt(socket);
    expect(set(*client, "connect_timeout", 0));
    expect_error(connect(*client, ""), "EALREADY");
    assert_eq!(select_one(*client, ANYSOCK_WRITE, 0), 0);
    silent.wake();
    assert_eq!(select_one(*client, ANYSOCK_WRITE | ANYSOCK_EXCEPT, LONG_US), ANYSOCK_WRITE);
    assert_eq!(connect(*client, ""), 0);
    expect_error(connect(*client, ""), "EISCONN");
    let server = Own(expect(anysock_accept(*silent.listener)));
    assert_eq!(write(*client, b"hello"), 5);
    assert_eq!(read(*server, &mut [0; 8]), 5);
    // It was blocking when it came.
    let fd = expect(anysock_release(*client)) as RawFd;
    assert!(is_blocking(fd));
    // SAFETY: the descriptor was given away just now.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
}

/// Starts to connect to a port of `127.0.0.1`; the socket is blocking afterwards as before.
fn start_connect(fd: RawFd, port: u16) {
    let flags = mode(fd);
    // SAFETY: plain numbers, for which zero is a value; the address lives through the call.
    unsafe {
        libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK);
        let mut address: libc::sockaddr_in = std::mem::zeroed();
        address.sin_family = libc::AF_INET as libc::sa_family_t;
        address.sin_port = port.to_be();
        address.sin_addr.s_addr = u32::from(std::net::Ipv4Addr::LOCALHOST).to_be();
        let outcome = libc::connect(fd, (&raw const address).cast(), size_of_val(&address) as _);
        assert_eq!(outcome, -1);
        assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EINPROGRESS));
        libc::fcntl(fd, libc::F_SETFL, flags);
    }
}

#[test]
fn every_kind_is_recognised() {
    let unix = |kind| raw_socket(libc::AF_UNIX, kind);
    let kinds: [(OwnedFd, &str); 6] = [
        (UdpSocket::bind("127.0.0.1:0").unwrap().into(), "udp4"),
        (raw_socket(libc::AF_INET, libc::SOCK_DGRAM), "udp4"),
        (raw_socket(libc::AF_INET, libc::SOCK_STREAM), "tcp4"),
        (unix(libc::SOCK_STREAM), "unix"),
        (unix(libc::SOCK_DGRAM), "unixgram"),
        (unix(libc::SOCK_SEQPACKET), "unixpacket"),
    ];
    for (socket, kind) in kinds {
        assert_eq!(get_text(*adopt(socket), "kind").as_deref(), Ok(kind));
    }
    if has_ipv6() {
        for (kind, text) in [(libc::SOCK_STREAM, "tcp6"), (libc::SOCK_DGRAM, "udp6")] {
            assert_eq!(get_text(*adopt(raw_socket(libc::AF_INET6, kind)), "kind").as_deref(), Ok(text));
        }
    }
}

#[test]
fn what_can_not_be_adopted_stays_as_it_was() {
    let path = std::env::temp_dir().join(format!("anysock-file-{}", std::process::id()));
    let file = File::create(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let directory = File::open(std::env::temp_dir()).unwrap();
    for (what, error) in [(&file, "ENOTSOCK"), (&directory, "ENOTSOCK")] {
        let before = mode(what.as_raw_fd());
        expect_error(anysock_adopt(what.as_raw_fd().into()), error);
        assert_eq!(mode(what.as_raw_fd()), before);
    }
    #[cfg(target_os = "linux")]
    {
        let stranger = raw_socket(libc::AF_NETLINK, libc::SOCK_RAW);
        expect_error(anysock_adopt(stranger.as_raw_fd().into()), "EAFNOSUPPORT");
        assert!(is_blocking(stranger.as_raw_fd()));
    }
    for number in [-1, -100, 1_000_000, i64::from(i32::MAX), 1 << 32, i64::MAX, i64::MIN] {
        expect_error(anysock_adopt(number), "EBADF");
    }
}

#[test]
fn a_socket_that_the_library_opened_is_released_blocking_under_its_number() {
    for kind in stream_kinds() {
        let (client, server) = connected(kind);
        for socket in [client, server] {
            let fd = expect(anysock_fd(*socket));
            assert!(!is_blocking(fd as RawFd));
            assert!(close_on_exec(fd as RawFd));
            assert_eq!(anysock_release(*socket), fd);
            assert!(is_blocking(fd as RawFd));
            // SAFETY: the descriptor was given away just now.
            drop(unsafe { OwnedFd::from_raw_fd(fd as RawFd) });
        }
    }
}

#[test]
fn release_ends_the_calls_that_run() {
    let (client, server) = connected("tcp4");
    let (handle, fd) = (*server, expect(anysock_fd(*server)));
    let call = Call::blocked(move || read(handle, &mut [0; 8]));
    assert_eq!(anysock_release(handle), fd);
    expect_error(call.result(), "ECANCELED");
    assert_eq!(write(*client, b"hello"), 5);
    // SAFETY: the descriptor was given away just now.
    let mut server = unsafe { TcpStream::from_raw_fd(fd as RawFd) };
    assert_eq!(std::io::Read::read(&mut server, &mut [0; 8]).unwrap(), 5);
}

#[test]
fn a_released_socket_has_left_its_pollers() {
    let (client, server) = connected("tcp4");
    let poller = poller();
    expect(anysock_poller_set(*poller, *server, ANYSOCK_READ, 7));
    let fd = expect(anysock_release(*server));
    assert_eq!(write(*client, b"hello"), 5);
    assert_eq!(poller_wait_code(*poller, 4, SHORT_US), 0);
    // SAFETY: the descriptor was given away just now.
    drop(unsafe { OwnedFd::from_raw_fd(fd as RawFd) });
}

#[test]
fn a_handle_without_a_descriptor_of_its_own_lends_and_releases_none() {
    for kind in ["tcp", "udp"] {
        let socket = open(kind);
        expect_error(anysock_fd(*socket), "ENOTCONN");
        expect_error(anysock_release(*socket), "ENOTCONN");
        expect(bind(*socket, "127.0.0.1:0"));
        let fd = expect(anysock_fd(*socket));
        assert_eq!(anysock_release(*socket), fd);
        // SAFETY: the descriptor was given away just now.
        drop(unsafe { OwnedFd::from_raw_fd(fd as RawFd) });
    }
    for number in [0, -1, i64::MAX] {
        expect_error(anysock_fd(number), "EBADF");
        expect_error(anysock_release(number), "EBADF");
    }
}

// Borrowed descriptors.

/// A handle that waits for a descriptor which stays the test's.
#[track_caller]
fn borrow(fd: &impl AsRawFd) -> Own {
    Own(expect(anysock_borrow(fd.as_raw_fd().into())))
}

#[test]
fn a_borrowed_socket_is_waited_for_and_stays_as_it_was() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut there = listener.accept().unwrap().0;
    let poller = poller();
    for _ in 0..2 {
        let handle = borrow(&there);
        assert_eq!(anysock_fd(*handle), there.as_raw_fd().into());
        expect(anysock_poller_set(*poller, *handle, ANYSOCK_READ, 7));
        assert_eq!(select_one(*handle, ANYSOCK_READ | ANYSOCK_WRITE, 0), ANYSOCK_WRITE);
        assert_eq!(poller_wait_code(*poller, 4, 0), 0);
        std::io::Write::write_all(&mut here, b"x").unwrap();
        assert_eq!(select_one(*handle, ANYSOCK_READ, LONG_US), ANYSOCK_READ);
        assert_eq!(poller_wait(*poller, 4, LONG_US).unwrap()[0].token, 7);
        assert!(is_blocking(there.as_raw_fd()));
        drop(handle);
        assert!(is_open(there.as_raw_fd()));
        assert_eq!(poller_wait_code(*poller, 4, 0), 0);
        assert_eq!(std::io::Read::read(&mut there, &mut [0; 8]).unwrap(), 1);
    }
}

#[test]
fn a_borrowed_pipe_tells_that_its_other_end_is_gone() {
    let (reader, writer) = pipe();
    let [reading, writing] = [borrow(&reader), borrow(&writer)];
    assert_eq!(select_one(*reading, ANYSOCK_READ, 0), 0);
    // Also to who asks for nothing that the end could do: so event loops learn that nobody reads any more.
    let poller = poller();
    expect(anysock_poller_set(*poller, *writing, ANYSOCK_READ, 0));
    assert_eq!(poller_wait_code(*poller, 4, 0), 0);
    drop(reading);
    drop(reader);
    assert_eq!(poller_wait_code(*poller, 4, LONG_US), 1);
    assert!(is_open(writer.as_raw_fd()));
}

#[test]
fn closing_a_borrowed_handle_ends_the_waits_for_it() {
    let (reader, _writer) = pipe();
    let handle = borrow(&reader);
    let number = *handle;
    let call = Call::blocked(move || select(&mut [vec![number], Vec::new(), Vec::new()], LONG_US));
    drop(handle);
    expect_error(call.result(), "ECANCELED");
    assert!(is_open(reader.as_raw_fd()));
}

#[test]
fn what_can_not_be_polled_is_not_borrowed() {
    let directory = File::open(std::env::temp_dir()).unwrap();
    expect_error(anysock_borrow(directory.as_raw_fd().into()), "ENOTSOCK");
    for number in [-1, -100, 1_000_000, i64::from(i32::MAX), 1 << 32, i64::MAX, i64::MIN] {
        expect_error(anysock_borrow(number), "EBADF");
    }
    // Of no family of ours, and yet it can be waited for.
    #[cfg(target_os = "linux")]
    drop(borrow(&raw_socket(libc::AF_NETLINK, libc::SOCK_RAW)));
}

// Pipes and terminals.

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
    expect_error(recv(*reader, &mut [0; 8], ANYSOCK_DONT_WAIT), "EAGAIN");
    let queued = fill(*writer);
    expect(set(*writer, "write_timeout", SHORT_US));
    expect_timeout(SHORT_US, || write(*writer, b"no room"));
    expect_timeout(SHORT_US, || write_all(*writer, b"no room"));
    expect_timeout(SHORT_US, || writev(*writer, &[b"no room"]));
    assert_eq!(select_one(*writer, ANYSOCK_WRITE, 0), 0);
    assert_eq!(select_one(*reader, ANYSOCK_READ, 0), ANYSOCK_READ);
    assert_eq!(read_full(*reader, &mut vec![0; queued]), queued as i64);
    assert_eq!(select_one(*writer, ANYSOCK_WRITE, 0), ANYSOCK_WRITE);
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
        for flags in [ANYSOCK_PEEK, ANYSOCK_OOB, ANYSOCK_TRUNC] {
            expect_error(recv(handle, &mut [0; 8], flags), "ENOTSOCK");
        }
        for flags in [ANYSOCK_OOB, ANYSOCK_MORE] {
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
    child::run(
        "descriptors::writing_to_a_pipe_that_nobody_reads_raises_no_signal",
        child::View::Process,
        || {
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
        },
    );
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
    assert_eq!(select_one(*program, ANYSOCK_READ | ANYSOCK_WRITE, 0), ANYSOCK_WRITE);
    assert_eq!(write(*screen, b"typed\n"), 6);
    assert_eq!(select_one(*program, ANYSOCK_READ, LONG_US), ANYSOCK_READ);
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
        assert_eq!(anysock_fd(*reader), fd.into());
        assert_eq!(anysock_release(*reader), fd.into());
        assert_eq!(is_blocking(fd), blocking);
        // SAFETY: the descriptor was given away just now.
        drop(unsafe { OwnedFd::from_raw_fd(fd) });
    }
}

// Pairs.

#[test]
fn both_ends_of_a_pair_talk_to_each_other() {
    let mut kinds = vec!["unix", "unixgram", "unixpacket", "tcp", "tcp4"];
    if has_ipv6() {
        kinds.push("tcp6");
    }
    for kind in kinds {
        let (one, other) = pair(kind);
        assert_ne!(one, other);
        for (from, to) in [(&one, &other), (&other, &one)] {
            assert_eq!(write(**from, b"hello"), 5);
            let mut room = [0; 8];
            assert_eq!(read(**to, &mut room), 5, "{kind}");
            assert_eq!(&room[..5], b"hello");
        }
        if kind.starts_with("tcp") {
            assert_eq!(peer_address(*one), local_address(*other));
            assert_eq!(peer_address(*other), local_address(*one));
        }
        if kind != "unixgram" {
            expect_error(connect(*one, ""), "EISCONN");
            expect(anysock_shutdown(*one, ANYSOCK_SHUT_WRITE));
            assert_eq!(read(*other, &mut [0; 8]), 0);
        }
    }
}

#[test]
fn a_pair_of_what_has_none_leaves_its_places_alone() {
    let (mut first, mut second) = (-7, -7);
    for (kind, error) in [
        ("udp", "EOPNOTSUPP"),
        ("udp4", "EOPNOTSUPP"),
        ("ip4:icmp", "EOPNOTSUPP"),
        ("pipe", "EINVAL"),
        ("", "EINVAL"),
    ] {
        // SAFETY: the text is NUL-terminated, both places live through the call.
        expect_error(unsafe { anysock_pair(text(kind).as_ptr(), &mut first, &mut second) }, error);
    }
    // SAFETY: NULL is what is tested.
    unsafe {
        expect_error(anysock_pair(text("unix").as_ptr(), null_mut(), &mut second), "EFAULT");
        expect_error(anysock_pair(text("unix").as_ptr(), &mut first, null_mut()), "EFAULT");
        expect_error(anysock_pair(std::ptr::null(), &mut first, &mut second), "EFAULT");
    }
    assert_eq!((first, second), (-7, -7));
}

/// A stranger who knocks at all ports all the time gets to a pair's listener now and then, and gets no end of it.
#[test]
#[cfg(target_os = "linux")]
fn a_stranger_never_gets_an_end_of_a_pair() {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    static HITS: AtomicUsize = AtomicUsize::new(0);
    static DONE: AtomicBool = AtomicBool::new(false);
    const PORTS: std::ops::Range<u16> = 40_000..40_016;

    fn knock() {
        while !DONE.load(Ordering::Relaxed) {
            for port in PORTS {
                let stranger = open("tcp4");
                // Its own port is none of those, and free again when it has gone.
                expect(bind(*stranger, "127.0.0.1:50000"));
                expect(set(*stranger, "linger", 0));
                if connect(*stranger, &format!("127.0.0.1:{port}")) == 0 {
                    HITS.fetch_add(1, Ordering::Relaxed);
                    // A listener that closes in the middle of a handshake may forget to say so; asked, the system answers.
                    write(*stranger, b"anybody?");
                    expect(set(*stranger, "read_timeout", LONG_US));
                    let end = read(*stranger, &mut [0; 8]);
                    assert!(end == 0 || name(end) == "ECONNRESET", "{end}");
                }
            }
        }
    }

    child::run("descriptors::a_stranger_never_gets_an_end_of_a_pair", child::View::Network, || {
        let range = format!("{} {}", PORTS.start, PORTS.end - 1);
        std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", range).unwrap();
        let stranger = Call::start(knock);
        let end = std::time::Instant::now() + LONG / 2;
        while HITS.load(Ordering::Relaxed) < 20 {
            assert!(std::time::Instant::now() < end, "the stranger has never got in between");
            let (mut one, mut other) = (0, 0);
            // SAFETY: the text is NUL-terminated, both places live through the call.
            expect(unsafe { anysock_pair(text("tcp").as_ptr(), &mut one, &mut other) });
            let (one, other) = (Own(one), Own(other));
            assert_eq!(peer_address(*one), local_address(*other));
            assert_eq!(peer_address(*other), local_address(*one));
            assert_eq!(write(*one, b"secret"), 6);
            assert_eq!(read(*other, &mut [0; 8]), 6);
            expect(set(*one, "linger", 0));
        }
        DONE.store(true, Ordering::Relaxed);
        stranger.result();
    });
}
