//! Signals: a handler wakes the queue whatever it has interrupted; option `interruptible` lets them end a run.

use super::kit::*;
use crate::support::*;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// The queue that the handler wakes, and how often it has.
static QUEUE: AtomicI64 = AtomicI64::new(0);
static WAKES: AtomicI64 = AtomicI64::new(0);

extern "C" fn wake(_signal: i32) {
    let queue = QUEUE.load(Ordering::SeqCst);
    if queue != 0 && anysock_queue_wake(queue) == 0 {
        WAKES.fetch_add(1, Ordering::SeqCst);
    }
}

fn install(handler: extern "C" fn(i32)) {
    // SAFETY: the handler only does what one may do; the structure is zeroed, which means no flags and an empty mask.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        assert_eq!(libc::sigaction(libc::SIGUSR2, &action, std::ptr::null_mut()), 0);
    }
}

#[test]
fn a_handler_wakes_the_queue_whatever_it_has_interrupted() {
    install(wake);
    on_each(|queue| {
        const SIGNALS: i64 = 300;
        WAKES.store(0, Ordering::SeqCst);
        QUEUE.store(*queue.0, Ordering::SeqCst);
        let (is_over, taken) = (AtomicBool::new(false), AtomicI64::new(0));
        std::thread::scope(|scope| {
            let runner = scope.spawn(|| {
                let (one, other) = pair("unix");
                queue.quiet(&[read_op(1, *one, ANYSOCK_QUEUE_MULTI)]);
                // SAFETY: asks for the thread's own name.
                let own = unsafe { libc::pthread_self() } as i64;
                taken.store(own, Ordering::SeqCst);
                // Busy in all parts of a run while signals come.
                while !is_over.load(Ordering::SeqCst) {
                    let told = queue.run_for(&[write_op(2, *other, b"x")], 8, 0).unwrap();
                    let gives: Vec<_> = told
                        .iter()
                        .filter(|done| done.buffer != 0)
                        .map(|done| give_op(done.buffer))
                        .collect();
                    assert!(queue.run_for(&gives, 0, 0).is_ok());
                }
                // Each wake ends one wait, and none was used up by a run that did not wait.
                let all = WAKES.load(Ordering::SeqCst);
                let mut waits = 0;
                while waits < all {
                    let told = queue.run_for(&[], 64, LONG_US).unwrap();
                    waits += i64::from(told.is_empty());
                    let gives: Vec<_> = told
                        .iter()
                        .filter(|done| done.buffer != 0)
                        .map(|done| give_op(done.buffer))
                        .collect();
                    assert!(queue.run_for(&gives, 0, 0).is_ok());
                }
            });
            while taken.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now();
            }
            while WAKES.load(Ordering::SeqCst) < SIGNALS {
                // SAFETY: the thread is there until it is told that all is over.
                unsafe { libc::pthread_kill(taken.load(Ordering::SeqCst) as libc::pthread_t, libc::SIGUSR2) };
                std::thread::yield_now();
            }
            is_over.store(true, Ordering::SeqCst);
            runner.join().unwrap();
        });
        QUEUE.store(0, Ordering::SeqCst);
    });
}

#[test]
fn an_interruptible_queue_hears_signals_and_loses_no_event() {
    install(wake);
    on_each(|queue| {
        expect(set(*queue.0, "interruptible", 1));
        let thread = AtomicI64::new(0);
        std::thread::scope(|scope| {
            let runner = scope.spawn(|| {
                // SAFETY: asks for the thread's own name.
                thread.store(unsafe { libc::pthread_self() } as i64, Ordering::SeqCst);
                let first = queue.run_for(&[timer_op(5, 300_000, 0)], 4, LONG_US);
                expect_error(first.unwrap_err(), "EINTR");
                // The timer was taken all the same.
                expect(set(*queue.0, "interruptible", 0));
                assert_eq!(queue.one(&[]).token, 5);
            });
            while !runner.is_finished() && get(*queue.0, "interruptible") == Ok(1) {
                let name = thread.load(Ordering::SeqCst);
                if name != 0 {
                    // SAFETY: the thread is there until the scope ends.
                    unsafe { libc::pthread_kill(name as libc::pthread_t, libc::SIGUSR2) };
                }
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            runner.join().unwrap();
        });
    });
}
