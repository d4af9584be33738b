//! Reading and writing bytes and single datagrams. Every call tries the system call first and waits only if it must. Not here: the
//! waiting (`retry`), several pieces of memory (`pieces`), many datagrams (`datagrams`).

use crate::core::deadline::Deadline;
use crate::core::error::{CountOrError, Error, Result};
use crate::core::handle::extras;
use crate::core::handle::slot::{Phase, Slot, Wait, flag};
use crate::core::handle::table::{self, Ref};
use crate::core::name::address::{self, fit};
use crate::core::name::flat::Flat;
use crate::core::name::kind::Class;
use crate::core::readiness;
use crate::core::socket::family::settle_family;
use crate::core::socket::judge::report_pending;
use crate::core::socket::resolve::{self, Asker, Role, first_that_works};
use crate::core::socket::retry::{declines, pause, prepare, retry, retry_after, whole};
use crate::core::wait::SlotWatch;
use crate::sys::{self, Events, OsError, Source};
pub use crate::sys::{Flags, Piece};
use socket2::{Domain, SockAddr};
use std::mem::MaybeUninit;
use std::sync::atomic::Ordering;

/// Memory that is about to be written.
pub type Room = [MaybeUninit<u8>];

/// The result of a read that got no bytes: 0, or the error that ended the stream.
#[cold]
pub fn end(slot: &Slot, length: usize) -> Result<usize> {
    if length == 0 || !slot.kind().is_connected_kind() || !is_end(slot) {
        return Ok(0);
    }
    // Under the lock: whoever asks the kernel for its error keeps it before another call can miss it.
    match extras::locked(slot.handle().index, || slot.error()) {
        // EPIPE is about writing; reading has come to the regular end.
        None | Some(Error::EPIPE) => Ok(0),
        Some(error) => Err(error),
    }
}

/// Whether a call has no flag but `DONT_WAIT`.
#[inline(always)]
fn is_plain(flags: Flags) -> bool {
    flags.without(Flags::DONT_WAIT) == Flags::default()
}

/// The arguments of a plain call besides the handle. They are passed in memory to the out-of-line paths, which take the
/// reference too, so that the usual path needs hardly any register that it would have to save first.
struct Asked<T> {
    bytes: T,
    flags: Flags,
}

/// Receives: how many bytes; 0 is the end of a stream, or an empty datagram. Errors and blocking as in the header
/// (`anysock_read`).
///
/// The fast path of every read, so that everything unusual is out of line.
#[inline(always)]
pub fn recv(number: i64, room: &mut Room, flags: Flags) -> Result<usize> {
    if room.is_empty() || !is_plain(flags) {
        return recv_unusual(number, room, flags).unpack();
    }
    let slot = table::get(number)?;
    if slot.has(flag::READ_OUT_OF_LINE) {
        return recv_special(slot, room, flags).unpack();
    }
    let mut asked = Asked { bytes: room, flags };
    match sys::recv(slot.fd(), asked.bytes, flags) {
        Ok(received) if received > 0 => Ok(slot.done(received)),
        outcome => recv_otherwise(slot, &mut asked, outcome.err().unwrap_or(OsError::NONE)).unpack(),
    }
}

#[cold]
#[inline(never)]
fn recv_unusual(number: i64, room: &mut Room, flags: Flags) -> CountOrError {
    CountOrError::from(table::get(number).and_then(|slot| receive_special(&slot, room, flags)))
}

#[cold]
#[inline(never)]
fn recv_special(slot: Ref, room: &mut Room, flags: Flags) -> CountOrError {
    CountOrError::from(receive_special(&slot, room, flags))
}

#[cold]
#[inline(never)]
fn recv_otherwise(slot: Ref, asked: &mut Asked<&mut Room>, error: OsError) -> CountOrError {
    if error == sys::WOULD_BLOCK && declines(&slot, Wait::Read, asked.flags) {
        return slot.done(CountOrError::from(Err(Error::EAGAIN)));
    }
    recv_again(slot, asked, error)
}

#[cold]
#[inline(never)]
fn recv_again(slot: Ref, asked: &mut Asked<&mut Room>, error: OsError) -> CountOrError {
    CountOrError::from(match error {
        OsError::NONE => end(&slot, asked.bytes.len()),
        error => receive_again(&slot, asked.bytes, asked.flags, error),
    })
}

/// As [`recv`], for a call that is more than that.
fn receive(slot: &Slot, room: &mut Room, flags: Flags) -> Result<usize> {
    if slot.has(flag::READ_OUT_OF_LINE) || !is_plain(flags) || room.is_empty() {
        return receive_special(slot, room, flags);
    }
    receive_now(slot, room, flags)
}

fn receive_now(slot: &Slot, room: &mut Room, flags: Flags) -> Result<usize> {
    match sys::recv(slot.fd(), room, flags) {
        Ok(0) => end(slot, room.len()),
        Ok(received) => Ok(received),
        Err(sys::WOULD_BLOCK) if declines(slot, Wait::Read, flags) => Err(Error::EAGAIN),
        Err(error) => receive_again(slot, room, flags, error),
    }
}

/// Receives on a handle whose last read had to wait. With both ends on one processor every read has to, and its first try is
/// always futile; so most of them wait first (`read_guess`).
fn receive_expecting(slot: &Slot, room: &mut Room, flags: Flags) -> Result<usize> {
    let may_wait = !flags.has(Flags::DONT_WAIT) && slot.ruling_timeout(Wait::Read) != 0;
    if may_wait && slot.reads.goes_on() {
        return wait_and_receive(slot, room, flags, sys::WOULD_BLOCK);
    }
    match sys::recv(slot.fd(), room, flags) {
        Ok(received) if received > 0 => {
            slot.reads.end();
            slot.clear_flags(flag::READS_WAIT);
            Ok(received)
        }
        Ok(_) => end(slot, room.len()),
        Err(error) => {
            if may_wait && error == sys::WOULD_BLOCK {
                slot.reads.begin();
            }
            wait_and_receive(slot, room, flags, error)
        }
    }
}

#[cold]
fn receive_again(slot: &Slot, room: &mut Room, flags: Flags, error: OsError) -> Result<usize> {
    if error == sys::WOULD_BLOCK && !flags.has(Flags::DONT_WAIT) {
        slot.set_flags(flag::READS_WAIT);
    }
    wait_and_receive(slot, room, flags, error)
}

fn wait_and_receive(slot: &Slot, room: &mut Room, flags: Flags, error: OsError) -> Result<usize> {
    let events = if flags.has(Flags::OOB) { Events::EXCEPT } else { Events::READ };
    let dont_wait = flags.has(Flags::DONT_WAIT);
    match retry_after(error, slot, Wait::Read, events, dont_wait, || sys::recv(slot.fd(), room, flags)) {
        Ok(0) | Err(Error::ESHUTDOWN) => end(slot, room.len()),
        other => other,
    }
}

fn receive_flagged(slot: &Slot, room: &mut Room, flags: Flags) -> Result<usize> {
    if moves_nothing(slot, room.len()) {
        return Ok(0);
    }
    if slot.kind().is_byte_stream() && flags.has(Flags::WAIT_ALL) && !room.is_empty() {
        return match flags.has(Flags::PEEK) {
            true => peek_full(slot, room, flags),
            false => fill(slot, room, flags.without(Flags::WAIT_ALL)),
        };
    }
    receive_now(slot, room, for_kind(slot, flags))
}

/// Whether the call is done without a system call: a transfer of no bytes on a stream, unless the handle is native.
pub fn moves_nothing(slot: &Slot, length: usize) -> bool {
    length == 0 && slot.kind().is_byte_stream() && !slot.has(flag::NATIVE)
}

/// Whether it is a native handle's transfer of no bytes, which needs the system call.
fn asks_the_system(slot: &Slot, length: usize) -> bool {
    length == 0 && slot.has(flag::NATIVE)
}

/// The flags without `TRUNC` on a stream, where it would discard the bytes.
pub fn for_kind(slot: &Slot, flags: Flags) -> Flags {
    if slot.kind().is_byte_stream() { flags.without(Flags::TRUNC) } else { flags }
}

/// Receives on a handle that has no descriptor yet, is no socket or has shut reading, and with flags that need more than one
/// system call.
#[cold]
fn receive_special(slot: &Slot, room: &mut Room, flags: Flags) -> Result<usize> {
    match slot.class() {
        Class::Socket => {}
        Class::Stream | Class::File => return receive_stream(slot, room, flags),
        Class::Poller | Class::Queue => return Err(Error::ENOTSOCK),
    }
    if !slot.has(flag::SPECIAL_READ) && !room.is_empty() && is_plain(flags) {
        return receive_expecting(slot, room, flags);
    }
    prepare(slot, Wait::Read, flags)?;
    if slot.has(flag::SHUT_READ) {
        return receive_after_shut(slot, room, flags);
    }
    receive_flagged(slot, room, flags)
}

fn receive_stream(slot: &Slot, room: &mut Room, flags: Flags) -> Result<usize> {
    if flags.without(Flags::DONT_WAIT.or(Flags::WAIT_ALL)) != Flags::default() {
        return Err(Error::ENOTSOCK);
    }
    if room.is_empty() {
        return Ok(0);
    }
    if flags.has(Flags::WAIT_ALL) {
        return fill(slot, room, flags.without(Flags::WAIT_ALL));
    }
    let dont_wait = flags.has(Flags::DONT_WAIT);
    let pieces = [Piece::new(room.as_mut_ptr().cast(), room.len())];
    read_stream(slot, &pieces, dont_wait)
}

pub fn read_stream(slot: &Slot, pieces: &[Piece], dont_wait: bool) -> Result<usize> {
    let source = source(slot);
    retry(slot, Wait::Read, Events::READ, dont_wait, || sys::read_stream(slot.fd(), source, pieces))
}

pub fn write_stream(slot: &Slot, pieces: &mut [Piece], dont_wait: bool) -> Result<usize> {
    let source = source(slot);
    retry(slot, Wait::Write, Events::WRITE, dont_wait, || sys::write_stream(slot.fd(), source, pieces))
}

/// Whether a handle that is no socket is a file or a stream.
fn source(slot: &Slot) -> Source {
    if slot.class() == Class::File { Source::File } else { Source::Stream }
}

/// Receives what was queued when this side shut reading, and nothing that came later.
fn receive_after_shut(slot: &Slot, room: &mut Room, flags: Flags) -> Result<usize> {
    let flags = for_kind(slot, flags).without(Flags::WAIT_ALL);
    // Neither consumes bytes of the stream.
    let keep = flags.has(Flags::PEEK.or(Flags::OOB));
    Ok(read_remaining(slot, room.len(), keep, |most| sys::recv(slot.fd(), &mut room[..most], flags)))
}

/// Reads some of the bytes that were queued when this side shut reading, and returns how many. They are reserved before they are
/// read, so that concurrent calls together never read more than that.
pub fn read_remaining(
    slot: &Slot,
    length: usize,
    keep: bool,
    mut read: impl FnMut(usize) -> sys::Result<usize>,
) -> usize {
    let share = |left: u64| left.min(length as u64);
    let set_aside = |left: u64| (left != u64::MAX && !keep).then(|| left - share(left));
    let outcome = slot.read_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, set_aside);
    let (Ok(left) | Err(left)) = outcome;
    let most = share(left) as usize;
    if most == 0 || !slot.kind().is_connected_kind() {
        return 0;
    }
    // Linux tells of a reset once, before it gives packets that are queued.
    let received = read(most).or_else(|_| read(most)).unwrap_or(0);
    if outcome.is_ok() {
        slot.read_left.fetch_add(most.saturating_sub(received) as u64, Ordering::SeqCst);
    }
    received
}

/// Peeks until the whole length is queued, or no more will come.
fn peek_full(slot: &Slot, room: &mut Room, flags: Flags) -> Result<usize> {
    let flags = flags.without(Flags::WAIT_ALL);
    let deadline = if flags.has(Flags::DONT_WAIT) { Deadline::Now } else { slot.deadline(Wait::Read) };
    let mut rounds = 0;
    let mut before = 0;
    loop {
        let seen = receive_flagged(slot, room, flags)?;
        let ended = seen == before && readiness::peer_has_finished(slot);
        if seen == room.len() || ended || deadline.passed() {
            return Ok(seen);
        }
        // The queued bytes keep the socket readable, so that poll(2) can't wait for more of them.
        rounds = if seen == before { rounds + 1 } else { 0 };
        before = seen;
        match SlotWatch::new(slot).pause(pause(rounds), deadline) {
            Err(Error::ETIMEDOUT | Error::EAGAIN) => return Ok(seen),
            other => other?,
        }
    }
}

/// Receives until the room is full, the stream ends or an error comes; how many bytes. Errors and blocking as in the header
/// (`anysock_read_full`).
pub fn read_full(number: i64, room: &mut Room) -> Result<usize> {
    let slot = table::get(number)?;
    if slot.kind().is_byte_stream() && !asks_the_system(&slot, room.len()) {
        fill(&slot, room, Flags::default())
    } else {
        receive(&slot, room, Flags::default())
    }
}

fn fill(slot: &Slot, room: &mut Room, flags: Flags) -> Result<usize> {
    let dont_wait = flags.has(Flags::DONT_WAIT);
    whole(slot, Wait::Read, room.len(), dont_wait, |from, _| {
        receive(slot, &mut room[from..], flags.or(Flags::DONT_WAIT))
    })
}

/// Receives what is there, without waiting; `EAGAIN` if there is nothing.
#[inline]
pub fn try_receive(slot: &Slot, room: &mut Room) -> Result<usize> {
    receive(slot, room, Flags::DONT_WAIT)
}

/// The result of a plain receive whose system call was made elsewhere (by io_uring). Never blocks: `EAGAIN` if there is nothing.
#[inline]
pub fn finish_receive(slot: &Slot, room: &mut Room, outcome: sys::Result<usize>) -> Result<usize> {
    match outcome {
        Ok(received) if received > 0 => Ok(received),
        Ok(_) => end(slot, room.len()),
        Err(sys::WOULD_BLOCK) => Err(Error::EAGAIN),
        Err(error) => receive_again(slot, room, Flags::DONT_WAIT, error),
    }
}

/// Whether a receive is plain: bytes of a stream by one system call, and nothing but the kernel's readiness matters.
#[inline]
pub fn receives_plainly(slot: &Slot) -> bool {
    let is_plain = !slot.has(flag::SPECIAL_READ | flag::KNOWS_MORE) && !slot.has_error();
    is_plain && slot.phase() == Phase::Connected && slot.kind().is_byte_stream()
}

/// Receives without waiting, from a handle of which [`receives_plainly`] is true; `EAGAIN` if there is nothing.
#[inline]
pub fn try_receive_plainly(slot: &Slot, room: &mut Room) -> Result<usize> {
    match sys::recv(slot.fd(), room, Flags::DONT_WAIT) {
        Ok(received) if received > 0 => Ok(received),
        outcome => finish_receive(slot, room, outcome),
    }
}

/// Whether a send is plain: one system call.
#[inline]
pub fn sends_plainly(slot: &Slot) -> bool {
    !slot.has(flag::SPECIAL_WRITE)
}

/// The result of a plain send whose system call was made elsewhere (by io_uring). Never blocks: `EAGAIN` if there is no room.
pub fn finish_send(slot: &Slot, data: &[u8], outcome: sys::Result<usize>) -> Result<usize> {
    outcome.or_else(|error| transmit_otherwise(slot, data, Flags::DONT_WAIT, error))
}

/// Receives a datagram without waiting, and returns its real length and, if `named`, its sender; `EAGAIN` if there is none.
pub fn try_receive_datagram(slot: &Slot, room: &mut Room, named: bool) -> Result<(usize, Option<SockAddr>)> {
    if slot.kind().class() != Class::Socket || slot.kind().is_byte_stream() {
        return try_receive(slot, room).map(|count| (count, None));
    }
    let flags = Flags::DONT_WAIT.or(Flags::TRUNC);
    if named {
        receive_named(slot, room, flags)
    } else {
        receive(slot, room, flags).map(|count| (count, None))
    }
}

/// Peeks without waiting: 1 if there is a byte to read, 0 at the end, `EAGAIN` if there is nothing yet.
pub fn look_ahead(slot: &Slot) -> Result<usize> {
    match slot.class() {
        Class::Socket => receive(slot, &mut [MaybeUninit::uninit()], Flags::DONT_WAIT.or(Flags::PEEK)),
        Class::Stream | Class::File if !readiness::kernel_says(slot, Events::READ) => Err(Error::EAGAIN),
        Class::Stream | Class::File => Ok(sys::available(slot.fd())?.min(1)),
        Class::Poller | Class::Queue => Err(Error::ENOTSOCK),
    }
}

/// Whether a read of no bytes, or a look ahead, has met the end of a stream and not an empty datagram or packet.
pub fn is_end(slot: &Slot) -> bool {
    if slot.kind().is_byte_stream() {
        return true;
    }
    // An empty packet reads as the end does: then there is more, or will be. (Empty ones before the end are lost in it.)
    let is_last = || sys::available(slot.fd()).map_or(true, |count| count == 0);
    slot.kind().is_connected_kind() && readiness::peer_has_finished(slot) && is_last()
}

/// Sends what the system takes, without waiting; `EAGAIN` if there is no room.
#[inline]
pub fn try_send(slot: &Slot, data: &[u8]) -> Result<usize> {
    if slot.has(flag::SPECIAL_WRITE) || data.is_empty() {
        return transmit_special(slot, data, Flags::DONT_WAIT);
    }
    match sys::send(slot.fd(), data, Flags::DONT_WAIT) {
        Ok(sent) => Ok(sent),
        Err(error) => transmit_otherwise(slot, data, Flags::DONT_WAIT, error),
    }
}

/// Sends a datagram to a flat address, without waiting; `EAGAIN` if there is no room.
pub fn try_send_datagram(slot: &Ref, data: &[u8], to: &Flat) -> Result<usize> {
    if !slot.kind().is_socket() {
        return Err(Error::ENOTSOCK);
    }
    if slot.kind().is_connected_kind() {
        return Err(no_address(slot));
    }
    if slot.has(flag::PENDING) {
        report_pending(slot)?;
    }
    let address = to.to_socket_address()?;
    if address.is_unix() != (slot.kind().family() == Some(Domain::UNIX)) {
        return Err(Error::EAFNOSUPPORT);
    }
    let family = settle_family(slot, address.domain())?;
    let address = fit(&address, family)?;
    retry(slot, Wait::Write, Events::WRITE, true, || {
        sys::send_to(slot.fd(), data, Flags::DONT_WAIT, &address)
    })
}

/// Sends, perhaps not all bytes: how many. Errors and blocking as in the header (`anysock_write`). A fast path as [`recv`].
#[inline(always)]
pub fn send(number: i64, data: &[u8], flags: Flags) -> Result<usize> {
    if data.is_empty() || !is_plain(flags) {
        return send_unusual(number, data, flags).unpack();
    }
    let slot = table::get(number)?;
    if slot.has(flag::SPECIAL_WRITE) {
        return send_special(slot, data, flags).unpack();
    }
    let asked = Asked { bytes: data, flags };
    match sys::send(slot.fd(), asked.bytes, flags) {
        Ok(sent) => Ok(slot.done(sent)),
        Err(error) => send_otherwise(slot, &asked, error).unpack(),
    }
}

#[cold]
#[inline(never)]
fn send_unusual(number: i64, data: &[u8], flags: Flags) -> CountOrError {
    CountOrError::from(table::get(number).and_then(|slot| transmit(&slot, data, flags)))
}

#[cold]
#[inline(never)]
fn send_special(slot: Ref, data: &[u8], flags: Flags) -> CountOrError {
    CountOrError::from(transmit_special(&slot, data, flags))
}

#[cold]
#[inline(never)]
fn send_otherwise(slot: Ref, asked: &Asked<&[u8]>, error: OsError) -> CountOrError {
    CountOrError::from(transmit_otherwise(&slot, asked.bytes, asked.flags, error))
}

/// As [`send`], for a call that is more than that.
fn transmit(slot: &Slot, data: &[u8], flags: Flags) -> Result<usize> {
    if slot.has(flag::SPECIAL_WRITE) || data.is_empty() {
        return transmit_special(slot, data, flags);
    }
    transmit_now(slot, data, flags)
}

fn transmit_now(slot: &Slot, data: &[u8], flags: Flags) -> Result<usize> {
    sys::send(slot.fd(), data, flags).or_else(|error| transmit_otherwise(slot, data, flags, error))
}

#[cold]
fn transmit_otherwise(slot: &Slot, data: &[u8], flags: Flags, error: OsError) -> Result<usize> {
    if error == sys::WOULD_BLOCK && declines(slot, Wait::Write, flags) && !slot.kind().is_udp() {
        return Err(Error::EAGAIN);
    }
    let dont_wait = flags.has(Flags::DONT_WAIT);
    retry_after(error, slot, Wait::Write, Events::WRITE, dont_wait, || sys::send(slot.fd(), data, flags))
}

#[cold]
fn transmit_special(slot: &Slot, data: &[u8], flags: Flags) -> Result<usize> {
    match slot.class() {
        Class::Socket => {}
        Class::Stream | Class::File => return transmit_stream(slot, data, flags),
        Class::Poller | Class::Queue => return Err(Error::ENOTSOCK),
    }
    prepare(slot, Wait::Write, flags)?;
    if moves_nothing(slot, data.len()) {
        return Ok(0);
    }
    transmit_now(slot, data, flags)
}

fn transmit_stream(slot: &Slot, data: &[u8], flags: Flags) -> Result<usize> {
    if flags.without(Flags::DONT_WAIT) != Flags::default() {
        return Err(Error::ENOTSOCK);
    }
    if data.is_empty() {
        return Ok(0);
    }
    let dont_wait = flags.has(Flags::DONT_WAIT);
    write_stream(slot, &mut [Piece::new(data.as_ptr().cast_mut(), data.len())], dont_wait)
}

/// Sends all bytes, or as many as go before an error; how many. Errors and blocking as in the header (`anysock_write_all`).
pub fn write_all(number: i64, data: &[u8]) -> Result<usize> {
    let slot = table::get(number)?;
    if !slot.kind().is_byte_stream() || asks_the_system(&slot, data.len()) {
        return transmit(&slot, data, Flags::default());
    }
    whole(&slot, Wait::Write, data.len(), false, |from, _| transmit(&slot, &data[from..], Flags::DONT_WAIT))
}

/// Receives, with the sender's address as text; empty if the protocol reports none. Errors and blocking as in the header
/// (`anysock_recv_from`).
pub fn recv_from(number: i64, room: &mut Room, flags: Flags) -> Result<(usize, String)> {
    let slot = table::get(number)?;
    let (received, sender) = receive_named(&slot, room, flags)?;
    let sender = sender.map_or_else(String::new, |sender| address::format(slot.kind(), &sender));
    Ok((received, sender))
}

fn receive_named(slot: &Slot, room: &mut Room, flags: Flags) -> Result<(usize, Option<SockAddr>)> {
    if slot.has(flag::SPECIAL_READ) || slot.kind().is_byte_stream() {
        return Ok((receive(slot, room, flags)?, None));
    }
    let dont_wait = flags.has(Flags::DONT_WAIT);
    match retry(slot, Wait::Read, Events::READ, dont_wait, || sys::recv_from(slot.fd(), room, flags)) {
        Ok((0, sender)) => Ok((end(slot, room.len())?, sender)),
        Err(Error::ESHUTDOWN) => Ok((end(slot, room.len())?, None)),
        other => other,
    }
}

/// Sends to an address, of a name to the first that works. Errors and blocking as in the header (`anysock_send_to`).
pub fn send_to(number: i64, data: &[u8], flags: Flags, text: &str) -> Result<usize> {
    let slot = table::get(number)?;
    let kind = slot.kind();
    if !kind.is_socket() {
        return Err(Error::ENOTSOCK);
    }
    if kind.is_connected_kind() {
        return Err(no_address(&slot));
    }
    if slot.has(flag::PENDING) {
        report_pending(&slot)?;
    }
    let dont_wait = flags.has(Flags::DONT_WAIT);
    let deadline = match slot.deadline(Wait::Write) {
        // Resolving a name may block even here; `resolve` does it beforehand.
        Deadline::Now => Deadline::Never,
        deadline => deadline,
    };
    let kind = resolve::kind_for(&slot, text);
    let candidates = resolve::lookup(kind, text, Role::Peer, Asker::Handle(&slot), deadline)?;
    let mut sent = 0;
    first_that_works(&candidates, |candidate| {
        let family = settle_family(&slot, candidate.domain())?;
        let address = fit(candidate, family)?;
        sent = retry(&slot, Wait::Write, Events::WRITE, dont_wait, || {
            sys::send_to(slot.fd(), data, flags, &address)
        })?;
        Ok(())
    })?;
    Ok(sent)
}

/// The error of a kind with connections for a send to an address.
pub fn no_address(slot: &Slot) -> Error {
    let connected = matches!(slot.phase(), Phase::Arrived | Phase::Connected);
    if connected { Error::EISCONN } else { Error::ENOTCONN }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::socket::{close, pair};

    fn read(number: i64) -> Result<usize> {
        recv(number, &mut [MaybeUninit::uninit(); 8], Flags::default())
    }

    fn waits(number: i64) -> bool {
        table::get(number).unwrap().has(flag::READS_WAIT)
    }

    #[test]
    fn reads_are_expected_to_wait_until_one_need_not() {
        let (one, other) = pair::pair("unix").unwrap();
        table::get(one).unwrap().set_timeout(Wait::Read, 1);
        assert!(!waits(one));
        // One that tries, runs of one and of two with a try before each, and a try.
        for _ in 0..1 + 2 + 3 + 1 {
            assert_eq!(read(one), Err(Error::ETIMEDOUT));
            assert!(waits(one));
        }
        // What comes is there at once for the four of the run; the one that tries then sees that it was.
        table::get(one).unwrap().set_timeout(Wait::Read, -1);
        for _ in 0..4 {
            assert_eq!(send(other, b"x", Flags::default()), Ok(1));
            assert_eq!(read(one), Ok(1));
            assert!(waits(one));
        }
        assert_eq!(send(other, b"x", Flags::default()), Ok(1));
        assert_eq!(read(one), Ok(1));
        assert!(!waits(one));
        close::close(one).unwrap();
        close::close(other).unwrap();
    }

    /// Waiting first, they would say that nothing is there, whatever is.
    #[test]
    fn a_call_that_does_not_wait_never_waits_first() {
        let (one, other) = pair::pair("unix").unwrap();
        let slot = table::get(one).unwrap();
        let expect_wait = || {
            slot.set_flags(flag::READS_WAIT);
            slot.reads.begin();
        };
        for (timeout, flags) in [(-1, Flags::DONT_WAIT), (1_000_000, Flags::DONT_WAIT), (0, Flags::default())]
        {
            slot.set_timeout(Wait::Read, timeout);
            let read = || recv(one, &mut [MaybeUninit::uninit(); 8], flags);
            expect_wait();
            assert_eq!(read(), Err(Error::EAGAIN));
            assert_eq!(send(other, b"x", Flags::default()), Ok(1));
            expect_wait();
            assert_eq!(read(), Ok(1));
        }
        drop(slot);
        close::close(one).unwrap();
        close::close(other).unwrap();
    }

    #[test]
    fn a_call_that_does_not_wait_says_nothing_of_others() {
        let (one, other) = pair::pair("unix").unwrap();
        let polled = || recv(one, &mut [MaybeUninit::uninit(); 8], Flags::DONT_WAIT);
        assert_eq!(polled(), Err(Error::EAGAIN));
        assert!(!waits(one));
        table::get(one).unwrap().set_timeout(Wait::Read, 0);
        assert_eq!(read(one), Err(Error::EAGAIN));
        assert!(!waits(one));
        close::close(one).unwrap();
        close::close(other).unwrap();
    }
}
