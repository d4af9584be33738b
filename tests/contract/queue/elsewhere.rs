//! The queue in other event loops: its descriptor.

use super::kit::*;
use crate::support::*;
use std::time::{Duration, Instant};

/// Those whose queue has a descriptor.
fn on_each_exposed(test: impl Fn(&Queue, i32)) {
    on_each_exposed_with(0, test);
}

/// The same with so many buffers of four bytes.
fn on_each_exposed_with(buffers: i64, test: impl Fn(&Queue, i32)) {
    on_each_with(buffers, 4 * i64::from(buffers > 0), |queue| {
        let fd = anysock_fd(*queue.0);
        if get_text(*queue.0, "queue.engine").as_deref() == Ok("poll") || cfg!(windows) {
            return expect_error(fd, "EOPNOTSUPP");
        }
        test(queue, i32::try_from(expect(fd)).unwrap());
    });
}

/// Whether it is readable within this time.
fn is_readable(fd: i32, milliseconds: i32) -> bool {
    let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: the entry outlives the call.
    match unsafe { libc::poll(&mut entry, 1, milliseconds) } {
        -1 => is_readable(fd, milliseconds),
        found => found == 1,
    }
}

const LONG_MS: i32 = 60_000;

#[test]
fn it_is_readable_when_a_run_would_tell_something_and_rests_else() {
    on_each_exposed(|queue, fd| {
        let rest = || {
            (0..2).any(|_| {
                queue.quiet(&[]);
                !is_readable(fd, 0)
            })
        };
        assert!(rest());
        let (one, other) = pair("unix");
        queue.quiet(&[read_op(1, *one, ANYSOCK_QUEUE_MULTI)]);
        assert!(rest());
        expect(write(*other, b"x"));
        assert!(is_readable(fd, LONG_MS));
        let done = queue.run(&[]);
        assert_eq!(bytes(&done[0]), b"x");
        assert!(rest());
        // What does not fit is still to be told.
        let ops: Vec<_> = (0..3).map(|token| op(ANYSOCK_OP_NOP, token, 0)).collect();
        assert_eq!(queue.run_for(&ops, 1, 0).unwrap().len(), 1);
        assert!(is_readable(fd, 0));
        assert_eq!(queue.run(&[]).len(), 2);
        assert!(rest());
        // A close from elsewhere.
        expect(anysock_close(*one));
        assert!(is_readable(fd, LONG_MS));
        expect_error(queue.run(&[])[0].result, "ECANCELED");
        assert!(rest());
    });
}

#[test]
fn deadlines_make_it_readable() {
    on_each_exposed(|queue, fd| {
        queue.quiet(&[timer_op(1, 30_000, 0)]);
        let began = Instant::now();
        while queue.run(&[]).is_empty() {
            assert!(is_readable(fd, LONG_MS));
        }
        assert!(began.elapsed() >= Duration::from_millis(25));
        let (one, _other) = pair("unix");
        expect(set(*one, "read_timeout", 10_000));
        queue.quiet(&[read_op(2, *one, 0)]);
        let told = loop {
            assert!(is_readable(fd, LONG_MS));
            let told = queue.run(&[]);
            if !told.is_empty() {
                break told;
            }
        };
        expect_error(told[0].result, "ETIMEDOUT");
    });
}

#[test]
fn a_wake_makes_it_readable_and_a_run_that_does_not_wait_makes_it_rest() {
    on_each_exposed(|queue, fd| {
        queue.quiet(&[]);
        expect(anysock_queue_wake(*queue.0));
        assert!(is_readable(fd, LONG_MS));
        queue.quiet(&[]);
        assert!(!is_readable(fd, 0));
        // It was not used up.
        assert_eq!(queue.run_for(&[], 4, LONG_US).unwrap().len(), 0);
    });
}

#[test]
fn a_child_asks_anew_and_neither_wakes_the_other() {
    on_each_exposed(|queue, fd| {
        let (one, other) = pair("unix");
        queue.quiet(&[read_op(1, *one, ANYSOCK_QUEUE_MULTI)]);
        let status = super::forking::in_child(|| {
            let own = i32::try_from(expect(anysock_fd(*queue.0))).unwrap();
            queue.quiet(&[]);
            assert!(!is_readable(own, 0));
            let (three, four) = pair("unix");
            queue.quiet(&[read_op(2, *three, 0)]);
            expect(write(*four, b"child"));
            assert!(is_readable(own, LONG_MS));
            assert_eq!(queue.run(&[])[0].token, 2);
            // Nor does the child's close of the queue disturb the parent.
            expect(anysock_close(*queue.0));
        });
        assert_eq!(status, 0);
        queue.quiet(&[]);
        assert!(!is_readable(fd, 0));
        expect(write(*other, b"parent"));
        assert!(is_readable(fd, LONG_MS));
        assert_eq!(bytes(&queue.run(&[])[0]), b"parent");
    });
}

#[test]
fn what_can_not_be_done_just_now_leaves_it_at_rest() {
    on_each_exposed(|queue, fd| {
        // The kernel calls a datagram socket writable whose peer is full: believed for a while, then left alone.
        let (one, _other) = connected("unixgram");
        let mut ops: Vec<_> = (0..1_000).map(|_| write_op(1, *one, b"gram")).collect();
        ops.iter_mut().for_each(|op| op.flags = ANYSOCK_QUEUE_QUIET);
        queue.quiet(&ops);
        until("that it rests", || {
            queue.quiet(&[]);
            !is_readable(fd, 0)
        });
    });
}

#[test]
fn a_read_that_waits_for_a_buffer_leaves_it_at_rest() {
    on_each_exposed_with(1, |queue, fd| {
        let (one, other) = pair("unix");
        expect(write(*other, b"more than there is room for"));
        let held = queue.one(&[read_op(1, *one, ANYSOCK_QUEUE_MULTI)]);
        queue.quiet(&[]);
        queue.quiet(&[]);
        assert!(!is_readable(fd, 0));
        // The end of the stream needs no buffer, and is not there yet.
        drop(other);
        queue.quiet(&[]);
        queue.quiet(&[]);
        assert!(!is_readable(fd, 0));
        assert_eq!(bytes(&queue.one(&[give_op(held.buffer)])), b" tha");
    });
}

#[test]
fn a_hang_up_that_nobody_asked_for_leaves_it_at_rest() {
    on_each_exposed(|queue, fd| {
        let (one, other) = pair("unix");
        let poll = anysock_op { value: 4, flags: ANYSOCK_QUEUE_MULTI, ..op(ANYSOCK_OP_POLL, 1, *one) };
        queue.quiet(&[poll]);
        drop(other);
        queue.quiet(&[]);
        queue.quiet(&[]);
        assert!(!is_readable(fd, 0));
        // What else is asked for is told.
        assert!(queue.one(&[anysock_op { value: 1, token: 2, flags: 0, ..poll }]).result & 1 != 0);
    });
}
