//! When a socket is ready, as the table in the manual defines it. Most of it is what the kernel says;
//! here is what the kernel does not say, or says otherwise. Used by `select` and `poller` alike.

use crate::core::error::Error;
use crate::core::handle::slot::{Phase, Slot, flag};
use crate::core::handle::{extras, watchers};
use crate::core::wait;
use crate::sys::{self, Events, PollFd};
use std::time::Duration;

/// Whether what the kernel says is all: the usual case, told at one glance.
#[inline]
pub fn is_plain(slot: &Slot) -> bool {
    let settled = slot.is_in_use() || (slot.phase() == Phase::Fresh && !slot.kind().is_connected_kind());
    settled && !slot.has(flag::KNOWS_MORE) && !slot.has_error()
}

/// What is ready whatever the kernel says.
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
    // Before its family is settled a datagram socket has nothing to read, and nothing in the way of sending.
    let unsettled = Events::WRITE.when(slot.has(flag::UNSETTLED));
    shut(slot).or(pending).or(unsettled)
}

fn shut(slot: &Slot) -> Events {
    Events::READ.when(slot.has(flag::SHUT_READ)).or(Events::WRITE.when(slot.has(flag::SHUT_WRITE)))
}

/// What the kernel has found, and that it is over in both directions where the kernel only tells of the peer's.
pub fn conclude(slot: &Slot, found: Events) -> Events {
    let over = found.any(Events::ENDED) && slot.has(flag::SHUT_WRITE);
    found.or(Events::HANGUP.when(over))
}

/// Whether the kernel's word counts: a stream that was never connected is never ready, although
/// Linux says so, and of a connect that failed we know more than the kernel.
pub fn in_kernel(slot: &Slot) -> bool {
    if slot.has(flag::UNSETTLED) {
        return false;
    }
    let silent = matches!(slot.phase(), Phase::Fresh | Phase::Racing | Phase::Failed);
    !(silent && slot.kind().is_connected_kind())
}

/// Looks how a connect goes that the kernel carries out, and moves the slot on if it is over.
pub fn advance_connect(slot: &Slot) -> Phase {
    if slot.phase() == Phase::Connecting && over(slot) {
        changed(slot);
    }
    slot.phase()
}

fn over(slot: &Slot) -> bool {
    // One thread at a time: the kernel tells the error only once.
    extras::locked(slot.handle().index, || {
        if slot.phase() != Phase::Connecting {
            return false;
        }
        // One question, where the usual answer leaves none.
        let has_peer = || sys::peer(slot.fd()).is_ok();
        if has_peer() {
            return slot.advance(Phase::Connecting, Phase::Arrived);
        }
        if !kernel_says(slot, Events::WRITE) {
            return false;
        }
        match sys::pending_error(slot.fd()) {
            // It has arrived just now. If not, the kernel may have told the error to a process that shares the socket.
            Ok(None) if has_peer() => slot.advance(Phase::Connecting, Phase::Arrived),
            Ok(None) => fail(slot, Error::ECONNABORTED),
            Ok(Some(error)) | Err(error) => fail(slot, error.into()),
        }
    })
}

/// Ends a connect. The error is kept before anyone can see that it failed.
pub fn fail(slot: &Slot, error: Error) -> bool {
    slot.keep_error(error);
    slot.set_flags(flag::UNHEARD);
    slot.advance(Phase::Connecting, Phase::Failed) || slot.advance(Phase::Racing, Phase::Failed)
}

/// Asks the kernel without waiting.
pub fn kernel_says(slot: &Slot, events: Events) -> bool {
    let mut entry = [PollFd::new(slot.fd(), events)];
    matches!(sys::poll(&mut entry, Some(Duration::ZERO)), Ok(1))
}

/// Tells everyone who waits that the slot is not what it was. Those who watch first: who is woken finds them in step.
pub fn changed(slot: &Slot) {
    watchers::changed(slot);
    wait::notify(slot, slot.handle().index);
}

/// An option was set, which may have made the socket ready although nothing has come: those who wait look again.
pub fn option_set(slot: &Slot) {
    watchers::look_again(slot);
    wait::notify(slot, slot.handle().index);
}

/// Whether nothing more can come from the peer, however much is still queued.
pub fn peer_has_finished(slot: &Slot) -> bool {
    slot.error().is_some() || sys::peer_has_finished(slot.fd())
}
