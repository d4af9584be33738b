//! A life that forks: the child goes on with the handles, sets and pollers that it has inherited, and then the parent
//! with what the child has left of the sockets. Neither must see the other's registrations.

use crate::seeds;
use crate::support::Random;
use crate::watch::Life;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One after the other.
const CHILDREN: usize = 4;
/// What happens in each, and before and after it.
const OPERATIONS: usize = 150;

pub fn children() {
    for seed in seeds() {
        let mut life = Life::new(1_000 + seed);
        for child in 0..CHILDREN {
            life.go_on(OPERATIONS);
            life.rest();
            // Every other one has a child itself.
            run(&mut life, child % 2);
            life.look_all();
        }
        life.go_on(OPERATIONS);
    }
}

/// A child lives the life on, and its children after it.
fn run(life: &mut Life, generations: usize) {
    // SAFETY: this process has no other thread that holds a lock: those of the library, which has its own ways, have
    // nothing to do.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        0 => {
            let outcome = catch_unwind(AssertUnwindSafe(|| live_on(life, generations)));
            // SAFETY: ends the process, and nothing of the parent's with it.
            unsafe { libc::_exit(i32::from(outcome.is_err())) }
        }
        child => {
            let mut status = -1;
            // SAFETY: the place lives through the call.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            assert_eq!(status, 0, "a child of the {generations} that should follow");
        }
    }
}

fn live_on(life: &mut Life, generations: usize) {
    life.look_all();
    // Not what its parent will do.
    let other = life.world.random.next() | 1;
    life.world.random = Random(other);
    life.go_on(OPERATIONS);
    if generations > 0 {
        life.rest();
        run(life, generations - 1);
        life.look_all();
    }
}
