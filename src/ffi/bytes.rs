//! Bytes: reading and writing. Not here: how waiting works (`core::socket::retry`).

use crate::core::socket::transfer::{self, Flags};
use crate::core::socket::{pieces, send_file};
use crate::ffi::argument::{self, TextOut};
use crate::ffi::call;
use crate::ffi::types::{anysock_buffer, anysock_t};
use std::ffi::{c_char, c_void};

/// Reads what is there, as recv(2) without flags; read(2) for a pipe or terminal.
///
/// @param h      A socket, pipe or terminal.
/// @param data   (out, length=length) Receives the bytes. May be NULL when `length` is 0.
/// @param length How many at the most.
/// @return How many; 0 is the end of the stream, or an empty datagram. A datagram that is longer than `length` is cut.
///         `ANYSOCK_ETIMEDOUT` after option "read_timeout", `ANYSOCK_EAGAIN` if that is 0 and nothing is there;
///         `ANYSOCK_ECONNRESET`, `ANYSOCK_ECONNREFUSED` and what else ended the connection; `ANYSOCK_ENOTCONN` for a stream
///         that was never connected; `ANYSOCK_ECANCELED` when the handle is closed meanwhile; `ANYSOCK_EINTR` with option
///         "interruptible"; `ANYSOCK_EFAULT`, `ANYSOCK_EINVAL` (a length that no memory has), `ANYSOCK_EBADF`,
///         `ANYSOCK_ENOTSOCK` for a poller.
///
/// Blocks (bounded=read_timeout, woken=close|shutdown|signal) until at least one byte is there. The end of a stream, and an
/// error that ended it, stay: each later read says the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_read(h: anysock_t, data: *mut c_void, length: usize) -> i64 {
    // SAFETY: the caller vouches for the memory.
    call(|| transfer::recv(h, unsafe { argument::room(data, length) }?, Flags::default()))
}

/// Writes what there is room for, as send(2); write(2) for a pipe or terminal. Never raises SIGPIPE.
///
/// @param h      A socket, pipe or terminal.
/// @param data   (in, length=length) The bytes. May be NULL when `length` is 0.
/// @param length How many.
/// @return How many were taken: at least 1 of a stream, all of a datagram.
///         `ANYSOCK_ETIMEDOUT` after option "write_timeout", `ANYSOCK_EAGAIN` if that is 0 and there is no room;
///         `ANYSOCK_EPIPE` after this side has shut writing or the peer is gone, `ANYSOCK_ECONNRESET`;
///         `ANYSOCK_EMSGSIZE` for a datagram that is too long; `ANYSOCK_ENOTCONN`; `ANYSOCK_ECANCELED`, `ANYSOCK_EINTR`,
///         `ANYSOCK_EFAULT`, `ANYSOCK_EINVAL`, `ANYSOCK_EBADF`, `ANYSOCK_ENOTSOCK` as for `anysock_read`.
///
/// Blocks (bounded=write_timeout, woken=close|shutdown|signal) until the send buffer has room. Success means that the system
/// has the bytes, not that the peer has.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_write(h: anysock_t, data: *const c_void, length: usize) -> i64 {
    // SAFETY: the caller vouches for the memory.
    call(|| transfer::send(h, unsafe { argument::bytes(data, length) }?, Flags::default()))
}

/// Reads until `length` bytes have come, the stream ends or an error comes. Of a datagram socket, reads one datagram.
///
/// @param h      A socket, pipe or terminal.
/// @param data   (out, length=length) As for `anysock_read`.
/// @param length How many.
/// @return How many bytes; fewer than `length` if the stream ended or an error came after some. Then the next call
///         returns the error. Errors as for `anysock_read`.
///
/// Blocks as `anysock_read`. Option "read_timeout" is for the whole call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_read_full(h: anysock_t, data: *mut c_void, length: usize) -> i64 {
    // SAFETY: the caller vouches for the memory.
    call(|| transfer::read_full(h, unsafe { argument::room(data, length) }?))
}

/// Writes until all is taken or an error comes. On a datagram socket, sends one datagram.
///
/// @param h      A socket, pipe or terminal.
/// @param data   (in, length=length) As for `anysock_write`.
/// @param length How many.
/// @return How many bytes; fewer than `length` if an error came after some. Then the next call returns the error.
///         Errors as for `anysock_write`.
///
/// Blocks as `anysock_write`. Option "write_timeout" is for the whole call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_write_all(h: anysock_t, data: *const c_void, length: usize) -> i64 {
    // SAFETY: the caller vouches for the memory.
    call(|| transfer::write_all(h, unsafe { argument::bytes(data, length) }?))
}

/// Reads with flags, as recv(2).
///
/// @param h      A socket, pipe or terminal.
/// @param data   (out, length=length) As for `anysock_read`.
/// @param length How many at the most.
/// @param flags  (group=FLAG) `ANYSOCK_FLAG_PEEK`, `ANYSOCK_FLAG_OOB`, `ANYSOCK_FLAG_WAIT_ALL`, `ANYSOCK_FLAG_DONT_WAIT`,
///               `ANYSOCK_FLAG_TRUNC`, added up.
/// @return As `anysock_read`; with `ANYSOCK_FLAG_WAIT_ALL` as `anysock_read_full`; with `ANYSOCK_FLAG_TRUNC` a datagram's
///         real length. `ANYSOCK_EINVAL` for other flags, and for `ANYSOCK_FLAG_OOB` when there is no urgent data;
///         `ANYSOCK_EOPNOTSUPP` for `ANYSOCK_FLAG_OOB` on a kind that has no urgent data; `ANYSOCK_ENOTSOCK` for flags on a
///         pipe or terminal that it can't have.
///
/// Blocks as `anysock_read`, unless `ANYSOCK_FLAG_DONT_WAIT` is given.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_recv(h: anysock_t, data: *mut c_void, length: usize, flags: i32) -> i64 {
    call(|| {
        let flags = argument::receive_flags(flags)?;
        // SAFETY: the caller vouches for the memory.
        transfer::recv(h, unsafe { argument::room(data, length) }?, flags)
    })
}

/// Writes with flags, as send(2).
///
/// @param h      A socket, pipe or terminal.
/// @param data   (in, length=length) As for `anysock_write`.
/// @param length How many.
/// @param flags  (group=FLAG) `ANYSOCK_FLAG_OOB`, `ANYSOCK_FLAG_DONT_WAIT`, `ANYSOCK_FLAG_MORE`, added up.
/// @return As `anysock_write`. `ANYSOCK_EINVAL` for other flags, `ANYSOCK_EOPNOTSUPP` for `ANYSOCK_FLAG_OOB` on a kind that has no
///         urgent data.
///
/// Blocks as `anysock_write`, unless `ANYSOCK_FLAG_DONT_WAIT` is given.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_send(h: anysock_t, data: *const c_void, length: usize, flags: i32) -> i64 {
    call(|| {
        let flags = argument::send_flags(flags)?;
        // SAFETY: the caller vouches for the memory.
        transfer::send(h, unsafe { argument::bytes(data, length) }?, flags)
    })
}

/// Reads a datagram and says who sent it, as recvfrom(2).
///
/// @param h        A socket, pipe or terminal.
/// @param data     (out, length=length) As for `anysock_read`.
/// @param length   How many at the most.
/// @param flags    (group=FLAG) As for `anysock_recv`.
/// @param address  (out, length=capacity) Receives the sender's address as text, cut if it must be, and its NUL; nothing for
///                 a stream, and for a unix sender without a name. May be NULL when `capacity` is 0.
/// @param capacity How many bytes `address` holds.
/// @return As `anysock_recv`.
///
/// Blocks as `anysock_recv`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_recv_from(
    h: anysock_t,
    data: *mut c_void,
    length: usize,
    flags: i32,
    address: *mut c_char,
    capacity: usize,
) -> i64 {
    call(|| {
        let flags = argument::receive_flags(flags)?;
        let out = TextOut::new(address, capacity)?;
        // SAFETY: the caller vouches for the memory.
        let (received, sender) = transfer::recv_from(h, unsafe { argument::room(data, length) }?, flags)?;
        // SAFETY: the caller vouches for the memory.
        unsafe { out.put(&sender) };
        Ok(received)
    })
}

/// Sends a datagram to an address, as sendto(2).
///
/// @param h       A socket.
/// @param data    (in, length=length) As for `anysock_write`.
/// @param length  How many.
/// @param flags   (group=FLAG) As for `anysock_send`.
/// @param address (in, nullable) As for `anysock_connect`. NULL sends to the connected peer, as `anysock_send`.
/// @return As `anysock_send`. `ANYSOCK_EISCONN` for a connected stream, `ANYSOCK_ENOTCONN` for one that is not;
///         `ANYSOCK_EAFNOSUPPORT`, `ANYSOCK_EINVAL` and `ANYSOCK_EAI_NONAME` for addresses as `anysock_connect`.
///
/// Blocks as `anysock_send`, and while a name is resolved; addresses in numbers need no resolver.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_send_to(
    h: anysock_t,
    data: *const c_void,
    length: usize,
    flags: i32,
    address: *const c_char,
) -> i64 {
    call(|| {
        let flags = argument::send_flags(flags)?;
        // SAFETY: the caller vouches for the memory.
        let data = unsafe { argument::bytes(data, length) }?;
        if address.is_null() {
            return transfer::send(h, data, flags);
        }
        // SAFETY: the caller vouches for the text.
        transfer::send_to(h, data, flags, unsafe { argument::text(address) }?)
    })
}

/// Reads into several pieces of memory in turn, as readv(2).
///
/// @param h       A socket, pipe or terminal.
/// @param buffers (in, length=count) The pieces. May be NULL when `count` is 0.
/// @param count   How many. One call fills 1,024 that are not empty.
/// @return As `anysock_read`. `ANYSOCK_EMSGSIZE` if a datagram would need more pieces than that: it stays in the queue.
///
/// Blocks as `anysock_read`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_readv(h: anysock_t, buffers: *const anysock_buffer, count: usize) -> i64 {
    // SAFETY: the caller vouches for the buffers.
    call(|| pieces::readv(h, &mut unsafe { argument::pieces(buffers, count) }?))
}

/// Writes from several pieces of memory in turn, as writev(2). Never raises SIGPIPE.
///
/// @param h       A socket, pipe or terminal.
/// @param buffers (in, length=count) The pieces. May be NULL when `count` is 0.
/// @param count   How many. One call takes 1,024 that are not empty.
/// @return As `anysock_write`. `ANYSOCK_EMSGSIZE` if a datagram has more pieces than that: nothing has gone.
///
/// Blocks as `anysock_write`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_writev(h: anysock_t, buffers: *const anysock_buffer, count: usize) -> i64 {
    // SAFETY: the caller vouches for the buffers.
    call(|| pieces::writev(h, &mut unsafe { argument::pieces(buffers, count) }?))
}

/// Sends bytes of a file, as sendfile(2): they do not pass through the program where the system can do without.
///
/// Moves all it can, as `anysock_write_all`, and never raises SIGPIPE. A file that becomes shorter meanwhile ends earlier.
///
/// @param h      A socket of a kind that is a byte stream.
/// @param fd     The system's own descriptor of the file, lent (on Windows a HANDLE). A file, on Unix also a pipe, a
///               terminal or whatever else can be read, of which the call takes what it sends.
/// @param offset Where in the file to begin; its position stays as it is. -1 is its position, which moves by what is sent.
/// @param length How many bytes; -1 is to the end of the file.
/// @return How many bytes; fewer than `length` if the file ended or an error came after some. Then the next call returns
///         the error. Errors as for `anysock_write`; `ANYSOCK_EOPNOTSUPP` for a kind that is no byte stream;
///         `ANYSOCK_EBADF` for an `fd` that is none or can't be read, `ANYSOCK_EISDIR` for a directory, `ANYSOCK_ESPIPE` for
///         an offset in a pipe, `ANYSOCK_EINVAL` for an offset or length below -1, `ANYSOCK_EIO`;
///         `ANYSOCK_ENOTSOCK` for a pipe or terminal as `h`.
///
/// Blocks as `anysock_write`, until all is taken. Option "write_timeout" is for the whole call, and for waiting for a pipe's
/// bytes too.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_send_file(h: anysock_t, fd: i64, offset: i64, length: i64) -> i64 {
    call(|| send_file::send_file(h, fd, offset, length))
}
