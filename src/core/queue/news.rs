//! Reactions to what the engine has found, and to notices of other threads: they make members ready. Not here: what is watched
//! (`watching`), and how ready members are served (`reads`).

use crate::core::error::Error;
use crate::core::handle::chunks;
use crate::core::queue::engine::Found;
use crate::core::queue::shared::Notice;
use crate::core::queue::state::State;
use crate::core::queue::work::{Detail, NONE};
use crate::core::queue::{connecting, turn};
use crate::core::readiness;
use crate::sys::Events;

impl State {
    /// What the engine has found.
    pub fn note_found(&mut self, found: &Found) {
        self.resting.count_find(!found.list.is_empty());
        for (tag, events) in &found.list {
            if let Some(at) = self.members.find(*tag) {
                self.note_one(at, *events);
            } else if let Some(at) = connecting::owner(*tag) {
                self.connect_moved(at);
            }
        }
    }

    #[inline]
    fn note_one(&mut self, at: u32, events: Events) {
        let Some(member) = self.members.get_mut(at) else { return };
        if !member.connects.is_empty() {
            self.connect_moved(at);
            let Some(member) = self.members.get(at) else { return };
            if !readiness::in_kernel(member.slot) {
                return self.sync(at);
            }
        }
        let Some(member) = self.members.get(at) else { return };
        if events.any(Events::WRITE) && member.is_blocked {
            self.retry_sends(at);
        }
        let Some(member) = self.members.get(at) else { return };
        if !member.reads.is_empty() || !member.polls.is_empty() {
            return self.note(at, readiness::conclude(member.slot, events));
        }
        self.unwatch_idle(at);
    }

    /// Others have changed something.
    pub fn handle_notices(&mut self, notices: Vec<Notice>) {
        for notice in notices {
            match notice {
                Notice::Changed(number) => {
                    if let Some(at) = self.members.of(number) {
                        self.changed(at);
                    }
                }
                Notice::Again(number) => {
                    if let Some(at) = self.members.of(number) {
                        self.watch_anew(at);
                    }
                }
                Notice::Granted(number, stamp) => match self.members.of(number) {
                    Some(at) if self.granted(stamp, at) => self.pump(at),
                    // It has ended meanwhile. The handle may be closed to all but the CLOSE that waits behind it.
                    _ => {
                        let slot = chunks::slot_of(number).filter(|slot| slot.handle().encode() == number);
                        if let Some(slot) = slot {
                            turn::release(slot);
                        }
                    }
                },
                Notice::Broken(number, stamp) => {
                    let at = self.members.of(number).and_then(|at| self.members.get(at));
                    let is_it = |id: &u32| {
                        let work = self.works.get(*id);
                        work.is_some_and(|work| work.stamp == stamp && matches!(work.detail, Detail::Send(_)))
                    };
                    let found = at.and_then(|member| self.works.line(&member.sends).find(is_it));
                    if let Some(id) = found {
                        self.drop_send(id, Error::ECANCELED);
                    }
                }
                Notice::Answered(id, stamp) => self.answered(id, stamp),
            }
            self.go_on();
        }
    }

    fn changed(&mut self, at: u32) {
        self.connect_moved(at);
        self.sync(at);
        self.look(at);
        let Some(member) = self.members.get(at) else { return };
        // What waits for something that only the handle knows is tried.
        if !readiness::is_plain(member.slot) && !member.reads.is_empty() {
            self.note(at, Events::READ);
        }
        if self.members.get(at).is_some_and(|member| !member.sends.is_empty()) {
            self.retry_sends(at);
        }
    }

    /// A name was looked up.
    fn answered(&mut self, id: u32, stamp: u64) {
        let Some(work) = self.works.get(id).filter(|work| work.stamp == stamp) else { return };
        match work.member {
            NONE => self.resolved(id, stamp),
            at => self.connect_moved(at),
        }
    }
}
