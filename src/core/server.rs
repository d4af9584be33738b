//! The serving side: bind, listen, accept. Not here: answering (`transfer`).

use super::address::{self, fit};
use super::deadline::Deadline;
use super::error::{Error, Result};
use super::resolve::{self, Asker, Role};
use super::socket::{get, settle};
use super::table::{self, New, Phase, Ref, Slot, Wait, flag};
use super::{readiness, side, transfer};
use crate::sys::{self, Events, OsError};
use socket2::{Domain, SockAddr};

/// Names the socket; of a name's addresses, the first that can be had.
pub fn bind(number: i64, text: &str) -> Result<()> {
    let slot = get(number)?;
    let deadline = Deadline::after(slot.timeout(Wait::General));
    let deadline = if deadline == Deadline::Now { Deadline::Never } else { deadline };
    let candidates = resolve::lookup(slot.kind(), text, Role::Local, Asker::Handle(&slot), deadline)?;
    if slot.phase() != Phase::Fresh {
        return Err(Error::EINVAL);
    }
    first_that_works(&candidates, |candidate| bind_to(&slot, candidate))
}

/// Tries addresses in order; the first error is the one that matters.
pub fn first_that_works(
    candidates: &[SockAddr],
    mut attempt: impl FnMut(&SockAddr) -> Result<()>,
) -> Result<()> {
    let mut first = None;
    for candidate in candidates {
        match attempt(candidate) {
            Ok(()) => return Ok(()),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or(Error::EAI_NONAME))
}

fn bind_to(slot: &Ref, address: &SockAddr) -> Result<()> {
    let family = settle(slot, address.domain())?;
    let address = fit(address, family)?;
    let index = slot.handle().index;
    if slot.kind().is_tcp() && !side::find(index, |side| has_own_rule(side)).unwrap_or(false) {
        sys::set_listener_default(slot.fd())?;
    }
    sys::bind(slot.fd(), &address)?;
    slot.set_flags(flag::BOUND);
    Ok(())
}

/// Whether the caller has said who else may have the address.
fn has_own_rule(side: &side::Side) -> bool {
    side.has_setting("reuse_address") || side.has_setting("exclusive_address")
}

/// Makes it a listener; one that nobody named gets a free port on every interface.
pub fn listen(number: i64, backlog: i32) -> Result<()> {
    let slot = get(number)?;
    if !slot.kind().is_connected_kind() {
        return Err(Error::EOPNOTSUPP);
    }
    if !matches!(slot.phase(), Phase::Fresh | Phase::Listening) {
        return Err(Error::EINVAL);
    }
    if slot.has(flag::UNSETTLED) {
        let everywhere = [address::wildcard(Domain::IPV6, 0), address::wildcard(Domain::IPV4, 0)];
        first_that_works(&everywhere, |address| bind_to(&slot, address))?;
    }
    // The system cuts this to its own maximum.
    sys::listen(slot.fd(), if backlog <= 0 { i32::MAX } else { backlog })?;
    slot.advance(Phase::Fresh, Phase::Listening);
    readiness::changed(&slot);
    Ok(())
}

/// Takes the next connection.
pub fn accept(number: i64) -> Result<i64> {
    let slot = get_listener(number)?;
    accept_on(&slot, false)
}

/// Takes the next connection, and those that are there already, up to `capacity`. An error that comes after some is still there
/// for the next call: what it concerns stays in the queue.
pub fn accept_many(number: i64, capacity: usize, mut take: impl FnMut(i64)) -> Result<usize> {
    let slot = get_listener(number)?;
    if capacity == 0 {
        return Err(Error::EINVAL);
    }
    take(accept_on(&slot, false)?);
    let mut count = 1;
    while count < capacity {
        let Ok(connection) = accept_on(&slot, true) else { break };
        take(connection);
        count += 1;
    }
    Ok(count)
}

/// Looks up a handle whose kind has listeners.
#[inline(always)]
fn get_listener(number: i64) -> Result<Ref> {
    let slot = table::get(number)?;
    if slot.is_listening() { Ok(slot) } else { check_listener(slot) }
}

/// What does not listen may still be of such a kind: then the system says what is wrong.
#[cold]
fn check_listener(slot: Ref) -> Result<Ref> {
    match slot.flags() {
        flags if flags & (flag::STREAM | flag::POLLER) != 0 => Err(Error::ENOTSOCK),
        _ if !slot.kind().is_connected_kind() => Err(Error::EOPNOTSUPP),
        flags if flags & flag::UNSETTLED != 0 => Err(Error::EINVAL),
        _ => Ok(slot),
    }
}

/// A slot is set aside first, so that a connection is never taken and then dropped.
fn accept_on(slot: &Slot, dont_wait: bool) -> Result<i64> {
    let vacancy = table::reserve()?;
    let fd = transfer::retry(slot, Wait::Accept, Events::READ, dont_wait, || accept_next(slot.fd()))?;
    let family = slot.flags() & (flag::FAMILY4 | flag::FAMILY6);
    let flags = flag::GIVE_BACK_BLOCKING | family;
    let new = New { kind: slot.kind(), fd, phase: Phase::Connected, flags };
    Ok(vacancy.fill(&new).encode())
}

/// A connection that died while it was queued is not the listener's error.
pub fn accept_next(fd: sys::Fd) -> sys::Result<sys::Fd> {
    loop {
        match sys::accept(fd) {
            Err(OsError(code)) if sys::DIED_IN_QUEUE.contains(&code) => {}
            other => return other,
        }
    }
}
