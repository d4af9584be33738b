//! Connecting: one address by the kernel alone, several as RFC 8305 says (Happy Eyeballs), with the
//! handle's timeout, its close and its signals. Not here: the race of several (`race`), accepting (`listen`).
//!
//! `Fresh -> Connecting -> Arrived -> Connected`, or `Failed`, when the kernel connects the handle's own
//! descriptor; `Fresh -> Racing -> ...` when several are tried, and the winner becomes the handle's.

use crate::core::deadline::Deadline;
use crate::core::error::{Error, Result};
use crate::core::handle::extras;
use crate::core::handle::lookup;
use crate::core::handle::slot::{Phase, Slot, Wait, flag};
use crate::core::handle::table::{self, Ref};
use crate::core::name::address::fit;
use crate::core::name::flat::Flat;
use crate::core::process::section::Section;
use crate::core::process::workers;
use crate::core::readiness;
use crate::core::socket::family::settle_family;
use crate::core::socket::judge::report_pending;
use crate::core::socket::race::{Attempt, Race, still_wanted, suitable};
use crate::core::socket::resolve::{self, Asker, Role, first_that_works};
use crate::core::socket::{mode, native, retry};
use crate::core::wait::SlotWatch;
use crate::sys::{self, Events, Fd, PollFd};
use socket2::SockAddr;

/// Connects, for option "connect_timeout" at the longest; if that is 0, `EINPROGRESS`, and a later call returns the outcome.
/// Errors and blocking as in the header (`anysock_connect`).
pub fn connect(number: i64, text: &str) -> Result<()> {
    let slot = lookup::socket(number)?;
    match slot.phase() {
        _ if slot.has(flag::NATIVE) => {}
        Phase::Fresh => {}
        phase => return again(&slot, phase),
    }
    let deadline = slot.deadline(Wait::Connect);
    // Resolving a name may block even for a caller who does not wait for the connection.
    let lookup_deadline = if deadline == Deadline::Now { Deadline::Never } else { deadline };
    let kind = resolve::kind_for(&slot, text);
    let candidates = resolve::lookup(kind, text, Role::Peer, Asker::Handle(&slot), lookup_deadline)?;
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

/// Connects to an address in flat memory, as [`connect`] with the same address in a text.
pub fn connect_flat(number: i64, address: &Flat) -> Result<()> {
    let slot = lookup::socket(number)?;
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
    start(&slot, &address, slot.deadline(Wait::Connect))
}

fn connect_natively(slot: &Ref, address: &SockAddr) -> Result<()> {
    let family = slot.family().ok_or(Error::EAFNOSUPPORT)?;
    match native::connect(slot, &fit(address, family)?, slot.deadline(Wait::Connect)) {
        // The kernel has already reported the error of the attempt that failed before.
        Err(Error::ECONNABORTED) if slot.has(flag::PENDING) => {
            report_pending(slot).and(Err(Error::ECONNABORTED))
        }
        other => other,
    }
}

/// What the caller of [`begin`], which does not wait, has to do next.
#[derive(Debug)]
pub enum Begun {
    /// It is done.
    Done,
    /// The kernel or another call connects: [`progress`].
    UnderWay,
    /// The same on a native handle: [`native_progress`].
    Native(SockAddr),
    /// The listener's backlog is full: [`retry`], again and again.
    Full(SockAddr),
    /// Several addresses are to be tried: [`Race::advance`], then [`arrive`] or [`failed`].
    Race(Race),
}

/// Whether a handle has begun to connect before: `Some(Ok)` if that connect's outcome is what a further call returns, or its
/// error.
pub fn begun(slot: &Slot) -> Option<Result<()>> {
    match slot.phase() {
        _ if slot.has(flag::NATIVE) => None,
        Phase::Fresh => None,
        Phase::Connected => Some(Err(Error::EISCONN)),
        Phase::Listening => Some(Err(Error::EOPNOTSUPP)),
        Phase::Racing | Phase::Connecting | Phase::Arrived | Phase::Failed => Some(Ok(())),
    }
}

/// Begins to connect to the first of the addresses that answers, without waiting.
pub fn begin(slot: &Ref, candidates: Vec<SockAddr>) -> Result<Begun> {
    if slot.has(flag::NATIVE) {
        return begin_natively(slot, &candidates);
    }
    if let Some(begun) = begun(slot) {
        return begun.map(|()| Begun::UnderWay);
    }
    if !slot.kind().is_connected_kind() {
        return set_peer(slot, &candidates).map(|()| Begun::Done);
    }
    let candidates = suitable(slot, candidates)?;
    let [only] = candidates.as_slice() else {
        let begins = slot.advance(Phase::Fresh, Phase::Racing);
        return Ok(if begins { Begun::Race(Race::new(candidates)) } else { Begun::UnderWay });
    };
    match launch(slot, only)? {
        Launched::Full(full) => Ok(Begun::Full(full)),
        Launched::UnderWay | Launched::Overtaken(_) => Ok(Begun::UnderWay),
    }
}

fn begin_natively(slot: &Ref, candidates: &[SockAddr]) -> Result<Begun> {
    let mut begun = Begun::Done;
    first_that_works(candidates, |candidate| {
        let address = fit(candidate, slot.family().ok_or(Error::EAFNOSUPPORT)?)?;
        match native::connect(slot, &address, Deadline::Now) {
            Err(Error::EINPROGRESS) => begun = Begun::Native(address),
            other => other?,
        }
        Ok(())
    })?;
    Ok(begun)
}

/// The outcome of a connect that was begun; `EINPROGRESS` while it goes on. Does not wait.
pub fn progress(slot: &Ref) -> Result<()> {
    outcome(slot, Deadline::Now)
}

/// As [`progress`], without marking the outcome as reported: for a caller beside the one that began it.
pub fn peek_progress(slot: &Ref) -> Result<()> {
    match readiness::advance_connect(slot) {
        Phase::Arrived => Ok(()),
        _ => progress(slot),
    }
}

/// As [`progress`], for a native handle.
pub fn native_progress(slot: &Ref, address: &SockAddr) -> Result<()> {
    if readiness::kernel_says(slot, Events::WRITE) {
        native::conclude(slot, address)
    } else {
        Err(Error::EINPROGRESS)
    }
}

/// Tries again after a full backlog: `EAGAIN` if it still is. Does not wait.
pub fn retry(slot: &Ref, address: &SockAddr) -> Result<()> {
    still_wanted(slot)?;
    match mode::without_blocking(slot, || sys::connect(slot.fd(), address)) {
        Err(sys::WOULD_BLOCK) => Err(Error::EAGAIN),
        Err(error) => {
            failed(slot, error.into());
            Err(error.into())
        }
        Ok(_) => {
            finish(slot, Ok(Phase::Arrived));
            Ok(())
        }
    }
}

/// Concludes a race: its winner becomes the handle's descriptor.
pub fn arrive(slot: &Ref, winner: Attempt) -> Result<()> {
    let installed = install(slot, winner);
    finish(slot, installed.map(|()| Phase::Arrived));
    installed
}

/// Concludes a connect that was begun and has failed.
pub fn failed(slot: &Ref, error: Error) {
    finish(slot, Err(error));
}

/// Gives up what was begun; the handle is as before.
pub fn abandon(slot: &Ref) {
    finish(slot, Err(Error::EINTR));
}

/// Concludes a connect whose time is over: the handle has failed.
pub fn time_out(slot: &Ref) {
    give_up(slot, slot.phase());
}

/// The address in the system's form; on a native handle it may be a unix address without a name.
pub fn address_of(slot: &Slot, address: &Flat) -> Result<SockAddr> {
    if slot.has(flag::NATIVE) { native::socket_address(address) } else { address.to_socket_address() }
}

/// Sets the peer of a datagram socket, which sends nothing.
fn set_peer(slot: &Ref, candidates: &[SockAddr]) -> Result<()> {
    first_that_works(candidates, |candidate| {
        let family = settle_family(slot, candidate.domain())?;
        match sys::connect(slot.fd(), &fit(candidate, family)?) {
            Ok(_) => Ok(()),
            Err(error) => Err(retry::no_port(slot, error)),
        }
    })
}

/// A further connect on a handle that has connected or begun to.
fn again(slot: &Ref, phase: Phase) -> Result<()> {
    match phase {
        Phase::Connected => Err(Error::EISCONN),
        Phase::Listening => Err(Error::EOPNOTSUPP),
        _ => {
            let deadline = slot.deadline(Wait::Connect);
            outcome(slot, deadline).map_err(|error| match error {
                Error::EINPROGRESS => Error::EALREADY,
                other => other,
            })
        }
    }
}

/// One address: the kernel connects the handle's own descriptor.
fn start(slot: &Ref, address: &SockAddr, deadline: Deadline) -> Result<()> {
    match launch(slot, address)? {
        Launched::Full(address) => retry_while_full(slot, address, deadline),
        Launched::Overtaken(address) => overtaken(slot, &[address], deadline),
        Launched::UnderWay => outcome(slot, deadline),
    }
}

/// How the kernel has begun to connect to one address.
enum Launched {
    UnderWay,
    /// It refuses to begin, as the listener's backlog is full.
    Full(SockAddr),
    /// Another thread was first.
    Overtaken(SockAddr),
}

/// Has the kernel begin to connect. Does not wait.
fn launch(slot: &Ref, address: &SockAddr) -> Result<Launched> {
    let family = settle_family(slot, address.domain())?;
    let address = fit(address, family)?;
    if slot.advance(Phase::Fresh, Phase::Racing) {
        match mode::without_blocking(slot, || sys::connect(slot.fd(), &address)) {
            Ok(true) => finish(slot, Ok(Phase::Arrived)),
            Ok(false) => finish(slot, Ok(Phase::Connecting)),
            // A full backlog of an AF_UNIX listener: the kernel neither queues the connect nor reports when there is room.
            Err(sys::WOULD_BLOCK) => return Ok(Launched::Full(address)),
            Err(error) => finish(slot, Err(error.into())),
        }
        return Ok(Launched::UnderWay);
    }
    Ok(Launched::Overtaken(address))
}

/// Another thread has changed the phase first. If it connects, this call waits for the same outcome; if it has made the handle
/// native, this call connects natively.
#[cold]
fn overtaken(slot: &Ref, candidates: &[SockAddr], deadline: Deadline) -> Result<()> {
    match slot.has(flag::NATIVE) {
        true => first_that_works(candidates, |candidate| connect_natively(slot, candidate)),
        false => outcome(slot, deadline),
    }
}

/// Changes the phase, under the lock, so that a call that gives up at the same time does not leave its error on a connection.
fn move_on(slot: &Ref, from: Phase, to: Phase) -> bool {
    let moved = extras::locked(slot.handle().index, || slot.advance(from, to));
    readiness::changed(slot);
    moved
}

/// Tries again and again until the listener has room; on a thread of the library's for a caller who does not wait.
fn retry_while_full(slot: &Ref, address: SockAddr, deadline: Deadline) -> Result<()> {
    drive(slot, deadline, move |slot, deadline| {
        let watch = SlotWatch::new(slot);
        for round in 0.. {
            still_wanted(slot)?;
            match mode::without_blocking(slot, || sys::connect(slot.fd(), &address)) {
                Err(sys::WOULD_BLOCK) => watch.pause(retry::pause(round), deadline)?,
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(Phase::Arrived),
            }
        }
        Err(Error::EINTERNAL)
    })
}

/// Several addresses: each attempt has a descriptor of its own, and the winner's becomes the handle's. A bound socket on a
/// system where no other can have the same address tries them itself, one after the other.
fn race(slot: &Ref, candidates: Vec<SockAddr>, deadline: Deadline) -> Result<()> {
    if !slot.advance(Phase::Fresh, Phase::Racing) {
        return overtaken(slot, &candidates, deadline);
    }
    let best = candidates.first().cloned();
    let started = drive(slot, deadline, move |slot, deadline| {
        let winner = Race::new(candidates).run(slot, deadline)?;
        install(slot, winner)?;
        Ok(Phase::Arrived)
    });
    match (started, best) {
        // Without a thread the race can't go on in the background, but the kernel can connect to the best address alone.
        (Err(workers::NO_THREAD), Some(best)) if slot.phase() == Phase::Fresh => start(slot, &best, deadline),
        (other, _) => other,
    }
}

/// The winner of a race becomes the handle's descriptor.
fn install(slot: &Ref, winner: Attempt) -> Result<()> {
    let section = Section::begin();
    let (winner, family) = winner.take();
    slot.set_fd_and_family(take_over(slot, winner)?, family);
    drop(section);
    mode::renew(slot);
    Ok(())
}

/// Replaces the handle's descriptor by the winner's. Running calls may use the replaced one until they return.
fn take_over(slot: &Ref, winner: Fd) -> Result<Fd> {
    let own = slot.fd();
    if own.is_none() || own == winner {
        return Ok(winner);
    }
    let (fd, replaced) = sys::replace(own, winner)?;
    slot.keep_replaced(replaced);
    Ok(fd)
}

/// Carries out what the kernel can't do alone: in this call, or for a caller who does not wait on a thread of the library's.
/// The phase is `Racing` meanwhile.
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
    let started = workers::run_apart(Box::new(move || {
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
        // A call with a shorter timeout has given up meanwhile: the handle has failed, and stays so.
        Ok(_) => sys::disconnect(slot.fd()),
        // After a signal the caller may connect again, as nothing has been decided.
        Err(Error::EINTR) => drop(move_on(slot, Phase::Racing, Phase::Fresh)),
        Err(error) => {
            readiness::fail(slot, error);
            readiness::changed(slot);
        }
    }
}

/// Waits for the end of a connect that is under way, and marks the outcome as reported. `EINPROGRESS` for a deadline that is
/// `Now`.
fn outcome(slot: &Ref, deadline: Deadline) -> Result<()> {
    loop {
        match readiness::advance_connect(slot) {
            Phase::Arrived if slot.advance(Phase::Arrived, Phase::Connected) => return Ok(()),
            // The handle was made native meanwhile, which changes the phase whatever the kernel's state is.
            Phase::Connected if slot.has(flag::NATIVE) => return native::outcome(slot, deadline),
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
        // The system's own timeout ends the wait and not the attempt (socket(7)).
        Err(Error::EAGAIN) => Err(Error::EINPROGRESS),
        other => other.map(drop),
    }
}

/// The time for connecting is over: cancels the attempt, and the handle has failed.
fn give_up(slot: &Ref, phase: Phase) {
    let given_up = || slot.phase() == phase && readiness::fail(slot, Error::ETIMEDOUT);
    if extras::locked(slot.handle().index, given_up) {
        if phase == Phase::Connecting {
            sys::disconnect(slot.fd());
        }
        readiness::changed(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::socket::close;
    use crate::core::socket::life;
    use crate::core::socket::listen;

    /// A listener on the loopback, and where it is.
    fn listener() -> (i64, SockAddr) {
        let listener = life::open("tcp4").unwrap();
        listen::bind(listener, "127.0.0.1:0").unwrap();
        listen::listen(listener, 0).unwrap();
        let address = sys::local(lookup::socket(listener).unwrap().fd()).unwrap();
        (listener, address)
    }

    /// Where the winner of several attempts has a number of its own, the old number is not free for others before the last call
    /// that may use it has returned, and free then. The test recognises the old descriptor by its inherit flag.
    #[test]
    fn what_stood_for_a_handle_is_closed_when_no_call_uses_it_any_more() {
        let (listener, address) = listener();
        let client = life::open("tcp4").unwrap();
        let slot = lookup::socket(client).unwrap();
        let before = slot.fd();
        sys::set_inherit(before, true).unwrap();
        assert_eq!(race(&slot, vec![address.clone(), address], Deadline::Never), Ok(()));
        let replaced = before != slot.fd();
        close::close(client).unwrap();
        if replaced {
            assert_eq!(sys::inherit(before), Ok(true));
        }
        drop(slot);
        assert_ne!(sys::inherit(before), Ok(true));
        close::close(listener).unwrap();
    }

    #[cfg(unix)]
    mod not_windows {
        use super::*;

        /// Whoever knew the number before expects a socket that blocks.
        #[test]
        fn the_winner_blocks_where_others_know_its_number() {
            let (listener, address) = listener();
            let client = life::open("tcp4").unwrap();
            let slot = lookup::socket(client).unwrap();
            let number = life::fd(client).unwrap();
            assert_eq!(race(&slot, vec![address.clone(), address], Deadline::Never), Ok(()));
            assert_eq!(life::fd(client), Ok(number));
            assert_eq!(sys::set_blocking(slot.fd(), true), Ok(true));
            drop(slot);
            close::close(client).unwrap();
            close::close(listener).unwrap();
        }
    }
}
