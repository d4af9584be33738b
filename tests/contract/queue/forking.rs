//! A forked child has the queue empty, its handles its own, and disturbs nobody.

use super::kit::*;
use crate::peers::a_child;
use crate::support::*;

/// Runs `body` in a forked child; how it ended.
pub fn in_child(body: impl FnOnce()) -> i32 {
    let alone = a_child();
    // SAFETY: the library allows its use in a child of a process with threads, and the child uses nothing else.
    match unsafe { libc::fork() } {
        0 => {
            // It may have a child of its own.
            drop(alone);
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(i32::from(outcome.is_err())) }
        }
        child => {
            assert!(child > 0);
            let mut status = 0;
            // SAFETY: the place outlives the call.
            while unsafe { libc::waitpid(child, &mut status, 0) } != child {}
            status
        }
    }
}

#[test]
fn a_child_has_the_queue_empty_and_the_parent_notices_nothing() {
    on_each(|queue| {
        let (one, other) = pair("unix");
        queue.quiet(&[read_op(1, *one, ANYSOCK_QUEUE_MULTI), timer_op(2, LONG_US, 0)]);
        let status = in_child(|| {
            assert!(queue.run_for(&[], 8, 0).unwrap().is_empty());
            assert_eq!(queue.one(&[cancel_op(3, 1)]).result, 0);
            let (three, four) = pair("unix");
            expect(write(*four, b"child"));
            assert_eq!(bytes(&queue.one(&[read_op(4, *three, 0)])), b"child");
            expect(anysock_queue_wake(*queue.0));
            assert!(queue.run_for(&[], 8, LONG_US).unwrap().is_empty());
            expect(anysock_close(*one));
            expect(anysock_close(*queue.0));
        });
        assert_eq!(status, 0);
        queue.quiet(&[]);
        expect(write(*other, b"parent"));
        let done = queue.one(&[]);
        assert_eq!((done.token, bytes(&done)), (1, &b"parent"[..]));
    });
}

#[test]
fn buffers_that_the_caller_holds_stay_held_in_the_child_and_the_others_are_free() {
    on_each_with(2, 8, |queue| {
        let (one, other) = pair("unix");
        expect(write(*other, b"held"));
        let held = queue.one(&[read_op(1, *one, 0)]);
        let status = in_child(|| {
            assert_eq!(bytes(&held), b"held");
            let (three, four) = pair("unix");
            expect(write(*four, b"12345678abcd"));
            queue.quiet(&[]);
            let first = queue.one(&[read_op(2, *three, ANYSOCK_QUEUE_MULTI)]);
            assert_ne!(first.data, held.data);
            queue.quiet(&[]);
            assert_eq!(bytes(&queue.one(&[give_op(held.buffer)])), b"abcd");
        });
        assert_eq!(status, 0);
        queue.quiet(&[give_op(held.buffer)]);
    });
}

#[test]
fn the_parents_close_ends_the_connection_once_the_child_has_closed_its_copy() {
    on_each(|queue| {
        let (one, other) = pair("tcp");
        queue.quiet(&[read_op(1, *one, ANYSOCK_QUEUE_MULTI)]);
        let mut gate = [0; 2];
        // SAFETY: there is room for two descriptors.
        assert_eq!(unsafe { libc::pipe(gate.as_mut_ptr()) }, 0);
        let _alone = a_child();
        // SAFETY: as for `in_child`.
        let child = unsafe { libc::fork() };
        if child == 0 {
            anysock_close(*one);
            // SAFETY: waits for the parent, and ends the child at once.
            unsafe {
                libc::close(gate[1]);
                libc::read(gate[0], [0_u8].as_mut_ptr().cast(), 1);
                libc::_exit(0);
            }
        }
        // The child's copy is closed when it waits; the queue's own descriptors are not in the way.
        std::thread::sleep(std::time::Duration::from_millis(50));
        expect(anysock_close(*one));
        assert_eq!(read(*other, &mut [0]), 0);
        expect_error(queue.one(&[]).result, "ECANCELED");
        // SAFETY: lets the child go.
        unsafe {
            libc::close(gate[1]);
            libc::close(gate[0]);
            libc::waitpid(child, std::ptr::null_mut(), 0);
        }
    });
}

#[test]
fn what_was_received_stays_readable_in_a_child_that_closes_its_queue() {
    on_each(|queue| {
        let (one, other) = pair("unix");
        expect(write(*other, b"stays"));
        let held = queue.one(&[read_op(1, *one, 0)]);
        let status = in_child(|| {
            queue.quiet(&[]);
            expect(anysock_close(*queue.0));
            assert_eq!(bytes(&held), b"stays");
            // A later queue may have the memory, but it is there.
            let later = Queue::open(0, 0);
            let (three, four) = pair("unix");
            expect(write(*four, b"child"));
            assert_eq!(bytes(&later.one(&[read_op(2, *three, 0)])), b"child");
            assert_eq!(bytes(&held).len(), 5);
        });
        assert_eq!(status, 0);
        // The parent's is the parent's.
        assert_eq!(bytes(&held), b"stays");
    });
}
