//! Ends: of handles by close and release, of operations by their timeouts, of the queue.

use super::kit::*;
use crate::peers::{lone_listener, no_children};
use crate::support::*;
use std::time::{Duration, Instant};

const MULTI: i64 = ANYSOCK_QUEUE_MULTI;
const MORE: i64 = ANYSOCK_QUEUE_MORE;

#[track_caller]
fn of(told: &[anysock_done], token: i64) -> anysock_done {
    let mine: Vec<_> = told.iter().filter(|done| done.token == token).collect();
    assert_eq!(mine.len(), 1, "token {token} in {told:?}");
    *mine[0]
}

#[test]
fn release_ends_operations_as_close_does_and_the_descriptor_lives() {
    #[cfg(unix)]
    on_each(|queue| {
        let (one, other) = pair("unix");
        let poll = anysock_op { value: 4, flags: MULTI, ..op(ANYSOCK_OP_POLL, 2, *one) };
        queue.quiet(&[read_op(1, *one, MULTI), poll]);
        let fd = expect(anysock_release(*one));
        let told = queue.wait(&[], 2);
        for done in &told {
            expect_error(done.result, "ECANCELED");
            assert_eq!(done.flags, 0);
        }
        // What comes now is no longer the queue's.
        expect(write(*other, b"mine"));
        queue.quiet(&[]);
        let mut room = [0_u8; 8];
        // SAFETY: there is room for so many bytes.
        assert_eq!(unsafe { libc::read(fd as i32, room.as_mut_ptr().cast(), 8) }, 4);
        // Under a new handle it works again.
        let again = own(expect(anysock_adopt(fd)));
        expect(write(*other, b"again"));
        assert_eq!(bytes(&queue.one(&[read_op(3, *again, 0)])), b"again");
    });
}

#[test]
fn a_write_that_waits_ends_with_the_close_and_says_how_much_went() {
    on_each(|queue| {
        let (one, other) = narrow("unix");
        let large = pattern(1 << 20);
        queue.quiet(&[
            write_op(1, *one, &large),
            write_op(2, *one, b"behind"),
            op(ANYSOCK_OP_CLOSE, 3, *one),
        ]);
        // To others it is closed already.
        expect_error(anysock_close(*one), "EBADF");
        let told = queue.wait(&[cancel_op(9, 1)], 4);
        let (first, second) = (of(&told, 1), of(&told, 2));
        expect_error(first.result, "ECANCELED");
        expect_error(second.result, "ECANCELED");
        assert_eq!(second.value, 0);
        // Nothing is before the close any more.
        assert_eq!(of(&told, 3).result, 0);
        let mut all = vec![0; large.len()];
        assert_eq!(read_full(*other, &mut all), first.value);
        assert!(large.starts_with(&all[..first.value as usize]));
    });
}

#[test]
fn events_that_happened_before_a_close_are_reported_in_order() {
    on_each(|queue| {
        let (one, other) = pair("unix");
        expect(write(*other, b"before"));
        queue.quiet(&[]);
        // It is read in a run that has room for the first event alone.
        let nops: Vec<_> = (0..3).map(|token| op(ANYSOCK_OP_NOP, token, 0)).collect();
        let write = write_op(20, *one, b"out");
        let told = queue.run_for(&[&nops[..], &[write, read_op(21, *one, MULTI)]].concat(), 1, 0).unwrap();
        assert_eq!(told.len(), 1);
        expect(anysock_close(*one));
        let told = queue.run(&[]);
        let mine: Vec<_> = told.iter().filter(|done| done.handle == *one).collect();
        assert_eq!((mine[0].token, mine[0].result), (20, 3));
        let last = mine.last().unwrap();
        assert_eq!((last.token, last.flags), (21, 0));
        expect_error(last.result, "ECANCELED");
        assert!(mine[1..mine.len() - 1].iter().all(|done| done.flags == MORE && bytes(done) == b"before"));
        queue.quiet(&[]);
        assert_eq!(drain(*other, 3), b"out");
    });
}

#[test]
fn when_a_close_returns_the_peer_has_its_end_whatever_the_queue_was_about() {
    on_each(|queue| {
        for kind in here(&["tcp4", "tcp6", "unix", "unixpacket"]) {
            for wanted in 0..4 {
                let (one, other) = connected(kind);
                let poll = anysock_op { value: 7, flags: MULTI, ..op(ANYSOCK_OP_POLL, 1, *one) };
                match wanted {
                    0 => queue.quiet(&[read_op(1, *one, MULTI)]),
                    1 => queue.quiet(&[read_op(1, *one, 0), read_op(2, *one, 0)]),
                    2 => drop(queue.run(&[poll])),
                    _ => drop(queue.one(&[write_op(1, *one, b"")])),
                }
                expect(anysock_close(*one));
                assert_eq!(recv(*other, &mut [0], 0).min(0), 0, "{kind} {wanted}");
                while !queue.run(&[]).is_empty() {}
            }
        }
    });
}

#[test]
fn when_the_queues_own_close_is_told_the_peer_has_its_end_and_the_port_is_free() {
    let _closed_is_closed = no_children();
    on_each(|queue| {
        for flags in [0, ANYSOCK_QUEUE_NOW] {
            let listener = lone_listener();
            let address = local_address(*listener);
            let accept = |flags| anysock_op { flags, ..op(ANYSOCK_OP_ACCEPT, 1, *listener) };
            queue.quiet(&[accept(0), accept(MULTI)]);
            let close = anysock_op { flags, ..op(ANYSOCK_OP_CLOSE, 2, *listener) };
            let told = queue.wait(&[close], 3);
            assert_eq!(of(&told, 2).result, 0);
            assert_eq!(told[2].token, 2, "the accepts end before: {told:?}");
            told[..2].iter().for_each(|done| expect_error(done.result, "ECANCELED"));
            let again = open("tcp4");
            expect(bind(*again, &address));
            expect(anysock_listen(*again, 0));
            let (one, other) = pair("tcp");
            queue.quiet(&[read_op(3, *one, 0)]);
            queue.wait(&[anysock_op { handle: *one, ..close }], 2);
            assert_eq!(recv(*other, &mut [0], ANYSOCK_FLAG_DONT_WAIT), 0);
        }
    });
}

#[test]
fn once_a_close_is_taken_every_function_finds_the_handle_closed() {
    on_each(|queue| {
        let (one, _other) = narrow("unix");
        let large = pattern(300_000);
        queue.quiet(&[write_op(1, *one, &large), op(ANYSOCK_OP_CLOSE, 2, *one)]);
        let second = Queue::open(0, 0);
        for queue in [queue, &second] {
            for kind in [
                ANYSOCK_OP_READ,
                ANYSOCK_OP_WRITE,
                ANYSOCK_OP_RECEIVE_FROM,
                ANYSOCK_OP_ACCEPT,
                ANYSOCK_OP_CLOSE,
            ] {
                expect_error(queue.one(&[op(kind, 3, *one)]).result, "EBADF");
            }
            let poll = anysock_op { value: 1, ..op(ANYSOCK_OP_POLL, 3, *one) };
            let shut = anysock_op { value: 1, ..op(ANYSOCK_OP_SHUTDOWN, 3, *one) };
            expect_error(queue.one(&[poll]).result, "EBADF");
            expect_error(queue.one(&[shut]).result, "EBADF");
        }
        expect_error(read(*one, &mut [0]), "EBADF");
        expect_error(get(*one, "timeout").unwrap_err(), "EBADF");
        expect_error(anysock_fd(*one), "EBADF");
        expect_error(anysock_shutdown(*one, 1), "EBADF");
        expect_error(anysock_release(*one), "EBADF");
        let poller = poller();
        expect_error(anysock_poller_set(*poller, *one, 1, 0), "EBADF");
        let mut sets = [vec![*one], vec![], vec![]];
        expect_error(select(&mut sets, 0), "EBADF");
    });
}

#[test]
fn a_blocked_call_is_woken_by_the_queues_close() {
    on_each(|queue| {
        for flags in [0, ANYSOCK_QUEUE_NOW] {
            let (one, _other) = pair("tcp");
            let handle = *one;
            let blocked = Call::blocked(move || read(handle, &mut [0]));
            let close = anysock_op { flags, ..op(ANYSOCK_OP_CLOSE, 1, handle) };
            assert_eq!(queue.one(&[close]).result, 0);
            expect_error(blocked.result(), "ECANCELED");
        }
    });
}

#[test]
fn a_closed_queue_drops_what_waits_and_gives_every_handle_back() {
    on_each(|queue| {
        let (one, other) = narrow("unix");
        let (listener, grams) = (listener("tcp4"), connected("udp4"));
        let large = pattern(1 << 20);
        queue.quiet(&[
            write_op(1, *one, &large),
            read_op(2, *one, MULTI),
            op(ANYSOCK_OP_ACCEPT, 3, *listener),
            anysock_op { flags: MULTI, ..op(ANYSOCK_OP_RECEIVE_FROM, 4, *grams.0) },
        ]);
        expect(anysock_close(*queue.0));
        expect_error(anysock_close(*queue.0), "EBADF");
        // Some of the large write has gone, and no more of it goes. The turn to write is given back, too. Where a pair is one of TCP,
        // what has gone is not all there at once.
        let second = Queue::open(0, 0);
        let mut told = second.run(&[write_op(1, *one, b"next")]);
        let (mut got, mut room) = (Vec::new(), vec![0; 1 << 20]);
        until("that the second queue's write has come", || {
            let count = recv(*other, &mut room, ANYSOCK_FLAG_DONT_WAIT);
            got.extend_from_slice(&room[..count.max(0) as usize]);
            told.extend(second.run(&[]));
            !told.is_empty() && got.ends_with(b"next")
        });
        assert_eq!((told.len(), told[0].result), (1, 4));
        let rest = got.len() - 4;
        assert!(rest < large.len() && got[..rest] == large[..rest]);
        expect(write(*other, b"in"));
        assert_eq!(drain(*one, 2), b"in");
        let client = open("tcp4");
        expect(connect(*client, &local_address(*listener)));
        drop(own(expect(anysock_accept(*listener))));
        expect(send(*grams.1, b"gram", 0));
        assert_eq!(read(*grams.0, &mut room), 4);
    });
}

#[test]
fn a_handle_whose_close_waits_is_given_back_with_the_queue() {
    on_each(|queue| {
        let (one, other) = narrow("unix");
        let large = pattern(1 << 20);
        queue.quiet(&[write_op(1, *one, &large), op(ANYSOCK_OP_CLOSE, 2, *one)]);
        expect(anysock_close(*queue.0));
        let mut room = vec![0; 1 << 20];
        assert!(expect(read(*other, &mut room)) > 0);
        expect(anysock_close(*one));
        until("that the peer has its end", || recv(*other, &mut room, ANYSOCK_FLAG_DONT_WAIT) == 0);
    });
}

#[test]
fn timeouts_are_counted_between_the_events_of_one_that_goes_on() {
    on_each(|queue| {
        let (one, other) = pair("unix");
        expect(set(*one, "read_timeout", 1_000_000));
        queue.quiet(&[read_op(1, *one, MULTI)]);
        let begun = Instant::now();
        // Each in time, all together far too late.
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(300));
            expect(write(*other, b"x"));
            let done = queue.one(&[]);
            assert_eq!((done.result, done.flags), (1, MORE), "{}", name(done.result));
            queue.quiet(&[give_op(done.buffer)]);
        }
        assert!(begun.elapsed() > Duration::from_millis(1_200));
        let last = Instant::now();
        let done = queue.one(&[]);
        assert_eq!((name(done.result).as_str(), done.flags, done.value), ("ETIMEDOUT", 0, 5));
        assert!(last.elapsed() >= Duration::from_millis(600));
        // The option as it was at the submission.
        let last = Instant::now();
        queue.quiet(&[read_op(2, *one, 0)]);
        expect(set(*one, "read_timeout", 1));
        expect_error(queue.one(&[]).result, "ETIMEDOUT");
        assert!(last.elapsed() >= Duration::from_millis(600));
    });
}

#[test]
fn a_timeout_of_a_write_in_the_middle_ends_those_behind_it() {
    on_each(|queue| {
        let (one, other) = narrow("unix");
        let large = pattern(1 << 20);
        expect(set(*one, "write_timeout", 300_000));
        queue.quiet(&[write_op(1, *one, &large)]);
        expect(set(*one, "write_timeout", -1));
        queue.quiet(&[write_op(2, *one, b"behind")]);
        let told = queue.wait(&[], 2);
        assert_eq!(told.iter().map(|done| done.token).collect::<Vec<_>>(), [1, 2]);
        expect_error(told[0].result, "ETIMEDOUT");
        assert!(told[0].value > 0 && told[0].value < 1 << 20);
        assert_eq!((name(told[1].result).as_str(), told[1].value), ("ECANCELED", 0));
        drain(*other, told[0].value as usize);
        // What is handed over afterwards goes.
        assert_eq!(queue.one(&[write_op(3, *one, b"after")]).result, 5);
        assert_eq!(drain(*other, 5), b"after");
    });
}

#[test]
fn with_a_timeout_of_0_everything_is_tried_once() {
    on_each(|queue| {
        let (one, other) = narrow("unix");
        let listener = listener("tcp4");
        let (gram, _peer) = connected("udp4");
        for handle in [*one, *listener, *gram] {
            expect(set(handle, "timeout", 0));
        }
        let ops = [
            read_op(1, *one, MULTI),
            op(ANYSOCK_OP_ACCEPT, 2, *listener),
            anysock_op { flags: MULTI, ..op(ANYSOCK_OP_ACCEPT, 3, *listener) },
            op(ANYSOCK_OP_RECEIVE_FROM, 4, *gram),
            read_op(5, *gram, MULTI),
        ];
        let told = queue.run(&ops);
        assert_eq!(told.len(), 5, "{told:?}");
        for token in 1..=5 {
            let done = of(&told, token);
            assert_eq!((name(done.result).as_str(), done.flags), ("EAGAIN", 0), "{done:?}");
        }
        expect(write(*other, b"abc"));
        let told = queue.run(&[
            anysock_op { length: 2, ..read_op(6, *one, 0) },
            anysock_op { length: 2, ..read_op(7, *one, 0) },
        ]);
        assert!(told.iter().any(|done| done.token == 6 && bytes(done) == b"ab"), "{told:?}");
        // With it, nothing waits in a line, either.
        let large = pattern(1 << 20);
        let told = queue.run(&[write_op(8, *one, &large), write_op(9, *one, b"x")]);
        assert_eq!(told.len(), 2, "{told:?}");
        expect_error(of(&told, 8).result, "EAGAIN");
        assert!(of(&told, 8).value > 0);
        // What is behind one of which only a part went does not go, whatever room there is.
        expect_error(of(&told, 9).result, "ECANCELED");
        assert_eq!(of(&told, 9).value, 0);
    });
}

#[test]
fn accepts_wait_as_long_as_their_listener_says() {
    on_each(|queue| {
        let listener = listener("tcp4");
        expect(set(*listener, "accept_timeout", 30_000));
        let begun = Instant::now();
        let accept = anysock_op { flags: MULTI, ..op(ANYSOCK_OP_ACCEPT, 1, *listener) };
        let done = queue.one(&[accept]);
        assert_eq!((name(done.result).as_str(), done.flags), ("ETIMEDOUT", 0));
        assert!(begun.elapsed() >= Duration::from_millis(30));
    });
}

#[test]
fn a_shutdown_of_the_own_half_ends_reads() {
    on_each(|queue| {
        let (one, other) = pair("tcp");
        queue.quiet(&[read_op(1, *one, MULTI)]);
        let shut = anysock_op { value: 1, ..op(ANYSOCK_OP_SHUTDOWN, 2, *one) };
        let told = queue.wait(&[shut], 2);
        assert_eq!(of(&told, 2).result, 0);
        let end = of(&told, 1);
        assert_eq!((end.result, end.flags, end.buffer), (0, 0, 0));
        let shut = anysock_op { value: 2, ..shut };
        let told = queue.wait(&[write_op(3, *one, b"last"), shut, write_op(4, *one, b"late")], 3);
        assert_eq!((of(&told, 3).result, of(&told, 2).result), (4, 0));
        expect_error(of(&told, 4).result, "EPIPE");
        assert_eq!(drain(*other, 4), b"last");
        assert_eq!(read(*other, &mut [0]), 0);
    });
}
