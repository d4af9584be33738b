//! Close from another thread: it wakes every call that is blocked on the handle, on every kind of socket, at once;
//! what a call has moved is never lost; and nobody ever reads from a descriptor that has come after.

use crate::peers::{need, skip};
use crate::support::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::channel;

/// A socket on which a call will block, and what must live as long for it to do so.
pub type Scene = (Own, Vec<Own>);

/// What a row of the table is called, the kinds it is for, how to come there, and the call that blocks.
pub type Row = (&'static str, &'static [&'static str], fn(&str) -> Scene, fn(i64) -> i64);

const STREAMS: &[&str] = &["tcp", "tcp4", "tcp6", "unix", "unixpacket"];
const BYTES: &[&str] = &["tcp", "tcp4", "tcp6", "unix"];
const DATAGRAMS: &[&str] = &["udp", "udp4", "udp6", "unixgram"];
const ALL: &[&str] = &["tcp", "tcp4", "tcp6", "unix", "unixpacket", "udp", "udp4", "udp6", "unixgram"];
/// A pair has buffers that fill; nothing holds back a UDP sender.
const PAIRS: &[&str] = &["tcp", "tcp4", "tcp6", "unix", "unixpacket", "unixgram"];

fn idle(kind: &str) -> Scene {
    let (one, other) = connected(kind);
    (one, vec![other])
}

fn alone(kind: &str) -> Scene {
    (bound(kind), Vec::new())
}

fn full(kind: &str) -> Scene {
    let (one, other) = pair(kind);
    fill(*one);
    (one, vec![other])
}

fn listening(kind: &str) -> Scene {
    (listener(kind), Vec::new())
}

pub const BLOCKING: &[Row] = &[
    ("accept", STREAMS, listening, |h| anysock_accept(h)),
    ("accept_many", STREAMS, listening, accept_many_code),
    ("read", ALL, idle, |h| read(h, &mut [0; 16])),
    ("read of an unconnected one", DATAGRAMS, alone, |h| read(h, &mut [0; 16])),
    ("read_full", ALL, idle, |h| read_full(h, &mut [0; 16])),
    ("recv", ALL, idle, |h| recv(h, &mut [0; 16], 0)),
    ("recv to peek", ALL, idle, |h| recv(h, &mut [0; 16], ANYSOCK_FLAG_PEEK)),
    ("recv of it all", ALL, idle, |h| recv(h, &mut [0; 16], ANYSOCK_FLAG_WAIT_ALL)),
    ("recv to peek it all", BYTES, idle, |h| {
        recv(h, &mut [0; 16], ANYSOCK_FLAG_WAIT_ALL | ANYSOCK_FLAG_PEEK)
    }),
    ("recv_from", ALL, idle, |h| recv_from(h, &mut [0; 16], 0)),
    ("readv", ALL, idle, |h| readv(h, &mut [&mut [0; 8], &mut [0; 8]])),
    ("recv_many", DATAGRAMS, idle, recv_many_code),
    ("recv_many of an unconnected one", DATAGRAMS, alone, recv_many_code),
    ("recv_message", ALL, idle, |h| recv_message(h, 0)),
    ("recv_message to peek", ALL, idle, |h| recv_message(h, ANYSOCK_FLAG_PEEK)),
    ("recv_message of an unconnected one", DATAGRAMS, alone, |h| recv_message(h, 0)),
    ("send_message", PAIRS, full, |h| send_message(h)),
    ("send_file", BYTES, full, |h| {
        let program = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
        anysock_send_file(h, crate::own::number_of(&program), 0, -1)
    }),
    ("write", PAIRS, full, |h| write(h, &[0; 4096])),
    ("write_all", PAIRS, full, |h| write_all(h, &[0; 4096])),
    ("send", PAIRS, full, |h| send(h, &[0; 4096], 0)),
    ("writev", PAIRS, full, |h| writev(h, &[&[0; 2048], &[0; 2048]])),
    ("send_many", &["unixgram"], full, |h| send_many(h, &mut [outgoing(&[0; 4096], None); 2], 0)),
    ("select for reading", ALL, idle, |h| select_code(h, ANYSOCK_EVENT_READ)),
    ("select for writing", PAIRS, full, |h| select_code(h, ANYSOCK_EVENT_WRITE)),
    ("select for exceptions", ALL, idle, |h| select_code(h, ANYSOCK_EVENT_EXCEPT)),
    ("select for all", PAIRS, full, |h| {
        select_code(h, ANYSOCK_EVENT_READ | ANYSOCK_EVENT_WRITE | ANYSOCK_EVENT_EXCEPT)
    }),
    ("select of a listener", STREAMS, listening, |h| select_code(h, ANYSOCK_EVENT_READ)),
    (
        "select of one that is not connected",
        STREAMS,
        |kind| (open(kind), Vec::new()),
        |h| select_code(h, ANYSOCK_EVENT_READ | ANYSOCK_EVENT_WRITE | ANYSOCK_EVENT_EXCEPT),
    ),
    ("select among others", ALL, idle, |h| {
        let others: Vec<_> = (0..3).map(|_| open("udp4")).collect();
        let handles = vec![*others[0], *others[1], h, *others[2]];
        select(&mut [handles.clone(), vec![], handles], -1)
    }),
    ("poller_wait", ALL, idle, |h| poller_code(h, ANYSOCK_EVENT_READ)),
    ("poller_wait for writing", PAIRS, full, |h| poller_code(h, ANYSOCK_EVENT_WRITE)),
    ("poller_wait for exceptions", ALL, idle, |h| poller_code(h, ANYSOCK_EVENT_EXCEPT)),
    ("poller_wait, edge-triggered", ALL, idle, |h| poller_code(h, ANYSOCK_EVENT_READ | ANYSOCK_EVENT_EDGE)),
    ("poller_wait, one-shot", ALL, idle, |h| poller_code(h, ANYSOCK_EVENT_READ | ANYSOCK_EVENT_ONESHOT)),
    ("poller_wait for a listener", STREAMS, listening, |h| poller_code(h, ANYSOCK_EVENT_READ)),
    (
        "poller_wait for one that is not connected",
        STREAMS,
        |kind| (open(kind), Vec::new()),
        |h| poller_code(h, ANYSOCK_EVENT_READ | ANYSOCK_EVENT_WRITE),
    ),
];

/// Receives a message with everything that there could be room for; the handles are closed again.
fn recv_message(h: i64, flags: i32) -> i64 {
    let mut data = [0; 16];
    let mut handles = [0; 4];
    let mut buffers = [anysock_buffer { data: data.as_mut_ptr().cast(), length: data.len() }];
    let mut message = message_of(&mut buffers);
    (message.handles, message.handle_count) = (handles.as_mut_ptr(), handles.len());
    // SAFETY: everything lives through the call and is as long as it says.
    let count = unsafe { anysock_recv_message(h, &mut message, flags) };
    if count >= 0 {
        handles[..message.handle_count].iter().for_each(|handle| drop(own(*handle)));
    }
    count
}

fn send_message(h: i64) -> i64 {
    let data = [0; 4096];
    let mut buffers = [anysock_buffer { data: data.as_ptr().cast_mut().cast(), length: data.len() }];
    // SAFETY: everything lives through the call and is only read.
    unsafe { anysock_send_message(h, &message_of(&mut buffers), 0) }
}

/// A select for ever; its code.
fn select_code(h: i64, asked: i32) -> i64 {
    let set = |event| if asked & event != 0 { vec![h] } else { Vec::new() };
    select(&mut [set(ANYSOCK_EVENT_READ), set(ANYSOCK_EVENT_WRITE), set(ANYSOCK_EVENT_EXCEPT)], -1)
}

/// A wait for ever of a poller of its own; its code, or that of the registration.
fn poller_code(h: i64, events: i32) -> i64 {
    let poller = poller();
    match anysock_poller_set(*poller, h, events, 0) {
        0 => poller_wait_code(*poller, 4, -1),
        code => code,
    }
}

/// Blocks the call, closes the socket, and looks at both results.
#[cfg(unix)]
#[track_caller]
fn expect_canceled(what: &str, scene: Scene, call: fn(i64) -> i64) {
    expect_all_canceled(vec![(what.to_owned(), scene)], call);
}

/// Blocks the call on each socket, closes them, and looks at both results. A call that moves something is made again: when
/// the window of TCP is too small for a segment, the kernel sends what fits after a while, and what was full has room again.
/// One that was moving something when it was woken says how much, and the next one finds the handle closed.
#[track_caller]
pub fn expect_all_canceled(scenes: Vec<(String, Scene)>, call: fn(i64) -> i64) {
    let block = |(what, scene): (String, Scene)| {
        let handle = *scene.0;
        let again = move || {
            let mut ends: &[&str] = &["ECANCELED"];
            loop {
                let outcome = call(handle);
                if outcome <= 0 {
                    return (outcome, ends);
                }
                ends = &["ECANCELED", "EBADF"];
            }
        };
        (what, scene, Call::start(again))
    };
    for (what, (socket, others), blocked) in scenes.into_iter().map(block).collect::<Vec<_>>() {
        blocked.until_blocked();
        assert_eq!(anysock_close(*socket), 0, "{what}");
        let (outcome, ends) = blocked.result();
        assert!(ends.contains(&name(outcome).as_str()), "{what}: {} is none of {ends:?}", name(outcome));
        assert_eq!(name(call(*socket)), "EBADF", "{what}, once more");
        drop(others);
    }
}

#[test]
fn wakes_every_call_on_every_kind() {
    for (what, kinds, scene, call) in BLOCKING {
        let scenes = here(kinds).into_iter().map(|kind| (format!("{what} on {kind}"), scene(kind)));
        expect_all_canceled(scenes.collect(), *call);
    }
}

/// Linux lets a client wait for a place in the backlog, and Windows has it try again for a while.
const CONNECTS_WAIT: bool = cfg!(any(target_os = "linux", windows));

/// A listener that takes no more connections, and those that fill it.
fn full_listener(kind: &str) -> Scene {
    let listener = bound(kind);
    expect(anysock_listen(*listener, 1));
    let address = local_address(*listener);
    let mut waiting = Vec::new();
    loop {
        let client = open(kind);
        expect(set(*client, "connect_timeout", 300 * ANYSOCK_MILLISECOND));
        match connect(*client, &address) {
            0 => waiting.push(client),
            code => break expect_error(code, "ETIMEDOUT"),
        }
        assert!(waiting.len() < 100, "the listener is never full");
    }
    (listener, waiting)
}

#[test]
fn wakes_a_connect_to_a_listener_that_is_full() {
    if !CONNECTS_WAIT {
        return skip("a full listener refuses connects at once");
    }
    for kind in here(STREAMS) {
        let (listener, waiting) = full_listener(kind);
        let address = local_address(*listener);
        let client = open(kind);
        let handle = *client;
        let blocked = Call::blocked(move || connect(handle, &address));
        expect(anysock_close(handle));
        assert_eq!(name(blocked.result()), "ECANCELED", "{kind}");
        drop(waiting);
    }
}

#[test]
fn wakes_waits_on_the_poller_that_is_closed() {
    let poller = poller();
    let (idle, _other) = pair("unix");
    expect(anysock_poller_set(*poller, *idle, ANYSOCK_EVENT_READ, 0));
    let handle = *poller;
    let waits: Vec<_> = (0..4).map(|_| Call::blocked(move || poller_wait_code(handle, 1, -1))).collect();
    expect(anysock_close(handle));
    for wait in waits {
        expect_error(wait.result(), "ECANCELED");
    }
    expect_error(poller_wait_code(handle, 1, 0), "EBADF");
    // What it watched lives on.
    assert_eq!(select_one(*idle, ANYSOCK_EVENT_WRITE, 0), ANYSOCK_EVENT_WRITE);
}

#[test]
fn wakes_all_who_wait_on_one_handle() {
    for kind in here(&["tcp4", "udp6", "unix", "unixgram", "unixpacket"]) {
        let (one, _other) = connected(kind);
        let handle = *one;
        let calls: [fn(i64) -> i64; 8] = [
            |h| read(h, &mut [0; 16]),
            |h| read(h, &mut [0; 16]),
            |h| recv_from(h, &mut [0; 16], 0),
            |h| readv(h, &mut [&mut [0; 16]]),
            |h| select_code(h, ANYSOCK_EVENT_READ),
            |h| select_code(h, ANYSOCK_EVENT_EXCEPT),
            |h| poller_code(h, ANYSOCK_EVENT_READ),
            |h| poller_code(h, ANYSOCK_EVENT_EXCEPT),
        ];
        let blocked = calls.map(|call| Call::blocked(move || call(handle)));
        expect(anysock_close(handle));
        for call in blocked {
            assert_eq!(name(call.result()), "ECANCELED", "{kind}");
        }
    }
}

#[test]
fn wakes_several_waits_of_one_poller() {
    let (watched, _other) = pair("unix");
    let poller = poller();
    expect(anysock_poller_set(*poller, *watched, ANYSOCK_EVENT_READ, 0));
    let handle = *poller;
    let waits: Vec<_> = (0..4).map(|_| Call::blocked(move || poller_wait_code(handle, 1, -1))).collect();
    expect(anysock_close(*watched));
    for wait in waits {
        expect_error(wait.result(), "ECANCELED");
    }
    // The poller itself goes on.
    assert_eq!(poller_wait_code(handle, 1, 0), 0);
}

#[test]
fn release_wakes_as_close_does_and_the_descriptor_lives() {
    let (one, other) = pair("unix");
    let handle = *one;
    let calls: [fn(i64) -> i64; 3] = [
        |h| read(h, &mut [0; 16]),
        |h| select_code(h, ANYSOCK_EVENT_READ),
        |h| poller_code(h, ANYSOCK_EVENT_READ),
    ];
    let blocked = calls.map(|call| Call::blocked(move || call(handle)));
    let fd = expect(anysock_release(handle));
    for call in blocked {
        expect_error(call.result(), "ECANCELED");
    }
    let again = own(expect(anysock_adopt(fd)));
    assert_eq!(write(*other, b"alive"), 5);
    let mut room = [0; 16];
    assert_eq!(read(*again, &mut room), 5);
    assert_eq!(&room[..5], b"alive");
}

#[test]
fn a_half_that_is_shut_lets_its_calls_go() {
    for kind in here(STREAMS) {
        let (one, _other) = connected(kind);
        let handle = *one;
        let reading = Call::blocked(move || read(handle, &mut [0; 16]));
        expect(anysock_shutdown(handle, ANYSOCK_SHUT_READ));
        assert_eq!(reading.result(), 0, "{kind}");
        fill(handle);
        let writing = Call::blocked(move || write(handle, &[0; 4096]));
        expect(anysock_shutdown(handle, ANYSOCK_SHUT_WRITE));
        assert_eq!(name(writing.result()), "EPIPE", "{kind}");
    }
}

#[test]
fn when_close_returns_the_descriptor_is_closed() {
    for kind in here(&["tcp4", "tcp6", "unix"]) {
        let listener = listener(kind);
        let (handle, address) = (*listener, local_address(*listener));
        let accepting: Vec<_> = (0..3).map(|_| Call::blocked(move || anysock_accept(handle))).collect();
        expect(anysock_close(handle));
        assert_eq!(name(connect(*open(kind), &address)), "ECONNREFUSED", "{kind}");
        for call in accepting {
            expect_error(call.result(), "ECANCELED");
        }
    }
}

#[test]
fn what_was_read_before_the_close_is_returned() {
    let calls: [fn(i64, &mut [u8]) -> i64; 2] = [read_full, |h, room| recv(h, room, ANYSOCK_FLAG_WAIT_ALL)];
    for kind in here(BYTES) {
        for call in calls {
            let (one, other) = connected(kind);
            let handle = *one;
            assert_eq!(write(*other, b"begin"), 5);
            let reading = Call::blocked(move || {
                let mut room = [0; 16];
                let count = call(handle, &mut room);
                (count, room, call(handle, &mut [0; 16]))
            });
            until("that the bytes are taken", || get(handle, "available") == Ok(0));
            reading.until_blocked();
            expect(anysock_close(handle));
            let (count, room, after) = reading.result();
            assert_eq!((count, &room[..6]), (5, b"begin\0".as_slice()), "{kind}");
            assert_eq!(name(after), "EBADF", "{kind}");
        }
    }
}

#[test]
fn what_was_written_before_the_close_is_counted() {
    for kind in here(BYTES) {
        let (one, other) = connected(kind);
        let handle = *one;
        let much = vec![7; 64 << 20];
        let writing = Call::blocked(move || {
            let count = write_all(handle, &much);
            (count, write_all(handle, b"more"))
        });
        expect(anysock_close(handle));
        let (count, after) = writing.result();
        assert!(count > 0 && count < 64 << 20, "{kind}: {count}");
        assert_eq!(name(after), "EBADF", "{kind}");
        let mut arrived = 0;
        let mut room = vec![0; 1 << 20];
        loop {
            match expect(read(*other, &mut room)) {
                0 => break,
                more => arrived += more,
            }
        }
        assert_eq!(arrived, count, "{kind}");
    }
}

/// A call, by the handle that is closed meanwhile.
type Work = Box<dyn Fn(i64) -> i64 + Send>;

/// Not the poller: a wait that begins after the close has nothing to be told.
fn any_call(kind: &str, random: &mut Random, full_listener: &str) -> (Scene, Work) {
    const CALLS: [fn(i64) -> i64; 4] = [
        |h| read(h, &mut [0; 16]),
        |h| read_full(h, &mut [0; 16]),
        |h| recv_from(h, &mut [0; 16], 0),
        |h| select_code(h, ANYSOCK_EVENT_READ),
    ];
    // More than there is room for.
    static MUCH: [u8; 1 << 24] = [0; 1 << 24];
    const CANCELED: i64 = -125;
    let is_stream = STREAMS.contains(&kind);
    let in_bytes = BYTES.contains(&kind);
    match random.below(CALLS.len() + 3) {
        0 if is_stream => (listening(kind), Box::new(|h| anysock_accept(h))),
        // What was written counts.
        1 if in_bytes => {
            (idle(kind), Box::new(|h| Some(write_all(h, &MUCH)).filter(|n| *n < 0).unwrap_or(CANCELED)))
        }
        2 if kind == "tcp4" && !full_listener.is_empty() => {
            let address = full_listener.to_string();
            ((open(kind), vec![]), Box::new(move |h| connect(h, &address)))
        }
        other => (idle(kind), Box::new(CALLS[other % CALLS.len()])),
    }
}

#[test]
fn at_any_moment_of_a_call() {
    let kinds = here(&["tcp4", "tcp6", "udp4", "unix", "unixgram", "unixpacket"]);
    let (jobs, queue) = channel::<(i64, Work)>();
    let (tell, results) = channel();
    let begun = Arc::new(AtomicI64::new(0));
    let begins = Arc::clone(&begun);
    let worker = Call::start(move || {
        for (handle, call) in queue {
            begins.store(handle, Ordering::SeqCst);
            tell.send(call(handle)).unwrap();
        }
    });
    let full = if CONNECTS_WAIT { Some(full_listener("tcp4")) } else { None };
    let address = full.as_ref().map_or(String::new(), |(listener, _)| local_address(**listener));
    let mut random = Random(1);
    for round in 0..1_500 {
        let kind = kinds[round % kinds.len()];
        let ((one, _others), call) = any_call(kind, &mut random, &address);
        let handle = *one;
        jobs.send((handle, call)).unwrap();
        while begun.load(Ordering::SeqCst) != handle {
            std::thread::yield_now();
        }
        for _ in 0..random.below(2_000) {
            std::hint::spin_loop();
        }
        assert_eq!(anysock_close(handle), 0);
        let result = name(results.recv_timeout(LONG).expect("the call is still blocked"));
        assert!(["ECANCELED", "EBADF"].contains(&result.as_str()), "{kind}: {result}");
    }
    drop(jobs);
    worker.result();
}

#[test]
fn a_poller_sees_its_socket_closed_whenever_it_is() {
    // The poller stays the same, so that what one round leaves would be found by the next.
    let poller = poller();
    let handle = *poller;
    let over = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&over);
    let waiting = Call::start(move || {
        let mut wrong = Vec::new();
        while !ended.load(Ordering::SeqCst) {
            match poller_wait(handle, 4, -1) {
                Ok(events) if events.is_empty() => {}
                Err(code) if name(code) == "ECANCELED" => {}
                other => wrong.push(format!("{other:?}")),
            }
        }
        wrong
    });
    for _ in 0..1_000 {
        let (one, _other) = pair("unix");
        expect(anysock_poller_set(handle, *one, ANYSOCK_EVENT_READ, 0));
        expect(anysock_close(*one));
    }
    over.store(true, Ordering::SeqCst);
    expect(anysock_poller_wake(handle));
    assert_eq!(waiting.result(), Vec::<String>::new());
}

#[test]
fn a_reader_never_gets_what_is_sent_to_who_comes_after() {
    let (jobs, queue) = channel::<(i64, u8)>();
    let queue = Arc::new(std::sync::Mutex::new(queue));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let queue = Arc::clone(&queue);
            Call::start(move || {
                let mut wrong = Vec::new();
                loop {
                    let job = queue.lock().unwrap().recv();
                    let Ok((handle, tag)) = job else { return wrong };
                    wrong.extend(read_all_of(handle, tag));
                }
            })
        })
        .collect();
    let kinds = here(PAIRS);
    let mut random = Random(2);
    for round in 0..4_000_u32 {
        let kind = kinds[random.below(kinds.len())];
        let (one, other) = pair(kind);
        let tag = round as u8;
        jobs.send((*one, tag)).unwrap();
        for _ in 0..random.below(4) {
            expect(write(*other, &[tag; 8]));
        }
        for _ in 0..random.below(500) {
            std::hint::spin_loop();
        }
        // The next pair takes the numbers that these two descriptors give back.
        expect(anysock_close(*one));
    }
    drop(jobs);
    for reader in readers {
        assert_eq!(reader.result(), Vec::<String>::new());
    }
}

/// Reads until the handle is closed; what came that was not sent to it.
fn read_all_of(handle: i64, tag: u8) -> Vec<String> {
    let mut wrong = Vec::new();
    loop {
        let mut room = [0; 64];
        match read(handle, &mut room) {
            code if code < 0 && ["ECANCELED", "EBADF"].contains(&name(code).as_str()) => return wrong,
            code if code <= 0 => wrong.push(format!("{code} for {tag}")),
            count if room[..count as usize].iter().all(|byte| *byte == tag) => {}
            count => wrong.push(format!("{:?} for {tag}", &room[..count as usize])),
        }
    }
}

#[cfg(unix)]
mod pipes {
    use super::*;

    #[test]
    fn wakes_calls_on_them() {
        let pipe = || {
            let mut fds = [0; 2];
            // SAFETY: there is room for both descriptors.
            assert_eq!(unsafe { libc::pipe(fds.as_mut_ptr()) }, 0);
            fds.map(|fd| own(expect(anysock_adopt(i64::from(fd)))))
        };
        let reading: [NamedCall; 5] = [
            ("read", |h| read(h, &mut [0; 16])),
            ("read_full", |h| read_full(h, &mut [0; 16])),
            ("readv", |h| readv(h, &mut [&mut [0; 16]])),
            ("select", |h| select_code(h, ANYSOCK_EVENT_READ)),
            ("poller_wait", |h| poller_code(h, ANYSOCK_EVENT_READ)),
        ];
        for (what, call) in reading {
            let [reader, writer] = pipe();
            expect_canceled(&format!("{what} on a pipe"), (reader, vec![writer]), call);
        }
        let writing: [NamedCall; 3] = [
            ("write", |h| write(h, &[0; 4096])),
            ("writev", |h| writev(h, &[&[0; 4096]])),
            ("select", |h| select_code(h, ANYSOCK_EVENT_WRITE)),
        ];
        for (what, call) in writing {
            let [reader, writer] = pipe();
            fill(*writer);
            expect_canceled(&format!("{what} on a full pipe"), (writer, vec![reader]), call);
        }
    }
}

mod unixgram {
    use super::*;

    #[test]
    fn wakes_a_send_to_a_peer_that_is_full() {
        if !need("unixgram") {
            return;
        }
        let receiver = bound("unixgram");
        let address = local_address(*receiver);
        let sender = open("unixgram");
        while send_to(*sender, b"more", ANYSOCK_FLAG_DONT_WAIT, &address) > 0 {}
        let handle = *sender;
        let blocked = Call::blocked(move || send_to(handle, b"one too many", 0, &address));
        expect(anysock_close(handle));
        expect_error(blocked.result(), "ECANCELED");
    }
}

/// A poller's or queue's own descriptor goes with its close: whoever asks for it at that moment gets one, or hears that the handle is none.
#[test]
#[cfg(unix)]
fn nobody_is_lent_a_descriptor_that_is_gone() {
    let queue = || own(expect(anysock_queue_open(1, 1)));
    for open in [&poller as &dyn Fn() -> Own, &queue] {
        for _ in 0..300 {
            let waits = open();
            let handle = *waits;
            let asks = move || (0..).map(|_| anysock_fd(handle)).find(|fd| *fd < 0);
            std::thread::scope(|scope| {
                let asked = scope.spawn(asks);
                drop(waits);
                expect_error(asked.join().unwrap().unwrap(), "EBADF");
            });
        }
    }
}
