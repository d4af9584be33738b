//! Nothing is left behind: descriptors, memory and numbers after very many handles, and after calls that failed.
//! These tests look at the whole process, so they are a program of their own and run one after the other.
#![cfg(target_os = "linux")]

#[path = "alone/measure.rs"]
mod measure;
#[path = "contract/support.rs"]
mod support;

use measure::{descriptors, memory};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use support::*;

/// How many handles are opened and closed in all.
const CYCLES: usize = 200_000;

/// One test at a time, each on a thread that is gone, with all that the library keeps for it, before the next begins.
fn alone(test: impl FnOnce() + Send) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(panic) = std::thread::scope(|scope| scope.spawn(test).join()) {
        std::panic::resume_unwind(panic);
    }
}

/// Runs `body` once so that what is kept for good is there, then again, after which there must be as many
/// descriptors as before and no more memory than `bound`.
#[track_caller]
fn expect_nothing_left(bound: usize, mut body: impl FnMut()) {
    body();
    let (fds, bytes) = (descriptors(), memory());
    body();
    assert_eq!(descriptors(), fds, "descriptors are left");
    let more = memory().saturating_sub(bytes);
    assert!(more <= bound, "{more} bytes are left, of which {bound} could be chance");
}

/// Opens one handle or two of some kind, in turn.
fn open_some(round: usize) -> Vec<Own> {
    match round % 8 {
        0 => vec![open("unixgram")],
        1 => vec![open("udp4")],
        2 => vec![poller()],
        3 => vec![open("tcp")],
        4 => vec![open("udp")],
        5 => vec![open("unix")],
        6 => Vec::from(<[Own; 2]>::from(pair("unix"))),
        _ => vec![open("tcp6")],
    }
}

#[test]
fn two_hundred_thousand_handles_and_no_number_twice() {
    alone(|| {
        // What the test itself keeps is there, and in memory, before anything is measured.
        let mut numbers = vec![-1; 2 * CYCLES];
        numbers.clear();
        for round in 0..20_000 {
            numbers.extend(open_some(round).iter().map(|handle| **handle));
        }
        let (fds, bytes) = (descriptors(), memory());
        for round in 0.. {
            numbers.extend(open_some(round).iter().map(|handle| **handle));
            if numbers.len() >= CYCLES {
                break;
            }
        }
        let more = memory().saturating_sub(bytes);
        // Ten bytes for each would be more.
        assert!(more < 10 * CYCLES, "{more} bytes are left");
        assert_eq!(descriptors(), fds, "descriptors are left");
        assert!(numbers.iter().all(|number| (1 << 32..1 << 53).contains(number)));
        let distinct: HashSet<_> = numbers.iter().collect();
        assert_eq!(distinct.len(), numbers.len(), "a number came again");
        // None of them, and nothing that is one bit off, means anything any more.
        for number in numbers.iter().step_by(997) {
            expect_error(anysock_close(*number), "EBADF");
            for bit in 0..63 {
                expect_error(anysock_fd(number ^ (1 << bit)), "EBADF");
            }
        }
    });
}

#[test]
fn many_handles_at_once() {
    alone(|| {
        let before = descriptors();
        let handles: Vec<_> = (0..8_000).map(|_| open("unixgram")).collect();
        assert_eq!(descriptors(), before + handles.len());
        let distinct: HashSet<_> = handles.iter().map(|handle| **handle).collect();
        assert_eq!(distinct.len(), handles.len());
        drop(handles);
        assert_eq!(descriptors(), before);
    });
}

#[test]
fn connections_leave_nothing() {
    alone(|| {
        for kind in ["tcp", "tcp4", "tcp6", "unix", "unixpacket", "udp", "unixgram"] {
            expect_nothing_left(1 << 20, || {
                for _ in 0..200 {
                    let (one, other) = connected(kind);
                    assert_eq!(write(*one, b"data"), 4);
                    assert_eq!(read(*other, &mut [0; 16]), 4);
                }
            });
        }
    });
}

#[test]
fn registrations_leave_nothing() {
    alone(|| {
        let stays = poller();
        expect_nothing_left(1 << 20, || {
            for round in 0..20_000 {
                let (one, other) = (open("tcp"), open("udp4"));
                for socket in [&one, &other] {
                    expect(anysock_poller_set(
                        *stays,
                        **socket,
                        ANYSOCK_EVENT_READ | ANYSOCK_EVENT_WRITE,
                        round,
                    ));
                }
                if round % 100 == 0 {
                    let goes = poller();
                    expect(anysock_poller_set(*goes, *one, ANYSOCK_EVENT_READ, 0));
                    expect(anysock_poller_set(*goes, *other, ANYSOCK_EVENT_READ, 0));
                }
            }
        });
        assert_eq!(poller_wait_code(*stays, 8, 0), 0);
    });
}

#[test]
fn threads_that_have_waited_leave_nothing() {
    alone(|| {
        expect_nothing_left(2 << 20, || {
            for _ in 0..300 {
                let (one, _other) = pair("unix");
                let poller = poller();
                let (handle, waits) = (*one, *poller);
                let calls = [
                    Call::blocked(move || read(handle, &mut [0; 16])),
                    Call::blocked(move || poller_wait_code(waits, 1, -1)),
                ];
                expect(anysock_close(handle));
                expect(anysock_poller_wake(waits));
                for call in calls {
                    call.result();
                }
            }
        });
    });
}

#[test]
fn slots_that_were_set_aside_in_vain_are_used_again() {
    alone(|| {
        let listener = listener("tcp4");
        expect(set(*listener, "accept_timeout", 0));
        expect_nothing_left(1 << 20, || {
            for _ in 0..100_000 {
                expect_error(anysock_accept(*listener), "EAGAIN");
            }
        });
    });
}

#[test]
fn calls_that_fail_leave_nothing() {
    alone(|| {
        let directory = std::fs::File::open("/").unwrap();
        let adopted = i64::from(std::os::fd::AsRawFd::as_raw_fd(&directory));
        let taken = bound("tcp4");
        expect(anysock_listen(*taken, 0));
        let nobody = local_address(*bound("tcp4"));
        expect_nothing_left(1 << 20, || {
            for _ in 0..500 {
                // SAFETY: the text is NUL-terminated.
                expect_error(unsafe { anysock_open(c"nonsense".as_ptr()) }, "EINVAL");
                let (mut first, mut second) = (-7, -7);
                // SAFETY: the text is NUL-terminated, both places live through the call.
                let code = unsafe { anysock_pair(c"udp4".as_ptr(), &mut first, &mut second) };
                expect_error(code, "EOPNOTSUPP");
                assert_eq!((first, second), (-7, -7));
                expect_error(anysock_adopt(adopted), "ENOTSOCK");
                expect_error(anysock_adopt(-1), "EBADF");
                let socket = open("tcp");
                expect_error(bind(*socket, &local_address(*taken)), "EADDRINUSE");
                expect_error(connect(*open("tcp"), &nobody), "ECONNREFUSED");
                expect_error(connect(*open("tcp"), &nobody.replace("127.0.0.1", "")), "ECONNREFUSED");
                expect_error(connect(*open("unix"), &free_address("unix")), "ECONNREFUSED");
            }
        });
        assert!(directory.metadata().is_ok(), "a failed adopt must leave the descriptor open");
    });
}

/// All the descriptors that the process may still have.
struct Taken(Vec<std::fs::File>);

impl Taken {
    fn all() -> Self {
        let mut taken = Self(vec![std::fs::File::open("/dev/null").unwrap()]);
        taken.again();
        taken
    }

    /// Takes what has become free.
    fn again(&mut self) {
        while let Ok(next) = self.0[0].try_clone() {
            self.0.push(next);
        }
    }
}

/// Sets how many descriptors the process may have; how many it might before.
fn limit_descriptors(most: u64) -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the place lives through the call.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) }, 0);
    let new = libc::rlimit { rlim_cur: most, ..limit };
    // SAFETY: the limit lives through the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &new) }, 0);
    limit.rlim_cur
}

/// Blocks calls in threads that have no descriptor to be woken by, and closes what they are blocked on.
fn close_under_calls_without_a_waker(pairs: &[(Own, Own)], taken: &mut Taken) {
    let mut results = Vec::new();
    for (round, (one, _other)) in pairs.iter().enumerate() {
        let handle = **one;
        let call = match round % 2 {
            0 => Call::start(move || read(handle, &mut [0; 16])),
            _ => Call::start(move || select(&mut [vec![handle], vec![], vec![handle]], -1)),
        };
        // Whether it is blocked can't be seen without a descriptor: some will be.
        std::thread::sleep(std::time::Duration::from_millis(round as u64));
        expect(anysock_close(handle));
        results.push(name(call.result()));
        // The next one is to find no descriptor either.
        taken.again();
    }
    assert!(results.iter().all(|result| ["ECANCELED", "EBADF"].contains(&result.as_str())), "{results:?}");
    assert!(results.iter().any(|result| result == "ECANCELED"), "{results:?}");
}

/// Sends handles, and receives them with room for so many of them; those that have come.
#[track_caller]
fn pass(one: i64, other: i64, handles: &[i64], capacity: usize, flags: i32) -> (Vec<Own>, i32) {
    let mut data = [0; 4];
    let mut buffers = [anysock_buffer { data: data.as_mut_ptr().cast(), length: data.len() }];
    let mut message = message_of(&mut buffers);
    (message.handles, message.handle_count) = (handles.as_ptr().cast_mut(), handles.len());
    // SAFETY: everything lives through the call and is as long as it says.
    assert_eq!(unsafe { anysock_send_message(one, &message, 0) }, 4);
    let mut arrived = vec![0; capacity];
    (message.handles, message.handle_count) = (arrived.as_mut_ptr(), arrived.len());
    // SAFETY: as above.
    assert_eq!(unsafe { anysock_recv_message(other, &mut message, flags) }, 4);
    arrived.truncate(message.handle_count);
    (arrived.into_iter().map(own).collect(), message.flags)
}

#[test]
fn handles_that_are_passed_leave_nothing() {
    alone(|| {
        let (first, second) = connected("tcp4");
        let poller = poller();
        for kind in ["unix", "unixgram", "unixpacket"] {
            let (one, other) = pair(kind);
            let handles = [*first, *second, *one, *other];
            expect_nothing_left(1 << 20, || {
                for round in 0..10_000 {
                    let (sent, capacity) = (1 + round % 4, round / 4 % 5);
                    let (arrived, flags) = pass(*one, *other, &handles[..sent], capacity, 0);
                    assert_eq!(arrived.len(), sent.min(capacity));
                    assert_eq!(flags, if capacity < sent { ANYSOCK_FLAG_CONTROL_TRUNC } else { 0 });
                }
            });
            // Looked at and left there, taken by a plain read, refused, and never taken.
            expect_nothing_left(1 << 20, || {
                for _ in 0..1_000 {
                    drop(pass(*one, *other, &handles, 3, ANYSOCK_FLAG_PEEK));
                    assert_eq!(read(*other, &mut [0; 4]), 4);
                    let bad = [*first, *poller];
                    let message = anysock_message {
                        handles: bad.as_ptr().cast_mut(),
                        handle_count: bad.len(),
                        ..message_of(&mut [])
                    };
                    // SAFETY: everything lives through the call and is as long as it says.
                    assert!(unsafe { anysock_send_message(*one, &message, 0) } < 0);
                    let (one, other) = pair(kind);
                    drop(pass(*one, *other, &handles, 2, ANYSOCK_FLAG_PEEK));
                }
            });
        }
    });
}

/// SCM_PIDFD: a descriptor that comes without being asked for by this library.
#[test]
fn a_process_that_is_told_as_a_descriptor_leaves_nothing() {
    const SO_PASSPIDFD: i32 = 76;
    alone(|| {
        let (one, other) = pair("unix");
        let on = 1_i32;
        // SAFETY: the number lives through the call.
        let set = unsafe {
            anysock_set_raw(*other, libc::SOL_SOCKET, SO_PASSPIDFD, std::ptr::from_ref(&on).cast(), 4)
        };
        if set < 0 {
            eprintln!("skipped: this kernel does not tell a process as a descriptor");
            return;
        }
        expect_nothing_left(1 << 20, || {
            for capacity in 0..2 {
                for _ in 0..1_000 {
                    let (arrived, flags) = pass(*one, *other, &[*one], capacity, 0);
                    assert_eq!((arrived.len(), flags), (capacity, ANYSOCK_FLAG_CONTROL_TRUNC));
                }
            }
        });
    });
}

#[test]
fn without_descriptors_handles_are_lost_and_that_is_told() {
    alone(|| {
        let (one, other) = pair("unix");
        let before = descriptors();
        let limit = limit_descriptors(512);
        for free in [3, 1, 0] {
            let mut taken = Taken::all();
            taken.0.truncate(taken.0.len() - free);
            let (arrived, flags) = pass(*one, *other, &[*one; 5], 5, 0);
            assert!(arrived.len() <= free, "{} for {free}", arrived.len());
            assert_eq!(flags, ANYSOCK_FLAG_CONTROL_TRUNC);
        }
        limit_descriptors(limit);
        assert_eq!(descriptors(), before);
    });
}

#[test]
fn without_descriptors_calls_fail_and_the_rest_works() {
    alone(|| {
        let listener = listener("tcp4");
        let client = open("tcp4");
        expect(connect(*client, &local_address(*listener)));
        let (one, other) = pair("unix");
        let lazy = open("tcp");
        let before = descriptors();
        let pairs: Vec<_> = (0..30).map(|_| pair("unix")).collect();
        let limit = limit_descriptors(512);
        let mut taken = Taken::all();

        let mut handles = [-7; 2];
        let [first, second] = &mut handles;
        // SAFETY: the texts are NUL-terminated, the places live through the calls.
        let codes = unsafe {
            [
                anysock_open(c"udp4".as_ptr()),
                anysock_open(c"unix".as_ptr()),
                anysock_pair(c"unix".as_ptr(), first, second),
                anysock_pair(c"tcp".as_ptr(), first, second),
                anysock_poller_open(),
                anysock_accept(*listener),
                bind(*lazy, "127.0.0.1:0"),
            ]
        };
        for code in codes {
            expect_error(code, "EMFILE");
        }
        assert_eq!(handles, [-7; 2]);
        // What has its descriptor already goes on, with time and without.
        assert_eq!(write(*one, b"data"), 4);
        assert_eq!(read(*other, &mut [0; 16]), 4);
        expect(set(*other, "read_timeout", 20 * ANYSOCK_MILLISECOND));
        expect_error(read(*other, &mut [0; 16]), "ETIMEDOUT");
        assert_eq!(select_one(*other, ANYSOCK_EVENT_READ, 20 * ANYSOCK_MILLISECOND), 0);
        close_under_calls_without_a_waker(&pairs, &mut taken);

        drop((taken, pairs));
        limit_descriptors(limit);
        // The connection has stayed in the queue.
        drop(own(expect(anysock_accept(*listener))));
        assert_eq!(descriptors(), before);
        expect(bind(*lazy, "127.0.0.1:0"));
    });
}
