//! CANCEL: whom it hits, what it counts, and what comes before the end.

use super::kit::*;
use crate::support::*;

const MULTI: i64 = ANYSOCK_QUEUE_MULTI;
const MORE: i64 = ANYSOCK_QUEUE_MORE;

fn cancel_all(token: i64, handle: i64) -> anysock_op {
    anysock_op { flags: ANYSOCK_QUEUE_ALL, handle, ..op(ANYSOCK_OP_CANCEL, token, 0) }
}

/// The only event with this token.
#[track_caller]
fn of(told: &[anysock_done], token: i64) -> anysock_done {
    let mine: Vec<_> = told.iter().filter(|done| done.token == token).collect();
    assert_eq!(mine.len(), 1, "token {token} in {told:?}");
    *mine[0]
}

#[test]
fn it_counts_what_it_ends_and_not_itself() {
    on_each(|queue| {
        // A token of 0 is a token as others.
        for token in [0, 7, -1, i64::MIN, i64::MAX] {
            let told = queue.run(&[cancel_op(token, token)]);
            assert_eq!((told.len(), told[0].result), (1, 0));
            queue.quiet(&[timer_op(token, LONG_US, 0), timer_op(token, LONG_US, MULTI)]);
            let told = queue.run(&[cancel_op(token, token), cancel_op(token, token)]);
            assert_eq!(told.len(), 4, "{told:?}");
            let mut counts: Vec<_> =
                told.iter().filter(|done| done.op == ANYSOCK_OP_CANCEL).map(|done| done.result).collect();
            counts.sort_unstable();
            assert_eq!(counts, [0, 2]);
        }
    });
}

#[test]
fn it_is_of_its_own_queue_alone() {
    on_each(|queue| {
        let second = Queue::open(0, 0);
        let (one, other) = pair("unix");
        second.quiet(&[read_op(7, *one, 0)]);
        assert_eq!(queue.one(&[cancel_op(1, 7)]).result, 0);
        assert_eq!(queue.one(&[cancel_all(1, *one)]).result, 0);
        expect(write(*other, b"x"));
        assert_eq!(bytes(&second.one(&[])), b"x");
    });
}

#[test]
fn all_is_every_kind_of_operation_of_one_handle() {
    on_each(|queue| {
        let ((one, _other), (two, _peer)) = (narrow("unix"), pair("unix"));
        let large = pattern(1 << 20);
        let poll = |token| anysock_op { value: 4, flags: MULTI, ..op(ANYSOCK_OP_POLL, token, *one) };
        let shut = anysock_op { value: 2, ..op(ANYSOCK_OP_SHUTDOWN, 4, *one) };
        queue.quiet(&[
            read_op(1, *one, 0),
            read_op(2, *one, MULTI),
            write_op(3, *one, &large),
            shut,
            poll(5),
            read_op(6, *two, 0),
            timer_op(7, LONG_US, 0),
        ]);
        let told = queue.wait(&[cancel_all(9, *one)], 6);
        assert_eq!(of(&told, 9).result, 5);
        for token in 1..=5 {
            expect_error(of(&told, token).result, "ECANCELED");
        }
        // The handle is as good as before.
        assert_eq!(anysock_shutdown(*one, 2), 0);
        assert_eq!(queue.one(&[cancel_all(9, *one)]).result, 0);
        expect(anysock_close(*one));
        assert_eq!(queue.one(&[cancel_all(9, *one)]).result, 0);
        assert_eq!(queue.wait(&[cancel_op(9, 6), cancel_op(9, 7)], 4).len(), 4);
    });
}

#[test]
fn what_is_cancelled_with_the_write_before_it_does_not_happen() {
    on_each(|queue| {
        let (one, other) = narrow("unix");
        let large = pattern(1 << 20);
        let shut = anysock_op { value: 2, ..op(ANYSOCK_OP_SHUTDOWN, 5, *one) };
        queue.quiet(&[write_op(5, *one, &large), shut, op(ANYSOCK_OP_CLOSE, 5, *one)]);
        let told = queue.wait(&[cancel_op(9, 5)], 4);
        assert_eq!(of(&told, 9).result, 3);
        for done in told.iter().filter(|done| done.token == 5) {
            expect_error(done.result, "ECANCELED");
        }
        // Neither shut nor closed.
        let went = told.iter().find(|done| done.op == ANYSOCK_OP_WRITE).unwrap().value;
        drain(*other, went as usize);
        assert_eq!(write(*one, b"open"), 4);
        assert_eq!(drain(*other, 4), b"open");
        assert_eq!(anysock_shutdown(*one, 2), 0);
    });
}

#[test]
fn all_is_of_a_handle_and_of_no_token() {
    on_each(|queue| {
        let (one, _other) = pair("unix");
        queue.quiet(&[read_op(0, *one, 0)]);
        for bad in [cancel_all(9, 0), anysock_op { value: 1, ..cancel_all(9, *one) }] {
            let told = queue.run(&[bad]);
            assert_eq!(told.len(), 1);
            expect_error(told[0].result, "EINVAL");
        }
        // By token and handle.
        let elsewhere = anysock_op { handle: *_other, ..cancel_op(9, 0) };
        assert_eq!(queue.one(&[elsewhere]).result, 0);
        assert_eq!(queue.wait(&[anysock_op { handle: *one, ..cancel_op(9, 0) }], 2).len(), 2);
    });
}

#[test]
fn bytes_that_were_read_come_before_the_cancel_and_are_never_dropped() {
    on_each(|queue| {
        let (one, other) = pair("unix");
        queue.quiet(&[read_op(1, *one, MULTI)]);
        expect(write(*other, b"abc"));
        // Read in a run whose room is taken by another event.
        let told = queue.run_for(&[op(ANYSOCK_OP_NOP, 0, 0)], 1, 0).unwrap();
        assert_eq!(told.len(), 1);
        let mut told: Vec<_> =
            queue.wait(&[cancel_op(9, 1)], 2).into_iter().filter(|done| done.token != 9).collect();
        while told.last().is_none_or(|done| done.flags & MORE != 0) {
            told.extend(queue.run(&[]));
        }
        let last = told.pop().unwrap();
        expect_error(last.result, "ECANCELED");
        assert_eq!(last.flags, 0);
        let mut got: Vec<u8> = told.iter().flat_map(bytes).copied().collect();
        let mut rest = [0; 4];
        let more = recv(*one, &mut rest, ANYSOCK_FLAG_DONT_WAIT);
        got.extend(&rest[..more.max(0) as usize]);
        assert_eq!(got, b"abc");
    });
}

#[test]
fn a_cancel_that_races_with_data_loses_none_of_it() {
    on_each(|queue| {
        let rounds = rounds(2_000);
        let (one, other) = pair("unix");
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for number in 0..rounds {
                    assert_eq!(write_all(*other, &(number as u32).to_le_bytes()), 4);
                    if number % 3 == 0 {
                        std::thread::yield_now();
                    }
                }
            });
            let mut got = Vec::new();
            let mut token = 0;
            while got.len() < rounds * 4 {
                token += 2;
                let flags = if token % 4 == 0 { MULTI } else { 0 };
                let mut told = queue.run(&[read_op(token, *one, flags)]);
                told.extend(queue.run(&[cancel_op(token + 1, token)]));
                let is_over = |told: &[anysock_done]| {
                    told.iter().any(|done| done.token == token && done.flags & MORE == 0)
                };
                while !is_over(&told) {
                    let more = queue.run_for(&[], 8, LONG_US).unwrap();
                    assert!(!more.is_empty());
                    told.extend(more);
                }
                let mut over = false;
                let mut gives = Vec::new();
                for done in told.iter().filter(|done| done.token == token) {
                    assert!(!over, "an event after the last: {told:?}");
                    over = done.flags & MORE == 0;
                    if done.result >= 0 {
                        got.extend_from_slice(bytes(done));
                        gives.push(give_op(done.buffer));
                    } else {
                        expect_error(done.result, "ECANCELED");
                        assert_eq!((done.buffer, done.data), (0, 0));
                    }
                }
                assert_eq!(told.iter().filter(|done| done.token == token + 1).count(), 1);
                queue.quiet(&gives);
            }
            writer.join().unwrap();
            let expected: Vec<u8> = (0..rounds as u32).flat_map(u32::to_le_bytes).collect();
            assert!(got == expected);
        });
    });
}

#[test]
fn a_cancelled_read_lets_those_behind_it_come_forward() {
    on_each(|queue| {
        let (one, other) = pair("unix");
        let read = |token| anysock_op { length: 2, ..read_op(token, *one, 0) };
        queue.quiet(&[read(1), read(2), read(3)]);
        assert_eq!(queue.wait(&[cancel_op(9, 2)], 2).len(), 2);
        expect(write(*other, b"abcd"));
        let told = queue.wait(&[], 2);
        assert_eq!(told.iter().map(|done| done.token).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(told.iter().flat_map(bytes).copied().collect::<Vec<_>>(), b"abcd");
        // Behind a read that goes on there is room once that is gone.
        queue.quiet(&[read_op(4, *one, MULTI)]);
        expect_error(queue.one(&[read(5)]).result, "EBUSY");
        expect_error(queue.one(&[read_op(5, *one, MULTI)]).result, "EBUSY");
        assert_eq!(queue.wait(&[cancel_op(9, 4)], 2).len(), 2);
        expect(write(*other, b"ef"));
        assert_eq!(bytes(&queue.one(&[read(6)])), b"ef");
    });
}

#[test]
fn a_write_of_which_nothing_went_may_be_cancelled_alone() {
    on_each(|queue| {
        let (one, other) = narrow("unix");
        let large = pattern(200_000);
        queue.quiet(&[write_op(1, *one, &large), write_op(2, *one, b"no"), write_op(3, *one, b"yes")]);
        let told = queue.wait(&[cancel_op(9, 2)], 2);
        assert_eq!(of(&told, 9).result, 1);
        assert_eq!((name(of(&told, 2).result).as_str(), of(&told, 2).value), ("ECANCELED", 0));
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| drain(*other, large.len() + 3));
            let told = queue.wait(&[], 2);
            assert_eq!(
                told.iter().map(|done| (done.token, done.result)).collect::<Vec<_>>(),
                [(1, 200_000), (3, 3)]
            );
            assert!(reader.join().unwrap() == [&large[..], b"yes"].concat());
        });
    });
}

/// A listener whose backlog is full lets a client of AF_UNIX wait.
#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    #[test]
    fn a_connect_and_what_waits_for_it_are_ended() {
        on_each(|queue| {
            let listener = bound("unix");
            expect(anysock_listen(*listener, 1));
            let address = local_address(*listener);
            let mut clients = Vec::new();
            let waiting = loop {
                let client = open("unix");
                expect(set(*client, "connect_timeout", 0));
                let result = connect(*client, &address);
                clients.push(client);
                if result != 0 {
                    break clients.pop().unwrap();
                }
                assert!(clients.len() < 100);
            };
            drop(waiting);
            let client = open("unix");
            let to =
                |token| anysock_op { op: ANYSOCK_OP_CONNECT, ..write_op(token, *client, address.as_bytes()) };
            queue.quiet(&[to(1), write_op(2, *client, b"x"), read_op(3, *client, 0)]);
            let told = queue.wait(&[cancel_op(9, 1)], 4);
            assert_eq!(of(&told, 9).result, 1);
            for token in 1..=3 {
                expect_error(of(&told, token).result, "ECANCELED");
            }
        });
    }
}

#[test]
fn a_lookup_is_ended() {
    on_each(|queue| {
        let kind = text("tcp");
        let address = "a-name-that-does-not-exist.invalid:80";
        let resolve = anysock_op {
            op: ANYSOCK_OP_RESOLVE,
            value: kind.as_ptr() as i64,
            ..write_op(1, 0, address.as_bytes())
        };
        let mut told = queue.run(&[resolve, cancel_op(9, 1)]);
        while told.len() < 2 {
            told.extend(queue.run_for(&[], 8, LONG_US).unwrap());
        }
        assert_eq!(of(&told, 9).result, 1);
        expect_error(of(&told, 1).result, "ECANCELED");
        queue.quiet(&[]);
    });
}

#[test]
fn timers_polls_and_accepts_are_ended() {
    on_each(|queue| {
        let listener = listener("tcp4");
        let (one, _other) = pair("unix");
        let accept = |token, flags| anysock_op { flags, ..op(ANYSOCK_OP_ACCEPT, token, *listener) };
        let poll = |token, flags| anysock_op { flags, value: 1, ..op(ANYSOCK_OP_POLL, token, *one) };
        queue.quiet(&[
            accept(5, 0),
            accept(5, MULTI),
            poll(5, 0),
            poll(5, MULTI),
            timer_op(5, LONG_US, 0),
            timer_op(5, LONG_US, MULTI),
        ]);
        let told = queue.wait(&[cancel_op(9, 5)], 7);
        assert_eq!(of(&told, 9).result, 6);
        assert!(told.iter().all(|done| done.flags == 0));
        queue.quiet(&[]);
        // The listener works on.
        let client = open("tcp4");
        expect(connect(*client, &local_address(*listener)));
        drop(own(expect(queue.one(&[accept(6, 0)]).result)));
    });
}
