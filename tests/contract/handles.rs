//! Handles: which numbers they are, and that a number which stands for nothing reaches nothing, whatever
//! function is called with it and however many threads do so. Not here: what a close does to calls that are
//! blocked (`close`), and that nothing is left behind (`tests/cycles.rs`).

use crate::support::*;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Port 9 of this machine, of which nobody answers.
fn discard() -> anysock_address {
    crate::flat::parse("tcp4", "127.0.0.1:9").unwrap()
}

/// Every function that takes a handle, in calls that would be proper ones if the handle were. Some stand here more
/// than once: for each place that a handle can have.
const FUNCTIONS: &[NamedCall] = &[
    ("anysock_shutdown", |h| anysock_shutdown(h, ANYSOCK_SHUT_BOTH)),
    ("anysock_close", |h| anysock_close(h)),
    ("anysock_bind", |h| bind(h, "127.0.0.1:0")),
    ("anysock_listen", |h| anysock_listen(h, 0)),
    ("anysock_accept", |h| anysock_accept(h)),
    ("anysock_accept_many", accept_many_code),
    ("anysock_connect", |h| connect(h, "127.0.0.1:9")),
    // SAFETY: no memory is given.
    ("anysock_local_address", |h| unsafe { anysock_local_address(h, null_mut(), 0) }),
    // SAFETY: no memory is given.
    ("anysock_peer_address", |h| unsafe { anysock_peer_address(h, null_mut(), 0) }),
    // SAFETY: the address lives through the call.
    ("anysock_bind_flat", |h| unsafe { anysock_bind_flat(h, &discard()) }),
    // SAFETY: the address lives through the call.
    ("anysock_connect_flat", |h| unsafe { anysock_connect_flat(h, &discard()) }),
    // SAFETY: the place lives through the call.
    ("anysock_local_flat", |h| unsafe { anysock_local_flat(h, &mut discard()) }),
    // SAFETY: the place lives through the call.
    ("anysock_peer_flat", |h| unsafe { anysock_peer_flat(h, &mut discard()) }),
    ("anysock_read", |h| read(h, &mut [0; 8])),
    ("anysock_read", |h| read(h, &mut [])),
    ("anysock_write", |h| write(h, b"data")),
    ("anysock_write", |h| write(h, b"")),
    ("anysock_read_full", |h| read_full(h, &mut [0; 8])),
    ("anysock_read_full", |h| read_full(h, &mut [])),
    ("anysock_write_all", |h| write_all(h, b"data")),
    ("anysock_write_all", |h| write_all(h, b"")),
    ("anysock_recv", |h| recv(h, &mut [0; 8], ANYSOCK_FLAG_DONT_WAIT)),
    ("anysock_send", |h| send(h, b"data", ANYSOCK_FLAG_DONT_WAIT)),
    ("anysock_recv_from", |h| recv_from(h, &mut [0; 8], 0)),
    ("anysock_send_to", |h| send_to(h, b"data", 0, "127.0.0.1:9")),
    // SAFETY: NULL is no address, the data is readable.
    ("anysock_send_to", |h| unsafe { anysock_send_to(h, b"data".as_ptr().cast(), 4, 0, null_mut()) }),
    ("anysock_readv", |h| readv(h, &mut [&mut [0; 4], &mut [0; 4]])),
    ("anysock_readv", |h| readv(h, &mut [])),
    ("anysock_writev", |h| writev(h, &[b"da", b"ta"])),
    ("anysock_writev", |h| writev(h, &[])),
    ("anysock_recv_many", recv_many_code),
    // SAFETY: NULL stands for no datagrams.
    ("anysock_recv_many", |h| unsafe { anysock_recv_many(h, null_mut(), 0, 0) }),
    ("anysock_send_many", |h| send_many(h, &mut [outgoing(b"data", None)], 0)),
    // SAFETY: NULL stands for no datagrams.
    ("anysock_send_many", |h| unsafe { anysock_send_many(h, null_mut(), 0, 0) }),
    ("anysock_send_file", |h| anysock_send_file(h, 0, 0, 1)),
    // SAFETY: everything lives through the call.
    ("anysock_recv_message", |h| unsafe { anysock_recv_message(h, &mut message_of(&mut []), 0) }),
    // SAFETY: everything lives through the call.
    ("anysock_send_message", |h| unsafe { anysock_send_message(h, &message_of(&mut []), 0) }),
    #[cfg(unix)]
    ("anysock_send_message", send_along),
    ("anysock_set", |h| set(h, "timeout", 0)),
    ("anysock_get", |h| get(h, "error").unwrap_or_else(|code| code)),
    ("anysock_set_text", |h| set_text(h, "tcp.congestion", "reno")),
    ("anysock_get_text", |h| get_text(h, "kind").map_or_else(|code| code, |_| 0)),
    // SAFETY: no memory is given.
    ("anysock_set_raw", |h| unsafe { anysock_set_raw(h, 1, 1, null_mut(), 0) }),
    // SAFETY: no memory is given.
    ("anysock_get_raw", |h| unsafe { anysock_get_raw(h, 1, 1, null_mut(), 0) }),
    ("anysock_select", |h| select(&mut [vec![h], vec![], vec![]], 0)),
    ("anysock_select", |h| select(&mut [vec![], vec![h], vec![]], 0)),
    ("anysock_select", |h| select(&mut [vec![], vec![], vec![h]], 0)),
    ("anysock_poller_set", |h| {
        let socket = open("udp4");
        anysock_poller_set(h, *socket, ANYSOCK_EVENT_READ, 0)
    }),
    ("anysock_poller_set", |h| anysock_poller_set(*poller(), h, ANYSOCK_EVENT_READ, 0)),
    ("anysock_poller_set", |h| anysock_poller_set(*poller(), h, 0, 0)),
    ("anysock_poller_wait", |h| poller_wait_code(h, 1, 0)),
    ("anysock_poller_wake", |h| anysock_poller_wake(h)),
    // SAFETY: the places live through the call.
    ("anysock_queue_memory", |h| unsafe { anysock_queue_memory(h, &mut 0, &mut 0) }),
    // SAFETY: NULL stands for nothing.
    ("anysock_queue_run", |h| unsafe { anysock_queue_run(h, null_mut(), 0, null_mut(), 0, 0) }),
    ("anysock_queue_wake", |h| anysock_queue_wake(h)),
    ("anysock_fd", |h| anysock_fd(h)),
    ("anysock_release", |h| anysock_release(h)),
];

/// The handle goes along with a message of another.
#[cfg(unix)]
fn send_along(mut h: i64) -> i64 {
    let (one, _other) = pair("unixgram");
    let message = anysock_message { handles: &mut h, handle_count: 1, ..message_of(&mut []) };
    // SAFETY: everything lives through the call.
    unsafe { anysock_send_message(*one, &message, 0) }
}

/// The functions of the header that take a handle, by the names that their parameters have there.
fn functions_of_the_header() -> Vec<String> {
    let header = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/include/anysock.h")).unwrap();
    let declarations = header.split_once("extern \"C\" {").unwrap().1;
    let code: String = declarations.split("/**").filter_map(|part| part.split("*/").nth(1)).collect();
    let takes_a_handle =
        |declaration: &&str| declaration.contains("anysock_t ") || declaration.contains("anysock_handles *");
    let name = |declaration: &str| {
        let before = declaration.split_once('(').unwrap().0;
        before.rsplit([' ', '*']).next().unwrap().trim_start_matches('*').to_owned()
    };
    code.split(';').filter(takes_a_handle).map(name).collect()
}

#[test]
fn the_table_of_functions_is_complete() {
    let mut expected = functions_of_the_header();
    // Says whether a number is in a set, and does not look whether it is a handle.
    expected.retain(|name| name != "anysock_handles_has");
    // Takes places for handles, and no handle.
    expected.retain(|name| name != "anysock_pair");
    let mut names: Vec<_> = FUNCTIONS.iter().map(|(name, _)| (*name).to_owned()).collect();
    names.dedup();
    expected.sort();
    names.sort();
    assert_eq!(names, expected);
}

#[track_caller]
fn expect_bad(number: i64, what: &str) {
    for (name_of_function, function) in FUNCTIONS {
        let code = function(number);
        assert_eq!(name(code), "EBADF", "{name_of_function} of {number}: {what}");
    }
}

#[test]
fn numbers_that_no_handle_can_have() {
    for number in [0, -1, -2, 1, 2, 3, 1 << 23, i64::MIN, i64::MIN + 1, i64::MAX, 1 << 53, (1 << 53) + 1] {
        expect_bad(number, "out of the range of handles");
    }
}

#[test]
fn forged_numbers() {
    let socket = open("udp4");
    for bit in 24..64 {
        // The lower bits could make it a handle of another test.
        expect_bad(*socket ^ (1 << bit), "a bit of a handle is turned round");
    }
    // The slot of one that is closed waits for its next owner, unless another test has it already.
    let next = open("udp4").into_number();
    expect(anysock_close(next));
    let next = next + (1 << 24);
    for bit in 53..63 {
        expect_bad(next | 1 << bit, "the next handle of a free slot, with a bit too many");
    }
    expect_bad(-*socket, "a handle with another sign");
    expect_bad((1 << 53) - 1, "the highest number that a handle can have");
    expect_bad((1 << 24) | 0xff_fff0, "a slot that is not used");
    expect(anysock_fd(*socket));
}

#[test]
fn closed_handles() {
    for kind in here(&["tcp", "tcp4", "tcp6", "udp", "udp4", "udp6", "unix", "unixgram", "unixpacket"]) {
        let socket = open(kind);
        expect(anysock_close(*socket));
        expect_bad(*socket, kind);
    }
    for kind in here(&["tcp", "tcp6", "unix", "unixgram", "unixpacket"]) {
        let (one, _other) = pair(kind);
        expect(anysock_close(*one));
        expect_bad(*one, "one of a pair");
    }
    let closed = poller();
    expect(anysock_close(*closed));
    expect_bad(*closed, "a poller");
}

#[test]
fn released_handles_and_adopted_ones_that_are_closed() {
    let socket = open("udp4");
    let fd = expect(anysock_release(*socket));
    expect_bad(*socket, "released");
    let again = own(expect(anysock_adopt(fd)));
    assert_ne!(*again, *socket);
    expect_bad(*socket, "released, and the descriptor adopted again");
    expect(anysock_close(*again));
    expect_bad(*again, "adopted and closed");
}

#[test]
fn a_stale_handle_does_not_reach_who_came_after() {
    let old = open("udp4");
    expect(anysock_close(*old));
    // Enough that the old one's slot and descriptor are taken again.
    let new: Vec<_> = (0..500).map(|_| bound("udp4")).collect();
    expect_bad(*old, "its descriptor belongs to another");
    for socket in &new {
        assert!(local_address(**socket).len() > 1);
    }
}

#[test]
fn handles_are_positive_and_exact_in_a_double() {
    let sockets: Vec<_> = (0..100).map(|_| open("udp4")).collect();
    let (one, other) = pair("unix");
    let poller = poller();
    for handle in sockets.iter().chain([&one, &other, &poller]) {
        // A binding that cuts handles to 32 bits fails at once.
        assert!((1 << 32..1 << 53).contains(&**handle), "{handle:?}");
        assert_eq!(**handle as f64 as i64, **handle);
    }
}

/// Has many threads close one handle after the other at the same moment: how many of them got each.
fn closed_by_all(threads: usize, handles: usize, open: fn(usize) -> i64) -> Vec<u32> {
    let current = Arc::new(AtomicI64::new(0));
    let tally: Arc<Vec<_>> = Arc::new((0..handles).map(|_| AtomicU32::new(0)).collect());
    let (arrived, left) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let closers: Vec<_> = (0..threads)
        .map(|_| {
            let (current, tally) = (Arc::clone(&current), Arc::clone(&tally));
            let (arrived, left) = (Arc::clone(&arrived), Arc::clone(&left));
            Call::start(move || {
                for round in 0..tally.len() {
                    arrived.fetch_add(1, Ordering::SeqCst);
                    // No lock to wait for: it would let them through one by one.
                    spin_until(|| arrived.load(Ordering::SeqCst) == (round + 1) * (threads + 1));
                    match anysock_close(current.load(Ordering::SeqCst)) {
                        0 => drop(tally[round].fetch_add(1, Ordering::SeqCst)),
                        code => expect_error(code, "EBADF"),
                    }
                    left.fetch_add(1, Ordering::SeqCst);
                    spin_until(|| left.load(Ordering::SeqCst) >= (round + 1) * threads);
                }
            })
        })
        .collect();
    for round in 0..handles {
        spin_until(|| left.load(Ordering::SeqCst) == round * threads);
        current.store(open(round), Ordering::SeqCst);
        arrived.fetch_add(1, Ordering::SeqCst);
    }
    closers.into_iter().for_each(Call::result);
    tally.iter().map(|count| count.load(Ordering::SeqCst)).collect()
}

fn spin_until(mut so: impl FnMut() -> bool) {
    for round in 1_u64.. {
        if so() {
            return;
        }
        match round % 256 {
            0 => std::thread::yield_now(),
            _ => std::hint::spin_loop(),
        }
    }
}

#[test]
fn exactly_one_of_eight_closes_gets_it() {
    let tally = closed_by_all(8, 1_000, |round| {
        let kinds: [fn() -> Own; 4] = [|| open("tcp4"), || open("udp4"), || open("tcp"), poller];
        kinds[round % 4]().into_number()
    });
    assert!(tally.iter().all(|count| *count == 1), "{tally:?}");
}

#[test]
fn exactly_one_of_two_closes_gets_it() {
    // A kind without a descriptor yet: nothing but the handle itself takes time.
    let tally = closed_by_all(2, 30_000, |_| open("tcp").into_number());
    assert!(tally.iter().all(|count| *count == 1));
}

// The storm: threads open, use and close the handles that all of them share.

/// One end of a pair, and the only byte that its pair ever sends.
#[derive(Clone, Copy, Default)]
struct End {
    handle: i64,
    tag: u8,
}

struct Storm {
    ends: [Mutex<End>; 16],
    poller: Own,
    tags: AtomicU32,
    over: AtomicBool,
    kinds: Vec<&'static str>,
}

const STORM_KINDS: &[&str] = &["unix", "unixgram", "unixpacket", "tcp"];

impl Storm {
    fn some(&self, random: &mut Random) -> End {
        *self.ends[random.below(16)].lock().unwrap()
    }

    /// Puts a fresh pair where others were, and closes those.
    fn renew(&self, random: &mut Random) {
        let (one, other) = pair(self.kinds[random.below(self.kinds.len())]);
        let tag = self.tags.fetch_add(1, Ordering::Relaxed) as u8;
        for end in [one, other] {
            let end = End { handle: end.into_number(), tag };
            let old = std::mem::replace(&mut *self.ends[random.below(16)].lock().unwrap(), end);
            anysock_close(old.handle);
        }
    }

    /// One call at random; what is wrong with its result, if something is.
    fn act(&self, random: &mut Random) -> Option<String> {
        let end @ End { handle, tag } = self.some(random);
        let data = vec![tag; 1 + random.below(64)];
        let (what, code, allowed): (_, _, &[&str]) = match random.below(10) {
            0 => {
                self.renew(random);
                return None;
            }
            1 => ("close", anysock_close(handle), &["EBADF"]),
            2 => ("shutdown", anysock_shutdown(handle, 1 + random.below(3) as i32), &["EBADF", "ENOTCONN"]),
            3..=5 => ("send", send(handle, &data, ANYSOCK_FLAG_DONT_WAIT), &SEND),
            6..=7 => return receive(end, ANYSOCK_FLAG_DONT_WAIT, &["EBADF", "EAGAIN", "ECONNRESET"]),
            8 => {
                let mut sets = [vec![handle], vec![self.some(random).handle], vec![handle]];
                ("select", select(&mut sets, 0), &["EBADF", "ECANCELED"])
            }
            _ => {
                let events = [0, 1, 2, 7, 33, 65][random.below(6)];
                let code = anysock_poller_set(*self.poller, handle, events, handle);
                ("poller_set", code, &["EBADF", "ECANCELED", "ENOENT"])
            }
        };
        let right = code >= 0 || allowed.contains(&name(code).as_str());
        (!right).then(|| format!("{what}: {}", name(code)))
    }
}

/// What a send that does not wait may say when its peer may be gone.
const SEND: [&str; 6] = ["EBADF", "EAGAIN", "EPIPE", "ECONNRESET", "ECONNREFUSED", "ENOTCONN"];

/// Receives, and looks whether all that came is the pair's own.
fn receive(end: End, flags: i32, allowed: &[&str]) -> Option<String> {
    let mut room = [0; 256];
    let code = recv(end.handle, &mut room, flags);
    match usize::try_from(code) {
        Ok(count) if room[..count].iter().all(|byte| *byte == end.tag) => None,
        Ok(count) => Some(format!("{:?} came where only {} is sent", &room[..count], end.tag)),
        Err(_) if allowed.contains(&name(code).as_str()) => None,
        Err(_) => Some(format!("recv: {}", name(code))),
    }
}

#[test]
fn a_storm_of_eight_threads_on_shared_handles() {
    let storm = Arc::new(Storm {
        ends: std::array::from_fn(|_| Mutex::new(End::default())),
        poller: poller(),
        tags: AtomicU32::new(1),
        over: AtomicBool::new(false),
        kinds: here(STORM_KINDS),
    });
    let start = |seed: u64, body: fn(&Storm, &mut Random) -> Vec<String>| {
        let storm = Arc::clone(&storm);
        Call::start(move || body(&storm, &mut Random(seed)))
    };
    let actors: Vec<_> = (1..=6)
        .map(|seed| start(seed, |storm, random| (0..6_000).filter_map(|_| storm.act(random)).collect()))
        .collect();
    // Two more block in calls until somebody closes what they read.
    let readers: Vec<_> = (7..=8)
        .map(|seed| {
            start(seed, |storm, random| {
                let mut wrong = Vec::new();
                while !storm.over.load(Ordering::SeqCst) {
                    let end = storm.some(random);
                    wrong.extend(receive(end, 0, &["EBADF", "ECANCELED", "ECONNRESET"]));
                    std::thread::yield_now();
                }
                wrong
            })
        })
        .collect();
    for actor in actors {
        assert_eq!(actor.result(), Vec::<String>::new());
    }
    storm.over.store(true, Ordering::SeqCst);
    for end in &storm.ends {
        anysock_close(end.lock().unwrap().handle);
    }
    for reader in readers {
        assert_eq!(reader.result(), Vec::<String>::new());
    }
    expect(poller_wait_code(*storm.poller, 64, 0));
}

/// The slots pass from pollers to sockets and back, over and over.
#[test]
fn a_closed_handle_is_ebadf_whatever_has_its_place() {
    type Ask = fn(&[AtomicI64; 2], i64, i64) -> i64;
    let asks: [Ask; 5] = [
        |shown, live, _| anysock_poller_set(shown[0].load(Ordering::SeqCst), live, ANYSOCK_EVENT_READ, 0),
        |shown, _, _| anysock_poller_wake(shown[0].load(Ordering::SeqCst)),
        // On Windows a poller has no descriptor.
        |shown, _, _| if cfg!(windows) { 0 } else { anysock_fd(shown[0].load(Ordering::SeqCst)) },
        |shown, _, poller| anysock_poller_set(poller, shown[1].load(Ordering::SeqCst), ANYSOCK_EVENT_READ, 0),
        |shown, _, _| select(&mut [vec![shown[1].load(Ordering::SeqCst)], vec![], vec![]], 0),
    ];
    let (shown, over) = ([*poller(), *open("tcp")].map(AtomicI64::new), AtomicBool::new(false));
    let ((live, _peer), poller_of_all) = (pair("unix"), poller());
    std::thread::scope(|scope| {
        let askers = asks.map(|ask| {
            let (shown, over, live, poller) = (&shown, &over, *live, *poller_of_all);
            scope.spawn(move || {
                let mut errors = std::collections::BTreeSet::new();
                while !over.load(Ordering::SeqCst) {
                    let answer = ask(shown, live, poller);
                    if answer < 0 && answer != ANYSOCK_EBADF && answer != ANYSOCK_ECANCELED {
                        errors.insert(name(answer));
                    }
                }
                errors
            })
        });
        for _ in 0..10_000 {
            for (shown, next) in shown.iter().zip([poller(), open("tcp")]) {
                shown.store(*next, Ordering::SeqCst);
            }
        }
        over.store(true, Ordering::SeqCst);
        for asker in askers {
            assert_eq!(asker.join().unwrap(), std::collections::BTreeSet::new());
        }
    });
}
