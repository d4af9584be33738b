//! Many datagrams of one handle by one system call: those that are handed over one behind the other, and those that have come. Not
//! here: the call (`socket::datagrams`), and a datagram that goes or comes alone (`writes`, `reads`).

use crate::core::error::{Error, Result};
use crate::core::handle::slot::{Slot, flag};
use crate::core::name::kind::Class;
use crate::core::queue::member::Member;
use crate::core::queue::record::Verb;
use crate::core::queue::sending::Batched;
use crate::core::queue::state::State;
use crate::core::queue::work::Detail;
use crate::core::socket::datagrams;
use crate::sys::{BATCH, Batch};

/// For so many there is room in the first call of a run: mostly few have come.
pub const FIRST: usize = 4;

/// Whether it sends and receives datagrams, which may be to and from anybody.
#[inline]
pub fn has_datagrams(slot: &Slot) -> bool {
    let kind = slot.kind();
    slot.class() == Class::Socket && !kind.is_byte_stream() && !kind.is_connected_kind()
}

impl State {
    /// Whether datagrams of a member are gathered: what is handed over now may go along.
    #[inline]
    pub fn is_gathered(&self, at: u32) -> bool {
        self.grams.first().is_some_and(|first| first.at == at)
    }

    /// Sends as many as go without waiting. `EAGAIN` also where it takes more than a system call.
    pub fn try_send_many(&self, at: u32, grams: &[Batched]) -> Result<usize> {
        let slot = self.members.get(at).ok_or(Error::EBADF)?.open()?;
        if slot.has(flag::SPECIAL_WRITE) {
            return Err(Error::EAGAIN);
        }
        datagrams::try_send_many(&slot, grams.iter().map_while(|one| one.sending.as_datagram()))
    }

    /// Receives what has come for a read that goes on: how many, and whether there may be more. `None` where that takes more than
    /// a system call, or others wait for a buffer.
    pub fn receive_many(&mut self, at: u32, id: u32, most: usize) -> Option<(usize, bool)> {
        let member = self.members.get(at).filter(|member| takes_many(member) && self.starved.is_empty())?;
        let work = self.works.get(id).filter(|work| work.head().multi)?;
        let Detail::Receive { length, .. } = work.detail else { return None };
        let (named, length) = (work.head().verb == Verb::ReceiveFrom, self.pool.length(length as usize));
        let slot = member.open().ok()?;
        let mut batch = Batch::new(false);
        let mut leases = std::mem::take(&mut self.leases);
        while leases.len() < most.min(BATCH) {
            let Some(lease) = self.pool.take() else { break };
            batch.push_room(self.pool.target(&lease, length).into(), named);
            leases.push(lease);
        }
        if leases.is_empty() {
            self.leases = leases;
            return None;
        }
        let (asked, outcome) = (leases.len(), datagrams::try_receive_many(&slot, &mut batch));
        let count = outcome.unwrap_or(0);
        for (place, lease) in leases.drain(..count).enumerate() {
            let came = batch.received(place);
            self.received(id, &slot, lease, length, Ok((came.length, came.sender)));
        }
        leases.drain(..).rev().for_each(|lease| self.give(lease));
        self.leases = leases;
        match outcome {
            Ok(count) => Some((count, count == asked)),
            Err(error) => Some((1, self.after_read(id, Err(error)))),
        }
    }
}

/// Whether receiving is a system call, and any buffer may serve.
fn takes_many(member: &Member) -> bool {
    has_datagrams(member.slot) && !member.slot.has(flag::SPECIAL_READ) && !member.gets_buffer
}
