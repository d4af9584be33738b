//! The system's own timeouts, SO_RCVTIMEO and SO_SNDTIMEO. Not here: the library's, which are `core`'s.

use super::system::TIMEOUTS;
use crate::sys::{Fd, Half, Result, SO_TYPE, Timeout, with_socket};

/// The direction whose timeout an option is, if it is one of the system's own timeouts.
#[must_use]
pub fn timeout_option(level: i32, name: i32) -> Option<Half> {
    let [receiving, sending] = TIMEOUTS;
    match level == SO_TYPE.0 {
        true if receiving.contains(&name) => Some(Half::Read),
        true if sending.contains(&name) => Some(Half::Write),
        _ => None,
    }
}

/// The system's own timeout of one direction; `None` waits for ever.
pub fn system_timeout(fd: Fd, half: Half) -> Result<Timeout> {
    with_socket(fd, |socket| if half == Half::Read { socket.read_timeout() } else { socket.write_timeout() })
}
