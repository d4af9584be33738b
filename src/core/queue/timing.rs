//! Deadlines: timers fire, and operations end that have waited too long or must not wait at all. Not here: the order of the
//! deadlines (`clock`).

use crate::core::error::Error;
use crate::core::queue::clock::Due;
use crate::core::queue::record::{Done, Verb, flag as bit};
use crate::core::queue::state::State;
use crate::core::queue::work::{Detail, Mark, Work};
use crate::core::readiness;
use crate::sys::Events;
use std::time::{Duration, Instant};

impl State {
    /// Does what is due.
    pub fn fire(&mut self) {
        self.end_rests();
        if self.clock.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some(due) = self.clock.pop(now) {
            let Some(work) = self.works.get_mut(due.id).filter(|work| work.stamp == due.stamp) else {
                continue;
            };
            let head = work.head();
            if let Detail::Timer(ticks) = &mut work.detail {
                let Some(ticks) = ticks else {
                    self.unlist(due.id);
                    self.finish(&head, 0, 0);
                    continue;
                };
                // As often as it was missed it is reported once, and keeps its phase.
                let late = now.saturating_duration_since(ticks.next).as_micros();
                let period = u128::from(ticks.period);
                let step = u64::try_from((late / period + 1).saturating_mul(period)).unwrap_or(u64::MAX);
                if let Some(when) = ticks.next.checked_add(Duration::from_micros(step)) {
                    ticks.next = when;
                    self.clock.add(Due { when, ..due });
                }
                self.emit(Done { flags: bit::MORE, ..head.done(0) });
                continue;
            }
            match work.time_limit.as_ref().and_then(|time_limit| time_limit.deadline) {
                Some(when) if when <= now => {
                    self.time_out(due, now);
                    self.go_on();
                }
                // It was served meanwhile, and waits anew; or it is a connect that looks again.
                Some(when) => {
                    self.clock.add(Due { when, ..due });
                    self.look_again(due.id);
                }
                None => self.look_again(due.id),
            }
        }
    }

    /// An operation has waited too long, unless there is now what it waits for.
    fn time_out(&mut self, due: Due, now: Instant) {
        self.try_once_more(due.id);
        let Some(work) = self.works.get(due.id).filter(|work| work.stamp == due.stamp) else { return };
        match work.time_limit.as_ref().and_then(|time_limit| time_limit.deadline) {
            Some(when) if when <= now => {}
            Some(when) => return self.clock.add(Due { when, ..due }),
            None => return,
        }
        let at = work.member;
        if matches!(work.detail, Detail::Connect(_)) {
            return self.connect_timed_out(due.id);
        }
        self.end(due.id, Error::ETIMEDOUT);
        self.note_rest(at);
    }

    /// Tries an operation that is about to end. Others may have had all the room for events, or all that the engine reports at a
    /// time: it must not pay for that.
    fn try_once_more(&mut self, id: u32) {
        let Some(work) = self.works.get(id) else { return };
        let at = work.member;
        match work.detail {
            Detail::Connect(_) => self.connect_moved(at),
            Detail::Receive { .. } | Detail::Accept if self.is_next_read(at, id) => {
                self.read_once(at, id);
            }
            Detail::Send(_) => self.retry_sends(at),
            _ => {}
        }
    }

    fn is_next_read(&self, at: u32, id: u32) -> bool {
        !self.is_gated(at, id) && self.members.get(at).is_some_and(|member| member.reads.first == id)
    }

    /// An operation has asked to be looked at now.
    fn look_again(&mut self, id: u32) {
        if let Some(Work { detail: Detail::Connect(_), member, .. }) = self.works.get(id) {
            let at = *member;
            self.connect_moved(at);
        }
    }

    /// Those behind an operation that has ended may be served.
    fn note_rest(&mut self, at: u32) {
        if self
            .members
            .get(at)
            .is_some_and(|member| !member.reads.is_empty() && !readiness::is_plain(member.slot))
        {
            self.note(at, Events::READ);
        }
    }

    /// Whether there was no room to serve an operation in this run.
    fn was_left_out(&self, id: u32) -> bool {
        let work = self.works.get(id).filter(|work| work.mark != Mark::Served);
        work.and_then(|work| self.members.get(work.member)).is_some_and(|member| member.is_ready)
    }

    /// Ends what must not wait and would have to.
    pub fn end_impatient(&mut self) {
        if self.impatient.is_empty() {
            return;
        }
        for (id, stamp) in std::mem::take(&mut self.impatient) {
            if self.was_left_out(id) {
                self.try_once_more(id);
            }
            let Some(work) = self.works.get_mut(id).filter(|work| work.stamp == stamp) else { continue };
            if std::mem::replace(&mut work.mark, Mark::None) == Mark::Served {
                self.impatient.push((id, stamp));
                continue;
            }
            match work.head().verb {
                Verb::Connect => self.report_connect(id),
                _ => self.end(id, Error::EAGAIN),
            }
            // Behind it one may go in this run that must not wait either.
            self.go_on();
        }
    }
}
