//! CLOSE, closes from elsewhere, and the close of the queue itself.

use super::kit::*;
use crate::peers::{lone_listener, no_children};
use crate::support::*;

#[test]
fn a_close_comes_after_the_writes_before_it() {
    on_each(|queue| {
        let (one, other) = narrow("unix");
        let large = pattern(300_000);
        let told =
            queue.run(&[read_op(3, *one, 0), write_op(1, *one, &large), op(ANYSOCK_OP_CLOSE, 2, *one)]);
        assert_eq!(told.len(), 1);
        expect_error(told[0].result, "ECANCELED");
        assert_eq!(told[0].token, 3);
        // To everybody else it is closed by now.
        expect_error(write(*one, b"x"), "EBADF");
        expect_error(anysock_close(*one), "EBADF");
        expect_error(queue.one(&[read_op(4, *one, 0)]).result, "EBADF");
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| drain(*other, large.len()));
            let told = queue.wait(&[], 2);
            assert_eq!(
                told.iter().map(|done| (done.token, done.result)).collect::<Vec<_>>(),
                [(1, 300_000), (2, 0)]
            );
            assert!(reader.join().unwrap() == large);
        });
        assert_eq!(read(*other, &mut [0]), 0);
    });
}

#[test]
fn a_close_at_once_drops_the_writes_before_it() {
    on_each(|queue| {
        let (one, other) = narrow("unix");
        let large = pattern(1 << 20);
        queue.quiet(&[write_op(1, *one, &large)]);
        let now = anysock_op { flags: ANYSOCK_QUEUE_NOW, ..op(ANYSOCK_OP_CLOSE, 2, *one) };
        let told = queue.wait(&[now], 2);
        expect_error(told[0].result, "ECANCELED");
        assert_eq!((told[1].token, told[1].result), (2, 0));
        let mut room = vec![0; 1 << 20];
        assert_eq!(read_full(*other, &mut room), told[0].value);
    });
}

#[test]
fn a_cancelled_close_leaves_the_handle_open() {
    on_each(|queue| {
        let (one, other) = narrow("unix");
        let large = pattern(300_000);
        queue.quiet(&[write_op(1, *one, &large), op(ANYSOCK_OP_CLOSE, 2, *one)]);
        let told = queue.wait(&[cancel_op(3, 2)], 2);
        assert_eq!(told.iter().map(|done| done.token).sum::<i64>(), 5);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| drain(*other, large.len()));
            assert_eq!(queue.one(&[]).token, 1);
            assert!(reader.join().unwrap() == large);
        });
        assert_eq!(write(*one, b"open"), 4);
        assert_eq!(drain(*other, 4), b"open");
        queue.quiet(&[read_op(5, *one, 0)]);
        expect(anysock_close(*one));
        expect_error(queue.one(&[]).result, "ECANCELED");
    });
}

#[test]
fn a_close_from_elsewhere_ends_every_operation_and_the_peer_has_its_end() {
    on_each(|queue| {
        let (one, other) = pair("tcp");
        let poll = anysock_op { value: 4, ..op(ANYSOCK_OP_POLL, 3, *one) };
        queue.quiet(&[read_op(1, *one, ANYSOCK_QUEUE_MULTI), poll]);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.wait(&[], 2));
            expect(anysock_close(*one));
            assert_eq!(read(*other, &mut [0]), 0);
            for done in waiting.join().unwrap() {
                expect_error(done.result, "ECANCELED");
                assert_eq!(done.flags, 0);
            }
        });
        queue.quiet(&[]);
    });
}

#[test]
fn a_port_is_free_when_its_listeners_close_returns() {
    let _closed_is_closed = no_children();
    on_each(|queue| {
        let listener = lone_listener();
        let address = local_address(*listener);
        queue.quiet(&[anysock_op { flags: ANYSOCK_QUEUE_MULTI, ..op(ANYSOCK_OP_ACCEPT, 1, *listener) }]);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.one(&[]));
            expect(anysock_close(*listener));
            let again = open("tcp4");
            expect(bind(*again, &address));
            expect(anysock_listen(*again, 0));
            expect_error(waiting.join().unwrap().result, "ECANCELED");
        });
    });
}

#[test]
fn closing_the_queue_ends_its_waits_and_leaves_the_handles() {
    on_each(|queue| {
        let (one, other) = pair("unix");
        queue.quiet(&[read_op(1, *one, ANYSOCK_QUEUE_MULTI), timer_op(2, LONG_US, 0)]);
        std::thread::scope(|scope| {
            let waits: Vec<_> = (0..3).map(|_| scope.spawn(|| queue.run_for(&[], 4, -1))).collect();
            std::thread::sleep(std::time::Duration::from_millis(20));
            expect(anysock_close(*queue.0));
            for wait in waits {
                let code = wait.join().unwrap().unwrap_err();
                assert!(["ECANCELED", "EBADF"].contains(&name(code).as_str()));
            }
        });
        expect_error(queue.run_for(&[], 1, 0).unwrap_err(), "EBADF");
        expect(write(*other, b"x"));
        assert_eq!(drain(*one, 1), b"x");
    });
}

#[test]
fn a_connection_that_was_accepted_and_not_told_is_closed_with_the_queue() {
    on_each(|queue| {
        let listener = listener("tcp4");
        let client = open("tcp4");
        expect(connect(*client, &local_address(*listener)));
        let accept = op(ANYSOCK_OP_ACCEPT, 1, *listener);
        queue.wait(&[op(ANYSOCK_OP_NOP, 0, 0)], 1);
        // It is accepted in a run that has room for another event alone.
        let told = queue.run_for(&[op(ANYSOCK_OP_NOP, 0, 0), accept], 1, 0).unwrap();
        assert_eq!(told.len(), 1);
        expect(anysock_close(*queue.0));
        drop(listener);
        let end = read(*client, &mut [0]);
        assert!(end == 0 || name(end) == "ECONNRESET", "{end}");
    });
}

#[test]
fn a_cancel_finds_a_close_that_waits_by_its_handle() {
    let all = |handle| anysock_op { flags: ANYSOCK_QUEUE_ALL, handle, ..op(ANYSOCK_OP_CANCEL, 3, 0) };
    let own_token = |handle| anysock_op { handle, ..cancel_op(3, 2) };
    on_each(|queue| {
        for (cancel, hits) in [(all as fn(i64) -> anysock_op, 2), (own_token, 1)] {
            let (one, other) = narrow("unix");
            let large = pattern(300_000);
            queue.quiet(&[write_op(1, *one, &large), op(ANYSOCK_OP_CLOSE, 2, *one)]);
            // To all else it is closed.
            expect_error(queue.one(&[read_op(4, *one, 0)]).result, "EBADF");
            expect_error(write(*one, b"x"), "EBADF");
            let told = queue.wait(&[cancel(*one)], 1 + hits);
            let of = |token| told.iter().find(|done| done.token == token).unwrap();
            assert_eq!(of(3).result, hits as i64);
            expect_error(of(2).result, "ECANCELED");
            // The handle is open.
            expect(write(*other, b"open"));
            assert_eq!(drain(*one, 4), b"open");
            assert_eq!(queue.wait(&[all(*one)], 3 - hits).len(), 3 - hits);
        }
    });
}

#[test]
fn a_queue_that_is_closed_with_its_handle_reads_from_nobody_who_comes_after() {
    on_each_with(4, 16, |queue| {
        let engine = get_text(*queue.0, "queue.engine").unwrap();
        for _ in 0..rounds(if cfg!(windows) { 20 } else { 200 }) {
            let queue = Queue::open(4, 16);
            expect(set_text(*queue.0, "queue.engine", &engine));
            let (one, other) = pair("unix");
            queue.quiet(&[read_op(1, *one, ANYSOCK_QUEUE_MULTI)]);
            fill(*other);
            let start = std::sync::Barrier::new(3);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    start.wait();
                    let mut buffer = 0;
                    let error = loop {
                        let back = [give_op(buffer)];
                        match queue.run_for(&back[..usize::from(buffer != 0)], 1, 0) {
                            Ok(told) => buffer = told.first().map_or(0, |done| done.buffer),
                            Err(error) => break name(error),
                        }
                    };
                    assert!(["EBADF", "ECANCELED"].contains(&error.as_str()), "{error}");
                });
                scope.spawn(|| {
                    start.wait();
                    expect(anysock_close(*queue.0));
                });
                start.wait();
                expect(anysock_close(*one));
                // The next have the numbers of the descriptors that were given back.
                for _ in 0..20 {
                    let (next, its_peer) = pair("unix");
                    assert_eq!(write(*its_peer, b"mine"), 4);
                    assert_eq!(recv(*next, &mut [0; 8], ANYSOCK_FLAG_DONT_WAIT), 4);
                }
            });
        }
    });
}
