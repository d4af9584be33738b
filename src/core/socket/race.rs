//! Connecting to several addresses at once by RFC 8305 (Happy Eyeballs): each attempt has a descriptor of its own, and the
//! first that connects wins. Not here: making the winner the handle's descriptor (`connect`).

use crate::core::deadline::Deadline;
use crate::core::error::{Error, Result};
use crate::core::handle::extras::{self, Part};
use crate::core::handle::slot::{Phase, flag};
use crate::core::handle::table::Ref;
use crate::core::memory;
use crate::core::name::address::fit;
use crate::core::socket::family::{apply_settings, create};
use crate::core::wait::SlotWatch;
use crate::sys::{self, Events, Fd, PollFd};
use socket2::{Domain, SockAddr};
use std::time::{Duration, Instant};

/// RFC 8305, section 5: "Connection Attempt Delay".
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The addresses of the socket's family; while that is not settled all, with families alternating (RFC 8305, section 4).
pub fn suitable(slot: &Ref, candidates: Vec<SockAddr>) -> Result<Vec<SockAddr>> {
    let Some(family) = slot.family() else { return interleave(candidates) };
    let fitting = memory::list(candidates.iter().filter_map(|candidate| fit(candidate, family).ok()))?;
    if fitting.is_empty() { Err(Error::EAFNOSUPPORT) } else { Ok(fitting) }
}

/// Alternates families, and keeps the resolver's order within each, and its first address first.
fn interleave(candidates: Vec<SockAddr>) -> Result<Vec<SockAddr>> {
    let Some(preferred) = candidates.first().map(SockAddr::domain) else { return Ok(candidates) };
    let is_preferred = |candidate: &&SockAddr| candidate.domain() == preferred;
    let mut second = candidates.iter().filter(|candidate| !is_preferred(candidate));
    let mut mixed = memory::room(candidates.len())?;
    for next in candidates.iter().filter(is_preferred) {
        mixed.push(next.clone());
        mixed.extend(second.next().cloned());
    }
    mixed.extend(second.cloned());
    Ok(mixed)
}

/// `ECANCELED` if a call with a shorter timeout has given the connect up; its error is kept.
pub fn still_wanted(slot: &Ref) -> Result<()> {
    if slot.phase() == Phase::Racing { Ok(()) } else { Err(Error::ECANCELED) }
}

/// Attempts under way, and those to come.
#[derive(Debug)]
pub struct Race {
    waiting: std::vec::IntoIter<SockAddr>,
    running: Vec<Attempt>,
    next_start: Deadline,
    first_error: Option<Error>,
}

/// A connect of one descriptor to one address. Listed among the handle's extras, because a forked child has the descriptor too,
/// but not the thread whose attempt it is.
#[derive(Debug)]
pub struct Attempt {
    fd: Fd,
    address: SockAddr,
    index: u32,
    /// It is the handle's own.
    is_own: bool,
}

impl Attempt {
    /// Opens a descriptor with the handle's options and local address, or uses the handle's own. Opened and listed under the
    /// same lock, so that no fork happens in between.
    fn open(slot: &Ref, address: SockAddr) -> Result<Self> {
        let index = slot.handle().index;
        if tries_alone(slot) {
            return Ok(Self { fd: slot.fd(), address, index, is_own: true });
        }
        let fd = extras::with(index, |Attempts(fds)| {
            fds.try_reserve(1).map_err(|_| Error::ENOMEM)?;
            create(slot.kind(), address.domain()).inspect(|fd| fds.push(*fd))
        })??;
        let attempt = Self { fd, address, index, is_own: false };
        apply_settings(slot, fd, attempt.address.domain())?;
        bind_alike(slot, fd)?;
        Ok(attempt)
    }

    /// Begins to connect; `true` if that has succeeded at once.
    fn start(&self) -> Result<bool> {
        Ok(sys::connect(self.fd, &self.address)?)
    }

    /// Hands the descriptor over to the caller, with its family.
    pub fn take(mut self) -> (Fd, Domain) {
        extras::find(self.index, |attempts| self.forget(attempts));
        (std::mem::replace(&mut self.fd, Fd::NONE), self.address.domain())
    }

    fn forget(&self, Attempts(fds): &mut Attempts) {
        fds.retain(|fd| *fd != self.fd);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.fd.is_none() && !self.is_own {
            // Both under the lock, which a fork takes.
            extras::find(self.index, |attempts| {
                self.forget(attempts);
                sys::close(self.fd);
            });
        }
    }
}

/// The descriptors of a handle's attempts.
#[derive(Default, Debug)]
struct Attempts(Vec<Fd>);

impl Part for Attempts {
    /// Closes the child's copies, as the race goes on only in the parent.
    fn after_fork(&mut self) -> bool {
        self.0.drain(..).for_each(sys::close);
        false
    }
}

impl Race {
    pub fn new(candidates: Vec<SockAddr>) -> Self {
        Self {
            waiting: candidates.into_iter(),
            running: Vec::new(),
            next_start: Deadline::At(Instant::now()),
            first_error: None,
        }
    }

    pub fn run(mut self, slot: &Ref, deadline: Deadline) -> Result<Attempt> {
        let watch = SlotWatch::new(slot);
        loop {
            let until = deadline.min(self.until());
            let wait = |entries: &mut Vec<PollFd>| {
                entries.push(watch.entry());
                match watch.poll(entries, until) {
                    Err(Error::ETIMEDOUT) if !deadline.passed() => Ok(()),
                    other => other.map(drop),
                }
            };
            if let Some(winner) = self.advance(slot, wait)? {
                return Ok(winner);
            }
        }
    }

    /// Starts an attempt if one is due, has `look` poll the running ones, and returns the one that has connected, if any.
    pub fn advance(
        &mut self,
        slot: &Ref,
        look: impl FnOnce(&mut Vec<PollFd>) -> Result<()>,
    ) -> Result<Option<Attempt>> {
        still_wanted(slot)?;
        if self.running.is_empty() || self.next_start.passed() {
            if let Some(winner) = self.start_next(slot)? {
                return Ok(Some(winner));
            }
        }
        let mut entries: Vec<_> = self.descriptors().map(|fd| PollFd::new(fd, Events::WRITE)).collect();
        look(&mut entries)?;
        Ok(self.take(&entries))
    }

    /// The descriptors of the running attempts, which become writable when their connect ends.
    pub fn descriptors(&self) -> impl Iterator<Item = Fd> + '_ {
        self.running.iter().map(|attempt| attempt.fd)
    }

    /// When to advance, even if no attempt has ended.
    pub fn until(&self) -> Deadline {
        if self.waiting.as_slice().is_empty() { Deadline::Never } else { self.next_start }
    }

    /// Starts the next attempt that can be started. The first error if there is none, and none is running.
    fn start_next(&mut self, slot: &Ref) -> Result<Option<Attempt>> {
        for address in self.waiting.by_ref() {
            let started = Attempt::open(slot, address)
                .and_then(|attempt| attempt.start().map(|there| (attempt, there)));
            match started {
                Ok((attempt, true)) => return Ok(Some(attempt)),
                Ok((attempt, false)) => {
                    self.running.push(attempt);
                    self.next_start = after_a_start(slot);
                    return Ok(None);
                }
                Err(error) => self.first_error = self.first_error.or(Some(error)),
            }
        }
        match self.running.is_empty() {
            true => Err(self.first_error.unwrap_or(Error::ECONNREFUSED)),
            false => Ok(None),
        }
    }

    /// Takes out the attempts that have ended, up to one that has connected.
    fn take(&mut self, entries: &[PollFd]) -> Option<Attempt> {
        // Backwards, so that `swap_remove` does not move an attempt that was not looked at.
        for (place, entry) in entries[..self.running.len()].iter().enumerate().rev() {
            if entry.ready().is_empty() {
                continue;
            }
            let attempt = self.running.swap_remove(place);
            match sys::pending_error(attempt.fd) {
                Ok(None) => return Some(attempt),
                Ok(Some(error)) | Err(error) => self.note_failure(error.into()),
            }
        }
        None
    }

    /// An attempt has failed: the next one need not wait any longer.
    fn note_failure(&mut self, error: Error) {
        self.first_error = self.first_error.or(Some(error));
        self.next_start = Deadline::At(Instant::now());
    }
}

/// When the next attempt may start although this one has not ended.
fn after_a_start(slot: &Ref) -> Deadline {
    if tries_alone(slot) { Deadline::Never } else { Deadline::after_duration(ATTEMPT_DELAY) }
}

/// Whether the handle's own descriptor must try all addresses, as no other socket can be bound to the same address.
fn tries_alone(slot: &Ref) -> bool {
    slot.has(flag::BOUND) && !sys::ADDRESSES_ARE_SHARED
}

fn bind_alike(slot: &Ref, fd: Fd) -> Result<()> {
    if !slot.has(flag::BOUND) {
        return Ok(());
    }
    // The handle's own descriptor is bound to the address as well; both have SO_REUSEADDR.
    sys::set_listener_default(fd)?;
    Ok(sys::bind(fd, &sys::local(slot.fd())?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::name::kind::Net;
    use crate::core::socket::life::literal;

    fn addresses(texts: &[&str]) -> Vec<SockAddr> {
        texts.iter().map(|text| literal(Net::Tcp.into(), text)).collect()
    }

    #[test]
    fn families_alternate_and_the_resolvers_first_stays_first() {
        let given = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "127.0.0.1:1"]);
        let wanted = addresses(&["[::1]:1", "127.0.0.1:1", "[::2]:1", "[::3]:1"]);
        assert_eq!(interleave(given), Ok(wanted));
        let given = addresses(&["127.0.0.1:1", "127.0.0.2:1", "[::1]:1", "[::2]:1", "[::3]:1"]);
        let wanted = addresses(&["127.0.0.1:1", "[::1]:1", "127.0.0.2:1", "[::2]:1", "[::3]:1"]);
        assert_eq!(interleave(given), Ok(wanted));
    }
}
