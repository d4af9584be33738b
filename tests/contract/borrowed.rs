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
    Own(expect(anysock_borrow(number)))
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
        expect(anysock_poller_set(*poller, *handle, ANYSOCK_READ, 7));
        assert_eq!(select_one(*handle, ANYSOCK_READ | ANYSOCK_WRITE, 0), ANYSOCK_WRITE);
        assert_eq!(poller_wait_code(*poller, 4, 0), 0);
        std::io::Write::write_all(&mut here, b"x").unwrap();
        assert_eq!(select_one(*handle, ANYSOCK_READ, LONG_US), ANYSOCK_READ);
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
    assert_eq!(select_one(*handle, ANYSOCK_READ, LONG_US), ANYSOCK_READ);
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
    expect_error(send(*handle, b"x", ANYSOCK_OOB), "ENOTSOCK");
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
}
