//! What a run does: for whom it waits, what ends it, how much waits in the library.

use super::kit::*;
use crate::support::*;

const MULTI: i64 = ANYSOCK_QUEUE_MULTI;

fn connect_op(token: i64, handle: i64, text: &str) -> anysock_op {
    anysock_op { op: ANYSOCK_OP_CONNECT, ..write_op(token, handle, text.as_bytes()) }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    /// A queue of its own for a call in another thread.
    fn queue_of(engine: &str) -> Queue {
        let queue = Queue::open(0, 0);
        expect(set_text(*queue.0, "queue.engine", engine));
        queue
    }

    #[test]
    fn a_signal_ends_the_run_of_an_interruptible_queue_alone_and_no_event_is_lost() {
        for engine in engines() {
            for restart in [false, true] {
                let queue = queue_of(engine);
                expect(set(*queue.0, "interruptible", 1));
                let (one, other) = pair("unix");
                let (handle, reader) = (*queue.0, *one);
                let call = Call::blocked_for_signals(restart, move || {
                    let op = read_op(1, reader, 0);
                    let mut done = [0_u8; 64 * 4];
                    // SAFETY: one operation, and room for four events.
                    unsafe { anysock_queue_run(handle, &op, 1, done.as_mut_ptr().cast(), 4, -1) }
                });
                expect_error(call.result_under_signals(), "EINTR");
                expect(write(*other, b"kept"));
                assert_eq!(bytes(&queue.one(&[])), b"kept");
                // Without the option it goes on; an operation's handle does not count.
                expect(set(*queue.0, "interruptible", 0));
                expect(set(*one, "interruptible", 1));
                let call = Call::blocked_for_signals(restart, move || {
                    let op = read_op(2, reader, 0);
                    let mut done = [0_u8; 64 * 4];
                    // SAFETY: as above.
                    unsafe { anysock_queue_run(handle, &op, 1, done.as_mut_ptr().cast(), 4, -1) }
                });
                for _ in 0..10 {
                    call.signal();
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                assert_eq!(call.try_result(), None);
                expect(write(*other, b"x"));
                assert_eq!(call.result(), 1);
            }
        }
    }

    #[test]
    fn a_signal_handler_wakes_the_wait_that_it_interrupts() {
        use std::sync::atomic::{AtomicI64, Ordering};
        static QUEUE: AtomicI64 = AtomicI64::new(0);
        extern "C" fn wake(_signal: i32) {
            anysock_queue_wake(QUEUE.load(Ordering::SeqCst));
        }
        // The other tests' handlers are of other signals.
        let signal = libc::SIGRTMIN() + 3;
        // SAFETY: plain numbers and pointers, for which zero is a value.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = wake as extern "C" fn(i32) as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        // SAFETY: the action is whole, and its handler does what is allowed there.
        assert_eq!(unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) }, 0);
        for engine in engines() {
            let queue = queue_of(engine);
            QUEUE.store(*queue.0, Ordering::SeqCst);
            for round in 0..50 {
                let ops: Vec<_> = (0..round).map(|token| timer_op(token, LONG_US, 0)).collect();
                // At any moment: before the wait, in it, in the taking of operations.
                let waiting = std::thread::scope(|scope| {
                    let (tell, thread) = std::sync::mpsc::channel();
                    let queue = &queue;
                    let wait = scope.spawn(move || {
                        // SAFETY: takes no memory. A number, as to some C libraries it is a pointer.
                        tell.send(unsafe { libc::pthread_self() } as usize).unwrap();
                        queue.run_for(&ops, 8, LONG_US).unwrap().len()
                    });
                    let thread = thread.recv().unwrap();
                    // SAFETY: the thread is there until it is woken.
                    assert_eq!(unsafe { libc::pthread_kill(thread as libc::pthread_t, signal) }, 0);
                    wait.join().unwrap()
                });
                assert_eq!(waiting, 0);
                let all: Vec<_> = (0..round).map(|token| cancel_op(-1, token)).collect();
                let mut told = queue.run(&all);
                while told.len() < 2 * round as usize {
                    told.extend(queue.run(&[]));
                }
            }
        }
    }
}

#[test]
fn a_run_without_room_waits_for_nothing_and_does_all_the_same() {
    on_each(|queue| {
        let (one, other) = pair("unix");
        let handle = *queue.0;
        // SAFETY: nothing is pointed at.
        let run =
            |ops: &[anysock_op]| unsafe { anysock_queue_run(handle, ops.as_ptr(), ops.len(), NULL, 0, -1) };
        assert_eq!(run(&[]), 0);
        assert_eq!(run(&[write_op(1, *one, b"out"), read_op(2, *one, MULTI), timer_op(3, 1, 0)]), 0);
        assert_eq!(drain(*other, 3), b"out");
        expect(write(*other, b"in"));
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert_eq!(run(&[]), 0);
        let mut told = queue.wait(&[], 3);
        told.sort_unstable_by_key(|done| done.token);
        assert_eq!(told.iter().map(|done| done.result).collect::<Vec<_>>(), [3, 2, 0]);
        // A wake is not used up by it.
        expect(anysock_queue_wake(handle));
        assert_eq!(run(&[]), 0);
        assert!(queue.run_for(&[], 4, LONG_US).unwrap().is_empty());
    });
}

#[test]
fn what_waits_counts_and_what_alone_is_too_long_is_taken() {
    on_each_with(0, 4_096, |queue| {
        let (one, other) = narrow("unix");
        expect(set(*queue.0, "queue.send_limit", 10));
        let large = pattern(500_000);
        // With nothing waiting it is taken whatever its length.
        queue.quiet(&[write_op(1, *one, &large)]);
        for length in [1, 10, 500_000] {
            let done = queue.one(&[write_op(2, *one, &large[..length])]);
            assert_eq!((name(done.result).as_str(), done.value), ("ENOBUFS", 0));
        }
        // A queue's buffers don't count, and an empty write does not pass it.
        expect(write(*other, b"abc"));
        let got = queue.one(&[read_op(3, *one, 0)]);
        let back =
            anysock_op { data: got.data, length: 3, buffer: got.buffer, ..op(ANYSOCK_OP_WRITE, 4, *one) };
        queue.quiet(&[back]);
        // Another handle has its own.
        let (three, four) = pair("unix");
        assert_eq!(queue.one(&[write_op(5, *three, b"free")]).result, 4);
        assert_eq!(drain(*four, 4), b"free");
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| drain(*other, large.len() + 3));
            let told = queue.wait(&[], 2);
            assert_eq!(told.iter().map(|done| done.token).collect::<Vec<_>>(), [1, 4]);
            assert!(reader.join().unwrap() == [&large[..], b"abc"].concat());
        });
        assert_eq!(queue.one(&[write_op(6, *one, &large[..1_000])]).result, 1_000);
        drain(*other, 1_000);
        // No limit.
        expect(set(*queue.0, "queue.send_limit", 0));
        let ops: Vec<_> = (0..40).map(|token| write_op(token, *one, &large)).collect();
        queue.quiet(&ops);
    });
}

#[test]
fn writes_of_threads_and_queues_go_out_whole() {
    on_each(|queue| {
        let second = Queue::open(0, 0);
        let (one, other) = narrow("unix");
        const EACH: usize = 40;
        const LENGTH: usize = 30_000;
        std::thread::scope(|scope| {
            for thread in 0..4_u8 {
                let (queue, handle) = (if thread % 2 == 0 { queue } else { &second }, *one);
                scope.spawn(move || {
                    for number in 0..EACH as u8 {
                        let block = vec![thread * EACH as u8 + number; LENGTH];
                        // Events of others come here as well: they are counted below by what arrives.
                        let told = queue.run_for(&[write_op(1, handle, &block)], 8, 1_000).unwrap();
                        assert!(told.iter().all(|done| done.result == LENGTH as i64), "{told:?}");
                    }
                });
            }
            let handle = *other;
            let reader = scope.spawn(move || drain(handle, 4 * EACH * LENGTH));
            // Somebody has to run them to the end.
            for queue in [queue, &second] {
                scope.spawn(move || {
                    for _ in 0..20_000 {
                        let told = queue.run_for(&[], 8, 1_000).unwrap();
                        assert!(told.iter().all(|done| done.result == LENGTH as i64), "{told:?}");
                        if get(handle, "available") == Ok(0) && told.is_empty() {
                            std::thread::yield_now();
                        }
                        if DONE.load(std::sync::atomic::Ordering::SeqCst) {
                            return;
                        }
                    }
                });
            }
            let all = reader.join().unwrap();
            DONE.store(true, std::sync::atomic::Ordering::SeqCst);
            let mut last = [None; 4];
            for block in all.chunks(LENGTH) {
                assert!(block.iter().all(|byte| *byte == block[0]), "two writes have mingled");
                let (thread, number) = (block[0] as usize / EACH, block[0] as usize % EACH);
                assert!(last[thread].is_none_or(|last| last < number), "out of order");
                last[thread] = Some(number);
            }
        });
        DONE.store(false, std::sync::atomic::Ordering::SeqCst);
    });
}

static DONE: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

#[test]
fn all_that_stands_behind_a_connect_waits_and_fails_with_it() {
    on_each(|queue| {
        let gone = local_address(*listener("tcp4"));
        let client = open("tcp4");
        let shut = anysock_op { value: 2, ..op(ANYSOCK_OP_SHUTDOWN, 4, *client) };
        let poll = anysock_op { value: 1, ..op(ANYSOCK_OP_POLL, 5, *client) };
        let quiet = anysock_op { flags: ANYSOCK_QUEUE_QUIET, ..write_op(6, *client, b"y") };
        let told = queue.wait(
            &[
                connect_op(1, *client, &gone),
                write_op(2, *client, b"x"),
                read_op(3, *client, MULTI),
                shut,
                poll,
                quiet,
            ],
            6,
        );
        assert_eq!(told[0].token, 1);
        for done in &told {
            assert_eq!((name(done.result).as_str(), done.flags), ("ECONNREFUSED", 0), "{done:?}");
        }
        // Only a new handle may try again, as with blocking calls.
        let blocking = connect(*client, &gone);
        assert_eq!(queue.one(&[connect_op(7, *client, &gone)]).result, blocking);
    });
}

#[test]
fn a_close_behind_a_connect_waits_for_it() {
    on_each(|queue| {
        let listener = listener("tcp4");
        let client = open("tcp4");
        let address = local_address(*listener);
        let ops = [
            connect_op(1, *client, &address),
            write_op(2, *client, b"hello"),
            op(ANYSOCK_OP_CLOSE, 3, *client),
        ];
        let told = queue.wait(&ops, 3);
        assert_eq!(
            told.iter().map(|done| (done.token, done.result)).collect::<Vec<_>>(),
            [(1, 0), (2, 5), (3, 0)]
        );
        let server = own(expect(anysock_accept(*listener)));
        assert_eq!(drain(*server, 5), b"hello");
        assert_eq!(read(*server, &mut [0]), 0);
        // Behind one that fails it ends as that does: the handle is open still.
        let gone = local_address(*crate::support::listener("tcp4"));
        let client = open("tcp4");
        let told = queue.wait(&[connect_op(1, *client, &gone), op(ANYSOCK_OP_CLOSE, 3, *client)], 2);
        told.iter().for_each(|done| expect_error(done.result, "ECONNREFUSED"));
        expect(anysock_close(*client));
    });
}

#[test]
fn datagram_sockets_connect_at_once() {
    on_each(|queue| {
        let other = bound("udp4");
        let one = open("udp");
        let told = queue.run(&[connect_op(1, *one, &local_address(*other)), write_op(2, *one, b"gram")]);
        let mut all = told;
        while all.len() < 2 {
            all.extend(queue.run_for(&[], 4, LONG_US).unwrap());
        }
        assert_eq!(all.iter().map(|done| done.result).collect::<Vec<_>>(), [0, 4]);
        assert_eq!(read(*other, &mut [0; 8]), 4);
    });
}

#[test]
fn a_thread_that_submitted_and_ended_changes_nothing() {
    on_each(|queue| {
        let (one, other) = pair("unix");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                queue.quiet(&[read_op(1, *one, MULTI), timer_op(2, 500_000, 0), write_op(3, *one, b"")][..2]);
            });
        });
        expect(write(*other, b"later"));
        let told = queue.wait(&[], 2);
        assert_eq!(told.iter().map(|done| done.token).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(bytes(&told[0]), b"later");
    });
}

#[test]
fn options_that_are_not_the_queues_are_said_to_be_unknown() {
    let queue = Queue::open(0, 0);
    for option in ["read_timeout", "receive_buffer", "keepalive", "type", "listening", "linger"] {
        expect_error(get(*queue.0, option).unwrap_err(), "ENOPROTOOPT");
        expect_error(set(*queue.0, option, 1), "ENOPROTOOPT");
    }
    for value in [-1, 2, i64::MAX] {
        expect_error(set(*queue.0, "interruptible", value), "EINVAL");
    }
    expect_error(set(*queue.0, "queue.send_limit", i64::MIN), "EINVAL");
    expect_error(set_text(*queue.0, "queue.engine", ""), "EINVAL");
    expect_error(set_text(*queue.0, "queue.engine", "IO_URING"), "EINVAL");
    expect_error(set_text(*queue.0, "ip.multicast_join", "239.1.2.3"), "ENOPROTOOPT");
    expect_error(get_text(*queue.0, "nonsense").unwrap_err(), "ENOPROTOOPT");
}

#[test]
fn other_functions_on_a_queue_fail_and_leave_it_as_it_was() {
    on_each(|queue| {
        let q = *queue.0;
        queue.quiet(&[timer_op(1, 200_000, 0)]);
        let calls: [NamedCall; 8] = [
            ("read", |q| read(q, &mut [0; 4])),
            ("write", |q| write(q, b"x")),
            ("accept", |q| anysock_accept(q)),
            ("listen", |q| anysock_listen(q, 0)),
            ("bind", |q| bind(q, "127.0.0.1:0")),
            ("connect", |q| connect(q, "127.0.0.1:9")),
            ("shutdown", |q| anysock_shutdown(q, 3)),
            ("release", |q| anysock_release(q)),
        ];
        for (call, on) in calls {
            let code = on(q);
            assert!(code < 0, "{call}: {code}");
        }
        let mut sets = [vec![q], vec![], vec![]];
        expect_error(select(&mut sets, 0), "EOPNOTSUPP");
        assert_eq!(sets[0], [q]);
        assert_eq!(queue.one(&[]).token, 1);
    });
}
