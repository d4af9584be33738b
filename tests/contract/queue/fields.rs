//! What an operation may say: every field and flag that it does not take must be 0, at full width.

use super::kit::*;

use crate::support::*;

const MULTI: i64 = ANYSOCK_QUEUE_MULTI;
const QUIET: i64 = ANYSOCK_QUEUE_QUIET;

/// The sockets, texts and addresses that whole operations point at.
struct World {
    stream: (Own, Own),
    datagrams: (Own, Own),
    listener: Own,
    fresh: Own,
    text: std::ffi::CString,
    kind: std::ffi::CString,
    address: anysock_address,
}

impl World {
    fn new() -> Self {
        let (stream, datagrams, listener) = (pair("unix"), connected("udp4"), listener("tcp4"));
        let (text, kind) = (text(&local_address(*listener)), text("tcp4"));
        let address = parse("udp4", &local_address(*datagrams.1)).unwrap();
        Self { stream, datagrams, listener, fresh: open("tcp4"), text, kind, address }
    }

    /// Every operation as it should be, the flags that it takes, and the fields that it takes besides the token.
    fn whole(&self) -> Vec<(anysock_op, i64, &'static str)> {
        let (stream, datagram) = (*self.stream.0, *self.datagrams.0);
        let texted = anysock_op { data: self.text.as_ptr() as i64, ..NOTHING };
        let on = |op, handle| anysock_op { op, handle, ..NOTHING };
        let bytes = |op, handle| anysock_op { op, handle, ..write_op(0, handle, b"x") };
        let address = &raw const self.address as i64;
        vec![
            (on(ANYSOCK_OP_NOP, 0), QUIET, ""),
            (on(ANYSOCK_OP_ACCEPT, *self.listener), MULTI, "handle"),
            (
                anysock_op { handle: *self.fresh, op: ANYSOCK_OP_CONNECT, ..texted },
                QUIET | ANYSOCK_QUEUE_FLAT,
                "handle data length",
            ),
            (on(ANYSOCK_OP_READ, stream), MULTI, "handle length"),
            (bytes(ANYSOCK_OP_WRITE, stream), QUIET, "handle data length buffer"),
            (on(ANYSOCK_OP_RECEIVE_FROM, datagram), MULTI, "handle length"),
            (
                anysock_op { value: address, ..bytes(ANYSOCK_OP_SEND_TO, datagram) },
                QUIET,
                "handle data length buffer value",
            ),
            (on(ANYSOCK_OP_SEND_FILE, stream), QUIET, "handle data length value"),
            (anysock_op { value: 2, ..on(ANYSOCK_OP_POLL, stream) }, MULTI, "handle value"),
            (anysock_op { value: LONG_US, ..on(ANYSOCK_OP_TIMER, 0) }, MULTI, "value"),
            (anysock_op { value: 55, ..on(ANYSOCK_OP_CANCEL, 0) }, QUIET | ANYSOCK_QUEUE_ALL, "handle value"),
            (anysock_op { value: 2, ..on(ANYSOCK_OP_SHUTDOWN, stream) }, QUIET, "handle value"),
            (on(ANYSOCK_OP_CLOSE, stream), QUIET | ANYSOCK_QUEUE_NOW, "handle"),
            (on(ANYSOCK_OP_GIVE, 0), QUIET, "buffer"),
            (
                anysock_op { op: ANYSOCK_OP_RESOLVE, value: self.kind.as_ptr() as i64, ..texted },
                0,
                "data length value",
            ),
        ]
    }
}

/// The operation must be refused, by a single event, and leave nothing behind.
#[track_caller]
fn refused(queue: &Queue, op: anysock_op, error: &str) {
    let op = anysock_op { token: 4_321, ..op };
    let told = queue.run(&[op]);
    assert_eq!(told.len(), 1, "{op:?}: {told:?}");
    assert!(told[0].result < 0, "{op:?}: {told:?}");
    assert_eq!(name(told[0].result), error, "{op:?}");
    let done = &told[0];
    assert_eq!((done.token, done.op, done.handle, done.flags), (4_321, op.op, op.handle, 0), "{op:?}");
    assert_eq!((done.data, done.value, done.buffer), (0, 0, 0), "{op:?}");
    assert_eq!(queue.run(&[cancel_op(1, 4_321)])[0].result, 0, "{op:?} goes on");
}

#[test]
fn a_field_that_is_not_taken_must_be_0() {
    on_each(|queue| {
        let world = World::new();
        for (whole, _, takes) in world.whole() {
            let takes = |field| takes.split(' ').any(|taken| taken == field);
            for wrong in [1, -1, 1 << 32, i64::MIN] {
                let variants = [
                    ("handle", anysock_op { handle: *world.stream.0, ..whole }),
                    ("data", anysock_op { data: wrong, ..whole }),
                    ("length", anysock_op { length: wrong, ..whole }),
                    ("value", anysock_op { value: wrong, ..whole }),
                    ("buffer", anysock_op { buffer: wrong, ..whole }),
                ];
                for (field, variant) in variants {
                    if !takes(field) {
                        refused(queue, variant, "EINVAL");
                    }
                }
            }
        }
    });
}

#[test]
fn a_flag_that_is_not_taken_must_be_0() {
    on_each(|queue| {
        let world = World::new();
        for (whole, takes, _) in world.whole() {
            for bit in 0..64 {
                if takes & 1 << bit == 0 {
                    refused(queue, anysock_op { flags: 1 << bit, ..whole }, "EINVAL");
                }
            }
        }
    });
}

#[test]
fn numbers_count_at_full_width() {
    on_each(|queue| {
        let (one, _other) = pair("unix");
        let wide = 1 << 32;
        for known in 1..=15 {
            for number in [known + wide, known - wide, known | i64::MIN] {
                refused(queue, op(number, 0, *one), "EINVAL");
            }
        }
        for unknown in [0, 16, -1, i64::MAX, i64::MIN] {
            refused(queue, op(unknown, 0, *one), "EINVAL");
        }
        for handle in [0, -1, 1, *one + wide, *one + (1 << 53), i64::MIN, i64::MAX] {
            refused(queue, read_op(0, handle, 0), "EBADF");
        }
        for value in [0, -1, 8, 16, 32, 64, 1 + wide, i64::MIN | 1] {
            refused(queue, anysock_op { value, ..op(ANYSOCK_OP_POLL, 0, *one) }, "EINVAL");
        }
        for value in [0, -1, 4, 1 + wide, i64::MIN | 1] {
            refused(queue, anysock_op { value, ..op(ANYSOCK_OP_SHUTDOWN, 0, *one) }, "EINVAL");
        }
        for value in [-1, i64::MIN] {
            refused(queue, timer_op(0, value, 0), "EINVAL");
            refused(queue, timer_op(0, value, MULTI), "EINVAL");
        }
        for length in [-1, i64::MIN] {
            refused(queue, anysock_op { length, ..read_op(0, *one, 0) }, "EINVAL");
            refused(queue, anysock_op { length, ..write_op(0, *one, b"x") }, "EINVAL");
        }
        // The longest timers there are do not wrap around.
        queue.quiet(&[timer_op(1, i64::MAX, 0), timer_op(1, i64::MAX - 1, MULTI)]);
        assert_eq!(queue.wait(&[cancel_op(2, 1)], 3).iter().filter(|done| done.result == 2).count(), 1);
    });
}

#[test]
fn where_nothing_is_pointed_at_is_said() {
    on_each(|queue| {
        let (one, other) = pair("unix");
        let (fresh, kind, gram) = (open("tcp4"), text("tcp4"), open("udp4"));
        refused(queue, anysock_op { length: 1, ..op(ANYSOCK_OP_WRITE, 0, *one) }, "EFAULT");
        refused(queue, op(ANYSOCK_OP_CONNECT, 0, *fresh), "EFAULT");
        let flat = anysock_op { flags: ANYSOCK_QUEUE_FLAT, ..op(ANYSOCK_OP_CONNECT, 0, *fresh) };
        refused(queue, flat, "EFAULT");
        refused(queue, anysock_op { value: kind.as_ptr() as i64, ..op(ANYSOCK_OP_RESOLVE, 0, 0) }, "EFAULT");
        refused(queue, anysock_op { data: kind.as_ptr() as i64, ..op(ANYSOCK_OP_RESOLVE, 0, 0) }, "EFAULT");
        refused(queue, anysock_op { length: 1, ..op(ANYSOCK_OP_SEND_TO, 0, *gram) }, "EFAULT");
        // Nothing at nowhere is fine, and nothing goes out.
        let nothing = queue.one(&[op(ANYSOCK_OP_WRITE, 1, *one)]);
        assert_eq!((nothing.result, nothing.value), (0, 0));
        assert_eq!(get(*other, "available"), Ok(0));
    });
}

#[test]
fn a_handle_of_the_wrong_class_is_refused_by_every_operation() {
    on_each(|queue| {
        let (world, poller, second) = (World::new(), poller(), Queue::open(0, 0));
        for (whole, _, takes) in world.whole() {
            if !takes.contains("handle") || whole.op == ANYSOCK_OP_CANCEL || whole.op == ANYSOCK_OP_SEND_FILE
            {
                continue;
            }
            for handle in [*poller, *second.0, *queue.0] {
                refused(queue, anysock_op { handle, ..whole }, "EOPNOTSUPP");
            }
        }
    });
}

#[test]
fn quiet_is_silent_when_it_works_and_speaks_when_it_fails() {
    on_each(|queue| {
        let world = World::new();
        let quiet = |op: anysock_op| anysock_op { flags: op.flags | QUIET, ..op };
        for (whole, takes, _) in world.whole() {
            if takes & QUIET == 0 || [ANYSOCK_OP_SEND_FILE, ANYSOCK_OP_GIVE].contains(&whole.op) {
                continue;
            }
            let mut told = queue.run(&[quiet(whole)]);
            if whole.op == ANYSOCK_OP_CONNECT {
                told.extend(queue.run_for(&[], 4, 100_000).unwrap());
            }
            assert!(told.is_empty(), "{whole:?}: {told:?}");
        }
        // The stream was shut and closed by these.
        expect_error(read(*world.stream.0, &mut [0]), "EBADF");
        let mut room = [0; 4];
        assert_eq!(read_full(*world.stream.1, &mut room), 1);
        let (one, _other) = pair("unix");
        expect(anysock_shutdown(*one, ANYSOCK_SHUT_WRITE));
        let failed = queue.one(&[quiet(write_op(5, *one, b"x"))]);
        assert_eq!((failed.token, failed.flags), (5, 0));
        expect_error(failed.result, "EPIPE");
        for op in [quiet(op(ANYSOCK_OP_CLOSE, 0, 1)), quiet(write_op(0, 1, b"x"))] {
            refused(queue, op, "EBADF");
        }
        refused(queue, quiet(give_op(77)), "EINVAL");
    });
}

#[test]
fn a_flat_address_has_its_size_or_none() {
    on_each(|queue| {
        let (world, fresh) = (World::new(), open("udp4"));
        let flat = |length| anysock_op {
            flags: ANYSOCK_QUEUE_FLAT,
            data: &raw const world.address as i64,
            length,
            ..op(ANYSOCK_OP_CONNECT, 1, *fresh)
        };
        let size = size_of::<anysock_address>() as i64;
        for length in [1, size - 1, size + 1, -1, size + (1 << 32)] {
            refused(queue, flat(length), "EINVAL");
        }
        for length in [0, size] {
            assert_eq!(queue.one(&[flat(length)]).result, 0);
        }
    });
}

#[test]
fn a_text_ends_where_its_length_says_or_at_its_nul() {
    on_each(|queue| {
        let listener = listener("tcp4");
        let address = local_address(*listener);
        let longer = text(&format!("{address}999"));
        let connect = |handle, length| anysock_op {
            data: longer.as_ptr() as i64,
            length,
            ..op(ANYSOCK_OP_CONNECT, 1, handle)
        };
        assert_eq!(queue.one(&[connect(*open("tcp4"), address.len() as i64)]).result, 0);
        // A port of too many digits.
        expect_error(queue.one(&[connect(*open("tcp4"), 0)]).result, "EINVAL");
        expect_error(queue.one(&[connect(*open("tcp4"), -1)]).result, "EINVAL");
        // A NUL inside of the length is no part of an address.
        let cut = text(&address);
        let with_nul = anysock_op {
            data: cut.as_ptr() as i64,
            length: address.len() as i64 + 1,
            ..op(ANYSOCK_OP_CONNECT, 1, *open("tcp4"))
        };
        let told = queue.one(&[with_nul]);
        assert!(told.result < 0, "{told:?}");
    });
}

#[test]
fn a_buffer_of_a_write_that_is_refused_for_its_fields_stays_the_callers() {
    on_each_with(1, 8, |queue| {
        let (one, other) = pair("unix");
        expect(write(*other, b"12345678next"));
        let held = queue.one(&[read_op(1, *one, 0)]);
        let write = anysock_op {
            data: held.data,
            length: held.result,
            buffer: held.buffer,
            ..op(ANYSOCK_OP_WRITE, 2, *one)
        };
        for bad in [
            anysock_op { flags: ANYSOCK_QUEUE_MULTI, ..write },
            anysock_op { flags: 1 << 40, ..write },
            anysock_op { value: 1, ..write },
            anysock_op { length: held.result + 1, ..write },
            anysock_op { op: ANYSOCK_OP_READ, ..write },
        ] {
            expect_error(queue.one(&[bad]).result, "EINVAL");
        }
        // Still held: nothing else is received into it.
        queue.quiet(&[read_op(3, *one, 0)]);
        assert_eq!(bytes(&held), b"12345678");
        let told = queue.wait(&[write], 2);
        assert_eq!(told.iter().map(|done| done.token).sum::<i64>(), 5);
        assert_eq!(drain(*other, 8), b"12345678");
        // Now it is the queue's, and was free for the read.
        expect_error(queue.one(&[write]).result, "EINVAL");
        let next = told.iter().find(|done| done.token == 3).unwrap();
        assert_eq!(bytes(next), b"next");
    });
}
