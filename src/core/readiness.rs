//! When a socket is ready, as the table in the manual defines it. Mostly the kernel's report decides; here is what the kernel does
//! not report, or reports otherwise. Used by `select`, `poller` and `queue` alike. Not here: waiting for it (`wait`).

use crate::core::error::Error;
use crate::core::handle::slot::{Phase, Slot, flag};
use crate::core::handle::{extras, watchers};
use crate::core::wait;
use crate::sys::{self, Events, PollFd};
use std::time::Duration;

/// Whether the kernel's report alone decides: the usual case, and cheap to check.
#[inline]
pub fn is_plain(slot: &Slot) -> bool {
    let settled = slot.is_in_use() || (slot.phase() == Phase::Fresh && !slot.kind().is_connected_kind());
    settled && !slot.has(flag::KNOWS_MORE) && !slot.has_error()
}

/// What is ready whatever the kernel reports ("forced").
pub fn forced(slot: &Slot) -> Events {
    if is_plain(slot) {
        return Events::NONE;
    }
    if !slot.kind().is_connected_kind() {
        return forced_datagram(slot);
    }
    match slot.phase() {
        Phase::Failed => Events::ALL.or(Events::ERROR),
        Phase::Fresh | Phase::Racing => Events::NONE,
        _ => shut(slot).or(Events::READ.or(Events::WRITE).or(Events::ERROR).when(slot.error().is_some())),
    }
}

fn forced_datagram(slot: &Slot) -> Events {
    let pending = Events::READ.or(Events::WRITE).or(Events::ERROR).when(slot.has(flag::PENDING));
    // Before its family is settled a datagram socket has nothing to read, but can send: the address settles the family.
    let unsettled = Events::WRITE.when(slot.has(flag::UNSETTLED));
    shut(slot).or(pending).or(unsettled)
}

fn shut(slot: &Slot) -> Events {
    Events::READ.when(slot.has(flag::SHUT_READ)).or(Events::WRITE.when(slot.has(flag::SHUT_WRITE)))
}

/// Adds a hang-up to the kernel's report where the peer has finished and this side has shut writing: some kernels report only the
/// peer's end.
pub fn conclude(slot: &Slot, found: Events) -> Events {
    let over = found.any(Events::ENDED) && slot.has(flag::SHUT_WRITE);
    found.or(Events::HANGUP.when(over))
}

/// Whether the kernel's report counts at all: a stream that was never connected is never ready, although Linux reports a
/// hang-up, and after a failed connect the handle's own state decides.
pub fn in_kernel(slot: &Slot) -> bool {
    if slot.has(flag::UNSETTLED) {
        return false;
    }
    let silent = matches!(slot.phase(), Phase::Fresh | Phase::Racing | Phase::Failed);
    !(silent && slot.kind().is_connected_kind())
}

/// Looks whether a connect that the kernel carries out has ended, and if so changes the phase. Does not wait.
pub fn advance_connect(slot: &Slot) -> Phase {
    if slot.phase() == Phase::Connecting && over(slot) {
        changed(slot);
    }
    slot.phase()
}

fn over(slot: &Slot) -> bool {
    // One thread at a time: the kernel reports the error only once.
    extras::locked(slot.handle().index, || {
        if slot.phase() != Phase::Connecting {
            return false;
        }
        // First the cheap question, whose usual answer is enough.
        let has_connected = || sys::has_connected(slot.fd());
        if has_connected() {
            return slot.advance(Phase::Connecting, Phase::Arrived);
        }
        if !kernel_says(slot, Events::WRITE) {
            return false;
        }
        match sys::pending_error(slot.fd()) {
            // It has connected just now. If not, a process that shares the socket may have read the error.
            Ok(None) if has_connected() => slot.advance(Phase::Connecting, Phase::Arrived),
            Ok(None) => fail(slot, Error::ECONNABORTED),
            Ok(Some(error)) | Err(error) => fail(slot, error.into()),
        }
    })
}

/// Ends a connect with an error; whether it was under way. The error is kept before anyone can see the phase.
pub fn fail(slot: &Slot, error: Error) -> bool {
    slot.keep_error(error);
    slot.set_flags(flag::UNREPORTED);
    slot.advance(Phase::Connecting, Phase::Failed) || slot.advance(Phase::Racing, Phase::Failed)
}

/// Whether the kernel reports any of the events, by poll(2) without waiting.
pub fn kernel_says(slot: &Slot, events: Events) -> bool {
    let mut entry = [PollFd::new(slot.fd(), events)];
    matches!(sys::poll(&mut entry, Some(Duration::ZERO)), Ok(1))
}

/// The slot has changed: notifies its watchers (pollers and queues), and then wakes the calls that wait for it, which so find the
/// watchers up to date.
pub fn changed(slot: &Slot) {
    watchers::changed(slot);
    wait::notify(slot, slot.handle().index);
}

/// An option was set, which may have made the socket ready although nothing has arrived: watchers and waiting calls look again.
pub fn option_set(slot: &Slot) {
    watchers::look_again(slot);
    wait::notify(slot, slot.handle().index);
}

/// Whether nothing more will come from the peer; bytes may still be queued.
pub fn peer_has_finished(slot: &Slot) -> bool {
    slot.error().is_some() || sys::peer_has_finished(slot.fd())
}
