//! Descriptors of somebody else's that are waited for: sockets, and on Unix pipes. Not here: those that a handle owns
//! (`descriptors`, `pipes`).

use crate::own::*;
use crate::support::*;
use socket2::Socket;
use std::fs::File;
use std::net::{TcpListener, TcpStream, UdpSocket};

/// A handle that waits for a descriptor which stays the test's.
#[track_caller]
fn borrow(number: i64) -> Own {
    own(expect(anysock_borrow(number)))
}

/// A connection of the system's own making.
fn connection() -> (Socket, Socket) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (here.into(), listener.accept().unwrap().0.into())
}

#[test]
fn a_borrowed_socket_is_waited_for_and_stays_as_it_was() {
    let (mut here, mut there) = connection();
    let poller = poller();
    for _ in 0..2 {
        let handle = borrow(lent(&there));
        assert_eq!(anysock_fd(*handle), lent(&there));
        expect(anysock_poller_set(*poller, *handle, ANYSOCK_EVENT_READ, 7));
        assert_eq!(select_one(*handle, ANYSOCK_EVENT_READ | ANYSOCK_EVENT_WRITE, 0), ANYSOCK_EVENT_WRITE);
        assert_eq!(poller_wait_code(*poller, 4, 0), 0);
        std::io::Write::write_all(&mut here, b"x").unwrap();
        assert_eq!(select_one(*handle, ANYSOCK_EVENT_READ, LONG_US), ANYSOCK_EVENT_READ);
        assert_eq!(poller_wait(*poller, 4, LONG_US).unwrap()[0].token, 7);
        drop(handle);
        assert_eq!(poller_wait_code(*poller, 4, 0), 0);
        assert_eq!(std::io::Read::read(&mut there, &mut [0; 8]).unwrap(), 1);
        assert!(is_blocking(lent(&there)));
    }
}

#[test]
fn a_borrowed_socket_is_read_and_written_without_waiting_in_the_system() {
    let (mut here, there) = connection();
    let handle = borrow(lent(&there));
    expect(set(*handle, "timeout", 0));
    // The socket itself would wait.
    expect_error(read(*handle, &mut [0; 8]), "EAGAIN");
    expect_error(readv(*handle, &mut [&mut [0; 8], &mut [0; 8]]), "EAGAIN");
    std::io::Write::write_all(&mut here, b"in two parts").unwrap();
    assert_eq!(select_one(*handle, ANYSOCK_EVENT_READ, LONG_US), ANYSOCK_EVENT_READ);
    assert_eq!(read(*handle, &mut [0; 6]), 6);
    assert_eq!(readv(*handle, &mut [&mut [0; 2], &mut [0; 8]]), 6);
    assert_eq!(writev(*handle, &[b"to and ", b"fro"]), 10);
    assert_eq!(write(*handle, b"!"), 1);
    let mut room = [0; 11];
    std::io::Read::read_exact(&mut here, &mut room).unwrap();
    assert_eq!(room, *b"to and fro!");
    let more = vec![0; 1 << 20];
    let outcome = std::iter::repeat_with(|| write(*handle, &more)).find(|outcome| *outcome < 0);
    expect_error(outcome.unwrap(), "EAGAIN");
    expect_error(send(*handle, b"x", ANYSOCK_FLAG_OOB), "ENOTSOCK");
    expect_error(anysock_shutdown(*handle, ANYSOCK_SHUT_WRITE), "ENOTSOCK");
}

#[test]
fn closing_a_borrowed_handle_ends_the_waits_for_it() {
    let socket = Socket::from(UdpSocket::bind("127.0.0.1:0").unwrap());
    let handle = borrow(lent(&socket));
    let number = *handle;
    let call = Call::blocked(move || select(&mut [vec![number], Vec::new(), Vec::new()], LONG_US));
    drop(handle);
    expect_error(call.result(), "ECANCELED");
    socket.local_addr().unwrap();
}

fn directory() -> File {
    let mut options = File::options();
    // Windows opens a directory only for who says that it may be one.
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::custom_flags(
        &mut options,
        windows_sys::Win32::Storage::FileSystem::FILE_FLAG_BACKUP_SEMANTICS,
    );
    options.read(true).open(std::env::temp_dir()).unwrap()
}

#[test]
fn what_can_not_be_polled_is_not_borrowed() {
    let program = File::open(std::env::current_exe().unwrap()).unwrap();
    for file in [program, directory()] {
        expect_error(anysock_borrow(number_of(&file)), "ENOTSOCK");
    }
    for number in [-1, -100, 1_000_000, i64::from(i32::MAX) - 1, 1 << 32, i64::MAX, i64::MIN] {
        expect_error(anysock_borrow(number), "EBADF");
    }
    // Of no family of ours, and yet it can be waited for.
    #[cfg(target_os = "linux")]
    {
        use socket2::{Domain, Type};
        drop(borrow(lent(&Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, None).unwrap())));
    }
}

/// On Windows pipes can't be polled.
#[cfg(unix)]
mod pipes {
    use super::*;
    use crate::pipes::{is_open, pipe};
    use std::os::fd::AsRawFd;

    #[test]
    fn they_tell_that_the_other_end_is_gone() {
        let (reader, writer) = pipe();
        let [reading, writing] = [&reader, &writer].map(|end| borrow(number_of(end)));
        assert_eq!(select_one(*reading, ANYSOCK_EVENT_READ, 0), 0);
        // Also to who asks for nothing that the end could do: so event loops learn that nobody reads any more.
        let poller = poller();
        expect(anysock_poller_set(*poller, *writing, ANYSOCK_EVENT_READ, 0));
        assert_eq!(poller_wait_code(*poller, 4, 0), 0);
        drop(reading);
        drop(reader);
        assert_eq!(poller_wait_code(*poller, 4, LONG_US), 1);
        assert!(is_open(writer.as_raw_fd()));
    }
}

/// What a poller reports of its handles now, by their tokens.
fn reported(poller: i64) -> Vec<i64> {
    let mut tokens: Vec<_> = poller_wait(poller, 8, 0).unwrap().iter().map(|event| event.token).collect();
    tokens.sort_unstable();
    tokens
}

#[test]
fn one_descriptor_may_be_in_a_poller_for_several_handles() {
    let (mut here, mut there) = connection();
    let poller = poller();
    let handles = [borrow(lent(&there)), borrow(lent(&there)), borrow(lent(&there))];
    for (token, handle) in (1..).zip(&handles) {
        expect(anysock_poller_set(*poller, **handle, ANYSOCK_EVENT_READ, token));
    }
    assert_eq!(reported(*poller), []);
    std::io::Write::write_all(&mut here, b"x").unwrap();
    assert_eq!(select_one(*handles[1], ANYSOCK_EVENT_READ, LONG_US), ANYSOCK_EVENT_READ);
    assert_eq!(reported(*poller), [1, 2, 3]);
    // Each has its own events and its own life.
    let once = ANYSOCK_EVENT_WRITE | ANYSOCK_EVENT_ONESHOT;
    expect(anysock_poller_set(*poller, *handles[1], once, 20));
    assert_eq!(reported(*poller), [1, 3, 20]);
    assert_eq!(reported(*poller), [1, 3]);
    expect(anysock_poller_set(*poller, *handles[0], 0, 0));
    assert_eq!(reported(*poller), [3]);
    assert_eq!(std::io::Read::read(&mut there, &mut [0; 8]).unwrap(), 1);
    assert_eq!(reported(*poller), []);
    expect(anysock_poller_set(*poller, *handles[1], once, 21));
    expect(anysock_poller_set(*poller, *handles[0], ANYSOCK_EVENT_WRITE, 10));
    assert_eq!(reported(*poller), [10, 21]);
    drop(handles);
    assert_eq!(reported(*poller), []);
    // Nothing of it is open any more.
    drop(there);
    assert_eq!(std::io::Read::read(&mut here, &mut [0; 8]).unwrap(), 0);
}

#[test]
fn a_handle_and_what_was_borrowed_from_it_may_be_in_one_poller() {
    for poller_first in [false, true] {
        let (client, server) = connected("tcp4");
        let poller = poller();
        let also = borrow(expect(anysock_fd(*server)));
        expect(anysock_poller_set(*poller, *also, ANYSOCK_EVENT_READ, 1));
        expect(anysock_poller_set(*poller, *server, ANYSOCK_EVENT_READ, 2));
        assert_eq!(write(*client, b"x"), 1);
        assert_eq!(select_one(*server, ANYSOCK_EVENT_READ, LONG_US), ANYSOCK_EVENT_READ);
        assert_eq!(reported(*poller), [1, 2]);
        if poller_first {
            drop(poller);
        }
        drop(also);
        drop(server);
        assert_ne!(read(*client, &mut [0; 8]), 1, "closed, with a byte unread: reset, or the end");
    }
}

#[test]
fn select_takes_several_handles_of_one_descriptor() {
    let (mut here, there) = connection();
    let handles: Vec<_> = (0..40).map(|_| borrow(lent(&there))).collect();
    let numbers: Vec<_> = handles.iter().map(|handle| **handle).collect();
    for round in 0..100 {
        let mut sets = [numbers.clone(), vec![], vec![]];
        assert_eq!(select(&mut sets, 0), 0, "{round}");
    }
    std::io::Write::write_all(&mut here, b"x").unwrap();
    let told = || {
        let mut sets = [numbers.clone(), vec![], vec![]];
        expect(select(&mut sets, LONG_US));
        sets.into_iter().next()
    };
    // Windows may tell of one after the other.
    until("all to be told", || told().as_ref() == Some(&numbers));
    for _ in 0..3 {
        assert_eq!(told().as_ref(), Some(&numbers));
    }
}
