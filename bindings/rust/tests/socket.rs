//! Sockets: owning them, their errors, bytes, times. What the sockets do beyond that is tested with the library.

use anysock::{Handle, Socket, abi, code, connect, listen, pair};
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

/// A listener on a free port, with its address.
fn listener() -> (Socket, String) {
    let socket = listen("tcp", "127.0.0.1:0").unwrap();
    let address = socket.local_address().unwrap();
    (socket, address)
}

#[test]
fn a_socket_closes_when_it_is_dropped() {
    let socket = Socket::open("tcp").unwrap();
    let number = socket.number();
    drop(socket);
    // SAFETY: it is nobody's.
    assert_eq!(unsafe { abi::anysock_close(number) }, abi::ANYSOCK_EBADF);
}

#[test]
fn a_number_that_is_given_away_stays_open() {
    let number = Socket::open("tcp").unwrap().into_handle().into_number();
    // SAFETY: it was just given away.
    unsafe { Handle::from_number(number) }.close().unwrap();
}

/// The timeout is for the whole write: a peer that reads slowly can't stretch it.
#[test]
fn a_timeout_ends_a_write_that_goes_on_slowly() {
    let (first, second) = pair("unix").unwrap();
    first.set_timeout(Some(Duration::from_millis(500))).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut room = vec![0; 1 << 16];
            while (&second).read(&mut room).unwrap() > 0 {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let answer = (&first).write_all(&vec![0; 1 << 24]);
        first.close().unwrap();
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn a_timeout_ends_a_read_that_goes_on_slowly() {
    let (first, second) = pair("unix").unwrap();
    first.set_timeout(Some(Duration::from_millis(500))).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..100 {
                std::thread::sleep(Duration::from_millis(20));
                let _ = (&second).write(b"x");
            }
        });
        let answer = (&first).read_exact(&mut [0; 100]);
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn a_read_of_exactly_so_much_tells_an_early_end() {
    let (mut first, second) = pair("tcp").unwrap();
    (&second).write_all(b"hello").unwrap();
    drop(second);
    let mut room = [0; 3];
    first.read_exact(&mut room).unwrap();
    assert_eq!(&room, b"hel");
    assert_eq!(first.read_exact(&mut room).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    first.read_exact(&mut []).unwrap();
}

#[test]
fn errors_have_kinds_names_and_numbers() {
    let (socket, address) = listener();
    drop(socket);
    let error = connect("tcp", &address).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(code(&error), Some(abi::ANYSOCK_ECONNREFUSED));
    assert_eq!(error.to_string(), "connection refused (ECONNREFUSED)");
    let inner = error.get_ref().unwrap().downcast_ref::<anysock::Error>().unwrap();
    assert_eq!((inner.name(), inner.message()), ("ECONNREFUSED", "connection refused"));
    assert_eq!(Socket::open("tcp5").unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(code(&std::io::Error::other("mine")), None);
}

#[test]
fn a_text_with_a_nul_inside_is_refused() {
    let socket = Socket::open("tcp").unwrap();
    assert_eq!(socket.bind("127.0.0.1:0\0:1").unwrap_err().kind(), ErrorKind::InvalidInput);
    socket.bind(c"127.0.0.1:0").unwrap();
}

#[test]
fn bytes_go_both_ways() {
    let (listener, address) = listener();
    let mut client = connect("tcp", &address).unwrap();
    let mut server = listener.incoming().next().unwrap().unwrap();
    assert_eq!(server.peer_address().unwrap(), client.local_address().unwrap());
    client.write_all(b"hello").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut text = String::new();
    server.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
    server.write_all(b"goodbye").unwrap();
    let mut data = [0; 7];
    assert_eq!(client.read_full(&mut data).unwrap(), 7);
    assert_eq!(&data, b"goodbye");
}

#[test]
fn pieces_keep_their_order_however_many() {
    let (left, right) = pair("tcp").unwrap();
    for count in [0_usize, 1, 16, 17, 40] {
        let sent: Vec<[u8; 2]> = (0..count).map(|number| [number as u8, 7]).collect();
        let pieces: Vec<_> = sent.iter().map(|piece| IoSlice::new(piece)).collect();
        assert_eq!((&left).write_vectored(&pieces).unwrap(), 2 * count);
        let mut received = vec![[0_u8; 1]; 2 * count];
        let mut room: Vec<_> = received.iter_mut().map(|piece| IoSliceMut::new(piece)).collect();
        assert_eq!((&right).read_vectored(&mut room).unwrap(), 2 * count);
        assert_eq!(received.concat(), sent.concat());
    }
}

#[test]
fn a_megabyte_is_written_whole_while_another_thread_reads() {
    let (left, right) = pair("tcp").unwrap();
    let sent: Vec<u8> = (0..1 << 20).map(|number: u32| (number % 251) as u8).collect();
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        (&right).read_to_end(&mut all).unwrap();
        all
    });
    (&left).write_all(&sent).unwrap();
    drop(left);
    assert!(reader.join().unwrap() == sent);
}

#[test]
fn an_error_in_the_middle_of_a_long_write_is_told() {
    let (left, right) = pair("tcp").unwrap();
    left.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
    let error = (&left).write_all(&vec![0; 64 << 20]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    drop(right);
}

#[test]
fn datagrams_tell_their_senders() {
    let open = || {
        let socket = Socket::open("udp").unwrap();
        socket.bind("127.0.0.1:0").unwrap();
        socket
    };
    let (one, other) = (open(), open());
    one.send_to(b"hello", other.local_address().unwrap(), 0).unwrap();
    let mut data = [0; 16];
    let (size, address) = other.recv_from(&mut data, 0).unwrap();
    assert_eq!((&data[..size], address), (&b"hello"[..], one.local_address().unwrap()));
}

#[test]
fn flags_are_for_one_call() {
    let (left, right) = pair("tcp").unwrap();
    let error = right.recv(&mut [0], abi::ANYSOCK_FLAG_DONT_WAIT).unwrap_err();
    assert_eq!((error.kind(), code(&error)), (ErrorKind::WouldBlock, Some(abi::ANYSOCK_EAGAIN)));
    left.send(b"x", 0).unwrap();
    assert_eq!(right.recv(&mut [0], abi::ANYSOCK_FLAG_PEEK).unwrap(), 1);
    assert_eq!((&right).read(&mut [0]).unwrap(), 1);
}

#[test]
fn options_have_their_types() {
    let socket = Socket::open("tcp").unwrap();
    socket.set("tcp.nodelay", true).unwrap();
    assert_eq!(socket.get(abi::ANYSOCK_OPT_TCP_NODELAY).unwrap(), 1);
    assert_eq!(socket.get_text("kind").unwrap(), "tcp");
    socket.set_read_timeout(Some(Duration::from_millis(1500))).unwrap();
    assert_eq!(socket.get_time("read_timeout").unwrap(), Some(Duration::from_millis(1500)));
    socket.set_timeout(None).unwrap();
    assert_eq!(socket.get_time("timeout").unwrap(), None);
    let error = socket.set("tcp.nonsense", 1).unwrap_err();
    assert_eq!(code(&error), Some(abi::ANYSOCK_ENOPROTOOPT));
}

#[test]
fn a_read_ends_with_its_time() {
    let (left, right) = pair("tcp").unwrap();
    right.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    assert_eq!((&right).read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    drop(left);
    assert_eq!((&right).read(&mut [0]).unwrap(), 0);
}

#[test]
fn the_connections_of_a_closed_listener_end() {
    let (listener, address) = listener();
    let _client = connect("tcp", &address).unwrap();
    let mut connections = listener.incoming();
    assert!(connections.next().unwrap().is_ok());
    listener.close().unwrap();
    assert!(connections.next().is_none());
}

#[test]
fn a_close_wakes_another_thread() {
    let (_left, right) = pair("tcp").unwrap();
    let right = Arc::new(right);
    let reader = std::thread::spawn({
        let right = Arc::clone(&right);
        move || (&*right).read(&mut [0]).unwrap_err()
    });
    right.close().unwrap();
    // It had begun to wait, or it had not.
    let error = code(&reader.join().unwrap());
    assert!(error == Some(abi::ANYSOCK_ECANCELED) || error == Some(abi::ANYSOCK_EBADF), "{error:?}");
}

#[cfg(unix)]
#[test]
fn a_descriptor_comes_and_goes() {
    let (left, right) = pair("unix").unwrap();
    let mut stream = std::os::unix::net::UnixStream::from(left.release().unwrap());
    assert_eq!(code(&left.close().unwrap_err()), Some(abi::ANYSOCK_EBADF));
    stream.write_all(b"x").unwrap();
    assert_eq!((&right).read(&mut [0]).unwrap(), 1);
    let again = Socket::try_from(std::os::fd::OwnedFd::from(stream)).unwrap();
    assert_eq!(again.get_text("kind").unwrap(), "unix");
    assert!(again.descriptor().unwrap() > 2);
    let file = std::fs::File::open("/").unwrap();
    assert_eq!(
        code(&Socket::try_from(std::os::fd::OwnedFd::from(file)).unwrap_err()),
        Some(abi::ANYSOCK_ENOTSOCK)
    );
}

#[test]
fn names_are_lists() {
    assert_eq!(anysock::resolve("tcp", "127.0.0.1:80", None).unwrap(), ["127.0.0.1:80"]);
    assert!(anysock::interfaces().unwrap().iter().any(|line| line.contains("127.0.0.1/")));
    assert!(anysock::has("tcp") && !anysock::has("nonsense") && !anysock::has("t\0"));
}
