//! select: three sets in, the ready ones left in them. A set that is selected again and again is kept registered (`kept_set`). Any
//! other is polled as by poll(2): first without waiting and without references to the handles; only a call that must wait takes
//! references and announces itself to closers. Not here: what ready means (`readiness`), how a wait is woken (`wait`).

mod kept_set;
mod members;

use crate::core::deadline::{self, Deadline};
use crate::core::error::{Error, Result};
use crate::core::handle::slot::{Phase, flag};
use crate::core::handle::table::{self, Ref};
use crate::core::memory;
use crate::core::readiness;
use crate::core::wait::Watch;
use crate::sys::{self, Events, Fd, PollFd, ThreadLocal};
use kept_set::KeptSet;
use members::{Member, MemberList};
use std::time::Duration;

pub use members::{Counts, Sets};

static STATE: ThreadLocal<ThreadState> = ThreadLocal::new();

/// Waits until a member of a set is ready, for `timeout_us` microseconds at the most (-1: for ever). On success the sets hold, in
/// their old order, just the ready ones, and the result is how many each holds (0 at the timeout); on an error they are unchanged.
/// Errors as in the header (`anysock_select`).
pub fn select(sets: &mut Sets<'_>, timeout_us: i64) -> Result<Counts> {
    let deadline = Deadline::after(deadline::check(timeout_us)?);
    match STATE.with(|own| own.select(sets, deadline)) {
        Some(outcome) => outcome,
        // A thread that is ending or has no memory, or a signal handler that came in the middle of another select.
        None => ThreadState::default().select(sets, deadline),
    }
}

impl Member {
    /// Its entry for poll(2). A socket whose readiness the kernel does not know is left out, by an entry without a descriptor.
    #[inline]
    fn entry(&mut self) -> PollFd {
        self.plain = readiness::is_plain(self.slot);
        let silent = self.parked || !(self.plain || readiness::in_kernel(self.slot));
        PollFd::new(if silent { Fd::NONE } else { self.slot.fd() }, self.interest)
    }

    /// Whether it is ready for its interest whatever the kernel reports.
    fn forced(&self) -> bool {
        !self.plain && readiness::forced(self.slot).any(self.interest)
    }

    /// Notes what the kernel reported for the member; whether it is ready.
    #[inline]
    fn collect(&mut self, found: Events) -> bool {
        let ready = if self.plain { found } else { self.correct(found) };
        self.ready = ready.and(self.interest);
        self.parked |= !found.is_empty() && self.ready.is_empty();
        !self.ready.is_empty()
    }

    /// What is ready where the handle knows more than the kernel.
    #[cold]
    fn correct(&self, found: Events) -> Events {
        let mut found = found;
        if !found.is_empty() && self.slot.phase() == Phase::Connecting {
            found = self.after_connect(found);
        }
        found.or(readiness::forced(self.slot))
    }

    /// The kernel reports that a connect has ended. If it has failed, the handle's own state decides what is ready.
    fn after_connect(&self, found: Events) -> Events {
        let failed = table::get(self.handle.encode())
            .is_ok_and(|slot| readiness::advance_connect(&slot) == Phase::Failed);
        if failed { Events::NONE } else { found }
    }
}

/// What a thread keeps from one select to the next: memory, and the last set.
#[derive(Default)]
struct ThreadState {
    list: MemberList,
    entries: Vec<PollFd>,
    kept_set: KeptSet,
}

impl ThreadState {
    fn select(&mut self, sets: &mut Sets<'_>, deadline: Deadline) -> Result<Counts> {
        if let Some(counts) = self.kept_set.select(sets, deadline)? {
            return Ok(counts);
        }
        let same = self.kept_set.gather(&mut self.list, sets)?;
        if self.kept_set.sync(&mut self.list, same, sets) {
            if let Some(counts) = self.kept_set.select(sets, deadline)? {
                return Ok(counts);
            }
            self.list.gather(sets)?;
        }
        // Before the sets are changed.
        self.kept_set.remember(&mut self.list, same, sets)?;
        self.poll(deadline)?;
        let counts = self.list.answer(sets, None);
        self.kept_set.polled(&mut self.list, counts.iter().sum());
        Ok(counts)
    }

    fn poll(&mut self, deadline: Deadline) -> Result<()> {
        if self.poll_now(deadline)? || deadline == Deadline::Now {
            return Ok(());
        }
        match self.wait(deadline) {
            Err(Error::ETIMEDOUT) => Ok(()),
            other => other,
        }
    }

    /// Polls without waiting; whether anything is ready. Without references a handle may close meanwhile, so a report counts only
    /// if the handle is still open afterwards: then it was open all the time.
    fn poll_now(&mut self, deadline: Deadline) -> Result<bool> {
        let _held = if sys::STALE_POLL_IS_HARMLESS { Vec::new() } else { self.hold()? };
        loop {
            self.fill_entries(None)?;
            match sys::poll(&mut self.entries, Some(Duration::ZERO)) {
                // A signal: the wait that follows polls again.
                Err(sys::INTERRUPTED) if deadline != Deadline::Now => return Ok(false),
                Err(sys::INTERRUPTED) => {}
                other => {
                    other?;
                    return self.check_found();
                }
            }
        }
    }

    /// Notes what the kernel reported; whether any member is ready. `ECANCELED` if one that was reported is closed: its descriptor
    /// may be another file's, or held open by this wait alone while its peer has gone.
    fn check_found(&mut self) -> Result<bool> {
        let any = self.collect();
        let closed = |member: &Member| !member.ready.is_empty() && !member.is_open();
        if any && self.list.members.iter().any(closed) { Err(Error::ECANCELED) } else { Ok(any) }
    }

    fn wait(&mut self, deadline: Deadline) -> Result<()> {
        let interruptible = self.list.members.iter().any(|member| member.slot.has(flag::INTERRUPTIBLE));
        let watch = Watch::many(interruptible);
        let _held = self.hold()?;
        loop {
            let forced = self.fill_entries(Some(&watch))?;
            let until = if forced { Deadline::Now } else { deadline };
            let outcome = watch.poll(&mut self.entries, until);
            if self.check_found()? {
                return Ok(());
            }
            if !self.list.members.iter().all(Member::is_open) {
                return Err(Error::ECANCELED);
            }
            match outcome {
                // What was ready without the kernel is not any more.
                Err(Error::EAGAIN) => {}
                other => other.map(drop)?,
            }
        }
    }

    /// Takes references to all members, by which whoever closes one knows that somebody waits for it.
    fn hold(&self) -> Result<Vec<Ref>> {
        let mut held = Vec::new();
        held.try_reserve_exact(self.list.members.len()).map_err(|_| Error::ENOMEM)?;
        for member in &self.list.members {
            // It was open when the call began, so it was closed during the call.
            held.push(table::get(member.handle.encode()).map_err(|_| Error::ECANCELED)?);
        }
        Ok(held)
    }

    /// Fills in the entries for poll(2), and those of `watch`; whether something is ready whatever the kernel reports.
    fn fill_entries(&mut self, watch: Option<&Watch>) -> Result<bool> {
        let members = &mut self.list.members;
        self.entries.clear();
        memory::grow(&mut self.entries, members.len() + 1)?;
        self.entries.extend(members.iter_mut().map(Member::entry));
        self.entries.extend(watch.map(Watch::entry));
        let Some(_) = watch else { return Ok(false) };
        // After the wait was announced: a concurrent close either sees the announcement, or is seen here.
        if !members.iter().all(Member::is_open) {
            return Err(Error::ECANCELED);
        }
        Ok(members.iter().any(Member::forced))
    }

    /// Notes what the kernel reported for all members; whether any is ready.
    fn collect(&mut self) -> bool {
        let found = self.entries.iter().map(PollFd::ready).chain(std::iter::repeat(Events::NONE));
        let ready = self.list.members.iter_mut().zip(found).map(|(member, found)| member.collect(found));
        ready.fold(false, |any, ready| any | ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::socket::{close, pair};

    /// As if the thread were not scheduled for long: the handle it waits for is closed, and so is its peer, before it looks.
    #[test]
    fn a_wait_says_nothing_of_a_handle_that_is_closed() {
        let (one, other) = pair::pair("unix").unwrap();
        let mut state = ThreadState::default();
        state.list.gather(&[&mut [one], &mut [], &mut []]).unwrap();
        let watch = Watch::many(false);
        let held = state.hold().unwrap();
        assert_eq!(state.fill_entries(Some(&watch)), Ok(false));
        assert_eq!(close::close(one), Err(Error::EBUSY));
        close::close(other).unwrap();
        assert_eq!(watch.poll(&mut state.entries, Deadline::Never), Ok(1));
        assert_eq!(state.check_found(), Err(Error::ECANCELED));
        drop(held);
    }
}
