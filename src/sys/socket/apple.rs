//! What Apple's systems lack of `posix`, its counterpart: sockets that are born non-blocking, `accept4`.

use crate::sys::{Fd, Origin, Result, own, with};
use socket2::{Socket, Type};

/// No socket is born non-blocking.
pub(in crate::sys) fn non_blocking(kind: Type) -> Type {
    kind
}

/// socket2 has seen to close-on-exec and SIGPIPE.
pub(in crate::sys) fn set_up(socket: &Socket) -> Result<()> {
    Ok(socket.set_nonblocking(true)?)
}

/// Takes the next connection of a listener, and tells whose it is.
pub fn accept(fd: Fd, origin: &Origin) -> Result<Fd> {
    let (connection, address) = with(fd, Socket::accept)?;
    set_up(&connection)?;
    origin.keep(&address);
    Ok(own(connection))
}
