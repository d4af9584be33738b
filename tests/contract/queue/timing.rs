//! Timers, timeouts, wakes and cancels.

use super::kit::*;
use crate::support::*;
use std::time::{Duration, Instant};

#[test]
fn timers_fire_in_their_order() {
    on_each(|queue| {
        let began = Instant::now();
        let told = queue.wait(&[timer_op(2, 20_000, 0), timer_op(1, 10_000, 0), timer_op(0, 0, 0)], 3);
        assert_eq!(
            told.iter().map(|done| (done.token, done.result)).collect::<Vec<_>>(),
            [(0, 0), (1, 0), (2, 0)]
        );
        assert!(began.elapsed() >= Duration::from_millis(20));
        queue.quiet(&[]);
    });
}

#[test]
fn a_timer_that_goes_on_keeps_its_phase_and_says_once_that_it_was_late() {
    on_each(|queue| {
        const PERIOD: u64 = 200_000;
        let began = Instant::now();
        let passed = || began.elapsed().as_micros() as u64;
        let next = |ops: &[anysock_op]| queue.run_for(ops, 1, LONG_US).unwrap()[0];
        queue.quiet(&[timer_op(1, PERIOD as i64, ANYSOCK_QUEUE_MULTI)]);
        std::thread::sleep(Duration::from_micros(2 * PERIOD));
        // On a busy machine a period may end while it is looked at.
        let periods = loop {
            std::thread::sleep(Duration::from_micros(PERIOD * 3 / 2));
            let before = passed() / PERIOD;
            let late = next(&[]);
            assert_eq!((late.token, late.result, late.flags), (1, 0, ANYSOCK_QUEUE_MORE));
            if before == passed() / PERIOD {
                break before + 1;
            }
        };
        // Between the next and where that would be if it were counted from now.
        let between = timer_op(3, (PERIOD * periods + PERIOD / 4).saturating_sub(passed()) as i64, 0);
        assert_eq!(next(&[between]).token, 1);
        assert!(passed() >= PERIOD * periods, "one that was missed is told as well");
        while next(&[]).token != 3 {}
        let told = queue.run(&[cancel_op(2, 1)]);
        assert!(told.iter().any(|done| (done.token, done.result) == (2, 1)), "{told:?}");
        expect_error(told.last().unwrap().result, "ECANCELED");
        queue.quiet(&[]);
    });
}

#[test]
fn timeouts_of_the_handle_end_operations() {
    on_each(|queue| {
        let (one, other) = narrow("unix");
        expect(set(*one, "read_timeout", 10_000));
        expect(set(*one, "write_timeout", 10_000));
        expect_error(queue.one(&[read_op(1, *one, ANYSOCK_QUEUE_MULTI)]).result, "ETIMEDOUT");
        let large = pattern(1 << 20);
        let done = queue.one(&[write_op(2, *one, &large)]);
        expect_error(done.result, "ETIMEDOUT");
        assert!(done.value > 0 && done.value < 1 << 20);
        let listener = listener("tcp");
        expect(set(*listener, "accept_timeout", 10_000));
        expect_error(queue.one(&[op(ANYSOCK_OP_ACCEPT, 3, *listener)]).result, "ETIMEDOUT");
        drop(other);
    });
}

#[test]
fn what_has_come_in_time_is_not_too_late_for_who_runs_late() {
    on_each(|queue| {
        let (one, other) = pair("unix");
        expect(set(*one, "read_timeout", 100_000));
        queue.quiet(&[read_op(1, *one, 0)]);
        expect(write(*other, b"x"));
        std::thread::sleep(Duration::from_millis(150));
        assert_eq!(queue.one(&[]).result, 1);
    });
}

#[test]
fn with_a_timeout_of_0_an_operation_is_tried_in_its_run() {
    on_each(|queue| {
        let (one, other) = narrow("unix");
        expect(set(*one, "timeout", 0));
        let told = queue.run(&[read_op(1, *one, 0)]);
        assert_eq!(told.len(), 1);
        expect_error(told[0].result, "EAGAIN");
        expect(write(*other, b"x"));
        let told = queue.run(&[read_op(2, *one, 0)]);
        assert_eq!(told.len(), 1);
        assert_eq!(bytes(&told[0]), b"x");
        let large = pattern(1 << 20);
        let told = queue.run(&[write_op(3, *one, &large)]);
        assert_eq!(told.len(), 1);
        expect_error(told[0].result, "EAGAIN");
        assert!(told[0].value > 0);
    });
}

#[test]
fn a_wake_ends_one_wait_and_none_is_lost() {
    on_each(|queue| {
        expect(anysock_queue_wake(*queue.0));
        expect(anysock_queue_wake(*queue.0));
        queue.quiet(&[]);
        assert_eq!(queue.run_for(&[], 4, LONG_US).unwrap().len(), 0);
        assert_eq!(queue.run_for(&[], 4, LONG_US).unwrap().len(), 0);
        assert_eq!(queue.run_for(&[], 4, 1_000).unwrap().len(), 0);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.run_for(&[], 4, LONG_US));
            expect(anysock_queue_wake(*queue.0));
            assert_eq!(waiting.join().unwrap().unwrap().len(), 0);
        });
    });
}

#[test]
fn each_wake_ends_one_of_several_waits() {
    on_each(|queue| {
        std::thread::scope(|scope| {
            let waits: Vec<_> =
                (0..3).map(|_| scope.spawn(|| queue.run_for(&[], 4, LONG_US).unwrap().len())).collect();
            for _ in 0..3 {
                expect(anysock_queue_wake(*queue.0));
            }
            waits.into_iter().for_each(|wait| assert_eq!(wait.join().unwrap(), 0));
        });
    });
}

#[test]
fn a_run_that_waits_sees_what_another_hands_over() {
    on_each(|queue| {
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.run_for(&[], 1, LONG_US).unwrap());
            std::thread::sleep(Duration::from_millis(10));
            let handed_over = Instant::now();
            assert!(queue.run_for(&[timer_op(5, 1_000, 0)], 0, 0).is_ok());
            assert_eq!(waiting.join().unwrap()[0].token, 5);
            assert!(handed_over.elapsed() < LONG / 2, "it has slept until its own time was over");
        });
    });
}

#[test]
fn a_cancel_ends_what_has_the_token() {
    on_each(|queue| {
        let (one, _a) = pair("unix");
        let (two, _b) = pair("unix");
        queue.quiet(&[
            read_op(7, *one, 0),
            read_op(7, *two, ANYSOCK_QUEUE_MULTI),
            read_op(8, *one, 0),
            timer_op(7, LONG_US, 0),
        ]);
        let only = anysock_op { handle: *two, ..cancel_op(1, 7) };
        let told = queue.wait(&[only], 2);
        let of = |token| told.iter().find(|done| done.token == token).unwrap();
        assert_eq!(of(1).result, 1);
        assert_eq!(of(7).handle, *two);
        expect_error(of(7).result, "ECANCELED");
        assert_eq!(queue.wait(&[cancel_op(2, 7)], 3).iter().find(|done| done.token == 2).unwrap().result, 2);
        let all = anysock_op { flags: ANYSOCK_QUEUE_ALL, handle: *one, ..op(ANYSOCK_OP_CANCEL, 3, 0) };
        let told = queue.wait(&[all], 2);
        assert_eq!(told.iter().find(|done| done.token == 3).unwrap().result, 1);
        assert_eq!(queue.one(&[cancel_op(4, 7)]).result, 0);
    });
}

#[test]
fn the_clock_of_a_read_that_waits_for_a_buffer_stands_still() {
    on_each_with(1, 8, |queue| {
        let (one, other) = pair("unix");
        expect(write(*other, b"12345678rest"));
        let held = queue.one(&[read_op(1, *one, 0)]);
        expect(set(*one, "read_timeout", 30_000));
        queue.quiet(&[read_op(2, *one, ANYSOCK_QUEUE_MULTI)]);
        // Far longer than it may wait: nothing but the timer comes.
        assert_eq!(queue.one(&[timer_op(3, 120_000, 0)]).token, 3);
        assert_eq!(bytes(&queue.one(&[give_op(held.buffer)])), b"rest");
        // From now on it waits for the peer.
        let end = queue.one(&[]);
        assert_eq!(end.token, 2);
        expect_error(end.result, "ETIMEDOUT");
    });
}

#[test]
fn a_timer_that_is_due_when_it_is_cancelled_ends_once_in_one_way() {
    on_each(|queue| {
        for micros in [0, 1, 20, 200] {
            for round in 0..50 {
                let (timer, cancel) = (2 * round, 2 * round + 1);
                let apart = round % 2 == 0;
                let mut told = if apart { queue.run(&[timer_op(timer, micros, 0)]) } else { Vec::new() };
                let both = [timer_op(timer, micros, 0), cancel_op(cancel, timer)];
                told.extend(queue.run(&both[usize::from(apart)..]));
                let of = |token| {
                    let mut mine = told.iter().filter(|done| done.token == token);
                    (mine.next().map(|done| done.result), mine.count())
                };
                let (Some(hits), 0) = of(cancel) else { panic!("{told:?}") };
                // A cancel that hits it is the end, and one that comes too late was behind it.
                let end = if hits == 1 { ANYSOCK_ECANCELED } else { 0 };
                assert_eq!((hits <= 1, of(timer)), (true, (Some(end), 0)), "{told:?}");
                assert!(apart || hits == 1);
            }
        }
        queue.quiet(&[]);
    });
}

#[test]
fn a_timeout_is_counted_from_the_submission() {
    on_each(|queue| {
        let (one, _other) = pair("unix");
        expect(set(*one, "read_timeout", 30_000));
        // What is due is told in its order, however late.
        let told = queue.wait(&[timer_op(1, 20_000, 0), read_op(2, *one, 0), timer_op(3, 45_000, 0)], 3);
        assert_eq!(told.iter().map(|done| done.token).collect::<Vec<_>>(), [1, 2, 3]);
        expect_error(told[1].result, "ETIMEDOUT");
    });
}

#[test]
fn a_poll_has_no_timeout() {
    on_each(|queue| {
        let (one, other) = pair("unix");
        expect(set(*one, "timeout", 0));
        let poll = anysock_op { value: 1, ..op(ANYSOCK_OP_POLL, 1, *one) };
        queue.quiet(&[poll]);
        expect(set(*one, "timeout", 1_000));
        assert_eq!(queue.one(&[anysock_op { token: 2, ..poll }, timer_op(3, 20_000, 0)]).token, 3);
        expect(write(*other, b"x"));
        assert_eq!(
            queue.wait(&[], 2).iter().map(|done| (done.token, done.result)).collect::<Vec<_>>(),
            [(1, 1), (2, 1)]
        );
    });
}

/// More than an engine tells at a time where there is room for one event.
const CROWD: usize = 70;

#[test]
fn who_has_something_does_not_time_out_for_want_of_room() {
    on_each(|queue| {
        let pairs: Vec<_> = (0..CROWD).map(|_| pair("unix")).collect();
        let mut ops = Vec::new();
        for (token, (one, other)) in (0..).zip(&pairs) {
            expect(set(**one, "read_timeout", 10_000));
            expect(write(**other, b"x"));
            ops.push(read_op(token, **one, [0, ANYSOCK_QUEUE_MULTI][token as usize % 2]));
        }
        assert!(queue.run_for(&ops, 0, 0).is_ok());
        std::thread::sleep(Duration::from_millis(20));
        let (mut served, mut ended) = (std::collections::HashSet::new(), 0);
        while served.len() < CROWD || ended < CROWD / 2 {
            let done = queue.run_for(&[], 1, LONG_US).unwrap()[0];
            if served.insert(done.token) {
                assert_eq!(done.result, 1, "{}", name(done.result));
            } else {
                // One that goes on ends when nothing more comes.
                expect_error(done.result, "ETIMEDOUT");
                ended += 1;
            }
        }
    });
}

#[test]
fn what_must_not_wait_is_tried_although_there_is_no_room_to_tell_it() {
    on_each(|queue| {
        let pairs: Vec<_> = (0..5).map(|_| pair("unix")).collect();
        let mut ops = Vec::new();
        for (token, (one, other)) in (0..).zip(&pairs) {
            expect(set(**one, "timeout", 0));
            // The last has nothing.
            if token < 4 {
                expect(write(**other, b"x"));
            }
            ops.push(read_op(token, **one, 0));
        }
        assert_eq!(queue.run_for(&ops, 1, 0).unwrap().len(), 1);
        let mut told = queue.wait(&[], 4);
        let last = told.iter().position(|done| done.token == 4).map(|place| told.remove(place)).unwrap();
        expect_error(last.result, "EAGAIN");
        assert!(told.iter().all(|done| done.result == 1), "{told:?}");
    });
}
