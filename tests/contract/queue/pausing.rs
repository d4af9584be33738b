//! Buffers: few of them, their numbers, and reading that pauses for want of one.

use super::kit::*;
use crate::support::*;

const MULTI: i64 = ANYSOCK_QUEUE_MULTI;
const MORE: i64 = ANYSOCK_QUEUE_MORE;

fn memory(queue: &Queue) -> (i64, i64) {
    let (mut address, mut length) = (0, 0);
    // SAFETY: both places live through the call.
    expect(unsafe { anysock_queue_memory(*queue.0, &mut address, &mut length) });
    (address, length)
}

/// A write of what an event brought, from its buffer.
fn echo_op(token: i64, done: &anysock_done) -> anysock_op {
    anysock_op {
        data: done.data,
        length: done.result,
        buffer: done.buffer,
        ..op(ANYSOCK_OP_WRITE, token, done.handle)
    }
}

#[test]
fn one_buffer_serves_a_hundred_senders() {
    on_each_with(1, 16, |queue| {
        const SENDERS: usize = 100;
        const EACH: usize = 50;
        let pairs: Vec<_> = (0..SENDERS).map(|_| pair("unix")).collect();
        let reads: Vec<_> =
            pairs.iter().zip(0..).map(|((one, _), token)| read_op(token, **one, MULTI)).collect();
        queue.quiet(&reads);
        for (number, (_, other)) in pairs.iter().enumerate() {
            assert_eq!(write_all(**other, &[number as u8; EACH]), EACH as i64);
            expect(anysock_shutdown(**other, 2));
        }
        let (start, length) = memory(queue);
        let mut got = [0; SENDERS];
        let (mut ends, mut held) = (0, 0);
        let mut gives = Vec::new();
        while ends < SENDERS {
            held -= gives.len();
            let told = queue.run_for(&gives, 7, LONG_US).unwrap();
            assert!(!told.is_empty());
            gives.clear();
            for done in &told {
                let number = done.token as usize;
                if done.result == 0 {
                    assert_eq!((done.flags, done.value, done.buffer), (0, EACH as i64, 0));
                    assert_eq!(got[number], EACH);
                    ends += 1;
                    continue;
                }
                assert_eq!((done.flags, done.value), (MORE, got[number] as i64));
                assert!(bytes(done).iter().all(|byte| *byte == number as u8));
                assert!(done.data >= start && done.data + done.result <= start + length);
                got[number] += done.result as usize;
                gives.push(give_op(done.buffer));
                held += 1;
            }
            assert!(held <= 1, "more buffers than there are");
        }
    });
}

#[test]
fn a_paused_read_goes_on_in_the_run_that_gives_a_buffer_back() {
    on_each_with(1, 4, |queue| {
        let (one, other) = pair("unix");
        expect(write(*other, b"abcdefgh"));
        let first = queue.one(&[read_op(1, *one, MULTI)]);
        queue.quiet(&[]);
        let told = queue.run(&[give_op(first.buffer)]);
        assert_eq!(told.len(), 1);
        assert_eq!(bytes(&told[0]), b"efgh");
        // A write from it gives it back as well, and says so in the same run.
        expect(write(*other, b"ijkl"));
        let told = queue.wait(&[echo_op(2, &told[0])], 2);
        assert_eq!(told[0].token, 2);
        assert_eq!(bytes(&told[1]), b"ijkl");
        assert_eq!(drain(*other, 4), b"efgh");
    });
}

#[test]
fn the_clock_of_a_paused_read_stands_still() {
    on_each_with(1, 4, |queue| {
        let (one, other) = pair("unix");
        expect(set(*one, "read_timeout", 60_000));
        expect(write(*other, b"abcdefgh"));
        let first = queue.one(&[read_op(1, *one, MULTI)]);
        assert!(queue.run_for(&[], 4, 200_000).unwrap().is_empty());
        let second = queue.one(&[give_op(first.buffer)]);
        assert_eq!((second.flags, bytes(&second)), (MORE, &b"efgh"[..]));
        // With a buffer to read into it runs.
        let end = queue.one(&[give_op(second.buffer)]);
        expect_error(end.result, "ETIMEDOUT");
        assert_eq!((end.flags, end.value), (0, 8));
    });
}

#[test]
fn all_else_goes_on_without_buffers() {
    on_each_with(1, 4, |queue| {
        let (one, other) = pair("unix");
        let listener = listener("tcp4");
        let client = open("tcp4");
        expect(write(*other, b"abcdefgh"));
        let held = queue.one(&[read_op(1, *one, MULTI)]);
        let address = local_address(*listener);
        let connect = anysock_op { op: ANYSOCK_OP_CONNECT, ..write_op(2, *client, address.as_bytes()) };
        let poll = anysock_op { value: 1, ..op(ANYSOCK_OP_POLL, 6, *one) };
        let told = queue.wait(
            &[
                connect,
                op(ANYSOCK_OP_ACCEPT, 3, *listener),
                write_op(4, *one, b"out"),
                timer_op(5, 1_000, 0),
                poll,
            ],
            5,
        );
        assert!(told.iter().all(|done| done.result >= 0), "{told:?}");
        drop(own(told.iter().find(|done| done.token == 3).unwrap().result));
        assert_eq!(drain(*other, 3), b"out");
        // A paused read can be cancelled and closed; what it did not read is the handle's.
        let told = queue.wait(&[cancel_op(9, 1)], 2);
        assert_eq!(told.iter().filter(|done| done.result == 1).count(), 1);
        assert_eq!(drain(*one, 4), b"efgh");
        queue.quiet(&[read_op(8, *one, 0)]);
        expect(write(*other, b"more"));
        queue.quiet(&[]);
        expect(anysock_close(*one));
        expect_error(queue.one(&[]).result, "ECANCELED");
        queue.quiet(&[give_op(held.buffer)]);
    });
}

#[test]
fn errors_and_ends_need_no_buffer() {
    on_each_with(1, 4, |queue| {
        let (one, other) = pair("unix");
        expect(write(*other, b"held"));
        let held = queue.one(&[read_op(1, *one, 0)]);
        // A reset: unread bytes at a close.
        let (three, four) = pair("tcp");
        queue.quiet(&[read_op(3, *three, MULTI)]);
        expect(set(*four, "linger", 0));
        drop(four);
        let reset = queue.one(&[]);
        assert_eq!((reset.token, reset.flags), (3, 0));
        expect_error(reset.result, "ECONNRESET");
        // The end behind data waits for its turn.
        let (five, six) = pair("unix");
        expect(write(*six, b"last"));
        drop(six);
        queue.quiet(&[read_op(5, *five, MULTI)]);
        let last = queue.one(&[give_op(held.buffer)]);
        assert_eq!((last.token, last.flags, bytes(&last)), (5, MORE, &b"last"[..]));
        let end = queue.one(&[]);
        assert_eq!((end.token, end.flags, end.result, end.value, end.buffer), (5, 0, 0, 4, 0));
    });
}

#[test]
fn no_number_is_given_out_twice_by_any_queue() {
    on_each_with(2, 8, |queue| {
        let second = Queue::open(2, 8);
        let (one, other) = pair("unix");
        let mut numbers = Vec::new();
        for round in 0..300 {
            expect(write(*other, b"x"));
            let queue = if round % 2 == 0 { queue } else { &second };
            let done = queue.one(&[read_op(1, *one, 0)]);
            assert!((1..1 << 53).contains(&done.buffer));
            numbers.push(done.buffer);
            // The other's number is forged here.
            let elsewhere = if round % 2 == 0 { &second } else { queue };
            if !std::ptr::eq(elsewhere, queue) {
                expect_error(elsewhere.one(&[give_op(done.buffer)]).result, "EINVAL");
            }
            queue.quiet(&[give_op(done.buffer)]);
        }
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 300);
    });
}

#[test]
fn a_buffer_is_given_once_however_it_is_tried() {
    on_each_with(2, 8, |queue| {
        let (one, other) = pair("unix");
        expect(write(*other, b"x"));
        let done = queue.one(&[read_op(1, *one, 0)]);
        let told = queue.run(&[give_op(done.buffer), give_op(done.buffer), echo_op(2, &done)]);
        assert_eq!(told.len(), 2);
        told.iter().for_each(|done| expect_error(done.result, "EINVAL"));
        for forged in [1, 2, 3, -done.buffer, done.buffer + (1 << 32), done.buffer - 1, i64::MAX, i64::MIN] {
            expect_error(queue.one(&[give_op(forged)]).result, "EINVAL");
        }
        // Both are free: no more and no fewer.
        expect(write(*other, b"abcdefgh12345678never"));
        let two = queue.wait(&[read_op(3, *one, 0), read_op(4, *one, 0), read_op(5, *one, 0)], 2);
        assert_ne!(two[0].data, two[1].data);
        queue.quiet(&[]);
        assert_eq!(queue.wait(&[give_op(two[0].buffer)], 1)[0].token, 5);
    });
}

#[test]
fn a_buffer_that_goes_with_a_write_is_back_when_the_write_ends_badly() {
    on_each_with(1, 8, |queue| {
        let again = || {
            let (one, other) = pair("unix");
            expect(write(*other, b"12345678"));
            let done = queue.one(&[read_op(1, *one, 0)]);
            (one, other, done)
        };
        let (one, _other, held) = again();
        expect(anysock_shutdown(*one, ANYSOCK_SHUT_WRITE));
        let failed = queue.one(&[echo_op(2, &held)]);
        expect_error(failed.result, "EPIPE");
        assert_eq!(failed.buffer, 0);
        // Cancelled behind another write.
        let (one_, other_, held) = again();
        drop(one);
        let (three, _four) = narrow("unix");
        let large = pattern(1 << 20);
        queue.quiet(&[write_op(3, *three, &large), anysock_op { handle: *three, ..echo_op(4, &held) }]);
        expect_error(queue.one(&[give_op(held.buffer)]).result, "EINVAL");
        expect(write(*other_, b"x"));
        queue.quiet(&[read_op(5, *one_, 0)]);
        let told = queue.wait(&[cancel_op(9, 4)], 3);
        assert!(told.iter().any(|done| done.token == 5 && done.result == 1), "{told:?}");
        let five = told.iter().find(|done| done.token == 5).unwrap();
        // By a close.
        queue.quiet(&[anysock_op { handle: *three, ..echo_op(6, five) }]);
        expect(anysock_close(*three));
        assert_eq!(queue.wait(&[], 2).len(), 2);
        again();
    });
}

#[test]
fn what_is_written_from_a_buffer_does_not_change_although_others_are_read() {
    on_each_with(2, 4096, |queue| {
        let (one, other) = narrow("unix");
        let (slow, sink) = narrow("unix");
        queue.quiet(&[read_op(1, *one, MULTI)]);
        let mut expected = Vec::new();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut all = Vec::new();
                let mut room = [0; 500];
                loop {
                    match read(*sink, &mut room) {
                        0 => return all,
                        count => all.extend_from_slice(&room[..expect(count) as usize]),
                    }
                }
            });
            for round in 0..200_u8 {
                let block = vec![round; 2_000];
                expect(write_all(*other, &block));
                expected.extend(&block);
                let mut got = 0;
                while got < block.len() {
                    for done in queue.run_for(&[], 4, LONG_US).unwrap() {
                        if done.op == ANYSOCK_OP_READ {
                            got += done.result as usize;
                            let back = anysock_op { handle: *slow, ..echo_op(2, &done) };
                            assert!(queue.run_for(&[back], 0, 0).is_ok());
                        } else {
                            assert!(done.result > 0, "{done:?}");
                        }
                    }
                }
            }
            let shut = anysock_op { value: 2, ..op(ANYSOCK_OP_SHUTDOWN, 3, *slow) };
            let mut told = queue.run(&[shut]);
            while told.iter().all(|done| done.token != 3) {
                told = queue.run_for(&[], 8, LONG_US).unwrap();
            }
            assert!(reader.join().unwrap() == expected);
        });
    });
}

#[test]
fn no_event_has_more_than_was_asked_for_or_fits() {
    on_each_with(0, 100, |queue| {
        let (one, other) = pair("unix");
        expect(write(*other, &pattern(1_000)));
        for (length, count) in [(0, 100), (1, 1), (100, 100), (101, 100), (i64::MAX, 100), (7, 7)] {
            let done = queue.one(&[anysock_op { length, ..read_op(1, *one, 0) }]);
            assert_eq!(done.result, count);
            queue.quiet(&[give_op(done.buffer)]);
        }
        // A datagram that is cut says so, an exact one does not.
        let (three, four) = connected("udp4");
        for (length, sent, flags) in
            [(3, 4, ANYSOCK_QUEUE_CUT), (4, 4, 0), (0, 100, 0), (0, 101, 2), (5, 0, 0)]
        {
            expect(send(*four, &pattern(sent), 0));
            for kind in [ANYSOCK_OP_READ, ANYSOCK_OP_RECEIVE_FROM] {
                let done = queue.one(&[anysock_op { length, ..op(kind, 1, *three) }]);
                assert_eq!(done.flags, flags, "{sent} bytes into {length}");
                if done.buffer != 0 {
                    queue.quiet(&[give_op(done.buffer)]);
                }
                if kind == ANYSOCK_OP_READ {
                    expect(send(*four, &pattern(sent), 0));
                }
            }
        }
    });
}

#[test]
fn whoever_waits_for_a_buffer_stands_in_the_line_once() {
    on_each_with(1, 4, |queue| {
        let pairs = [pair("unix"), pair("unix")];
        for (_, other) in &pairs {
            expect(write_all(**other, &[7; 64]));
        }
        // The polls have the first looked at in every run.
        let poll = anysock_op { value: 1, flags: MULTI, ..op(ANYSOCK_OP_POLL, 9, *pairs[0].0) };
        let mut ops = vec![read_op(0, *pairs[0].0, MULTI), read_op(1, *pairs[1].0, MULTI), poll];
        let mut readers = Vec::new();
        for _ in 0..8 {
            let mut told = queue.run(&ops);
            for _ in 0..3 {
                told.extend(queue.run(&[]));
            }
            told.retain(|done| done.op == ANYSOCK_OP_READ);
            assert_eq!(told.len(), 1, "{told:?}");
            readers.push(told[0].token);
            ops = vec![give_op(told[0].buffer)];
        }
        assert!(readers.windows(2).all(|two| two[0] != two[1]), "{readers:?}");
    });
}

#[test]
fn a_buffer_that_is_not_needed_any_more_goes_to_the_next() {
    on_each_with(1, 4, |queue| {
        let pairs = [pair("unix"), pair("unix"), pair("unix")];
        let held = {
            expect(write(*pairs[0].1, b"held"));
            queue.one(&[read_op(0, *pairs[0].0, 0)])
        };
        for (token, (one, other)) in (1..).zip(&pairs[1..]) {
            expect(write(**other, b"wait"));
            queue.quiet(&[read_op(token, **one, 0)]);
        }
        // Another reader was faster.
        assert_eq!(drain(*pairs[1].0, 4), b"wait");
        let done = queue.one(&[give_op(held.buffer)]);
        assert_eq!((done.token, bytes(&done)), (2, &b"wait"[..]));
        // One that stood before was cancelled.
        expect(write(*pairs[1].1, b"more"));
        expect(write(*pairs[2].1, b"last"));
        queue.quiet(&[read_op(2, *pairs[2].0, 0)]);
        assert_eq!(queue.wait(&[cancel_op(9, 1)], 2).len(), 2);
        assert_eq!(bytes(&queue.one(&[give_op(done.buffer)])), b"last");
    });
}

#[test]
fn whoever_has_waited_longest_for_a_buffer_has_it_before_those_that_wait_for_room() {
    on_each_with(1, 4, |queue| {
        let pairs = [pair("unix"), pair("unix"), pair("unix")];
        expect(write(*pairs[0].1, b"held"));
        let held = queue.one(&[read_op(0, *pairs[0].0, 0)]);
        expect(write(*pairs[1].1, b"long"));
        queue.quiet(&[read_op(1, *pairs[1].0, 0)]);
        // It is ready, and an event of another has the room.
        expect(write(*pairs[2].1, b"late"));
        let nop = op(ANYSOCK_OP_NOP, 9, 0);
        assert_eq!(queue.run_for(&[read_op(2, *pairs[2].0, 0), nop], 1, 0).unwrap()[0].token, 9);
        let done = queue.run_for(&[give_op(held.buffer)], 1, LONG_US).unwrap()[0];
        assert_eq!((done.token, bytes(&done)), (1, &b"long"[..]));
        assert_eq!(queue.one(&[give_op(done.buffer)]).token, 2);
    });
}
