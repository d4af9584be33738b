//! The timeouts that a system has for sockets that block, SO_RCVTIMEO and SO_SNDTIMEO: set by their numbers, or on a
//! socket before it came, they end calls as socket(7) says. Not here: the handle's own timeouts (`transfer`).
#![cfg(unix)]

use crate::own::given;
use crate::peers::*;
use crate::support::*;
use socket2::{Domain, SockRef, Socket, Type};
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

const SHORT_US: i64 = 60 * ANYSOCK_MILLISECOND;
const SHORT: Duration = Duration::from_millis(60);

/// Sets one of them.
#[track_caller]
fn set_system(h: i64, option: i32, micros: i64) {
    let time = libc::timeval { tv_sec: (micros / 1_000_000) as _, tv_usec: (micros % 1_000_000) as _ };
    let size = size_of::<libc::timeval>();
    // SAFETY: the time is as long as it says.
    expect(unsafe { anysock_set_raw(h, libc::SOL_SOCKET, option, (&raw const time).cast(), size) });
}

fn get_system(h: i64, option: i32) -> i64 {
    let mut time = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let size = size_of::<libc::timeval>();
    // SAFETY: the place is as long as it says.
    expect(unsafe { anysock_get_raw(h, libc::SOL_SOCKET, option, (&raw mut time).cast(), size) });
    Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1_000).as_micros() as i64
}

/// The call must end with this error, and not before its time.
#[track_caller]
fn expect_end(error: &str, call: impl FnOnce() -> i64) {
    let (outcome, took) = timed(call);
    expect_error(outcome, error);
    assert!(took >= SHORT && took < LONG / 2, "after {took:?}");
}

/// Native or not, by the option's value.
const BOTH: [i64; 2] = [0, 1];

#[test]
fn reads_and_writes_end_as_the_system_says() {
    for native in BOTH {
        for kind in here(&["tcp4", "unix", "unixpacket", "unixgram"]) {
            let (one, _other) = pair(kind);
            expect(set(*one, "native", native));
            set_system(*one, libc::SO_RCVTIMEO, SHORT_US);
            expect_end("EAGAIN", || read(*one, &mut [0; 8]));
            expect_end("EAGAIN", || recv_from(*one, &mut [0; 8], 0));
            expect_end("EAGAIN", || readv(*one, &mut [&mut [0; 8]]));
            set_system(*one, libc::SO_SNDTIMEO, SHORT_US);
            fill(*one);
            expect_end("EAGAIN", || write(*one, &[0; 4096]));
            expect_end("EAGAIN", || writev(*one, &[&[0; 4096]]));
            assert_eq!(get_system(*one, libc::SO_RCVTIMEO), SHORT_US);
            assert_eq!(get_system(*one, libc::SO_SNDTIMEO), SHORT_US);
        }
    }
}

#[test]
fn what_was_moved_before_is_counted() {
    let (one, other) = pair("unix");
    set_system(*one, libc::SO_RCVTIMEO, SHORT_US);
    assert_eq!(write(*other, b"hello"), 5);
    let (count, took) = timed(|| read_full(*one, &mut [0; 8]));
    assert_eq!(count, 5);
    assert!(took >= SHORT);
}

#[test]
fn accepts_and_connects_end_as_the_system_says() {
    for native in BOTH {
        let listener = listener("tcp4");
        expect(set(*listener, "native", native));
        set_system(*listener, libc::SO_RCVTIMEO, SHORT_US);
        expect_end("EAGAIN", || anysock_accept(*listener));
        let silent = Silent::new("tcp4");
        let client = open("tcp4");
        expect(set(*client, "native", native));
        set_system(*client, libc::SO_SNDTIMEO, SHORT_US);
        expect_end("EINPROGRESS", || connect(*client, &silent.address()));
        expect_error(connect(*client, &silent.address()), "EALREADY");
    }
}

/// A connect that was too long goes on, and may be waited for.
#[test]
fn a_connect_that_is_under_way_arrives() {
    let mut silent = Silent::new("tcp4");
    let client = open("tcp4");
    set_system(*client, libc::SO_SNDTIMEO, SHORT_US);
    expect_end("EINPROGRESS", || connect(*client, &silent.address()));
    silent.wake();
    assert_eq!(select_one(*client, ANYSOCK_EVENT_WRITE, LONG_US), ANYSOCK_EVENT_WRITE);
    assert_eq!(connect(*client, ""), 0);
}

#[test]
fn they_are_the_timeouts_of_reads_and_writes() {
    let (one, _other) = pair("unix");
    set_system(*one, libc::SO_RCVTIMEO, SHORT_US);
    set_system(*one, libc::SO_SNDTIMEO, 2 * SHORT_US);
    assert_eq!(get(*one, "read_timeout"), Ok(SHORT_US));
    assert_eq!(get(*one, "write_timeout"), Ok(2 * SHORT_US));
    assert_eq!(get(*one, "timeout"), Ok(-1));
    // They win over the general one, as timeouts of their own do.
    expect(set(*one, "timeout", LONG_US));
    expect_end("EAGAIN", || read(*one, &mut [0; 8]));
    // Set by its name it is the handle's own again.
    expect(set(*one, "read_timeout", SHORT_US));
    expect_timeout(SHORT_US, || read(*one, &mut [0; 8]));
    expect(set(*one, "timeout", 0));
    expect(set(*one, "read_timeout", -1));
    expect_error(read(*one, &mut [0; 8]), "EAGAIN");
    // 0 is none to the system.
    set_system(*one, libc::SO_SNDTIMEO, 0);
    assert_eq!(get(*one, "write_timeout"), Ok(-1));
}

/// To the system a socket with a timeout of a language's module is non-blocking.
#[test]
fn on_a_native_handle_the_general_timeout_wins() {
    let (one, _other) = pair("unix");
    expect(set(*one, "native", 1));
    set_system(*one, libc::SO_RCVTIMEO, LONG_US);
    expect(set(*one, "timeout", 0));
    let (outcome, took) = timed(|| read(*one, &mut [0; 8]));
    expect_error(outcome, "EAGAIN");
    assert!(took < LONG / 2);
    expect(set(*one, "timeout", SHORT_US));
    expect_timeout(SHORT_US, || read(*one, &mut [0; 8]));
    expect(set(*one, "timeout", -1));
    set_system(*one, libc::SO_RCVTIMEO, SHORT_US);
    expect_end("EAGAIN", || read(*one, &mut [0; 8]));
}

#[test]
fn a_socket_brings_its_own() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    socket.connect(&listener.local_addr().unwrap().into()).unwrap();
    socket.set_read_timeout(Some(SHORT)).unwrap();
    let handle = own(expect(anysock_adopt(given(socket))));
    expect_end("EAGAIN", || read(*handle, &mut [0; 8]));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(SHORT)).unwrap();
    let handle = own(expect(anysock_adopt(given(socket.into()))));
    expect_end("EAGAIN", || recv_from(*handle, &mut [0; 8], 0));
    SockRef::from(&listener).set_read_timeout(Some(SHORT)).unwrap();
    let handle = own(expect(anysock_adopt(given(listener.into()))));
    drop(own(expect(anysock_accept(*handle))));
    expect_end("EAGAIN", || anysock_accept(*handle));
}

/// Linux and the BSDs give the connections of a listener its timeouts.
#[test]
fn an_accepted_connection_has_what_the_system_gives_it() {
    let listener = listener("tcp4");
    set_system(*listener, libc::SO_RCVTIMEO, SHORT_US);
    let client = open("tcp4");
    expect(connect(*client, &local_address(*listener)));
    let server = own(expect(anysock_accept(*listener)));
    let given = get_system(*server, libc::SO_RCVTIMEO);
    assert_eq!(get(*server, "read_timeout"), Ok(if given == 0 { -1 } else { given }));
}

#[test]
fn what_is_no_time_is_refused_by_the_system() {
    let (one, _other) = pair("unix");
    let bytes = [0_u8; 4];
    let short = |h| {
        // SAFETY: the bytes are as many as it says.
        unsafe { anysock_set_raw(h, libc::SOL_SOCKET, libc::SO_RCVTIMEO, bytes.as_ptr().cast(), bytes.len()) }
    };
    expect_error(short(*one), "EINVAL");
    assert_eq!(get(*one, "read_timeout"), Ok(-1));
}
