//! Sandboxes and limits: system calls and families that a filter refuses, and calls that have older brothers; no threads; fewer
//! descriptors than entries. Not here: descriptors that are all taken (`limits.c`), files sent by calls that are
//! refused (`send_file`).
#![cfg(target_os = "linux")]

use crate::names::{expect_unresolved, resolve};
use crate::peers::child::{View, run};
use crate::peers::*;
use crate::support::*;

fn rule(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}

const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const IS: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const ANSWER: u32 = libc::BPF_RET | libc::BPF_K;

/// From now on the rules hold in the calling thread, and in those that it starts.
fn install(rules: &mut [libc::sock_filter]) {
    let program = libc::sock_fprog { len: rules.len() as u16, filter: rules.as_mut_ptr() };
    // SAFETY: the program outlives the calls, and its rules are as many as it says.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program), 0);
    }
}

/// From now on these system calls fail with this error.
pub fn refuse(calls: &[libc::c_long], error: i32) {
    let mut rules = vec![rule(LOAD, 0, 0, 0)];
    for call in calls {
        rules.push(rule(IS, 0, 1, *call as u32));
        rules.push(rule(ANSWER, 0, 0, libc::SECCOMP_RET_ERRNO | error as u32));
    }
    rules.push(rule(ANSWER, 0, 0, libc::SECCOMP_RET_ALLOW));
    install(&mut rules);
}

/// From now on sockets of IPv6 can't be opened.
fn refuse_ipv6(error: i32) {
    let family = if cfg!(target_endian = "big") { 20 } else { 16 };
    install(&mut [
        rule(LOAD, 0, 0, 0),
        rule(IS, 0, 3, libc::SYS_socket as u32),
        rule(LOAD, 0, 0, family),
        rule(IS, 0, 1, libc::AF_INET6 as u32),
        rule(ANSWER, 0, 0, libc::SECCOMP_RET_ERRNO | error as u32),
        rule(ANSWER, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]);
}

/// Runs `body` in a thread in which these calls fail, once with each answer of a sandbox.
fn without(calls: &'static [libc::c_long], body: fn()) {
    for error in [libc::ENOSYS, libc::EPERM] {
        let calling = Call::start(move || {
            refuse(calls, error);
            body();
        });
        calling.result();
    }
}

fn a_poller_keeps_its_time_and_finds_what_is_ready() {
    let poller = poller();
    let (one, other) = pair("unix");
    expect(anysock_poller_set(*poller, *one, ANYSOCK_EVENT_READ, 1));
    expect_timeout_of_wait(|| poller_wait_code(*poller, 1, 50 * ANYSOCK_MILLISECOND));
    assert_eq!(write(*other, b"x"), 1);
    assert_eq!(poller_wait_code(*poller, 1, LONG_US), 1);
    assert_eq!(read(*one, &mut [0; 8]), 1);
    for _ in 0..30 {
        expect(anysock_poller_wake(*poller));
    }
    assert_eq!(poller_wait_code(*poller, 1, -1), 0);
    assert_eq!(poller_wait_code(*poller, 1, 0), 0);
    expect_timeout_of_wait(|| poller_wait_code(*poller, 1, 50 * ANYSOCK_MILLISECOND));
}

/// 0 after this time, and not before.
#[track_caller]
fn expect_timeout_of_wait(wait: impl FnOnce() -> i64) {
    let (code, took) = timed(wait);
    assert_eq!(name(code), "OK");
    assert!(took.as_micros() as i64 >= 50 * ANYSOCK_MILLISECOND, "{took:?}");
}

fn select_finds_what_is_ready() {
    let pairs: Vec<_> = (0..40).map(|_| pair("unix")).collect();
    let all: Vec<_> = pairs.iter().map(|(one, _)| **one).collect();
    // The last rounds are those of a set that has come again.
    for round in 0..100 {
        let mut sets = [all.clone(), vec![], vec![]];
        assert_eq!(select(&mut sets, if round < 90 { 0 } else { 1_000 }), 0);
    }
    assert_eq!(write(*pairs[7].1, b"x"), 1);
    let mut sets = [all.clone(), vec![], vec![]];
    assert_eq!(select(&mut sets, LONG_US), 1);
    assert_eq!(sets[0], [all[7]]);
}

/// A signal wakes it, a close ends it.
fn calls_wait_and_are_ended() {
    let (one, other) = pair("tcp");
    expect(set(*one, "read_timeout", 50 * ANYSOCK_MILLISECOND));
    let (code, took) = timed(|| read(*one, &mut [0; 8]));
    assert_eq!(name(code), "ETIMEDOUT");
    assert!(took.as_micros() as i64 >= 50 * ANYSOCK_MILLISECOND, "{took:?}");
    let handle = *other;
    for _ in 0..2 {
        let blocked = Call::blocked(move || read(handle, &mut [0; 8]));
        assert_eq!(write(*one, b"x"), 1);
        assert_eq!(blocked.result(), 1);
    }
    let blocked = Call::blocked(move || read(handle, &mut [0; 8]));
    assert_eq!(anysock_close(handle), 0);
    expect_error(blocked.result(), "ECANCELED");
}

fn connections_are_accepted() {
    for kind in ["tcp", "unix"] {
        let (one, other) = connected(kind);
        assert_eq!(write(*one, b"hello"), 5);
        assert_eq!(read(*other, &mut [0; 8]), 5);
        expect(set(*other, "read_timeout", 0));
        expect_error(read(*other, &mut [0; 8]), "EAGAIN");
        let fd = i32::try_from(expect(anysock_fd(*other))).unwrap();
        // SAFETY: takes no memory.
        assert_eq!(unsafe { libc::fcntl(fd, libc::F_GETFD) }, libc::FD_CLOEXEC);
    }
}

fn many_datagrams_are_sent_and_received() {
    let (one, other) = (bound("udp4"), bound("udp4"));
    expect(connect(*one, &local_address(*other)));
    let texts: Vec<_> = (0..40).map(|n| format!("datagram {n}")).collect();
    let mut datagrams: Vec<_> = texts.iter().map(|text| outgoing(text.as_bytes(), None)).collect();
    assert_eq!(send_many(*one, &mut datagrams, 0), 40);
    let got = recv_many(*other, 64, 100, 0).unwrap();
    let found: Vec<_> = got.iter().map(|got| String::from_utf8_lossy(&got.data).into_owned()).collect();
    assert_eq!(found, texts);
    expect(set(*other, "read_timeout", 0));
    expect_error(recv_many_code(*other), "EAGAIN");
}

#[test]
fn without_epoll_pwait2() {
    without(&[libc::SYS_epoll_pwait2], a_poller_keeps_its_time_and_finds_what_is_ready);
    without(&[libc::SYS_epoll_pwait2], select_finds_what_is_ready);
}

#[test]
fn without_epoll_create1() {
    // Newer architectures have no older brother.
    if cfg!(target_arch = "x86_64") {
        without(&[libc::SYS_epoll_create1], a_poller_keeps_its_time_and_finds_what_is_ready);
        without(&[libc::SYS_epoll_create1], select_finds_what_is_ready);
    }
}

#[test]
fn without_eventfd2() {
    without(&[libc::SYS_eventfd2], a_poller_keeps_its_time_and_finds_what_is_ready);
    without(&[libc::SYS_eventfd2], select_finds_what_is_ready);
    without(&[libc::SYS_eventfd2], calls_wait_and_are_ended);
}

#[test]
fn without_ppoll() {
    if cfg!(target_arch = "x86_64") {
        without(&[libc::SYS_ppoll], select_finds_what_is_ready);
        without(&[libc::SYS_ppoll], calls_wait_and_are_ended);
    }
}

#[test]
fn without_accept4() {
    without(&[libc::SYS_accept4], connections_are_accepted);
}

#[test]
fn without_many_datagrams_at_once() {
    without(&[libc::SYS_recvmmsg], many_datagrams_are_sent_and_received);
    without(&[libc::SYS_sendmmsg], many_datagrams_are_sent_and_received);
}

#[test]
fn without_any_of_them() {
    const ALL: &[libc::c_long] = &[
        libc::SYS_epoll_pwait2,
        libc::SYS_eventfd2,
        libc::SYS_accept4,
        libc::SYS_recvmmsg,
        libc::SYS_sendmmsg,
        libc::SYS_getrandom,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_ppoll,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_epoll_create1,
    ];
    without(ALL, || {
        a_poller_keeps_its_time_and_finds_what_is_ready();
        select_finds_what_is_ready();
        calls_wait_and_are_ended();
        connections_are_accepted();
        many_datagrams_are_sent_and_received();
        assert!(resolve("tcp4", "localhost:80", LONG_US).is_ok());
    });
}

/// An error of the system in a select that does not wait is an error, and not a set in which nothing is ready.
#[test]
fn an_error_of_the_system_leaves_the_sets_alone() {
    let calling = Call::start(|| {
        let (one, _other) = pair("unix");
        // One that is ready to be written, were anybody to look.
        let before = [vec![*one], vec![*one], vec![]];
        refuse(&[libc::SYS_ppoll], libc::ENOMEM);
        for timeout in [0, 1_000, -1] {
            let mut sets = before.clone();
            expect_error(select(&mut sets, timeout), "ENOMEM");
            assert_eq!(sets, before);
        }
    });
    calling.result();
}

// No threads.

const NO_THREADS: &[libc::c_long] = &[libc::SYS_clone, libc::SYS_clone3];

#[test]
fn names_are_resolved_where_no_thread_is_to_be_had() {
    run("sandbox::names_are_resolved_where_no_thread_is_to_be_had", View::Process, || {
        for error in [libc::EAGAIN, libc::EPERM, libc::ENOSYS] {
            let calling = Call::start(move || {
                refuse(NO_THREADS, error);
                for timeout in [-1, LONG_US] {
                    assert_eq!(resolve("tcp4", "localhost:80", timeout).as_deref(), Ok("127.0.0.1:80"));
                    assert_eq!(resolve("tcp4", ":http", timeout).as_deref(), Ok("0.0.0.0:80"));
                }
                let listener = listener("tcp4");
                let address = local_address(*listener).replace("127.0.0.1", "localhost");
                for timeout in [-1, LONG_US] {
                    let client = open("tcp4");
                    expect(set(*client, "timeout", timeout));
                    assert_eq!(connect(*client, &address), 0);
                }
            });
            calling.result();
        }
    });
}

#[test]
fn a_connect_without_waiting_takes_the_best_address_where_no_thread_is_to_be_had() {
    let test = "sandbox::a_connect_without_waiting_takes_the_best_address_where_no_thread_is_to_be_had";
    run(test, View::Process, || {
        if !has_ipv6() {
            return;
        }
        let calling = Call::start(|| {
            refuse(NO_THREADS, libc::EAGAIN);
            let listener = listener("tcp6");
            let client = open("tcp");
            expect(set(*client, "connect_timeout", 0));
            let code = connect(*client, &format!(":{}", port(&local_address(*listener))));
            assert!(["OK", "EINPROGRESS"].contains(&name(code).as_str()), "{}", name(code));
            assert_eq!(select_one(*client, ANYSOCK_EVENT_WRITE, LONG_US), ANYSOCK_EVENT_WRITE);
        });
        calling.result();
    });
}

/// Filters and security modules refuse a family with various errors, where a system without it has one.
#[test]
fn who_may_open_no_socket_of_ipv6_has_every_interface_by_ipv4() {
    for error in [libc::EAFNOSUPPORT, libc::EPERM, libc::EACCES, libc::EOPNOTSUPP] {
        let calling = Call::start(move || {
            refuse_ipv6(error);
            for kind in ["tcp", "udp"] {
                let socket = open(kind);
                expect(bind(*socket, ":0"));
                assert!(local_address(*socket).starts_with("0.0.0.0:"));
                expect_error(bind(*open(kind), "[::1]:0"), &name((-error).into()));
            }
            let listener = open("tcp");
            expect(anysock_listen(*listener, 0));
            assert!(local_address(*listener).starts_with("0.0.0.0:"));
        });
        calling.result();
    }
}

// Fewer descriptors allowed than entries.

fn limit(number: libc::rlim_t) {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limits outlive the calls.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limits), 0);
        limits.rlim_cur = number;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limits), 0);
    }
}

#[test]
fn select_and_waits_have_no_limit_on_their_entries() {
    run("sandbox::select_and_waits_have_no_limit_on_their_entries", View::Process, || {
        let pairs: Vec<_> = (0..40).map(|_| pair("unix")).collect();
        let open_kinds: Vec<_> = (0..100).map(|_| open("tcp")).collect();
        let all: Vec<_> =
            pairs.iter().map(|(one, _)| **one).chain(open_kinds.iter().map(|one| **one)).collect();
        let (kept, peer) = (*pairs[3].0, *pairs[3].1);
        let waiting = Call::blocked(move || read(kept, &mut [0; 8]));
        for most in [64, 16, 1, 0] {
            limit(most);
            for round in 0..40 {
                let mut sets = [all.clone(), vec![], all.clone()];
                assert_eq!(select(&mut sets, if round % 2 == 0 { 0 } else { 1_000 }), 0, "{most}");
                assert_eq!(sets, [vec![], vec![], vec![]]);
            }
            assert_eq!(write(*pairs[7].1, b"x"), 1);
            let mut sets = [all.clone(), vec![all[7]], all.clone()];
            assert_eq!(select(&mut sets, LONG_US), 2, "{most}");
            assert_eq!(sets, [vec![all[7]], vec![all[7]], vec![]]);
            assert_eq!(read(all[7], &mut [0; 8]), 1);
            expect(set(all[7], "read_timeout", 20 * ANYSOCK_MILLISECOND));
            expect_error(read(all[7], &mut [0; 8]), "ETIMEDOUT");
        }
        assert_eq!(write(peer, b"x"), 1);
        assert_eq!(waiting.result(), 1);
        // AddressSanitizer looks for leaks when the child ends, and needs descriptors for that.
        limit(64);
    });
}

/// A zone can't be looked up without a descriptor, and that is what is wrong.
#[test]
fn a_zone_that_wants_a_descriptor_says_so() {
    run("sandbox::a_zone_that_wants_a_descriptor_says_so", View::Process, || {
        assert!(resolve("tcp6", "[fe80::1%lo]:80", 0).is_ok());
        limit(0);
        expect_unresolved("tcp6", "[fe80::1%lo]:80", 0, "EMFILE");
        limit(64);
        expect_unresolved("tcp6", "[fe80::1%no-such]:80", 0, "EINVAL");
    });
}

/// A name that can't be looked up for want of a descriptor may well exist.
#[test]
fn a_name_that_wants_a_descriptor_says_so() {
    run("sandbox::a_name_that_wants_a_descriptor_says_so", View::Process, || {
        for address in ["localhost:80", "127.0.0.1:http", ":http"] {
            let found = resolve("tcp4", address, -1);
            assert!(found.is_ok());
            limit(0);
            expect_unresolved("tcp4", address, -1, "EMFILE");
            limit(64);
            assert_eq!(resolve("tcp4", address, -1), found);
        }
    });
}
