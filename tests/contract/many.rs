//! Many datagrams, or many connections, with one call. Not here: one datagram (`datagrams`), addresses as flat memory
//! (`flat`), closing meanwhile (`close`), and running out of descriptors (`tests/c/limits.c`).

use crate::flat::{format, parse};
use crate::peers::*;
use crate::support::*;
use std::ptr::{dangling_mut, null_mut};

/// More than one system call moves.
const MORE: usize = 100;

fn datagram_kinds() -> Vec<&'static str> {
    let mut kinds = here(&["udp", "udp4", "unixgram"]);
    if has_ipv6() {
        kinds.push("udp6");
    }
    kinds
}

/// The flat form of a socket's own address.
#[track_caller]
fn flat_address(h: i64) -> anysock_address {
    let kind = get_text(h, "kind").unwrap();
    parse(&kind, &local_address(h)).unwrap()
}

/// A datagram that can't be: memory that is not there.
fn nothing_of_one_byte() -> anysock_datagram {
    anysock_datagram { data: null_mut(), length: 1, ..outgoing(b"", None) }
}

/// `0`, `1`, `2` …, as texts.
fn numbers(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| number.to_string().into_bytes()).collect()
}

fn outgoing_all<'a>(data: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<anysock_datagram> {
    data.into_iter().map(|data| outgoing(data, None)).collect()
}

fn contents(got: &[Got]) -> Vec<&[u8]> {
    got.iter().map(|got| &got.data[..]).collect()
}

#[cfg(target_pointer_width = "64")]
#[test]
fn a_datagram_has_the_layout_that_is_written_down() {
    use std::mem::offset_of;
    assert_eq!(size_of::<anysock_datagram>(), 40);
    assert_eq!(offset_of!(anysock_datagram, data), 0);
    assert_eq!(offset_of!(anysock_datagram, length), 8);
    assert_eq!(offset_of!(anysock_datagram, result), 16);
    assert_eq!(offset_of!(anysock_datagram, address), 24);
    assert_eq!(offset_of!(anysock_datagram, flags), 32);
    assert_eq!(offset_of!(anysock_datagram, segment), 36);
}

// What comes and goes.

#[test]
fn datagrams_go_and_come_in_their_order_however_many() {
    for kind in datagram_kinds() {
        let (one, other) = connected(kind);
        let texts = numbers(MORE);
        // A unix socket holds back a sender whose peer does not read: as many at a time as it takes.
        let (mut sent, mut read) = (0, 0);
        while read < MORE {
            if sent < MORE {
                sent += expect(send_many(*one, &mut outgoing_all(&texts[sent..]), 0)) as usize;
            }
            let got = recv_many(*other, MORE, 64, 0).unwrap();
            assert_eq!(contents(&got), texts[read..][..got.len()], "{kind}");
            assert!(got.iter().all(|got| (got.flags, got.segment) == (0, 0)));
            read += got.len();
        }
        assert_eq!((sent, read), (MORE, MORE));
        assert_eq!(recv_many(*other, 4, 64, ANYSOCK_FLAG_DONT_WAIT).map_err(name).unwrap_err(), "EAGAIN");
    }
}

#[test]
fn one_call_moves_more_than_one_system_call_takes() {
    let (one, other) = connected("udp4");
    let texts = numbers(MORE);
    assert_eq!(send_many(*one, &mut outgoing_all(&texts), 0), MORE as i64);
    let got = recv_many(*other, 2 * MORE, 64, 0).unwrap();
    assert_eq!(contents(&got), texts);
}

#[test]
fn an_empty_datagram_counts_and_ends_nothing() {
    for kind in datagram_kinds() {
        let (one, other) = connected(kind);
        let mut datagrams = [outgoing(b"", None), outgoing(b"full", None), outgoing(b"", None)];
        datagrams[2].data = null_mut();
        assert_eq!(send_many(*one, &mut datagrams, 0), 3, "{kind}");
        let got = recv_many(*other, 8, 64, 0).unwrap();
        assert_eq!(contents(&got), [&b""[..], b"full", b""], "{kind}");
    }
}

#[test]
fn each_datagram_goes_to_its_address_and_tells_its_sender() {
    for kind in datagram_kinds() {
        let (from, first, second) = (bound(kind), bound(kind), bound(kind));
        let own = flat_address(*from);
        let to = [flat_address(*first), flat_address(*second)];
        let mut datagrams =
            [outgoing(b"a", Some(&to[0])), outgoing(b"b", Some(&to[1])), outgoing(b"c", Some(&to[0]))];
        assert_eq!(send_many(*from, &mut datagrams, 0), 3, "{kind}");
        for (receiver, expected) in [(&first, vec![&b"a"[..], b"c"]), (&second, vec![&b"b"[..]])] {
            let got = recv_many(**receiver, 8, 64, 0).unwrap();
            assert_eq!(contents(&got), expected, "{kind}");
            for one in &got {
                assert_eq!(format(&one.address).unwrap(), local_address(*from), "{kind}");
                assert_eq!(one.address.bytes, own.bytes, "more than the address was written");
            }
            // The address is good to answer to, byte for byte.
            assert_eq!(send_many(**receiver, &mut [outgoing(b"back", Some(&got[0].address))], 0), 1);
            assert_eq!(recv_many(*from, 1, 64, 0).unwrap()[0].data, b"back");
        }
    }
}

#[test]
fn who_has_no_address_tells_none_and_none_is_the_peer() {
    if has("unixgram") == 1 {
        let (nobody, other) = (open("unixgram"), bound("unixgram"));
        let address = flat_address(*other);
        assert_eq!(send_many(*nobody, &mut [outgoing(b"ping", Some(&address))], 0), 1);
        assert_eq!(recv_many(*other, 1, 64, 0).unwrap()[0].address.family, 0);
    }
    for kind in datagram_kinds() {
        let (one, other) = connected(kind);
        assert_eq!(send_many(*one, &mut [outgoing(b"ping", Some(&NOWHERE))], 0), 1, "{kind}");
        // Nor is a sender told where none is wanted.
        let mut room = [0_u8; 8];
        let mut datagram =
            anysock_datagram { data: room.as_mut_ptr().cast(), length: room.len(), ..outgoing(b"", None) };
        // SAFETY: the datagram describes memory that outlives the call.
        assert_eq!(unsafe { anysock_recv_many(*other, &mut datagram, 1, 0) }, 1);
        assert_eq!((datagram.result, &room[..4]), (4, &b"ping"[..]));
        expect_error(send_many(*bound(kind), &mut [outgoing(b"lost", Some(&NOWHERE))], 0), "ENOTCONN");
    }
}

#[test]
fn a_socket_for_both_families_tells_ipv4_senders_as_ipv4() {
    if !has_ipv6() {
        return;
    }
    let server = open("udp");
    expect(bind(*server, ":0"));
    let port = port(&local_address(*server));
    let clients = [("udp4", "127.0.0.1", 2), ("udp6", "[::1]", 10)].map(|(kind, host, family)| {
        let client = bound(kind);
        let address = parse(kind, &format!("{host}:{port}")).unwrap();
        assert_eq!(send_many(*client, &mut [outgoing(kind.as_bytes(), Some(&address))], 0), 1);
        (client, family)
    });
    let mut got = Vec::new();
    while got.len() < 2 {
        got.extend(recv_many(*server, 2, 64, 0).unwrap());
    }
    let mut answers: Vec<_> = got.iter().map(|got| outgoing(b"pong", Some(&got.address))).collect();
    assert_eq!(send_many(*server, &mut answers, 0), 2);
    for (got, (client, family)) in got.iter().zip(&clients) {
        assert_eq!(got.address.family, *family);
        assert_eq!(format(&got.address).unwrap(), local_address(**client));
        assert_eq!(recv_many(**client, 1, 64, 0).unwrap()[0].data, b"pong");
    }
}

#[test]
fn a_mapped_address_is_the_ipv4_address_for_every_socket() {
    let server = bound("udp4");
    let mut mapped = flat_address(*server);
    let [a, b, c, d, ..] = mapped.bytes;
    mapped.bytes[..16].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]);
    mapped = anysock_address { family: 10, length: 16, ..mapped };
    assert_eq!(format(&mapped).unwrap(), local_address(*server));
    for kind in ["udp4", "udp"] {
        assert_eq!(send_many(*open(kind), &mut [outgoing(b"ping", Some(&mapped))], 0), 1, "{kind}");
        assert_eq!(recv_many(*server, 1, 64, 0).unwrap().len(), 1);
    }
}

#[test]
fn a_datagram_that_is_cut_is_told_and_its_real_length_if_asked() {
    for kind in datagram_kinds() {
        let (one, other) = connected(kind);
        for (flags, length) in [(0, 6), (ANYSOCK_FLAG_TRUNC, 14)] {
            let mut datagrams = [outgoing(b"short", None), outgoing(b"a long message", None)];
            assert_eq!(send_many(*one, &mut datagrams, 0), 2);
            let got = recv_many(*other, 4, 6, flags).unwrap();
            assert_eq!(contents(&got), [&b"short"[..], b"a long"], "{kind}");
            let told: Vec<_> = got.iter().map(|got| (got.result, got.flags)).collect();
            assert_eq!(told, [(5, 0), (length, ANYSOCK_FLAG_TRUNC)], "{kind}");
        }
    }
}

// Waiting.

#[test]
fn it_waits_for_the_first_alone() {
    for kind in datagram_kinds() {
        let (one, other) = connected(kind);
        let handle = *other;
        let call = Call::blocked(move || recv_many(handle, 8, 64, 0).map(|got| got.len()));
        assert_eq!(write(*one, b"first"), 5);
        assert_eq!(call.result(), Ok(1), "{kind}");
        // What is there is taken, and not waited for more.
        assert_eq!(send_many(*one, &mut outgoing_all(&numbers(3)), 0), 3);
        assert_eq!(recv_many(*other, 8, 64, 0).unwrap().len(), 3, "{kind}");
    }
}

#[test]
fn receiving_ends_at_its_time() {
    for kind in datagram_kinds() {
        let (_one, other) = connected(kind);
        let timeout = 30 * ANYSOCK_MILLISECOND;
        expect_error(recv_many(*other, 4, 64, ANYSOCK_FLAG_DONT_WAIT).unwrap_err(), "EAGAIN");
        expect(set(*other, "read_timeout", timeout));
        expect_timeout(timeout, || recv_many_code(*other));
        expect(set(*other, "read_timeout", 0));
        expect_error(recv_many_code(*other), "EAGAIN");
    }
}

#[test]
fn a_half_that_is_shut_receives_nothing_and_sends_nothing() {
    for kind in datagram_kinds() {
        let (one, other) = connected(kind);
        let handle = *other;
        let call = Call::blocked(move || recv_many_code(handle));
        expect(anysock_shutdown(*other, ANYSOCK_SHUT_READ));
        assert_eq!(call.result(), 0, "{kind}");
        send(*one, b"late", ANYSOCK_FLAG_DONT_WAIT);
        assert_eq!(recv_many_code(*other), 0, "{kind}");
        assert_eq!(send_many(*other, &mut [outgoing(b"fine", None)], 0), 1);
        expect(anysock_shutdown(*other, ANYSOCK_SHUT_WRITE));
        expect_error(send_many(*other, &mut [outgoing(b"late", None)], 0), "EPIPE");
    }
}

// Errors.

#[test]
fn what_a_datagram_does_wrong_is_told_when_it_is_the_first() {
    let too_long = vec![0; 1 << 20];
    for kind in datagram_kinds() {
        let (one, other) = connected(kind);
        let no_address = anysock_address { family: 2, ..NOWHERE };
        let no_family = anysock_address { family: 99, ..NOWHERE };
        let bad = [
            (outgoing(&too_long, None), "EMSGSIZE"),
            (nothing_of_one_byte(), "EFAULT"),
            (anysock_datagram { length: usize::MAX, ..outgoing(b"x", None) }, "EINVAL"),
            (anysock_datagram { segment: -1, ..outgoing(b"x", None) }, "EINVAL"),
            (anysock_datagram { segment: 65_536, ..outgoing(b"x", None) }, "EINVAL"),
            (outgoing(b"x", Some(&no_address)), "EINVAL"),
            (outgoing(b"x", Some(&no_family)), "EAFNOSUPPORT"),
        ];
        for (bad, error) in bad {
            let fine = outgoing(b"fine", None);
            let mut datagrams = [fine, fine, bad, fine];
            assert_eq!(send_many(*one, &mut datagrams, 0), 2, "{kind} {error}");
            for _ in 0..2 {
                assert_eq!(name(send_many(*one, &mut datagrams[2..], 0)), error, "{kind}");
            }
            assert_eq!(send_many(*one, &mut datagrams[3..], 0), 1);
            assert_eq!(recv_many(*other, 8, 64, 0).unwrap().len(), 3, "{kind} {error}");
            // It was the datagram's error, not the socket's.
            expect_error(recv(*one, &mut [0; 8], ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
        }
    }
}

#[test]
fn a_room_that_is_none_is_told_wherever_it_is_and_nothing_is_lost() {
    let (one, other) = connected("udp4");
    assert_eq!(send_many(*one, &mut outgoing_all(&numbers(3)), 0), 3);
    let mut memory = [[0_u8; 8]; 3];
    for (bad, error) in [
        (nothing_of_one_byte(), "EFAULT"),
        (anysock_datagram { data: dangling_mut(), length: usize::MAX, ..nothing_of_one_byte() }, "EINVAL"),
    ] {
        let [first, .., last] = memory.each_mut().map(|room| anysock_datagram {
            data: room.as_mut_ptr().cast(),
            length: room.len(),
            ..nothing_of_one_byte()
        });
        for mut datagrams in [[bad, first, last], [first, last, bad]] {
            // SAFETY: the datagrams describe memory that outlives the call, or that the call must refuse.
            expect_error(unsafe { anysock_recv_many(*other, datagrams.as_mut_ptr(), 3, 0) }, error);
        }
    }
    assert_eq!(recv_many(*other, 4, 64, 0).unwrap().len(), 3);
}

#[test]
fn a_socket_whose_family_is_open_is_settled_by_the_first_address() {
    let server = bound("udp4");
    let address = flat_address(*server);
    let client = open("udp");
    expect_error(recv_many_code(*client), "ENOTCONN");
    expect_error(
        send_many(*client, &mut [outgoing(b"lost", None), outgoing(b"lost", Some(&address))], 0),
        "ENOTCONN",
    );
    let other = parse("udp6", "[::1]:9").unwrap();
    let mut datagrams = [outgoing(b"ping", Some(&address)), outgoing(b"lost", Some(&other))];
    assert_eq!(send_many(*client, &mut datagrams, 0), 1);
    assert_eq!(recv_many(*server, 4, 64, 0).unwrap().len(), 1);
    assert_eq!(get(*client, "family"), get(*server, "family"));
    expect_error(send_many(*client, &mut datagrams[1..], 0), "EAFNOSUPPORT");
}

/// A call for so many datagrams, of which there is none, with flags.
type EmptyCall = fn(i64, usize, i32) -> i64;

#[test]
fn none_is_fine_and_what_has_no_datagrams_says_so() {
    let many: [(EmptyCall, &[i32]); 2] = [
        // SAFETY: NULL stands for no datagrams, or must be refused.
        (|h, count, flags| unsafe { anysock_recv_many(h, null_mut(), count, flags) }, &[ANYSOCK_FLAG_TRUNC]),
        // SAFETY: as above.
        (|h, count, flags| unsafe { anysock_send_many(h, null_mut(), count, flags) }, &[]),
    ];
    for (call, allowed) in many {
        let udp = bound("udp4");
        assert_eq!(call(*udp, 0, 0), 0);
        assert_eq!(call(*open("udp"), 0, 0), 0);
        for flag in (0..31).map(|bit| 1 << bit).chain([-1, i32::MIN]) {
            let known = flag == ANYSOCK_FLAG_DONT_WAIT || allowed.contains(&flag);
            assert_eq!(name(call(*udp, 0, flag)), if known { "OK" } else { "EINVAL" }, "{flag}");
        }
        expect_error(call(*udp, 1, 0), "EFAULT");
        expect_error(call(*udp, usize::MAX, 0), "EINVAL");
        expect_error(call(*udp, isize::MAX as usize / size_of::<anysock_datagram>() + 1, 0), "EINVAL");
        for kind in stream_kinds() {
            let (one, _other) = connected(kind);
            expect_error(call(*one, 0, 0), "EOPNOTSUPP");
        }
        expect_error(call(*open("tcp"), 0, 0), "EOPNOTSUPP");
        expect_error(call(*poller(), 0, 0), "ENOTSOCK");
    }
}

/// Sends a descriptor to the peer.
#[cfg(target_os = "linux")]
fn pass(socket: i32, fd: i32) {
    let mut byte = 0_u8;
    let mut piece = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let mut control = [0_u64; 8];
    // SAFETY: plain numbers and pointers, for which zero is a value; the control memory is larger than its one message.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &mut piece;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(4) as _;
        let header = libc::CMSG_FIRSTHDR(&message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(4) as _;
        libc::CMSG_DATA(header).cast::<i32>().write_unaligned(fd);
        assert_eq!(libc::sendmsg(socket, &message, 0), 1);
    }
}

// Segments.

/// The text `0000111122223333…`, of so many segments of four bytes, the last of which is short.
fn segmented(count: usize) -> Vec<u8> {
    let mut text: Vec<_> = (0..count).flat_map(|number| [b'0' + number as u8; 4]).collect();
    text.pop();
    text
}

#[test]
fn a_datagram_is_cut_into_segments() {
    let (one, other) = connected("udp4");
    let text = segmented(5);
    let mut datagrams = [anysock_datagram { segment: 4, ..outgoing(&text, None) }, outgoing(b"after", None)];
    if expect(has("udp.gso")) == 0 {
        expect_error(send_many(*one, &mut datagrams, 0), "EOPNOTSUPP");
        return;
    }
    assert_eq!(send_many(*one, &mut datagrams, 0), 2);
    let got = recv_many(*other, 16, 64, 0).unwrap();
    assert_eq!(contents(&got), [&b"0000"[..], b"1111", b"2222", b"3333", b"444", b"after"]);
    assert!(got.iter().all(|got| got.segment == 0));
    // The socket's own size holds where none is given, and not where one is.
    expect(set(*one, "udp.segment", 2));
    let mut datagrams =
        [outgoing(b"aabb", None), anysock_datagram { segment: 3, ..outgoing(b"cccddd", None) }];
    assert_eq!(send_many(*one, &mut datagrams, 0), 2);
    let got = recv_many(*other, 16, 64, 0).unwrap();
    assert_eq!(contents(&got), [&b"aa"[..], b"bb", b"ccc", b"ddd"]);
}

// Connections.

/// A client that is connected, or for a listener that has not accepted it, in the queue.
#[track_caller]
fn client_of(listener: i64) -> Own {
    let client = open(&get_text(listener, "kind").unwrap());
    expect(connect(*client, &local_address(listener)));
    client
}

#[test]
fn accept_many_takes_what_is_in_the_queue_in_its_order() {
    for kind in stream_kinds() {
        let listener = listener(kind);
        let clients: Vec<_> = (0..5).map(|_| client_of(*listener)).collect();
        let mut connections = accept_many(*listener, 2).unwrap();
        assert_eq!(connections.len(), 2, "{kind}");
        connections.extend(accept_many(*listener, 100).unwrap());
        assert_eq!(connections.len(), 5, "{kind}");
        for (place, (client, server)) in clients.iter().zip(&connections).enumerate() {
            assert_eq!(write(**client, &[place as u8; 3]), 3);
            let mut room = [0; 8];
            assert_eq!(read(**server, &mut room), 3);
            assert_eq!(room[0], place as u8, "{kind}");
            assert_eq!(get_text(**server, "kind"), get_text(*listener, "kind"));
            assert_eq!(get(**server, "accept_timeout"), Ok(-1));
        }
    }
}

#[test]
fn accept_many_waits_for_the_first_alone() {
    for kind in stream_kinds() {
        let listener = listener(kind);
        let timeout = 30 * ANYSOCK_MILLISECOND;
        expect(set(*listener, "accept_timeout", timeout));
        expect_timeout(timeout, || accept_many_code(*listener));
        expect(set(*listener, "accept_timeout", 0));
        expect_error(accept_many_code(*listener), "EAGAIN");
        expect(set(*listener, "accept_timeout", -1));
        let handle = *listener;
        let call = Call::blocked(move || accept_many(handle, 8));
        let client = client_of(*listener);
        let connections = call.result().unwrap();
        assert_eq!(connections.len(), 1, "{kind}");
        assert_eq!(write(*client, b"hello"), 5);
        assert_eq!(read(*connections[0], &mut [0; 8]), 5);
    }
}

#[test]
fn accept_many_of_nothing_is_an_error_and_takes_nothing() {
    let listener = listener("tcp");
    let _client = client_of(*listener);
    let mut handle = -7;
    // SAFETY: the place is good, or must be refused.
    unsafe {
        expect_error(anysock_accept_many(*listener, &mut handle, 0), "EINVAL");
        expect_error(anysock_accept_many(*listener, null_mut(), 0), "EINVAL");
        expect_error(anysock_accept_many(*listener, null_mut(), 1), "EFAULT");
        expect_error(anysock_accept_many(*listener, &mut handle, usize::MAX), "EINVAL");
        expect_error(anysock_accept_many(*bound("udp"), &mut handle, 1), "EOPNOTSUPP");
        expect_error(anysock_accept_many(*open("tcp"), &mut handle, 1), "EINVAL");
        expect_error(anysock_accept_many(*bound("tcp"), &mut handle, 1), "EINVAL");
        expect_error(anysock_accept_many(*poller(), &mut handle, 1), "ENOTSOCK");
    }
    assert_eq!(handle, -7);
    assert_eq!(accept_many(*listener, 4).unwrap().len(), 1);
}

/// A refused datagram.
mod refusals {
    use super::*;

    #[test]
    fn a_refused_datagram_is_reported_once_by_whatever_comes_next() {
        if !need_refusals() {
            return;
        }
        let calls: [NamedCall; 5] = [
            ("send_many", |h| send_many(h, &mut [outgoing(b"again", None); 4], 0)),
            ("recv_many", |h| recv_many(h, 4, 64, ANYSOCK_FLAG_DONT_WAIT).map_or_else(|code| code, |_| 0)),
            ("read", |h| recv(h, &mut [0; 8], ANYSOCK_FLAG_DONT_WAIT)),
            ("write", |h| write(h, b"again")),
            ("send_to", |h| send_to(h, b"again", 0, "127.0.0.1:9")),
        ];
        // One, which the system reports with the next call; several, of which it would report the first to nobody; and
        // more than a system call takes.
        for count in [1, 2, 4, 32, MORE] {
            for (what, call) in calls {
                let client = connected_to_nobody("udp4");
                let sent = expect(send_many(*client, &mut vec![outgoing(b"ping", None); count], 0));
                assert!((1..=count as i64).contains(&sent), "{sent} of {count}");
                assert_eq!(select_one(*client, ANYSOCK_EVENT_READ, LONG_US), ANYSOCK_EVENT_READ, "{count}");
                assert_eq!(name(call(*client)), "ECONNREFUSED", "{what} after {count}");
                expect_error(recv(*client, &mut [0; 8], ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
                // The socket is as good as before.
                let somebody = bound("udp4");
                expect(connect(*client, &local_address(*somebody)));
                assert_eq!(send_many(*client, &mut vec![outgoing(b"ping", None); count], 0), count as i64);
                assert_eq!(recv_many(*somebody, MORE, 64, 0).unwrap().len(), count);
            }
        }
    }

    #[test]
    fn a_refusal_that_is_pending_wakes_who_waits() {
        if !need_refusals() {
            return;
        }
        let client = connected_to_nobody("udp4");
        let handle = *client;
        let call = Call::blocked(move || recv_many_code(handle));
        expect(send_many(*client, &mut [outgoing(b"ping", None); 8], 0));
        expect_error(call.result(), "ECONNREFUSED");
    }
}

mod unixgram {
    use super::*;

    #[test]
    fn a_full_peer_gets_what_fits_and_is_then_waited_for() {
        if !need("unixgram") {
            return;
        }
        let (one, other) = connected("unixgram");
        let texts = numbers(1000);
        let first = expect(send_many(*one, &mut outgoing_all(&texts), 0)) as usize;
        assert!(first < texts.len(), "the peer is never full");
        expect_error(send_many(*one, &mut outgoing_all(&texts[first..]), ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
        let timeout = 30 * ANYSOCK_MILLISECOND;
        expect(set(*one, "write_timeout", timeout));
        expect_timeout(timeout, || send_many(*one, &mut outgoing_all(&texts[first..]), 0));
        expect(set(*one, "write_timeout", -1));
        let (handle, rest) = (*one, texts[first..].to_vec());
        let call = Call::blocked(move || send_many(handle, &mut outgoing_all(&rest), 0));
        // How much room makes a full socket writable again is the system's matter.
        let mut got = Vec::new();
        while got.len() < first {
            got.extend(recv_many(*other, 1, 64, 0).unwrap());
        }
        let more = expect(call.result()) as usize;
        while got.len() < first + more {
            got.extend(recv_many(*other, 64, 64, 0).unwrap());
        }
        assert_eq!(contents(&got), texts[..first + more], "something was lost or came twice");
        expect_error(recv_many(*other, 4, 64, ANYSOCK_FLAG_DONT_WAIT).unwrap_err(), "EAGAIN");
    }

    #[test]
    fn only_udp_has_segments() {
        if !need("unixgram") {
            return;
        }
        let (one, _other) = connected("unixgram");
        let datagram = anysock_datagram { segment: 4, ..outgoing(b"whole", None) };
        expect_error(send_many(*one, &mut [datagram], 0), "EOPNOTSUPP");
        assert_eq!(expect(has("udp.gro")), i64::from(set(*bound("udp4"), "udp.gro", 1) == 0));
        expect_error(
            set(*one, "udp.gro", 1),
            if expect(has("udp.gro")) == 1 { "ENOPROTOOPT" } else { "EOPNOTSUPP" },
        );
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    #[test]
    fn datagrams_that_were_joined_tell_their_size_and_can_be_read_plainly() {
        if expect(has("udp.gro")) == 0 {
            return skip("no joined datagrams");
        }
        let mut kinds = vec!["udp4"];
        if has_ipv6() {
            kinds.push("udp6");
        }
        for kind in kinds {
            let (one, other) = connected(kind);
            expect(set(*other, "udp.gro", 1));
            let text = segmented(5);
            let segments = anysock_datagram { segment: 4, ..outgoing(&text, None) };
            let mut datagrams = [outgoing(b"before", None), segments, outgoing(b"after", None)];
            assert_eq!(send_many(*one, &mut datagrams, 0), 3);
            let got = recv_many(*other, 16, 64, 0).unwrap();
            assert_eq!(contents(&got), [&b"before"[..], &text, b"after"], "{kind}");
            assert_eq!(got.iter().map(|got| got.segment).collect::<Vec<_>>(), [0, 4, 0]);
            assert_eq!(format(&got[1].address).unwrap(), local_address(*one));
            assert_eq!(send_many(*one, &mut datagrams, 0), 3);
            for expected in [&b"before"[..], &text, b"after"] {
                let mut room = [0; 64];
                let received = expect(read(*other, &mut room)) as usize;
                assert_eq!(&room[..received], expected, "{kind}");
            }
        }
    }
}

#[cfg(target_os = "linux")]
mod handles {
    use super::*;

    #[test]
    fn descriptors_that_a_stranger_sends_are_not_taken() {
        let (one, other) = connected("unixgram");
        let mut ends = [0; 2];
        // SAFETY: there is room for both descriptors.
        assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
        let _closed_is_closed = no_children();
        let [reader, writer] = ends.map(|fd| own(expect(anysock_adopt(i64::from(fd)))));
        pass(expect(anysock_fd(*one)) as i32, expect(anysock_fd(*writer)) as i32);
        assert_eq!(recv_many(*other, 4, 64, 0).unwrap().len(), 1);
        drop(writer);
        // Whoever had it open now would keep the pipe from its end.
        assert_eq!(recv(*reader, &mut [0; 8], ANYSOCK_FLAG_DONT_WAIT), 0);
    }
}

#[cfg(target_os = "linux")]
mod signals {
    use super::*;

    #[test]
    fn end_it_only_if_that_is_wanted() {
        let (_one, other) = connected("udp4");
        let handle = *other;
        expect(set(*other, "read_timeout", 100 * ANYSOCK_MILLISECOND));
        let call = Call::blocked_for_signals(false, move || recv_many_code(handle));
        expect_error(call.result_under_signals(), "ETIMEDOUT");
        expect(set(*other, "read_timeout", -1));
        expect(set(*other, "interruptible", 1));
        let call = Call::blocked_for_signals(true, move || recv_many_code(handle));
        call.signal();
        expect_error(call.result(), "EINTR");
    }
}

/// An error that is about one datagram comes with it, and is no other call's.
#[test]
fn what_is_wrong_with_one_datagram_is_told_to_nobody_else() {
    let receiver = bound("udp4");
    let sender = bound("udp4");
    expect(set(*sender, "timeout", 0));
    let good = parse("udp4", &local_address(*receiver)).unwrap();
    let forbidden = parse("udp4", "255.255.255.255:9").unwrap();
    // The first of a second batch.
    let mut datagrams: Vec<_> = (0..32).map(|_| outgoing(b"x", Some(&good))).collect();
    datagrams.push(outgoing(b"x", Some(&forbidden)));
    assert_eq!(send_many(*sender, &mut datagrams, 0), 32);
    expect_error(read(*sender, &mut [0; 8]), "EAGAIN");
    assert_eq!(get(*sender, "error"), Ok(0));
    assert_eq!(select_one(*sender, ANYSOCK_EVENT_READ, 0), 0);
    for _ in 0..2 {
        expect_error(send_many(*sender, &mut datagrams[32..], 0), "EACCES");
    }
    assert_eq!(send_many(*sender, &mut datagrams[..1], 0), 1);
}
