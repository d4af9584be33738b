//! The timeouts that a system has for sockets that block: `SO_RCVTIMEO` and `SO_SNDTIMEO` (socket(7)). No call of the library
//! blocks in the kernel, so these would have no effect: the handle keeps a copy and observes it. Not here: the handle's own
//! timeouts (`own`).

use crate::core::handle::slot::{Slot, Wait};
use crate::core::handle::table;
use crate::sys::{self, Half};

/// Copies one of the system's timeouts from the socket to the handle, as the system has rounded it.
pub fn take_over(slot: &Slot, half: Half) {
    let wait = if half == Half::Read { Wait::SystemReceive } else { Wait::SystemSend };
    let time = sys::system_timeout(slot.fd(), half).ok().flatten();
    let micros = time.map_or(-1, |time| i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
    slot.set_timeout(wait, micros);
}

/// The same for both: a socket that was opened elsewhere may have any.
pub fn take_over_both(slot: &Slot) {
    take_over(slot, Half::Read);
    take_over(slot, Half::Write);
}

/// Whether a handle has any of the two.
#[inline]
pub fn has_any(slot: &Slot) -> bool {
    slot.timeout(Wait::SystemReceive) != -1 || slot.timeout(Wait::SystemSend) != -1
}

/// For a connection accepted from a listener that has such a timeout: on many systems the connection inherits it.
#[cold]
pub fn inherit(connection: i64) {
    if let Ok(slot) = table::get(connection) {
        take_over_both(&slot);
    }
}
