//! The life of a handle that has nothing to do with bytes: open, pair, shut, close, names, and the
//! system's own descriptor. Not here: serving (`server`), connecting (`connect`), bytes (`transfer`).

use super::address;
use super::error::{Error, Result};
use super::flat::Flat;
use super::kind::{Kind, Net};
use super::options::Setting;
use super::server::accept_next;
use super::table::{self, New, Phase, Ref, flag};
use super::{options, poller, readiness, side, wait};
use crate::sys::{self, Events, Fd, Found, Half, PollFd};
use socket2::{Domain, Type};
use std::time::Duration;

/// How often `close` and `release` look whether the last running call has left, before they stop spinning.
const SPINS: u32 = 64;
/// How long `close` waits at the most: for calls that can't be woken, or that a busy machine does not let leave sooner.
const PATIENCE: Duration = Duration::from_millis(250);

/// Looks a handle up that must be a socket.
pub fn get(number: i64) -> Result<Ref> {
    let slot = table::get(number)?;
    if slot.has(flag::STREAM | flag::POLLER) {
        return Err(Error::ENOTSOCK);
    }
    Ok(slot)
}

/// A handle whose family is settled, so that it has a descriptor.
pub fn get_settled(number: i64) -> Result<Ref> {
    let slot = get(number)?;
    if slot.has(flag::UNSETTLED) {
        return Err(Error::ENOTCONN);
    }
    Ok(slot)
}

/// Makes a handle of a descriptor, which is closed if there is no room for one.
pub fn insert(kind: Kind, fd: Fd, phase: Phase) -> Result<i64> {
    let new = New { kind, fd, phase, flags: flag::GIVE_BACK_BLOCKING };
    let vacancy = table::reserve().inspect_err(|_| sys::close(fd))?;
    Ok(vacancy.fill(&new).encode())
}

/// Opens a socket. `tcp` and `udp` get their descriptor with their first address.
pub fn open(kind: &str) -> Result<i64> {
    let kind = Kind::parse(kind)?;
    let vacancy = table::reserve()?;
    let fd = match kind.family() {
        Some(family) => create(kind, family)?,
        None => Fd::NONE,
    };
    let new = New { kind, fd, phase: Phase::Fresh, flags: flag::GIVE_BACK_BLOCKING };
    Ok(vacancy.fill(&new).encode())
}

/// Closes a descriptor unless it was given away.
struct Owned(Fd);

impl Owned {
    fn keep(self) -> Fd {
        let fd = self.0;
        std::mem::forget(self);
        fd
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        sys::close(self.0);
    }
}

/// Opens a descriptor for a kind, with the library's defaults.
pub fn create(kind: Kind, family: Domain) -> Result<Fd> {
    let fd = Owned(sys::open(family, kind.transport(), kind.protocol_number())?);
    if kind.transport() == Type::DGRAM {
        sys::set_datagram_default(fd.0);
    }
    if family == Domain::IPV6 && kind.transport() != Type::RAW {
        // `tcp6` is IPv6 alone; `tcp` takes both where the system can.
        let only = kind.family().is_some();
        let dual = sys::set_v6_only(fd.0, only);
        if only {
            dual?;
        }
    }
    Ok(fd.keep())
}

/// Opens a descriptor that can stand in for the slot's own: the same options, not bound.
pub fn build(slot: &Ref, family: Domain) -> Result<Fd> {
    build_with(slot, family, &settings(slot))
}

/// The options that were set so far.
fn settings(slot: &Ref) -> Vec<Setting> {
    side::peek(slot.handle().index, |side| side.map_or_else(Vec::new, |side| side.settings.clone()))
}

fn build_with(slot: &Ref, family: Domain, settings: &[Setting]) -> Result<Fd> {
    let fd = Owned(create(slot.kind(), family)?);
    replay(fd.0, family, settings)?;
    Ok(fd.keep())
}

fn replay(fd: Fd, family: Domain, settings: &[Setting]) -> Result<()> {
    settings.iter().try_for_each(|setting| options::replay(fd, family, setting))
}

/// Gives another descriptor the options that were set on the slot so far.
pub fn dress(slot: &Ref, fd: Fd, family: Domain) -> Result<()> {
    replay(fd, family, &settings(slot))
}

/// Settles the family of an open kind; of a settled one, says whether the family fits.
pub fn settle(slot: &Ref, family: Domain) -> Result<Domain> {
    loop {
        if let Some(settled) = slot.family() {
            return Ok(settled);
        }
        let settings = settings(slot);
        let fd = Owned(build_with(slot, family, &settings)?);
        side::peek(slot.handle().index, |side| {
            // A descriptor that lacks an option which was set meanwhile won't do: once more, with it.
            let current = side.map_or(&[][..], |side| &side.settings);
            if slot.family().is_none() && current == settings {
                slot.settle(fd.keep(), family);
            }
        });
        readiness::changed(slot);
    }
}

/// Opens two handles that are connected to each other.
pub fn pair(kind: &str) -> Result<(i64, i64)> {
    let kind = Kind::parse(kind)?;
    let (first, second) = match kind.net {
        Net::Unix | Net::Unixgram | Net::Unixpacket if sys::HAS_UNIX_PAIR => sys::pair(kind.transport())?,
        Net::Tcp | Net::Tcp4 | Net::Unix => loopback_pair(Domain::IPV4)?,
        Net::Tcp6 => loopback_pair(Domain::IPV6)?,
        _ => return Err(Error::EOPNOTSUPP),
    };
    let kind = Kind::from_socket(sys::local(first)?.domain(), kind.transport(), 0).unwrap_or(kind);
    let first = insert(kind, first, Phase::Connected).inspect_err(|_| sys::close(second))?;
    let second = insert(kind, second, Phase::Connected).inspect_err(|_| {
        let _ = close(first);
    })?;
    Ok((first, second))
}

/// A pair over the loopback. Whoever else connects to the listener meanwhile is sent away:
/// only our own end has the address that the accepted connection must come from.
fn loopback_pair(family: Domain) -> Result<(Fd, Fd)> {
    let kind = Kind::from(if family == Domain::IPV6 { Net::Tcp6 } else { Net::Tcp4 });
    let listener = Owned(create(kind, family)?);
    sys::set_listener_default(listener.0)?;
    sys::bind(listener.0, &address::loopback(family, 0))?;
    sys::listen(listener.0, i32::MAX)?;
    pair_over(&listener, kind, family)
}

fn pair_over(listener: &Owned, kind: Kind, family: Domain) -> Result<(Fd, Fd)> {
    let client = Owned(create(kind, family)?);
    sys::connect(client.0, &sys::local(listener.0)?)?;
    await_ready(client.0, Events::WRITE)?;
    sys::peer(client.0)?;
    let own = sys::local(client.0)?;
    loop {
        await_ready(listener.0, Events::READ)?;
        let server = match accept_next(listener.0) {
            // A stranger who has left again.
            Err(sys::WOULD_BLOCK) => continue,
            other => Owned(other?),
        };
        if sys::peer(server.0).is_ok_and(|peer| peer.as_socket() == own.as_socket()) {
            return Ok((client.keep(), server.keep()));
        }
    }
}

fn await_ready(fd: Fd, events: Events) -> Result<()> {
    loop {
        match sys::poll(&mut [PollFd::new(fd, events)], None) {
            Ok(_) => return Ok(()),
            Err(sys::INTERRUPTED) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Shuts one or both halves. What was queued may still be read; what comes later is not delivered.
pub fn shutdown(number: i64, how: i32) -> Result<()> {
    let (half, flags) = match how {
        1 => (Half::Read, flag::SHUT_READ),
        2 => (Half::Write, flag::SHUT_WRITE),
        3 => (Half::Both, flag::SHUT_READ | flag::SHUT_WRITE),
        _ => return Err(Error::EINVAL),
    };
    let slot = get_settled(number)?;
    if slot.has(flag::NATIVE) {
        return Ok(sys::shutdown_as_told(slot.fd(), half)?);
    }
    // Some systems would shut a half of what has no peer, a listener's too.
    sys::peer(slot.fd()).map_err(|_| Error::ENOTCONN)?;
    let queued = if slot.kind().is_tcp() { sys::available(slot.fd()).unwrap_or(0) as u64 } else { u64::MAX };
    sys::shutdown(slot.fd(), half)?;
    if flags & flag::SHUT_READ != 0 && !slot.has(flag::SHUT_READ) {
        slot.read_left.store(queued, std::sync::atomic::Ordering::SeqCst);
    }
    slot.set_flags(flags);
    readiness::changed(&slot);
    Ok(())
}

/// Closes a handle of any kind and wakes every call that is blocked on it.
pub fn close(number: i64) -> Result<()> {
    let slot = table::close(number)?;
    let handle = slot.handle();
    leave(&slot);
    drop(slot);
    // Usually the calls that were woken are gone at once, and with them the descriptor: a port is free
    // again when its listener's close returns.
    patiently(|| table::is_retired(handle));
    Ok(())
}

/// Waits for calls that were woken to leave, but not for ever: some can't be woken.
pub fn patiently(have_left: impl Fn() -> bool) {
    for tries in 0..SPINS + PATIENCE.as_millis() as u32 {
        if have_left() {
            return;
        }
        breathe(tries);
    }
}

/// What a closed handle leaves behind: registrations and blocked calls.
fn leave(slot: &Ref) {
    poller::detach(slot);
    wait::notify(slot, slot.handle().index);
}

fn breathe(tries: u32) {
    if tries < SPINS {
        std::thread::yield_now();
    } else {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The socket's own address.
pub fn local_address(number: i64) -> Result<String> {
    let slot = get_settled(number)?;
    Ok(address::format(slot.kind(), &sys::local(slot.fd())?))
}

/// The socket's own address as flat memory.
pub fn local_flat(number: i64) -> Result<Flat> {
    Ok(Flat::from(&sys::local(get_settled(number)?.fd())?))
}

/// The peer's address as flat memory.
pub fn peer_flat(number: i64) -> Result<Flat> {
    Ok(Flat::from(&sys::peer(get_settled(number)?.fd())?))
}

/// The peer's address.
pub fn peer_address(number: i64) -> Result<String> {
    let slot = get_settled(number)?;
    Ok(address::format(slot.kind(), &sys::peer(slot.fd())?))
}

/// The system's own descriptor, lent.
pub fn fd(number: i64) -> Result<i64> {
    let slot = table::get(number)?;
    match slot.flags() {
        flags if flags & flag::POLLER != 0 => Err(Error::ENOTSOCK),
        flags if flags & flag::UNSETTLED != 0 => Err(Error::ENOTCONN),
        _ => Ok(slot.fd().to_raw()),
    }
}

/// Makes a handle of a descriptor from elsewhere. On an error the descriptor is as it was.
pub fn adopt(raw: i64) -> Result<i64> {
    let fd = Fd::from_raw(raw).ok_or(Error::EBADF)?;
    keep(fd, sys::describe(fd)?)
}

/// Makes a handle that waits for a descriptor of somebody else's, and leaves its mode and its life alone.
pub fn borrow(raw: i64) -> Result<i64> {
    let fd = Fd::from_raw(raw).ok_or(Error::EBADF)?;
    sys::describe(fd)?;
    let flags = flag::STREAM | flag::RELEASED;
    let new = New { kind: Net::Stream.into(), fd, phase: Phase::Connected, flags };
    Ok(table::reserve()?.fill(&new).encode())
}

/// Makes a handle of a descriptor that has come in a message, whatever it is. Of what can't be polled or is of no
/// family of ours it is a stream, so that it may be had back.
pub fn accept_right(fd: Fd) -> Result<i64> {
    match sys::describe(fd) {
        Ok(found) => match keep(fd, found) {
            Err(Error::EAFNOSUPPORT) => keep(fd, Found::Stream),
            other => other,
        },
        Err(error) if Error::from(error) == Error::ENOTSOCK => keep(fd, Found::File),
        Err(_) => keep(fd, Found::Stream),
    }
}

fn keep(fd: Fd, found: Found) -> Result<i64> {
    let vacancy = table::reserve()?;
    let stream = |flags| New { kind: Net::Stream.into(), fd, phase: Phase::Connected, flags };
    let new = match found {
        Found::Stream => stream(flag::STREAM),
        Found::File => stream(flag::STREAM | flag::FILE),
        Found::Socket { family, kind, protocol, listening, connected } => {
            let kind = Kind::from_socket(family, kind, protocol)?;
            let phase = phase_of(kind, fd, listening, connected);
            let flags = if sys::set_blocking(fd, false)? { flag::GIVE_BACK_BLOCKING } else { 0 };
            New { kind, fd, phase, flags }
        }
    };
    Ok(vacancy.fill(&new).encode())
}

fn phase_of(kind: Kind, fd: Fd, listening: bool, connected: bool) -> Phase {
    match (listening, connected) {
        _ if !kind.is_connected_kind() => Phase::Fresh,
        (true, _) => Phase::Listening,
        (_, true) => Phase::Connected,
        _ if kind.is_tcp() && options::is_connecting(fd) => Phase::Connecting,
        _ => Phase::Fresh,
    }
}

/// Gives the descriptor away, in the mode in which it came; the handle is gone.
/// Blocked calls are woken, and none of them touches the descriptor after this returns.
pub fn release(number: i64) -> Result<i64> {
    let open = table::get(number)?;
    match open.flags() {
        flags if flags & flag::POLLER != 0 => return Err(Error::ENOTSOCK),
        flags if flags & flag::UNSETTLED != 0 => return Err(Error::ENOTCONN),
        _ => {}
    }
    drop(open);
    let slot = table::close(number)?;
    slot.set_flags(flag::RELEASED);
    leave(&slot);
    let mut tries = 0;
    while !table::is_last(&slot) {
        breathe(tries);
        tries = tries.saturating_add(1);
    }
    if slot.has(flag::GIVE_BACK_BLOCKING) {
        let _ = sys::set_blocking(slot.fd(), true);
    }
    Ok(slot.fd().to_raw())
}

/// The socket address of the peer that a raw address text names, for tests of the engine.
#[cfg(test)]
pub fn literal(kind: Kind, text: &str) -> socket2::SockAddr {
    match address::Address::parse(kind, text) {
        Ok(address::Address::Literal(address)) => address,
        other => panic!("{text}: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::{SocketAddr, TcpStream};

    /// Whoever was in the queue first: the ends of a pair are each other's, and the strangers are sent away.
    #[test]
    fn no_stranger_takes_the_place_of_an_end() {
        for (kind, family) in [(Net::Tcp4, Domain::IPV4), (Net::Tcp6, Domain::IPV6)] {
            let kind = Kind::from(kind);
            let listener = Owned(create(kind, family).unwrap());
            sys::bind(listener.0, &address::loopback(family, 0)).unwrap();
            sys::listen(listener.0, 8).unwrap();
            let address: SocketAddr = sys::local(listener.0).unwrap().as_socket().unwrap();
            let strangers: Vec<_> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
            let (one, other) = pair_over(&listener, kind, family).unwrap();
            let (one, other) = (Owned(one), Owned(other));
            assert_eq!(sys::peer(other.0).unwrap().as_socket(), sys::local(one.0).unwrap().as_socket());
            assert_eq!(sys::peer(one.0).unwrap().as_socket(), sys::local(other.0).unwrap().as_socket());
            for mut stranger in strangers {
                assert!(matches!(stranger.read(&mut [0]), Ok(0) | Err(_)));
            }
        }
    }
}
