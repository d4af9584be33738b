//! Bytes on streams: how much a call moves, how long it waits, what stays and what must never be lost.
//! Not here: datagrams (`datagrams`), pipes and terminals (`descriptors`), calls that a close wakes (`close`).

use crate::peers::*;
use crate::support::*;
use std::ptr::{null, null_mut};
use std::time::Duration;

/// Long enough to be seen.
const SHORT_US: i64 = 50 * ANYSOCK_MILLISECOND;
/// More than any buffer takes.
const HUGE: usize = 32 << 20;

/// The kinds without borders between what is written.
fn byte_streams() -> Vec<&'static str> {
    stream_kinds().into_iter().filter(|kind| *kind != "unixpacket").collect()
}

/// Bytes of which one can tell that none is missing and all are in order.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place ^ (place >> 8) ^ (place >> 16)) as u8).collect()
}

/// Waits until so many bytes can be read.
#[track_caller]
fn await_queued(h: i64, bytes: usize) {
    until("the data", || get(h, "available") == Ok(bytes as i64));
}

/// Everything until the end of the stream.
fn drain(h: i64) -> Vec<u8> {
    let mut all = Vec::new();
    let mut room = vec![0; 1 << 16];
    loop {
        match expect(read(h, &mut room)) {
            0 => return all,
            count => all.extend_from_slice(&room[..count as usize]),
        }
    }
}

// How much.

#[test]
fn a_read_takes_what_is_there_and_no_more_than_there_is_room_for() {
    for kind in byte_streams() {
        let (client, server) = connected(kind);
        assert_eq!(write(*client, b"hello"), 5);
        let mut room = [0; 64];
        await_queued(*server, 5);
        assert_eq!(read(*server, &mut room[..2]), 2);
        assert_eq!(read(*server, &mut room[2..]), 3);
        assert_eq!(&room[..5], b"hello");
    }
}

#[test]
fn the_end_of_the_stream_stays() {
    for kind in stream_kinds() {
        let (client, server) = connected(kind);
        assert_eq!(write_all(*client, b"bye"), 3);
        drop(client);
        let mut room = [0; 8];
        assert_eq!(read_full(*server, &mut room[..3]), 3);
        for _ in 0..3 {
            assert_eq!(read(*server, &mut room), 0);
            assert_eq!(read_full(*server, &mut room), 0);
            assert_eq!(recv(*server, &mut room, ANYSOCK_FLAG_PEEK), 0);
            assert_eq!(recv(*server, &mut room, ANYSOCK_FLAG_WAIT_ALL), 0);
            assert_eq!(recv(*server, &mut room, ANYSOCK_FLAG_DONT_WAIT), 0);
            assert_eq!(readv(*server, &mut [&mut room[..]]), 0);
        }
    }
}

#[test]
fn a_write_may_be_short_and_write_all_is_not() {
    for kind in byte_streams() {
        let (client, server) = connected(kind);
        let data = pattern(HUGE);
        let first = expect(write(*client, &data)) as usize;
        assert!(first > 0 && first < data.len(), "{first}");
        let reader = Call::start(move || drain(*server));
        assert_eq!(write_all(*client, &data[first..]), (data.len() - first) as i64);
        drop(client);
        assert!(reader.result() == data, "{kind}: something is missing, or out of order");
    }
}

#[test]
fn read_full_waits_for_the_whole_length() {
    for kind in byte_streams() {
        let (client, server) = connected(kind);
        assert_eq!(write_all(*client, b"hel"), 3);
        let call = Call::blocked(move || {
            let mut room = [0; 5];
            (read_full(*server, &mut room), room)
        });
        assert_eq!(write_all(*client, b"lo, and more"), 12);
        assert_eq!(call.result(), (5, *b"hello"));
    }
}

#[test]
fn what_came_before_the_end_is_counted_first() {
    for kind in byte_streams() {
        let (client, server) = connected(kind);
        assert_eq!(write_all(*client, b"hel"), 3);
        drop(client);
        let mut room = [0; 5];
        assert_eq!(read_full(*server, &mut room), 3);
        assert_eq!(&room[..3], b"hel");
        assert_eq!(read_full(*server, &mut room), 0);
    }
}

// How long.

/// As `expect_timeout`, for a write to a peer that does not read: TCP may find room now and then all the same.
#[track_caller]
fn expect_full(timeout_us: i64, h: i64, write: fn(i64) -> i64) {
    loop {
        fill(h);
        let outcome = timed(|| write(h));
        if outcome.0 < 0 {
            return expect_timed_out(timeout_us, outcome);
        }
    }
}

#[test]
fn every_call_ends_at_its_timeout_and_not_before() {
    for kind in stream_kinds() {
        for option in ["timeout", "read_timeout"] {
            let (client, _server) = connected(kind);
            expect(set(*client, option, SHORT_US));
            expect_timeout(SHORT_US, || read(*client, &mut [0; 8]));
            expect_timeout(SHORT_US, || read_full(*client, &mut [0; 8]));
            expect_timeout(SHORT_US, || recv(*client, &mut [0; 8], ANYSOCK_FLAG_PEEK));
            expect_timeout(SHORT_US, || {
                recv(*client, &mut [0; 8], ANYSOCK_FLAG_PEEK | ANYSOCK_FLAG_WAIT_ALL)
            });
            expect_timeout(SHORT_US, || recv_from(*client, &mut [0; 8], 0));
            expect_timeout(SHORT_US, || readv(*client, &mut [&mut [0; 8]]));
        }
        for option in ["timeout", "write_timeout"] {
            let (client, _server) = connected(kind);
            expect(set(*client, option, SHORT_US));
            expect_full(SHORT_US, *client, |h| write(h, b"no room"));
            expect_full(SHORT_US, *client, |h| write_all(h, b"no room"));
            expect_full(SHORT_US, *client, |h| writev(h, &[b"no room"]));
        }
        for option in ["timeout", "accept_timeout"] {
            let listener = listener(kind);
            expect(set(*listener, option, SHORT_US));
            expect_timeout(SHORT_US, || anysock_accept(*listener));
        }
    }
}

#[test]
fn a_special_timeout_wins_over_the_general_one() {
    let (client, server) = connected("tcp4");
    let set_all = |general, special| {
        expect(set(*client, "timeout", general));
        expect(set(*client, "read_timeout", special));
        expect(set(*client, "write_timeout", special));
    };
    set_all(0, -1);
    fill(*client);
    expect_error(read(*client, &mut [0; 8]), "EAGAIN");
    for general in [0, LONG_US] {
        set_all(general, SHORT_US);
        expect_timeout(SHORT_US, || read(*client, &mut [0; 8]));
        expect_timeout(SHORT_US, || read_full(*client, &mut [0; 8]));
        expect_full(SHORT_US, *client, |h| write(h, b"no room"));
        expect_full(SHORT_US, *client, |h| write_all(h, b"no room"));
    }
    set_all(LONG_US, 0);
    until("no room", || name(write(*client, b"no room")) == "EAGAIN");
    expect_error(read(*client, &mut [0; 8]), "EAGAIN");
    expect_error(read_full(*client, &mut [0; 8]), "EAGAIN");
    // The timeouts of the other calls are no concern of this one.
    set_all(-1, 0);
    expect(set(*client, "connect_timeout", 0));
    expect(set(*client, "accept_timeout", 0));
    expect(set(*client, "read_timeout", -1));
    let handle = *client;
    let call = Call::blocked(move || read(handle, &mut [0; 8]));
    assert_eq!(write(*server, b"x"), 1);
    assert_eq!(call.result(), 1);
}

#[test]
fn an_accepted_handle_starts_with_no_timeout() {
    let listener = listener("tcp4");
    for option in ["timeout", "accept_timeout", "read_timeout", "write_timeout", "connect_timeout"] {
        expect(set(*listener, option, LONG_US));
    }
    let client = open("tcp4");
    expect(connect(*client, &local_address(*listener)));
    let server = own(expect(anysock_accept(*listener)));
    for option in ["timeout", "accept_timeout", "read_timeout", "write_timeout", "connect_timeout"] {
        assert_eq!(get(*server, option), Ok(-1), "{option}");
        assert_eq!(get(*listener, option), Ok(LONG_US), "{option}");
        expect_error(set(*server, option, -2), "EINVAL");
        expect_error(set(*server, option, i64::MIN), "EINVAL");
        assert_eq!(set(*server, option, i64::MAX), 0);
    }
}

#[test]
fn dont_wait_is_for_one_call() {
    for kind in stream_kinds() {
        let (client, server) = connected(kind);
        let mut room = [0; 8];
        for flags in [0, ANYSOCK_FLAG_PEEK, ANYSOCK_FLAG_WAIT_ALL, ANYSOCK_FLAG_PEEK | ANYSOCK_FLAG_WAIT_ALL]
        {
            expect_error(recv(*server, &mut room, flags | ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
            expect_error(recv_from(*server, &mut room, flags | ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
        }
        fill(*client);
        expect_error(send(*client, b"no room", ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
        let handle = *client;
        let call = Call::blocked(move || write(handle, b"some room"));
        let mut all = vec![0; 1 << 16];
        until("room", || {
            recv(*server, &mut all, ANYSOCK_FLAG_DONT_WAIT);
            call.try_result().is_some_and(|sent| expect(sent) > 0)
        });
    }
}

#[test]
fn one_deadline_holds_for_the_whole_of_read_full() {
    let timeout = 300 * ANYSOCK_MILLISECOND;
    for kind in byte_streams() {
        let (client, server) = connected(kind);
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        // However busy the machine is, something has come in time.
        let mut sent = expect(write(*client, &[0]));
        let trickle = Call::start(move || {
            while stopped.recv_timeout(Duration::from_millis(20)).is_err() {
                sent += expect(write(*client, &[sent as u8]));
            }
            sent
        });
        expect(set(*server, "read_timeout", timeout));
        let mut room = [0; 10_000];
        let (count, took) = timed(|| read_full(*server, &mut room));
        // A deadline for each byte would hold for three minutes.
        assert!(took >= Duration::from_micros(timeout as u64) && took < LONG / 4, "{took:?}");
        assert!(count > 0 && count < room.len() as i64, "{count}");
        stop.send(()).unwrap();
        let sent = trickle.result();
        let rest = expect(read_full(*server, &mut room[count as usize..]));
        assert_eq!(count + rest, sent);
        assert!(room[..sent as usize].iter().enumerate().all(|(place, byte)| *byte == place as u8));
    }
}

#[test]
fn one_deadline_holds_for_the_whole_of_write_all() {
    let timeout = 300 * ANYSOCK_MILLISECOND;
    for kind in byte_streams() {
        let (client, server) = connected(kind);
        expect(set(*client, "send_buffer", 16_384));
        expect(set(*server, "receive_buffer", 16_384));
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let sip = Call::start(move || {
            let mut room = [0; 4096];
            while stopped.recv_timeout(Duration::from_millis(20)).is_err() {
                recv(*server, &mut room, ANYSOCK_FLAG_DONT_WAIT);
            }
        });
        expect(set(*client, "write_timeout", timeout));
        let data = pattern(HUGE);
        let (count, took) = timed(|| write_all(*client, &data));
        assert!(took >= Duration::from_micros(timeout as u64) && took < LONG / 4, "{took:?}");
        assert!(count > 0 && count < HUGE as i64, "{count}");
        stop.send(()).unwrap();
        sip.result();
    }
}

#[test]
fn what_a_timeout_leaves_undone_is_known_to_the_byte() {
    for kind in byte_streams() {
        let (client, server) = connected(kind);
        expect(set(*client, "write_timeout", SHORT_US));
        let data = pattern(HUGE);
        let mut sent = expect(write_all(*client, &data)) as usize;
        assert!(sent > 0 && sent < HUGE, "{sent}");
        // TCP may find room for a little more.
        let last = loop {
            let outcome = timed(|| write_all(*client, &data[sent..]));
            match outcome.0 {
                more if more > 0 => sent += more as usize,
                _ => break outcome,
            }
        };
        expect_timed_out(SHORT_US, last);
        drop(client);
        let mut received = vec![0; HUGE];
        assert_eq!(read_full(*server, &mut received), sent as i64);
        assert!(received[..sent] == data[..sent]);

        let (client, server) = connected(kind);
        assert_eq!(write_all(*client, b"half"), 4);
        await_queued(*server, 4);
        expect(set(*server, "read_timeout", SHORT_US));
        let mut room = [0; 8];
        assert_eq!(read_full(*server, &mut room), 4);
        assert_eq!(&room[..4], b"half");
        expect_timeout(SHORT_US, || read_full(*server, &mut room));
        assert_eq!(write_all(*client, b"rest"), 4);
        assert_eq!(read_full(*server, &mut room[4..]), 4);
        assert_eq!(&room, b"halfrest");
    }
}

// Flags.

#[test]
fn peek_leaves_what_it_shows() {
    for kind in stream_kinds() {
        let (client, server) = connected(kind);
        assert_eq!(write_all(*client, b"hello"), 5);
        let mut room = [0; 8];
        for _ in 0..2 {
            assert_eq!(recv(*server, &mut room, ANYSOCK_FLAG_PEEK), 5);
            assert_eq!(recv(*server, &mut room[..3], ANYSOCK_FLAG_PEEK), 3);
        }
        assert_eq!(read(*server, &mut room), 5);
        assert_eq!(&room[..5], b"hello");
        expect_error(recv(*server, &mut room, ANYSOCK_FLAG_PEEK | ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
    }
}

#[test]
fn wait_all_waits_for_the_whole_length_with_and_without_peek() {
    for kind in byte_streams() {
        let (client, server) = connected(kind);
        for flags in [ANYSOCK_FLAG_WAIT_ALL | ANYSOCK_FLAG_PEEK, ANYSOCK_FLAG_WAIT_ALL] {
            let handle = *server;
            assert_eq!(write_all(*client, b"hel"), 3);
            let call = Call::blocked(move || {
                let mut room = [0; 5];
                (recv(handle, &mut room, flags), room)
            });
            assert_eq!(write_all(*client, b"lo"), 2);
            assert_eq!(call.result(), (5, *b"hello"));
            if flags & ANYSOCK_FLAG_PEEK != 0 {
                assert_eq!(read_full(handle, &mut [0; 5]), 5);
            }
        }
    }
}

#[test]
fn wait_all_makes_do_with_less_when_no_more_may_come() {
    for kind in byte_streams() {
        let (client, server) = connected(kind);
        let mut room = [0; 5];
        expect(set(*server, "read_timeout", SHORT_US));
        for flags in [ANYSOCK_FLAG_WAIT_ALL | ANYSOCK_FLAG_PEEK, ANYSOCK_FLAG_WAIT_ALL] {
            assert_eq!(write_all(*client, b"hel"), 3);
            await_queued(*server, 3);
            assert_eq!(recv(*server, &mut room, flags), 3, "{kind} {flags}");
            if flags & ANYSOCK_FLAG_PEEK != 0 {
                assert_eq!(recv(*server, &mut room, flags | ANYSOCK_FLAG_DONT_WAIT), 3);
                assert_eq!(recv(*server, &mut room, ANYSOCK_FLAG_WAIT_ALL | ANYSOCK_FLAG_DONT_WAIT), 3);
            }
        }
        expect(set(*server, "read_timeout", -1));
        assert_eq!(write_all(*client, b"end"), 3);
        drop(client);
        assert_eq!(recv(*server, &mut room, ANYSOCK_FLAG_WAIT_ALL | ANYSOCK_FLAG_PEEK), 3);
        assert_eq!(recv(*server, &mut room, ANYSOCK_FLAG_WAIT_ALL), 3);
        assert_eq!(recv(*server, &mut room, ANYSOCK_FLAG_WAIT_ALL), 0);
    }
}

#[test]
fn trunc_throws_no_byte_of_a_stream_away() {
    for kind in byte_streams() {
        let (client, server) = connected(kind);
        assert_eq!(write_all(*client, b"hello"), 5);
        await_queued(*server, 5);
        let mut room = [0; 2];
        assert_eq!(recv(*server, &mut room, ANYSOCK_FLAG_TRUNC | ANYSOCK_FLAG_PEEK), 2);
        assert_eq!(&room, b"he");
        assert_eq!(recv(*server, &mut room, ANYSOCK_FLAG_TRUNC), 2);
        assert_eq!(&room, b"he");
        assert_eq!(recv(*server, &mut room, ANYSOCK_FLAG_TRUNC | ANYSOCK_FLAG_WAIT_ALL), 2);
        assert_eq!(&room, b"ll");
    }
}

#[test]
fn of_urgent_data_only_the_last_byte_is_urgent() {
    for kind in stream_kinds().into_iter().filter(|kind| kind.starts_with("tcp")) {
        let (client, server) = connected(kind);
        let mut room = [0; 8];
        expect_error(recv(*server, &mut room, ANYSOCK_FLAG_OOB), "EINVAL");
        assert_eq!(write_all(*client, b"calm "), 5);
        assert_eq!(send(*client, b"abc", ANYSOCK_FLAG_OOB), 3);
        assert_eq!(write_all(*client, b" calm"), 5);
        assert_eq!(select_one(*server, ANYSOCK_EVENT_EXCEPT, LONG_US), ANYSOCK_EVENT_EXCEPT);
        assert_eq!(recv(*server, &mut room, ANYSOCK_FLAG_OOB | ANYSOCK_FLAG_PEEK), 1);
        assert_eq!(recv(*server, &mut room, ANYSOCK_FLAG_OOB), 1);
        assert_eq!(room[0], b'c');
        expect_error(recv(*server, &mut room, ANYSOCK_FLAG_OOB), "EINVAL");
        drop(client);
        assert_eq!(drain(*server), b"calm ab calm");
    }
}

/// Who asks for the sender too, or by a message, does not wait for urgent data either.
#[test]
fn urgent_data_is_there_or_not_whichever_call_asks() {
    let by_message = |h: i64, room: &mut [u8], flags| {
        let mut buffers = [anysock_buffer { data: room.as_mut_ptr().cast(), length: room.len() }];
        let mut message = message_of(&mut buffers);
        // SAFETY: everything lives through the call and is as long as it says.
        unsafe { anysock_recv_message(h, &mut message, flags) }
    };
    for receive in [recv, recv_from, by_message] {
        let (client, server) = connected("tcp4");
        expect(set(*server, "read_timeout", LONG_US));
        let mut room = [0; 8];
        expect_error(receive(*server, &mut room, ANYSOCK_FLAG_OOB), "EINVAL");
        assert_eq!(send(*client, b"!", ANYSOCK_FLAG_OOB), 1);
        assert_eq!(select_one(*server, ANYSOCK_EVENT_EXCEPT, LONG_US), ANYSOCK_EVENT_EXCEPT);
        assert_eq!(receive(*server, &mut room, ANYSOCK_FLAG_OOB), 1);
        assert_eq!(room[0], b'!');
        expect_error(receive(*server, &mut room, ANYSOCK_FLAG_OOB), "EINVAL");
    }
}

#[test]
fn urgent_data_stays_in_its_place_if_that_is_wanted() {
    let (client, server) = connected("tcp4");
    expect(set(*server, "oob_inline", 1));
    assert_eq!(send(*client, b"abc", ANYSOCK_FLAG_OOB), 3);
    assert_eq!(write_all(*client, b"de"), 2);
    await_queued(*server, 5);
    expect_error(recv(*server, &mut [0; 8], ANYSOCK_FLAG_OOB), "EINVAL");
    drop(client);
    assert_eq!(drain(*server), b"abcde");
}

/// Winsock calls it so only while it is out of line.
#[cfg(unix)]
#[test]
fn urgent_data_in_line_is_exceptional_too() {
    let (client, server) = connected("tcp4");
    expect(set(*server, "oob_inline", 1));
    assert_eq!(send(*client, b"abc", ANYSOCK_FLAG_OOB), 3);
    assert_eq!(select_one(*server, ANYSOCK_EVENT_EXCEPT, LONG_US), ANYSOCK_EVENT_EXCEPT);
}

#[test]
fn flags_that_are_none_or_of_the_other_direction_are_refused() {
    let (client, server) = connected("tcp4");
    assert_eq!(write_all(*client, b"hello"), 5);
    let mut room = [0; 8];
    for flags in [ANYSOCK_FLAG_MORE, 64, 1 << 30, -1, i32::MIN, ANYSOCK_FLAG_PEEK | 64] {
        expect_error(recv(*server, &mut room, flags), "EINVAL");
        expect_error(recv_from(*server, &mut room, flags), "EINVAL");
    }
    for flags in [ANYSOCK_FLAG_PEEK, ANYSOCK_FLAG_WAIT_ALL, ANYSOCK_FLAG_TRUNC, 64, 1 << 30, -1, i32::MIN] {
        expect_error(send(*client, b"x", flags), "EINVAL");
        expect_error(send_to(*client, b"x", flags, "127.0.0.1:9"), "EINVAL");
    }
    assert_eq!(read(*server, &mut room), 5);
}

#[test]
fn recv_from_and_send_to_work_on_a_connected_stream_as_without_an_address() {
    for kind in stream_kinds() {
        let (client, server) = connected(kind);
        // SAFETY: the slice is readable; NULL stands for the peer.
        assert_eq!(unsafe { anysock_send_to(*client, b"hello".as_ptr().cast(), 5, 0, null()) }, 5);
        expect_error(send_to(*client, b"x", 0, &local_address(*server)), "EISCONN");
        let (mut room, mut address) = ([0_u8; 8], [0x7f_u8; 8]);
        let (data, text) = (room.as_mut_ptr().cast(), address.as_mut_ptr().cast());
        // SAFETY: both arrays are writable for their lengths.
        assert_eq!(unsafe { anysock_recv_from(*server, data, 8, 0, text, 8) }, 5);
        assert_eq!((&room[..5], address[0]), (&b"hello"[..], 0));
    }
}

// Several pieces.

#[test]
fn pieces_are_filled_and_sent_in_turn() {
    for kind in byte_streams() {
        let (client, server) = connected(kind);
        assert_eq!(writev(*client, &[b"he", b"", b"llo, ", b"world"]), 12);
        await_queued(*server, 12);
        let (mut one, mut two, mut three) = ([0; 1], [0; 4], [0; 20]);
        assert_eq!(readv(*server, &mut [&mut one, &mut [], &mut two, &mut three]), 12);
        assert_eq!((&one, &two, &three[..7]), (b"h", b"ello", &b", world"[..]));
    }
}

#[test]
fn no_pieces_and_empty_pieces_move_nothing() {
    for kind in byte_streams() {
        let (client, server) = connected(kind);
        assert_eq!(writev(*client, &[b"", b""]), 0);
        assert_eq!(readv(*server, &mut [&mut [], &mut []]), 0);
        let empty = anysock_buffer { data: null_mut(), length: 0 };
        // SAFETY: without a length there is no memory to be right or wrong.
        unsafe {
            assert_eq!(anysock_writev(*client, null(), 0), 0);
            assert_eq!(anysock_readv(*server, null(), 0), 0);
            assert_eq!(anysock_writev(*client, &empty, 1), 0);
            assert_eq!(anysock_readv(*server, &empty, 1), 0);
            assert_eq!(anysock_read(*server, null_mut(), 0), 0);
            assert_eq!(anysock_write(*client, null(), 0), 0);
            assert_eq!(anysock_read_full(*server, null_mut(), 0), 0);
            assert_eq!(anysock_write_all(*client, null(), 0), 0);
            assert_eq!(anysock_recv(*server, null_mut(), 0, ANYSOCK_FLAG_WAIT_ALL), 0);
            assert_eq!(anysock_send(*client, null(), 0, 0), 0);
        }
        assert_eq!(write(*client, b"still there"), 11);
        assert_eq!(read(*server, &mut [0; 16]), 11);
    }
}

#[test]
fn more_pieces_than_the_system_takes_make_a_short_call() {
    const PIECES: usize = 3000;
    for kind in byte_streams() {
        let (client, server) = connected(kind);
        let data = pattern(PIECES);
        let pieces: Vec<_> = data.chunks(1).collect();
        let mut sent = 0;
        while sent < PIECES {
            let count = expect(writev(*client, &pieces[sent..])) as usize;
            assert!(count > 0 && count <= 1024, "{count}");
            sent += count;
        }
        await_queued(*server, PIECES);
        let mut room = vec![0; PIECES];
        let mut rooms: Vec<_> = room.chunks_mut(1).collect();
        let mut received = 0;
        while received < PIECES {
            let count = expect(readv(*server, &mut rooms[received..])) as usize;
            assert!(count > 0 && count <= 1024, "{count}");
            received += count;
        }
        assert!(room == data);
    }
}

#[test]
fn a_read_into_pieces_knows_ends_errors_and_halves_too() {
    for kind in byte_streams() {
        let (client, server) = connected(kind);
        assert_eq!(write_all(*client, b"hello"), 5);
        await_queued(*server, 5);
        expect(anysock_shutdown(*server, ANYSOCK_SHUT_READ));
        let (mut one, mut two) = ([0; 3], [0; 9]);
        assert_eq!(readv(*server, &mut [&mut one, &mut two]), 5);
        assert_eq!(readv(*server, &mut [&mut one, &mut two]), 0);
    }
    if resets_are_told() {
        let (client, server) = connected("tcp4");
        expect(set(*client, "linger", 0));
        drop(client);
        for _ in 0..3 {
            expect_error(readv(*server, &mut [&mut [0; 8]]), "ECONNRESET");
        }
    }
}

// Memory.

#[test]
fn memory_that_can_not_be_is_refused() {
    let (client, server) = connected("tcp4");
    assert_eq!(write_all(*client, b"hello"), 5);
    let (h, mut byte) = (*server, 0_u8);
    let data: *mut std::ffi::c_void = (&raw mut byte).cast();
    let too_long = isize::MAX as usize + 1;
    // SAFETY: no length here is one that memory is touched for.
    unsafe {
        for (data, length, error) in [(null_mut(), 1, "EFAULT"), (data, too_long, "EINVAL")] {
            expect_error(anysock_read(h, data, length), error);
            expect_error(anysock_write(h, data, length), error);
            expect_error(anysock_read_full(h, data, length), error);
            expect_error(anysock_write_all(h, data, length), error);
            expect_error(anysock_recv(h, data, length, 0), error);
            expect_error(anysock_send(h, data, length, 0), error);
            expect_error(anysock_recv_from(h, data, length, 0, null_mut(), 0), error);
            expect_error(anysock_send_to(h, data, length, 0, null()), error);
            expect_error(anysock_recv_from(h, null_mut(), 0, 0, data.cast(), length), error);
            let buffer = anysock_buffer { data, length };
            expect_error(anysock_readv(h, &buffer, 1), error);
            expect_error(anysock_writev(h, &buffer, 1), error);
        }
        expect_error(anysock_readv(h, null(), 1), "EFAULT");
        expect_error(anysock_writev(h, null(), 1), "EFAULT");
        expect_error(anysock_readv(h, data.cast(), usize::MAX), "EINVAL");
        expect_error(anysock_writev(h, data.cast(), usize::MAX), "EINVAL");
        let half = anysock_buffer { data, length: isize::MAX as usize };
        expect_error(anysock_readv(h, [half; 3].as_ptr(), 3), "EINVAL");
        expect_error(anysock_writev(h, [half; 3].as_ptr(), 3), "EINVAL");
    }
    assert_eq!(read(h, &mut [0; 8]), 5);
}

#[test]
#[cfg(unix)]
fn memory_that_may_not_be_touched_is_found_by_the_system() {
    const LENGTH: usize = 4096;
    let (guarded, private) = (libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANON);
    // SAFETY: a new mapping, which nothing else uses.
    let page = unsafe { libc::mmap(null_mut(), LENGTH, guarded, private, -1, 0) };
    assert_ne!(page, libc::MAP_FAILED);
    for kind in byte_streams() {
        let (client, server) = connected(kind);
        assert_eq!(write_all(*client, b"hello"), 5);
        await_queued(*server, 5);
        let buffer = anysock_buffer { data: page, length: LENGTH };
        // SAFETY: the library may not touch the memory itself, and the kernel says that it can't.
        unsafe {
            expect_error(anysock_read(*server, page, LENGTH), "EFAULT");
            expect_error(anysock_read_full(*server, page, LENGTH), "EFAULT");
            expect_error(anysock_recv(*server, page, LENGTH, ANYSOCK_FLAG_PEEK), "EFAULT");
            expect_error(anysock_readv(*server, &buffer, 1), "EFAULT");
            expect_error(anysock_write(*server, page, LENGTH), "EFAULT");
            expect_error(anysock_write_all(*server, page, LENGTH), "EFAULT");
            expect_error(anysock_writev(*server, &buffer, 1), "EFAULT");
        }
        let mut room = [0; 8];
        assert_eq!(read(*server, &mut room), 5, "{kind}");
        assert_eq!(&room[..5], b"hello");
    }
    // SAFETY: the mapping made above.
    unsafe { libc::munmap(page, LENGTH) };
}

// Half-close.

#[test]
fn a_stream_that_is_shut_for_writing_ends_for_the_peer_and_still_reads() {
    for kind in stream_kinds() {
        let (client, server) = connected(kind);
        assert_eq!(write_all(*client, b"last"), 4);
        assert_eq!(anysock_shutdown(*client, ANYSOCK_SHUT_WRITE), 0);
        let mut room = [0; 8];
        assert_eq!(read(*server, &mut room), 4);
        for _ in 0..2 {
            assert_eq!(read(*server, &mut room), 0);
            expect_error(write(*client, b"late"), "EPIPE");
            expect_error(write_all(*client, b"late"), "EPIPE");
            expect_error(writev(*client, &[b"late"]), "EPIPE");
            assert_eq!(select_one(*client, ANYSOCK_EVENT_WRITE, 0), ANYSOCK_EVENT_WRITE);
        }
        assert_eq!(write_all(*server, b"answer"), 6);
        assert_eq!(read(*client, &mut room), 6);
        assert_eq!(anysock_shutdown(*client, ANYSOCK_SHUT_WRITE), 0);
    }
}

#[test]
fn a_stream_that_is_shut_for_reading_gives_what_was_queued_and_nothing_that_came_later() {
    for kind in stream_kinds() {
        let (client, server) = connected(kind);
        assert_eq!(write_all(*client, b"queued"), 6);
        until("the data", || get(*server, "available").unwrap() > 0);
        assert_eq!(anysock_shutdown(*server, ANYSOCK_SHUT_READ), 0);
        // TCP has no way to tell the peer; AF_UNIX does.
        let late = send(*client, b"late", ANYSOCK_FLAG_DONT_WAIT);
        assert!(late == 4 || name(late) == "EPIPE", "{late}");
        let mut room = [0; 16];
        assert_eq!(recv(*server, &mut room, ANYSOCK_FLAG_PEEK), 6);
        assert_eq!(read(*server, &mut room), 6);
        assert_eq!(&room[..6], b"queued");
        for _ in 0..2 {
            assert_eq!(read(*server, &mut room), 0);
            assert_eq!(read_full(*server, &mut room), 0);
            assert_eq!(recv(*server, &mut room, ANYSOCK_FLAG_PEEK), 0);
            assert_eq!(recv(*server, &mut room, ANYSOCK_FLAG_DONT_WAIT), 0);
            assert_eq!(select_one(*server, ANYSOCK_EVENT_READ, 0), ANYSOCK_EVENT_READ);
        }
        assert_eq!(write_all(*server, b"answer"), 6);
        assert_eq!(read(*client, &mut room), 6);
    }
}

#[test]
fn what_was_queued_can_be_had_in_parts_after_the_read_half_is_shut() {
    let (client, server) = connected("tcp4");
    assert_eq!(write_all(*client, b"queued"), 6);
    await_queued(*server, 6);
    expect(anysock_shutdown(*server, ANYSOCK_SHUT_READ));
    assert_eq!(write_all(*client, b"late"), 4);
    until("the late data", || select_one(*server, ANYSOCK_EVENT_READ, 0) != 0);
    let mut room = [0; 16];
    assert_eq!(read(*server, &mut room[..2]), 2);
    assert_eq!(recv(*server, &mut room[2..], ANYSOCK_FLAG_WAIT_ALL), 4);
    assert_eq!(&room[..6], b"queued");
    assert_eq!(recv(*server, &mut room, ANYSOCK_FLAG_WAIT_ALL), 0);
    assert_eq!(get(*server, "available"), Ok(0));
}

/// The system may count no further than the urgent byte.
#[test]
fn what_was_queued_behind_an_urgent_byte_can_be_had_after_the_read_half_is_shut() {
    for (before, in_line) in [(&b"abc"[..], 0), (b"abc", 1), (b"", 0)] {
        let (client, server) = connected("tcp4");
        expect(set(*server, "oob_inline", in_line));
        assert_eq!(write_all(*client, before), before.len() as i64);
        assert_eq!(send(*client, b"d", ANYSOCK_FLAG_OOB), 1);
        assert_eq!(write_all(*client, b"efg"), 3);
        // The urgent byte is told when what came behind it is there too.
        assert_eq!(select_one(*server, ANYSOCK_EVENT_EXCEPT, LONG_US), ANYSOCK_EVENT_EXCEPT);
        until("all of it", || get(*client, "tcp.unacked").unwrap_or(0) == 0);
        expect(anysock_shutdown(*server, ANYSOCK_SHUT_READ));
        assert_eq!(write_all(*client, b"late"), 4);
        let all = [before, if in_line == 1 { b"d" } else { b"" }, b"efg"].concat();
        let mut room = [0; 16];
        assert_eq!(read_full(*server, &mut room), all.len() as i64, "{in_line}");
        assert_eq!(&room[..all.len()], all);
        for _ in 0..2 {
            assert_eq!(read(*server, &mut room), 0);
        }
    }
}

#[test]
fn both_halves_can_be_shut_at_once() {
    for kind in stream_kinds() {
        let (client, server) = connected(kind);
        assert_eq!(anysock_shutdown(*client, ANYSOCK_SHUT_BOTH), 0);
        assert_eq!(read(*client, &mut [0; 8]), 0);
        expect_error(write(*client, b"late"), "EPIPE");
        assert_eq!(read(*server, &mut [0; 8]), 0);
    }
}

#[test]
fn shutdown_needs_a_half_and_a_peer() {
    for kind in stream_kinds() {
        let (client, _server) = connected(kind);
        for how in [0, 4, -1, 7, i32::MAX] {
            expect_error(anysock_shutdown(*client, how), "EINVAL");
        }
        let listener = listener(kind);
        let (fresh, named) = (open(kind), bound(kind));
        for lonely in [&fresh, &named, &listener] {
            expect_error(anysock_shutdown(**lonely, ANYSOCK_SHUT_READ), "ENOTCONN");
            expect_error(anysock_shutdown(**lonely, ANYSOCK_SHUT_WRITE), "ENOTCONN");
            expect_error(anysock_shutdown(**lonely, ANYSOCK_SHUT_BOTH), "ENOTCONN");
        }
        // The listener listens as before.
        let client = open(kind);
        assert_eq!(connect(*client, &local_address(*listener)), 0);
        drop(own(expect(anysock_accept(*listener))));
    }
}

// Handles that can't.

/// Whatever needs a peer.
fn calls_for_a_peer(h: i64) -> [(&'static str, i64); 13] {
    let mut room = [0; 8];
    [
        ("read", read(h, &mut room)),
        ("read_full", read_full(h, &mut room)),
        ("peek", recv(h, &mut room, ANYSOCK_FLAG_PEEK)),
        ("peek all", recv(h, &mut room, ANYSOCK_FLAG_PEEK | ANYSOCK_FLAG_WAIT_ALL)),
        ("recv_from", recv_from(h, &mut room, 0)),
        ("readv", readv(h, &mut [&mut room])),
        ("write", write(h, b"lost")),
        ("write_all", write_all(h, b"lost")),
        ("send", send(h, b"lost", ANYSOCK_FLAG_DONT_WAIT)),
        ("writev", writev(h, &[b"lost"])),
        // SAFETY: the slice is readable; NULL stands for the peer.
        ("send_to the peer", unsafe { anysock_send_to(h, b"lost".as_ptr().cast(), 4, 0, null()) }),
        // SAFETY: no memory is given for the text.
        ("peer_address", unsafe { anysock_peer_address(h, null_mut(), 0) }),
        ("shutdown", anysock_shutdown(h, ANYSOCK_SHUT_WRITE)),
    ]
}

#[test]
fn a_stream_without_a_peer_says_so_on_every_kind_and_in_every_call() {
    for kind in stream_kinds() {
        let handles = [open(kind), bound(kind), listener(kind)];
        for (state, handle) in ["fresh", "bound", "listening"].iter().zip(&handles) {
            for (call, code) in calls_for_a_peer(**handle) {
                assert_eq!(name(code), "ENOTCONN", "{call} on {kind}, {state}");
            }
            let address = free_address(kind).replace(":0", ":9");
            assert_eq!(name(send_to(**handle, b"lost", 0, &address)), "ENOTCONN", "{kind}, {state}");
        }
    }
}

#[test]
fn a_poller_is_no_socket() {
    let poller = poller();
    for (call, code) in calls_for_a_peer(*poller) {
        assert_eq!(name(code), "ENOTSOCK", "{call}");
    }
    expect_error(send_to(*poller, b"lost", 0, "127.0.0.1:9"), "ENOTSOCK");
    expect_error(bind(*poller, ":0"), "ENOTSOCK");
    expect_error(anysock_listen(*poller, 0), "ENOTSOCK");
    expect_error(anysock_accept(*poller), "ENOTSOCK");
    expect_error(connect(*poller, "127.0.0.1:9"), "ENOTSOCK");
    // SAFETY: no memory is given for the text.
    expect_error(unsafe { anysock_local_address(*poller, null_mut(), 0) }, "ENOTSOCK");
    expect_error(anysock_release(*poller), "ENOTSOCK");
    // SAFETY: NULL stands for no bytes.
    unsafe {
        expect_error(anysock_read(*poller, null_mut(), 0), "ENOTSOCK");
        expect_error(anysock_write(*poller, null(), 0), "ENOTSOCK");
        expect_error(anysock_readv(*poller, null(), 0), "ENOTSOCK");
        expect_error(anysock_writev(*poller, null(), 0), "ENOTSOCK");
    }
    assert_eq!(anysock_close(*poller), 0);
}

/// Where the system tells of a reset.
mod resets {
    use super::*;

    #[test]
    fn what_came_before_a_reset_is_counted_first() {
        if !need_resets() {
            return;
        }
        let (client, server) = connected("tcp4");
        let call = Call::blocked({
            let server = *server;
            move || read_full(server, &mut [0; 5])
        });
        assert_eq!(write_all(*client, b"hel"), 3);
        // Once the three bytes are taken, the call has something to lose.
        until("the call to take them", || get(*server, "available") == Ok(0));
        expect(set(*client, "linger", 0));
        drop(client);
        assert_eq!(call.result(), 3);
        expect_error(read_full(*server, &mut [0; 5]), "ECONNRESET");
        expect_error(read_full(*server, &mut [0; 5]), "ECONNRESET");
    }

    #[test]
    fn what_went_before_a_reset_is_counted_first() {
        if !need_resets() {
            return;
        }
        let (client, server) = connected("tcp4");
        let (handle, bytes) = (*client, pattern(HUGE));
        let call = Call::blocked(move || write_all(handle, &bytes));
        expect(set(*server, "linger", 0));
        drop(server);
        let sent = expect(call.result());
        assert!(sent > 0 && sent < HUGE as i64, "{sent}");
        let next = name(write_all(*client, b"more"));
        assert!(["ECONNRESET", "EPIPE"].contains(&next.as_str()), "{next}");
        expect_error(read(*client, &mut [0; 8]), "ECONNRESET");
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    #[test]
    fn more_holds_a_segment_back_until_the_rest_is_there() {
        // Linux lets a segment go after 200 ms in any case, so a machine that was asleep tries again.
        let held = (0..100).any(|_| {
            let (client, server) = connected("tcp4");
            expect(set(*client, "tcp.nodelay", 1));
            assert_eq!(send(*client, b"he", ANYSOCK_FLAG_MORE), 2);
            std::thread::sleep(Duration::from_millis(20));
            let held = get(*server, "available") == Ok(0);
            assert_eq!(send(*client, b"llo", 0), 3);
            let mut room = [0; 5];
            assert_eq!(read_full(*server, &mut room), 5);
            assert_eq!(&room, b"hello");
            held
        });
        assert!(held, "the first bytes went off alone every time");
    }
}

#[cfg(unix)]
mod signals {
    use super::*;

    #[test]
    fn none_is_raised_by_writing_to_nobody() {
        child::run("transfer::signals::none_is_raised_by_writing_to_nobody", child::View::Process, || {
            // Rust ignores the signal, a C program does not.
            // SAFETY: the default takes no function.
            unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
            for kind in stream_kinds() {
                let (client, server) = connected(kind);
                drop(server);
                let mut kinds_of_write: Vec<fn(i64) -> i64> = Vec::new();
                kinds_of_write.push(|h| write(h, b"lost"));
                kinds_of_write.push(|h| send(h, b"lost", ANYSOCK_FLAG_MORE));
                kinds_of_write.push(|h| write_all(h, b"lost"));
                kinds_of_write.push(|h| writev(h, &[b"lost"]));
                for write in kinds_of_write {
                    until("an error", || write(*client) < 0);
                }
            }
        });
    }
}
