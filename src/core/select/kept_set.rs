//! A set that is selected again and again: kept registered with a poller of its own, so that the cost of a call depends on how
//! many members are ready and not on how many there are. Not here: sets that are small, new, mostly ready or different at every
//! call (`select`).
//!
//! Whether to register is the ski rental problem (rent or buy): a set is registered once it has been polled as many times as
//! registering costs, so that no sequence of sets costs much more than polling each. If a few members have changed since the
//! last call, their registrations are changed; if many have, the call polls.
//!
//! Equal arrays do not mean that the sockets are the same. A handle that closes leaves the poller, which counts closes; what
//! else happens to a socket reaches this poller as it reaches all others.

use crate::core::deadline::Deadline;
use crate::core::error::{Error, Result};
use crate::core::handle::number::Handle;
use crate::core::memory;
use crate::core::poller::{Closes, InternalPoller};
use crate::core::select::members::{Counts, MemberList, Sets};
use crate::sys::{self, Events};

/// A set with fewer members is always polled.
const SMALL: usize = 16;
/// How many calls poll a set before it is registered; registering costs about as much as half of them.
const CALLS: u32 = 32;
/// A set is similar to the last one if at most one member of this many has changed.
const SIMILAR: usize = 16;
/// A set is mostly ready if more than one member of this many is: then polling costs about as little.
const MOSTLY: usize = 4;
/// How many calls in a row with another set, or a mostly ready one, end the registration.
const MOST_MISFITS: u32 = 8;
/// If a wait reports this many, others may have been left out, and the call polls.
const MOST_READY: usize = sys::MOST_REPORTS / 4;

/// The set of the last calls.
#[derive(Default)]
pub struct KeptSet {
    list: MemberList,
    /// How many calls in a row have polled the set while it was not mostly ready.
    polls: u32,
    /// How often registering has failed: each failure doubles the calls before the next attempt.
    failures: u32,
    registered: Option<Registered>,
}

/// What is there while the set is registered.
struct Registered {
    poller: InternalPoller,
    /// The closes that the poller had seen when the members were all open.
    closes: Closes,
    /// Calls in a row with another set, or a mostly ready one.
    misfits: u32,
    found: Vec<u32>,
}

impl KeptSet {
    /// Waits for the registered set, if it is this one. `None` if it is not, or a member has closed: the members must be looked
    /// up.
    pub fn select(&mut self, sets: &mut Sets<'_>, deadline: Deadline) -> Result<Option<Counts>> {
        if self.registered.is_some() && self.list.is_of(sets) { self.wait(sets, deadline) } else { Ok(None) }
    }

    /// Looks the members up; more cheaply, and `true`, if the last call polled the same sets.
    pub fn gather(&mut self, now: &mut MemberList, sets: &Sets<'_>) -> Result<bool> {
        if self.registered.is_some() || !self.list.is_of(sets) {
            return now.gather(sets).map(|()| false);
        }
        std::mem::swap(&mut self.list, now);
        now.recheck().map(|()| true)
    }

    /// Registers the set, or updates the registration, if that is worth it; whether the registration matches the set now.
    pub fn sync(&mut self, now: &mut MemberList, same: bool, sets: &Sets<'_>) -> bool {
        let size = now.members.len();
        if !sys::SELECTOR_SCALES || size < SMALL {
            return false;
        }
        let similar = same || self.compare(now) * SIMILAR <= size;
        match &mut self.registered {
            Some(registered) if !similar => {
                registered.misfits += 1;
                if registered.misfits == MOST_MISFITS {
                    self.unregister();
                }
                return false;
            }
            Some(_) => {}
            None => {
                self.polls = if similar { self.polls } else { 0 };
                if self.polls < CALLS << self.failures.min(16) {
                    return false;
                }
            }
        }
        let done = self.register(now, sets);
        if done.is_err() {
            self.unregister();
            self.failures += 1;
        }
        done.is_ok()
    }

    /// The set was polled, and this many of its members were ready.
    pub fn polled(&mut self, now: &mut MemberList, ready: usize) {
        let size = now.members.len();
        if self.registered.is_none() && size >= SMALL {
            self.polls = if ready * MOSTLY <= size { self.polls.saturating_add(1) } else { 0 };
            std::mem::swap(&mut self.list, now);
        }
    }

    /// Remembers the sets, if the next call may have to compare with them.
    pub fn remember(&self, now: &mut MemberList, same: bool, sets: &Sets<'_>) -> Result<()> {
        let wanted = self.registered.is_none() && !same && now.members.len() >= SMALL;
        if wanted { now.remember(sets) } else { Ok(()) }
    }

    /// How many members have come, gone, or changed their interest. Those that stay keep the interest they are registered with.
    fn compare(&self, now: &mut MemberList) -> usize {
        let mut stayed = 0;
        let mut changes = 0;
        for member in &mut now.members {
            let Some(before) = self.list.find(member.handle) else { continue };
            let before = &self.list.members[before];
            member.watched = before.watched;
            stayed += 1;
            changes += usize::from(before.interest != member.interest);
        }
        changes + (now.members.len() - stayed) + (self.list.members.len() - stayed)
    }

    fn register(&mut self, now: &mut MemberList, sets: &Sets<'_>) -> Result<()> {
        let registered = match self.registered.take() {
            Some(registered) => self.registered.insert(registered),
            None => {
                // A new poller watches none of what an earlier one did.
                let both = self.list.members.iter_mut().chain(&mut now.members);
                both.for_each(|member| member.watched = Events::NONE);
                self.registered.insert(Registered::new()?)
            }
        };
        // Before the members are checked, so that a close after the check changes the count.
        registered.closes = registered.poller.closes();
        let watched = self.list.members.iter().filter(|member| !member.watched.is_empty());
        for gone in watched.filter(|member| now.find(member.handle).is_none()) {
            // Fails only for a closed one, which has left already.
            let _ = registered.poller.set(gone.handle, Events::NONE);
        }
        for member in now.members.iter_mut().filter(|member| member.watched != member.interest) {
            registered.poller.set(member.handle, member.interest)?;
            member.watched = member.interest;
        }
        if !now.members.iter().all(super::Member::is_open) {
            return Err(Error::ECANCELED);
        }
        now.remember(sets)?;
        registered.make_room(now.members.len())?;
        std::mem::swap(&mut self.list, now);
        self.failures = 0;
        Ok(())
    }

    fn unregister(&mut self) {
        self.registered = None;
        self.polls = 0;
    }

    fn wait(&mut self, sets: &mut Sets<'_>, deadline: Deadline) -> Result<Option<Counts>> {
        let Self { list, registered: Some(registered), .. } = self else { return Ok(None) };
        let Registered { poller, found, .. } = registered;
        found.clear();
        let size = list.members.len();
        // Room for each member twice: once by the kernel's report, once by the handle's own knowledge.
        let outcome = poller.wait(registered.closes, 2 * size, deadline, |report| {
            let Some(place) = Handle::decode(report.handle).and_then(|handle| list.find(handle)) else {
                return;
            };
            let member = &mut list.members[place];
            member.ready = report.events.and(member.interest);
            found.push(place as u32);
        });
        match outcome {
            Ok(Some(_)) if found.len() < MOST_READY => {}
            Ok(_) => return Ok(None),
            Err(error @ (Error::ECANCELED | Error::EINTR)) => return Err(error),
            // In a forked child, or out of descriptors or memory: polling may still work.
            Err(_) => {
                self.unregister();
                return Ok(None);
            }
        }
        let counts = list.answer(sets, Some(found));
        registered.misfits = if found.len() * MOSTLY > size { registered.misfits + 1 } else { 0 };
        if registered.misfits == MOST_MISFITS {
            self.unregister();
        }
        Ok(Some(counts))
    }
}

impl Registered {
    fn new() -> Result<Self> {
        Ok(Self { poller: InternalPoller::open()?, closes: Closes::default(), misfits: 0, found: Vec::new() })
    }

    fn make_room(&mut self, members: usize) -> Result<()> {
        self.found.clear();
        memory::grow(&mut self.found, members)
    }
}
