//! WRITE, SEND_TO, SEND_FILE and SHUTDOWN.

use super::kit::*;

use crate::support::*;

#[test]
fn a_write_that_the_peer_does_not_take_waits_and_goes_out_whole() {
    on_each(|queue| {
        for kind in here(&["tcp", "unix"]) {
            let (one, other) = narrow(kind);
            let sent = pattern(1 << 20);
            let mut data = sent.clone();
            queue.quiet(&[write_op(1, *one, &data)]);
            // The memory is the program's again.
            data.fill(0xEE);
            let reader = std::thread::scope(|scope| {
                let reader = scope.spawn(|| drain(*other, sent.len()));
                let done = queue.one(&[]);
                assert_eq!((done.token, done.result, done.value), (1, 1 << 20, 0));
                reader.join().unwrap()
            });
            assert!(reader == sent, "{kind}");
        }
    });
}

#[test]
fn a_write_from_a_buffer_gives_it_back() {
    on_each_with(1, 8, |queue| {
        let (one, other) = pair("unix");
        queue.quiet(&[read_op(1, *one, ANYSOCK_QUEUE_MULTI)]);
        for _ in 0..3 {
            expect(write(*other, b"echo"));
            let done = queue.one(&[]);
            let back = anysock_op {
                buffer: done.buffer,
                flags: ANYSOCK_QUEUE_QUIET,
                data: done.data,
                length: 4,
                ..op(ANYSOCK_OP_WRITE, 2, *one)
            };
            queue.quiet(&[back]);
            assert_eq!(drain(*other, 4), b"echo");
            let stale = queue.one(&[anysock_op { flags: 0, ..back }]);
            expect_error(stale.result, "EINVAL");
        }
    });
}

#[test]
fn bytes_outside_of_their_buffer_take_nothing() {
    on_each_with(1, 8, |queue| {
        let (one, other) = pair("unix");
        expect(write(*other, b"12345678"));
        let got = queue.one(&[read_op(1, *one, 0)]);
        let back =
            |data, length| anysock_op { buffer: got.buffer, data, length, ..op(ANYSOCK_OP_WRITE, 2, *one) };
        for (data, length) in [(got.data - 1, 1), (got.data, 9), (got.data + 8, 1), (0, 1)] {
            expect_error(queue.one(&[back(data, length)]).result, "EINVAL");
        }
        // It is still the program's; a bad handle does not keep it so.
        let done = queue.one(&[anysock_op { handle: 1, ..back(got.data, 8) }]);
        expect_error(done.result, "EBADF");
        expect_error(queue.one(&[give_op(got.buffer)]).result, "EINVAL");
        expect(write(*other, b"again"));
        assert_eq!(bytes(&queue.one(&[read_op(3, *one, 0)])), b"again");
    });
}

#[test]
fn more_than_the_limit_is_refused_and_nothing_of_it_goes() {
    on_each(|queue| {
        let (one, other) = narrow("unix");
        expect(set(*queue.0, "queue.send_limit", 100_000));
        let large = pattern(1 << 20);
        queue.quiet(&[write_op(1, *one, &large)]);
        let done = queue.one(&[write_op(2, *one, b"x")]);
        assert_eq!((done.token, done.value), (2, 0));
        expect_error(done.result, "ENOBUFS");
        let got = std::thread::scope(|scope| {
            let reader = scope.spawn(|| drain(*other, large.len()));
            assert_eq!(queue.one(&[]).token, 1);
            reader.join().unwrap()
        });
        assert!(got == large);
        assert_eq!(queue.one(&[write_op(3, *one, b"y")]).result, 1);
        assert_eq!(drain(*other, 1), b"y");
    });
}

#[test]
fn a_write_to_nobody_fails() {
    on_each(|queue| {
        // To a peer by TCP that has gone something may be sent still.
        for kind in here(&["unix"]) {
            let (one, other) = pair(kind);
            drop(other);
            until_broken(|| queue.one(&[write_op(1, *one, b"x")]).result);
        }
        let (shut, _other) = pair("tcp");
        expect(anysock_shutdown(*shut, ANYSOCK_SHUT_WRITE));
        expect_error(queue.one(&[write_op(1, *shut, b"x")]).result, "EPIPE");
        let fresh = open("tcp");
        expect_error(queue.one(&[write_op(1, *fresh, b"x")]).result, "ENOTCONN");
    });
}

#[test]
fn shutting_comes_after_the_writes_before_it() {
    on_each(|queue| {
        let (one, other) = narrow("unix");
        let large = pattern(300_000);
        let shut = anysock_op { value: ANYSOCK_SHUT_WRITE.into(), ..op(ANYSOCK_OP_SHUTDOWN, 2, *one) };
        queue.quiet(&[write_op(1, *one, &large), shut]);
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
fn datagrams_go_to_their_addresses() {
    on_each(|queue| {
        let (one, other) = (open("udp4"), bound("udp4"));
        let address = parse("udp4", &local_address(*other)).unwrap();
        let to = |data: &[u8]| anysock_op {
            op: ANYSOCK_OP_SEND_TO,
            value: &raw const address as i64,
            ..write_op(data.len() as i64, *one, data)
        };
        let told = queue.wait(&[to(b"one"), to(b""), to(b"three")], 3);
        assert_eq!(told.iter().map(|done| done.result).collect::<Vec<_>>(), [3, 0, 5]);
        let mut room = [0; 8];
        for data in [&b"one"[..], b"", b"three"] {
            assert_eq!(read(*other, &mut room), data.len() as i64);
            assert_eq!(&room[..data.len()], data);
        }
        expect_error(queue.one(&[anysock_op { value: 0, ..to(b"x") }]).result, "EFAULT");
    });
}

#[test]
fn a_file_goes_out_although_its_descriptor_is_closed() {
    use std::io::Write;
    on_each(|queue| {
        let path = std::env::temp_dir().join(format!("anysock-queue-{}", std::process::id()));
        let content = pattern(500_000);
        std::fs::File::create(&path).unwrap().write_all(&content).unwrap();
        let (one, other) = narrow("unix");
        let file = std::fs::File::open(&path).unwrap();
        let send = anysock_op {
            data: descriptor(&file),
            value: 10,
            length: -1,
            ..op(ANYSOCK_OP_SEND_FILE, 1, *one)
        };
        queue.quiet(&[send]);
        drop(file);
        std::fs::remove_file(&path).unwrap();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| drain(*other, content.len() - 10));
            assert_eq!(queue.one(&[]).result, content.len() as i64 - 10);
            assert!(reader.join().unwrap() == content[10..]);
        });
        let bad = anysock_op { data: 1_000_000, ..op(ANYSOCK_OP_SEND_FILE, 1, *one) };
        expect_error(queue.one(&[bad]).result, "EBADF");
    });
}

#[cfg(unix)]
pub fn descriptor(file: &std::fs::File) -> i64 {
    use std::os::fd::AsRawFd;
    file.as_raw_fd().into()
}

#[cfg(windows)]
pub fn descriptor(file: &std::fs::File) -> i64 {
    use std::os::windows::io::AsRawHandle;
    file.as_raw_handle() as i64
}

#[test]
fn a_datagram_that_is_longer_than_the_limit_goes_if_nothing_waits() {
    on_each(|queue| {
        expect(set(*queue.0, "queue.send_limit", 2));
        let (one, other) = (open("udp4"), bound("udp4"));
        let address = parse("udp4", &local_address(*other)).unwrap();
        let to = |data: &[u8]| anysock_op {
            op: ANYSOCK_OP_SEND_TO,
            value: &raw const address as i64,
            ..write_op(1, *one, data)
        };
        let told = queue.wait(&[to(b"longer"), to(b"than two")], 2);
        assert_eq!(told.iter().map(|done| done.result).collect::<Vec<_>>(), [6, 8]);
    });
}

#[test]
fn what_was_cancelled_does_not_count_any_more() {
    on_each(|queue| {
        const PART: usize = 400_000;
        let (one, _other) = narrow("unix");
        let large = pattern(3 * PART);
        expect(set(*queue.0, "queue.send_limit", 4 * PART as i64));
        queue.quiet(&[write_op(1, *one, &large), write_op(2, *one, &large[..PART])]);
        for token in 3..9 {
            let told = queue.wait(&[cancel_op(9, token - 1), write_op(token, *one, &large[..PART])], 2);
            assert!(told.iter().all(|done| done.token != token), "{told:?}");
        }
    });
}

/// More than go by one system call, and more than the receiver has room for.
#[test]
fn datagrams_that_are_handed_over_together_keep_their_order_whatever_waits_or_fails() {
    on_each(|queue| {
        for kind in here(&["udp4", "unixgram"]) {
            const MANY: usize = 100;
            let ((one, other), (aside, _far)) = (connected(kind), connected(kind));
            let huge = pattern(1 << 20);
            let data: Vec<_> = (0..MANY as u32).map(u32::to_le_bytes).collect();
            let mut ops: Vec<_> =
                data.iter().zip(0..).map(|(bytes, token)| write_op(token, *one, bytes)).collect();
            // One that can't go, one that goes elsewhere, and the close behind all of them.
            ops.insert(50, write_op(500, *one, &huge));
            ops.insert(20, write_op(200, *aside, b"x"));
            ops.push(op(ANYSOCK_OP_CLOSE, 900, *one));
            let mut told = queue.run_for(&ops, 200, 0).unwrap();
            for bytes in &data {
                let mut room = [0; 8];
                assert_eq!(expect(read(*other, &mut room)), 4);
                assert_eq!(room[..4], bytes[..], "{kind}");
                told.extend(queue.run_for(&[], 200, 0).unwrap());
            }
            while told.len() < MANY + 3 {
                told.extend(queue.run_for(&[], 200, LONG_US).unwrap());
            }
            let of_one: Vec<_> = told.iter().filter(|done| done.token != 200).collect();
            let mut tokens: Vec<_> = (0..MANY as i64).collect();
            tokens.insert(50, 500);
            tokens.push(900);
            assert_eq!(of_one.iter().map(|done| done.token).collect::<Vec<_>>(), tokens, "{kind}");
            for done in of_one {
                match done.token {
                    500 => expect_error(done.result, "EMSGSIZE"),
                    900 => assert_eq!(done.result, 0),
                    _ => assert_eq!(done.result, 4, "{}", name(done.result)),
                }
            }
        }
    });
}
