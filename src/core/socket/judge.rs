//! What an error says of its handle: whether it has ended the connection, and so stays, or is over once it was told.
//! Not here: waiting and trying again (`transfer`), and what is ready (`readiness`).
//!
//! Whether it has, the state of the connection says and not the number: routes that vanish end none, and what ends one
//! at last may have any number.

use crate::core::error::{Error, Result};
use crate::core::handle::extras;
use crate::core::handle::slot::{Phase, Slot, Wait, flag};
use crate::core::readiness;
use crate::sys::{self, Events, OsError};

/// Says what a failed transfer means for the handle.
pub fn judge(slot: &Slot, wait: Wait, events: Events, error: OsError) -> Error {
    let reported = error;
    let error = Error::from(error);
    if slot.has(flag::NATIVE) || wait == Wait::Accept {
        return error;
    }
    if !slot.kind().is_connected_kind() {
        // Only some systems have a word of its own for a datagram to nobody.
        return if error == Error::EDESTADDRREQ { Error::ENOTCONN } else { error };
    }
    match (slot.phase(), error) {
        (Phase::Failed, _) => slot.error().unwrap_or(error),
        (_, Error::EPIPE) if slot.has(flag::SHUT_WRITE) => error,
        // What systems say of a socket without a peer differs: EPIPE, EINVAL, ENOTCONN, under Wine ECONNRESET.
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

/// The error that has ended the connection, if it is over: mostly the one that a call was just told. If that is about
/// the call itself, the kernel has yet to tell the other.
fn final_error(slot: &Slot, events: Events, reported: OsError) -> Option<Error> {
    if !sys::has_ended(slot.fd(), reported) {
        return None;
    }
    let pending = sys::pending_error(slot.fd()).ok().flatten();
    if pending.is_some() {
        slot.set_flags(flag::UNREPORTED);
    }
    // There is no urgent data, says a call that has asked for some.
    let no_urgent_data = events == Events::EXCEPT && reported == sys::INVALID;
    let of_the_call = no_urgent_data || is_of_the_call(reported.into());
    pending.or((!of_the_call).then_some(reported)).map(Error::from)
}

/// Errors that tell of the arguments, of memory or of a queue, and never how a connection is. The same call meets them again.
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

/// The error that the kernel has for a socket, which it tells only once. What has ended the connection stays with the handle, and
/// what the next transfer of a datagram socket would say is said by it; an error that has ended nothing is the
/// caller's to tell.
pub fn take_kernel_error(slot: &Slot) -> Option<Error> {
    let connection = slot.kind().is_connected_kind();
    match readiness::advance_connect(slot) {
        Phase::Arrived | Phase::Connected => {}
        _ if !connection => {}
        // A connect that goes on belongs to `connect`, and an error of a listener to no connection.
        _ => return None,
    }
    // Under the lock: a read that meets the end of the stream meanwhile looks there for the error that ended it.
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

/// Tells the error that is pending, unless another call has told it in the meantime.
pub fn report_pending(slot: &Slot) -> Result<()> {
    slot.clear_flags(flag::PENDING);
    readiness::changed(slot);
    slot.take_error().map_or(Ok(()), Err)
}

/// What SO_ERROR says of a handle that knows more than the kernel: the error that a program has not heard yet as the
/// system's own, which it hears once.
pub fn take_unreported(slot: &Slot) -> Option<Error> {
    if slot.has(flag::PENDING) {
        return report_pending(slot).err();
    }
    let found = take_kernel_error(slot);
    if slot.take_flags(flag::UNREPORTED) { slot.error() } else { found }
}

/// Whether SO_ERROR is the kernel's to tell.
pub fn is_kernels_to_report(slot: &Slot) -> bool {
    let knows_no_more = slot.has(flag::NATIVE) || slot.is_listening() || !slot.kind().is_connected_kind();
    knows_no_more && !slot.has(flag::PENDING)
}
