//! The members of three sets, each once, and the way back from a member to its places in the sets. Not here: finding out which are
//! ready (`select`).

use crate::core::error::{Error, Result};
use crate::core::handle::number::Handle;
use crate::core::handle::slot::Slot;
use crate::core::handle::{lookup, table};
use crate::core::memory;
use crate::sys::Events;

/// The interest of each of the three sets, in their order.
pub const INTERESTS: [Events; 3] = [Events::READ, Events::WRITE, Events::EXCEPT];

/// The three sets. They must not overlap.
pub type Sets<'a> = [&'a mut [i64]; 3];

/// How many handles each set holds.
pub type Counts = [usize; 3];

/// One handle of the sets.
#[derive(Debug)]
pub struct Member {
    pub handle: Handle,
    pub slot: &'static Slot,
    pub interest: Events,
    pub ready: Events,
    /// The interest with which the poller of a kept set watches it.
    pub watched: Events,
    /// Whether the kernel alone knows its readiness (`readiness::is_plain`), when last looked.
    pub plain: bool,
    /// Left out of further polls of this call: the kernel reports events that are not of interest, without end.
    pub parked: bool,
    /// Its first place in each set that it is a member of.
    at: [u32; 3],
}

impl Member {
    pub fn is_open(&self) -> bool {
        self.slot.is_open_as(self.handle)
    }
}

/// The members, in the order in which they were met. Kept from call to call, so that a call allocates nothing.
#[derive(Default, Debug)]
pub struct MemberList {
    pub members: Vec<Member>,
    /// Copies of the sets, if they were remembered.
    keys: [Vec<i64>; 3],
    /// From a slot's index to a place in `members`; valid only if the member there has that slot.
    places: Vec<u32>,
    /// Places in a set, while a result is made.
    order: Vec<u32>,
}

impl MemberList {
    /// Looks all members up: `EBADF` if a number is no open handle, `ENOMEM`.
    pub fn gather(&mut self, sets: &Sets<'_>) -> Result<()> {
        self.members.clear();
        self.keys.iter_mut().for_each(Vec::clear);
        for (which, set) in sets.iter().enumerate() {
            memory::grow(&mut self.members, set.len())?;
            let length = u32::try_from(set.len()).map_err(|_| Error::ENOMEM)?;
            for (number, at) in set.iter().zip(0..length) {
                self.add(*number, which, at)?;
            }
        }
        self.order.clear();
        memory::grow(&mut self.order, self.members.len())
    }

    /// Keeps a copy of the sets, to recognise them when they come again.
    pub fn remember(&mut self, sets: &Sets<'_>) -> Result<()> {
        for (key, set) in self.keys.iter_mut().zip(sets) {
            key.clear();
            memory::grow(key, set.len())?;
            key.extend_from_slice(set);
        }
        Ok(())
    }

    /// Whether the list was made from these sets, and remembers them.
    pub fn is_of(&self, sets: &Sets<'_>) -> bool {
        self.keys.iter().any(|key| !key.is_empty())
            && self.keys.iter().zip(sets).all(|(key, set)| *key == **set)
    }

    /// Checks that all members are still open, instead of looking them up anew.
    pub fn recheck(&mut self) -> Result<()> {
        for member in &mut self.members {
            if !member.is_open() {
                return Err(Error::EBADF);
            }
            member.parked = false;
        }
        Ok(())
    }

    fn add(&mut self, number: i64, which: usize, at: u32) -> Result<()> {
        let (handle, slot) = table::peek(number)?;
        if let Some(place) = self.find(handle) {
            let member = &mut self.members[place];
            if !member.interest.any(INTERESTS[which]) {
                member.at[which] = at;
                member.interest = member.interest.or(INTERESTS[which]);
            }
            return Ok(());
        }
        lookup::check_pollable(slot.class_of(handle).ok_or(Error::EBADF)?)?;
        let index = handle.index as usize;
        if index >= self.places.len() {
            self.make_places(index + 1)?;
        }
        self.places[index] = self.members.len() as u32;
        let mut first = [0; 3];
        first[which] = at;
        self.members.push(Member {
            handle,
            slot,
            interest: INTERESTS[which],
            ready: Events::NONE,
            watched: Events::NONE,
            plain: false,
            parked: false,
            at: first,
        });
        Ok(())
    }

    #[cold]
    fn make_places(&mut self, length: usize) -> Result<()> {
        let more = length - self.places.len();
        memory::grow(&mut self.places, more)?;
        self.places.resize(length, 0);
        Ok(())
    }

    /// The member that has this handle.
    #[inline]
    pub fn find(&self, handle: Handle) -> Option<usize> {
        let place = *self.places.get(handle.index as usize)? as usize;
        (self.members.get(place)?.handle == handle).then_some(place)
    }

    /// Leaves in each set, in the old order and once each, the members that are ready: of those at the places `ready`, or of all.
    pub fn answer<'a>(&'a mut self, sets: &mut Sets<'_>, ready: Option<&'a [u32]>) -> Counts {
        let Self { members, order, .. } = self;
        let mut counts = [0; 3];
        for (which, set) in sets.iter_mut().enumerate().filter(|(_, set)| !set.is_empty()) {
            let is_ready = |member: &&Member| member.ready.any(INTERESTS[which]);
            if ready.is_none() && members.iter().filter(is_ready).count() == set.len() {
                // All are ready, and none is there twice: the set stays as it is.
                counts[which] = set.len();
                continue;
            }
            let place = |member: &Member| is_ready(&member).then_some(member.at[which]);
            order.clear();
            match ready {
                Some(ready) => {
                    order.extend(ready.iter().filter_map(|member| place(&members[*member as usize])))
                }
                None => order.extend(members.iter().filter_map(place)),
            }
            // Cheap, as they are mostly in order already.
            order.sort_unstable();
            for (kept, at) in order.iter().enumerate() {
                set[kept] = set[*at as usize];
            }
            counts[which] = order.len();
        }
        counts
    }
}
