//! What an error means for its handle: whether it has ended the connection, and so stays, or is reported once. Not here:
//! waiting and trying again (`retry`), and what is ready (`readiness`).
//!
//! The state of the connection decides that and not the error's number: a route that vanishes does not end a connection, and
//! the error that finally ends one may be any.

use crate::core::error::{Error, Result};
use crate::core::handle::extras;
use crate::core::handle::slot::{Phase, Slot, Wait, flag};
use crate::core::readiness;
use crate::sys::{self, Events, OsError};

/// The error that a failed transfer returns. If the connection is over, keeps the error that ended it.
pub fn judge(slot: &Slot, wait: Wait, events: Events, error: OsError) -> Error {
    let reported = error;
    let error = Error::from(error);
    if slot.has(flag::NATIVE) || wait == Wait::Accept {
        return error;
    }
    if !slot.kind().is_connected_kind() {
        // Only some systems distinguish a datagram without an address from a socket without a peer.
        return if error == Error::EDESTADDRREQ { Error::ENOTCONN } else { error };
    }
    match (slot.phase(), error) {
        (Phase::Failed, _) => slot.error().unwrap_or(error),
        (_, Error::EPIPE) if slot.has(flag::SHUT_WRITE) => error,
        // Systems differ for a socket without a peer: EPIPE, EINVAL, ENOTCONN, under Wine ECONNRESET.
        (Phase::Fresh | Phase::Listening, Error::EPIPE | Error::EINVAL | Error::ECONNRESET) => {
            Error::ENOTCONN
        }
        (_, Error::EPIPE | Error::ENOTCONN) => slot.error().unwrap_or(error),
        (Phase::Fresh | Phase::Listening | Phase::Racing, _) => error,
        (phase, _) => {
            if let Some(last) = final_error(slot, events, reported) {
                slot.keep_error(last);
                if phase == Phase::Connecting {
                    readiness::fail(slot, last);
                }
                readiness::changed(slot);
            }
            error
        }
    }
}

/// The error that has ended the connection, if it is over: one still pending in the kernel, or else the one just reported, unless
/// that is about the call itself.
fn final_error(slot: &Slot, events: Events, reported: OsError) -> Option<Error> {
    if !sys::has_ended(slot.fd(), reported) {
        return None;
    }
    let pending = sys::pending_error(slot.fd()).ok().flatten();
    if pending.is_some() {
        slot.set_flags(flag::UNREPORTED);
    }
    // EINVAL of a receive with MSG_OOB: there is no urgent data (recv(2)).
    let no_urgent_data = events == Events::EXCEPT && reported == sys::INVALID;
    let of_the_call = no_urgent_data || is_of_the_call(reported.into());
    pending.or((!of_the_call).then_some(reported)).map(Error::from)
}

/// Whether an error is about the call's arguments, memory or a full queue, and never about the connection. The same call gets
/// it again.
pub fn is_of_the_call(error: Error) -> bool {
    matches!(
        error,
        Error::EAGAIN
            | Error::EINTR
            | Error::EINPROGRESS
            | Error::EALREADY
            | Error::EFAULT
            | Error::EBADF
            | Error::ENOTSOCK
            | Error::EMSGSIZE
            | Error::ENOMEM
            | Error::ENOBUFS
            | Error::EOPNOTSUPP
            | Error::EDESTADDRREQ
            | Error::EAFNOSUPPORT
    )
}

/// Takes the pending error of a socket out of the kernel, which reports it only once. One that has ended the connection is
/// kept, and so is a datagram socket's for the next transfer; one that has ended nothing the caller must report.
pub fn take_kernel_error(slot: &Slot) -> Option<Error> {
    let connection = slot.kind().is_connected_kind();
    match readiness::advance_connect(slot) {
        Phase::Arrived | Phase::Connected => {}
        _ if !connection => {}
        // The error of a connect that is under way is left to `connect`.
        _ => return None,
    }
    // Under the lock, which a read at the end of the stream takes to look for the error that ended it.
    let (error, stays) = extras::locked(slot.handle().index, || {
        let found = sys::pending_error(slot.fd()).ok().flatten()?;
        let stays = !connection || sys::has_ended(slot.fd(), found);
        if stays {
            slot.keep_error(found.into());
            slot.set_flags(if connection { flag::UNREPORTED } else { flag::PENDING });
        }
        Some((Error::from(found), stays))
    })?;
    if stays {
        readiness::changed(slot);
    }
    Some(error)
}

/// Returns the pending error of a datagram socket, unless another call has returned it meanwhile.
pub fn report_pending(slot: &Slot) -> Result<()> {
    slot.clear_flags(flag::PENDING);
    readiness::changed(slot);
    slot.take_error().map_or(Ok(()), Err)
}

/// The value of SO_ERROR for a handle that has taken errors out of the kernel: one that the program has not read by SO_ERROR
/// yet, once.
pub fn take_unreported(slot: &Slot) -> Option<Error> {
    if slot.has(flag::PENDING) {
        return report_pending(slot).err();
    }
    let found = take_kernel_error(slot);
    if slot.take_flags(flag::UNREPORTED) { slot.error() } else { found }
}

/// Whether SO_ERROR can be read from the kernel, as the handle keeps no error.
pub fn is_kernels_to_report(slot: &Slot) -> bool {
    let knows_no_more = slot.has(flag::NATIVE) || slot.is_listening() || !slot.kind().is_connected_kind();
    knows_no_more && !slot.has(flag::PENDING)
}
