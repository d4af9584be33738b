//! What a queue keeps for a handle: its operations in lines, and what the engine watches. Not here: what becomes of them.

use crate::core::error::{Error, Result};
use crate::core::handle::slot::Slot;
use crate::core::handle::table::{self, Ref};
use crate::core::memory;
use crate::core::queue::chains::{Chains, NONE};
use crate::core::queue::work::Line;
use crate::sys::{self, Events, Fd};

#[derive(Debug)]
pub struct Member {
    pub number: i64,
    /// What stands behind the handle; it counts while the handle is known to be open.
    pub slot: &'static Slot,
    /// READ, RECEIVE_FROM and ACCEPT.
    pub reads: Line,
    /// WRITE, SEND_TO, SEND_FILE, SHUTDOWN and CLOSE.
    pub sends: Line,
    pub polls: Line,
    pub connects: Line,
    /// Bytes that wait to be sent, apart from those in buffers and files.
    pub waiting: usize,
    /// Held by a CLOSE that waits: to everybody else the handle is closed.
    pub hold: Option<Ref>,
    /// What the engine watches.
    pub watched: Events,
    /// What is known to be ready and was not served yet.
    pub found: Events,
    /// Another descriptor of the same, to be watched where another handle has the first.
    pub duplicate: Fd,
    /// It stands in the line of those that are to be served.
    pub is_ready: bool,
    /// It stands in the list of those of which something has ended.
    pub has_ended: bool,
    /// It is this queue's turn to send.
    pub has_turn: bool,
    /// A transfer of it is in the batch.
    pub in_batch: bool,
    /// The system takes no more just now.
    pub is_blocked: bool,
    /// It reads no more until a buffer comes back.
    pub is_starved: bool,
    /// The buffer that came back is for it.
    pub gets_buffer: bool,
    /// The next whose number has the same hash.
    next: u32,
    /// How many had been members before it.
    serial: u32,
}

impl Member {
    pub const fn new(number: i64, slot: &'static Slot) -> Self {
        Self {
            number,
            slot,
            reads: Line::EMPTY,
            sends: Line::EMPTY,
            polls: Line::EMPTY,
            connects: Line::EMPTY,
            waiting: 0,
            hold: None,
            watched: Events::NONE,
            found: Events::NONE,
            duplicate: Fd::NONE,
            is_ready: false,
            has_ended: false,
            has_turn: false,
            in_batch: false,
            is_blocked: false,
            is_starved: false,
            gets_buffer: false,
            next: NONE,
            serial: 0,
        }
    }

    /// The descriptor that the engine watches.
    pub fn watched_fd(&self) -> Fd {
        if self.duplicate.is_none() { self.slot.fd() } else { self.duplicate }
    }

    /// Whether there is nothing to be done but to receive. One that was not watched just now, for want of a buffer, is so again
    /// when it has been served.
    #[inline]
    pub fn reads_plainly(&self) -> bool {
        self.found == Events::READ
            && self.watched.any(Events::READ)
            && self.polls.is_empty()
            && self.connects.is_empty()
    }

    /// Whether what is handed over now would be the first to be sent.
    #[inline]
    pub const fn may_send(&self) -> bool {
        self.sends.is_empty() && self.connects.is_empty() && !self.in_batch
    }

    /// A reference for a system call.
    #[inline]
    pub fn open(&self) -> Result<Ref> {
        match &self.hold {
            None => table::get(self.number),
            Some(hold) => Ok(hold.again()),
        }
    }
}

#[derive(Debug)]
enum Place {
    Taken(Member),
    /// The next that is free.
    Free(u32),
}

/// The members, found by their place, by their number, or by the tag by which the engine calls them: the place, and above it
/// how many had been members before.
#[derive(Debug)]
pub struct Members {
    places: Vec<Place>,
    free: u32,
    serial: u32,
    numbers: Chains,
}

/// Tags above are for what is no member.
const SERIAL: u32 = (1 << 30) - 1;

impl Members {
    pub const fn new() -> Self {
        Self { places: Vec::new(), free: NONE, serial: 0, numbers: Chains::new() }
    }

    /// How many there is room for.
    pub fn room(&self) -> usize {
        self.places.capacity()
    }

    #[inline]
    pub fn get(&self, at: u32) -> Option<&Member> {
        match self.places.get(at as usize) {
            Some(Place::Taken(member)) => Some(member),
            _ => None,
        }
    }

    #[inline]
    pub fn get_mut(&mut self, at: u32) -> Option<&mut Member> {
        match self.places.get_mut(at as usize) {
            Some(Place::Taken(member)) => Some(member),
            _ => None,
        }
    }

    /// Every place that may be taken.
    pub fn places(&self) -> std::ops::Range<u32> {
        0..self.places.len() as u32
    }

    /// The one of that number.
    #[inline]
    pub fn of(&self, number: i64) -> Option<u32> {
        let mut at = self.numbers.first(number);
        loop {
            let member = self.get(at)?;
            if member.number == number {
                return Some(at);
            }
            at = member.next;
        }
    }

    pub fn insert(&mut self, mut member: Member) -> Result<u32> {
        self.serial = (self.serial + 1) & SERIAL;
        member.serial = self.serial;
        if self.free == NONE {
            self.grow()?;
        }
        let (number, at) = (member.number, self.free);
        member.next = self.numbers.first(number);
        if let Some(place) = self.places.get_mut(at as usize) {
            if let Place::Free(next) = std::mem::replace(place, Place::Taken(member)) {
                self.free = next;
            }
        }
        self.numbers.set_first(number, at);
        Ok(at)
    }

    /// Makes a free place.
    fn grow(&mut self) -> Result<()> {
        let count = self.places.len();
        if count == self.places.capacity() {
            // Not twice as many: an idle connection costs a place.
            memory::grow_exactly(&mut self.places, count / 8 + 8)?;
        }
        if !self.numbers.are_enough(count + 1) {
            if !self.numbers.make_for(count + 1) {
                return Err(Error::ENOMEM);
            }
            for (at, place) in self.places.iter_mut().enumerate() {
                if let Place::Taken(member) = place {
                    member.next = self.numbers.first(member.number);
                    self.numbers.set_first(member.number, at as u32);
                }
            }
        }
        self.free = count as u32;
        self.places.push(Place::Free(NONE));
        Ok(())
    }

    pub fn remove(&mut self, at: u32) -> Option<Member> {
        let place = self.places.get_mut(at as usize).filter(|place| matches!(place, Place::Taken(_)))?;
        let Place::Taken(member) = std::mem::replace(place, Place::Free(self.free)) else { return None };
        self.free = at;
        let first = self.numbers.first(member.number);
        if first == at {
            self.numbers.set_first(member.number, member.next);
        }
        let mut before = first;
        while let Some(other) = self.get_mut(before) {
            if other.next == at {
                other.next = member.next;
            }
            before = other.next;
        }
        Some(member)
    }

    /// What the engine calls it.
    pub fn tag(&self, at: u32) -> u64 {
        let serial = self.get(at).map_or(0, |member| member.serial);
        u64::from(serial) << 32 | u64::from(at)
    }

    /// The one of that tag, unless another has its place by now.
    #[inline]
    pub fn find(&self, tag: u64) -> Option<u32> {
        let at = tag as u32;
        self.get(at).filter(|member| u64::from(member.serial) == tag >> 32).map(|_| at)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if !self.duplicate.is_none() {
            sys::close(self.duplicate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::handle::chunks;

    #[test]
    fn an_idle_connection_takes_little_memory() {
        // Less where pointers are small.
        assert!(size_of::<Place>() <= 80, "{}", size_of::<Place>());
    }

    #[test]
    fn a_member_is_found_by_its_number_and_by_its_tag() {
        let slot =
            chunks::slot_of(table::reserve(crate::core::fork::install().unwrap()).unwrap().handle().encode())
                .unwrap();
        let mut members = Members::new();
        let ats: Vec<_> = (0..100).map(|number| members.insert(Member::new(number, slot)).unwrap()).collect();
        for (number, at) in ats.iter().enumerate() {
            assert_eq!(members.of(number as i64), Some(*at));
            assert_eq!(members.find(members.tag(*at)), Some(*at));
        }
        let tag = members.tag(ats[50]);
        assert!(members.remove(ats[50]).is_some() && members.remove(ats[50]).is_none());
        assert_eq!((members.of(50), members.find(tag)), (None, None));
        assert_eq!(members.insert(Member::new(1000, slot)), Ok(ats[50]));
        // Another has its place.
        assert_eq!(members.find(tag), None);
        assert_eq!((members.of(1000), members.of(50)), (Some(ats[50]), None));
        ats.iter().for_each(|at| drop(members.remove(*at)));
        assert!(
            members.places().all(|at| members.get(at).is_none())
                && (0..=1000).all(|number| members.of(number).is_none())
        );
    }
}
