//! Bytes of sockets that others share, on Windows. Their mode is left alone. Not here: sockets of the library (`transfer`).

use crate::sys::{Events, Fd, Piece, PollFd, Result, Source, WOULD_BLOCK, poll, readv, writev};
use std::time::Duration;

/// The most that is written to a socket of somebody else's, which may be blocking: a writable one takes it without waiting.
const LITTLE: usize = 4096;

/// Reads from a socket of somebody else's. Its mode is left alone, and readiness is asked first.
pub fn read_stream(fd: Fd, _source: Source, pieces: &[Piece]) -> Result<usize> {
    ready_now(fd, Events::READ)?;
    readv(fd, pieces)
}

/// Writes to a socket of somebody else's, as [`read_stream`] reads from it.
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
