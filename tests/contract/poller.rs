//! The poller: what it registers and gives back, how many waits and wake-ups meet in it, and that nothing is lost
//! among many. Not here: what ready means (`readiness`), and which waits a close ends (`close`).

use crate::own::*;
use crate::support::*;
use std::collections::{HashMap, HashSet};
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const R: i32 = ANYSOCK_EVENT_READ;
const W: i32 = ANYSOCK_EVENT_WRITE;
const X: i32 = ANYSOCK_EVENT_EXCEPT;
const ALL: i32 = R | W | X;
const EDGE: i32 = ANYSOCK_EVENT_EDGE;
const ONESHOT: i32 = ANYSOCK_EVENT_ONESHOT;

/// What a wait that does not wait reports: token and events of each.
#[track_caller]
fn now(poller: &Own) -> Vec<(i64, i32)> {
    wait(poller, 64, 0)
}

#[track_caller]
fn wait(poller: &Own, capacity: usize, timeout_us: i64) -> Vec<(i64, i32)> {
    let events = poller_wait(**poller, capacity, timeout_us).unwrap_or_else(|code| panic!("{}", name(code)));
    events.iter().map(|event| (event.token, event.events & ALL)).collect()
}

#[track_caller]
fn put(poller: &Own, socket: &Own, events: i32, token: i64) {
    expect(anysock_poller_set(**poller, **socket, events, token));
}

/// A pair whose first one has something to read.
fn readable_pair() -> (Own, Own) {
    let (one, other) = pair("unix");
    assert_eq!(write(*other, b"data"), 4);
    (one, other)
}

/// A wait for ever in a thread of its own: how many events, or the error.
fn blocked_wait(poller: &Own, capacity: usize) -> Call {
    let handle = **poller;
    Call::blocked(move || poller_wait_code(handle, capacity, LONG_US))
}

// Registrations.

#[test]
fn gives_back_the_token_and_the_handle() {
    let poller = poller();
    let socket = open("udp4");
    for token in [0, 1, -1, *socket, i64::MIN, i64::MAX] {
        put(&poller, &socket, W, token);
        let events = poller_wait(*poller, 4, LONG_US).unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!((events[0].token, events[0].handle, events[0].events), (token, *socket, W));
    }
}

#[test]
fn reports_as_long_as_it_lasts_once_for_each_change_or_once() {
    let (one, other) = pair("unix");
    let [level, edge, oneshot] = [poller(), poller(), poller()];
    put(&level, &one, R, 1);
    put(&edge, &one, R | EDGE, 2);
    put(&oneshot, &one, R | ONESHOT, 3);
    for poller in [&level, &edge, &oneshot] {
        assert_eq!(now(poller), []);
    }
    assert_eq!(write(*other, b"data"), 4);
    assert_eq!([now(&level), now(&edge), now(&oneshot)], [[(1, R)], [(2, R)], [(3, R)]]);
    assert_eq!([now(&level), now(&edge), now(&oneshot)], [vec![(1, R)], vec![], vec![]]);
    // More data is a change, though the first has not been read; Windows tells no such thing.
    assert_eq!(write(*other, b"more"), 4);
    let more = if cfg!(windows) { vec![] } else { vec![(2, R)] };
    assert_eq!([now(&level), now(&edge), now(&oneshot)], [vec![(1, R)], more, vec![]]);
    // Armed again, and the token is the new one.
    put(&oneshot, &one, R | ONESHOT, 4);
    assert_eq!([now(&oneshot), now(&oneshot)], [vec![(4, R)], vec![]]);
    assert_eq!(read(*one, &mut [0; 16]), 8);
    assert_eq!([now(&level), now(&edge), now(&oneshot)], [[], [], []]);
}

#[test]
fn that_there_is_room_is_an_edge_only_where_there_was_none() {
    let (one, other) = pair("tcp4");
    let poller = poller();
    put(&poller, &one, R | W | EDGE, 1);
    assert_eq!(now(&poller), [(1, W)]);
    for _ in 0..3 {
        assert_eq!(write(*one, b"data"), 4);
        assert_eq!(now(&poller), []);
    }
    // Nor does a read make it news.
    assert_eq!(write(*other, b"data"), 4);
    assert_eq!(wait(&poller, 4, LONG_US)[0].1 & R, R);
    assert_eq!(read(*one, &mut [0; 4]), 4);
    assert_eq!(now(&poller), []);
    fill(*one);
    assert_eq!(now(&poller), []);
    let mut room = vec![0; 1 << 16];
    until("room", || {
        assert_ne!(read(*other, &mut room), 0);
        now(&poller) == [(1, W)]
    });
}

#[test]
fn urgent_data_is_an_edge_again_after_any_call_that_has_taken_it() {
    for receive in [recv, recv_from] {
        let (one, other) = pair("tcp4");
        let poller = poller();
        put(&poller, &one, X | EDGE, 1);
        for _ in 0..3 {
            assert_eq!(send(*other, b"!", ANYSOCK_FLAG_OOB), 1);
            assert_eq!(wait(&poller, 4, LONG_US), [(1, X)]);
            assert_eq!(now(&poller), []);
            assert_eq!(receive(*one, &mut [0; 4], ANYSOCK_FLAG_OOB), 1);
        }
    }
}

/// Taking connections and datagrams is what makes the next ones news, however they are taken.
#[test]
fn what_comes_after_what_was_taken_is_an_edge_again() {
    let poller = poller();
    let listener = listener("tcp4");
    put(&poller, &listener, R | EDGE, 1);
    for _ in 0..3 {
        let client = open("tcp4");
        expect(connect(*client, &local_address(*listener)));
        assert_eq!(wait(&poller, 4, LONG_US), [(1, R)]);
        assert_eq!(now(&poller), []);
        drop(own(expect(anysock_accept(*listener))));
    }
    drop(listener);
    let by_message = |h: i64, room: &mut [u8], flags| {
        let mut buffers = [anysock_buffer { data: room.as_mut_ptr().cast(), length: room.len() }];
        let mut message = message_of(&mut buffers);
        // SAFETY: everything lives through the call and is as long as it says.
        unsafe { anysock_recv_message(h, &mut message, flags) }
    };
    let by_pieces = |h: i64, room: &mut [u8], _| {
        let buffers = [anysock_buffer { data: room.as_mut_ptr().cast(), length: room.len() }];
        // SAFETY: as above.
        unsafe { anysock_readv(h, buffers.as_ptr(), 1) }
    };
    let by_read = |h: i64, room: &mut [u8], _| read(h, room);
    for receive in [recv, recv_from, by_message, by_pieces, by_read] {
        for kind in ["tcp4", "udp4"] {
            let (one, other) = connected(kind);
            put(&poller, &one, R | EDGE, 2);
            for _ in 0..3 {
                assert_eq!(write(*other, b"data"), 4);
                assert_eq!(wait(&poller, 4, LONG_US), [(2, R)]);
                assert_eq!(now(&poller), []);
                assert_eq!(receive(*one, &mut [0; 4], 0), 4);
            }
        }
    }
}

#[test]
fn an_edge_is_reported_for_what_only_the_library_knows_too() {
    let (one, _other) = pair("unix");
    fill(*one);
    let poller = poller();
    put(&poller, &one, R | W | EDGE, 1);
    assert_eq!(now(&poller), []);
    expect(anysock_shutdown(*one, ANYSOCK_SHUT_READ));
    assert_eq!(wait(&poller, 4, LONG_US)[0].1 & R, R);
    until("quiet", || now(&poller).is_empty());
    expect(anysock_shutdown(*one, ANYSOCK_SHUT_WRITE));
    assert_eq!(wait(&poller, 4, LONG_US)[0].1 & W, W);
    until("quiet", || now(&poller).is_empty());
}

#[test]
fn what_was_read_between_two_waits_is_not_reported() {
    let poller = poller();
    let pairs = [readable_pair(), readable_pair()];
    for (one, _) in &pairs {
        put(&poller, one, R, 1);
    }
    // Of the other one it is known by now as well.
    assert_eq!(wait(&poller, 1, LONG_US), [(1, R)]);
    for (one, _) in &pairs {
        assert!(read(**one, &mut [0; 16]) > 0);
    }
    assert_eq!(now(&poller), []);
    assert_eq!(write(*pairs[1].1, b"more"), 4);
    assert_eq!(wait(&poller, 4, LONG_US), [(1, R)]);
}

#[test]
fn what_lasts_is_reported_to_all_who_wait() {
    let poller = poller();
    let (one, other) = pair("tcp4");
    put(&poller, &one, R, 1);
    let number = *poller;
    let wait = || Call::blocked(move || poller_wait(number, 4, LONG_US).unwrap().len());
    let waits: Vec<_> = (0..3).map(|_| wait()).collect();
    assert_eq!(write(*other, b"data"), 4);
    for wait in waits {
        assert_eq!(wait.result(), 1);
    }
}

#[test]
fn what_a_thread_has_registered_or_waited_for_outlives_it() {
    for extra in [0, EDGE, ONESHOT] {
        let poller = poller();
        let (one, other) = pair("tcp4");
        let (number, handle) = (*poller, *one);
        let register = move || expect(anysock_poller_set(number, handle, R | extra, 7));
        let look = move || assert!(poller_wait(number, 4, 0).unwrap().is_empty());
        Call::start(register).result();
        Call::start(look).result();
        assert_eq!(now(&poller), []);
        assert_eq!(write(*other, b"data"), 4);
        assert_eq!(wait(&poller, 4, LONG_US), [(7, R)]);
    }
}

#[test]
fn a_registration_can_be_changed() {
    let poller = poller();
    let (one, _other) = readable_pair();
    for (events, found) in
        [(R, R), (W, W), (R | W, R | W), (X, 0), (ALL, R | W), (R | ONESHOT, R), (R | EDGE, R)]
    {
        put(&poller, &one, events, i64::from(events));
        let expected = if found == 0 { vec![] } else { vec![(i64::from(events), found)] };
        assert_eq!(now(&poller), expected);
    }
    // The same again is a change as well: it arms an edge anew.
    assert_eq!(now(&poller), []);
    put(&poller, &one, R | EDGE, 5);
    assert_eq!(now(&poller), [(5, R)]);
}

#[test]
fn what_is_taken_out_is_not_reported() {
    let poller = poller();
    let (one, other) = readable_pair();
    let shut = connected("tcp4");
    expect(anysock_shutdown(*shut.0, ANYSOCK_SHUT_READ));
    let mut sockets = vec![one, other, shut.0];
    sockets.extend(here(&["tcp", "udp", "tcp4", "udp6"]).into_iter().map(open));
    for socket in &sockets {
        expect_error(anysock_poller_set(*poller, **socket, 0, 0), "ENOENT");
        put(&poller, socket, R | W, 1);
        let before = now(&poller);
        put(&poller, socket, 0, 2);
        assert_eq!(now(&poller), []);
        expect_error(anysock_poller_set(*poller, **socket, 0, 0), "ENOENT");
        put(&poller, socket, R | W, 1);
        assert_eq!(now(&poller), before);
        put(&poller, socket, 0, 0);
    }
}

#[test]
fn refuses_other_events_and_leaves_the_registration_alone() {
    let poller = poller();
    let socket = open("udp4");
    let (hangup, error) = (ANYSOCK_EVENT_HANGUP, ANYSOCK_EVENT_ERROR);
    let refused =
        [hangup, error, R | hangup, W | error, EDGE, ONESHOT, EDGE | ONESHOT, 128, R | 128, -1, i32::MIN];
    for events in refused {
        expect_error(anysock_poller_set(*poller, *socket, events, 1), "EINVAL");
        assert_eq!(now(&poller), []);
    }
    put(&poller, &socket, W, 2);
    for events in refused {
        expect_error(anysock_poller_set(*poller, *socket, events, 3), "EINVAL");
        assert_eq!(now(&poller), [(2, W)]);
    }
}

#[test]
fn a_poller_watches_no_poller() {
    let (one, other) = (poller(), poller());
    for events in [R, W, ALL, R | EDGE, 0] {
        expect_error(anysock_poller_set(*one, *other, events, 0), "EOPNOTSUPP");
        expect_error(anysock_poller_set(*one, *one, events, 0), "EOPNOTSUPP");
    }
}

#[test]
fn a_socket_is_no_poller() {
    for kind in here(&["tcp", "tcp4", "udp", "unixgram"]) {
        let (socket, other) = (open(kind), open("udp4"));
        expect_error(anysock_poller_set(*socket, *other, R, 0), "EINVAL");
        expect_error(poller_wait_code(*socket, 1, 0), "EINVAL");
        expect_error(anysock_poller_wake(*socket), "EINVAL");
    }
}

#[test]
fn a_poller_is_no_socket() {
    let calls: &[NamedCall] = &[
        ("read", |h| read(h, &mut [0; 8])),
        ("write", |h| write(h, b"data")),
        ("read_full", |h| read_full(h, &mut [0; 8])),
        ("write_all", |h| write_all(h, b"data")),
        ("recv", |h| recv(h, &mut [0; 8], 0)),
        ("send", |h| send(h, b"data", 0)),
        ("recv_from", |h| recv_from(h, &mut [0; 8], 0)),
        ("send_to", |h| send_to(h, b"data", 0, "127.0.0.1:9")),
        ("readv", |h| readv(h, &mut [&mut [0; 8]])),
        ("writev", |h| writev(h, &[b"data"])),
        ("bind", |h| bind(h, "127.0.0.1:0")),
        ("listen", |h| anysock_listen(h, 0)),
        ("accept", |h| anysock_accept(h)),
        ("connect", |h| connect(h, "127.0.0.1:9")),
        ("shutdown", |h| anysock_shutdown(h, ANYSOCK_SHUT_BOTH)),
        // SAFETY: no memory is given.
        ("local_address", |h| unsafe { anysock_local_address(h, null_mut(), 0) }),
        // SAFETY: no memory is given.
        ("peer_address", |h| unsafe { anysock_peer_address(h, null_mut(), 0) }),
        ("release", |h| anysock_release(h)),
    ];
    let poller = poller();
    for (what, call) in calls {
        assert_eq!(name(call(*poller)), "ENOTSOCK", "{what}");
    }
    assert_eq!(poller_wait_code(*poller, 1, 0), 0);
}

#[test]
fn a_wait_wants_room_and_time() {
    let poller = poller();
    let socket = open("udp4");
    put(&poller, &socket, W, 1);
    // SAFETY: no memory is given, and the call must not want any.
    let without_memory = |capacity| unsafe { anysock_poller_wait(*poller, null_mut(), capacity, 0) };
    expect_error(without_memory(0), "EINVAL");
    expect_error(without_memory(1), "EFAULT");
    expect_error(poller_wait_code(*poller, 0, -1), "EINVAL");
    for timeout in [-2, i64::MIN] {
        expect_error(poller_wait_code(*poller, 1, timeout), "EINVAL");
    }
    for timeout in [0, 1, -1, i64::MAX] {
        assert_eq!(poller_wait_code(*poller, 1, timeout), 1);
    }
}

#[test]
fn a_timeout_is_kept() {
    let poller = poller();
    let (idle, _other) = pair("unix");
    for registered in [false, true] {
        if registered {
            put(&poller, &idle, ALL & !W, 1);
        }
        for micros in [1, 300, 1_000, 30_000] {
            let start = Instant::now();
            assert_eq!(poller_wait_code(*poller, 1, micros), 0);
            assert!(start.elapsed() >= Duration::from_micros(micros as u64), "{micros}");
        }
    }
}

#[test]
fn one_socket_in_several_pollers() {
    let (one, other) = pair("unix");
    let pollers: Vec<_> = (0..10).map(|_| poller()).collect();
    for (token, poller) in pollers.iter().enumerate() {
        put(poller, &one, R, token as i64);
    }
    assert_eq!(write(*other, b"data"), 4);
    for (token, poller) in pollers.iter().enumerate() {
        // Windows may tell of one after the other.
        until("each to be told", || now(poller) == [(token as i64, R)]);
    }
    // Out of one is not out of the others.
    put(&pollers[3], &one, 0, 0);
    expect(anysock_close(*pollers[4]));
    for (token, poller) in pollers.iter().enumerate().filter(|(token, _)| ![3, 4].contains(token)) {
        assert_eq!(now(poller), [(token as i64, R)]);
    }
    // Closed is out of all.
    expect(anysock_close(*one));
    for poller in pollers.iter().filter(|poller| ***poller != *pollers[4]) {
        assert_eq!(now(poller), []);
    }
}

#[test]
fn an_open_kind_is_followed_to_its_descriptor() {
    let poller = poller();
    let socket = open("udp");
    put(&poller, &socket, R | W, 1);
    assert_eq!(now(&poller), [(1, W)]);
    expect(bind(*socket, "127.0.0.1:0"));
    assert_eq!(now(&poller), [(1, W)]);
    assert_eq!(send_to(*socket, b"to myself", 0, &local_address(*socket)), 9);
    until("the datagram", || now(&poller) == [(1, R | W)]);
}

// A socket that is closed, or given away.

#[test]
fn a_closed_socket_is_out_and_its_number_is_free_for_others() {
    let poller = poller();
    for round in 0..200 {
        let (one, _other) = readable_pair();
        put(&poller, &one, R, round);
        assert_eq!(now(&poller), [(round, R)]);
        expect(anysock_close(*one));
        assert_eq!(now(&poller), []);
    }
}

#[test]
fn a_copy_of_the_descriptor_elsewhere_does_not_go_on_reporting() {
    let poller = poller();
    let (one, other) = pair("unix");
    put(&poller, &one, R, 1);
    let copy = copied(expect(anysock_fd(*one)));
    expect(anysock_close(*one));
    let (two, other_two) = pair("unix");
    put(&poller, &two, R, 2);
    let released = expect(anysock_release(*two));
    for other in [&other, &other_two] {
        assert_eq!(write(**other, b"data"), 4);
    }
    assert_eq!(now(&poller), []);
    let start = Instant::now();
    assert_eq!(wait(&poller, 4, 20 * ANYSOCK_MILLISECOND), []);
    assert!(start.elapsed() >= Duration::from_millis(20));
    for number in [copy, released] {
        drop(taken(number));
    }
}

// Changes during a wait.

#[test]
fn a_wait_sees_what_others_register_change_and_take_out() {
    let poller = poller();
    let (one, other) = readable_pair();
    let waiting = blocked_wait(&poller, 4);
    put(&poller, &one, R, 1);
    assert_eq!(waiting.result(), 1);

    // Other events of one that is in.
    put(&poller, &one, X, 1);
    let waiting = blocked_wait(&poller, 4);
    put(&poller, &one, R, 1);
    assert_eq!(waiting.result(), 1);

    // What only the library knows to be ready.
    put(&poller, &one, X, 1);
    let lazy = open("udp");
    let waiting = blocked_wait(&poller, 4);
    put(&poller, &lazy, W, 2);
    assert_eq!(waiting.result(), 1);
    put(&poller, &lazy, 0, 0);

    // Out, and then it becomes ready: the wait goes on, until the other one that is in gets something.
    let (idle, writer) = pair("unix");
    put(&poller, &one, 0, 0);
    let (gone, gone_writer) = pair("unix");
    put(&poller, &gone, R, 3);
    put(&poller, &idle, R, 4);
    let handle = *poller;
    let waiting = Call::blocked(move || poller_wait(handle, 4, LONG_US).unwrap());
    put(&poller, &gone, 0, 0);
    assert_eq!(write(*gone_writer, b"data"), 4);
    waiting.until_blocked();
    assert_eq!(write(*writer, b"data"), 4);
    let events = waiting.result();
    assert_eq!(events.iter().map(|event| event.token).collect::<Vec<_>>(), [4]);
    drop(other);
}

#[test]
fn threads_register_and_take_out_while_others_wait() {
    const CHANGERS: usize = 4;
    let poller = poller();
    let handle = *poller;
    let (over, reported) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let waiters: Vec<_> = (0..2)
        .map(|_| {
            let (over, reported) = (Arc::clone(&over), Arc::clone(&reported));
            Call::start(move || {
                let mut seen = HashSet::new();
                while over.load(Ordering::SeqCst) < CHANGERS {
                    match poller_wait(handle, 8, 10 * ANYSOCK_MILLISECOND) {
                        Ok(events) => seen.extend(events.iter().map(|event| (event.token, event.handle))),
                        Err(code) => assert_eq!(name(code), "ECANCELED"),
                    }
                    reported.fetch_max(seen.len(), Ordering::SeqCst);
                }
                seen
            })
        })
        .collect();
    let changers: Vec<_> = (1..=CHANGERS as u64)
        .map(|seed| {
            let (over, reported) = (Arc::clone(&over), Arc::clone(&reported));
            Call::start(move || {
                let mut random = Random(seed);
                let mut tokens = HashMap::new();
                // On a busy machine the waits come late to what is soon closed again.
                while tokens.len() < 300 || reported.load(Ordering::SeqCst) < 10 {
                    let (one, _other) = readable_pair();
                    tokens.insert(*one, *one ^ 0x5555);
                    for _ in 0..random.below(8) {
                        let events = [0, R, W, R | W, R | EDGE, W | ONESHOT][random.below(6)];
                        match anysock_poller_set(handle, *one, events, *one ^ 0x5555) {
                            0 => {}
                            code => expect_error(code, "ENOENT"),
                        }
                    }
                }
                over.fetch_add(1, Ordering::SeqCst);
                tokens
            })
        })
        .collect();
    let tokens: HashMap<_, _> = changers.into_iter().flat_map(Call::result).collect();
    for (token, handle) in waiters.into_iter().flat_map(Call::result) {
        assert_eq!(tokens.get(&handle), Some(&token));
    }
    assert_eq!(now(&poller), []);
}

// Wake-ups.

#[test]
fn a_wake_before_the_wait_counts() {
    let poller = poller();
    expect(anysock_poller_wake(*poller));
    assert_eq!(poller_wait_code(*poller, 1, LONG_US), 0);
    // Wakes may count as one, and never as more than there were.
    for _ in 0..3 {
        expect(anysock_poller_wake(*poller));
    }
    let early = |_: &usize| {
        let start = Instant::now();
        assert_eq!(poller_wait_code(*poller, 1, ANYSOCK_SECOND), 0);
        start.elapsed() < Duration::from_secs(1)
    };
    let woken = (0..6).take_while(early).count();
    assert!((1..=3).contains(&woken), "{woken}");
}

#[test]
fn a_wake_ends_the_wait() {
    let poller = poller();
    let (idle, _other) = pair("unix");
    put(&poller, &idle, R, 1);
    for _ in 0..10 {
        let waiting = blocked_wait(&poller, 4);
        expect(anysock_poller_wake(*poller));
        assert_eq!(waiting.result(), 0);
    }
}

#[test]
fn a_wake_ends_one_wait_of_several() {
    let poller = poller();
    let mut waits: Vec<_> = (0..4).map(|_| blocked_wait(&poller, 1)).collect();
    while !waits.is_empty() {
        let before = waits.len();
        expect(anysock_poller_wake(*poller));
        until("that a wait ends", || {
            waits.retain(|wait| wait.try_result().map(|code| assert_eq!(code, 0)).is_none());
            waits.len() < before
        });
        assert_eq!(waits.len(), before - 1);
    }
    // Had one wake ended two waits, another would be left over now.
    let start = Instant::now();
    assert_eq!(poller_wait_code(*poller, 1, 50 * ANYSOCK_MILLISECOND), 0);
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[test]
fn no_wake_of_many_threads_is_lost() {
    const ROUNDS: i64 = 2_000;
    let poller = poller();
    let handle = *poller;
    let (said, heard) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    let (says, hears) = (Arc::clone(&said), Arc::clone(&heard));
    // Whoever is woken looks at what was said, and must find the last of it sooner or later.
    let waiter = Call::start(move || {
        while hears.load(Ordering::SeqCst) < ROUNDS {
            assert_eq!(poller_wait_code(handle, 1, -1), 0);
            hears.store(says.load(Ordering::SeqCst), Ordering::SeqCst);
        }
    });
    let speakers: Vec<_> = (0..4)
        .map(|_| {
            let (said, heard) = (Arc::clone(&said), Arc::clone(&heard));
            Call::start(move || {
                loop {
                    let mine = said.fetch_add(1, Ordering::SeqCst) + 1;
                    expect(anysock_poller_wake(handle));
                    until("that the wake is heard", || heard.load(Ordering::SeqCst) >= mine.min(ROUNDS));
                    if mine >= ROUNDS {
                        return;
                    }
                }
            })
        })
        .collect();
    for speaker in speakers {
        speaker.result();
    }
    waiter.result();
}

#[test]
fn no_wake_is_lost_among_events_and_closes() {
    const ROUNDS: i64 = 1_000;
    let poller = poller();
    let handle = *poller;
    let (busy, writer) = pair("unix");
    put(&poller, &busy, R, 1);
    let (said, heard) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    let (says, hears) = (Arc::clone(&said), Arc::clone(&heard));
    let waiter = Call::start(move || {
        while hears.load(Ordering::SeqCst) < ROUNDS {
            match poller_wait(handle, 1, -1) {
                Ok(events) if events.is_empty() => {}
                Ok(_) => drop(recv(*busy, &mut [0; 64], ANYSOCK_FLAG_DONT_WAIT)),
                Err(code) => assert_eq!(name(code), "ECANCELED"),
            }
            hears.store(says.load(Ordering::SeqCst), Ordering::SeqCst);
        }
    });
    let mut random = Random(5);
    for round in 1..=ROUNDS {
        let (one, _other) = pair("unix");
        match random.below(4) {
            0 => assert_eq!(write(*writer, b"x"), 1),
            1 => put(&poller, &one, R, 2),
            2 => put(&poller, &one, W | ONESHOT, 2),
            _ => {}
        }
        expect(anysock_close(*one));
        // Whatever else ended a wait meanwhile, this must be heard of.
        said.store(round, Ordering::SeqCst);
        expect(anysock_poller_wake(handle));
        until("that the wake is heard", || heard.load(Ordering::SeqCst) >= round);
    }
    waiter.result();
}

// Many sockets, little room.

/// Sockets ready to read by the kernel's word, and by the library's own.
fn ready_in_both_ways(count: usize) -> Vec<(Own, Own)> {
    (0..count)
        .map(|place| {
            let (one, other) = readable_pair();
            if place % 2 == 1 {
                expect(anysock_shutdown(*one, ANYSOCK_SHUT_READ));
            }
            (one, other)
        })
        .collect()
}

#[test]
fn successive_waits_reach_all_that_is_ready() {
    const COUNT: usize = 20;
    let sockets = ready_in_both_ways(COUNT);
    let (kernel, own): (Vec<_>, Vec<_>) = sockets.iter().enumerate().partition(|(place, _)| place % 2 == 0);
    for members in [kernel.clone(), own.clone(), [kernel, own].concat()] {
        for capacity in [1, 2, 3, 7] {
            let poller = poller();
            for (token, (socket, _)) in &members {
                put(&poller, socket, R, *token as i64);
            }
            // Over and over: nobody may be passed by for long.
            let mut last_seen: HashMap<i64, usize> = HashMap::new();
            for round in 0..COUNT * 6 {
                let found = wait(&poller, capacity, LONG_US);
                assert!((1..=capacity).contains(&found.len()), "{} for {capacity}", found.len());
                let distinct: HashSet<_> = found.iter().map(|(token, _)| *token).collect();
                assert_eq!(distinct.len(), found.len(), "a socket twice in one wait");
                last_seen.extend(found.iter().map(|(token, _)| (*token, round)));
            }
            assert_eq!(last_seen.len(), members.len(), "capacity {capacity}");
            let longest = last_seen.values().map(|round| COUNT * 6 - round).max().unwrap();
            assert!(longest <= COUNT * 3, "not seen for {longest} waits of capacity {capacity}");
        }
    }
}

#[test]
fn what_is_told_once_is_told_once_however_little_room_there_is() {
    const COUNT: usize = 20;
    let sockets = ready_in_both_ways(COUNT);
    for (extra, capacity) in [(EDGE, 1), (EDGE, 3), (ONESHOT, 1), (ONESHOT, 3)] {
        let poller = poller();
        for (token, (socket, _)) in sockets.iter().enumerate() {
            put(&poller, socket, R | extra, token as i64);
        }
        let mut found = Vec::new();
        loop {
            match wait(&poller, capacity, 0) {
                none if none.is_empty() => break,
                some => found.extend(some.into_iter().map(|(token, _)| token)),
            }
        }
        found.sort_unstable();
        assert_eq!(found, (0..COUNT as i64).collect::<Vec<_>>(), "{extra}, capacity {capacity}");
    }
}

#[test]
fn no_more_is_written_than_there_is_room_for() {
    let sockets = ready_in_both_ways(8);
    let poller = poller();
    for (socket, _) in &sockets {
        put(&poller, socket, R, 1);
    }
    let canary = anysock_event { token: -77, handle: -77, events: -77, reserved: -77 };
    for capacity in 1..=8 {
        let mut events = [canary; 10];
        // SAFETY: there is more room than that.
        let count = unsafe { anysock_poller_wait(*poller, events.as_mut_ptr(), capacity, 0) };
        assert!((1..=capacity as i64).contains(&count));
        assert!(events[count as usize..].iter().all(|event| event.token == -77 && event.reserved == -77));
    }
}

#[test]
fn five_thousand_sockets() {
    let poller = poller();
    let sockets: Vec<_> = (0..5_000).map(|_| open("udp4")).collect();
    for (token, socket) in sockets.iter().enumerate() {
        put(&poller, socket, R, token as i64);
    }
    assert_eq!(now(&poller), []);
    expect(bind(*sockets[1_234], "127.0.0.1:0"));
    assert_eq!(send_to(*sockets[7], b"data", 0, &local_address(*sockets[1_234])), 4);
    assert_eq!(wait(&poller, 4, LONG_US), [(1_234, R)]);
    for (token, socket) in sockets.iter().enumerate() {
        put(&poller, socket, W, -(token as i64));
    }
    let mut seen = HashSet::new();
    for _ in 0..100 {
        seen.extend(wait(&poller, 100, LONG_US).into_iter().map(|(token, _)| token));
    }
    assert_eq!(seen.len(), 5_000);
}

/// Processor time of a wait that reports so many sockets which only the library knows to be ready, and of their closes.
#[cfg(target_os = "linux")]
fn time_of_forced(count: usize) -> Duration {
    let poller = poller();
    let sockets: Vec<_> = (0..count).map(|_| open("udp")).collect();
    for socket in &sockets {
        put(&poller, socket, W, 1);
    }
    let start = thread_time();
    assert_eq!(wait(&poller, count, 0).len(), count);
    for socket in &sockets {
        expect(anysock_close(**socket));
    }
    thread_time() - start
}

#[test]
fn several_threads_share_the_work() {
    const COUNT: usize = 400;
    let poller = poller();
    let handle = *poller;
    let sockets: Vec<_> = (0..COUNT).map(|_| pair("unix")).collect();
    for (token, (socket, _)) in sockets.iter().enumerate() {
        put(&poller, socket, R | ONESHOT, token as i64);
    }
    let found = Arc::new(AtomicUsize::new(0));
    let waiters: Vec<_> = (0..4)
        .map(|_| {
            let found = Arc::clone(&found);
            Call::blocked(move || {
                let mut tokens = Vec::new();
                while found.load(Ordering::SeqCst) < COUNT {
                    let events = poller_wait(handle, 2, LONG_US).unwrap();
                    found.fetch_add(events.len(), Ordering::SeqCst);
                    tokens.extend(events.iter().map(|event| event.token));
                }
                // The next one is to end too.
                expect(anysock_poller_wake(handle));
                tokens
            })
        })
        .collect();
    for (place, (socket, other)) in sockets.iter().enumerate() {
        match place % 2 {
            0 => assert_eq!(write(**other, b"data"), 4),
            _ => assert_eq!(anysock_shutdown(**socket, ANYSOCK_SHUT_READ), 0),
        }
    }
    let mut tokens: Vec<_> = waiters.into_iter().flat_map(Call::result).collect();
    tokens.sort_unstable();
    assert_eq!(tokens, (0..COUNT as i64).collect::<Vec<_>>());
}

#[cfg(unix)]
mod pipes {
    use super::*;

    #[test]
    fn they_are_watched_too() {
        let mut fds = [0; 2];
        // SAFETY: there is room for both descriptors.
        assert_eq!(unsafe { libc::pipe(fds.as_mut_ptr()) }, 0);
        let [reader, writer] = fds.map(|fd| own(expect(anysock_adopt(i64::from(fd)))));
        let poller = poller();
        put(&poller, &reader, R, 1);
        put(&poller, &writer, W, 2);
        assert_eq!(now(&poller), [(2, W)]);
        fill(*writer);
        assert_eq!(now(&poller), [(1, R)]);
        let mut room = vec![0; 1 << 20];
        until("room", || {
            while recv(*reader, &mut room, ANYSOCK_FLAG_DONT_WAIT) > 0 {}
            now(&poller) == [(2, W)]
        });
        expect(anysock_close(*writer));
        assert_eq!(now(&poller), [(1, R)]);
        assert_eq!(read(*reader, &mut [0; 16]), 0);
    }
}

/// Its descriptor, for other loops to wait for.
#[cfg(unix)]
mod descriptor {
    use super::*;

    fn fd(poller: &Own) -> i32 {
        i32::try_from(expect(anysock_fd(**poller))).unwrap()
    }

    /// Whether poll(2) says that it is readable, within a time in milliseconds.
    fn is_readable_within(fd: i32, milliseconds: i32) -> bool {
        let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry, which outlives the call.
        match unsafe { libc::poll(&mut entry, 1, milliseconds) } {
            0 => false,
            found => {
                assert_eq!((found, entry.revents), (1, libc::POLLIN));
                true
            }
        }
    }

    fn is_readable(fd: i32) -> bool {
        is_readable_within(fd, 0)
    }

    /// A wait that does not wait may be needed to make it rest, and then finds nothing.
    #[track_caller]
    fn rests(poller: &Own) {
        assert_eq!(now(poller), []);
        assert!(!is_readable(fd(poller)));
    }

    #[test]
    fn is_readable_as_long_as_a_wait_would_report_what_the_kernel_knows() {
        let poller = poller();
        let (one, other) = pair("unix");
        put(&poller, &one, R, 1);
        rests(&poller);
        assert_eq!(write(*other, b"x"), 1);
        for _ in 0..3 {
            assert!(is_readable(fd(&poller)));
            assert_eq!(now(&poller), [(1, R)]);
        }
        assert_eq!(read(*one, &mut [0; 8]), 1);
        rests(&poller);
        put(&poller, &one, W, 1);
        assert!(is_readable(fd(&poller)));
        expect(anysock_close(*one));
        rests(&poller);
    }

    #[test]
    fn is_readable_as_long_as_a_wait_would_report_what_only_the_library_knows() {
        let poller = poller();
        let sockets: Vec<_> = (0..3).map(|_| pair("tcp")).collect();
        for ((one, _), token) in sockets.iter().zip(0..) {
            put(&poller, one, R, token);
        }
        rests(&poller);
        for (one, _) in &sockets {
            expect(anysock_shutdown(**one, ANYSOCK_SHUT_READ));
        }
        let known = fd(&poller);
        for capacity in [1, 2, 64, 1, 3] {
            assert!(is_readable(known));
            assert_eq!(wait(&poller, capacity, LONG_US).len(), capacity.min(3));
        }
        for (left, (one, _)) in (0..3).rev().zip(sockets) {
            expect(anysock_close(*one));
            assert_eq!(now(&poller).len(), left);
            assert_eq!(is_readable(known), left > 0);
        }
        rests(&poller);
    }

    #[test]
    fn is_readable_at_once_for_what_was_ready_before_it_was_asked_for() {
        for events in [W, W | EDGE, W | ONESHOT] {
            let poller = poller();
            // Without a descriptor: nothing that the kernel could know.
            let socket = open("udp");
            put(&poller, &socket, events, 1);
            assert!(is_readable(fd(&poller)));
            assert_eq!(now(&poller), [(1, W)]);
            if events == W {
                assert!(is_readable(fd(&poller)));
            } else {
                rests(&poller);
            }
            put(&poller, &socket, events, 2);
            assert!(is_readable(fd(&poller)));
            assert_eq!(now(&poller), [(2, W)]);
            expect(anysock_poller_set(*poller, *socket, 0, 0));
            rests(&poller);
        }
    }

    #[test]
    fn is_made_readable_by_a_wake_and_rests_when_it_was_taken() {
        let poller = poller();
        let known = fd(&poller);
        for _ in 0..3 {
            expect(anysock_poller_wake(*poller));
            assert!(is_readable(known));
            rests(&poller);
        }
    }

    #[test]
    fn tells_the_end_of_connects() {
        let listener = listener("tcp4");
        for (address, events) in
            [(local_address(*listener), W), (free_address("tcp4").replace(":0", ":9"), W | X)]
        {
            let poller = poller();
            let known = fd(&poller);
            let socket = open("tcp");
            expect(set(*socket, "connect_timeout", 0));
            put(&poller, &socket, W | X, 1);
            rests(&poller);
            connect(*socket, &address);
            assert!(is_readable_within(known, 60_000));
            until("its end", || now(&poller) == [(1, events)]);
            assert!(is_readable(known));
        }
    }

    #[test]
    fn wakes_another_thread_s_poll() {
        let poller = poller();
        let known = fd(&poller);
        let (one, _other) = pair("tcp");
        put(&poller, &one, R, 1);
        for (what, want) in [(None, vec![]), (Some(()), vec![(1, R)])] {
            let polling = Call::blocked(move || is_readable_within(known, 60_000));
            match what {
                None => expect(anysock_poller_wake(*poller)),
                Some(()) => expect(anysock_shutdown(*one, ANYSOCK_SHUT_READ)),
            };
            assert!(polling.result());
            assert_eq!(now(&poller), want);
        }
    }

    #[test]
    fn is_lent() {
        let poller = poller();
        let known = fd(&poller);
        assert_eq!(known, fd(&poller));
        expect_error(anysock_release(*poller), "ENOTSOCK");
        let number = *poller;
        expect(anysock_close(number));
        expect_error(anysock_fd(number), "EBADF");
    }

    /// A loop of somebody else's: the descriptor goes into an epoll, with edges and without.
    #[cfg(target_os = "linux")]
    #[test]
    fn fits_into_another_epoll() {
        for edge in [0, libc::EPOLLET] {
            let poller = poller();
            let (one, other) = pair("unix");
            put(&poller, &one, R, 1);
            // SAFETY: takes no memory.
            let outer = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
            let mut event = libc::epoll_event { events: (libc::EPOLLIN | edge) as u32, u64: 7 };
            // SAFETY: the event outlives the call.
            assert_eq!(unsafe { libc::epoll_ctl(outer, libc::EPOLL_CTL_ADD, fd(&poller), &mut event) }, 0);
            let mut outer_wait = |milliseconds| {
                // SAFETY: there is room for one event.
                unsafe { libc::epoll_wait(outer, &mut event, 1, milliseconds) }
            };
            assert_eq!(outer_wait(0), 0);
            for round in 0..3 {
                match round {
                    0 => assert_eq!(write(*other, b"x"), 1),
                    1 => drop(expect(anysock_poller_wake(*poller))),
                    _ => drop(expect(anysock_shutdown(*one, ANYSOCK_SHUT_READ))),
                }
                assert_eq!(outer_wait(60_000), 1, "round {round}, {edge}");
                let found = now(&poller);
                assert_eq!(found.len(), usize::from(round != 1), "round {round}, {edge}");
                let _ = recv(*one, &mut [0; 8], ANYSOCK_FLAG_DONT_WAIT);
            }
            // SAFETY: it is the test's own.
            unsafe { libc::close(outer) };
        }
    }
}

#[cfg(windows)]
#[test]
fn a_completion_port_is_no_descriptor() {
    expect_error(anysock_fd(*poller()), "EOPNOTSUPP");
    let queue = own(expect(anysock_queue_open(0, 0)));
    expect_error(anysock_fd(*queue), "EOPNOTSUPP");
}

/// What epoll reports unasked.
#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    /// A hang-up that nobody asked for is no reason to overlook what was: urgent data may come after it.
    #[test]
    fn what_was_asked_for_is_reported_after_a_hang_up_that_was_not() {
        let (one, other) = connected("tcp");
        let poller = poller();
        put(&poller, &one, X, 1);
        expect(anysock_shutdown(*one, ANYSOCK_SHUT_READ | ANYSOCK_SHUT_WRITE));
        // The kernel has reported the hang-up, and is not asked for it any more.
        assert_eq!(poller_wait_code(*poller, 1, 0), 0);
        assert_eq!(send(*other, b"!", ANYSOCK_FLAG_OOB), 1);
        for _ in 0..2 {
            let found = poller_wait(*poller, 1, LONG_US).unwrap();
            assert_eq!(found.iter().map(|event| event.events & X).collect::<Vec<_>>(), [X]);
        }
    }

    #[test]
    fn what_is_news_to_nobody_takes_nobody_s_place() {
        let poller = poller();
        let over: Vec<_> = (0..8).map(|_| pair("unix").0).collect();
        for socket in &over {
            // The kernel reports their hang-up unasked.
            put(&poller, socket, X, 1);
        }
        let (ready, _other) = readable_pair();
        put(&poller, &ready, R, 2);
        assert_eq!(wait(&poller, 1, 0), [(2, R)]);
    }

    #[test]
    fn a_hang_up_that_nobody_asked_for_costs_nothing_and_is_not_forgotten() {
        const SPAN: Duration = Duration::from_millis(300);
        for kind in here(&["unix", "tcp4"]) {
            let (one, other) = connected(kind);
            expect(set(*other, "linger", 0));
            let poller = poller();
            put(&poller, &one, X, 1);
            expect(anysock_close(*other));
            until("the hang-up", || select_one(*one, R, 0) == R);
            let handle = *poller;
            let waiting = Call::start(move || {
                let code = poller_wait_code(handle, 4, SPAN.as_micros() as i64);
                (code, thread_time())
            });
            let (code, used) = waiting.result();
            assert_eq!(code, 0);
            assert!(used < SPAN / 4, "{used:?} of {SPAN:?}");
            put(&poller, &one, R | X, 2);
            assert_eq!(now(&poller), [(2, R)]);
        }
    }

    #[test]
    fn what_only_the_library_knows_costs_each_member_the_same() {
        const FEW: usize = 5_000;
        let least = |count| (0..3).map(|_| time_of_forced(count)).min().unwrap();
        let (few, many) = (least(FEW), least(8 * FEW));
        // Eight times as much, were there no caches; sixty-four times where each member looks through the others.
        assert!(many < few * 30, "{few:?} for {FEW}, {many:?} for {}", 8 * FEW);
    }
}

#[cfg(target_os = "linux")]
mod signals {
    use super::*;

    #[test]
    fn neither_end_nor_stretch_a_wait() {
        let poller = poller();
        let handle = *poller;
        let waiting = Call::blocked_for_signals(false, move || {
            let start = Instant::now();
            (poller_wait_code(handle, 1, 200 * ANYSOCK_MILLISECOND), start.elapsed())
        });
        let (code, elapsed) = waiting.result_under_signals();
        assert_eq!(code, 0);
        assert!(elapsed >= Duration::from_millis(200), "{elapsed:?}");
    }

    #[test]
    fn end_a_wait_that_shall_be_interruptible() {
        let (one, other) = pair("unix");
        for by_the_poller in [true, false] {
            let poller = poller();
            put(&poller, &one, R, 1);
            put(&poller, &other, R, 2);
            expect(set(if by_the_poller { *poller } else { *other }, "interruptible", 1));
            let handle = *poller;
            for restart in [false, true] {
                let waiting = Call::blocked_for_signals(restart, move || poller_wait_code(handle, 1, -1));
                waiting.signal();
                expect_error(waiting.result(), "EINTR");
            }
            expect(set(*other, "interruptible", 0));
        }
    }
}
