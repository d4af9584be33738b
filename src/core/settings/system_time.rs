//! The timeouts that a system has for sockets that block: `SO_RCVTIMEO` and `SO_SNDTIMEO` (socket(7)). No call of the library
//! blocks in the system, so the handle keeps what was said to it. Not here: the handle's own timeouts (`own`).

use crate::core::handle::slot::{Slot, Wait};
use crate::core::handle::table;
use crate::sys::{self, Half};

/// The timeout was set, or may have been before the socket came: from now on the handle has it, as the system rounds it.
pub fn take_over(slot: &Slot, half: Half) {
    let wait = if half == Half::Read { Wait::SystemReceive } else { Wait::SystemSend };
    let time = sys::system_timeout(slot.fd(), half).ok().flatten();
    let micros = time.map_or(-1, |time| i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
    slot.set_timeout(wait, micros);
}

/// A socket has come from elsewhere, with whatever was set on it.
pub fn take_over_both(slot: &Slot) {
    take_over(slot, Half::Read);
    take_over(slot, Half::Write);
}

/// Whether a handle has one.
#[inline]
pub fn has_any(slot: &Slot) -> bool {
    slot.timeout(Wait::SystemReceive) != -1 || slot.timeout(Wait::SystemSend) != -1
}

/// The connection was accepted from a listener that has one: on many systems it has the same.
#[cold]
pub fn inherit(connection: i64) {
    if let Ok(slot) = table::get(connection) {
        take_over_both(&slot);
    }
}
