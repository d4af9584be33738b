//! Who goes first: of one handle writes go out whole and in the order in which they were handed over, through whichever queue.

use super::kit::*;
use crate::support::*;

/// More than the system takes at once, whatever it was told of buffers.
const BLOCK: usize = if cfg!(windows) { 1_000_000 } else { 300_000 };

#[test]
fn writes_of_two_queues_do_not_mingle() {
    on_each(|queue| {
        let second = Queue::open(0, 0);
        let (one, other) = narrow("tcp");
        let blocks: Vec<_> = (0..12_u8).map(|number| vec![number; BLOCK]).collect();
        for (number, block) in blocks.iter().enumerate() {
            let queue = if number % 3 == 0 { queue } else { &second };
            queue.quiet(&[write_op(number as i64, *one, block)]);
        }
        let expected = blocks.concat();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| drain(*other, expected.len()));
            let runner = scope.spawn(|| second.wait(&[], 8));
            let mut tokens: Vec<_> = queue.wait(&[], 4).iter().map(|done| done.token).collect();
            tokens.extend(runner.join().unwrap().iter().map(|done| done.token));
            assert_eq!(tokens, [0, 3, 6, 9, 1, 2, 4, 5, 7, 8, 10, 11]);
            assert!(reader.join().unwrap() == expected);
        });
    });
}

#[test]
fn a_write_that_ends_in_the_middle_ends_those_behind_it() {
    on_each(|queue| {
        let second = Queue::open(0, 0);
        let (one, _other) = narrow("unix");
        let large = pattern(1 << 20);
        queue.quiet(&[write_op(1, *one, &large), write_op(2, *one, b"two")]);
        second.quiet(&[write_op(3, *one, b"three")]);
        let told = queue.wait(&[cancel_op(9, 1)], 3);
        let of = |token| told.iter().find(|done| done.token == token).unwrap();
        assert_eq!(of(9).result, 1);
        expect_error(of(1).result, "ECANCELED");
        assert!(of(1).value > 0 && of(1).value < 1 << 20);
        expect_error(of(2).result, "ECANCELED");
        assert_eq!(of(2).value, 0);
        let third = second.one(&[]);
        expect_error(third.result, "ECANCELED");
        assert_eq!(third.value, 0);
    });
}

#[test]
fn threads_that_run_one_queue_share_its_events() {
    on_each(|queue| {
        const ROUNDS: i64 = 200;
        let pairs: Vec<_> = (0..4).map(|_| pair("unix")).collect();
        let ops: Vec<_> = pairs
            .iter()
            .zip(0..)
            .map(|((one, _), token)| read_op(token, **one, ANYSOCK_QUEUE_MULTI))
            .collect();
        queue.quiet(&ops);
        let work = || {
            let mut got = Vec::new();
            loop {
                let told = queue.run_for(&[], 1, LONG_US).unwrap();
                let gives: Vec<_> =
                    told.iter().filter(|done| done.buffer != 0).map(|done| give_op(done.buffer)).collect();
                got.extend(
                    told.iter()
                        .filter(|done| done.op == ANYSOCK_OP_READ)
                        .map(|done| (done.token, done.value, done.result)),
                );
                assert!(queue.run_for(&gives, 0, 0).is_ok());
                if told.iter().any(|done| done.op == ANYSOCK_OP_NOP) {
                    return got;
                }
            }
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..3).map(|_| scope.spawn(work)).collect();
            for _ in 0..ROUNDS {
                for (_, other) in &pairs {
                    expect(write(**other, b"x"));
                }
            }
            // Each worker ends by an event of its own; bytes may come after it.
            let mut all: Vec<(i64, i64, i64)> = Vec::new();
            while all.iter().map(|(_, _, count)| count).sum::<i64>() < ROUNDS * 4 {
                let told = queue.run_for(&[], 8, 1_000).unwrap();
                let gives: Vec<_> = told.iter().map(|done| give_op(done.buffer)).collect();
                all.extend(told.iter().map(|done| (done.token, done.value, done.result)));
                assert!(queue.run_for(&gives, 0, 0).is_ok());
                if pairs.iter().all(|(one, _)| get(**one, "available") == Ok(0)) {
                    break;
                }
            }
            for worker in 0..3 {
                assert!(queue.run_for(&[op(ANYSOCK_OP_NOP, worker, 0)], 0, 0).is_ok());
            }
            workers.into_iter().for_each(|worker| all.extend(worker.join().unwrap()));
            for token in 0..4 {
                let mut mine: Vec<_> = all.iter().filter(|got| got.0 == token).collect();
                mine.sort_unstable();
                let mut at = 0;
                for (_, value, count) in mine {
                    assert_eq!(*value, at);
                    at += count;
                }
                assert_eq!(at, ROUNDS);
            }
        });
    });
}

/// A write of the queue that its peer has no room for, and one of a second queue that waits behind it: the second queue, both
/// ends, and what the first writes.
fn one_behind_another(queue: &Queue) -> (Queue, Own, Own, Vec<u8>) {
    let second = Queue::open(0, 0);
    let (one, other) = narrow("unix");
    let large = pattern(BLOCK);
    queue.quiet(&[write_op(1, *one, &large)]);
    second.quiet(&[write_op(2, *one, b"never")]);
    (second, one, other, large)
}

#[test]
fn a_queue_that_is_closed_while_it_waits_for_its_turn_does_not_keep_the_next_from_it() {
    on_each(|queue| {
        let (second, one, other, large) = one_behind_another(queue);
        let third = Queue::open(0, 0);
        third.quiet(&[write_op(3, *one, b"third")]);
        drop(second);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| drain(*other, large.len() + 5));
            assert_eq!(queue.one(&[]).token, 1);
            assert_eq!(third.one(&[]).token, 3);
            assert!(reader.join().unwrap() == [&large[..], b"third"].concat());
        });
    });
}

#[test]
fn a_queue_that_is_closed_before_it_hears_that_it_is_its_turn_does_not_keep_it() {
    on_each(|queue| {
        let (second, one, other, large) = one_behind_another(queue);
        let third = Queue::open(0, 0);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| drain(*other, large.len() + 5));
            // With its end the turn is the second's, who does not run.
            assert_eq!(queue.one(&[]).token, 1);
            drop(second);
            assert_eq!(third.one(&[write_op(3, *one, b"third")]).token, 3);
            assert!(reader.join().unwrap() == [&large[..], b"third"].concat());
        });
    });
}
