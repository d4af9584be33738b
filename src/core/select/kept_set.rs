//! A set that comes again: kept registered with a poller of its own, so that asking costs what is ready and not
//! what is watched. Not here: sets that are small, new, mostly ready or another at every call (`select`).
//!
//! When it is worth it is decided as one decides between renting and buying (ski rental): a set is registered once as many calls
//! have polled it as registering costs, so that no sequence of sets costs much more than polling each. What has
//! changed since the last call is registered anew if it is little; otherwise the call polls.
//!
//! That the caller's arrays are the same says nothing of the sockets. What closes leaves the poller, which counts
//! that; what else happens to a socket reaches the poller as it reaches all others.

use crate::core::deadline::Deadline;
use crate::core::error::{Error, Result};
use crate::core::handle::number::Handle;
use crate::core::poller::{Closes, Hidden};
use crate::core::select::members::{Counts, MemberList, Sets};
use crate::sys::{self, Events};

/// A set that is smaller is polled.
const SMALL: usize = 16;
/// So many calls poll a set before it is registered; registering costs about as much as half of them.
const CALLS: u32 = 32;
/// A set that differs from the last one by more than one member of so many is another set.
const SIMILAR: usize = 16;
/// With more than one ready member of so many, polling costs about as little.
const MOSTLY: usize = 4;
/// So many other sets, or answers of most members, in a row end the registration.
const MOST_UNFIT: u32 = 8;
/// No more is taken from one wait than the poller can surely report at once.
const MOST_READY: usize = sys::MOST_REPORTS / 4;

/// The set of the last calls.
#[derive(Default)]
pub struct KeptSet {
    list: MemberList,
    /// Calls in a row that have polled it with few ready.
    calm: u32,
    /// How often registering has failed: each time it is tried later.
    failures: u32,
    kept: Option<Kept>,
}

/// What is there while the set is registered.
struct Kept {
    poller: Hidden,
    /// The closes that the poller had seen when the members were all open.
    closes: Closes,
    /// Calls in a row that had another set, or found most members ready.
    unfit: u32,
    found: Vec<u32>,
}

impl KeptSet {
    /// Waits for the registered set, if it is this one. `None`: it is not, or has changed; the members must be looked at.
    pub fn select(&mut self, sets: &mut Sets<'_>, deadline: Deadline) -> Result<Option<Counts>> {
        if self.kept.is_some() && self.list.is_of(sets) { self.wait(sets, deadline) } else { Ok(None) }
    }

    /// Looks the members up, more cheaply if it was these sets' that the last call polled; whether it was.
    pub fn call(&mut self, now: &mut MemberList, sets: &Sets<'_>) -> Result<bool> {
        if self.kept.is_some() || !self.list.is_of(sets) {
            return now.gather(sets).map(|()| false);
        }
        std::mem::swap(&mut self.list, now);
        now.renew().map(|()| true)
    }

    /// Brings the registration in step with the set, if that is worth it; whether it is in step now.
    pub fn follow(&mut self, now: &mut MemberList, same: bool, sets: &Sets<'_>) -> bool {
        let size = now.members.len();
        if !sys::SELECTOR_SCALES || size < SMALL {
            return false;
        }
        let similar = same || self.compare(now) * SIMILAR <= size;
        match &mut self.kept {
            Some(kept) if !similar => {
                kept.unfit += 1;
                if kept.unfit == MOST_UNFIT {
                    self.dissolve();
                }
                return false;
            }
            Some(_) => {}
            None => {
                self.calm = if similar { self.calm } else { 0 };
                if self.calm < CALLS << self.failures.min(16) {
                    return false;
                }
            }
        }
        let done = self.register(now, sets);
        if done.is_err() {
            self.dissolve();
            self.failures += 1;
        }
        done.is_ok()
    }

    /// The set was polled, and this many of its members were ready.
    pub fn polled(&mut self, now: &mut MemberList, ready: usize) {
        let size = now.members.len();
        if self.kept.is_none() && size >= SMALL {
            self.calm = if ready * MOSTLY <= size { self.calm.saturating_add(1) } else { 0 };
            std::mem::swap(&mut self.list, now);
        }
    }

    /// Keeps what the sets are, where it will be asked for.
    pub fn note(&self, now: &mut MemberList, same: bool, sets: &Sets<'_>) -> Result<()> {
        let wanted = self.kept.is_none() && !same && now.members.len() >= SMALL;
        if wanted { now.note(sets) } else { Ok(()) }
    }

    /// How many members have come, gone, or are asked for something else; those that stay keep what they are watched for.
    fn compare(&self, now: &mut MemberList) -> usize {
        let mut stayed = 0;
        let mut changes = 0;
        for member in &mut now.members {
            let Some(before) = self.list.find(member.handle) else { continue };
            let before = &self.list.members[before];
            member.watched = before.watched;
            stayed += 1;
            changes += usize::from(before.asked != member.asked);
        }
        changes + (now.members.len() - stayed) + (self.list.members.len() - stayed)
    }

    fn register(&mut self, now: &mut MemberList, sets: &Sets<'_>) -> Result<()> {
        let kept = match self.kept.take() {
            Some(kept) => self.kept.insert(kept),
            None => {
                // What an earlier poller watched is nothing to a new one.
                let both = self.list.members.iter_mut().chain(&mut now.members);
                both.for_each(|member| member.watched = Events::NONE);
                self.kept.insert(Kept::new()?)
            }
        };
        // First: a close that comes later is counted later.
        kept.closes = kept.poller.closes();
        let watched = self.list.members.iter().filter(|member| !member.watched.is_empty());
        for gone in watched.filter(|member| now.find(member.handle).is_none()) {
            // One that is closed has left already.
            let _ = kept.poller.set(gone.handle, Events::NONE);
        }
        for member in now.members.iter_mut().filter(|member| member.watched != member.asked) {
            kept.poller.set(member.handle, member.asked)?;
            member.watched = member.asked;
        }
        if !now.members.iter().all(super::Member::is_open) {
            return Err(Error::ECANCELED);
        }
        now.note(sets)?;
        kept.make_room(now.members.len())?;
        std::mem::swap(&mut self.list, now);
        self.failures = 0;
        Ok(())
    }

    fn dissolve(&mut self) {
        self.kept = None;
        self.calm = 0;
    }

    fn wait(&mut self, sets: &mut Sets<'_>, deadline: Deadline) -> Result<Option<Counts>> {
        let Self { list, kept: Some(kept), .. } = self else { return Ok(None) };
        let Kept { poller, found, .. } = kept;
        found.clear();
        let size = list.members.len();
        // Twice as much room as members: those that the kernel does not know of must not take the others' place.
        let outcome = poller.wait(kept.closes, 2 * size, deadline, |report| {
            let Some(place) = Handle::decode(report.handle).and_then(|handle| list.find(handle)) else {
                return;
            };
            let member = &mut list.members[place];
            member.ready = report.events.and(member.asked);
            found.push(place as u32);
        });
        match outcome {
            Ok(Some(_)) if found.len() < MOST_READY => {}
            Ok(_) => return Ok(None),
            Err(error @ (Error::ECANCELED | Error::EINTR)) => return Err(error),
            // In a forked child, or out of something: polling may do.
            Err(_) => {
                self.dissolve();
                return Ok(None);
            }
        }
        let counts = list.answer(sets, Some(found));
        kept.unfit = if found.len() * MOSTLY > size { kept.unfit + 1 } else { 0 };
        if kept.unfit == MOST_UNFIT {
            self.dissolve();
        }
        Ok(Some(counts))
    }
}

impl Kept {
    fn new() -> Result<Self> {
        Ok(Self { poller: Hidden::open()?, closes: Closes::default(), unfit: 0, found: Vec::new() })
    }

    fn make_room(&mut self, members: usize) -> Result<()> {
        self.found.clear();
        self.found.try_reserve(members).map_err(|_| Error::ENOMEM)
    }
}
