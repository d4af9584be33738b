//! One thread closes sockets and opens others in their place, with their descriptors and slots; others select and poll
//! sets that hold them. They may be told that one is closed, in the middle or before, or what is right, and nothing else:
//! the idle are never ready, and the ready that are still there always.

use crate::support::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

/// Places for sockets: the even ones are idle, the odd ones have something to read.
const PLACES: usize = 120;
/// Every so many places have sockets that are replaced all the time.
const RESTLESS: usize = 4;
const LOOKERS: usize = 3;
const ROUNDS: usize = 1_500;

struct Shared {
    handles: Vec<AtomicI64>,
    looks: AtomicUsize,
    over: AtomicBool,
}

/// Has all others end if its thread fails, whose looks they would wait for in vain.
struct Involved<'a>(&'a Shared);

impl Drop for Involved<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.over.store(true, Ordering::SeqCst);
        }
    }
}

fn is_ready(place: usize) -> bool {
    place % 2 == 1
}

/// Of these kinds in turn, one that is ready to read or not, and its peer.
fn member(place: usize, round: usize) -> (Own, Own) {
    let (one, other) = pair(["unix", "tcp4", "unixgram", "unixpacket"][(place + round) % 4]);
    if is_ready(place) {
        assert_eq!(write(*other, b"data"), 4);
        until("that data arrives", || {
            recv(*one, &mut [0; 1], ANYSOCK_FLAG_PEEK | ANYSOCK_FLAG_DONT_WAIT) > 0
        });
    }
    (one, other)
}

pub fn closing_and_looking() {
    let mut sockets: Vec<_> = (0..PLACES).map(|place| member(place, 0)).collect();
    let handles = sockets.iter().map(|(one, _)| AtomicI64::new(**one)).collect();
    let shared = Shared { handles, looks: AtomicUsize::new(0), over: AtomicBool::new(false) };
    let shared = Arc::new(shared);
    let lookers: Vec<_> = (0..LOOKERS)
        .map(|which| {
            let shared = Arc::clone(&shared);
            Call::start(move || look_often(&shared, which))
        })
        .collect();
    let watcher = Arc::clone(&shared);
    let poller = Call::start(move || poll_often(&watcher));
    replace_often(&shared, &mut sockets);
    for looker in lookers {
        let (right, closed) = looker.result();
        println!("    select: {right} times right, {closed} times closed");
        assert!(right > ROUNDS / 20, "{right} answers, {closed} errors");
    }
    shared.over.store(true, Ordering::SeqCst);
    poller.result();
}

/// Closes and opens, as often as the others have looked a few times.
fn replace_often(shared: &Shared, sockets: &mut [(Own, Own)]) {
    let mut random = Random(77);
    for round in 0.. {
        let before = shared.looks.load(Ordering::SeqCst);
        let until = (before + random.below(20)).min(LOOKERS * ROUNDS);
        let is_over = || before == LOOKERS * ROUNDS || shared.over.load(Ordering::SeqCst);
        while !is_over() && shared.looks.load(Ordering::SeqCst) < until {
            std::thread::yield_now();
        }
        if is_over() {
            return;
        }
        let place = random.below(PLACES / RESTLESS) * RESTLESS + random.below(2);
        // Nobody shall see it without its peer, and the next one has its descriptor. Who starts to look now goes without.
        shared.handles[place].store(0, Ordering::SeqCst);
        expect(anysock_close(*sockets[place].0));
        let new = member(place, round);
        shared.handles[place].store(*new.0, Ordering::SeqCst);
        let (old, _its_peer) = std::mem::replace(&mut sockets[place], new);
        std::mem::forget(old);
    }
}

/// Selects all of them for reading; how often the answer was right, and how often that something is closed.
fn look_often(shared: &Shared, which: usize) -> (usize, usize) {
    let _involved = Involved(shared);
    let mut random = Random(which as u64 + 5);
    let (mut right, mut closed) = (0, 0);
    for _ in 0..ROUNDS {
        let asked: Vec<_> = shared.handles.iter().map(|handle| handle.load(Ordering::SeqCst)).collect();
        // With something ready or without, and there waiting a little.
        let only_idle = random.below(3) == 0;
        let members = |place: &usize| asked[*place] != 0 && !(only_idle && is_ready(*place));
        let set: Vec<_> = (0..PLACES).filter(members).map(|place| asked[place]).collect();
        let timeout = if only_idle { random.below(300) as i64 } else { -1 };
        let mut sets = [set.clone(), vec![], vec![]];
        match select(&mut sets, timeout) {
            0.. => {
                check(&asked, &sets[0], only_idle);
                right += 1;
            }
            code => {
                assert!(["ECANCELED", "EBADF"].contains(&&*name(code)), "{}", name(code));
                assert_eq!(sets[0], set, "the sets of a select that has failed");
                closed += 1;
            }
        }
        shared.looks.fetch_add(1, Ordering::SeqCst);
    }
    (right, closed)
}

/// None that is idle, and all that were ready all the time.
fn check(asked: &[i64], told: &[i64], only_idle: bool) {
    let mut told = told.iter();
    let mut next = told.next();
    for (place, handle) in asked.iter().enumerate() {
        let is_told = next == Some(handle);
        if is_told {
            next = told.next();
        }
        if !is_ready(place) || only_idle {
            assert!(!is_told, "place {place}: an idle socket is ready");
        } else if !is_told && *handle != 0 {
            // It is the same one still: then nobody has closed it.
            let now = anysock_fd(*handle);
            assert!(now < 0, "place {place}: a ready socket is not");
        }
    }
    assert_eq!(next, None, "one that was not asked for, or in another order");
}

/// Keeps a poller in step with all of them: what it reports is ready, or closed by now.
fn poll_often(shared: &Shared) {
    let _involved = Involved(shared);
    let poller = poller();
    let mut known = vec![0; PLACES];
    while !shared.over.load(Ordering::SeqCst) {
        for (place, handle) in shared.handles.iter().enumerate() {
            let handle = handle.load(Ordering::SeqCst);
            if known[place] != handle && handle != 0 {
                known[place] = handle;
                let code = anysock_poller_set(*poller, handle, ANYSOCK_EVENT_READ, place as i64);
                assert!(code == 0 || ["EBADF", "ECANCELED"].contains(&&*name(code)), "{}", name(code));
            }
        }
        match poller_wait(*poller, 2 * PLACES, -1) {
            Ok(events) => {
                for event in events {
                    let place = event.token as usize;
                    assert_eq!(event.handle, known[place], "an event of one that is no more");
                    assert!(is_ready(place), "place {place}: an idle socket is reported");
                }
            }
            Err(code) => expect_error(code, "ECANCELED"),
        }
    }
}
