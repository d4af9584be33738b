//! Bytes: reading and writing, with the handle's timeouts and the errors that stay.
//! Every call tries the system call first and waits only if it must.

use super::address::{self, fit};
use super::deadline::Deadline;
use super::error::{Error, Packed, Result};
use super::resolve::{self, Asker, Role};
use super::server::first_that_works;
use super::socket::settle;
use super::table::{self, Phase, Ref, Slot, Wait, flag};
use super::wait::{self, SlotWatch};
use super::{readiness, side};
use crate::sys::{self, Events, Fd, Flags, OsError, Piece};
use std::mem::MaybeUninit;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Memory that is about to be written.
pub type Room = [MaybeUninit<u8>];

/// How often in a row a wait that the kernel ends at once is believed, before pauses are made instead.
const BELIEVED: u32 = 64;
/// A wait that is over sooner was none.
const AT_ONCE: Duration = Duration::from_micros(50);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(16);

/// Repeats a system call until it does not have to wait.
#[inline]
pub fn retry<T>(
    slot: &Slot,
    wait: Wait,
    events: Events,
    dont_wait: bool,
    mut call: impl FnMut() -> sys::Result<T>,
) -> Result<T> {
    match call() {
        Ok(done) => Ok(done),
        Err(error) => Blocked::new(slot, wait, events, dont_wait).until(error, call),
    }
}

/// Whether a call that would have to wait says just that. Programs that never wait come here all the time.
#[inline]
fn declines(slot: &Slot, wait: Wait, flags: Flags) -> bool {
    (flags.has(Flags::DONT_WAIT) || slot.ruling_timeout(wait) == 0) && slot.error().is_none()
}

/// A call that could not be done at once.
pub struct Blocked<'a> {
    slot: &'a Slot,
    wait: Wait,
    events: Events,
    dont_wait: bool,
    deadline: Option<Deadline>,
    /// How often in a row the kernel has called ready what was not.
    deceived: u32,
}

impl<'a> Blocked<'a> {
    const fn new(slot: &'a Slot, wait: Wait, events: Events, dont_wait: bool) -> Self {
        Self { slot, wait, events, dont_wait, deadline: None, deceived: 0 }
    }

    #[inline(always)]
    fn until<T>(&mut self, mut error: OsError, mut call: impl FnMut() -> sys::Result<T>) -> Result<T> {
        loop {
            match error {
                sys::WOULD_BLOCK => self.wait()?,
                sys::INTERRUPTED if self.slot.has(flag::INTERRUPTIBLE) => return Err(Error::EINTR),
                sys::INTERRUPTED => {}
                error if self.is_too_early(error) => self.wait()?,
                error => return Err(judge(self.slot, self.wait, error)),
            }
            match call() {
                Ok(done) => return Ok(done),
                Err(next) => error = next,
            }
        }
    }

    /// While a connect tries its addresses, the kernel knows nothing of the peer that may come.
    fn is_too_early(&self, error: OsError) -> bool {
        let no_peer = matches!(error.into(), Error::ENOTCONN | Error::EPIPE | Error::EINVAL);
        no_peer && self.wait != Wait::Accept && self.slot.phase() == Phase::Racing
    }

    fn wait(&mut self) -> Result<()> {
        told_meanwhile(self.slot)?;
        if self.wait == Wait::Read && self.slot.has(flag::SHUT_READ) {
            // Shut during the call. Not every system wakes a reader for it, or says that there is no more.
            return Err(Error::ESHUTDOWN);
        }
        let deadline = self.deadline()?;
        if self.deceived > BELIEVED {
            // A datagram for a full peer, reports in the socket's error queue: the kernel goes on calling it ready.
            self.deceived = self.deceived.saturating_add(1);
            return SlotWatch::new(self.slot).pause(pause(self.deceived - BELIEVED), deadline);
        }
        // One wait in vain proves nothing: from the second on it is timed.
        let began = (self.deceived > 0).then(Instant::now);
        wait::ready(self.slot, self.events, deadline)?;
        let was_none = began.is_none_or(|began| began.elapsed() < AT_ONCE);
        self.deceived = if was_none { self.deceived + 1 } else { 0 };
        Ok(())
    }

    /// Waits, as the call that it is, until another descriptor than the handle's own can be read.
    pub fn wait_for_source(&mut self, source: Fd) -> Result<()> {
        told_meanwhile(self.slot)?;
        let deadline = self.deadline()?;
        wait::readable(self.slot, source, deadline)
    }

    /// When the waiting must end, if it may begin.
    #[inline]
    fn deadline(&mut self) -> Result<Deadline> {
        let timeout = if self.dont_wait { 0 } else { self.slot.ruling_timeout(self.wait) };
        if timeout == 0 {
            return Err(Error::EAGAIN);
        }
        match self.deadline {
            Some(deadline) if deadline.passed() => Err(deadline.error()),
            Some(deadline) => Ok(deadline),
            // However short, it allows one look: the call may not have tried yet.
            None => Ok(*self.deadline.insert(Deadline::after(timeout))),
        }
    }
}

/// An error that the kernel has told another call, and tells nobody else.
fn told_meanwhile(slot: &Slot) -> Result<()> {
    if slot.kind().is_connected_kind() {
        return slot.error().map_or(Ok(()), Err);
    }
    if slot.has(flag::PENDING) { tell_pending(slot) } else { Ok(()) }
}

/// Longer and longer, up to a limit.
pub fn pause(round: u32) -> Duration {
    LONGEST_PAUSE.min(Duration::from_millis(1 << round.min(10)))
}

/// Says what a failed transfer means for the handle: some errors stay.
fn judge(slot: &Slot, wait: Wait, error: OsError) -> Error {
    let error = Error::from(error);
    if slot.has(flag::NATIVE) {
        return error;
    }
    if !slot.kind().is_connected_kind() {
        // Only some systems have a word of its own for a datagram to nobody.
        return if error == Error::EDESTADDRREQ { Error::ENOTCONN } else { error };
    }
    match (slot.phase(), error) {
        (Phase::Failed, _) => slot.error().unwrap_or(error),
        (_, Error::EPIPE) if slot.has(flag::SHUT_WRITE) => error,
        // What systems say of a socket without a peer differs: EPIPE, EINVAL, ENOTCONN, under Wine ECONNRESET.
        (Phase::Fresh | Phase::Listening, Error::EPIPE | Error::EINVAL | Error::ECONNRESET)
            if wait != Wait::Accept =>
        {
            Error::ENOTCONN
        }
        (_, Error::EPIPE | Error::ENOTCONN) => slot.error().unwrap_or(error),
        (phase, error) if is_fatal(error) && wait != Wait::Accept => {
            slot.keep_error(error);
            if phase == Phase::Connecting {
                readiness::fail(slot, error);
            }
            readiness::changed(slot);
            error
        }
        _ => error,
    }
}

/// Errors after which a connection is no more.
pub fn is_fatal(error: Error) -> bool {
    matches!(
        error,
        Error::ECONNRESET
            | Error::ECONNREFUSED
            | Error::ECONNABORTED
            | Error::ETIMEDOUT
            | Error::EHOSTUNREACH
            | Error::ENETUNREACH
            | Error::ENETDOWN
            | Error::ENETRESET
            | Error::EHOSTDOWN
    )
}

/// The end of the stream, unless an error ended it.
#[cold]
pub fn end(slot: &Slot, length: usize) -> Result<usize> {
    if length == 0 || !slot.kind().is_connected_kind() {
        return Ok(0);
    }
    // Under the lock: whoever asks the kernel for its error keeps it before another call can miss it.
    match side::locked(slot.handle().index, || slot.error()) {
        // There is nobody to write to any more, but what came from there had its end.
        None | Some(Error::EPIPE) => Ok(0),
        Some(error) => Err(error),
    }
}

/// Whether a call does no more than move bytes.
#[inline(always)]
fn is_plain(flags: Flags) -> bool {
    flags.without(Flags::DONT_WAIT) == Flags::default()
}

/// What a plain call was asked for besides the handle. It stands in memory, where what is rare finds it, and what is
/// rare takes the reference too: so the usual case has hardly a use for registers that it would have to save first.
struct Asked<T> {
    bytes: T,
    flags: Flags,
}

/// Receives. 0 is the end of a stream, or a datagram without content.
///
/// Every read comes this way, so whatever is out of the ordinary is out of line.
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
fn recv_unusual(number: i64, room: &mut Room, flags: Flags) -> Packed {
    Packed::from(table::get(number).and_then(|slot| receive_special(&slot, room, flags)))
}

#[cold]
#[inline(never)]
fn recv_special(slot: Ref, room: &mut Room, flags: Flags) -> Packed {
    Packed::from(receive_special(&slot, room, flags))
}

#[cold]
#[inline(never)]
fn recv_otherwise(slot: Ref, asked: &mut Asked<&mut Room>, error: OsError) -> Packed {
    if error == sys::WOULD_BLOCK && declines(&slot, Wait::Read, asked.flags) {
        return slot.done(Packed::from(Err(Error::EAGAIN)));
    }
    recv_again(slot, asked, error)
}

#[cold]
#[inline(never)]
fn recv_again(slot: Ref, asked: &mut Asked<&mut Room>, error: OsError) -> Packed {
    Packed::from(match error {
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

/// Receives where the last read that tried had to wait. With both ends on one processor every read has to, and its
/// first try is always in vain; so most of them wait first.
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
    let mut blocked = Blocked::new(slot, Wait::Read, events, flags.has(Flags::DONT_WAIT));
    match blocked.until(error, || sys::recv(slot.fd(), room, flags)) {
        Ok(0) | Err(Error::ESHUTDOWN) => end(slot, room.len()),
        other => other,
    }
}

fn receive_flagged(slot: &Slot, room: &mut Room, flags: Flags) -> Result<usize> {
    let stream = slot.kind().is_byte_stream();
    if stream && room.is_empty() {
        return Ok(0);
    }
    if stream && flags.has(Flags::WAIT_ALL) {
        return match flags.has(Flags::PEEK) {
            true => peek_full(slot, room, flags),
            false => fill(slot, room, flags.without(Flags::WAIT_ALL)),
        };
    }
    receive_now(slot, room, for_kind(slot, flags))
}

/// On a stream `TRUNC` would throw the bytes away.
pub fn for_kind(slot: &Slot, flags: Flags) -> Flags {
    if slot.kind().is_byte_stream() { flags.without(Flags::TRUNC) } else { flags }
}

/// Handles that have no descriptor, no kernel socket or no open read half, and flags that ask for more than one call.
#[cold]
fn receive_special(slot: &Slot, room: &mut Room, flags: Flags) -> Result<usize> {
    if slot.has(flag::STREAM) {
        return receive_stream(slot, room, flags);
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

/// Before the first try on a socket that is special: waits for its descriptor, tells an error that is pending.
pub fn prepare(slot: &Slot, wait: Wait, flags: Flags) -> Result<()> {
    match slot.flags() {
        on if on & flag::POLLER != 0 => Err(Error::ENOTSOCK),
        on if on & flag::UNSETTLED != 0 => await_descriptor(slot, wait, flags),
        on if on & flag::PENDING != 0 => tell_pending(slot),
        _ => Ok(()),
    }
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
    retry(slot, Wait::Read, Events::READ, dont_wait, || sys::read_stream(slot.fd(), room))
}

/// An open kind whose connect is still trying addresses has no descriptor yet.
fn await_descriptor(slot: &Slot, wait: Wait, flags: Flags) -> Result<()> {
    if slot.phase() == Phase::Racing {
        let timeout = if flags.has(Flags::DONT_WAIT) { 0 } else { slot.ruling_timeout(wait) };
        let deadline = Deadline::after(timeout);
        if deadline == Deadline::Now {
            return Err(Error::EAGAIN);
        }
        let watch = SlotWatch::new(slot);
        while slot.phase() == Phase::Racing {
            watch.poll(&mut [watch.entry()], deadline)?;
        }
    }
    if slot.has(flag::UNSETTLED) { Err(slot.error().unwrap_or(Error::ENOTCONN)) } else { Ok(()) }
}

/// Tells the error that is pending, unless another call has told it in the meantime.
pub fn tell_pending(slot: &Slot) -> Result<()> {
    slot.clear_flags(flag::PENDING);
    readiness::changed(slot);
    slot.take_error().map_or(Ok(()), Err)
}

/// What was queued when this side shut reading may still be had; what came later may not.
fn receive_after_shut(slot: &Slot, room: &mut Room, flags: Flags) -> Result<usize> {
    let flags = for_kind(slot, flags).without(Flags::WAIT_ALL);
    // Neither takes anything out of the queue of the stream.
    let keep = flags.has(Flags::PEEK.or(Flags::OOB));
    Ok(take_left(slot, room.len(), keep, |most| sys::recv(slot.fd(), &mut room[..most], flags)))
}

/// Reads of what was queued. It is set aside before it is read, so that two calls never share it.
pub fn take_left(
    slot: &Slot,
    length: usize,
    keep: bool,
    read: impl FnOnce(usize) -> sys::Result<usize>,
) -> usize {
    let share = |left: u64| left.min(length as u64);
    let set_aside = |left: u64| (left != u64::MAX && !keep).then(|| left - share(left));
    let outcome = slot.read_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, set_aside);
    let (Ok(left) | Err(left)) = outcome;
    let most = share(left) as usize;
    if most == 0 || !slot.kind().is_connected_kind() {
        return 0;
    }
    let received = read(most).unwrap_or(0);
    if outcome.is_ok() {
        slot.read_left.fetch_add(most.saturating_sub(received) as u64, Ordering::SeqCst);
    }
    received
}

/// Waits until the whole length is queued, or no more will come.
fn peek_full(slot: &Slot, room: &mut Room, flags: Flags) -> Result<usize> {
    let flags = flags.without(Flags::WAIT_ALL);
    let timeout = if flags.has(Flags::DONT_WAIT) { 0 } else { slot.ruling_timeout(Wait::Read) };
    let deadline = Deadline::after(timeout);
    let mut rounds = 0;
    let mut before = 0;
    loop {
        let seen = receive_flagged(slot, room, flags)?;
        let ended = seen == before && readiness::peer_has_finished(slot);
        if seen == room.len() || ended || deadline.passed() {
            return Ok(seen);
        }
        // Queued bytes keep the socket readable, so there is no event to wait for.
        rounds = if seen == before { rounds + 1 } else { 0 };
        before = seen;
        match SlotWatch::new(slot).pause(pause(rounds), deadline) {
            Err(Error::ETIMEDOUT | Error::EAGAIN) => return Ok(seen),
            other => other?,
        }
    }
}

/// Receives until the room is full, the stream ends or an error comes; what has come is never lost.
pub fn read_full(number: i64, room: &mut Room) -> Result<usize> {
    let slot = table::get(number)?;
    if slot.kind().is_byte_stream() {
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

/// Repeats a transfer until `length` is moved. One deadline holds for all of it: each step is done
/// without waiting, and the waiting is done here.
pub fn whole(
    slot: &Slot,
    wait: Wait,
    length: usize,
    dont_wait: bool,
    mut step: impl FnMut(usize, &mut Blocked<'_>) -> Result<usize>,
) -> Result<usize> {
    let events = if wait == Wait::Read { Events::READ } else { Events::WRITE };
    let mut blocked = Blocked::new(slot, wait, events, dont_wait);
    let mut moved = 0;
    while moved < length {
        let outcome = match step(moved, &mut blocked) {
            Ok(0) => break,
            Ok(more) => {
                moved += more;
                Ok(())
            }
            Err(Error::EAGAIN) => blocked.wait(),
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) if !slot.is_closed() => {}
            // What the read half still has is the next step's to say.
            Err(Error::ESHUTDOWN) if wait == Wait::Read && slot.has(flag::SHUT_READ) => {}
            // The error comes again with the next call.
            _ if moved > 0 => break,
            other => return other.and(Err(Error::ECANCELED)),
        }
    }
    Ok(moved)
}

/// Sends; may be short. Made as [`recv`] is.
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
fn send_unusual(number: i64, data: &[u8], flags: Flags) -> Packed {
    Packed::from(table::get(number).and_then(|slot| transmit(&slot, data, flags)))
}

#[cold]
#[inline(never)]
fn send_special(slot: Ref, data: &[u8], flags: Flags) -> Packed {
    Packed::from(transmit_special(&slot, data, flags))
}

#[cold]
#[inline(never)]
fn send_otherwise(slot: Ref, asked: &Asked<&[u8]>, error: OsError) -> Packed {
    Packed::from(transmit_otherwise(&slot, asked.bytes, asked.flags, error))
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
    if error == sys::WOULD_BLOCK && declines(slot, Wait::Write, flags) {
        return Err(Error::EAGAIN);
    }
    let mut blocked = Blocked::new(slot, Wait::Write, Events::WRITE, flags.has(Flags::DONT_WAIT));
    blocked.until(error, || sys::send(slot.fd(), data, flags))
}

#[cold]
fn transmit_special(slot: &Slot, data: &[u8], flags: Flags) -> Result<usize> {
    if slot.has(flag::STREAM) {
        return transmit_stream(slot, data, flags);
    }
    prepare(slot, Wait::Write, flags)?;
    if data.is_empty() && slot.kind().is_byte_stream() {
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
    retry(slot, Wait::Write, Events::WRITE, dont_wait, || sys::write_stream(slot.fd(), data))
}

/// Sends all of it, or as much as an error allows; what has gone is always counted.
pub fn write_all(number: i64, data: &[u8]) -> Result<usize> {
    let slot = table::get(number)?;
    if !slot.kind().is_byte_stream() {
        return transmit(&slot, data, Flags::default());
    }
    whole(&slot, Wait::Write, data.len(), false, |from, _| transmit(&slot, &data[from..], Flags::DONT_WAIT))
}

/// Receives with the sender's address as text; nothing where the protocol tells none.
pub fn recv_from(number: i64, room: &mut Room, flags: Flags) -> Result<(usize, String)> {
    let slot = table::get(number)?;
    if slot.has(flag::SPECIAL_READ) || slot.kind().is_byte_stream() {
        return Ok((receive(&slot, room, flags)?, String::new()));
    }
    let dont_wait = flags.has(Flags::DONT_WAIT);
    let outcome =
        retry(&slot, Wait::Read, Events::READ, dont_wait, || sys::recv_from(slot.fd(), room, flags));
    let (received, sender) = match outcome {
        Ok((0, sender)) => (end(&slot, room.len())?, sender),
        Err(Error::ESHUTDOWN) => (end(&slot, room.len())?, None),
        other => other?,
    };
    let sender = sender.map_or_else(String::new, |sender| address::format(slot.kind(), &sender));
    Ok((received, sender))
}

/// Sends to an address; of a name's addresses, the first that takes it.
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
        tell_pending(&slot)?;
    }
    let dont_wait = flags.has(Flags::DONT_WAIT);
    let deadline = match Deadline::after(slot.ruling_timeout(Wait::Write)) {
        // A name takes what time it takes: use `resolve` first.
        Deadline::Now => Deadline::Never,
        deadline => deadline,
    };
    let candidates = resolve::lookup(kind, text, Role::Peer, Asker::Handle(&slot), deadline)?;
    let mut sent = 0;
    first_that_works(&candidates, |candidate| {
        let family = settle(&slot, candidate.domain())?;
        let address = fit(candidate, family)?;
        sent = retry(&slot, Wait::Write, Events::WRITE, dont_wait, || {
            sys::send_to(slot.fd(), data, flags, &address)
        })?;
        Ok(())
    })?;
    Ok(sent)
}

/// What a kind says that is connected first to an address.
pub fn no_address(slot: &Slot) -> Error {
    let connected = matches!(slot.phase(), Phase::Arrived | Phase::Connected);
    if connected { Error::EISCONN } else { Error::ENOTCONN }
}

/// Receives into several pieces of memory.
pub fn readv(number: i64, pieces: &mut [Piece]) -> Result<usize> {
    let slot = table::get(number)?;
    let length = Piece::total(pieces).ok_or(Error::EINVAL)?;
    if slot.kind().is_byte_stream() && length == 0 {
        return Ok(0);
    }
    if slot.has(flag::STREAM) {
        return retry(&slot, Wait::Read, Events::READ, false, || sys::readv_stream(slot.fd(), pieces));
    }
    if slot.has(flag::SHUT_READ) {
        return readv_after_shut(&slot, pieces, length);
    }
    prepare(&slot, Wait::Read, Flags::default())?;
    match retry(&slot, Wait::Read, Events::READ, false, || sys::readv(slot.fd(), pieces)) {
        Ok(0) | Err(Error::ESHUTDOWN) => end(&slot, length),
        other => other,
    }
}

fn readv_after_shut(slot: &Slot, pieces: &mut [Piece], length: usize) -> Result<usize> {
    Ok(take_left(slot, length, false, |most| {
        Piece::truncate(pieces, most);
        sys::readv(slot.fd(), pieces)
    }))
}

/// Sends from several pieces of memory; may be short.
pub fn writev(number: i64, pieces: &mut [Piece]) -> Result<usize> {
    let slot = table::get(number)?;
    let length = Piece::total(pieces).ok_or(Error::EINVAL)?;
    if slot.kind().is_byte_stream() && length == 0 {
        return Ok(0);
    }
    if slot.has(flag::STREAM) {
        return retry(&slot, Wait::Write, Events::WRITE, false, || sys::writev_stream(slot.fd(), pieces));
    }
    prepare(&slot, Wait::Write, Flags::default())?;
    retry(&slot, Wait::Write, Events::WRITE, false, || sys::writev(slot.fd(), pieces))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::socket;

    fn read(number: i64) -> Result<usize> {
        recv(number, &mut [MaybeUninit::uninit(); 8], Flags::default())
    }

    fn waits(number: i64) -> bool {
        table::get(number).unwrap().has(flag::READS_WAIT)
    }

    #[test]
    fn reads_are_expected_to_wait_until_one_need_not() {
        let (one, other) = socket::pair("unix").unwrap();
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
        socket::close(one).unwrap();
        socket::close(other).unwrap();
    }

    /// Waiting first, they would say that nothing is there, whatever is.
    #[test]
    fn a_call_that_does_not_wait_never_waits_first() {
        let (one, other) = socket::pair("unix").unwrap();
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
        socket::close(one).unwrap();
        socket::close(other).unwrap();
    }

    #[test]
    fn a_call_that_does_not_wait_says_nothing_of_others() {
        let (one, other) = socket::pair("unix").unwrap();
        let polled = || recv(one, &mut [MaybeUninit::uninit(); 8], Flags::DONT_WAIT);
        assert_eq!(polled(), Err(Error::EAGAIN));
        assert!(!waits(one));
        table::get(one).unwrap().set_timeout(Wait::Read, 0);
        assert_eq!(read(one), Err(Error::EAGAIN));
        assert!(!waits(one));
        socket::close(one).unwrap();
        socket::close(other).unwrap();
    }
}
