//! Bytes of borrowed sockets, which another program may use as well, on Windows: their blocking mode is not changed. Not here:
//! sockets of the library (`transfer`).

use crate::sys::{Events, Fd, Piece, PollFd, Result, Source, WOULD_BLOCK, poll, readv, writev};
use std::time::Duration;

/// The most that is written to a borrowed socket at once, which may be blocking: a writable one takes as much without waiting.
const LITTLE: usize = 4096;

/// Reads from a borrowed socket if it is ready; `WSAEWOULDBLOCK` if it is not.
pub fn read_stream(fd: Fd, _source: Source, pieces: &[Piece]) -> Result<usize> {
    ready_now(fd, Events::READ)?;
    readv(fd, pieces)
}

/// Writes to a borrowed socket if it is ready; `WSAEWOULDBLOCK` if it is not.
pub fn write_stream(fd: Fd, _source: Source, pieces: &mut [Piece]) -> Result<usize> {
    ready_now(fd, Events::WRITE)?;
    Piece::truncate(pieces, LITTLE);
    writev(fd, pieces)
}

fn ready_now(fd: Fd, events: Events) -> Result<()> {
    match poll(&mut [PollFd::new(fd, events)], Some(Duration::ZERO))? {
        0 => Err(WOULD_BLOCK),
        _ => Ok(()),
    }
}
