//! The end of a handle: close and release. Both wake the calls that are blocked on it and wait for them to leave. Not here: what
//! ends with it (`handle/extras`).

use crate::core::error::{Error, Result};
use crate::core::handle::slot::flag;
use crate::core::handle::table::{self, Ref};
use crate::core::handle::{extras, lookup};
use crate::core::name::kind::Class;
use crate::core::socket::mode;
use crate::core::wait;
use crate::sys;
use std::time::Duration;

/// How often `close` and `release` look whether the last running call has left, before they stop spinning.
const SPINS: u32 = 64;

/// How long `close` waits for calls that can't be woken.
const STUCK_TIMEOUT: Duration = Duration::from_millis(250);

/// How long it waits for calls that it has woken: a busy machine may not let them leave sooner.
const WOKEN_TIMEOUT: Duration = Duration::from_secs(2);

/// Closes a handle of any kind and wakes every call that is blocked on it. `EBUSY` if one of these does not leave: the
/// handle is gone, but the descriptor stays open until the call has left, if it ever does.
pub fn close(number: i64) -> Result<()> {
    let last = table::close(number)?;
    let have_left = leave(&last);
    // Usually the calls that were woken are gone at once, and with them the descriptor: a port is free
    // again when its listener's close returns.
    match finish_or_abandon(last) {
        Ok(()) if have_left => Ok(()),
        Ok(()) => Err(Error::EBUSY),
        busy => busy,
    }
}

/// Closes the descriptor of a closed handle; `EBUSY` if a call does not leave.
pub fn finish_or_abandon(last: Ref) -> Result<()> {
    finish(last).or_else(|last| abandon(&last))
}

/// Closes the descriptor as soon as no call uses it any more. Gives the handle back if some do for too long.
fn finish(mut last: Ref) -> std::result::Result<(), Ref> {
    for tries in 0..tries(WOKEN_TIMEOUT) {
        if table::is_last(&last) {
            match table::finish(last) {
                Ok(()) => return Ok(()),
                // Somebody has looked a number up in vain just now.
                Err(again) => last = again,
            }
        }
        let in_vain = (tries == SPINS && wait::is_held_here(&last))
            || (tries == self::tries(STUCK_TIMEOUT) && !wait::is_held_on(&last));
        if in_vain {
            break;
        }
        back_off(tries);
    }
    Err(last)
}

/// Leaves the descriptor to the call that is the last to leave, which nothing shall keep then.
#[cold]
fn abandon(last: &Ref) -> Result<()> {
    if last.class() == Class::Socket && !last.fd().is_none() {
        sys::stop_lingering(last.fd());
    }
    if wait::is_held_on(last) { Err(Error::EBUSY) } else { Ok(()) }
}

/// Waits for calls that were woken to leave; whether they have. Not for ever: some never do.
pub fn wait_until(have_left: impl Fn() -> bool) -> bool {
    for tries in 0..tries(WOKEN_TIMEOUT) {
        if have_left() {
            return true;
        }
        back_off(tries);
    }
    false
}

/// What a closed handle leaves behind: registrations and blocked calls. Whether the waits in a poller have left it.
pub fn leave(slot: &Ref) -> bool {
    let have_left = extras::close(slot);
    wait::notify(slot, slot.handle().index);
    have_left
}

/// How often one looks in that time, at the most.
const fn tries(time: Duration) -> u32 {
    SPINS + time.as_millis() as u32
}

fn back_off(tries: u32) {
    if tries < SPINS {
        std::thread::yield_now();
    } else {
        sys::sleep(Duration::from_millis(1));
    }
}

/// Gives the descriptor away, in the mode in which it came; the handle is gone.
/// Blocked calls are woken, and none of them touches the descriptor after this returns.
pub fn release(number: i64) -> Result<i64> {
    drop(lookup::descriptor(number)?);
    let slot = table::close(number)?;
    slot.set_flags(flag::RELEASED);
    leave(&slot);
    for tries in 0_u32.. {
        if table::is_last(&slot) {
            break;
        }
        if tries > self::tries(WOKEN_TIMEOUT) && wait::is_held_on(&slot) {
            return Err(Error::EBUSY);
        }
        back_off(tries);
    }
    mode::give_back(&slot);
    Ok(slot.fd().to_raw())
}
