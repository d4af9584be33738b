//! Repeating a system call until it does not have to wait, with the handle's timeouts, signals, close and errors that stay. Not
//! here: how a thread waits and is woken (`wait`), what an error means for the handle (`judge`).

use crate::core::deadline::Deadline;
use crate::core::error::{Error, Result};
use crate::core::handle::slot::{Phase, Slot, Wait, flag};
use crate::core::socket::backlog::has_died;
use crate::core::socket::judge::{judge, report_pending};
use crate::core::wait::{self, SlotWatch};
use crate::sys::{self, Events, Fd, Flags, OsError};
use std::time::{Duration, Instant};

/// How many spurious wake-ups in a row are tolerated (poll(2) reports ready at once, and the call would block), before the call
/// pauses between its tries.
pub const MOST_SPURIOUS: u32 = 64;
/// A wait that ends sooner did not wait.
const AT_ONCE: Duration = Duration::from_micros(50);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(16);

/// Repeats a system call until it does not have to wait; without waiting if `dont_wait` or the handle's timeout is 0. `EAGAIN`,
/// `ETIMEDOUT`, `EINTR`, `ECANCELED`, and the call's other errors as [`judge`] returns them.
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
        Err(error) => retry_after(error, slot, wait, events, dont_wait, call),
    }
}

/// As [`retry`], for a call that has failed once with this error.
pub fn retry_after<T>(
    error: OsError,
    slot: &Slot,
    wait: Wait,
    events: Events,
    dont_wait: bool,
    call: impl FnMut() -> sys::Result<T>,
) -> Result<T> {
    Blocked::new(slot, wait, events, dont_wait).until(error, call)
}

/// As [`retry`], but waits for readiness before the first try.
pub fn wait_then<T>(
    slot: &Slot,
    wait: Wait,
    events: Events,
    dont_wait: bool,
    mut call: impl FnMut() -> sys::Result<T>,
) -> Result<T> {
    if dont_wait || slot.ruling_timeout(wait) == 0 {
        return retry(slot, wait, events, dont_wait, call);
    }
    Blocked::new(slot, wait, events, dont_wait).until(sys::WOULD_BLOCK, &mut call)
}

/// Whether a call that would have to wait returns `EAGAIN` without further checks: the fast path of programs that never wait.
#[inline]
pub fn declines(slot: &Slot, wait: Wait, flags: Flags) -> bool {
    (flags.has(Flags::DONT_WAIT) || slot.ruling_timeout(wait) == 0) && slot.error().is_none()
}

/// A call that has to wait.
pub struct Blocked<'a> {
    slot: &'a Slot,
    wait: Wait,
    events: Events,
    dont_wait: bool,
    deadline: Option<Deadline>,
    /// How many spurious wake-ups there were in a row.
    spurious: u32,
}

impl<'a> Blocked<'a> {
    const fn new(slot: &'a Slot, wait: Wait, events: Events, dont_wait: bool) -> Self {
        Self { slot, wait, events, dont_wait, deadline: None, spurious: 0 }
    }

    #[inline(always)]
    fn until<T>(&mut self, mut error: OsError, mut call: impl FnMut() -> sys::Result<T>) -> Result<T> {
        loop {
            match error {
                sys::WOULD_BLOCK => self.wait()?,
                sys::INTERRUPTED if self.slot.has(flag::INTERRUPTIBLE) => return Err(Error::EINTR),
                sys::INTERRUPTED => {}
                error if self.is_too_early(error) || self.may_find_another(error) => self.wait()?,
                error if self.overtakes_packets(error) => {}
                error => return Err(judge(self.slot, self.wait, self.events, error)),
            }
            match call() {
                Ok(done) => return Ok(done),
                Err(next) => error = next,
            }
        }
    }

    /// Whether the error only means that a connect to several addresses is still under way, of which the kernel's socket knows
    /// nothing.
    fn is_too_early(&self, error: OsError) -> bool {
        let no_peer = matches!(error.into(), Error::ENOTCONN | Error::EPIPE | Error::EINVAL);
        no_peer && self.wait != Wait::Accept && self.slot.phase() == Phase::Racing
    }

    /// Whether the error has ended a connection with borders, of which Linux tells before it gives the packets that are queued. It is kept
    /// and comes behind them.
    #[cold]
    fn overtakes_packets(&self, error: OsError) -> bool {
        let keeps_borders = self.slot.kind().is_connected_kind() && !self.slot.kind().is_byte_stream();
        if self.wait != Wait::Read || !keeps_borders || self.slot.has_error() {
            return false;
        }
        judge(self.slot, self.wait, self.events, error);
        self.slot.has_error()
    }

    /// Whether an accept goes on after very many connections have died in the queue: if its caller waits.
    fn may_find_another(&self, error: OsError) -> bool {
        let waits = !self.dont_wait && self.slot.ruling_timeout(self.wait) != 0;
        self.wait == Wait::Accept && has_died(error) && waits
    }

    fn wait(&mut self) -> Result<()> {
        reported_meanwhile(self.slot)?;
        if self.wait == Wait::Write && self.slot.kind().is_udp() {
            check_port(self.slot)?;
        }
        if self.wait == Wait::Read && self.slot.has(flag::SHUT_READ) {
            // Shut during the call. Not every system wakes a reader then, or returns the end of the stream.
            return Err(Error::ESHUTDOWN);
        }
        let deadline = self.deadline()?;
        if self.spurious > MOST_SPURIOUS {
            // For example a datagram to a peer whose queue is full, or messages in the socket's error queue: poll(2) goes on to
            // report the socket as ready.
            self.spurious = self.spurious.saturating_add(1);
            return SlotWatch::new(self.slot).pause(pause(self.spurious - MOST_SPURIOUS), deadline);
        }
        // A single spurious wake-up is normal: waits are timed from the second on.
        let began = (self.spurious > 0).then(Instant::now);
        wait::ready(self.slot, self.events, deadline)?;
        let was_none = began.is_none_or(|began| began.elapsed() < AT_ONCE);
        self.spurious = if was_none { self.spurious + 1 } else { 0 };
        Ok(())
    }

    /// Waits until another descriptor than the handle's can be read, with the timeout and errors of this call.
    pub fn wait_for_source(&mut self, source: Fd) -> Result<()> {
        reported_meanwhile(self.slot)?;
        let deadline = self.deadline()?;
        wait::readable(self.slot, source, deadline)
    }

    /// The deadline of the call; `EAGAIN` if it must not wait, the deadline's error if it has passed.
    #[inline]
    fn deadline(&mut self) -> Result<Deadline> {
        if self.dont_wait || self.slot.ruling_timeout(self.wait) == 0 {
            return Err(Error::EAGAIN);
        }
        match self.deadline {
            Some(deadline) if deadline.passed() => Err(deadline.error()),
            Some(deadline) => Ok(deadline),
            // However short it is, it allows one try, as the call may not have tried yet.
            None => Ok(*self.deadline.insert(self.slot.deadline(self.wait))),
        }
    }
}

/// `EADDRNOTAVAIL` for a UDP socket that can't send because no port is free: the kernel's error is the same as for a full
/// buffer, and a wait would never end.
#[cold]
fn check_port(slot: &Slot) -> Result<()> {
    let own = sys::local(slot.fd()).ok().and_then(|own| own.as_socket());
    if own.is_some_and(|own| own.port() == 0) { Err(no_port(slot, sys::WOULD_BLOCK)) } else { Ok(()) }
}

/// The error for a datagram socket for which no port is free, as connect(2) has it for streams.
pub fn no_port(slot: &Slot, error: OsError) -> Error {
    if error == sys::WOULD_BLOCK && !slot.has(flag::NATIVE) { Error::EADDRNOTAVAIL } else { error.into() }
}

/// An error that the kernel has reported to another call meanwhile, and won't report again.
fn reported_meanwhile(slot: &Slot) -> Result<()> {
    match slot.flags() {
        on if on & flag::PENDING != 0 => report_pending(slot),
        _ if slot.kind().is_connected_kind() => slot.error().map_or(Ok(()), Err),
        _ => Ok(()),
    }
}

/// The length of a pause: doubles with each round, up to a limit (exponential backoff).
pub fn pause(round: u32) -> Duration {
    LONGEST_PAUSE.min(Duration::from_millis(1 << round.min(10)))
}

/// Called before the first try on a handle with special flags: waits for its descriptor, or returns its pending error.
pub fn prepare(slot: &Slot, wait: Wait, flags: Flags) -> Result<()> {
    match slot.flags() {
        on if on & flag::UNSETTLED != 0 => await_descriptor(slot, wait, flags),
        on if on & flag::PENDING != 0 => report_pending(slot),
        _ => Ok(()),
    }
}

/// Waits for the descriptor of a `tcp` socket whose connect is still trying addresses.
fn await_descriptor(slot: &Slot, wait: Wait, flags: Flags) -> Result<()> {
    if slot.phase() == Phase::Racing {
        let deadline = if flags.has(Flags::DONT_WAIT) { Deadline::Now } else { slot.deadline(wait) };
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

/// Repeats a transfer until `length` bytes are moved, the stream ends or an error comes; how many. One deadline applies to all
/// of it: each step does not wait, and the waiting is done here.
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
            // The next step returns what is still queued.
            Err(Error::ESHUTDOWN) if wait == Wait::Read && slot.has(flag::SHUT_READ) => {}
            // The next call gets the error again.
            _ if moved > 0 => break,
            other => return other.and(Err(Error::ECANCELED)),
        }
    }
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::handle::table;
    use crate::core::socket::{close, life, listen};
    use std::net::{SocketAddr, TcpStream};

    /// As a packet filter may have it: each connection has died when it is taken, and there is always another.
    #[test]
    fn an_accept_of_the_dead_alone_ends_when_its_time_is_over() {
        let listener = life::open("tcp4").unwrap();
        listen::bind(listener, "127.0.0.1:0").unwrap();
        listen::listen(listener, 5).unwrap();
        let slot = table::get(listener).unwrap();
        let address: SocketAddr = sys::local(slot.fd()).unwrap().as_socket().unwrap();
        let _client = TcpStream::connect(address).unwrap();
        slot.set_timeout(Wait::Accept, 50_000);
        let mut tries = 0;
        let outcome: Result<()> = retry(&slot, Wait::Accept, Events::READ, false, || {
            tries += 1;
            Err(OsError(sys::DIED_IN_QUEUE[0]))
        });
        assert_eq!(outcome, Err(Error::ETIMEDOUT));
        assert!(tries > 1);
        drop(slot);
        close::close(listener).unwrap();
    }
}
