//! select: three sets in, the ready ones left in them. A set that comes again is kept by `kept_set`. Any other is
//! polled as poll(2) does: first a glance that holds nothing and waits for nothing; only a call that must wait takes
//! references and announces itself to closers. Not here: what ready means (`readiness`), how a wait is woken (`wait`).

mod kept_set;
mod members;

use crate::core::deadline::{self, Deadline};
use crate::core::error::{Error, Result};
use crate::core::handle::slot::{Phase, flag};
use crate::core::handle::table::{self, Ref};
use crate::core::readiness;
use crate::core::wait::Watch;
use crate::sys::{self, Events, Fd, PollFd, ThreadLocal};
use kept_set::KeptSet;
use members::{Member, MemberList};
use std::time::Duration;

pub use members::{Counts, Sets};

static SWEEP: ThreadLocal<Sweep> = ThreadLocal::new();

/// Waits until a member of a set is ready. On success the sets hold, in their old order, just the ready
/// ones, and the result is how many each holds; on an error they are untouched.
pub fn select(sets: &mut Sets<'_>, timeout_us: i64) -> Result<Counts> {
    let deadline = Deadline::after(deadline::check(timeout_us)?);
    match SWEEP.with(|own| own.select(sets, deadline)) {
        Some(outcome) => outcome,
        // A thread that is ending or has no memory, or a signal handler that came in the middle of another select.
        None => Sweep::default().select(sets, deadline),
    }
}

impl Member {
    /// What the poll is asked. A socket of which the kernel's word does not count is passed over.
    #[inline]
    fn entry(&mut self) -> PollFd {
        self.plain = readiness::is_plain(self.slot);
        let silent = self.parked || !(self.plain || readiness::in_kernel(self.slot));
        PollFd::new(if silent { Fd::NONE } else { self.slot.fd() }, self.asked)
    }

    /// What is ready that was asked for, whatever the kernel says.
    fn forced(&self) -> bool {
        !self.plain && readiness::forced(self.slot).any(self.asked)
    }

    /// Takes in what the kernel found; whether the member is ready.
    #[inline]
    fn collect(&mut self, found: Events) -> bool {
        let ready = if self.plain { found } else { self.correct(found) };
        self.ready = ready.and(self.asked);
        self.parked |= !found.is_empty() && self.ready.is_empty();
        !self.ready.is_empty()
    }

    /// What is ready where the kernel's word is not all.
    #[cold]
    fn correct(&self, found: Events) -> Events {
        let mut found = found;
        if !found.is_empty() && self.slot.phase() == Phase::Connecting {
            found = self.after_connect(found);
        }
        found.or(readiness::forced(self.slot))
    }

    /// The kernel may have decided a connect. Of one that failed the handle knows more than the kernel.
    fn after_connect(&self, found: Events) -> Events {
        let failed = table::get(self.handle.encode())
            .is_ok_and(|slot| readiness::advance_connect(&slot) == Phase::Failed);
        if failed { Events::NONE } else { found }
    }
}

/// Memory of a thread's selects, kept from one to the next.
#[derive(Default)]
struct Sweep {
    list: MemberList,
    entries: Vec<PollFd>,
    kept_set: KeptSet,
}

impl Sweep {
    fn select(&mut self, sets: &mut Sets<'_>, deadline: Deadline) -> Result<Counts> {
        if let Some(counts) = self.kept_set.select(sets, deadline)? {
            return Ok(counts);
        }
        let same = self.kept_set.call(&mut self.list, sets)?;
        if self.kept_set.follow(&mut self.list, same, sets) {
            if let Some(counts) = self.kept_set.select(sets, deadline)? {
                return Ok(counts);
            }
            self.list.gather(sets)?;
        }
        // Before the sets are changed.
        self.kept_set.note(&mut self.list, same, sets)?;
        self.poll(deadline)?;
        let counts = self.list.answer(sets, None);
        self.kept_set.polled(&mut self.list, counts.iter().sum());
        Ok(counts)
    }

    fn poll(&mut self, deadline: Deadline) -> Result<()> {
        if self.glance(deadline)? || deadline == Deadline::Now {
            return Ok(());
        }
        match self.wait(deadline) {
            Err(Error::ETIMEDOUT) => Ok(()),
            other => other,
        }
    }

    /// Asks without waiting; whether anything is ready. Mostly nothing keeps a descriptor open meanwhile, so what was
    /// found counts only for a handle that is still open afterwards: then it was open all the time.
    fn glance(&mut self, deadline: Deadline) -> Result<bool> {
        let _held = if sys::STALE_POLL_IS_HARMLESS { Vec::new() } else { self.hold()? };
        loop {
            self.ask(None)?;
            match sys::poll(&mut self.entries, Some(Duration::ZERO)) {
                // The wait will tell.
                Err(sys::INTERRUPTED) if deadline != Deadline::Now => return Ok(false),
                Err(sys::INTERRUPTED) => {}
                other => {
                    other?;
                    return self.find();
                }
            }
        }
    }

    /// Takes in what the kernel said; whether any member is ready. What it says of one that is closed counts no more: its
    /// descriptor may be another's, or held open by this wait alone while its peer has gone.
    fn find(&mut self) -> Result<bool> {
        let any = self.collect();
        let closed = |member: &Member| !member.ready.is_empty() && !member.is_open();
        if any && self.list.members.iter().any(closed) { Err(Error::ECANCELED) } else { Ok(any) }
    }

    fn wait(&mut self, deadline: Deadline) -> Result<()> {
        let interruptible = self.list.members.iter().any(|member| member.slot.has(flag::INTERRUPTIBLE));
        let watch = Watch::many(interruptible);
        let _held = self.hold()?;
        loop {
            let forced = self.ask(Some(&watch))?;
            let until = if forced { Deadline::Now } else { deadline };
            let outcome = watch.poll(&mut self.entries, until);
            if self.find()? {
                return Ok(());
            }
            if !self.list.members.iter().all(Member::is_open) {
                return Err(Error::ECANCELED);
            }
            match outcome {
                // What was forced has gone in the meantime.
                Err(Error::EAGAIN) => {}
                other => other.map(drop)?,
            }
        }
    }

    /// References to all members: whoever closes one sees that it is waited for.
    fn hold(&self) -> Result<Vec<Ref>> {
        let mut held = Vec::new();
        held.try_reserve_exact(self.list.members.len()).map_err(|_| Error::ENOMEM)?;
        for member in &self.list.members {
            // It was open when the call began.
            held.push(table::get(member.handle.encode()).map_err(|_| Error::ECANCELED)?);
        }
        Ok(held)
    }

    /// Fills in the entries; whether something is ready without the kernel's word.
    fn ask(&mut self, watch: Option<&Watch>) -> Result<bool> {
        let members = &mut self.list.members;
        self.entries.clear();
        self.entries.try_reserve(members.len() + 1).map_err(|_| Error::ENOMEM)?;
        self.entries.extend(members.iter_mut().map(Member::entry));
        self.entries.extend(watch.map(Watch::entry));
        let Some(_) = watch else { return Ok(false) };
        // Looked at after the announcement: a close either sees it, or is seen here.
        if !members.iter().all(Member::is_open) {
            return Err(Error::ECANCELED);
        }
        Ok(members.iter().any(Member::forced))
    }

    /// Takes in what the kernel said; whether any member is ready.
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

    /// A thread that has no processor for long: the handle it waits for is closed, and so is its peer, before it looks.
    #[test]
    fn a_wait_says_nothing_of_a_handle_that_is_closed() {
        let (one, other) = pair::pair("unix").unwrap();
        let mut sweep = Sweep::default();
        sweep.list.gather(&[&mut [one], &mut [], &mut []]).unwrap();
        let watch = Watch::many(false);
        let held = sweep.hold().unwrap();
        assert_eq!(sweep.ask(Some(&watch)), Ok(false));
        assert_eq!(close::close(one), Err(Error::EBUSY));
        close::close(other).unwrap();
        assert_eq!(watch.poll(&mut sweep.entries, Deadline::Never), Ok(1));
        assert_eq!(sweep.find(), Err(Error::ECANCELED));
        drop(held);
    }
}
