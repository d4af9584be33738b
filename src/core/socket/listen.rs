//! The serving side: bind, listen, accept. Not here: the connections' bytes (`transfer`).

use crate::core::deadline::Deadline;
use crate::core::error::{Error, Result};
use crate::core::handle::slot::{Phase, Slot, Wait, flag};
use crate::core::handle::table::{self, Ref, Vacancy};
use crate::core::handle::{extras, lookup};
use crate::core::name::address::{self, fit};
use crate::core::name::flat::Flat;
use crate::core::name::kind::Class;
use crate::core::process::section::Section;
use crate::core::settings::setting::Settings;
use crate::core::settings::system_time;
use crate::core::socket::backlog::{SkipLimit, accept_next};
use crate::core::socket::family::settle_family;
use crate::core::socket::resolve::{self, Asker, Role, first_that_works};
use crate::core::socket::{mode, native, retry};
use crate::core::{fork, readiness};
use crate::sys::{self, Events, Fd, OsError};
use socket2::{Domain, SockAddr};

/// Binds the socket to an address, of a name to the first that is available. Errors and blocking as in the header
/// (`anysock_bind`).
pub fn bind(number: i64, text: &str) -> Result<()> {
    let slot = lookup::socket(number)?;
    let deadline = Deadline::after(slot.timeout(Wait::General));
    let deadline = if deadline == Deadline::Now { Deadline::Never } else { deadline };
    let kind = resolve::kind_for(&slot, text);
    let candidates = resolve::lookup(kind, text, Role::Local, Asker::Handle(&slot), deadline)?;
    check_fresh(&slot)?;
    bind_to_one(&slot, &candidates)
}

/// Binds to the first address that is available. For all interfaces IPv4 is tried only if the system lacks IPv6, or refuses its
/// sockets: a port that is in use for IPv6 is in use.
fn bind_to_one(slot: &Ref, candidates: &[SockAddr]) -> Result<()> {
    const LACKING: [Error; 3] = [Error::EAFNOSUPPORT, Error::EADDRNOTAVAIL, Error::EPROTONOSUPPORT];
    const REFUSED: [Error; 3] = [Error::EPERM, Error::EACCES, Error::EOPNOTSUPP];
    let lacks =
        |error: &Error| LACKING.contains(error) || (slot.family().is_none() && REFUSED.contains(error));
    let everywhere = candidates.iter().all(address::is_wildcard);
    let mut taken = None;
    let outcome = first_that_works(candidates, |candidate| match taken {
        Some(error) => Err(error),
        None => bind_to(slot, candidate).inspect_err(|error| {
            taken = (everywhere && !lacks(error)).then_some(*error);
        }),
    });
    taken.map_or(outcome, Err)
}

/// Binds the socket to an address in flat memory. Does not block.
pub fn bind_flat(number: i64, address: &Flat) -> Result<()> {
    let slot = lookup::socket(number)?;
    if slot.has(flag::NATIVE) {
        return bind_to(&slot, &native::socket_address(address)?);
    }
    let address = address.to_socket_address()?;
    check_fresh(&slot)?;
    bind_to(&slot, &address)
}

/// `EINVAL` for a socket that is connected or listens; on a native handle the kernel checks that.
fn check_fresh(slot: &Slot) -> Result<()> {
    if slot.phase() == Phase::Fresh || slot.has(flag::NATIVE) { Ok(()) } else { Err(Error::EINVAL) }
}

fn bind_to(slot: &Ref, address: &SockAddr) -> Result<()> {
    let family = settle_family(slot, address.domain())?;
    let address = fit(address, family)?;
    let index = slot.handle().index;
    if wants_listener_default(slot) && !extras::find(index, has_own_rule).unwrap_or(false) {
        sys::set_listener_default(slot.fd())?;
    }
    sys::bind(slot.fd(), &address)?;
    slot.set_flags(flag::BOUND);
    Ok(())
}

fn wants_listener_default(slot: &Slot) -> bool {
    slot.kind().is_tcp() && !slot.has(flag::NATIVE)
}

/// Whether the caller has set an option about sharing the address.
fn has_own_rule(settings: &mut Settings) -> bool {
    settings.has("reuse_address") || settings.has("exclusive_address")
}

/// Makes the socket a listener, with room for `backlog` connections (0 or less: the system's maximum); one that is not bound
/// gets a free port on all interfaces. Errors as in the header (`anysock_listen`). Does not block.
pub fn listen(number: i64, backlog: i32) -> Result<()> {
    let slot = lookup::socket(number)?;
    if slot.has(flag::NATIVE) {
        sys::listen(slot.fd(), backlog)?;
        mode::begin_to_listen(&slot);
        slot.advance(Phase::Connected, Phase::Listening);
        return Ok(());
    }
    if !slot.kind().is_connected_kind() {
        return Err(Error::EOPNOTSUPP);
    }
    if !matches!(slot.phase(), Phase::Fresh | Phase::Listening) {
        return Err(Error::EINVAL);
    }
    if slot.has(flag::UNSETTLED) {
        let everywhere = [address::wildcard(Domain::IPV6, 0), address::wildcard(Domain::IPV4, 0)];
        bind_to_one(&slot, &everywhere)?;
    }
    // The system cuts this to its own maximum.
    sys::listen(slot.fd(), if backlog <= 0 { i32::MAX } else { backlog })?;
    mode::begin_to_listen(&slot);
    slot.advance(Phase::Fresh, Phase::Listening);
    readiness::changed(&slot);
    Ok(())
}

/// Accepts the next connection. Errors and blocking as in the header (`anysock_accept`).
#[inline(always)]
pub fn accept(number: i64) -> Result<i64> {
    let slot = get_listener(number)?;
    let outcome = accept_at_once(&slot, false);
    slot.done(outcome)
}

/// Accepts the next connection, and then those that are queued already, up to `capacity`. An error after some is returned by
/// the next call, as the connection that it concerns stays in the queue. Errors and blocking as in the header
/// (`anysock_accept_many`).
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

/// The error for a handle that does not listen; none for a socket of a kind with listeners, of which the system reports it.
#[cold]
fn check_listener(slot: Ref) -> Result<Ref> {
    match slot.class() {
        Class::Stream | Class::File | Class::Poller | Class::Queue => Err(Error::ENOTSOCK),
        Class::Socket if !slot.kind().is_connected_kind() => Err(Error::EOPNOTSUPP),
        Class::Socket if slot.has(flag::UNSETTLED) => Err(Error::EINVAL),
        Class::Socket => Ok(slot),
    }
}

/// Accepts the next connection without waiting; `EAGAIN` if there is none.
pub fn accept_now(slot: Ref) -> Result<i64> {
    let slot = if slot.is_listening() { slot } else { check_listener(slot)? };
    accept_on(&slot, true)
}

fn accept_on(slot: &Slot, dont_wait: bool) -> Result<i64> {
    accept_at_once(slot, dont_wait)
}

/// The fast path of accepting. The slot is reserved first, so that a connection is never accepted and then dropped.
#[inline(always)]
fn accept_at_once(slot: &Slot, dont_wait: bool) -> Result<i64> {
    let vacancy = table::reserve(fork::install()?)?;
    if !mode::is_ours(slot) {
        return accept_shared(slot, vacancy, dont_wait);
    }
    let mut skips = SkipLimit::default();
    match take_next(slot, &vacancy, &mut skips) {
        Ok(taken) => Ok(fill(slot, vacancy, taken)),
        Err(error) => accept_later(slot, vacancy, dont_wait, skips, error),
    }
}

/// Accepts the next connection after a first try has failed.
#[cold]
#[inline(never)]
fn accept_later(
    slot: &Slot,
    vacancy: Vacancy,
    dont_wait: bool,
    mut skips: SkipLimit,
    error: OsError,
) -> Result<i64> {
    let take = || take_next(slot, &vacancy, &mut skips);
    let taken = retry::retry_after(error, slot, Wait::Accept, Events::READ, dont_wait, take)?;
    Ok(fill(slot, vacancy, taken))
}

/// Accepts the next connection of a listener that other processes may have made blocking: it waits for readiness first, so that
/// accept(2) finds a connection unless another process is faster.
#[cold]
#[inline(never)]
fn accept_shared(slot: &Slot, vacancy: Vacancy, dont_wait: bool) -> Result<i64> {
    let mut skips = SkipLimit::default();
    let take = || mode::without_blocking(slot, || take_next(slot, &vacancy, &mut skips));
    let taken = retry::wait_then(slot, Wait::Accept, Events::READ, dont_wait, take)?;
    Ok(fill(slot, vacancy, taken))
}

/// An accepted connection without a handle yet, in the section in which it was accepted.
type Taken = (Section, Fd);

#[inline(always)]
fn take_next(slot: &Slot, vacancy: &Vacancy, skips: &mut SkipLimit) -> sys::Result<Taken> {
    let section = Section::begin();
    accept_next(slot.fd(), vacancy.origin(), skips).map(|fd| (section, fd))
}

#[inline(always)]
fn fill(slot: &Slot, vacancy: Vacancy, (section, fd): Taken) -> i64 {
    let number = vacancy.fill_as_accepted(slot, fd, &section).encode();
    drop(section);
    if system_time::has_any(slot) {
        system_time::inherit(number);
    }
    number
}
