//! Datagrams, and packets of connections: borders, senders, errors that are told once. Not here: streams (`transfer`).

use crate::peers::*;
use crate::support::*;
use std::ptr::{null, null_mut};

/// The datagram kinds that this machine has.
fn datagram_kinds() -> Vec<&'static str> {
    let mut kinds = here(&["udp", "udp4", "unixgram"]);
    if has_ipv6() {
        kinds.push("udp6");
    }
    kinds
}

/// The kinds that keep what is sent apart.
fn message_kinds() -> Vec<&'static str> {
    let packets = if has("unixpacket") == 1 { vec!["unixpacket"] } else { Vec::new() };
    [datagram_kinds(), packets].concat()
}

/// What `anysock_recv_from` says of the sender, in so much memory.
#[track_caller]
pub fn sender(h: i64, capacity: usize) -> (i64, String) {
    let (mut room, mut address) = ([0_u8; 64], vec![0x7f_u8; capacity + 8]);
    let (data, text) = (room.as_mut_ptr().cast(), address.as_mut_ptr().cast());
    // SAFETY: both are writable for more than the lengths given.
    let count = unsafe { anysock_recv_from(h, data, room.len(), 0, text, capacity) };
    assert!(address[capacity..].iter().all(|byte| *byte == 0x7f), "written past the end");
    let end = address.iter().position(|byte| *byte == 0).expect("an end of the text");
    (count, String::from_utf8(address[..end].to_vec()).unwrap())
}

#[test]
fn each_read_takes_one_message_and_what_does_not_fit_is_gone() {
    for kind in message_kinds() {
        let (one, other) = connected(kind);
        for message in [&b"first"[..], b"second", b"third"] {
            assert_eq!(write(*one, message), message.len() as i64);
        }
        let mut room = [0; 64];
        assert_eq!(read(*other, &mut room), 5, "{kind}");
        assert_eq!(read(*other, &mut room[..3]), 3);
        assert_eq!(&room[..3], b"sec");
        assert_eq!(read(*other, &mut room), 5);
        assert_eq!(&room[..5], b"third");
    }
}

#[test]
fn the_calls_for_the_whole_length_take_one_message_too() {
    for kind in message_kinds() {
        let (one, other) = connected(kind);
        assert_eq!(write_all(*one, b"first"), 5);
        assert_eq!(writev(*one, &[b"sec", b"", b"ond"]), 6);
        assert_eq!(write_all(*one, b"third"), 5);
        let mut room = [0; 64];
        assert_eq!(read_full(*other, &mut room), 5, "{kind}");
        let (mut head, mut tail) = ([0; 2], [0; 16]);
        assert_eq!(readv(*other, &mut [&mut head, &mut [], &mut tail]), 6);
        assert_eq!((&head, &tail[..4]), (b"se", &b"cond"[..]));
        assert_eq!(recv(*other, &mut room, ANYSOCK_FLAG_WAIT_ALL), 5);
    }
}

#[test]
fn a_cut_message_tells_its_real_length_if_asked() {
    for kind in message_kinds() {
        let (one, other) = connected(kind);
        assert_eq!(write(*one, b"a long message"), 14);
        let mut room = [0; 6];
        assert_eq!(recv(*other, &mut room, ANYSOCK_FLAG_PEEK), 6);
        assert_eq!(recv(*other, &mut room, ANYSOCK_FLAG_PEEK | ANYSOCK_FLAG_TRUNC), 14, "{kind}");
        assert_eq!(recv(*other, &mut room, ANYSOCK_FLAG_TRUNC), 14, "{kind}");
        assert_eq!(&room, b"a long");
        expect_error(recv(*other, &mut room, ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
    }
}

#[test]
fn an_empty_datagram_is_read_as_0_and_ends_nothing() {
    for kind in datagram_kinds() {
        let (one, other) = connected(kind);
        for _ in 0..2 {
            // SAFETY: without a length there is no memory to be right or wrong.
            assert_eq!(unsafe { anysock_write(*one, null(), 0) }, 0);
            assert_eq!(write(*one, b"full"), 4);
            let mut room = [0; 8];
            assert_eq!(select_one(*other, ANYSOCK_EVENT_READ, LONG_US), ANYSOCK_EVENT_READ);
            assert_eq!(read(*other, &mut room), 0, "{kind}");
            assert_eq!(read(*other, &mut room), 4);
        }
        // No pieces are no bytes, but a datagram all the same.
        // SAFETY: NULL stands for no pieces.
        assert_eq!(unsafe { anysock_writev(*one, null(), 0) }, 0);
        assert_eq!(readv(*other, &mut [&mut [0; 8]]), 0);
        // Room for nothing takes a datagram too.
        assert_eq!(write(*one, b"full"), 4);
        // SAFETY: NULL stands for no room.
        assert_eq!(unsafe { anysock_read(*other, null_mut(), 0) }, 0);
        expect_error(recv(*other, &mut [0; 8], ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
    }
}

#[test]
fn a_message_that_is_too_long_for_any_is_refused_whole() {
    let too_long = vec![0; 1 << 20];
    for kind in datagram_kinds() {
        let (one, other) = connected(kind);
        expect_error(write(*one, &too_long), "EMSGSIZE");
        expect_error(write_all(*one, &too_long), "EMSGSIZE");
        expect_error(recv(*other, &mut [0; 8], ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
    }
}

#[test]
fn the_sender_is_told_as_the_address_that_answers_go_to() {
    for kind in datagram_kinds() {
        let (one, other) = (bound(kind), bound(kind));
        assert_eq!(send_to(*one, b"ping", 0, &local_address(*other)), 4);
        assert_eq!(sender(*other, 128), (4, local_address(*one)), "{kind}");
        assert_eq!(send_to(*other, b"pong", 0, &local_address(*one)), 4);
        assert_eq!(sender(*one, 128), (4, local_address(*other)));
    }
    // One without a name has none to tell.
    if has("unixgram") == 1 {
        let (nobody, other) = (open("unixgram"), bound("unixgram"));
        assert_eq!(send_to(*nobody, b"ping", 0, &local_address(*other)), 4);
        assert_eq!(sender(*other, 128), (4, String::new()));
    }
    // A connection has one sender only, who is not told each time.
    for kind in here(&["tcp4", "unixpacket"]) {
        let (client, server) = connected(kind);
        assert_eq!(write(*client, b"ping"), 4);
        assert_eq!(sender(*server, 128), (4, String::new()), "{kind}");
    }
}

#[test]
fn a_sender_that_does_not_fit_is_cut() {
    let (one, other) = (bound("udp4"), bound("udp4"));
    let address = local_address(*one);
    for capacity in 1..address.len() + 3 {
        assert_eq!(send_to(*one, b"ping", 0, &local_address(*other)), 4);
        let kept = address.len().min(capacity - 1);
        assert_eq!(sender(*other, capacity), (4, address[..kept].to_owned()));
    }
    assert_eq!(send_to(*one, b"ping", 0, &local_address(*other)), 4);
    assert_eq!(recv_from(*other, &mut [0; 8], 0), 4);
}

#[test]
fn a_socket_for_both_families_tells_ipv4_senders_as_ipv4() {
    if !has_ipv6() {
        return;
    }
    let server = open("udp");
    expect(bind(*server, ":0"));
    let port = port(&local_address(*server));
    for (kind, host) in [("udp4", "127.0.0.1"), ("udp6", "[::1]"), ("udp", "127.0.0.1"), ("udp", "[::1]")] {
        let client = open(kind);
        assert_eq!(send_to(*client, b"ping", 0, &format!("{host}:{port}")), 4);
        let (count, from) = sender(*server, 128);
        assert_eq!(count, 4);
        assert_eq!(from, format!("{host}:{}", port_of(*client)));
        assert_eq!(send_to(*server, b"pong", 0, &from), 4);
        assert_eq!(sender(*client, 128), (4, format!("{host}:{port}")));
    }
    // Its own peer is shown in the same way.
    let client = bound("udp4");
    expect(connect(*server, &local_address(*client)));
    assert_eq!(peer_address(*server), local_address(*client));
}

/// The port of a socket that was never bound, but has sent.
fn port_of(h: i64) -> u16 {
    port(&local_address(h))
}

#[test]
fn a_datagram_can_be_sent_to_a_name() {
    let server = bound("udp4");
    let address = format!("localhost:{}", port_of(*server));
    for kind in ["udp4", "udp"] {
        let client = open(kind);
        assert_eq!(send_to(*client, b"ping", 0, &address), 4);
        assert_eq!(sender(*server, 128).0, 4);
    }
    // A wildcard is this machine.
    let client = open("udp4");
    assert_eq!(send_to(*client, b"ping", 0, &format!(":{}", port_of(*server))), 4);
    assert_eq!(send_to(*client, b"ping", 0, &format!("0.0.0.0:{}", port_of(*server))), 4);
    assert_eq!(sender(*server, 128).0, 4);
    assert_eq!(sender(*server, 128).0, 4);
}

#[test]
fn an_address_that_is_none_is_refused_and_nothing_is_sent() {
    let client = open("udp4");
    for (address, error) in [
        ("127.0.0.1", "EINVAL"),
        ("", "EINVAL"),
        ("127.0.0.1:99999", "EINVAL"),
        ("[::1]:9", "EAFNOSUPPORT"),
        ("localhost:no-such-service", "EAI_SERVICE"),
    ] {
        expect_error(send_to(*client, b"lost", 0, address), error);
        expect_error(connect(*client, address), error);
    }
    if has("unixgram") == 1 {
        let client = open("unixgram");
        expect_error(send_to(*client, b"lost", 0, "/nonexistent/anysock"), "ENOENT");
        expect_error(send_to(*client, b"lost", 0, &"x".repeat(300)), "ENAMETOOLONG");
        expect_error(connect(*client, "/nonexistent/anysock"), "ENOENT");
    }
}

#[test]
fn the_peer_can_be_changed_and_is_the_only_one_that_is_heard() {
    for kind in datagram_kinds() {
        let (socket, first, second) = (bound(kind), bound(kind), bound(kind));
        for peer in [&first, &second] {
            assert_eq!(connect(*socket, &local_address(**peer)), 0, "{kind}");
            assert_eq!(peer_address(*socket), local_address(**peer));
            assert_eq!(write(*socket, b"ping"), 4);
            // SAFETY: the slice is readable; NULL stands for the peer.
            assert_eq!(unsafe { anysock_send_to(*socket, b"pong".as_ptr().cast(), 4, 0, null()) }, 4);
            assert_eq!(sender(**peer, 128), (4, local_address(*socket)));
            assert_eq!(sender(**peer, 128), (4, local_address(*socket)));
        }
        // AF_UNIX refuses the stranger's datagram, the others drop it.
        send_to(*first, b"stranger", ANYSOCK_FLAG_DONT_WAIT, &local_address(*socket));
        assert_eq!(send_to(*second, b"friend", 0, &local_address(*socket)), 6);
        assert_eq!(read(*socket, &mut [0; 16]), 6, "{kind}");
    }
}

#[test]
fn without_a_peer_there_is_nobody_to_write_to() {
    for kind in datagram_kinds() {
        for socket in [open(kind), bound(kind)] {
            expect_error(write(*socket, b"lost"), "ENOTCONN");
            expect_error(write_all(*socket, b"lost"), "ENOTCONN");
            expect_error(writev(*socket, &[b"lost"]), "ENOTCONN");
            // SAFETY: the slice is readable; NULL stands for the peer.
            expect_error(
                unsafe { anysock_send_to(*socket, b"lost".as_ptr().cast(), 4, 0, null()) },
                "ENOTCONN",
            );
            // SAFETY: no memory is given for the text.
            expect_error(unsafe { anysock_peer_address(*socket, null_mut(), 0) }, "ENOTCONN");
            expect_error(anysock_shutdown(*socket, ANYSOCK_SHUT_BOTH), "ENOTCONN");
        }
        expect_error(anysock_listen(*bound(kind), 0), "EOPNOTSUPP");
        expect_error(anysock_accept(*bound(kind)), "EOPNOTSUPP");
    }
}

#[test]
fn a_socket_whose_family_is_open_is_settled_by_the_first_address() {
    let server = bound("udp4");
    let client = open("udp");
    expect_error(read(*client, &mut [0; 8]), "ENOTCONN");
    expect_error(recv_from(*client, &mut [0; 8], 0), "ENOTCONN");
    expect_error(readv(*client, &mut [&mut [0; 8]]), "ENOTCONN");
    assert_eq!(send_to(*client, b"ping", 0, &local_address(*server)), 4);
    assert_eq!(sender(*server, 128), (4, format!("127.0.0.1:{}", port_of(*client))));
    assert_eq!(get(*client, "family"), get(*server, "family"));
    expect_error(send_to(*client, b"ping", 0, "[::1]:9"), "EAFNOSUPPORT");
}

#[test]
fn a_socket_without_a_name_has_received_nothing_yet() {
    for kind in ["udp4", "udp6"] {
        let socket = open(kind);
        expect_error(recv(*socket, &mut [0; 4], ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
        expect_error(recv_from(*socket, &mut [0; 4], ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
        assert_eq!(select_one(*socket, ANYSOCK_EVENT_READ, 0), 0);
    }
}

/// Winsock would call the next receive failed (10054), whoever's datagram it finds.
#[test]
fn a_server_does_not_suffer_for_a_client_that_has_gone() {
    for kind in ["udp4", "udp6"].into_iter().filter(|kind| *kind == "udp4" || has_ipv6()) {
        let (server, friend) = (bound(kind), bound(kind));
        let gone = local_address(*bound(kind));
        for _ in 0..3 {
            assert_eq!(send_to(*server, b"are you there?", 0, &gone), 14);
        }
        expect(set(*server, "read_timeout", 50 * ANYSOCK_MILLISECOND));
        expect_timeout(50 * ANYSOCK_MILLISECOND, || read(*server, &mut [0; 8]));
        assert_eq!(send_to(*friend, b"hello", 0, &local_address(*server)), 5);
        assert_eq!(recv_from(*server, &mut [0; 8], 0), 5, "{kind}");
        assert_eq!(get(*server, "error"), Ok(0), "{kind}");
    }
}

#[test]
fn a_datagram_socket_that_is_shut_for_reading_reads_0() {
    for kind in datagram_kinds() {
        let (one, other) = connected(kind);
        assert_eq!(anysock_shutdown(*other, ANYSOCK_SHUT_READ), 0, "{kind}");
        send(*one, b"late", ANYSOCK_FLAG_DONT_WAIT);
        for _ in 0..2 {
            assert_eq!(read(*other, &mut [0; 8]), 0, "{kind}");
        }
        assert_eq!(write(*other, b"fine"), 4);
        assert_eq!(anysock_shutdown(*other, ANYSOCK_SHUT_WRITE), 0, "{kind}");
        expect_error(write(*other, b"late"), "EPIPE");
    }
}

/// A refused datagram.
mod refusals {
    use super::*;

    #[test]
    fn a_refused_datagram_is_reported_once() {
        if !need_refusals() {
            return;
        }
        for kind in datagram_kinds().into_iter().filter(|kind| kind.starts_with("udp")) {
            let client = connected_to_nobody(kind);
            let mut room = [0; 8];
            let calls: [fn(i64, &mut [u8]) -> i64; 4] = [
                |h, room| read(h, room),
                |h, room| recv_from(h, room, 0),
                |h, room| readv(h, &mut [room]),
                |h, _| write(h, b"again"),
            ];
            for call in calls {
                until("the port to be closed", || {
                    expect(send(*client, b"ping", 0));
                    select_one(*client, ANYSOCK_EVENT_READ, 20 * ANYSOCK_MILLISECOND) != 0
                });
                expect_error(call(*client, &mut room), "ECONNREFUSED");
                expect_error(recv(*client, &mut room, ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
            }
            // The socket is as good as before.
            let somebody = bound(kind);
            expect(connect(*client, &local_address(*somebody)));
            assert_eq!(write(*client, b"ping"), 4);
            assert_eq!(read(*somebody, &mut room), 4);
        }
    }

    #[test]
    fn option_error_shows_a_refusal_without_taking_it() {
        if !need_refusals() {
            return;
        }
        let client = connected_to_nobody("udp4");
        assert_eq!(write(*client, b"ping"), 4);
        assert_eq!(select_one(*client, ANYSOCK_EVENT_READ, LONG_US), ANYSOCK_EVENT_READ);
        for _ in 0..2 {
            assert_eq!(name(get(*client, "error").unwrap()), "ECONNREFUSED");
            assert_eq!(
                select_one(*client, ANYSOCK_EVENT_READ | ANYSOCK_EVENT_WRITE, 0),
                ANYSOCK_EVENT_READ | ANYSOCK_EVENT_WRITE
            );
        }
        expect_error(read(*client, &mut [0; 8]), "ECONNREFUSED");
        assert_eq!(get(*client, "error"), Ok(0));
        expect_error(recv(*client, &mut [0; 8], ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
    }
}

mod unixgram {
    use super::*;

    #[test]
    fn a_peer_that_does_not_read_is_waited_for() {
        if !need("unixgram") {
            return;
        }
        for kind in here(&["unixgram", "unixpacket"]) {
            let (one, other) = connected(kind);
            let count = fill(*one);
            assert!(count > 0);
            let timeout = 50 * ANYSOCK_MILLISECOND;
            expect(set(*one, "write_timeout", timeout));
            expect_timeout(timeout, || write(*one, b"no room"));
            expect(set(*one, "write_timeout", -1));
            let handle = *one;
            let call = Call::blocked(move || write(handle, b"at last"));
            let mut room = vec![0; 8192];
            until("the datagram that waits", || {
                let received = expect(read(*other, &mut room)) as usize;
                &room[..received] == b"at last"
            });
            assert_eq!(call.result(), 7);
        }
    }
}

mod unixpacket {
    use super::*;

    #[test]
    fn a_connection_ends_as_a_stream_does() {
        if !need("unixpacket") {
            return;
        }
        let (client, server) = connected("unixpacket");
        assert_eq!(write(*client, b"one"), 3);
        assert_eq!(write(*client, b"two"), 3);
        drop(client);
        let mut room = [0; 64];
        assert_eq!(read(*server, &mut room), 3);
        assert_eq!(read(*server, &mut room), 3);
        assert_eq!(&room[..3], b"two");
        assert_eq!(read(*server, &mut room), 0);
        assert_eq!(read(*server, &mut room), 0);
        until("an error", || send(*server, b"late", ANYSOCK_FLAG_DONT_WAIT) < 0);
        let late = name(write(*server, b"late"));
        assert!(["EPIPE", "ECONNRESET"].contains(&late.as_str()), "{late}");
    }

    type Call = fn(i64, &mut [u8]) -> i64;

    /// Linux tells of the reset first, and then gives the packets.
    #[test]
    fn packets_that_were_queued_come_before_the_reset() {
        if !need("unixpacket") {
            return;
        }
        // What may be called before, and the calls that receive.
        let looks: [Call; 3] = [
            |_, _| 3,
            |h, room| recv(h, room, ANYSOCK_FLAG_PEEK),
            |h, _| if write(h, b"late") == get(h, "error").unwrap() { 3 } else { 0 },
        ];
        let receives: [Call; 3] =
            [|h, room| read(h, room), |h, room| recv_from(h, room, 0), |h, room| readv(h, &mut [room])];
        let mut room = [0; 64];
        for (look, receive) in
            looks.iter().flat_map(|look| receives.iter().map(move |receive| (look, receive)))
        {
            let (one, other) = connected("unixpacket");
            assert_eq!(write(*other, b"one"), 3);
            assert_eq!(write(*other, b"two"), 3);
            assert_eq!(write(*one, b"never read"), 10);
            drop(other);
            assert_eq!(look(*one, &mut room), 3);
            for packet in [b"one", b"two"] {
                assert_eq!(receive(*one, &mut room), 3);
                assert_eq!(&room[..3], packet);
            }
            for _ in 0..2 {
                expect_error(receive(*one, &mut room), "ECONNRESET");
            }
        }
    }

    #[test]
    fn packets_that_were_queued_when_reading_was_shut_come_before_the_end() {
        if !need("unixpacket") {
            return;
        }
        let (one, other) = connected("unixpacket");
        assert_eq!(write(*other, b"one"), 3);
        assert_eq!(write(*one, b"never read"), 10);
        expect(anysock_shutdown(*one, ANYSOCK_SHUT_READ));
        drop(other);
        assert_eq!([(); 3].map(|()| read(*one, &mut [0; 8])), [3, 0, 0]);
    }
}

/// With a range of ports in which none is free.
#[cfg(target_os = "linux")]
mod ports {
    use super::*;

    const IP_LOCAL_PORT_RANGE: i32 = 51;

    /// A socket that can have this port and no other.
    fn with_port(kind: &str, port: u16) -> Option<Own> {
        let socket = open(kind);
        let range = u32::from(port) << 16 | u32::from(port);
        // SAFETY: the range is as long as it says.
        let code = unsafe {
            anysock_set_raw(
                *socket,
                libc::IPPROTO_IP,
                IP_LOCAL_PORT_RANGE,
                std::ptr::from_ref(&range).cast(),
                4,
            )
        };
        if code != 0 {
            skip("no IP_LOCAL_PORT_RANGE");
            return None;
        }
        Some(socket)
    }

    #[test]
    fn who_finds_no_port_is_told_so_and_does_not_wait() {
        let peer = bound("udp4");
        let address = local_address(*peer);
        let holder = open("udp4");
        expect(bind(*holder, ":0"));
        let port = port(&local_address(*holder));
        let to_peer = crate::flat::parse("udp4", &address).unwrap();
        let calls: [&dyn Fn(i64) -> i64; 6] = [
            &|h| connect(h, &address),
            &|h| crate::native::connect_flat(h, &to_peer),
            &|h| send_to(h, b"x", 0, &address),
            &|h| send_to(h, b"x", ANYSOCK_FLAG_DONT_WAIT, &address),
            &|h| send_many(h, &mut [outgoing(b"x", Some(&to_peer))], 0),
            &|h| {
                let mut buffers = [anysock_buffer { data: std::ptr::null_mut(), length: 0 }];
                let mut to_peer = to_peer;
                let message = anysock_message { address: &mut to_peer, ..message_of(&mut buffers) };
                // SAFETY: everything lives through the call.
                unsafe { anysock_send_message(h, &message, 0) }
            },
        ];
        for (place, call) in calls.iter().enumerate() {
            let Some(socket) = with_port("udp4", port) else { return };
            assert_eq!(name(call(*socket)), "EADDRNOTAVAIL", "call {place}");
            // Whoever looks at a native handle finds what the system says.
            expect(set(*socket, "native", 1));
            if place != 3 {
                assert_eq!(name(call(*socket)), "EAGAIN", "native call {place}");
            }
        }
        drop(holder);
        let socket = with_port("udp4", port).unwrap();
        assert_eq!(send_to(*socket, b"x", 0, &address), 1);
    }
}
