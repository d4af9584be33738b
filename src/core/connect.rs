//! Connecting: one address by the kernel alone, several as RFC 8305 says (Happy Eyeballs), with the
//! handle's timeout, its close and its signals. Not here: accepting (`server`).
//!
//! `Fresh -> Connecting -> Arrived -> Connected`, or `Failed`, when the kernel connects the handle's own
//! descriptor; `Fresh -> Racing -> ...` when several are tried, and the winner becomes the handle's.

use super::address::fit;
use super::deadline::Deadline;
use super::error::{Error, Result};
use super::flat::Flat;
use super::resolve::{self, Asker, Role};
use super::server::first_that_works;
use super::socket::{create, dress, get, settle};
use super::table::{self, Phase, Ref, Wait, flag};
use super::transfer;
use super::wait::SlotWatch;
use super::{native, readiness, side};
use crate::sys::{self, Events, Fd, PollFd};
use socket2::SockAddr;
use std::time::{Duration, Instant};

/// RFC 8305, section 5: "Connection Attempt Delay".
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects. With `connect_timeout` 0: `EINPROGRESS`, and the outcome on a later call.
pub fn connect(number: i64, text: &str) -> Result<()> {
    let slot = get(number)?;
    match slot.phase() {
        _ if slot.has(flag::NATIVE) => {}
        Phase::Fresh => {}
        phase => return again(&slot, phase),
    }
    let deadline = Deadline::after(slot.ruling_timeout(Wait::Connect));
    // A name takes what time it takes, even for a caller who will not wait for the connection.
    let patience = if deadline == Deadline::Now { Deadline::Never } else { deadline };
    let candidates = resolve::lookup(slot.kind(), text, Role::Peer, Asker::Handle(&slot), patience)?;
    if !slot.kind().is_connected_kind() {
        return set_peer(&slot, &candidates);
    }
    if slot.has(flag::NATIVE) {
        return first_that_works(&candidates, |candidate| connect_natively(&slot, candidate));
    }
    let candidates = suitable(&slot, candidates)?;
    match candidates.as_slice() {
        [only] => start(&slot, only, deadline),
        _ => race(&slot, candidates, deadline),
    }
}

/// Connects to an address in numbers, as the same address in a text would be.
pub fn connect_flat(number: i64, address: &Flat) -> Result<()> {
    let slot = get(number)?;
    if slot.has(flag::NATIVE) {
        return connect_natively(&slot, &native::socket_address(address)?);
    }
    let address = address.to_socket_address()?;
    match slot.phase() {
        Phase::Fresh => {}
        phase => return again(&slot, phase),
    }
    if !slot.kind().is_connected_kind() {
        return set_peer(&slot, &[address]);
    }
    start(&slot, &address, Deadline::after(slot.ruling_timeout(Wait::Connect)))
}

fn connect_natively(slot: &Ref, address: &SockAddr) -> Result<()> {
    let family = slot.family().ok_or(Error::EAFNOSUPPORT)?;
    native::connect(slot, &fit(address, family)?, Deadline::after(slot.ruling_timeout(Wait::Connect)))
}

/// A datagram socket only notes its peer.
fn set_peer(slot: &Ref, candidates: &[SockAddr]) -> Result<()> {
    first_that_works(candidates, |candidate| {
        let family = settle(slot, candidate.domain())?;
        sys::connect(slot.fd(), &fit(candidate, family)?)?;
        Ok(())
    })
}

/// A further call on a handle that is no longer fresh.
fn again(slot: &Ref, phase: Phase) -> Result<()> {
    match phase {
        Phase::Connected => Err(Error::EISCONN),
        Phase::Listening => Err(Error::EOPNOTSUPP),
        _ => {
            let deadline = Deadline::after(slot.ruling_timeout(Wait::Connect));
            outcome(slot, deadline).map_err(|error| match error {
                Error::EINPROGRESS => Error::EALREADY,
                other => other,
            })
        }
    }
}

/// The addresses that this socket can reach, families alternating (RFC 8305, section 4).
fn suitable(slot: &Ref, candidates: Vec<SockAddr>) -> Result<Vec<SockAddr>> {
    let Some(family) = slot.family() else { return Ok(interleave(candidates)) };
    let mut fitting = Vec::new();
    for candidate in &candidates {
        match fit(candidate, family) {
            Ok(address) => fitting.push(address),
            Err(_) => continue,
        }
    }
    if fitting.is_empty() { Err(Error::EAFNOSUPPORT) } else { Ok(fitting) }
}

/// Keeps the resolver's order within each family, and its first address first.
fn interleave(candidates: Vec<SockAddr>) -> Vec<SockAddr> {
    let Some(preferred) = candidates.first().map(SockAddr::domain) else { return candidates };
    let (mut first, mut second): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|candidate| candidate.domain() == preferred);
    let mut mixed = Vec::new();
    first.reverse();
    second.reverse();
    while let Some(next) = first.pop() {
        mixed.push(next);
        mixed.extend(second.pop());
    }
    second.reverse();
    mixed.extend(second);
    mixed
}

/// One address: the kernel connects the handle's own descriptor.
fn start(slot: &Ref, address: &SockAddr, deadline: Deadline) -> Result<()> {
    let family = settle(slot, address.domain())?;
    let address = fit(address, family)?;
    // Two threads may try at once; the second only awaits what the first has started.
    if !slot.advance(Phase::Fresh, Phase::Racing) {
        return outcome(slot, deadline);
    }
    match sys::connect(slot.fd(), &address) {
        Ok(true) => finish(slot, Ok(Phase::Arrived)),
        Ok(false) => finish(slot, Ok(Phase::Connecting)),
        // A full backlog of an AF_UNIX listener: the kernel neither queues us nor says when there is room.
        Err(sys::WOULD_BLOCK) => return knock(slot, address, deadline),
        Err(error) => finish(slot, Err(error.into())),
    }
    outcome(slot, deadline)
}

/// Under the lock, so that a call that gives up meanwhile does not leave its error on a connection.
fn move_on(slot: &Ref, from: Phase, to: Phase) -> bool {
    let moved = side::locked(slot.handle().index, || slot.advance(from, to));
    readiness::changed(slot);
    moved
}

/// Tries again and again until the listener has room; in the background for a caller who will not wait.
fn knock(slot: &Ref, address: SockAddr, deadline: Deadline) -> Result<()> {
    drive(slot, deadline, move |slot, deadline| {
        let watch = SlotWatch::new(slot);
        for round in 0.. {
            still_wanted(slot)?;
            match sys::connect(slot.fd(), &address) {
                Err(sys::WOULD_BLOCK) => watch.pause(transfer::pause(round), deadline)?,
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(Phase::Arrived),
            }
        }
        Err(Error::EINTERNAL)
    })
}

/// A call with less patience may have given the handle up, whose error is kept.
fn still_wanted(slot: &Ref) -> Result<()> {
    if slot.phase() == Phase::Racing { Ok(()) } else { Err(Error::ECANCELED) }
}

/// Several addresses, each with a descriptor of its own; the winner's becomes the handle's. Where nobody else can have
/// the name of a bound one, it tries them itself, one after the other.
fn race(slot: &Ref, candidates: Vec<SockAddr>, deadline: Deadline) -> Result<()> {
    if !slot.advance(Phase::Fresh, Phase::Racing) {
        return outcome(slot, deadline);
    }
    drive(slot, deadline, move |slot, deadline| {
        let (winner, address) = Race::new(slot, candidates).run(deadline)?;
        let fd = take_over(slot, winner)?;
        slot.settle(fd, address.domain());
        Ok(Phase::Arrived)
    })
}

/// The winner takes the place of what the handle had. Other calls may be using that until the last is done.
fn take_over(slot: &Ref, winner: Fd) -> Result<Fd> {
    let own = slot.fd();
    if own.is_none() || own == winner {
        return Ok(winner);
    }
    let (fd, spent) = sys::replace(own, winner)?;
    slot.spend(spent);
    Ok(fd)
}

/// Carries out what the kernel can't do alone: here, or for a caller who will not wait on a thread of ours.
/// The slot is `Racing` until then.
fn drive(
    slot: &Ref,
    deadline: Deadline,
    work: impl FnOnce(&Ref, Deadline) -> Result<Phase> + Send + 'static,
) -> Result<()> {
    if deadline != Deadline::Now {
        finish(slot, work(slot, deadline));
        return outcome(slot, deadline);
    }
    let background = table::get(slot.handle().encode())?;
    let started = resolve::run_apart(Box::new(move || {
        let done = work(&background, Deadline::Never);
        finish(&background, done);
    }));
    if let Err(error) = started {
        move_on(slot, Phase::Racing, Phase::Fresh);
        return Err(error);
    }
    Err(Error::EINPROGRESS)
}

fn finish(slot: &Ref, done: Result<Phase>) {
    match done {
        Ok(phase) if move_on(slot, Phase::Racing, phase) => {}
        // A call with less patience has given up in the meantime: the handle has failed, and stays so.
        Ok(_) => sys::disconnect(slot.fd()),
        // The caller may go on after a signal: nothing has been decided.
        Err(Error::EINTR) => drop(move_on(slot, Phase::Racing, Phase::Fresh)),
        Err(error) => {
            readiness::fail(slot, error);
            readiness::changed(slot);
        }
    }
}

/// Waits for the end of a connect that is under way, and tells it once.
fn outcome(slot: &Ref, deadline: Deadline) -> Result<()> {
    loop {
        match readiness::advance_connect(slot) {
            Phase::Arrived if slot.advance(Phase::Arrived, Phase::Connected) => return Ok(()),
            Phase::Connected => return Ok(()),
            Phase::Failed => return Err(slot.error().unwrap_or(Error::ECONNABORTED)),
            Phase::Fresh => return Err(Error::EINTR),
            Phase::Listening => return Err(Error::EOPNOTSUPP),
            _ if deadline == Deadline::Now => return Err(Error::EINPROGRESS),
            phase => await_change(slot, phase, deadline)?,
        }
    }
}

fn await_change(slot: &Ref, phase: Phase, deadline: Deadline) -> Result<()> {
    let fd = if phase == Phase::Connecting { slot.fd() } else { Fd::NONE };
    let watch = SlotWatch::new(slot);
    if slot.phase() != phase {
        return Ok(());
    }
    match watch.poll(&mut [PollFd::new(fd, Events::WRITE), watch.entry()], deadline) {
        Err(Error::ETIMEDOUT) => {
            give_up(slot, phase);
            Ok(())
        }
        other => other.map(drop),
    }
}

/// The time for connecting is over: the attempt is taken back, and the handle has failed.
fn give_up(slot: &Ref, phase: Phase) {
    let given_up = || slot.phase() == phase && readiness::fail(slot, Error::ETIMEDOUT);
    if side::locked(slot.handle().index, given_up) {
        if phase == Phase::Connecting {
            sys::disconnect(slot.fd());
        }
        readiness::changed(slot);
    }
}

/// Attempts under way, and those to come.
struct Race<'a> {
    slot: &'a Ref,
    waiting: std::vec::IntoIter<SockAddr>,
    running: Vec<Attempt>,
    next_start: Deadline,
    first_error: Option<Error>,
}

/// One descriptor on its way to one address. Noted at the handle's side, because a forked child has the
/// descriptor too, but not the thread whose attempt it is.
struct Attempt {
    fd: Fd,
    address: SockAddr,
    index: u32,
    /// It is the handle's own.
    is_own: bool,
}

impl Attempt {
    /// Opens a descriptor with the handle's options and local address, if it is not the handle's own that has both. It is
    /// noted under the lock under which it is opened: no fork comes in between.
    fn open(slot: &Ref, address: SockAddr) -> Result<Self> {
        let index = slot.handle().index;
        if tries_alone(slot) {
            return Ok(Self { fd: slot.fd(), address, index, is_own: true });
        }
        let fd = side::with(index, |side| {
            side.attempts.try_reserve(1).map_err(|_| Error::ENOMEM)?;
            create(slot.kind(), address.domain()).inspect(|fd| side.attempts.push(*fd))
        })?;
        let attempt = Self { fd, address, index, is_own: false };
        dress(slot, fd, attempt.address.domain())?;
        bind_alike(slot, fd)?;
        Ok(attempt)
    }

    /// Sends it on its way; `true` if it is already there.
    fn start(&self) -> Result<bool> {
        Ok(sys::connect(self.fd, &self.address)?)
    }

    /// The descriptor, which is somebody else's from now on.
    fn take(mut self) -> (Fd, SockAddr) {
        self.forget();
        (std::mem::replace(&mut self.fd, Fd::NONE), self.address.clone())
    }

    fn forget(&self) {
        side::find(self.index, |side| side.attempts.retain(|fd| *fd != self.fd));
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.fd.is_none() && !self.is_own {
            self.forget();
            sys::close(self.fd);
        }
    }
}

/// In a forked child: closes what a race was trying that goes on in the parent alone.
pub fn abandon(index: u32) {
    let attempts = side::find(index, |side| std::mem::take(&mut side.attempts));
    for fd in attempts.unwrap_or_default() {
        sys::close(fd);
    }
}

impl<'a> Race<'a> {
    fn new(slot: &'a Ref, candidates: Vec<SockAddr>) -> Self {
        Self {
            slot,
            waiting: candidates.into_iter(),
            running: Vec::new(),
            next_start: Deadline::At(Instant::now()),
            first_error: None,
        }
    }

    fn run(mut self, deadline: Deadline) -> Result<(Fd, SockAddr)> {
        let watch = SlotWatch::new(self.slot);
        loop {
            still_wanted(self.slot)?;
            if self.running.is_empty() || self.next_start.passed() {
                if let Some(winner) = self.start_next()? {
                    return Ok(winner);
                }
            }
            if let Some(winner) = self.wait(&watch, deadline)? {
                return Ok(winner);
            }
        }
    }

    /// Starts the next attempt that can be started. An error when there is none, and none is running.
    fn start_next(&mut self) -> Result<Option<(Fd, SockAddr)>> {
        for address in self.waiting.by_ref() {
            let started = Attempt::open(self.slot, address)
                .and_then(|attempt| attempt.start().map(|there| (attempt, there)));
            match started {
                Ok((attempt, true)) => return Ok(Some(attempt.take())),
                Ok((attempt, false)) => {
                    self.running.push(attempt);
                    self.next_start = self.after_a_start();
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

    /// When the next attempt may start that does not wait for the end of this one.
    fn after_a_start(&self) -> Deadline {
        if tries_alone(self.slot) { Deadline::Never } else { Deadline::after_duration(ATTEMPT_DELAY) }
    }

    fn wait(&mut self, watch: &SlotWatch<'_>, deadline: Deadline) -> Result<Option<(Fd, SockAddr)>> {
        let mut entries: Vec<_> =
            self.running.iter().map(|attempt| PollFd::new(attempt.fd, Events::WRITE)).collect();
        entries.push(watch.entry());
        let until = match self.waiting.as_slice() {
            [] => deadline,
            _ => deadline.min(self.next_start),
        };
        match watch.poll(&mut entries, until) {
            Err(Error::ETIMEDOUT) if !deadline.passed() => return Ok(None),
            other => other?,
        };
        // Backwards, so that removing one leaves the places of those still to be seen.
        for (place, entry) in entries[..self.running.len()].iter().enumerate().rev() {
            if entry.ready().is_empty() {
                continue;
            }
            let attempt = self.running.swap_remove(place);
            match sys::pending_error(attempt.fd) {
                Ok(None) => return Ok(Some(attempt.take())),
                Ok(Some(error)) | Err(error) => self.note_failure(error.into()),
            }
        }
        Ok(None)
    }

    /// An attempt has failed: the next one need not wait any longer.
    fn note_failure(&mut self, error: Error) {
        self.first_error = self.first_error.or(Some(error));
        self.next_start = Deadline::At(Instant::now());
    }
}

/// Whether the handle's own descriptor tries all addresses, as no other can have its name.
fn tries_alone(slot: &Ref) -> bool {
    slot.has(flag::BOUND) && !sys::NAMES_ARE_SHARED
}

fn bind_alike(slot: &Ref, fd: Fd) -> Result<()> {
    if !slot.has(flag::BOUND) {
        return Ok(());
    }
    // The handle's own descriptor holds the address; both allow that.
    sys::set_listener_default(fd)?;
    Ok(sys::bind(fd, &sys::local(slot.fd())?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::kind::Net;
    use crate::core::server;
    use crate::core::socket::{self, literal};

    fn addresses(texts: &[&str]) -> Vec<SockAddr> {
        texts.iter().map(|text| literal(Net::Tcp.into(), text)).collect()
    }

    #[test]
    fn families_alternate_and_the_resolvers_first_stays_first() {
        let given = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "127.0.0.1:1"]);
        let wanted = addresses(&["[::1]:1", "127.0.0.1:1", "[::2]:1", "[::3]:1"]);
        assert_eq!(interleave(given), wanted);
        let given = addresses(&["127.0.0.1:1", "127.0.0.2:1", "[::1]:1", "[::2]:1", "[::3]:1"]);
        let wanted = addresses(&["127.0.0.1:1", "[::1]:1", "127.0.0.2:1", "[::2]:1", "[::3]:1"]);
        assert_eq!(interleave(given), wanted);
    }

    /// Where the winner of several attempts has a number of its own, the old one is not free for strangers before the
    /// last call is done that may use it, and free then. It is told from others by being inherited.
    #[test]
    fn what_stood_for_a_handle_is_closed_when_no_call_uses_it_any_more() {
        let listener = socket::open("tcp4").unwrap();
        server::bind(listener, "127.0.0.1:0").unwrap();
        server::listen(listener, 0).unwrap();
        let address = sys::local(get(listener).unwrap().fd()).unwrap();
        let client = socket::open("tcp4").unwrap();
        let slot = get(client).unwrap();
        let before = slot.fd();
        sys::set_inherit(before, true).unwrap();
        assert_eq!(race(&slot, vec![address.clone(), address], Deadline::Never), Ok(()));
        let spent = before != slot.fd();
        socket::close(client).unwrap();
        if spent {
            assert_eq!(sys::inherit(before), Ok(true));
        }
        drop(slot);
        assert_ne!(sys::inherit(before), Ok(true));
        socket::close(listener).unwrap();
    }
}
