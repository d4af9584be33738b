//! Forks in the middle of all this. What stands behind a handle in the child must be the socket that stood behind it in the parent;
//! and a child can do everything. Not here: what single calls do in a child (`tests/c/fork.c`).

use crate::support::*;
use crate::world::{World, count};
use std::sync::atomic::Ordering;

const CHILD_SECONDS: u32 = 100;

pub fn fork(world: &World) {
    count(&world.done.forks, 1);
    // SAFETY: the child takes no lock but the library's, which has its own ways, and the C library's, which has too.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        0 => {
            // SAFETY: takes no memory.
            unsafe { libc::alarm(CHILD_SECONDS) };
            let fault = look_around(world).or_else(live);
            // SAFETY: ends the process, and nothing of the parent's with it.
            unsafe { libc::_exit(fault.unwrap_or(0)) }
        }
        child => {
            let mut status = -1;
            // SAFETY: the place lives through the call.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            assert_eq!(
                status, 0,
                "a forked child: its exit status << 8 is the line of what it has found, from 100, or a signal"
            );
        }
    }
}

/// In the child: every handle's descriptor, where the parent has shown which socket that is. The fault, if there is one.
fn look_around(world: &World) -> Option<i32> {
    for shown in world.places.iter().flat_map(|place| &place.shown) {
        let (handle, cookie) = (shown.handle.load(Ordering::SeqCst), shown.cookie.load(Ordering::SeqCst));
        let fd = anysock_fd(handle);
        // The parent was about to close it.
        if handle == 0 || fd == ANYSOCK_EBADF {
            continue;
        }
        if fd < 0 {
            return Some(101);
        }
        let mut found = 0_u64;
        let mut length = 8;
        let place = (&raw mut found).cast();
        // SAFETY: there are as many bytes as is said.
        if unsafe { libc::getsockopt(fd as i32, libc::SOL_SOCKET, libc::SO_COOKIE, place, &mut length) } != 0
        {
            return Some(102);
        }
        if found != cookie {
            return Some(103);
        }
    }
    None
}

/// In the child: a life of its own. Nothing here panics, which would want to print.
fn live() -> Option<i32> {
    let Ok((one, other)) = binding::call::pair(c"unix") else { return Some(110) };
    let poller = anysock_poller_open();
    if anysock_poller_set(poller, one, ANYSOCK_EVENT_READ, 7) != 0 {
        return Some(111);
    }
    if write(other, b"x") != 1 {
        return Some(112);
    }
    let mut events = [anysock_event { token: 0, handle: 0, events: 0, reserved: 0 }];
    if binding::call::poller_wait(poller, &mut events, LONG_US) != 1 || events[0].token != 7 {
        return Some(113);
    }
    if select(&mut [vec![one], vec![], vec![]], LONG_US) != 1 {
        return Some(114);
    }
    let mut room = [0; 2];
    if read(one, &mut room) != 1
        || set(one, c"read_timeout", 1_000) != 0
        || read(one, &mut room) != ANYSOCK_ETIMEDOUT
        || set(one, c"read_timeout", -1) != 0
    {
        return Some(115);
    }
    // A queue's read has it too, from when it is handed over.
    if set(one, c"read_timeout", LONG_US) != 0 {
        return Some(119);
    }
    let queue = anysock_queue_open(1, 64);
    let read_one = anysock_op {
        op: ANYSOCK_OP_READ,
        handle: one,
        token: 9,
        flags: 0,
        data: 0,
        length: 0,
        value: 0,
        buffer: 0,
    };
    if write(other, b"y") != 1 {
        return Some(116);
    }
    let mut done =
        [anysock_done { token: 0, handle: 0, op: 0, flags: 0, result: 0, data: 0, value: 0, buffer: 0 }];
    // SAFETY: there is one operation, and room for one event.
    if unsafe { anysock_queue_run(queue, &read_one, 1, done.as_mut_ptr(), 1, LONG_US) } != 1
        || done[0].result != 1
    {
        return Some(117);
    }
    let closes = [queue, poller, one, other].map(anysock_close);
    (closes != [0; 4]).then_some(118)
}
