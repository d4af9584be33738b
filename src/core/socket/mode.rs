//! The blocking mode (O_NONBLOCK) of the descriptor. It belongs to the open file, which others may share: a program that is
//! started with the descriptor, a forked child, the code that it was adopted from.
//!
//! Reads and writes of sockets have a flag against waiting (MSG_DONTWAIT). Connecting, accepting and sending files have none
//! and depend on the mode. As long as nobody else knows the descriptor it is non-blocking. Once others know it ("exposed"), it
//! is blocking as they expect, unless it listens; then these calls make it non-blocking for the moment of one system call. Not
//! here: how a system changes the mode (`sys::descriptor`).

use crate::core::handle::slot::{Slot, flag};
use crate::sys::{self, Fd, HAS_DONT_WAIT};
use std::time::Duration;

/// How often a thread yields while another one holds the mode.
const SPINS: u32 = 64;
/// How many pauses of a millisecond it makes after that, before it goes on without. The other holds it during one system call
/// that does not wait, unless another process has changed the mode meanwhile.
const PAUSES: u32 = 250;

/// Whether the descriptor is non-blocking, and nobody else can change that.
#[inline]
pub fn is_ours(slot: &Slot) -> bool {
    !HAS_DONT_WAIT || !(slot.has(flag::EXPOSED) || slot.has_forked())
}

/// The flags of an adopted socket's handle. Its mode is left unchanged where the system has a flag for one call.
pub fn adopt(fd: Fd) -> sys::Result<u32> {
    if HAS_DONT_WAIT {
        return Ok(flag::EXPOSED);
    }
    Ok(if sys::set_blocking(fd, false)? { flag::NONBLOCKING } else { 0 })
}

/// Called before other code gets the descriptor: makes it blocking, unless it listens.
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

/// Called after the handle's socket was replaced by a new, non-blocking one.
pub fn renew(slot: &Slot) {
    slot.set_flags(flag::NONBLOCKING);
    if slot.has(flag::EXPOSED) {
        expose(slot);
    }
}

/// Called after the socket became a listener: makes it non-blocking, even if others know it.
pub fn begin_to_listen(slot: &Slot) {
    if !slot.has(flag::NONBLOCKING) && sys::set_blocking(slot.fd(), false) == Ok(true) {
        slot.set_flags(flag::NONBLOCKING);
    }
}

/// Called when the descriptor outlives its handle: restores the blocking mode in which it came.
pub fn give_back(slot: &Slot) {
    if slot.has(flag::NONBLOCKING) {
        let _ = sys::set_blocking(slot.fd(), true);
    }
}

/// Runs a system call that has no flag against waiting, so that it does not wait.
pub fn without_blocking<T>(slot: &Slot, call: impl FnOnce() -> sys::Result<T>) -> sys::Result<T> {
    let _held = Held::new(slot);
    if is_ours(slot) { call() } else { sys::without_blocking(slot.fd(), call) }
}

/// Runs `body` while no other thread relies on the mode; `None` if the descriptor may be blocking because others know it.
pub fn while_ours<T>(slot: &Slot, body: impl FnOnce() -> T) -> Option<T> {
    let _held = Held::new(slot);
    is_ours(slot).then(body)
}

/// A lock on the mode, a flag of the slot. It is cleared in a forked child.
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
        // The holder blocks, because another process has changed the mode: go on, rather than block as well.
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
