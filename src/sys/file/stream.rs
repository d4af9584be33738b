//! Bytes of pipes, terminals and other descriptors that another program may use as well, on Unix: their blocking mode is not
//! changed, so that a read or write is made non-blocking for one call, or waits for readiness first. Not here: sockets
//! (`transfer`), and the non-blocking calls (`linux`, `bsd`).

use crate::sys::calls;
use crate::sys::{
    Events, Fd, MAX_PIECES, OsError, Piece, PollFd, Result, Source, WOULD_BLOCK, check, count, poll,
    read_now, sleep, without_sigpipe, write_now,
};
use libc::c_int;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Reads what is there, as readv(2) on a non-blocking descriptor: `EAGAIN` if there is nothing. A file is always ready.
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

/// Writes what there is room for, as writev(2) on a non-blocking descriptor, without SIGPIPE: `EAGAIN` if there is no room.
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
        // A pipe that poll(2) calls writable takes PIPE_BUF bytes without blocking (pipe(7)).
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

/// Whether the descriptor was opened for this direction: otherwise it would never become ready.
fn is_open_for(fd: Fd, events: Events) -> Result<bool> {
    // SAFETY: takes no memory.
    let access = check(unsafe { libc::fcntl(fd.0, libc::F_GETFL) })? & libc::O_ACCMODE;
    let only = if events == Events::READ { libc::O_WRONLY } else { libc::O_RDONLY };
    Ok(access != only)
}

/// A lock for each descriptor (by its number modulo 64), held between poll(2) and the read or write that relies on its result:
/// the id of the process whose thread holds it, 0 for none. A forked child does not have that thread, and ignores the lock
/// because the id is not its own.
static LOCKS: [AtomicU32; 64] = [const { AtomicU32::new(0) }; 64];

/// How often a thread yields while another one holds the lock.
const YIELDS: u32 = 64;

/// How many pauses of a millisecond it makes after that, before it goes on without the lock: the holder may block after all, if
/// another process has read the bytes in between.
const PAUSES: u32 = 250;

/// Runs `body` while no other thread of this process does so with the descriptor, so that a descriptor found ready is still ready
/// when it is used.
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
