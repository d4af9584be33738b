//! Whether the descriptor blocks. That is a property of the open file, which whoever was handed the descriptor shares:
//! a program that is started on it, a forked child, the one that it was adopted from.
//!
//! Bytes of sockets go by calls that say for themselves that they must not wait. Connecting, accepting and sending files
//! have no such flag and rely on the mode. As long as nobody else knows the descriptor it is non-blocking. Once others
//! know it, it blocks as they expect, unless it listens; then these calls look at the mode, and change it for the moment
//! of one system call. Not here: how a system changes it (`sys`).

use crate::core::handle::slot::{Slot, flag};
use crate::sys::{self, Fd, HAS_DONT_WAIT};
use std::time::Duration;

/// How often a thread looks whether another one is done with the mode, before it makes pauses.
const SPINS: u32 = 64;
/// How many pauses of a millisecond it makes at the most. The other is as long in one system call that does not wait,
/// unless somebody elsewhere has interfered.
const PAUSES: u32 = 250;

/// Whether the descriptor is non-blocking, and nobody else can change that.
#[inline]
pub fn is_ours(slot: &Slot) -> bool {
    !HAS_DONT_WAIT || !(slot.has(flag::EXPOSED) || slot.has_forked())
}

/// The switches of a handle whose socket comes from elsewhere. Its mode stays, where that is possible.
pub fn adopt(fd: Fd) -> sys::Result<u32> {
    if HAS_DONT_WAIT {
        return Ok(flag::EXPOSED);
    }
    Ok(if sys::set_blocking(fd, false)? { flag::NONBLOCKING } else { 0 })
}

/// Somebody else is about to get the descriptor: it blocks from now on, unless it listens.
pub fn expose(slot: &Slot) {
    if !HAS_DONT_WAIT || slot.flags() & (flag::EXPOSED | flag::NONBLOCKING) == flag::EXPOSED {
        return;
    }
    slot.set_flags(flag::EXPOSED);
    let _held = Held::new(slot);
    if !slot.is_listening() && slot.take_flags(flag::NONBLOCKING) {
        let _ = sys::set_nonblocking(slot.fd(), false);
    }
}

/// Another socket of ours has taken the place of the handle's.
pub fn renew(slot: &Slot) {
    slot.set_flags(flag::NONBLOCKING);
    if slot.has(flag::EXPOSED) {
        expose(slot);
    }
}

/// The socket is a listener now, which is non-blocking whoever knows it.
pub fn begin_to_listen(slot: &Slot) {
    if !slot.has(flag::NONBLOCKING) && sys::set_blocking(slot.fd(), false) == Ok(true) {
        slot.set_flags(flag::NONBLOCKING);
    }
}

/// The handle is gone, and the descriptor lives on in the mode in which it came.
pub fn give_back(slot: &Slot) {
    if slot.has(flag::NONBLOCKING) {
        let _ = sys::set_blocking(slot.fd(), true);
    }
}

/// Runs a system call on the slot's descriptor that waits or not as the mode says: it does not wait.
pub fn without_blocking<T>(slot: &Slot, call: impl FnOnce() -> sys::Result<T>) -> sys::Result<T> {
    let _held = Held::new(slot);
    if is_ours(slot) { call() } else { sys::without_blocking(slot.fd(), call) }
}

/// Runs `body` without another thread that relies on the mode, if the descriptor is non-blocking and that is ours to say.
pub fn while_ours<T>(slot: &Slot, body: impl FnOnce() -> T) -> Option<T> {
    let _held = Held::new(slot);
    is_ours(slot).then(body)
}

/// What only one thread does at a time: a lock that is a switch of the slot. A child that was forked meanwhile drops it.
struct Held<'a>(Option<&'a Slot>);

impl<'a> Held<'a> {
    fn new(slot: &'a Slot) -> Self {
        for tries in 0..SPINS + PAUSES {
            if slot.try_set_flags(flag::MODE_HELD) {
                return Self(Some(slot));
            }
            if tries < SPINS {
                std::thread::yield_now();
            } else {
                sys::sleep(Duration::from_millis(1));
            }
        }
        // The other has been made to wait by somebody elsewhere. Not everyone shall hang with it.
        Self(None)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.0 {
            slot.clear_flags(flag::MODE_HELD);
        }
    }
}
