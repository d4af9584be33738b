//! What sockets do alike on every system, by socket2. Not here: what differs (`unix`, `windows`).

use crate::sys::{Fd, Result, with_socket};
use socket2::{SockAddr, Socket};

/// The peer's address, as getpeername(2).
pub fn peer(fd: Fd) -> Result<SockAddr> {
    with_socket(fd, Socket::peer_addr)
}

/// Keeps a close from lingering (SO_LINGER): it returns at once, and the system still sends what was written. A linger time of
/// 0, which makes the close discard it, is left as it is.
pub fn stop_lingering(fd: Fd) {
    let lingers = with_socket(fd, Socket::linger).is_ok_and(|time| time.is_some_and(|time| !time.is_zero()));
    if lingers {
        let _ = with_socket(fd, |socket| socket.set_linger(None));
    }
}
