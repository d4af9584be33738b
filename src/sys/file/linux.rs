//! Bytes of files and pipes on Linux: sendfile(2), splice(2), and reads and writes that are non-blocking for one call
//! (preadv2(2) with RWF_NOWAIT). Not here: what is done where these are refused (`stream`).

use crate::sys::{
    Fd, MAX_PIECES, OsError, Piece, Result, count, is_refusal, offset, sendfile, uncancelled, without_sigpipe,
};
use libc::c_long;

/// `None` for the errors of a kernel that can't send the bytes of such a file by itself, or that a sandbox forbids to. So is
/// EOVERFLOW, for an offset beyond every file: a plain read there finds the end.
fn unless_refused(outcome: Result<usize>) -> Result<Option<usize>> {
    match outcome {
        Err(OsError(libc::EINVAL | libc::EOPNOTSUPP | libc::EOVERFLOW)) => Ok(None),
        Err(error) if is_refusal(error) => Ok(None),
        other => other.map(Some),
    }
}

/// Sends bytes of a file inside the kernel, as sendfile(2); `None` if it can't do that with this file. Waits if the socket blocks.
pub fn send_file(socket: Fd, file: Fd, place: i64, length: usize) -> Result<Option<usize>> {
    let mut place = offset(place)?;
    unless_refused(without_sigpipe(socket, || {
        // SAFETY: the place outlives the call.
        count(unsafe { sendfile(socket.0, file.0, &mut place, length) })
    }))
}

/// Sends what is in a pipe, as splice(2): what is not sent stays in the pipe. `None` if the source is no pipe. Waits if the
/// socket blocks.
pub fn send_pipe(socket: Fd, pipe: Fd, length: usize) -> Result<Option<usize>> {
    let nowhere = std::ptr::null_mut();
    unless_refused(without_sigpipe(socket, || {
        // SAFETY: takes no memory.
        uncancelled(|| unsafe {
            count(libc::splice(pipe.0, nowhere, socket.0, nowhere, length, libc::SPLICE_F_NONBLOCK))
        })
    }))
}

/// The flag of linux/fs.h that makes one read or write non-blocking. Pipes support it, terminals and FIFOs don't. Of the type
/// that syscall(2) takes.
const RWF_NOWAIT: c_long = 8;

/// Reads without waiting, as preadv2(2); `None` if this file does not support that.
pub(in crate::sys) fn read_now(fd: Fd, pieces: &[Piece]) -> Result<Option<usize>> {
    without_waiting(libc::SYS_preadv2, fd, pieces)
}

/// Writes without waiting, as pwritev2(2); `None` if this file does not support that.
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
