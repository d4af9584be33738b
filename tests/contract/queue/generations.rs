//! Forks in more states than an idle one, and queues among other loops.

use super::forking::in_child;
use super::kit::*;
use crate::support::*;

const MULTI: i64 = ANYSOCK_QUEUE_MULTI;

#[test]
fn a_child_forgets_writes_that_wait_and_the_parents_go_on() {
    on_each(|queue| {
        let (one, other) = narrow("unix");
        let large = pattern(300_000);
        queue.quiet(&[write_op(1, *one, &large), op(ANYSOCK_OP_CLOSE, 2, *one)]);
        let status = in_child(|| {
            queue.quiet(&[]);
            let (three, four) = pair("tcp");
            assert_eq!(queue.one(&[write_op(4, *three, b"child")]).result, 5);
            assert_eq!(drain(*four, 5), b"child");
        });
        assert_eq!(status, 0);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| drain(*other, large.len()));
            let told = queue.wait(&[], 2);
            assert_eq!(told.iter().map(|done| done.result).collect::<Vec<_>>(), [300_000, 0]);
            assert!(reader.join().unwrap() == large);
        });
        assert_eq!(read(*other, &mut [0]), 0);
    });
}

#[test]
fn a_child_does_not_hear_what_was_left_to_be_told() {
    on_each(|queue| {
        let ops: Vec<_> = (0..5).map(|token| op(ANYSOCK_OP_NOP, token, 0)).collect();
        assert_eq!(queue.run_for(&ops, 2, 0).unwrap().len(), 2);
        expect(anysock_queue_wake(*queue.0));
        let status = in_child(|| {
            queue.quiet(&[]);
            // The wake stays in its process: this waits until its time is over, or is a child's own.
            assert!(queue.run_for(&[], 8, 1_000).unwrap().is_empty());
            assert_eq!(queue.one(&[op(ANYSOCK_OP_NOP, 9, 0)]).token, 9);
        });
        assert_eq!(status, 0);
        assert_eq!(queue.run(&[]).iter().map(|done| done.token).collect::<Vec<_>>(), [2, 3, 4]);
    });
}

#[test]
fn a_child_of_a_process_whose_threads_wait_in_the_queue_works() {
    on_each(|queue| {
        let (one, other) = pair("unix");
        let handle = *queue.0;
        queue.quiet(&[read_op(1, *one, MULTI)]);
        let call = Call::blocked(move || {
            let mut done = [0_u8; 64 * 4];
            // SAFETY: there is room for four events.
            unsafe { anysock_queue_run(handle, std::ptr::null(), 0, done.as_mut_ptr().cast(), 4, LONG_US) }
        });
        for _ in 0..5 {
            let status = in_child(|| {
                queue.quiet(&[]);
                let (three, four) = pair("unix");
                expect(write(*four, b"child"));
                assert_eq!(bytes(&queue.one(&[read_op(2, *three, 0)])), b"child");
                // The parent's registrations are out of reach.
                assert_eq!(queue.one(&[cancel_op(3, 1)]).result, 0);
                // A grandchild, too.
                let status = in_child(|| {
                    queue.quiet(&[]);
                    assert_eq!(queue.one(&[timer_op(4, 10, 0)]).token, 4);
                });
                assert_eq!(status, 0);
                expect(anysock_close(*one));
            });
            assert_eq!(status, 0);
        }
        assert_eq!(call.try_result(), None);
        expect(write(*other, b"parent"));
        assert_eq!(call.result(), 1);
    });
}

#[test]
fn a_child_keeps_options_and_engine_and_closes_the_queue_for_itself() {
    on_each(|queue| {
        expect(set(*queue.0, "queue.send_limit", 777));
        expect(set(*queue.0, "interruptible", 1));
        queue.quiet(&[]);
        let engine = get_text(*queue.0, "queue.engine");
        let status = in_child(|| {
            assert_eq!(get(*queue.0, "queue.send_limit"), Ok(777));
            assert_eq!(get(*queue.0, "interruptible"), Ok(1));
            queue.quiet(&[]);
            assert_eq!(get_text(*queue.0, "queue.engine"), engine);
            expect(anysock_close(*queue.0));
        });
        assert_eq!(status, 0);
        assert_eq!(queue.one(&[op(ANYSOCK_OP_NOP, 1, 0)]).token, 1);
    });
}

#[test]
fn a_child_writes_on_after_the_parent_was_in_the_middle() {
    on_each(|queue| {
        // The turn to send is the parent's: a child's copy of the handle is free.
        let (one, other) = narrow("unix");
        let large = pattern(100_000);
        queue.quiet(&[write_op(1, *one, &large)]);
        let before = get(*other, "available").unwrap();
        let mut room = vec![0; 100_000];
        assert!(read(*other, &mut room) >= before.min(1));
        let status = in_child(|| {
            let mut told = queue.run(&[write_op(2, *one, b"child")]);
            while told.is_empty() {
                let mut room = vec![0; 100_000];
                recv(*other, &mut room, ANYSOCK_FLAG_DONT_WAIT);
                told = queue.run_for(&[], 4, 1_000).unwrap();
            }
            assert_eq!(told[0].result, 5);
        });
        assert_eq!(status, 0);
    });
}

#[test]
fn blocking_calls_and_pollers_work_on_the_same_handles() {
    on_each(|queue| {
        let (one, other) = pair("tcp");
        let poller = poller();
        expect(anysock_poller_set(*poller, *one, ANYSOCK_EVENT_READ, 5));
        queue.quiet(&[read_op(1, *one, MULTI)]);
        let mut got = Vec::new();
        for number in 0..200_u8 {
            expect(write(*other, &[number]));
            match number % 3 {
                0 => {
                    let mut room = [0; 4];
                    let count = recv(*one, &mut room, ANYSOCK_FLAG_DONT_WAIT).max(0) as usize;
                    got.extend_from_slice(&room[..count]);
                }
                1 => assert!(poller_wait(*poller, 4, 0).unwrap().len() <= 1),
                _ => {}
            }
            for done in queue.run(&[]) {
                got.extend_from_slice(bytes(&done));
                queue.run(&[give_op(done.buffer)]);
            }
        }
        while got.len() < 200 {
            for done in queue.run_for(&[], 4, LONG_US).unwrap() {
                got.extend_from_slice(bytes(&done));
            }
        }
        assert_eq!(got, (0..200).collect::<Vec<_>>());
    });
}

#[test]
fn an_accept_that_goes_on_ends_without_descriptors_and_the_connection_stays_queued() {
    on_each(|queue| {
        let listener = listener("tcp4");
        let accept = anysock_op { flags: MULTI, ..op(ANYSOCK_OP_ACCEPT, 1, *listener) };
        let status = in_child(|| {
            queue.quiet(&[accept]);
            let client = open("tcp4");
            // SAFETY: what is duplicated is closed again.
            let next = unsafe {
                let next = libc::dup(0);
                libc::close(next);
                next
            };
            // SAFETY: plain numbers, and the limit outlives the calls.
            let allow = |more: libc::rlim_t| unsafe {
                let mut limit: libc::rlimit = std::mem::zeroed();
                assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
                limit.rlim_cur = next as libc::rlim_t + more;
                assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit), 0);
            };
            allow(0);
            expect(connect(*client, &local_address(*listener)));
            let done = queue.one(&[]);
            assert_eq!((name(done.result).as_str(), done.flags), ("EMFILE", 0));
            queue.quiet(&[]);
            allow(20);
            drop(own(expect(queue.one(&[accept]).result)));
        });
        assert_eq!(status, 0);
    });
}
