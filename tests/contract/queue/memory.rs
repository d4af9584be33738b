//! The caller's memory is used during the call alone: it is taken away right after it.

use super::kit::*;
use crate::support::*;

#[test]
fn nothing_of_the_caller_is_touched_between_two_runs() {
    on_each(|queue| {
        const ROUNDS: usize = 200;
        let (one, other) = narrow("unix");
        let pages = Pages::new(1 << 20);
        let (ops, done, data) = (pages.first.cast::<anysock_op>(), 4096, 8192);
        let expected: Vec<u8> = (0..ROUNDS).flat_map(|round| vec![round as u8; 3_000]).collect();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| drain(*other, expected.len()));
            let mut told = 0;
            for round in 0..ROUNDS {
                pages.allow(libc::PROT_READ | libc::PROT_WRITE);
                // SAFETY: there are pages for the operation, the events and the data.
                let code = unsafe {
                    let bytes = pages.first.add(data);
                    bytes.write_bytes(round as u8, 3_000);
                    ops.write(anysock_op {
                        data: bytes as i64,
                        length: 3_000,
                        ..op(ANYSOCK_OP_WRITE, 1, *one)
                    });
                    anysock_queue_run(*queue.0, ops, 1, pages.first.add(done).cast(), 16, 0)
                };
                pages.allow(libc::PROT_NONE);
                told += expect(code) as usize;
            }
            while told < ROUNDS {
                told += queue.run_for(&[], 64, LONG_US).unwrap().len();
            }
            assert!(reader.join().unwrap() == expected);
        });
    });
}

/// Linux alone counts a limit on all memory that a process may map.
#[cfg(target_os = "linux")]
#[test]
fn out_of_memory_a_run_takes_nothing_and_a_later_one_works() {
    const MANY: usize = 1 << 19;
    on_each(|queue| {
        let ops: Vec<_> = (0..MANY as i64).map(|token| timer_op(token, LONG_US, 0)).collect();
        let status = super::forking::in_child(|| {
            queue.quiet(&[]);
            let set_limit = |bytes| {
                let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
                // SAFETY: the limit outlives the call.
                assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
            };
            let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
            let mapped = pages.split(' ').next().unwrap().parse::<libc::rlim_t>().unwrap() * 4_096;
            set_limit(mapped + (8 << 20));
            assert_eq!(queue.run_for(&ops, 4, 0).unwrap_err(), ANYSOCK_ENOMEM);
            set_limit(libc::RLIM_INFINITY);
            assert_eq!(queue.one(&[cancel_op(-1, 7)]).result, 0);
            queue.quiet(&ops);
            assert_eq!(queue.wait(&[cancel_op(-1, 7)], 2).len(), 2);
        });
        assert_eq!(status, 0);
    });
}
