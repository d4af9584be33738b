//! Messages with an address, control data and handles beside their bytes. Not here: how the flat structures are read and filled in
//! (`message_layout`), and what they mean (`core::socket::message`).

use crate::core::error::Error;
use crate::core::socket::message;
use crate::core::socket::transfer::Flags;
use crate::ffi::types::{anysock_message, anysock_t};
use crate::ffi::{argument, call, message_layout};

/// Receives a message and what comes beside its data, as recvmsg(2): its sender, control data, handles.
///
/// Of a stream it reads what is there, as `anysock_read`, and no further than the handles or credentials that belong to it.
/// Handles come as handles of this process, closed on exec: a socket as a socket of its kind, a pipe, a file or whatever
/// else as one of kind "stream". Each is the caller's to close. Those that do not fit are closed, and
/// `ANYSOCK_FLAG_CONTROL_TRUNC` says so. One that can't be polled (a file) reads and writes, and can be released; select and
/// the poller say `ANYSOCK_EOPNOTSUPP`.
///
/// @param h       A socket.
/// @param message (inout) Where all this goes; says how much room there is, and then how much has come.
/// @param flags   (group=FLAG) `ANYSOCK_FLAG_PEEK`, `ANYSOCK_FLAG_OOB`, `ANYSOCK_FLAG_DONT_WAIT`, `ANYSOCK_FLAG_TRUNC`,
///                added up. With `ANYSOCK_FLAG_PEEK` handles come each time, on Linux; elsewhere nothing comes but the data
///                and its sender.
/// @return How many bytes; with `ANYSOCK_FLAG_TRUNC` a datagram's real length. Errors as for `anysock_recv`; `ANYSOCK_E2BIG`
///         if the message has fields that the library does not know, and they are not 0; `ANYSOCK_EINVAL` for a `size` that
///         is none, for absurd counts and for other flags; `ANYSOCK_ENOTSOCK` for a pipe or terminal; `ANYSOCK_EFAULT`,
///         `ANYSOCK_ENOMEM`. On an error nothing is stored.
///
/// Blocks as `anysock_recv`. Control data comes only if the option for it is set (see the manual).
/// With option "native" all control data comes in `raw_control` as the system lays it out, as much as fits; descriptors in it
/// are the caller's to close.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_recv_message(
    h: anysock_t,
    message: *mut anysock_message,
    flags: i32,
) -> i64 {
    call(|| {
        let flags = argument::receive_flags(flags)?;
        if flags.has(Flags::WAIT_ALL) {
            return Err(Error::EINVAL);
        }
        // SAFETY: the caller vouches for the message and what it points at.
        let asked = unsafe { message_layout::read(message) }?;
        let wanted = message_layout::capacity(&asked)?;
        // SAFETY: as above.
        let mut pieces = unsafe { argument::pieces(asked.buffers, asked.buffer_count) }?;
        let incoming = message::recv_message(h, &mut pieces, wanted, flags)?;
        // SAFETY: as above; there is no more of anything than there is room for.
        unsafe { message_layout::put(message, &asked, &incoming) };
        Ok(incoming.count)
    })
}

/// Sends a message and what goes beside its data, as sendmsg(2): to an address, with control data, with handles.
///
/// Handles go along over unix kinds; the sender keeps its own. On a stream they go with the first byte, so that after a
/// short count they have gone. Never raises SIGPIPE.
///
/// @param h       A socket.
/// @param message (in) What to send. It is only read.
/// @param flags   (group=FLAG) As for `anysock_send`.
/// @return How many bytes; may be short on a stream. Errors as for `anysock_send_to`; `ANYSOCK_EOPNOTSUPP` for control data
///         that this kind of socket or this system can't send, for handles over other kinds, and for a poller among them;
///         `ANYSOCK_EBADF` and `ANYSOCK_ENOTCONN` for a handle among them that is none or has no descriptor yet;
///         `ANYSOCK_EINVAL` for more than 253 handles, for values out of range, for control data or handles without a byte
///         on a stream, and for a `size` that is none; `ANYSOCK_EPERM` for someone else's credentials;
///         `ANYSOCK_ETOOMANYREFS` if too many descriptors are under way; `ANYSOCK_E2BIG` as for `anysock_recv_message`;
///         `ANYSOCK_EMSGSIZE`, `ANYSOCK_ENOTSOCK`, `ANYSOCK_EFAULT`, `ANYSOCK_ENOMEM`. On an error nothing has gone.
///
/// Blocks as `anysock_send`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_send_message(
    h: anysock_t,
    message: *const anysock_message,
    flags: i32,
) -> i64 {
    call(|| {
        let flags = argument::send_flags(flags)?;
        // SAFETY: the caller vouches for the message and what it points at.
        unsafe {
            let given = message_layout::read(message)?;
            let mut pieces = argument::pieces(given.buffers, given.buffer_count)?;
            message::send_message(h, &mut pieces, &message_layout::outgoing(&given)?, flags)
        }
    })
}
