//! Bytes of files and pipes on Linux: sendfile(2), splice(2), and reads that are told not to wait (preadv2(2)).

use crate::sys::{
    Fd, MAX_PIECES, OsError, Piece, Result, count, is_refusal, offset, sendfile, uncancelled, without_sigpipe,
};
use libc::c_long;

/// What a kernel says that can't move the bytes of such a file by itself, or that must not. Of a place where no file
/// can have bytes a read says that there are none.
fn unless_refused(outcome: Result<usize>) -> Result<Option<usize>> {
    match outcome {
        Err(OsError(libc::EINVAL | libc::EOPNOTSUPP | libc::EOVERFLOW)) => Ok(None),
        Err(error) if is_refusal(error) => Ok(None),
        other => other.map(Some),
    }
}

/// Sends bytes of a file that never leave the kernel; `None` if it can't do that with this file.
pub fn send_file(socket: Fd, file: Fd, place: i64, length: usize) -> Result<Option<usize>> {
    let mut place = offset(place)?;
    unless_refused(without_sigpipe(socket, || {
        // SAFETY: the place outlives the call.
        count(unsafe { sendfile(socket.0, file.0, &mut place, length) })
    }))
}

/// Sends what is in a pipe, so that what is not sent stays there; `None` if the source is no pipe.
pub fn send_pipe(socket: Fd, pipe: Fd, length: usize) -> Result<Option<usize>> {
    let nowhere = std::ptr::null_mut();
    unless_refused(without_sigpipe(socket, || {
        // SAFETY: takes no memory.
        uncancelled(|| unsafe {
            count(libc::splice(pipe.0, nowhere, socket.0, nowhere, length, libc::SPLICE_F_NONBLOCK))
        })
    }))
}

/// Says that a read or write of anything must not wait: linux/fs.h. Pipes know it, terminals and FIFOs don't. As wide as
/// syscall(2) takes its arguments.
const RWF_NOWAIT: c_long = 8;

/// What is there to be read; `None` if this file can't be told not to wait.
pub(in crate::sys) fn read_now(fd: Fd, pieces: &[Piece]) -> Result<Option<usize>> {
    without_waiting(libc::SYS_preadv2, fd, pieces)
}

/// Writes what there is room for; `None` if this file can't be told not to wait.
pub(in crate::sys) fn write_now(fd: Fd, pieces: &[Piece]) -> Result<Option<usize>> {
    without_waiting(libc::SYS_pwritev2, fd, pieces)
}

fn without_waiting(call: c_long, fd: Fd, pieces: &[Piece]) -> Result<Option<usize>> {
    const POSITION: c_long = -1;
    let length = pieces.len().min(MAX_PIECES);
    // SAFETY: Piece is a transparent iovec; the kernel checks the memory they describe (EFAULT).
    let moved = unsafe {
        libc::syscall(call, c_long::from(fd.0), pieces.as_ptr(), length, POSITION, POSITION, RWF_NOWAIT)
    };
    match count(moved as isize) {
        Err(OsError(libc::EOPNOTSUPP | libc::EINVAL)) => Ok(None),
        Err(error) if is_refusal(error) => Ok(None),
        other => other.map(Some),
    }
}
