//! The system's own timeouts, SO_RCVTIMEO and SO_SNDTIMEO. Not here: the library's, which are `core`'s.

use super::system::TIMEOUTS;
use crate::sys::{Fd, Half, Result, SO_TYPE, Timeout, with};

/// Which of the system's own timeouts an option is, if it is one.
#[must_use]
pub fn timeout_option(level: i32, name: i32) -> Option<Half> {
    let [receiving, sending] = TIMEOUTS;
    match level == SO_TYPE.0 {
        true if receiving.contains(&name) => Some(Half::Read),
        true if sending.contains(&name) => Some(Half::Write),
        _ => None,
    }
}

/// What the system has for one of them; `None` waits for ever.
pub fn system_timeout(fd: Fd, half: Half) -> Result<Timeout> {
    with(fd, |socket| if half == Half::Read { socket.read_timeout() } else { socket.write_timeout() })
}
