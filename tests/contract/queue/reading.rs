//! READ, RECEIVE_FROM, ACCEPT and POLL, and the buffers in which bytes come.

use super::kit::*;
use crate::support::*;

const MULTI: i64 = ANYSOCK_QUEUE_MULTI;
const MORE: i64 = ANYSOCK_QUEUE_MORE;

#[test]
fn a_read_brings_what_is_there_and_ends() {
    on_each(|queue| {
        for kind in here(&["tcp", "unix"]) {
            let (one, other) = pair(kind);
            expect(write(*other, b"hello"));
            let done = queue.one(&[read_op(7, *one, 0)]);
            assert_eq!((done.token, done.handle, done.op, done.flags, done.value), (7, *one, 4, 0, 0));
            assert_eq!(bytes(&done), b"hello");
            assert!(done.buffer > 0 && done.buffer < 1 << 53);
            expect(write(*other, b"more"));
            queue.quiet(&[give_op(done.buffer)]);
        }
    });
}

#[test]
fn a_read_that_goes_on_counts_the_stream_and_tells_its_end() {
    on_each(|queue| {
        let (one, other) = pair("tcp");
        queue.quiet(&[read_op(1, *one, MULTI)]);
        let mut stream = 0;
        for part in [&b"a"[..], b"bcd", b"ef"] {
            expect(write(*other, part));
            let done = queue.one(&[]);
            assert_eq!((done.token, done.flags, done.value), (1, MORE, stream));
            assert_eq!(bytes(&done), part);
            stream += done.result;
            queue.quiet(&[give_op(done.buffer)]);
        }
        drop(other);
        let done = queue.one(&[]);
        assert_eq!((done.flags, done.result, done.value, done.buffer, done.data), (0, 0, stream, 0, 0));
        queue.quiet(&[]);
    });
}

#[test]
fn reads_of_a_handle_are_served_in_their_order() {
    on_each(|queue| {
        let (one, other) = pair("unix");
        let read = |token| anysock_op { length: 2, ..read_op(token, *one, 0) };
        queue.quiet(&[read(1), read(2), read(3)]);
        expect(write(*other, b"abcdef"));
        let told = queue.wait(&[], 3);
        let got: Vec<_> = told.iter().map(|done| (done.token, bytes(done))).collect();
        assert_eq!(got, [(1, &b"ab"[..]), (2, b"cd"), (3, b"ef")]);
        let busy = queue.wait(&[read_op(4, *one, MULTI), read_op(5, *one, 0)], 1)[0];
        assert_eq!(busy.token, 5);
        expect_error(busy.result, "EBUSY");
    });
}

#[test]
fn in_one_run_a_stream_is_read_once_and_no_handle_waits_for_more_than_one_round() {
    on_each(|queue| {
        let pairs: Vec<_> = (0..5).map(|_| pair("unix")).collect();
        let ops: Vec<_> =
            pairs.iter().zip(0..).map(|((one, _), token)| read_op(token, **one, MULTI)).collect();
        queue.quiet(&ops);
        let large = pattern(3 * 4096);
        for (_, other) in &pairs {
            expect(write_all(**other, &large));
        }
        let mut tokens: Vec<_> = queue.run(&[]).iter().map(|done| done.token).collect();
        tokens.sort_unstable();
        assert_eq!(tokens, [0, 1, 2, 3, 4]);
        // With room for one event at a time, each has its turn.
        let mut tokens: Vec<_> = (0..5).map(|_| queue.run_for(&[], 1, 0).unwrap()[0].token).collect();
        tokens.sort_unstable();
        assert_eq!(tokens, [0, 1, 2, 3, 4]);
    });
}

#[test]
fn out_of_buffers_reading_pauses_and_ends_need_none() {
    on_each_with(1, 4, |queue| {
        let (one, other) = pair("unix");
        let (three, four) = pair("unix");
        queue.quiet(&[read_op(1, *one, MULTI), read_op(3, *three, MULTI)]);
        expect(write(*other, b"abcdefgh"));
        let first = queue.one(&[]);
        assert_eq!(bytes(&first), b"abcd");
        queue.quiet(&[]);
        drop(four);
        let end = queue.one(&[]);
        assert_eq!((end.token, end.result, end.flags), (3, 0, 0));
        queue.quiet(&[]);
        let second = queue.one(&[give_op(first.buffer)]);
        assert_eq!(bytes(&second), b"efgh");
        assert_ne!(first.buffer, second.buffer);
        // A buffer comes back once, and by its last number.
        for stale in [first.buffer, second.buffer + 1, -second.buffer] {
            let done = queue.one(&[give_op(stale)]);
            expect_error(done.result, "EINVAL");
        }
        drop(other);
        let end = queue.one(&[]);
        assert_eq!((end.token, end.result, end.value, end.flags), (1, 0, 8, 0));
        queue.quiet(&[give_op(second.buffer)]);
        let done = queue.one(&[give_op(second.buffer)]);
        expect_error(done.result, "EINVAL");
    });
}

#[test]
fn what_was_received_stays_readable_after_the_queue_is_closed() {
    on_each_with(2, 16, |queue| {
        let (one, other) = pair("unix");
        expect(write(*other, b"still here"));
        let done = queue.one(&[read_op(1, *one, 0)]);
        expect(anysock_close(*queue.0));
        assert_eq!(bytes(&done), b"still here");
    });
}

#[test]
fn datagrams_come_with_their_sender_and_keep_their_borders() {
    on_each_with(0, 10, |queue| {
        let (one, other) = (bound("udp4"), bound("udp4"));
        let to = local_address(*one);
        queue.quiet(&[anysock_op { flags: MULTI, ..op(ANYSOCK_OP_RECEIVE_FROM, 1, *one) }]);
        for data in [&b"abc"[..], b"", b"0123456789abc"] {
            expect(send_to(*other, data, 0, &to));
        }
        let told = queue.wait(&[], 3);
        let got: Vec<_> = told.iter().map(|done| (done.flags, bytes(done))).collect();
        let cut = MORE | ANYSOCK_QUEUE_CUT;
        assert_eq!(got, [(MORE, &b"abc"[..]), (MORE, b""), (cut, b"0123456789")]);
        for done in &told {
            assert!(done.buffer != 0 && done.value % 8 == 0);
            // SAFETY: the event says that an address is there.
            let address = unsafe { (done.value as *const anysock_address).read() };
            let length = unsafe { anysock_address_format(&address, std::ptr::null_mut(), 0) };
            assert_eq!(length as usize, local_address(*other).len());
            assert_eq!(format!("127.0.0.1:{}", address.port), local_address(*other));
        }
    });
}

#[test]
fn an_empty_datagram_ends_nothing() {
    on_each(|queue| {
        for kind in here(&["udp4", "unixgram"]) {
            let (one, other) = connected(kind);
            queue.quiet(&[read_op(1, *one, MULTI)]);
            for data in [&b""[..], b"x"] {
                expect(send(*other, data, 0));
            }
            let told = queue.wait(&[], 2);
            let got: Vec<_> = told.iter().map(|done| (done.flags, done.result)).collect();
            assert_eq!(got, [(MORE, 0), (MORE, 1)], "{kind}");
            drop(one);
            expect_error(queue.one(&[]).result, "ECANCELED");
        }
    });
}

#[test]
fn connections_are_accepted_one_after_the_other() {
    on_each(|queue| {
        let listener = listener("tcp4");
        queue.quiet(&[anysock_op { flags: MULTI, ..op(ANYSOCK_OP_ACCEPT, 9, *listener) }]);
        let address = local_address(*listener);
        let clients: Vec<_> = (0..3)
            .map(|_| {
                let client = open("tcp4");
                expect(connect(*client, &address));
                client
            })
            .collect();
        let told = queue.wait(&[], 3);
        for (done, client) in told.iter().zip(&clients) {
            assert_eq!((done.token, done.flags, done.value, done.buffer), (9, MORE, 0, 0));
            let server = own(done.result);
            assert_eq!(peer_address(*server), local_address(**client));
        }
    });
}

#[test]
fn readiness_is_told_as_long_as_it_lasts() {
    on_each(|queue| {
        let (one, other) = pair("unix");
        let poll = |flags, value| anysock_op { flags, value, ..op(ANYSOCK_OP_POLL, 4, *one) };
        assert_eq!(queue.one(&[poll(0, 2)]).result, 2);
        queue.quiet(&[poll(MULTI, 1)]);
        expect(write(*other, b"x"));
        for _ in 0..2 {
            let done = queue.one(&[]);
            assert_eq!((done.token, done.flags, done.result), (4, MORE, 1));
        }
        assert_eq!(read(*one, &mut [0]), 1);
        queue.quiet(&[]);
    });
}

#[test]
fn a_pipe_is_read_and_written() {
    #[cfg(unix)]
    on_each(|queue| {
        let mut ends = [0; 2];
        // SAFETY: there is room for two descriptors.
        assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
        let (out, into) =
            (own(expect(anysock_adopt(ends[0].into()))), own(expect(anysock_adopt(ends[1].into()))));
        queue.quiet(&[read_op(1, *out, MULTI)]);
        let told = queue.wait(&[write_op(2, *into, b"through")], 2);
        assert_eq!(told[0].token, 2);
        assert_eq!(bytes(&told[1]), b"through");
        drop(into);
        let end = queue.one(&[]);
        assert_eq!((end.token, end.result, end.flags), (1, 0, 0));
    });
}

#[test]
fn a_hundred_senders_share_one_buffer_and_each_has_its_turn() {
    on_each_with(1, 16, |queue| {
        const SENDERS: usize = 100;
        const EACH: usize = 48;
        let pairs: Vec<_> = (0..SENDERS).map(|_| pair("unix")).collect();
        let mut ops: Vec<_> =
            pairs.iter().zip(0..).map(|((one, _), token)| read_op(token, **one, MULTI)).collect();
        for (sender, (_, other)) in pairs.iter().enumerate() {
            expect(write_all(**other, &[sender as u8; EACH]));
        }
        let mut got = vec![0; SENDERS];
        let mut first_round = std::collections::HashSet::new();
        while got.iter().sum::<usize>() < SENDERS * EACH {
            let told = queue.run_for(&ops, 8, LONG_US).unwrap();
            assert_eq!(told.len(), 1, "{told:?}");
            let sender = told[0].token as usize;
            assert!(bytes(&told[0]).iter().all(|byte| *byte == sender as u8));
            got[sender] += told[0].result as usize;
            if first_round.len() < SENDERS {
                assert!(first_round.insert(sender), "{sender} was served twice before others were once");
            }
            ops = vec![give_op(told[0].buffer)];
        }
        assert!(got.iter().all(|count| *count == EACH));
    });
}

#[test]
fn a_cancel_that_races_data_loses_none() {
    on_each(|queue| {
        const ROUNDS: i64 = 3_000;
        let (one, other) = pair("unix");
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (0..ROUNDS).for_each(|_| assert_eq!(write(*other, b"x"), 1)));
            let (mut token, mut bytes) = (0, 0);
            let mut ops = vec![read_op(token, *one, MULTI)];
            while bytes < ROUNDS {
                ops.push(cancel_op(-1, token));
                let told = queue.run_for(&ops, 16, 0).unwrap();
                ops.clear();
                for done in told.iter().filter(|done| done.op == ANYSOCK_OP_READ) {
                    assert_eq!(done.token, token);
                    if done.result > 0 {
                        bytes += done.result;
                        ops.push(give_op(done.buffer));
                    } else {
                        expect_error(done.result, "ECANCELED");
                        token += 1;
                        ops.push(read_op(token, *one, MULTI));
                        // Let it read what is there before the next cancel.
                        let told = queue.run_for(&ops, 16, 0).unwrap();
                        ops.clear();
                        for done in told.iter().filter(|done| done.result > 0) {
                            assert_eq!(done.token, token);
                            bytes += done.result;
                            ops.push(give_op(done.buffer));
                        }
                    }
                }
            }
            writer.join().unwrap();
            assert_eq!(bytes, ROUNDS);
        });
    });
}

#[cfg(unix)]
mod not_windows {
    use super::*;

    #[test]
    fn two_handles_of_one_descriptor_are_both_served() {
        on_each(|queue| {
            let (one, other) = pair("unix");
            let again = own(expect(anysock_borrow(anysock_fd(*one))));
            let poll = anysock_op { value: 1, ..op(ANYSOCK_OP_POLL, 2, *again) };
            queue.quiet(&[read_op(1, *one, 0), poll]);
            drop(again);
            expect_error(queue.one(&[]).result, "ECANCELED");
            let again = own(expect(anysock_borrow(anysock_fd(*one))));
            queue.quiet(&[anysock_op { handle: *again, ..poll }]);
            expect(write(*other, b"x"));
            let told = queue.wait(&[], 2);
            assert_eq!(told.iter().map(|done| done.result).collect::<Vec<_>>(), [1, 1]);
        });
    }
}

#[test]
fn a_listener_has_its_share_in_a_run() {
    on_each(|queue| {
        const CLIENTS: usize = 100;
        const SHARE: usize = 64;
        let listener = listener("tcp4");
        let address = local_address(*listener);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let client = open("tcp4");
                expect(connect(*client, &address));
                client
            })
            .collect();
        let (one, other) = pair("unix");
        expect(write(*other, b"x"));
        let accept = anysock_op { flags: ANYSOCK_QUEUE_MULTI, ..op(ANYSOCK_OP_ACCEPT, 1, *listener) };
        let mut told = queue.run_for(&[accept, read_op(2, *one, 0)], 2 * CLIENTS, 0).unwrap();
        let connections = |told: &[anysock_done]| told.iter().filter(|done| done.token == 1).count();
        assert_eq!(connections(&told), SHARE);
        // The other handle did not wait for more than that.
        assert_eq!(told.len(), SHARE + 1);
        while connections(&told) < CLIENTS {
            told.extend(queue.run_for(&[], 2 * CLIENTS, LONG_US).unwrap());
        }
        assert_eq!(connections(&told), clients.len());
        told.iter().filter(|done| done.token == 1).for_each(|done| drop(own(expect(done.result))));
    });
}

/// What happens to the other end of a pair, which may be there afterwards.
type Happening = fn(Own) -> Option<Own>;

#[test]
fn what_is_polled_is_told_as_a_poller_tells_it() {
    let happenings: [Happening; 4] = [
        Some,
        |other| (write(*other, b"x") == 1).then_some(other),
        |other| (anysock_shutdown(*other, ANYSOCK_SHUT_WRITE) == 0).then_some(other),
        |_| None,
    ];
    on_each(|queue| {
        for (kind, happen) in
            ["tcp", "unix"].into_iter().flat_map(|kind| happenings.map(|happen| (kind, happen)))
        {
            let (one, other) = pair(kind);
            let _other = happen(other);
            let poller = poller();
            expect(anysock_poller_set(*poller, *one, 7, 0));
            let poll = anysock_op { value: 7, ..op(ANYSOCK_OP_POLL, 1, *one) };
            until("that both say the same", || {
                let expected = poller_wait(*poller, 4, LONG_US).unwrap()[0].events;
                queue.one(&[poll]).result == i64::from(expected)
            });
        }
    });
}
