//! Bytes of pipes, terminals and whatever else others share, on Unix. Its mode is left alone, and no call waits that can be
//! told not to. Not here: sockets (`unix`), and how a system is told (`linux`, `bsd`).

use crate::sys::calls;
use crate::sys::{
    Events, Fd, MAX_PIECES, OsError, Piece, PollFd, Result, Source, WOULD_BLOCK, check, count, poll,
    read_now, sleep, without_sigpipe, write_now,
};
use libc::c_int;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Reads what is there; a file is always ready.
pub fn read_stream(fd: Fd, source: Source, pieces: &[Piece]) -> Result<usize> {
    if source == Source::File {
        return read(fd, pieces);
    }
    if let Some(count) = read_now(fd, pieces)? {
        return Ok(count);
    }
    one_at_a_time(fd, || {
        ready_now(fd, Events::READ)?;
        read(fd, pieces)
    })
}

/// Writes what there is room for, without SIGPIPE.
pub fn write_stream(fd: Fd, source: Source, pieces: &mut [Piece]) -> Result<usize> {
    if source == Source::File {
        return write(fd, pieces);
    }
    let mut refused = false;
    let outcome = without_sigpipe(fd, || {
        let written = write_now(fd, pieces)?;
        refused = written.is_none();
        Ok(written.unwrap_or(0))
    });
    if !refused {
        return outcome;
    }
    one_at_a_time(fd, || {
        ready_now(fd, Events::WRITE)?;
        // A pipe that can be written to takes as much without waiting.
        Piece::truncate(pieces, libc::PIPE_BUF);
        write(fd, pieces)
    })
}

fn read(fd: Fd, pieces: &[Piece]) -> Result<usize> {
    let length = pieces.len().min(MAX_PIECES) as c_int;
    // SAFETY: Piece is a transparent iovec; the kernel checks the memory they describe (EFAULT).
    count(unsafe { calls::readv(fd.0, pieces.as_ptr().cast(), length) })
}

fn write(fd: Fd, pieces: &[Piece]) -> Result<usize> {
    let length = pieces.len().min(MAX_PIECES) as c_int;
    // SAFETY: Piece is a transparent iovec; the kernel checks the memory they describe (EFAULT).
    without_sigpipe(fd, || count(unsafe { calls::writev(fd.0, pieces.as_ptr().cast(), length) }))
}

fn ready_now(fd: Fd, events: Events) -> Result<()> {
    let mut entry = [PollFd::new(fd, events)];
    match poll(&mut entry, Some(Duration::ZERO))? {
        0 if is_open_for(fd, events)? => Err(WOULD_BLOCK),
        0 => Err(OsError(libc::EBADF)),
        _ => Ok(()),
    }
}

/// Whether a pipe's end is the right one: the other would never be ready.
fn is_open_for(fd: Fd, events: Events) -> Result<bool> {
    // SAFETY: takes no memory.
    let access = check(unsafe { libc::fcntl(fd.0, libc::F_GETFL) })? & libc::O_ACCMODE;
    let only = if events == Events::READ { libc::O_WRONLY } else { libc::O_RDONLY };
    Ok(access != only)
}

/// Which process has a thread between asking for readiness and making use of it; 0 is none. A child that was forked
/// meanwhile has no such thread, and sees that by the number.
static LOCKS: [AtomicU32; 64] = [const { AtomicU32::new(0) }; 64];

/// How often a thread yields to another one that has the lock, and then how many pauses it makes at the most: the other may have
/// been made to wait by somebody in another process.
const YIELDS: u32 = 64;

const PAUSES: u32 = 250;

/// Runs `body` without another thread of this process that does the same with the descriptor: what is found ready is
/// still so when it is used.
fn one_at_a_time<T>(fd: Fd, body: impl FnOnce() -> T) -> T {
    let lock = &LOCKS[fd.0 as usize % LOCKS.len()];
    let process = std::process::id();
    let take = |holder: u32| (holder != process).then_some(process);
    let mut tries = 0..YIELDS + PAUSES;
    let taken = tries.any(|round| {
        let taken = lock.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok();
        match taken {
            true => {}
            false if round < YIELDS => std::thread::yield_now(),
            false => sleep(Duration::from_millis(1)),
        }
        taken
    });
    let outcome = body();
    if taken {
        lock.store(0, Ordering::SeqCst);
    }
    outcome
}
