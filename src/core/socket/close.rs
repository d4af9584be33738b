//! The end of a handle: close and release. Both wake the calls that are blocked on it and wait for these to return. Not here: what
//! else ends with it (`handle/extras`).

use crate::core::error::{Error, Result};
use crate::core::handle::slot::flag;
use crate::core::handle::table::{self, Ref};
use crate::core::handle::{extras, lookup};
use crate::core::name::kind::Class;
use crate::core::socket::mode;
use crate::core::wait;
use crate::sys;
use std::time::Duration;

/// How often `close` and `release` yield while a call still runs, before they sleep between two looks.
const SPINS: u32 = 64;

/// How long `close` waits for calls that can't be woken.
const STUCK_TIMEOUT: Duration = Duration::from_millis(250);

/// How long it waits for calls that it has woken: on a busy machine these may take long to be scheduled.
const WOKEN_TIMEOUT: Duration = Duration::from_secs(2);

/// Closes a handle of any kind and wakes every call that is blocked on it. `EBADF`; `EBUSY` if one of these calls does not
/// return: the handle is gone, but the descriptor stays open until the call returns, if it ever does. Blocks as in the header
/// (`anysock_close`).
pub fn close(number: i64) -> Result<()> {
    let last = table::close(number)?;
    let have_left = leave(&last);
    // Waits for the woken calls, so that the descriptor is closed, and for example a listener's port free, when this returns.
    match finish_or_abandon(last) {
        Ok(()) if have_left => Ok(()),
        Ok(()) => Err(Error::EBUSY),
        busy => busy,
    }
}

/// Closes the descriptor of a closed handle; `EBUSY` if a call does not return.
pub fn finish_or_abandon(last: Ref) -> Result<()> {
    finish(last).or_else(|last| abandon(&last))
}

/// Closes the descriptor as soon as no call uses it any more. Returns the reference if some call does for too long.
fn finish(mut last: Ref) -> std::result::Result<(), Ref> {
    for tries in 0..tries(WOKEN_TIMEOUT) {
        if table::is_last(&last) {
            match table::finish(last) {
                Ok(()) => return Ok(()),
                // A failed lookup holds a reference for a moment.
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

/// Leaves closing the descriptor to the last call that returns, which must not linger for it.
#[cold]
fn abandon(last: &Ref) -> Result<()> {
    if last.class() == Class::Socket && !last.fd().is_none() {
        sys::stop_lingering(last.fd());
    }
    if wait::is_held_on(last) { Err(Error::EBUSY) } else { Ok(()) }
}

/// Waits until `have_left` holds, for about two seconds at the most; whether it does.
pub fn wait_until(have_left: impl Fn() -> bool) -> bool {
    for tries in 0..tries(WOKEN_TIMEOUT) {
        if have_left() {
            return true;
        }
        back_off(tries);
    }
    false
}

/// Ends the registrations and blocked calls of a closed handle; whether the waits in a poller have ended.
pub fn leave(slot: &Ref) -> bool {
    let have_left = extras::close(slot);
    wait::notify(slot, slot.handle().index);
    have_left
}

/// How many looks take about that time.
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

/// Gives the descriptor to the caller, in the blocking mode in which it came; the handle is gone. Blocked calls are woken, and
/// none of them uses the descriptor after this returns. Errors and blocking as in the header (`anysock_release`).
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
