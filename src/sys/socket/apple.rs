//! Opening and accepting on Apple's systems, which lack SOCK_NONBLOCK and accept4(2). Not here: other Unix systems (`posix`).

use crate::sys::{Fd, Origin, Result, into_fd, with_socket};
use socket2::{Socket, Type};

/// The type as it is: there is no flag to open a socket non-blocking.
pub(in crate::sys) fn non_blocking(kind: Type) -> Type {
    kind
}

/// Makes a new socket non-blocking; socket2 has set close-on-exec and SO_NOSIGPIPE.
pub(in crate::sys) fn set_up(socket: &Socket) -> Result<()> {
    Ok(socket.set_nonblocking(true)?)
}

/// Accepts the next connection of a listener, and stores the peer's address in `origin`.
pub fn accept(fd: Fd, origin: &Origin) -> Result<Fd> {
    let (connection, address) = with_socket(fd, Socket::accept)?;
    set_up(&connection)?;
    origin.keep(&address);
    Ok(into_fd(connection))
}
