//! What is done alike with a socket on every system, on top of socket2.

use crate::sys::{Fd, Result, with};
use socket2::{SockAddr, Socket};

/// The peer's name.
pub fn peer(fd: Fd) -> Result<SockAddr> {
    with(fd, Socket::peer_addr)
}

/// Has a close wait for nothing: what was sent goes out all the same. One that shall drop it still does.
pub fn stop_lingering(fd: Fd) {
    let lingers = with(fd, Socket::linger).is_ok_and(|time| time.is_some_and(|time| !time.is_zero()));
    if lingers {
        let _ = with(fd, |socket| socket.set_linger(None));
    }
}
