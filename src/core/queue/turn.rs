//! Whose turn it is to send on a handle. What is sent goes out whole and in the order in which it was handed over, through
//! whichever queue: so one queue at a time sends, and the others stand in line among the handle's extras. The usual case is a bit
//! in the slot. Not here: the order within one queue.

use crate::core::handle::extras::{self, Part};
use crate::core::handle::slot::{Slot, flag};
use crate::core::queue::shared::{Address, Notice};
use std::collections::VecDeque;

/// An operation that waits for its turn.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    pub queue: Address,
    pub stamp: u64,
}

impl Ticket {
    fn is(self, other: Self) -> bool {
        (self.queue.handle, self.stamp) == (other.queue.handle, other.stamp)
    }
}

/// Those that wait.
#[derive(Default, Debug)]
struct Tickets(VecDeque<Ticket>);

impl Part for Tickets {
    /// They are the parent's.
    fn after_fork(&mut self) -> bool {
        false
    }
}

/// Whether others wait for their turn: then what is handed over now stands behind them.
#[inline]
pub fn is_awaited(slot: &Slot) -> bool {
    slot.has(flag::SENDERS_WAIT)
}

/// Takes the turn if nobody has it and nobody waits.
#[inline]
pub fn try_take(slot: &Slot) -> bool {
    !is_awaited(slot) && slot.try_set_flags(flag::SENDING)
}

/// Stands in line; `true` if it is one's turn at once. Otherwise the queue gets a notice when it is.
pub fn wait(slot: &Slot, ticket: Ticket) -> bool {
    let index = slot.handle().index;
    // The queue watches the handle, so there is room for extras.
    let _ = extras::with(index, |Tickets(waiting)| waiting.push_back(ticket));
    slot.set_flags(flag::SENDERS_WAIT);
    // Whoever had the turn may have given it back before it could see that somebody waits.
    match next(slot) {
        Some(first) if first.is(ticket) => true,
        Some(other) => {
            grant(slot, other);
            false
        }
        None => false,
    }
}

/// Gives the turn back, or on.
#[inline]
pub fn release(slot: &Slot) {
    slot.clear_flags(flag::SENDING);
    if is_awaited(slot) {
        pass_on(slot);
    }
}

#[cold]
fn pass_on(slot: &Slot) {
    if let Some(ticket) = next(slot) {
        grant(slot, ticket);
    }
}

/// Takes the turn for the first that waits, if nobody has it.
fn next(slot: &Slot) -> Option<Ticket> {
    extras::find(slot.handle().index, |Tickets(waiting)| {
        if waiting.is_empty() || !slot.try_set_flags(flag::SENDING) {
            return None;
        }
        let first = waiting.pop_front();
        if waiting.is_empty() {
            slot.clear_flags(flag::SENDERS_WAIT);
        }
        first
    })
    .flatten()
}

/// Notifies a queue that it is an operation's turn; if the queue does not exist any more, the turn goes to the next.
fn grant(slot: &Slot, mut ticket: Ticket) {
    while !ticket.queue.post(Notice::Granted(slot.handle().encode(), ticket.stamp)) {
        slot.clear_flags(flag::SENDING);
        match next(slot) {
            Some(next) => ticket = next,
            None => return,
        }
    }
}

/// A transfer has ended in the middle: transfers of other queues that wait can't be sent any more. They get a notice, and keep
/// their places.
pub fn breaks(slot: &Slot) {
    if !is_awaited(slot) {
        return;
    }
    let ticket =
        |at| extras::find(slot.handle().index, |Tickets(waiting)| waiting.get(at).copied()).flatten();
    for ticket in (0..).map_while(ticket) {
        ticket.queue.post(Notice::Broken(slot.handle().encode(), ticket.stamp));
    }
}
