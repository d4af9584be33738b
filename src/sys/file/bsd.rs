//! Bytes of files on macOS and the BSDs: sendfile(2) where it exists. No read or write of a pipe can be made non-blocking for one
//! call. Not here: how these go without such a call (`stream`).

use crate::sys::{Fd, Piece, Result};
#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
use crate::sys::{OsError, check, offset, without_sigpipe};
#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
use libc::{c_int, off_t};

/// The errors of a kernel that can't send the bytes of such a file by itself.
#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
const REFUSED: &[c_int] = &[libc::EINVAL, libc::ENOSYS, libc::EOPNOTSUPP, libc::ENOTSUP];

/// Sends bytes of a file inside the kernel, as sendfile(2); `None` if it can't do that with this file. Waits if the socket blocks.
#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
pub fn send_file(socket: Fd, file: Fd, place: i64, length: usize) -> Result<Option<usize>> {
    let place = offset(place)?;
    let mut sent: off_t = 0;
    let outcome = without_sigpipe(socket, || kernel_send_file(socket, file, place, length, &mut sent));
    match outcome {
        // Bytes that were sent are reported, whatever error came after them.
        _ if sent > 0 => Ok(Some(sent as usize)),
        Err(OsError(code)) if REFUSED.contains(&code) => Ok(None),
        other => other.map(Some),
    }
}

#[cfg(target_vendor = "apple")]
fn kernel_send_file(socket: Fd, file: Fd, place: off_t, length: usize, sent: &mut off_t) -> Result<usize> {
    // In: how many to send; out: how many were sent, after an error too.
    let mut moved = length as off_t;
    // SAFETY: the number outlives the call, and there are no headers.
    let outcome =
        check(unsafe { libc::sendfile(file.0, socket.0, place, &mut moved, std::ptr::null_mut(), 0) });
    *sent = moved;
    outcome.inspect_err(|error| {
        // After any other error the number is still the one passed in.
        if !matches!(error, OsError(libc::EAGAIN | libc::EINTR | libc::EPIPE)) {
            *sent = 0;
        }
    })?;
    Ok(moved as usize)
}

#[cfg(target_os = "freebsd")]
fn kernel_send_file(socket: Fd, file: Fd, place: off_t, length: usize, sent: &mut off_t) -> Result<usize> {
    // SAFETY: the number outlives the call, and there are no headers.
    let outcome =
        check(unsafe { libc::sendfile(file.0, socket.0, place, length, std::ptr::null_mut(), sent, 0) });
    outcome.map(|_| *sent as usize)
}

/// There is no such call.
#[cfg(not(any(target_vendor = "apple", target_os = "freebsd")))]
pub fn send_file(_socket: Fd, _file: Fd, _place: i64, _length: usize) -> Result<Option<usize>> {
    Ok(None)
}

/// There is no such call.
pub fn send_pipe(_socket: Fd, _pipe: Fd, _length: usize) -> Result<Option<usize>> {
    Ok(None)
}

/// No read here is non-blocking for one call.
pub(in crate::sys) fn read_now(_fd: Fd, _pieces: &[Piece]) -> Result<Option<usize>> {
    Ok(None)
}

/// No write here is non-blocking for one call.
pub(in crate::sys) fn write_now(_fd: Fd, _pieces: &[Piece]) -> Result<Option<usize>> {
    Ok(None)
}
