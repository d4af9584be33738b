//! Descriptors of somebody else's that are waited for: sockets and pipes, on Unix. Not here: those that a handle owns
//! (`descriptors`, `pipes`).
#![cfg(unix)]

use crate::pipes::{is_blocking, is_open, pipe};
use crate::support::*;
#[cfg(target_os = "linux")]
use socket2::{Domain, Socket, Type};
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

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
        assert_eq!(anysock_fd(*handle), i64::from(there.as_raw_fd()));
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
    drop(borrow(&Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, None).unwrap()));
}
