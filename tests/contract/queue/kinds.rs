//! The queue on every kind of socket: datagrams, packets, pipes, terminals; and who may have how much in a run.

use super::kit::*;
use crate::support::*;

const MULTI: i64 = ANYSOCK_QUEUE_MULTI;
const MORE: i64 = ANYSOCK_QUEUE_MORE;
const CUT: i64 = ANYSOCK_QUEUE_CUT;

#[test]
fn packets_keep_their_borders() {
    on_each_with(0, 10, |queue| {
        for kind in here(&["unixpacket"]) {
            let (one, other) = pair(kind);
            queue.quiet(&[read_op(1, *one, MULTI)]);
            for data in [&b"one"[..], b"twelve bytes", b"three"] {
                expect(send(*other, data, 0));
            }
            let mut told = queue.wait(&[], 3);
            let got: Vec<_> = told.iter().map(|done| (done.flags, bytes(done))).collect();
            assert_eq!(got, [(MORE, &b"one"[..]), (MORE | CUT, b"twelve byt"), (MORE, b"three")]);
            told = queue.wait(&[write_op(2, *one, b"back"), write_op(3, *one, b"again")], 2);
            assert_eq!(told.iter().map(|done| done.result).collect::<Vec<_>>(), [4, 5]);
            let mut room = [0; 16];
            assert_eq!((read(*other, &mut room), read(*other, &mut room)), (4, 5));
            drop(other);
            let end = queue.one(&[]);
            assert_eq!((end.token, end.result, end.flags, end.buffer), (1, 0, 0, 0));
        }
    });
}

#[test]
fn packets_that_were_queued_come_before_the_reset() {
    on_each(|queue| {
        for kind in here(&["unixpacket"]) {
            for verb in [ANYSOCK_OP_READ, ANYSOCK_OP_RECEIVE_FROM] {
                let (one, other) = pair(kind);
                expect(send(*other, b"one", 0));
                expect(send(*other, b"three", 0));
                expect(send(*one, b"never read", 0));
                drop(other);
                let told = queue.wait(&[anysock_op { flags: MULTI, ..op(verb, 1, *one) }], 3);
                let got: Vec<_> = told.iter().map(|done| done.result).collect();
                assert_eq!(got[..2], [3, 5]);
                expect_error(got[2], "ECONNRESET");
            }
        }
    });
}

/// With buffers and out of them; of a peer that has read all and of one that has not.
#[test]
fn an_empty_packet_is_not_the_end() {
    for (buffers, unread) in [(0, false), (1, false), (0, true), (1, true)] {
        on_each_with(buffers, 10, |queue| {
            for kind in here(&["unixpacket"]) {
                let (one, other) = pair(kind);
                queue.quiet(&[read_op(1, *one, MULTI)]);
                for data in [&b"one"[..], b"", b"two"] {
                    expect(send(*other, data, 0));
                }
                if unread {
                    expect(send(*one, b"never read", 0));
                }
                drop(other);
                let mut told = queue.wait(&[], if buffers == 1 { 1 } else { 4 });
                if buffers == 1 {
                    told.extend(queue.wait(&[give_op(told[0].buffer)], 3));
                }
                let got: Vec<_> = told.iter().map(|done| (done.flags, done.result)).collect();
                assert_eq!(got[..3], [(MORE, 3), (MORE, 0), (MORE, 3)]);
                assert_eq!((got[3].0, &*name(got[3].1)), (0, if unread { "ECONNRESET" } else { "OK" }));
                told.iter().filter(|done| done.buffer != 0).skip(buffers as usize).for_each(|done| {
                    queue.quiet(&[give_op(done.buffer)]);
                });
            }
        });
    }
}

#[test]
fn datagrams_of_every_kind_are_sent_and_received() {
    on_each(|queue| {
        for kind in here(&["udp4", "udp6", "unixgram"]) {
            let (one, other) = connected(kind);
            let receive = anysock_op { flags: MULTI, ..op(ANYSOCK_OP_RECEIVE_FROM, 1, *one) };
            queue.quiet(&[receive]);
            for data in [&b"a"[..], b"", b"ccc"] {
                assert_eq!(queue.wait(&[write_op(2, *other, data)], 2).len(), 2);
            }
            // Untouched by the handle's address of its own is what WRITE sends to the peer.
            assert_eq!(queue.one(&[write_op(3, *one, b"back")]).result, 4);
            assert_eq!(drain_datagram(*other), b"back");
            assert_eq!(queue.wait(&[cancel_op(9, 1)], 2).len(), 2);
        }
    });
}

fn drain_datagram(handle: i64) -> Vec<u8> {
    let mut room = vec![0; 100];
    let count = expect(read(handle, &mut room));
    room.truncate(count as usize);
    room
}

#[test]
fn an_empty_datagram_is_an_event_with_or_without_a_buffer() {
    on_each(|queue| {
        let (one, other) = connected("udp4");
        let receive = op(ANYSOCK_OP_RECEIVE_FROM, 1, *one);
        expect(send(*other, b"", 0));
        let done = queue.one(&[receive]);
        assert_eq!((done.result, done.flags), (0, 0));
        assert!(done.buffer != 0 && done.value != 0);
        queue.quiet(&[give_op(done.buffer)]);
        expect(send(*other, b"", 0));
        let done = queue.one(&[read_op(2, *one, 0)]);
        assert_eq!((done.result, done.flags, done.buffer, done.data), (0, 0, 0, 0));
    });
}

#[test]
fn a_datagram_socket_has_its_share_in_a_run() {
    on_each(|queue| {
        let (one, other) = connected("udp4");
        let (three, four) = pair("unix");
        queue.quiet(&[read_op(1, *one, MULTI), read_op(2, *three, MULTI)]);
        for number in 0..100_u8 {
            assert_eq!(send(*other, &[number], 0), 1);
        }
        expect(write(*four, b"stream"));
        let told = queue.run_for(&[], 200, 0).unwrap();
        let grams: Vec<_> = told.iter().filter(|done| done.token == 1).map(|done| bytes(done)[0]).collect();
        assert!((2..=64).contains(&grams.len()), "{}", grams.len());
        assert!(told.iter().any(|done| done.token == 2));
        let mut all = grams;
        while all.len() < 100 {
            let told = queue.run_for(&[], 200, LONG_US).unwrap();
            assert!(!told.is_empty() && told.len() <= 64);
            all.extend(told.iter().map(|done| bytes(done)[0]));
        }
        assert_eq!(all, (0..100).collect::<Vec<_>>());
    });
}

#[test]
fn a_datagram_that_is_too_large_is_an_error_of_its_own() {
    on_each(|queue| {
        let (one, other) = connected("udp4");
        let huge = pattern(70_000);
        let told = queue.wait(&[write_op(1, *one, &huge), write_op(2, *one, b"fits")], 2);
        assert_eq!(told[0].token, 1);
        expect_error(told[0].result, "EMSGSIZE");
        assert_eq!((told[0].value, told[1].result), (0, 4));
        assert_eq!(drain_datagram(*other), b"fits");
    });
}

#[test]
fn a_refused_datagram_is_told_once_and_ends_nothing_for_good() {
    on_each(|queue| {
        let (one, other) = connected("udp4");
        let there = local_address(*other);
        drop(other);
        assert_eq!(queue.one(&[write_op(1, *one, b"x")]).result, 1);
        let done = queue.one(&[read_op(2, *one, 0)]);
        expect_error(done.result, "ECONNREFUSED");
        let again = open("udp4");
        expect(bind(*again, &there));
        expect(connect(*again, &local_address(*one)));
        expect(send(*again, b"here", 0));
        assert_eq!(bytes(&queue.one(&[read_op(3, *one, 0)])), b"here");
    });
}

#[test]
fn operations_of_the_wrong_kind_are_refused() {
    on_each(|queue| {
        let (stream, _peer) = pair("unix");
        let fresh = open("tcp4");
        for (wrong, error) in [
            (op(ANYSOCK_OP_ACCEPT, 1, *stream), "EINVAL"),
            (op(ANYSOCK_OP_ACCEPT, 1, *fresh), "EINVAL"),
            (read_op(1, *fresh, 0), "ENOTCONN"),
            (write_op(1, *fresh, b"x"), "ENOTCONN"),
            (anysock_op { value: 2, ..op(ANYSOCK_OP_SHUTDOWN, 1, *fresh) }, "ENOTCONN"),
            (read_op(1, *listener("tcp4"), 0), "ENOTCONN"),
        ] {
            let done = queue.one(&[wrong]);
            assert_eq!(name(done.result), error, "{wrong:?}");
        }
        let (listener, gram) = (listener("tcp4"), open("udp4"));
        // As the blocking calls say it.
        assert_eq!(queue.one(&[read_op(1, *listener, 0)]).result, read(*listener, &mut [0]));
        assert_eq!(queue.one(&[op(ANYSOCK_OP_ACCEPT, 1, *gram)]).result, anysock_accept(*gram));
    });
}

#[cfg(unix)]
mod pipes {
    use super::*;

    fn pipe() -> (Own, Own) {
        let mut ends = [0; 2];
        // SAFETY: there is room for two descriptors.
        assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
        (own(expect(anysock_adopt(ends[0].into()))), own(expect(anysock_adopt(ends[1].into()))))
    }

    #[test]
    fn a_full_pipe_takes_the_rest_later() {
        on_each(|queue| {
            let (out, into) = pipe();
            let large = pattern(300_000);
            queue.quiet(&[write_op(1, *into, &large), op(ANYSOCK_OP_CLOSE, 2, *into)]);
            let mut all = Vec::new();
            queue.quiet(&[]);
            let mut told = queue.run(&[read_op(3, *out, MULTI)]);
            loop {
                let gives: Vec<_> =
                    told.iter().filter(|done| done.buffer != 0).map(|done| give_op(done.buffer)).collect();
                let mut is_over = false;
                for done in told.iter().filter(|done| done.token == 3) {
                    all.extend_from_slice(bytes(done));
                    is_over |= done.flags & MORE == 0;
                }
                if is_over {
                    break;
                }
                told = queue.run_for(&gives, 64, LONG_US).unwrap();
            }
            assert!(all == large);
        });
    }

    #[test]
    fn a_pipe_without_readers_and_what_pipes_cannot() {
        on_each(|queue| {
            let (out, into) = pipe();
            for wrong in [
                anysock_op { value: 2, ..op(ANYSOCK_OP_SHUTDOWN, 1, *into) },
                op(ANYSOCK_OP_ACCEPT, 1, *out),
                op(ANYSOCK_OP_RECEIVE_FROM, 1, *out),
            ] {
                expect_error(queue.one(&[wrong]).result, "ENOTSOCK");
            }
            let address = "127.0.0.1:9";
            let connect = anysock_op { op: ANYSOCK_OP_CONNECT, ..write_op(1, *out, address.as_bytes()) };
            expect_error(queue.one(&[connect]).result, "ENOTSOCK");
            drop(out);
            until_broken(|| queue.one(&[write_op(2, *into, b"x")]).result);
        });
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    #[test]
    fn a_terminal_is_read_and_written() {
        on_each(|queue| {
            let (mut leader, mut follower) = (0, 0);
            // SAFETY: both places live through the call; a terminal as it comes.
            let code = unsafe {
                libc::openpty(
                    &mut leader,
                    &mut follower,
                    std::ptr::null_mut(),
                    std::ptr::null_mut(),
                    std::ptr::null_mut(),
                )
            };
            assert_eq!(code, 0);
            let (leader, follower) =
                (own(expect(anysock_adopt(leader.into()))), own(expect(anysock_adopt(follower.into()))));
            queue.quiet(&[read_op(1, *follower, MULTI)]);
            assert_eq!(queue.wait(&[write_op(2, *leader, b"typed\n")], 2).len(), 2);
            // Its echo comes back.
            let echo = queue.one(&[read_op(3, *leader, 0)]);
            assert_eq!(bytes(&echo), b"typed\r\n");
            drop(follower);
            expect_error(queue.one(&[]).result, "ECANCELED");
        });
    }
}

#[test]
fn a_file_is_sent_from_where_it_is_asked_for() {
    use std::io::{Seek, SeekFrom, Write};
    on_each(|queue| {
        let path = std::env::temp_dir().join(format!("anysock-parts-{}", std::process::id()));
        let content = pattern(10_000);
        std::fs::File::create(&path).unwrap().write_all(&content).unwrap();
        let mut file = std::fs::File::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let (one, other) = pair("unix");
        let part = |offset, length| anysock_op {
            data: super::writing::descriptor(&file),
            value: offset,
            length,
            ..op(ANYSOCK_OP_SEND_FILE, 1, *one)
        };
        for (offset, length, first, count) in [
            (0, 10, 0, 10),
            (9_990, 100, 9_990, 10),
            (5, 1, 5, 1),
            (10_000, 5, 10_000, 0),
            (20_000, -1, 0, 0),
        ] {
            let done = queue.one(&[part(offset, length)]);
            assert_eq!((done.result, done.value), (count, 0), "{offset} {length}");
            assert!(drain(*other, count as usize) == content[first..first + count as usize]);
        }
        expect_error(queue.one(&[part(-2, 1)]).result, "EINVAL");
        expect_error(queue.one(&[part(0, -2)]).result, "EINVAL");
        // A file among writes keeps its place.
        let told = queue.wait(&[write_op(2, *one, b"<"), part(1, 3), write_op(3, *one, b">")], 3);
        assert_eq!(told.iter().map(|done| done.token).collect::<Vec<_>>(), [2, 1, 3]);
        assert_eq!(drain(*other, 5), [b"<", &content[1..4], b">"].concat());
        // From where the file stands.
        file.seek(SeekFrom::Start(4)).unwrap();
        let here = anysock_op {
            data: super::writing::descriptor(&file),
            value: -1,
            length: 2,
            ..op(ANYSOCK_OP_SEND_FILE, 1, *one)
        };
        assert_eq!(queue.one(&[here]).result, 2);
        assert_eq!(drain(*other, 2), content[4..6]);
        drop(other);
    });
}
