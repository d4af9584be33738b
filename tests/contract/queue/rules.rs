//! What every queue keeps: its functions, its fields, its options.

use super::kit::*;
use crate::support::*;
use std::ptr::{null, null_mut};

#[test]
fn it_opens_with_the_buffers_that_were_asked_for() {
    for (buffers, size) in [(0, 0), (1, 1), (1 << 20, 1), (7, 65_536)] {
        drop(Queue::open(buffers, size));
    }
    for (buffers, size) in [(-1, 0), (0, -1), ((1 << 20) + 1, 0), (0, (1 << 30) + 1), (i64::MIN, i64::MAX)] {
        expect_error(anysock_queue_open(buffers, size), "EINVAL");
    }
    expect_error(anysock_queue_open(1 << 20, 1 << 30), "ENOMEM");
}

#[test]
fn its_memory_is_where_it_says() {
    let queue = Queue::open(3, 100);
    let (mut address, mut length) = (0, 0);
    // SAFETY: both places live through the call.
    expect(unsafe { anysock_queue_memory(*queue.0, &mut address, &mut length) });
    assert!(address > 0 && length >= 3 * 228);
    // SAFETY: NULL is refused.
    unsafe {
        expect_error(anysock_queue_memory(*queue.0, null_mut(), &mut length), "EFAULT");
        expect_error(anysock_queue_memory(*queue.0, &mut address, null_mut()), "EFAULT");
    }
    let (one, other) = pair("unix");
    expect(write(*other, b"hello"));
    let done = queue.one(&[read_op(1, *one, 0)]);
    assert!((address..address + length).contains(&done.data));
}

#[test]
fn queue_functions_want_a_queue() {
    let (mut address, mut length) = (0, 0);
    let socket = open("tcp");
    let poller = poller();
    for (handle, error) in [(*socket, "EINVAL"), (*poller, "EINVAL"), (0, "EBADF"), (-1, "EBADF")] {
        // SAFETY: the places live through the calls, and nothing else is pointed at.
        unsafe {
            expect_error(anysock_queue_memory(handle, &mut address, &mut length), error);
            expect_error(anysock_queue_run(handle, null(), 0, NULL, 0, 0), error);
        }
        expect_error(anysock_queue_wake(handle), error);
    }
}

#[test]
fn a_run_refuses_what_makes_no_sense_and_takes_nothing() {
    on_each(|queue| {
        let nop = [op(ANYSOCK_OP_NOP, 1, 0)];
        let mut done = [UNTOUCHED; 4];
        let q = *queue.0;
        // SAFETY: what is pointed at is there, or refused.
        unsafe {
            expect_error(anysock_queue_run(q, nop.as_ptr(), 1, done.as_mut_ptr(), 4, -2), "EINVAL");
            expect_error(anysock_queue_run(q, null(), 1, done.as_mut_ptr(), 4, 0), "EFAULT");
            expect_error(anysock_queue_run(q, nop.as_ptr(), 1, null_mut(), 4, 0), "EFAULT");
            expect_error(anysock_queue_run(q, nop.as_ptr(), usize::MAX, done.as_mut_ptr(), 4, 0), "EINVAL");
            expect_error(anysock_queue_run(q, nop.as_ptr(), 1, done.as_mut_ptr(), usize::MAX, 0), "EINVAL");
        }
        queue.quiet(&[]);
    });
}

const UNTOUCHED: anysock_done =
    anysock_done { token: 0, handle: 0, op: 0, flags: 0, result: 0, data: 0, value: 0, buffer: 0 };

#[test]
fn a_nop_is_told_in_the_same_run() {
    on_each(|queue| {
        let told = queue.run(&[op(ANYSOCK_OP_NOP, 5, 0), op(ANYSOCK_OP_NOP, 6, 0)]);
        assert_eq!(
            told.iter().map(|done| (done.token, done.op, done.result)).collect::<Vec<_>>(),
            [(5, 1, 0), (6, 1, 0)]
        );
        queue.quiet(&[anysock_op { flags: ANYSOCK_QUEUE_QUIET, ..op(ANYSOCK_OP_NOP, 7, 0) }]);
    });
}

#[test]
fn a_bad_operation_among_good_ones_is_an_event() {
    on_each(|queue| {
        let (one, other) = pair("unix");
        expect(write(*other, b"x"));
        let bad = [
            (NOTHING, "EINVAL"),
            (op(16, 0, 0), "EINVAL"),
            (op(-1, 0, *one), "EINVAL"),
            (op(ANYSOCK_OP_NOP, 0, *one), "EINVAL"),
            (anysock_op { flags: 32, ..op(ANYSOCK_OP_NOP, 0, 0) }, "EINVAL"),
            (anysock_op { flags: ANYSOCK_QUEUE_QUIET, ..op(ANYSOCK_OP_READ, 0, *one) }, "EINVAL"),
            (anysock_op { buffer: 1, ..op(ANYSOCK_OP_READ, 0, *one) }, "EINVAL"),
            (anysock_op { length: -1, ..op(ANYSOCK_OP_READ, 0, *one) }, "EINVAL"),
            (op(ANYSOCK_OP_READ, 0, 0), "EBADF"),
            (op(ANYSOCK_OP_READ, 0, 12_345), "EBADF"),
            (op(ANYSOCK_OP_READ, 0, *queue.0), "EOPNOTSUPP"),
            (anysock_op { length: 1, ..op(ANYSOCK_OP_WRITE, 0, *one) }, "EFAULT"),
            (anysock_op { data: 1, length: -1, ..op(ANYSOCK_OP_WRITE, 0, *one) }, "EINVAL"),
            (op(ANYSOCK_OP_POLL, 0, *one), "EINVAL"),
            (anysock_op { value: 8, ..op(ANYSOCK_OP_POLL, 0, *one) }, "EINVAL"),
            (anysock_op { value: 4, ..op(ANYSOCK_OP_SHUTDOWN, 0, *one) }, "EINVAL"),
            (op(ANYSOCK_OP_SHUTDOWN, 0, *one), "EINVAL"),
            (timer_op(0, -1, 0), "EINVAL"),
            (timer_op(0, 0, ANYSOCK_QUEUE_MULTI), "EINVAL"),
            (give_op(0), "EINVAL"),
            (give_op(1), "EINVAL"),
            (give_op(i64::MIN), "EINVAL"),
            (op(ANYSOCK_OP_ACCEPT, 0, *one), "EINVAL"),
        ];
        let mut ops: Vec<_> = bad.iter().map(|(op, _)| *op).collect();
        ops.iter_mut().zip(100..).for_each(|(op, token)| op.token = token);
        ops.push(read_op(1, *one, 0));
        let told = queue.wait(&ops, ops.len());
        for ((op, error), token) in bad.iter().zip(100..) {
            let mine: Vec<_> = told.iter().filter(|done| done.token == token).collect();
            assert_eq!(mine.len(), 1, "{op:?}");
            expect_error(mine[0].result, error);
            assert_eq!((mine[0].op, mine[0].handle, mine[0].flags), (op.op, op.handle, 0), "{op:?}");
        }
        assert_eq!(bytes(told.iter().find(|done| done.token == 1).unwrap()), b"x");
    });
}

#[test]
fn what_does_not_fit_comes_later_in_order_and_once() {
    on_each(|queue| {
        let ops: Vec<_> = (0..10).map(|token| op(ANYSOCK_OP_NOP, token, 0)).collect();
        assert_eq!(queue.run_for(&ops, 0, -1).unwrap().len(), 0);
        let mut tokens = Vec::new();
        while tokens.len() < 10 {
            tokens.extend(queue.run_for(&[], 3, 0).unwrap().iter().map(|done| done.token));
        }
        assert_eq!(tokens, (0..10).collect::<Vec<_>>());
        queue.quiet(&[]);
    });
}

#[test]
fn operations_and_events_may_be_the_same_memory_at_any_alignment() {
    on_each(|queue| {
        let mut memory = vec![0_u8; 64 * 8 + 1];
        let place = memory[1..].as_mut_ptr();
        for token in 0..8 {
            // SAFETY: there is room for eight operations, of whatever alignment.
            unsafe {
                place.cast::<anysock_op>().add(token).write_unaligned(op(ANYSOCK_OP_NOP, token as i64, 0))
            };
        }
        // SAFETY: as above.
        let code = unsafe { anysock_queue_run(*queue.0, place.cast(), 8, place.cast(), 8, 0) };
        assert_eq!(code, 8);
        for token in 0..8 {
            // SAFETY: as above.
            let done = unsafe { place.cast::<anysock_done>().add(token).read_unaligned() };
            assert_eq!((done.token, done.op, done.result), (token as i64, 1, 0));
        }
    });
}

#[test]
fn its_options_are_few() {
    let queue = Queue::open(0, 0);
    assert_eq!(get_text(*queue.0, "kind").as_deref(), Ok("queue"));
    assert_eq!(get(*queue.0, "interruptible"), Ok(0));
    assert_eq!(get(*queue.0, "queue.send_limit"), Ok(16 << 20));
    expect(set(*queue.0, "queue.send_limit", 0));
    assert_eq!(get(*queue.0, "queue.send_limit"), Ok(0));
    expect_error(set(*queue.0, "queue.send_limit", -1), "EINVAL");
    for option in ["timeout", "error", "tcp.nodelay", "available", "inherit", "native"] {
        expect_error(get(*queue.0, option).unwrap_err(), "ENOPROTOOPT");
    }
    let socket = open("tcp");
    expect_error(get(*socket, "queue.send_limit").unwrap_err(), "ENOPROTOOPT");
}

#[test]
fn an_engine_is_asked_for_before_the_first_run() {
    for engine in engines() {
        let queue = Queue::open(0, 0);
        expect(set_text(*queue.0, "queue.engine", engine));
        assert_eq!(get_text(*queue.0, "queue.engine").as_deref(), Ok(engine));
        queue.quiet(&[]);
        assert_eq!(get_text(*queue.0, "queue.engine").as_deref(), Ok(engine));
        expect_error(set_text(*queue.0, "queue.engine", engine), "EBUSY");
    }
    let queue = Queue::open(0, 0);
    let foreign = if cfg!(windows) { "epoll" } else { "afd" };
    expect_error(set_text(*queue.0, "queue.engine", foreign), "EOPNOTSUPP");
    expect_error(set_text(*queue.0, "queue.engine", "select"), "EINVAL");
    assert!(engines().contains(&get_text(*queue.0, "queue.engine").unwrap().as_str()));
}

#[test]
fn a_queue_is_no_socket() {
    let queue = Queue::open(0, 0);
    expect_error(read(*queue.0, &mut [0]), "ENOTSOCK");
    expect_error(write(*queue.0, b"x"), "ENOTSOCK");
    expect_error(connect(*queue.0, "127.0.0.1:1"), "ENOTSOCK");
    expect_error(anysock_accept(*queue.0), "ENOTSOCK");
    expect_error(anysock_release(*queue.0), "ENOTSOCK");
    let poller = poller();
    expect_error(anysock_poller_set(*poller, *queue.0, 1, 0), "EOPNOTSUPP");
}
