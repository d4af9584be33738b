//! Connecting: what comes of it, what is left when nothing comes of it, and how a connection's state goes.
//! Not here: names with several addresses (`names`).

use crate::peers::*;
use crate::support::*;

/// For what may take its time but shall end.
const SHORT_US: i64 = 200 * ANYSOCK_MILLISECOND;

/// A socket whose connect returns at once.
fn open_hasty(kind: &str) -> Own {
    let socket = open(kind);
    expect(set(*socket, "connect_timeout", 0));
    socket
}

/// The handle has failed for good: whatever is asked, it says the same.
#[track_caller]
fn expect_failed(h: i64, error: &str) {
    for _ in 0..2 {
        expect_error(connect(h, "127.0.0.1:9"), error);
        expect_error(read(h, &mut [0; 8]), error);
        expect_error(write(h, b"lost"), error);
        expect_error(read_full(h, &mut [0; 8]), error);
        expect_error(write_all(h, b"lost"), error);
        assert_eq!(name(get(h, "error").unwrap()), error);
        assert_eq!(
            select_one(h, ANYSOCK_EVENT_WRITE | ANYSOCK_EVENT_EXCEPT, 0),
            ANYSOCK_EVENT_WRITE | ANYSOCK_EVENT_EXCEPT
        );
    }
}

/// The two ends talk.
#[track_caller]
fn expect_talk(one: i64, other: i64) {
    for (from, to) in [(one, other), (other, one)] {
        assert_eq!(write_all(from, b"hello"), 5);
        let mut room = [0; 5];
        assert_eq!(read_full(to, &mut room), 5);
        assert_eq!(&room, b"hello");
    }
}

#[test]
fn every_stream_kind_connects_and_both_ends_agree_on_who_they_are() {
    for kind in stream_kinds() {
        let listener = listener(kind);
        let (client, address) = (open(kind), local_address(*listener));
        assert_eq!(connect(*client, &address), 0, "{kind}");
        let server = own(expect(anysock_accept(*listener)));
        assert_eq!(peer_address(*client), address, "{kind}");
        assert_eq!(local_address(*server), address, "{kind}");
        assert_eq!(peer_address(*server), local_address(*client), "{kind}");
        expect_talk(*client, *server);
        expect_error(connect(*client, &address), "EISCONN");
        expect_error(connect(*server, &address), "EISCONN");
        expect_error(connect(*listener, &address), "EOPNOTSUPP");
    }
}

#[test]
fn a_port_without_a_listener_refuses_and_the_handle_has_failed() {
    for kind in stream_kinds() {
        let nobody = bound(kind);
        let client = open(kind);
        expect_error(connect(*client, &local_address(*nobody)), "ECONNREFUSED");
        expect_failed(*client, "ECONNREFUSED");
        // That somebody listens now is of no use to this handle.
        expect(anysock_listen(*nobody, 0));
        expect_error(connect(*client, &local_address(*nobody)), "ECONNREFUSED");
        assert_eq!(connect(*open(kind), &local_address(*nobody)), 0, "{kind}");
    }
}

#[test]
fn text_that_is_no_address_leaves_the_socket_as_it_was() {
    let listener = listener("tcp4");
    let client = open("tcp4");
    expect_error(connect(*client, "127.0.0.1"), "EINVAL");
    expect_error(connect(*client, "[::1]:80"), "EAFNOSUPPORT");
    // SAFETY: NULL is what is tested.
    expect_error(unsafe { anysock_connect(*client, std::ptr::null()) }, "EFAULT");
    assert_eq!(connect(*client, &local_address(*listener)), 0);
}

#[test]
fn a_peer_that_never_answers_is_given_up_in_time_and_for_good() {
    for kind in stream_kinds() {
        let mut silent = Silent::new(kind);
        let client = open(kind);
        expect(set(*client, "connect_timeout", SHORT_US));
        expect_timeout(SHORT_US, || connect(*client, &silent.address()));
        expect_failed(*client, "ETIMEDOUT");
        // The attempt was taken back: nobody arrives when there is room.
        silent.wake();
        expect(set(*silent.listener, "accept_timeout", 0));
        expect_error(anysock_accept(*silent.listener), "EAGAIN");
    }
}

#[test]
fn the_general_timeout_holds_for_connecting_unless_there_is_a_special_one() {
    let silent = Silent::new("tcp4");
    let client = open("tcp4");
    expect(set(*client, "timeout", SHORT_US));
    expect_timeout(SHORT_US, || connect(*client, &silent.address()));
    let client = open("tcp4");
    expect(set(*client, "timeout", LONG_US));
    expect(set(*client, "connect_timeout", SHORT_US));
    expect_timeout(SHORT_US, || connect(*client, &silent.address()));
}

#[test]
fn closing_ends_a_connect_at_once() {
    for kind in stream_kinds() {
        let silent = Silent::new(kind);
        let (client, address) = (open(kind), silent.address());
        let handle = *client;
        let call = Call::blocked(move || connect(handle, &address));
        assert_eq!(anysock_close(handle), 0);
        expect_error(call.result(), "ECANCELED");
    }
}

#[test]
fn without_waiting_a_connect_is_in_progress_until_it_has_succeeded() {
    for kind in stream_kinds() {
        let mut silent = Silent::new(kind);
        let client = open_hasty(kind);
        expect_error(connect(*client, &silent.address()), "EINPROGRESS");
        // From now on the address is of no importance.
        expect_error(connect(*client, &silent.address()), "EALREADY");
        expect_error(connect(*client, "no address"), "EALREADY");
        assert_eq!(
            select_one(*client, ANYSOCK_EVENT_READ | ANYSOCK_EVENT_WRITE | ANYSOCK_EVENT_EXCEPT, 0),
            0,
            "{kind}"
        );
        silent.wake();
        assert_eq!(
            select_one(*client, ANYSOCK_EVENT_WRITE | ANYSOCK_EVENT_EXCEPT, LONG_US),
            ANYSOCK_EVENT_WRITE,
            "{kind}"
        );
        assert_eq!(connect(*client, "no address"), 0, "{kind}");
        expect_error(connect(*client, "no address"), "EISCONN");
        let server = own(expect(anysock_accept(*silent.listener)));
        expect_talk(*client, *server);
    }
}

#[test]
fn a_connect_in_progress_can_be_waited_for_by_connecting_again() {
    let mut silent = Silent::new("tcp4");
    let client = open_hasty("tcp4");
    expect_error(connect(*client, &silent.address()), "EINPROGRESS");
    expect(set(*client, "connect_timeout", -1));
    let handle = *client;
    let call = Call::blocked(move || connect(handle, ""));
    silent.wake();
    assert_eq!(call.result(), 0);
}

#[test]
fn bytes_wait_for_a_connect_in_progress() {
    let mut silent = Silent::new("tcp4");
    let client = open_hasty("tcp4");
    expect_error(connect(*client, &silent.address()), "EINPROGRESS");
    expect_error(send(*client, b"early", ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
    expect_error(recv(*client, &mut [0; 8], ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
    let handle = *client;
    let call = Call::blocked(move || write_all(handle, b"early"));
    silent.wake();
    assert_eq!(call.result(), 5);
    let server = own(expect(anysock_accept(*silent.listener)));
    let mut room = [0; 8];
    assert_eq!(read(*server, &mut room), 5);
}

#[test]
fn without_waiting_a_connect_that_is_refused_tells_why_every_time() {
    for kind in stream_kinds() {
        let nobody = bound(kind);
        let client = open_hasty(kind);
        // AF_UNIX knows at once, TCP often does not; the handle has failed either way.
        let first = name(connect(*client, &local_address(*nobody)));
        assert!(["EINPROGRESS", "ECONNREFUSED"].contains(&first.as_str()), "{first}");
        let failed = ANYSOCK_EVENT_WRITE | ANYSOCK_EVENT_EXCEPT;
        assert_eq!(select_one(*client, failed, LONG_US), failed, "{kind}");
        expect_failed(*client, "ECONNREFUSED");
    }
}

#[test]
fn a_listener_that_goes_away_refuses_those_it_has_not_answered() {
    let silent = Silent::new("tcp4");
    let client = open_hasty("tcp4");
    expect_error(connect(*client, &silent.address()), "EINPROGRESS");
    drop(silent);
    let failed = ANYSOCK_EVENT_WRITE | ANYSOCK_EVENT_EXCEPT;
    assert_eq!(select_one(*client, failed, LONG_US), failed);
    expect_failed(*client, "ECONNREFUSED");
}

/// A connection whose server has sent `data` and then ended it with a reset.
fn reset_after(kind: &str, data: &[u8]) -> Own {
    let (client, server) = connected(kind);
    assert_eq!(write_all(*server, data), data.len() as i64);
    until("the data", || get(*client, "available") == Ok(data.len() as i64));
    expect(set(*server, "linger", 0));
    expect(anysock_close(*server));
    until("the reset", || select_one(*client, ANYSOCK_EVENT_READ, 0) != 0 && get(*client, "error") != Ok(0));
    client
}

// The state of a TCP connection.

#[track_caller]
fn expect_state(h: i64, state: &str) {
    let seen = || get_text(h, "tcp.state").unwrap();
    let end = std::time::Instant::now() + LONG / 6;
    while seen() != state && std::time::Instant::now() < end {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert_eq!(seen(), state);
}

// `syn_recv` belongs to a connection that `accept` has not yet given out, and `closing` passes within one exchange of
// segments: neither can be seen on a handle for longer than a moment.
mod unix {
    use super::*;

    #[test]
    fn a_path_in_the_file_system_connects_too_and_stays_when_the_listener_is_closed() {
        if !need("unix") {
            return;
        }
        for kind in here(&["unix", "unixpacket"]) {
            let path = std::env::temp_dir().join(format!("anysock-{kind}-{}", std::process::id()));
            let address = path.to_str().unwrap();
            let listener = open(kind);
            expect(bind(*listener, address));
            expect(anysock_listen(*listener, 0));
            assert_eq!(local_address(*listener), address);
            let client = open(kind);
            assert_eq!(connect(*client, address), 0);
            let server = own(expect(anysock_accept(*listener)));
            assert_eq!((peer_address(*client).as_str(), peer_address(*server).as_str()), (address, ""));
            expect_talk(*client, *server);
            let _still = no_children();
            drop(listener);
            assert!(path.exists());
            let late = open(kind);
            expect_error(connect(*late, address), "ECONNREFUSED");
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_path_that_is_not_there_says_so() {
        if !need("unix") {
            return;
        }
        for kind in here(&["unix", "unixpacket"]) {
            let client = open(kind);
            expect_error(connect(*client, "/nonexistent/anysock"), "ENOENT");
            expect_failed(*client, "ENOENT");
        }
    }
}

/// Where the system tells of a reset.
mod resets {
    use super::*;

    #[test]
    fn a_reset_stays_after_what_came_before_it() {
        if !need_resets() {
            return;
        }
        let client = reset_after("tcp4", b"last words");
        let mut room = [0; 64];
        assert_eq!(read(*client, &mut room[..4]), 4);
        assert_eq!(read(*client, &mut room[4..]), 6);
        assert_eq!(&room[..10], b"last words");
        for _ in 0..3 {
            expect_error(read(*client, &mut room), "ECONNRESET");
            expect_error(read_full(*client, &mut room), "ECONNRESET");
            expect_error(recv(*client, &mut room, ANYSOCK_FLAG_PEEK), "ECONNRESET");
        }
        let sent = name(write(*client, b"too late"));
        assert!(["ECONNRESET", "EPIPE"].contains(&sent.as_str()), "{sent}");
        expect_error(read(*client, &mut room), "ECONNRESET");
    }

    #[test]
    fn a_reset_that_a_write_finds_stays_for_reads() {
        if !need_resets() {
            return;
        }
        let (client, server) = connected("tcp4");
        expect(set(*server, "linger", 0));
        expect(anysock_close(*server));
        until("the reset", || select_one(*client, ANYSOCK_EVENT_READ, 0) != 0);
        let sent = name(write(*client, b"too late"));
        assert!(["ECONNRESET", "EPIPE"].contains(&sent.as_str()), "{sent}");
        for _ in 0..2 {
            expect_error(read(*client, &mut [0; 8]), "ECONNRESET");
        }
    }

    #[test]
    fn a_reset_wakes_a_read_that_waits() {
        if !need_resets() {
            return;
        }
        let (client, server) = connected("tcp4");
        let handle = *client;
        let call = Call::blocked(move || read(handle, &mut [0; 8]));
        expect(set(*server, "linger", 0));
        expect(anysock_close(*server));
        expect_error(call.result(), "ECONNRESET");
        expect_error(read(handle, &mut [0; 8]), "ECONNRESET");
    }
}

mod tcp_info {
    use super::*;

    #[test]
    fn the_state_can_be_watched_from_the_handshake_to_the_end() {
        let mut silent = Silent::new("tcp4");
        expect_state(*silent.listener, "listen");
        let client = open_hasty("tcp4");
        expect_state(*client, "closed");
        expect_error(connect(*client, &silent.address()), "EINPROGRESS");
        expect_state(*client, "syn_sent");
        silent.wake();
        let server = own(expect(anysock_accept(*silent.listener)));
        expect_state(*client, "established");
        expect_state(*server, "established");
        expect(anysock_shutdown(*client, ANYSOCK_SHUT_WRITE));
        expect_state(*client, "fin_wait_2");
        expect_state(*server, "close_wait");
        expect(anysock_shutdown(*server, ANYSOCK_SHUT_WRITE));
        expect_state(*server, "closed");
        // The client's port is in TIME_WAIT now; the socket itself is done with.
        expect_state(*client, "closed");
    }
}

/// In a network of their own.
#[cfg(target_os = "linux")]
mod namespaces {
    use super::*;

    #[test]
    fn a_network_without_a_way_there_is_unreachable() {
        child::run(
            "handshake::namespaces::a_network_without_a_way_there_is_unreachable",
            child::View::Network,
            || {
                for kind in ["tcp", "tcp4"] {
                    for timeout in [-1, 0] {
                        let client = open(kind);
                        expect(set(*client, "connect_timeout", timeout));
                        expect_error(connect(*client, "192.0.2.1:9"), "ENETUNREACH");
                        expect_failed(*client, "ENETUNREACH");
                    }
                }
                expect_error(send_to(*open("udp4"), b"lost", 0, "192.0.2.1:9"), "ENETUNREACH");
            },
        );
    }

    #[test]
    fn the_states_of_a_close_that_is_not_acknowledged() {
        let test = "handshake::namespaces::the_states_of_a_close_that_is_not_acknowledged";
        child::run(test, child::View::Network, || {
            let (active, _its_peer) = connected("tcp4");
            let (half_closed, passive) = connected("tcp4");
            expect(anysock_shutdown(*half_closed, ANYSOCK_SHUT_WRITE));
            expect_state(*half_closed, "fin_wait_2");
            expect_state(*passive, "close_wait");
            // No segment arrives any more, so that the last one stays unanswered.
            child::loopback(false);
            expect(anysock_shutdown(*active, ANYSOCK_SHUT_WRITE));
            expect_state(*active, "fin_wait_1");
            expect(anysock_shutdown(*passive, ANYSOCK_SHUT_WRITE));
            expect_state(*passive, "last_ack");
        });
    }
}
