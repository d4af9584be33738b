//! Whether the descriptor blocks, which all who share the open file see and may change: what others find, and that
//! timeouts hold and close ends calls whatever they make of it. Not here: pipes and terminals (`pipes`), and Windows,
//! where nobody can tell the mode.
#![cfg(unix)]

use crate::close::{BLOCKING, expect_all_canceled};
use crate::own::*;
use crate::peers::*;
use crate::support::*;
use socket2::{Domain, Socket, Type};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const SHORT_US: i64 = 30 * ANYSOCK_MILLISECOND;

/// The two modes, by what [`set_blocking`] is told.
const MODES: [bool; 2] = [true, false];

#[track_caller]
fn fd(h: i64) -> i64 {
    expect(anysock_fd(h))
}

/// The descriptor as others find it.
#[track_caller]
fn blocks(h: i64) -> bool {
    is_blocking(fd(h))
}

// What others find.

#[test]
fn others_find_a_socket_that_blocks_and_a_listener_that_does_not() {
    for kind in stream_kinds() {
        let (client, server) = connected(kind);
        assert!(blocks(*client) && blocks(*server), "{kind}");
        if kind != "tcp" {
            assert!(blocks(*open(kind)), "{kind}");
        }
        let (one, other) = pair(kind);
        assert!(blocks(*one) && blocks(*other), "{kind}");
        assert!(!blocks(*listener(kind)), "{kind}");
    }
    for kind in here(&["udp", "udp4", "udp6", "unixgram"]) {
        assert!(blocks(*bound(kind)), "{kind}");
    }
}

#[test]
fn a_number_that_was_known_before_stands_for_a_socket_that_blocks() {
    for kind in here(&["tcp4", "tcp6", "unix", "unixpacket"]) {
        let listener = bound(kind);
        assert!(blocks(*listener), "{kind}");
        expect(anysock_listen(*listener, 0));
        assert!(!blocks(*listener), "{kind}");
        let client = open(kind);
        let number = fd(*client);
        expect(connect(*client, &local_address(*listener)));
        assert_eq!(fd(*client), number);
        assert!(is_blocking(number), "{kind}");
        let number = expect(anysock_release(*listener));
        assert!(is_blocking(number), "{kind}");
        drop(taken(number));
    }
}

#[test]
fn native_handles_are_no_different() {
    let listener = own(expect(anysock_open_raw(Domain::IPV4.into(), Type::STREAM.into(), 0)));
    assert!(blocks(*listener));
    expect(bind(*listener, "127.0.0.1:0"));
    expect(anysock_listen(*listener, 5));
    assert!(!blocks(*listener));
    let client = own(expect(anysock_open_raw(Domain::IPV4.into(), Type::STREAM.into(), 0)));
    assert!(blocks(*client));
    expect(connect(*client, &local_address(*listener)));
    assert!(blocks(*client));
    expect_error(connect(*client, &local_address(*listener)), "EISCONN");
    assert!(blocks(*own(expect(anysock_accept(*listener)))));
}

#[test]
fn what_goes_along_with_a_message_blocks() {
    let (sent, _peer) = pair("unix");
    for received in crate::messages::handles::pass("unix", &[*sent]) {
        assert!(blocks(*received));
    }
}

#[test]
fn an_adopted_socket_keeps_the_mode_it_came_in() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for blocking in MODES {
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_nonblocking(!blocking).unwrap();
        let number = given(stream.into());
        let handle = own(expect(anysock_adopt(number)));
        assert_eq!(is_blocking(number), blocking);
        expect(set(*handle, "timeout", SHORT_US));
        expect_timeout(SHORT_US, || read(*handle, &mut [0; 8]));
        expect(set(*handle, "timeout", 0));
        expect_error(read(*handle, &mut [0; 8]), "EAGAIN");
        assert_eq!(is_blocking(number), blocking);
        assert_eq!(anysock_release(*handle), number);
        assert_eq!(is_blocking(number), blocking);
        drop(taken(number));
    }
}

#[test]
fn an_adopted_listener_keeps_the_mode_it_came_in() {
    for blocking in MODES {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(!blocking).unwrap();
        let address = listener.local_addr().unwrap();
        let number = given(listener.into());
        let handle = own(expect(anysock_adopt(number)));
        expect(set(*handle, "timeout", SHORT_US));
        expect_timeout(SHORT_US, || anysock_accept(*handle));
        expect(set(*handle, "timeout", 0));
        expect_error(anysock_accept(*handle), "EAGAIN");
        let client = TcpStream::connect(address).unwrap();
        let server = own(expect(anysock_accept(*handle)));
        assert_eq!(peer_address(*server), client.local_addr().unwrap().to_string());
        assert!(blocks(*server));
        assert_eq!(is_blocking(number), blocking);
    }
}

#[test]
fn an_adopted_socket_connects_and_keeps_its_mode() {
    let listener = listener("tcp4");
    let silent = Silent::new("tcp4");
    for blocking in MODES {
        let raw = || {
            let socket = Socket::new_raw(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(!blocking).unwrap();
            let number = given(socket);
            (own(expect(anysock_adopt(number))), number)
        };
        let (client, number) = raw();
        expect(connect(*client, &local_address(*listener)));
        assert_eq!(is_blocking(number), blocking);
        let (client, number) = raw();
        expect(set(*client, "connect_timeout", SHORT_US));
        expect_timeout(SHORT_US, || connect(*client, &silent.address()));
        assert_eq!(is_blocking(number), blocking);
        let (client, number) = raw();
        expect(set(*client, "connect_timeout", 0));
        expect_error(connect(*client, &silent.address()), "EINPROGRESS");
        assert_eq!(is_blocking(number), blocking);
    }
}

// Whatever others make of it.

/// Puts the handle's open file into a mode by another descriptor, if it has one yet.
fn put(h: i64, blocking: bool) {
    match anysock_fd(h) {
        number @ 0.. => {
            let copy = copied(number);
            set_blocking(copy, blocking);
            drop(taken(copy));
        }
        code => expect_error(code, "ENOTCONN"),
    }
}

#[test]
fn close_wakes_every_call_in_every_mode() {
    for blocking in MODES {
        for (what, kinds, scene, call) in BLOCKING {
            let scenes = here(kinds).into_iter().map(|kind| {
                let scene = scene(kind);
                put(*scene.0, blocking);
                (format!("{what} on {kind}, blocking: {blocking}"), scene)
            });
            expect_all_canceled(scenes.collect(), *call);
        }
    }
}

#[test]
fn timeouts_end_every_call_in_every_mode() {
    for blocking in MODES {
        for (what, kinds, scene, call) in BLOCKING {
            // A wait has its timeout from its arguments.
            if what.starts_with("select") || what.starts_with("poller") {
                continue;
            }
            for kind in here(kinds) {
                let (socket, _others) = scene(kind);
                put(*socket, blocking);
                for (timeout, error) in [(SHORT_US, "ETIMEDOUT"), (0, "EAGAIN")] {
                    expect(set(*socket, "timeout", timeout));
                    let (outcome, took) = timed(|| call(*socket));
                    assert_eq!(name(outcome), error, "{what} on {kind}, blocking: {blocking}");
                    assert!(took < LONG / 2, "{what} on {kind}: only after {took:?}");
                }
            }
        }
    }
}

#[test]
fn a_connect_ends_in_every_mode() {
    for blocking in MODES {
        for native in [0, 1] {
            let silent = Silent::new("tcp4");
            let address = silent.address();
            let client = || {
                let client = open("tcp4");
                expect(set(*client, "native", native));
                put(*client, blocking);
                client
            };
            let (handle, to) = (client(), address.clone());
            let number = *handle;
            let call = Call::blocked(move || connect(number, &to));
            assert_eq!(anysock_close(number), 0);
            expect_error(call.result(), "ECANCELED");
            let hurried = client();
            expect(set(*hurried, "timeout", SHORT_US));
            expect_timeout(SHORT_US, || connect(*hurried, &address));
            let asking = client();
            expect(set(*asking, "timeout", 0));
            expect_error(connect(*asking, &address), "EINPROGRESS");
        }
    }
}

/// Several take from one listener that blocks, the system's own accept among them: who comes too late goes on waiting,
/// and no longer than it may.
#[test]
fn a_stolen_connection_makes_nobody_wait_too_long() {
    let listener = listener("tcp4");
    expect(set(*listener, "timeout", 20 * ANYSOCK_MILLISECOND));
    put(*listener, true);
    let address = local_address(*listener);
    let thief = taken(copied(fd(*listener)));
    let over = Arc::new(AtomicBool::new(false));
    let stolen = Arc::new(AtomicUsize::new(0));
    let stealing = {
        let (over, stolen) = (Arc::clone(&over), Arc::clone(&stolen));
        std::thread::spawn(move || {
            while !over.load(Ordering::SeqCst) {
                // While one of the library's calls takes a connection, the listener is non-blocking for a moment.
                stolen.fetch_add(usize::from(thief.accept().is_ok()), Ordering::SeqCst);
            }
        })
    };
    let takers: Vec<_> = (0..3)
        .map(|_| {
            let (handle, over) = (*listener, Arc::clone(&over));
            Call::start(move || {
                let (mut taken, mut longest) = (0, std::time::Duration::ZERO);
                while !over.load(Ordering::SeqCst) {
                    let (outcome, took) = timed(|| anysock_accept(handle));
                    longest = longest.max(took);
                    match outcome {
                        connection @ 1.. => {
                            drop(own(connection));
                            taken += 1;
                        }
                        code => expect_error(code, "ETIMEDOUT"),
                    }
                }
                (taken, longest)
            })
        })
        .collect();
    for _ in 0..300 {
        drop(TcpStream::connect(&address).unwrap());
    }
    std::thread::sleep(std::time::Duration::from_millis(100));
    over.store(true, Ordering::SeqCst);
    // Nobody comes any more who could wake a taker; the thief is woken below.
    let taken: Vec<_> = takers.into_iter().map(Call::result).collect();
    drop(TcpStream::connect(&address).unwrap());
    stealing.join().unwrap();
    let all = taken.iter().map(|(count, _)| count).sum::<usize>() + stolen.load(Ordering::SeqCst);
    assert!(all >= 300, "{all} connections have been taken");
    assert!(taken.iter().all(|(_, longest)| *longest < LONG / 2), "{taken:?}");
}
