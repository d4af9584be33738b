//! A ring that is refused costs nothing but speed: the queue works by the next engine, and says which.

use super::forking::in_child;
use super::kit::*;
use crate::peers::skip;
use crate::support::*;

/// Has the kernel refuse a system call from now on, in this thread.
fn refuse(number: libc::c_long, error: i32) {
    let statement = |code: u32, k: u32, jt: u8, jf: u8| libc::sock_filter { code: code as u16, jt, jf, k };
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let mut filter = [
        statement(load, 0, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, number as u32, 0, 1),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | error as u32, 0, 0),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program outlives the call, and is four statements long.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program), 0);
    }
}

/// Eight connections that are echoed through the queue: enough for a ring.
fn echo(queue: &Queue) {
    let pairs: Vec<_> = (0..8).map(|_| pair("unix")).collect();
    let reads: Vec<_> = pairs.iter().map(|(one, _)| read_op(1, **one, 0)).collect();
    queue.quiet(&reads);
    for (place, (_, other)) in pairs.iter().enumerate() {
        expect(write(**other, &[place as u8; 3]));
    }
    let told = queue.wait(&[], 8);
    let back: Vec<_> = told
        .iter()
        .map(|done| anysock_op {
            flags: ANYSOCK_QUEUE_QUIET,
            data: done.data,
            length: done.result,
            buffer: done.buffer,
            ..op(ANYSOCK_OP_WRITE, 2, done.handle)
        })
        .collect();
    queue.quiet(&back);
    for (place, (_, other)) in pairs.iter().enumerate() {
        assert_eq!(drain(**other, 3), [place as u8; 3]);
    }
    let closes: Vec<_> = pairs
        .iter()
        .map(|(one, _)| anysock_op { flags: ANYSOCK_QUEUE_QUIET, ..op(ANYSOCK_OP_CLOSE, 3, **one) })
        .collect();
    queue.quiet(&closes);
}

fn engine(queue: &Queue) -> String {
    get_text(*queue.0, "queue.engine").unwrap()
}

#[test]
fn a_sandbox_that_is_entered_between_two_runs() {
    let queue = Queue::open(0, 0);
    if engine(&queue) != "io_uring" {
        return skip("no io_uring");
    }
    for error in [libc::EPERM, libc::ENOSYS] {
        let status = in_child(|| {
            let queue = Queue::open(0, 0);
            echo(&queue);
            assert_eq!(engine(&queue), "io_uring");
            refuse(libc::SYS_io_uring_enter, error);
            echo(&queue);
            assert_eq!(engine(&queue), "epoll");
            echo(&queue);
        });
        assert_eq!(status, 0);
    }
}

#[test]
fn a_sandbox_without_rings() {
    for (call, error) in [
        (libc::SYS_io_uring_setup, libc::EPERM),
        (libc::SYS_io_uring_setup, libc::ENOSYS),
        (libc::SYS_io_uring_enter, libc::EPERM),
        (libc::SYS_io_uring_enter, libc::ENOSYS),
    ] {
        let status = in_child(|| {
            refuse(call, error);
            let queue = Queue::open(0, 0);
            expect_error(set_text(*queue.0, "queue.engine", "io_uring"), "EOPNOTSUPP");
            assert_eq!(engine(&queue), "epoll");
            echo(&queue);
            assert_eq!(engine(&queue), "epoll");
        });
        assert_eq!(status, 0);
    }
}

#[test]
fn a_process_out_of_descriptors_goes_without_a_ring() {
    let status = in_child(|| {
        let pairs: Vec<_> = (0..8).map(|_| pair("unix")).collect();
        // A ring and its proof need more than the two that are left. Other tests' descriptors may have gaps between them.
        let limit = libc::rlimit { rlim_cur: 2_000, rlim_max: 2_000 };
        // SAFETY: the limit outlives the call.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
        // SAFETY: duplicates what is open.
        let mut taken: Vec<_> =
            std::iter::repeat_with(|| unsafe { libc::dup(0) }).take_while(|fd| *fd >= 0).collect();
        for fd in taken.split_off(taken.len() - 2) {
            // SAFETY: it was just opened.
            unsafe { libc::close(fd) };
        }
        let queue = Queue::open(0, 0);
        queue.quiet(&[read_op(1, *pairs[0].0, 0)]);
        assert_eq!(engine(&queue), "epoll");
        expect(write(*pairs[0].1, b"x"));
        assert_eq!(bytes(&queue.one(&[])), b"x");
    });
    assert_eq!(status, 0);
}

#[test]
fn without_locked_memory_the_queue_works() {
    let status = in_child(|| {
        let limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the limit outlives the call; the group and the user are nobody's, who may not pass it.
        unsafe {
            assert_eq!(libc::setrlimit(libc::RLIMIT_MEMLOCK, &limit), 0);
            if libc::geteuid() == 0 {
                assert_eq!((libc::setgid(65_534), libc::setuid(65_534)), (0, 0));
            }
        }
        let queue = Queue::open(0, 0);
        echo(&queue);
        // Kernels before 5.12 count a ring as locked memory.
        assert!(["io_uring", "epoll"].contains(&engine(&queue).as_str()));
    });
    assert_eq!(status, 0);
}

/// `kernel.io_uring_disabled` is the whole machine's, so that no test sets it: the kernel answers with the error of
/// `a_sandbox_without_rings`. On a machine that has it, the engines are the others.
#[test]
fn a_machine_whose_rings_are_disabled() {
    let disabled = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").unwrap_or_default();
    if disabled.trim() != "2" {
        return skip("rings are not disabled here");
    }
    let queue = Queue::open(0, 0);
    expect_error(set_text(*queue.0, "queue.engine", "io_uring"), "EOPNOTSUPP");
    echo(&queue);
    assert_eq!(engine(&queue), "epoll");
}
