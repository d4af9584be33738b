//! The outcome of a read: bytes, a wait, the end. Not here: when it is tried (`reads`).

use crate::core::deadline::Deadline;
use crate::core::error::{Error, Result};
use crate::core::handle::slot::{Slot, flag};
use crate::core::handle::table::Ref;
use crate::core::name::flat::Flat;
use crate::core::queue::pool::Lease;
use crate::core::queue::record::{Done, Verb, flag as bit};
use crate::core::queue::state::State;
use crate::core::queue::work::{Detail, Mark};
use crate::core::socket::transfer;
use socket2::SockAddr;

impl State {
    /// Handles the outcome of a receive; returns whether there may be more.
    pub fn received(
        &mut self,
        id: u32,
        slot: &Slot,
        lease: Lease,
        length: usize,
        outcome: Result<(usize, Option<SockAddr>)>,
    ) -> bool {
        let Some(work) = self.works.get_mut(id) else {
            self.give(lease);
            return false;
        };
        let (head, named) = (work.head(), work.head().verb == Verb::ReceiveFrom);
        let Detail::Receive { brought, .. } = &mut work.detail else { return false };
        let (count, sender) = match outcome {
            Ok(received) => received,
            Err(error) => {
                self.give(lease);
                return self.after_read(id, Err(error));
            }
        };
        let ends = count == 0 && (transfer::is_end(slot) || slot.has(flag::SHUT_READ));
        let cut = count > length;
        let count = count.min(length);
        let mut done = head.done(count as i64);
        if !named {
            done.value = *brought as i64;
        }
        *brought += count as u64;
        if cut {
            done.flags |= bit::CUT;
        }
        if ends || (count == 0 && !named) {
            self.give(lease);
        } else {
            done.data = self.pool.address(&lease);
            if named {
                done.value = self.pool.put_address(&lease, &sender.as_ref().map_or(Flat::NONE, Flat::from));
            }
            done.buffer = self.pool.name(lease);
        }
        if ends {
            self.unlist(id);
            self.emit(done);
            return false;
        }
        self.after_read(id, Ok(done))
    }

    /// Handles the outcome of a read; returns whether there may be more.
    pub fn after_read(&mut self, id: u32, outcome: Result<Done>) -> bool {
        match outcome {
            Ok(mut done) => {
                let Some(work) = self.works.get_mut(id) else { return false };
                if work.head().multi {
                    done.flags |= bit::MORE;
                    work.mark = Mark::Served;
                    self.resting.forget(id);
                    if let Some(time_limit) = &mut work.time_limit {
                        if let Deadline::At(when) = Deadline::after(time_limit.timeout) {
                            time_limit.deadline = Some(when);
                        }
                    }
                } else {
                    self.unlist(id);
                }
                self.emit(done);
                true
            }
            Err(Error::EAGAIN) => {
                self.tried_in_vain(id);
                false
            }
            Err(error) => {
                self.end(id, error);
                // An error that ends nothing may have been the first read's alone.
                true
            }
        }
    }

    /// Tries a read without a buffer: the end of a stream and an error need none.
    #[cold]
    pub fn starve(&mut self, at: u32, id: u32, slot: &Ref) -> bool {
        match transfer::look_ahead(slot) {
            Ok(0) if transfer::is_end(slot) => {
                if let Some(work) = self.unlist(id) {
                    let brought = if let Detail::Receive { brought, .. } = work.detail { brought } else { 0 };
                    let value = if work.head().verb == Verb::Read { brought as i64 } else { 0 };
                    self.emit(Done { value, ..work.head().done(0) });
                }
                false
            }
            Ok(_) => {
                self.pause_clock(id);
                let member = self.members.get_mut(at);
                if member.is_some_and(|member| !std::mem::replace(&mut member.is_starved, true)) {
                    self.starved.push_back(at);
                }
                self.sync(at);
                false
            }
            Err(error) => self.after_read(id, Err(error)),
        }
    }
}
