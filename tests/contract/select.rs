//! select: how it takes its sets and what it leaves in them, how long it waits, and what it refuses; and that all of
//! it is the same in a crowd, of which select may keep what it learned. Not here: what ready means (`readiness`), and closes during the wait (`close`).

use crate::own::*;
use crate::support::*;
use std::ptr::{null, null_mut};
use std::time::{Duration, Instant};

const R: i32 = ANYSOCK_EVENT_READ;
const W: i32 = ANYSOCK_EVENT_WRITE;
const X: i32 = ANYSOCK_EVENT_EXCEPT;

/// Sockets that are always ready to write, and never to read.
fn writable_sockets(count: usize) -> Vec<Own> {
    (0..count).map(|_| open("udp4")).collect()
}

fn numbers(sockets: &[Own]) -> Vec<i64> {
    sockets.iter().map(|socket| **socket).collect()
}

/// A set over an array, as the caller describes it.
fn set_of(handles: &mut [i64]) -> anysock_handles {
    anysock_handles { count: handles.len() as i64, handles: handles.as_mut_ptr() }
}

/// The call itself.
fn raw(sets: [*mut anysock_handles; 3], timeout_us: i64) -> i64 {
    let [readable, writable, exceptional] = sets;
    // SAFETY: the tests give sets that live through the call, or faulty ones that it must refuse unseen.
    unsafe { anysock_select(readable, writable, exceptional, timeout_us) }
}

// What is left in the sets.

#[test]
fn the_ready_ones_stay_in_their_order() {
    let (idle, ready) = (writable_sockets(4), [pair("unix"), pair("unix"), pair("unix")]);
    for (_, other) in &ready {
        assert_eq!(write(**other, b"data"), 4);
    }
    let [a, b, c] = ready.each_ref().map(|(one, _)| **one);
    let idle = numbers(&idle);
    for order in [[c, a, b], [a, b, c], [b, c, a]] {
        let [first, second, third] = order;
        let asked = vec![idle[3], first, idle[0], idle[1], second, third, idle[2]];
        let mut sets = [asked.clone(), asked, vec![]];
        assert_eq!(select(&mut sets, LONG_US), 10);
        assert_eq!(sets[0], order);
        assert_eq!(sets[1], [idle[3], first, idle[0], idle[1], second, third, idle[2]]);
    }
}

#[test]
fn a_handle_that_stands_there_twice_counts_once() {
    let (one, other) = pair("unix");
    assert_eq!(write(*other, b"data"), 4);
    let (a, b) = (*one, *other);
    let mut sets = [vec![a, b, a, a, b], vec![b, a, b, a], vec![a, a]];
    assert_eq!(select(&mut sets, 0), 3);
    assert_eq!(sets, [vec![a], vec![b, a], vec![]]);
}

#[test]
fn one_handle_may_be_in_all_three_sets() {
    let (one, other) = pair("tcp");
    assert_eq!(write(*other, b"data"), 4);
    assert_eq!(send(*other, b"!", ANYSOCK_FLAG_OOB), 1);
    until("urgent data", || select_one(*one, X, 0) == X);
    let mut sets = [vec![*one], vec![*one], vec![*one]];
    assert_eq!(select(&mut sets, 0), 3);
    assert_eq!(sets, [vec![*one], vec![*one], vec![*one]]);
}

#[test]
fn only_the_counts_and_the_ready_part_of_the_arrays_are_written() {
    let sockets = writable_sockets(3);
    let (idle, _other) = connected("udp4");
    let mut array = [*idle, *sockets[0], *sockets[1], -77];
    let place = array.as_mut_ptr();
    let mut set = set_of(&mut array[..3]);
    let mut untouched = anysock_handles { count: 0, handles: place };
    let code = raw([&mut untouched, null_mut(), null_mut()], 0);
    assert_eq!((code, untouched.count, untouched.handles), (0, 0, place));
    assert_eq!(raw([null_mut(), &mut set, null_mut()], 0), 3);
    assert_eq!((set.count, set.handles), (3, place));
    assert_eq!(array, [*idle, *sockets[0], *sockets[1], -77]);
}

#[test]
fn a_timeout_empties_the_sets() {
    let (one, other) = pair("unix");
    let mut sets = [vec![*one, *other], vec![], vec![*one]];
    assert_eq!(select(&mut sets, 1), 0);
    assert_eq!(sets, [vec![], vec![], vec![]]);
}

#[test]
fn two_hundred_handles() {
    many_handles(200);
}

#[test]
fn five_thousand_handles() {
    many_handles(5_000);
}

fn many_handles(count: usize) {
    let sockets = (0..count).map(|_| open("udp4")).collect::<Vec<_>>();
    let mut mixed = numbers(&sockets);
    let mut random = Random(3);
    for place in (1..mixed.len()).rev() {
        mixed.swap(place, random.below(place + 1));
    }
    let mut sets = [mixed.clone(), mixed.clone(), mixed.clone()];
    assert_eq!(select(&mut sets, LONG_US) as usize, count);
    assert_eq!(sets, [vec![], mixed.clone(), vec![]]);

    // One of them gets something to read while the select waits.
    let receiver = bound("udp4");
    let address = local_address(*receiver);
    mixed.insert(count / 2, *receiver);
    let asked = mixed.clone();
    let waiting = Call::blocked(move || {
        let mut sets = [asked.clone(), vec![], asked];
        (select(&mut sets, LONG_US), sets)
    });
    assert_eq!(send_to(mixed[17], b"data", 0, &address), 4);
    assert_eq!(waiting.result(), (1, [vec![*receiver], vec![], vec![]]));

    // The same again and again.
    let all = [mixed.clone(), vec![], mixed];
    for _ in 0..2 * AGAIN {
        let mut sets = all.clone();
        assert_eq!((select(&mut sets, LONG_US), sets), (1, [vec![*receiver], vec![], vec![]]));
    }
    assert_eq!(recv_from(*receiver, &mut [0; 16], 0), 4);
    let mut sets = all;
    assert_eq!((select(&mut sets, 0), sets), (0, [vec![], vec![], vec![]]));
}

// Empty sets and time.

#[test]
fn sets_may_be_null_or_empty() {
    let socket = open("udp4");
    let mut array = [*socket];
    let mut set = set_of(&mut array);
    let mut nothing = anysock_handles { count: 0, handles: null_mut() };
    assert_eq!(raw([null_mut(), &mut set, null_mut()], LONG_US), 1);
    assert_eq!(raw([&mut nothing, &mut set, null_mut()], LONG_US), 1);
    assert_eq!(raw([null_mut(); 3], 0), 0);
    assert_eq!(raw([&mut nothing, null_mut(), null_mut()], 0), 0);
    assert_eq!(nothing.count, 0);
}

#[test]
fn with_all_sets_empty_it_sleeps() {
    for micros in [1, 300, 1_000, 30_000] {
        let start = Instant::now();
        assert_eq!(raw([null_mut(); 3], micros), 0);
        assert!(start.elapsed() >= Duration::from_micros(micros as u64), "{micros}");
    }
}

#[test]
fn a_timeout_is_kept() {
    let (idle, _other) = pair("unix");
    let fresh = open("tcp4");
    for micros in [1, 300, 1_000, 30_000] {
        let start = Instant::now();
        assert_eq!(select(&mut [vec![*idle, *fresh], vec![*fresh], vec![*idle]], micros), 0);
        assert!(start.elapsed() >= Duration::from_micros(micros as u64), "{micros}");
    }
}

/// Setting an option has those look again who wait, and nothing is ready for that.
#[test]
fn who_is_woken_without_a_reason_goes_on_waiting_until_its_time_is_over() {
    let (one, _other) = pair("tcp4");
    let handle = *one;
    let waiting = Call::blocked(move || select_one(handle, R | X, 500 * ANYSOCK_MILLISECOND));
    for on in [1, 0, 1, 0] {
        expect(set(handle, "oob_inline", on));
    }
    assert_eq!(waiting.result(), 0);
}

#[test]
fn zero_does_not_wait_and_minus_one_waits_for_ever() {
    let (one, other) = pair("unix");
    let handle = *one;
    assert_eq!(select_one(handle, R, 0), 0);
    for timeout in [-1, i64::MAX] {
        let waiting = Call::blocked(move || select_one(handle, R | X, timeout));
        assert_eq!(write(*other, b"data"), 4);
        assert_eq!(waiting.result(), R, "{timeout}");
        assert_eq!(read(handle, &mut [0; 16]), 4);
    }
    // What is ready already is told whatever the timeout.
    for timeout in [0, 1, -1, i64::MAX] {
        assert_eq!(select_one(handle, W, timeout), W, "{timeout}");
    }
}

// What is refused, and leaves the sets as they were.

#[track_caller]
fn expect_refused(mut sets: [Vec<i64>; 3], timeout_us: i64, error: &str) {
    let before = sets.clone();
    expect_error(select(&mut sets, timeout_us), error);
    assert_eq!(sets, before, "the sets of a select that was refused");
}

#[test]
fn other_negative_timeouts() {
    let socket = open("udp4");
    for timeout in [-2, -1_000_000, i64::MIN] {
        expect_refused([vec![], vec![*socket], vec![]], timeout, "EINVAL");
        expect_refused([vec![], vec![], vec![]], timeout, "EINVAL");
    }
}

#[test]
fn numbers_that_are_no_handle() {
    let sockets = writable_sockets(2);
    let closed = *open("udp4");
    for bad in [0, -1, closed, i64::MAX] {
        let [a, b] = [*sockets[0], *sockets[1]];
        expect_refused([vec![bad], vec![], vec![]], -1, "EBADF");
        expect_refused([vec![], vec![a, bad, b], vec![]], 0, "EBADF");
        expect_refused([vec![a, b], vec![b, a], vec![a, b, bad]], 0, "EBADF");
    }
}

#[test]
fn pollers() {
    let (socket, poller) = (open("udp4"), poller());
    expect_refused([vec![*poller], vec![], vec![]], -1, "EOPNOTSUPP");
    expect_refused([vec![], vec![*socket], vec![*socket, *poller]], 0, "EOPNOTSUPP");
}

#[test]
fn a_close_during_the_wait_leaves_the_sets_too() {
    let (one, other) = pair("unix");
    let before = [vec![*one, *other, *one], vec![], vec![*other]];
    let mut sets = before.clone();
    let waiting = Call::blocked(move || (name(select(&mut sets, -1)), sets));
    expect(anysock_close(*other));
    assert_eq!(waiting.result(), ("ECANCELED".to_owned(), before));
}

#[test]
fn counts_and_arrays_that_make_no_sense() {
    let socket = open("udp4");
    let mut array = [*socket; 4];
    let odd = array.as_mut_ptr().cast::<u8>().wrapping_add(align_of::<i64>() / 2).cast::<i64>();
    let cases = [
        (-1, array.as_mut_ptr(), "EINVAL"),
        (i64::MIN, array.as_mut_ptr(), "EINVAL"),
        (i64::MAX, array.as_mut_ptr(), "EINVAL"),
        (i64::MAX / 8 + 1, array.as_mut_ptr(), "EINVAL"),
        (-1, null_mut(), "EINVAL"),
        (1, null_mut(), "EFAULT"),
        (1_000_000, null_mut(), "EFAULT"),
        (1, odd, "EINVAL"),
        (3, odd, "EINVAL"),
    ];
    for (count, handles, error) in cases {
        for place in 0..3 {
            let mut set = anysock_handles { count, handles };
            let mut sets = [null_mut(); 3];
            sets[place] = &raw mut set;
            expect_error(raw(sets, 0), error);
            assert_eq!((set.count, set.handles), (count, handles));
        }
    }
    assert_eq!(array, [*socket; 4]);
}

#[test]
fn a_set_itself_may_lie_anywhere() {
    let socket = open("udp4");
    let mut array = [*socket];
    let mut memory = [0_u8; 64];
    let place = memory.as_mut_ptr().wrapping_add(3).cast::<anysock_handles>();
    // SAFETY: the memory is large enough, and the write says that it is unaligned.
    unsafe { place.write_unaligned(set_of(&mut array)) };
    assert_eq!(raw([null_mut(), place, null_mut()], 0), 1);
    // SAFETY: as above.
    let set = unsafe { place.read_unaligned() };
    assert_eq!((set.count, array), (1, [*socket]));
}

#[test]
fn two_sets_over_one_array() {
    let sockets = writable_sockets(6);
    let mut array = numbers(&sockets);
    let before = array.clone();
    let start = array.as_mut_ptr();
    let part = |from: usize, count: i64| anysock_handles { count, handles: start.wrapping_add(from) };
    // The last addresses of all, and more that there are not.
    let end =
        |count: i64| anysock_handles { count, handles: std::ptr::without_provenance_mut(usize::MAX - 63) };
    let overlapping = [
        [end(16), end(1)],
        [part(0, 6), part(0, 6)],
        [part(0, 4), part(3, 3)],
        [part(3, 3), part(0, 4)],
        [part(0, 6), part(2, 1)],
        [part(5, 1), part(0, 6)],
    ];
    for [mut one, mut other] in overlapping {
        let (one, other) = (&raw mut one, &raw mut other);
        for sets in [[one, other, null_mut()], [one, null_mut(), other], [null_mut(), one, other]] {
            expect_error(raw(sets, 0), "EINVAL");
        }
        expect_error(raw([one, one, null_mut()], 0), "EINVAL");
    }
    assert_eq!(array, before);
    // Side by side is no overlap, and an empty set has no array.
    let (mut first, mut second, mut empty) = (part(0, 3), part(3, 3), part(1, 0));
    assert_eq!(raw([&mut empty, &mut first, &mut second], 0), 3);
    assert_eq!((empty.count, first.count, second.count), (0, 3, 0));
}

// What the kernel reports unasked.

#[test]
fn a_hang_up_that_nobody_asked_for_hides_no_other_event() {
    let (one, other) = pair("unix");
    expect(anysock_close(*other));
    let (idle, writer) = pair("unix");
    let (over, handle) = (*one, *idle);
    let waiting = Call::blocked(move || {
        let mut sets = [vec![handle], vec![], vec![over, handle]];
        (select(&mut sets, LONG_US), sets)
    });
    assert_eq!(write(*writer, b"data"), 4);
    assert_eq!(waiting.result(), (1, [vec![handle], vec![], vec![]]));
}

// The same in a crowd.

/// Has a crowd come again and again with these sets in it; what is left of them each time.
#[track_caller]
fn again_and_again(sets: &[Vec<i64>; 3]) -> [Vec<i64>; 3] {
    let mut first = in_crowd(sets);
    expect(select(&mut first, 0));
    for round in 1..AGAIN {
        let mut left = in_crowd(sets);
        assert_eq!(select(&mut left, 0) as usize, left.iter().map(Vec::len).sum::<usize>());
        assert_eq!(left, first, "round {round}");
    }
    first
}

/// A call that must fail and leave its sets.
#[track_caller]
fn expect_refused_in_crowd(sets: &[Vec<i64>; 3], timeout_us: i64, error: &str) {
    expect_refused(in_crowd(sets), timeout_us, error);
}

/// Waits in a crowd that is known already, in a thread of its own: the result and what is left of the sets.
fn wait_in_crowd(sets: [Vec<i64>; 3], timeout_us: i64) -> Call<(i64, [Vec<i64>; 3])> {
    let mut left = in_crowd(&sets);
    let first = move || drop(again_and_again(&sets));
    Call::blocked_after(first, move || (select(&mut left, timeout_us), left))
}

#[test]
fn a_crowd_keeps_its_order() {
    let ready = [pair("unix"), pair("unix"), pair("unix")];
    for (_, other) in &ready {
        assert_eq!(write(**other, b"data"), 4);
    }
    let [a, b, c] = ready.each_ref().map(|(one, _)| **one);
    for order in [[c, a, b], [a, b, c], [b, c, a]] {
        let sets = [order.to_vec(), order[..2].to_vec(), order.to_vec()];
        assert_eq!(again_and_again(&sets), [order.to_vec(), order[..2].to_vec(), vec![]]);
    }
    // However the rest of it lies about.
    let mut random = Random(11);
    let mut mixed = [&[a, b, c], idlers()].concat();
    for _ in 0..AGAIN {
        for place in (1..mixed.len()).rev() {
            mixed.swap(place, random.below(place + 1));
        }
        let left: Vec<_> = mixed.iter().copied().filter(|handle| [a, b, c].contains(handle)).collect();
        let mut sets = [mixed.clone(), vec![], vec![]];
        assert_eq!(select(&mut sets, LONG_US), 3);
        assert_eq!(sets, [left, vec![], vec![]]);
    }
}

#[test]
fn a_crowd_counts_a_handle_once_in_each_set() {
    let (one, other) = pair("tcp");
    assert_eq!(write(*other, b"data"), 4);
    assert_eq!(send(*other, b"!", ANYSOCK_FLAG_OOB), 1);
    until("urgent data", || select_one(*one, X, 0) == X);
    let (a, b) = (*one, *other);
    let sets = [vec![a, b, a, a, b], vec![b, a, b, a], vec![a, a]];
    assert_eq!(again_and_again(&sets), [vec![a], vec![b, a], vec![a]]);
    // Asked for something else, it is told that and no more.
    assert_eq!(again_and_again(&[vec![], vec![a], vec![]]), [vec![], vec![a], vec![]]);
    assert_eq!(again_and_again(&[vec![], vec![], vec![a]]), [vec![], vec![], vec![a]]);
    assert_eq!(again_and_again(&[vec![b], vec![], vec![b]]), [vec![], vec![], vec![]]);
}

#[test]
fn only_the_counts_and_the_ready_part_of_a_crowd_are_written() {
    let (one, other) = pair("unix");
    assert_eq!(write(*other, b"data"), 4);
    for _ in 0..AGAIN {
        let mut array = idlers().to_vec();
        array.extend([*one, -77]);
        let place = array.as_mut_ptr();
        let members = array.len() - 1;
        let mut set = set_of(&mut array[..members]);
        assert_eq!(raw([&mut set, null_mut(), null_mut()], 0), 1);
        assert_eq!((set.count, set.handles, array[0], array[members]), (1, place, *one, -77));
    }
}

#[test]
fn a_timeout_empties_a_crowd_and_is_kept() {
    let (one, other) = pair("unix");
    let sets = [vec![*one, *other], vec![], vec![*one]];
    assert_eq!(again_and_again(&sets), [vec![], vec![], vec![]]);
    for micros in [1, 300, 1_000, 30_000] {
        let mut sets = in_crowd(&sets);
        let start = Instant::now();
        assert_eq!(select(&mut sets, micros), 0);
        assert!(start.elapsed() >= Duration::from_micros(micros as u64), "{micros}");
        assert_eq!(sets, [vec![], vec![], vec![]]);
    }
    for timeout in [-1, i64::MAX] {
        let handle = *one;
        let waiting = wait_in_crowd([vec![handle], vec![], vec![handle]], timeout);
        assert_eq!(write(*other, b"data"), 4);
        assert_eq!(waiting.result(), (1, [vec![handle], vec![], vec![]]), "{timeout}");
        assert_eq!(read(handle, &mut [0; 16]), 4);
    }
}

#[test]
fn a_crowd_refuses_what_every_set_refuses() {
    let (one, other) = pair("unix");
    assert_eq!(write(*other, b"data"), 4);
    let poller = poller();
    again_and_again(&[vec![*one], vec![], vec![]]);
    for timeout in [-2, i64::MIN] {
        expect_refused_in_crowd(&[vec![*one], vec![], vec![]], timeout, "EINVAL");
    }
    for bad in [0, -1, i64::MAX] {
        expect_refused_in_crowd(&[vec![*one], vec![], vec![bad]], -1, "EBADF");
    }
    expect_refused_in_crowd(&[vec![*one], vec![*poller], vec![]], 0, "EOPNOTSUPP");
    assert_eq!(again_and_again(&[vec![*one], vec![], vec![]]), [vec![*one], vec![], vec![]]);
}

/// Nothing in the caller's arrays tells of a close between two calls, nor of another socket in the same place.
#[test]
fn a_crowd_notices_who_was_closed_between_two_calls() {
    for kind in here(&["tcp", "unix", "unixgram", "udp"]) {
        let (one, other) = connected(kind);
        let (gone, _its_peer) = connected(kind);
        assert_eq!(write(*other, b"data"), 4);
        let sets = [vec![*one, *gone], vec![], vec![*gone]];
        again_and_again(&sets);
        let closed = *gone;
        drop(gone);
        // They have the descriptor and the slot, and something to read.
        let (next, its_peer) = connected(kind);
        assert_eq!(write(*its_peer, b"data"), 4);
        for timeout in [0, -1] {
            expect_refused_in_crowd(&sets, timeout, "EBADF");
        }
        assert_eq!(again_and_again(&[vec![*one], vec![], vec![]]), [vec![*one], vec![], vec![]], "{kind}");
        assert_eq!(again_and_again(&[vec![*next], vec![], vec![]]), [vec![*next], vec![], vec![]], "{kind}");
        expect_refused_in_crowd(&[vec![*one, closed], vec![], vec![]], 0, "EBADF");
    }
}

/// Nobody's members are left over for the next call, which has none.
#[test]
fn empty_sets_are_empty_whatever_came_before() {
    let (small, other) = pair("unix");
    assert_eq!(write(*other, b"data"), 4);
    for is_closed in [false, true] {
        let gone = open("tcp4");
        let sets = [vec![*gone], vec![], vec![]];
        // A crowd that has not come often yet.
        for _ in 0..2 {
            assert_eq!(select(&mut in_crowd(&sets), 0), 0);
        }
        assert_eq!(select_one(*small, R, 0), R);
        drop(gone);
        expect_refused_in_crowd(&sets, 0, "EBADF");
        if is_closed {
            expect(anysock_close(*small));
        }
        let start = Instant::now();
        assert_eq!(select(&mut [vec![], vec![], vec![]], 20_000), 0);
        assert!(start.elapsed() >= Duration::from_millis(20));
    }
}

#[test]
fn a_close_during_the_wait_leaves_a_crowd_too() {
    let (one, _other) = pair("unix");
    for kind in here(&["tcp", "unix", "unixgram"]) {
        let (own, _its_peer) = pair(kind);
        let gone = *own;
        let sets = [vec![*one, gone, *one], vec![], vec![gone]];
        let waiting = wait_in_crowd(sets.clone(), -1);
        expect(anysock_close(gone));
        let (code, left) = waiting.result();
        expect_error(code, "ECANCELED");
        assert_eq!(left, in_crowd(&sets));
    }
}

/// A descriptor that was given away lives on, but not for those who watched its handle.
#[test]
fn a_crowd_forgets_what_is_released_and_takes_it_again() {
    let (one, other) = pair("unix");
    let sets = [vec![*one], vec![], vec![]];
    again_and_again(&sets);
    let fd = expect(anysock_release(*one));
    assert_eq!(write(*other, b"data"), 4);
    expect_refused_in_crowd(&sets, 0, "EBADF");
    assert_eq!(again_and_again(&[vec![*other], vec![], vec![]]), [vec![], vec![], vec![]]);
    let again = own(expect(anysock_adopt(fd)));
    assert_eq!(again_and_again(&[vec![*again], vec![], vec![]]), [vec![*again], vec![], vec![]]);
}

#[test]
fn crowds_that_take_turns_stay_apart() {
    let (one, other) = pair("unix");
    let (third, fourth) = pair("unix");
    assert_eq!(write(*other, b"data"), 4);
    let mine = [vec![*one, *third], vec![], vec![]];
    let theirs = [vec![], vec![*third], vec![*one]];
    again_and_again(&mine);
    for round in 0..3 * AGAIN {
        let mut left = in_crowd(&mine);
        assert_eq!((select(&mut left, LONG_US), left), (1, [vec![*one], vec![], vec![]]), "{round}");
        let mut left = in_crowd(&theirs);
        assert_eq!((select(&mut left, LONG_US), left), (1, [vec![], vec![*third], vec![]]), "{round}");
        // A small one in between.
        assert_eq!(select_one(*fourth, R | W, 0), W);
    }
}

#[test]
fn threads_have_the_same_crowd_each_for_itself() {
    let (one, other) = pair("unix");
    let sets = [vec![*one], vec![], vec![*one]];
    let waiting: Vec<_> = (0..4).map(|_| wait_in_crowd(sets.clone(), LONG_US)).collect();
    assert_eq!(write(*other, b"data"), 4);
    for call in waiting {
        assert_eq!(call.result(), (1, [vec![*one], vec![], vec![]]));
    }
}

/// Two handles for one socket: closing one does not silence the other, nor does the other speak for it.
#[test]
fn a_crowd_tells_two_handles_of_one_socket_apart() {
    let (one, other) = pair("unix");
    let twin = own(expect(anysock_adopt(copied(expect(anysock_fd(*one))))));
    assert_eq!(again_and_again(&[vec![*one, *twin], vec![], vec![]]), [vec![], vec![], vec![]]);
    assert_eq!(write(*other, b"data"), 4);
    assert_eq!(again_and_again(&[vec![*one, *twin], vec![], vec![]]), [vec![*one, *twin], vec![], vec![]]);
    let sets = [vec![*twin], vec![], vec![]];
    drop(one);
    assert_eq!(again_and_again(&sets), sets);
    assert_eq!(again_and_again(&[vec![], vec![], vec![*twin]]), [vec![], vec![], vec![]]);
}

// Asking a set.

#[test]
fn a_set_says_what_is_in_it() {
    let sockets = writable_sockets(3);
    let mut array = numbers(&sockets[..2]);
    let set = set_of(&mut array);
    let has = |set: *const anysock_handles, h: i64| {
        // SAFETY: as for `raw`.
        unsafe { anysock_handles_has(set, h) }
    };
    assert_eq!(has(&set, *sockets[0]), 1);
    assert_eq!(has(&set, *sockets[1]), 1);
    assert_eq!(has(&set, *sockets[2]), 0);
    // It is asked for a number, not for a handle.
    assert_eq!(has(&set, 0), 0);
    assert_eq!(has(&set, -1), 0);
    assert_eq!(has(null(), *sockets[0]), 0);
    assert_eq!(has(&anysock_handles { count: 0, handles: null_mut() }, *sockets[0]), 0);
    expect_error(has(&anysock_handles { count: 1, handles: null_mut() }, *sockets[0]), "EFAULT");
    expect_error(has(&anysock_handles { count: -1, handles: set.handles }, *sockets[0]), "EINVAL");
    // Only as much of the array as counts.
    assert_eq!(has(&anysock_handles { count: 1, handles: set.handles }, *sockets[1]), 0);
}

/// Linux reports hang-ups unasked, and tells the processor time of a thread.
#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    #[test]
    fn a_hang_up_that_nobody_asked_for_costs_nothing() {
        const SPAN: Duration = Duration::from_millis(400);
        let over = |kind| {
            let (one, other) = connected(kind);
            expect(set(*other, "linger", 0));
            expect(anysock_close(*other));
            until("the hang-up", || select_one(*one, R, 0) == R);
            one
        };
        let refused = open("udp4");
        expect(connect(*refused, &local_address(*bound("udp4"))));
        assert_eq!(write(*refused, b"anybody?"), 8);
        assert_eq!(select_one(*refused, R, LONG_US), R);
        for socket in [over("unix"), over("unixpacket"), over("tcp4"), over("tcp6"), refused] {
            let handle = *socket;
            let waiting = Call::start(move || {
                let ready = select_one(handle, X, SPAN.as_micros() as i64);
                (ready, thread_time())
            });
            let (ready, used) = waiting.result();
            assert_eq!(ready, 0);
            assert!(used < SPAN / 4, "{used:?} of {SPAN:?}");
            // And it is not forgotten.
            assert_eq!(select_one(*socket, R | X, LONG_US), R);
        }
    }

    #[test]
    fn a_hang_up_that_nobody_asked_for_costs_nothing_in_a_crowd() {
        const SPAN: Duration = Duration::from_millis(400);
        let (one, other) = pair("unix");
        expect(anysock_close(*other));
        let handle = *one;
        let waiting = Call::start(move || {
            let sets = [vec![], vec![], vec![handle]];
            again_and_again(&sets);
            let before = thread_time();
            let ready = select(&mut in_crowd(&sets), SPAN.as_micros() as i64);
            (ready, thread_time() - before)
        });
        let (ready, used) = waiting.result();
        assert_eq!(ready, 0);
        assert!(used < SPAN / 4, "{used:?} of {SPAN:?}");
        // It hides no other event, and is not forgotten.
        let (idle, writer) = pair("unix");
        let waiting = wait_in_crowd([vec![*idle], vec![], vec![handle, *idle]], LONG_US);
        assert_eq!(write(*writer, b"data"), 4);
        assert_eq!(waiting.result(), (1, [vec![*idle], vec![], vec![]]));
        assert_eq!(again_and_again(&[vec![handle], vec![], vec![handle]]), [vec![handle], vec![], vec![]]);
    }
}

#[cfg(target_os = "linux")]
mod signals {
    use super::*;

    #[test]
    fn neither_end_nor_stretch_a_wait() {
        let (one, other) = pair("unix");
        let handle = *one;
        for restart in [false, true] {
            let waiting = Call::blocked_for_signals(restart, move || {
                let start = Instant::now();
                (select_one(handle, R, 200 * ANYSOCK_MILLISECOND), start.elapsed())
            });
            let (ready, elapsed) = waiting.result_under_signals();
            assert_eq!(ready, 0);
            assert!(elapsed >= Duration::from_millis(200), "{elapsed:?}");
            let waiting = Call::blocked_for_signals(restart, move || select_one(handle, R, -1));
            for _ in 0..20 {
                waiting.signal();
            }
            waiting.until_blocked();
            assert_eq!(write(*other, b"data"), 4);
            assert_eq!(waiting.result(), R);
            assert_eq!(read(handle, &mut [0; 16]), 4);
        }
    }

    #[test]
    fn end_a_wait_that_shall_be_interruptible() {
        let (one, other) = pair("unix");
        expect(set(*other, "interruptible", 1));
        let handles = vec![*one, *other];
        for restart in [false, true] {
            let asked = handles.clone();
            let waiting =
                Call::blocked_for_signals(restart, move || select(&mut [asked, vec![], vec![]], -1));
            waiting.signal();
            expect_error(waiting.result(), "EINTR");
        }
    }

    #[test]
    fn end_the_wait_of_a_crowd_only_if_one_of_it_is_interruptible() {
        let (one, other) = pair("unix");
        let handle = *one;
        let crowd = move |timeout| {
            move || {
                again_and_again(&[vec![handle], vec![], vec![]]);
                let start = Instant::now();
                (select(&mut in_crowd(&[vec![handle], vec![], vec![]]), timeout), start.elapsed())
            }
        };
        for restart in [false, true] {
            let waiting = Call::blocked_for_signals(restart, crowd(200 * ANYSOCK_MILLISECOND));
            let (ready, elapsed) = waiting.result_under_signals();
            assert_eq!(ready, 0);
            assert!(elapsed >= Duration::from_millis(200), "{elapsed:?}");
            expect(set(handle, "interruptible", 1));
            let waiting = Call::blocked_for_signals(restart, crowd(-1));
            waiting.signal();
            expect_error(waiting.result().0, "EINTR");
            // Also one that becomes so when the crowd is known.
            expect(set(handle, "interruptible", 0));
            assert_eq!(write(*other, b"data"), 4);
            assert_eq!(again_and_again(&[vec![handle], vec![], vec![]]), [vec![handle], vec![], vec![]]);
            assert_eq!(read(handle, &mut [0; 16]), 4);
        }
    }
}
