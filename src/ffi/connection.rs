//! Server and client: names, listeners, connections. Not here: bytes (`bytes`).

use crate::core::socket::{connect, life, listen};
use crate::ffi::argument::{self, Out, TextOut};
use crate::ffi::call;
use crate::ffi::types::{anysock_address, anysock_t};
use std::ffi::c_char;

/// Gives a socket its own address, as bind(2).
///
/// @param h       A socket that has no address yet.
/// @param address (in) "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", ":80" for every interface, "localhost:http", for
///                unix kinds a path or "@name" (abstract, Linux), for raw kinds a bare host. Port 0 asks for a free port;
///                `anysock_local_address` returns which.
/// @return 0. `ANYSOCK_EADDRINUSE`, `ANYSOCK_EADDRNOTAVAIL`, `ANYSOCK_EACCES`; `ANYSOCK_EINVAL` for text that is no
///         address and for a socket that has one already; `ANYSOCK_EAFNOSUPPORT` for an address of another family;
///         `ANYSOCK_ENAMETOOLONG` for a path; `ANYSOCK_EAI_NONAME` and its like for a name that does not resolve;
///         `ANYSOCK_ETIMEDOUT`, `ANYSOCK_ECANCELED` and with option "interruptible" `ANYSOCK_EINTR` while one is resolved;
///         `ANYSOCK_EFAULT`, `ANYSOCK_EBADF`, `ANYSOCK_ENOTSOCK`.
///
/// Blocks (bounded=timeout, woken=close|signal) only while a name is resolved, for option "timeout" at the longest. Of a
/// name's addresses it takes the first that can be had. A "tcp" or "udp" socket on every interface takes IPv6 and IPv4 where
/// the system can. Stream sockets get option "reuse_address" on Unix and "exclusive_address" on Windows, unless it was set
/// before. A unix path is left in place when the socket is closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_bind(h: anysock_t, address: *const c_char) -> i64 {
    // SAFETY: the caller vouches for the text.
    call(|| listen::bind(h, unsafe { argument::text(address) }?))
}

/// Gives a socket its own address, which is in flat memory: as `anysock_bind` with the same address in a text.
///
/// @param h       A socket that has no address yet.
/// @param address (in) The address. With option "native", one of the unix family without a name (`length` 0) asks Linux for
///                an abstract name of its choice.
/// @return As `anysock_bind`; `ANYSOCK_EINVAL` for what is no address.
///
/// Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_bind_flat(h: anysock_t, address: *const anysock_address) -> i64 {
    // SAFETY: the caller vouches for the address.
    call(|| listen::bind_flat(h, &unsafe { argument::address(address) }?))
}

/// Makes a socket a listener, as listen(2). One without an address gets a free port on every interface.
///
/// @param h       A socket of a kind with connections.
/// @param backlog How many connections may wait to be accepted; 0 or less is the system's maximum. May be called again to
///                change it.
/// @return 0. `ANYSOCK_EADDRINUSE`; `ANYSOCK_EOPNOTSUPP` for a kind that does not listen; `ANYSOCK_EINVAL` for a
///         connected socket and a unix kind without an address; `ANYSOCK_EBADF`, `ANYSOCK_ENOTSOCK`.
///
/// Does not block.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_listen(h: anysock_t, backlog: i32) -> i64 {
    call(|| listen::listen(h, backlog))
}

/// Takes the next connection of a listener, as accept(2).
///
/// @param h A listener.
/// @return The handle of the connection, with every option of this library at its default but "interruptible", which is the
///         listener's.
///         `ANYSOCK_ETIMEDOUT` after option "accept_timeout", `ANYSOCK_EAGAIN` if that is 0 and none waits;
///         `ANYSOCK_EMFILE`, `ANYSOCK_ENFILE`: the connection stays in the queue; `ANYSOCK_EINVAL` for a socket that
///         does not listen; `ANYSOCK_EOPNOTSUPP` for a kind that can't; `ANYSOCK_ECANCELED` when the listener is closed
///         meanwhile; `ANYSOCK_EINTR` with option "interruptible"; `ANYSOCK_EBADF`, `ANYSOCK_ENOTSOCK`.
///
/// Blocks (bounded=accept_timeout, woken=close|signal) until there is one. A connection that died in the queue is passed
/// over.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_accept(h: anysock_t) -> i64 {
    call(|| listen::accept(h))
}

/// Takes the next connection of a listener, and with it those that are in the queue already.
///
/// @param h        A listener.
/// @param handles  (out, length=capacity) Receives the handles of the connections, as `anysock_accept` gives them.
/// @param capacity How many it holds, at least 1.
/// @return How many, at least 1. Errors as for `anysock_accept`, when not even one was taken; if the process runs out of
///         descriptors after some, the next call says so, and the rest stays in the queue. `ANYSOCK_EINVAL` for no capacity
///         and one that no memory has; `ANYSOCK_EFAULT`.
///
/// Blocks as `anysock_accept` until there is one, and then not again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_accept_many(h: anysock_t, handles: *mut anysock_t, capacity: usize) -> i64 {
    call(|| {
        let mut place = argument::places(handles, capacity)?;
        listen::accept_many(h, capacity, |handle| {
            // SAFETY: the caller vouches for `capacity` places, and no more connections are taken than that.
            unsafe {
                place.write_unaligned(handle);
                place = place.add(1);
            }
        })
    })
}

/// Connects to an address, as connect(2). A datagram socket only notes its peer, and may do so again.
///
/// Of a name with several addresses each is tried as RFC 8305 says (Happy Eyeballs): a new attempt starts 250 ms after the
/// last or when that failed, and the first to succeed wins. A wildcard such as ":80" is this machine.
///
/// @param h       A socket.
/// @param address (in) As for `anysock_bind`.
/// @return 0. `ANYSOCK_ECONNREFUSED`, `ANYSOCK_EHOSTUNREACH`, `ANYSOCK_ENETUNREACH`, `ANYSOCK_ECONNRESET`; `ANYSOCK_EACCES` for
///         an address that the system forbids, `ANYSOCK_EAFNOSUPPORT` for one of another family; `ANYSOCK_ETIMEDOUT` after
///         option "connect_timeout" or the system's own timeout; `ANYSOCK_EINPROGRESS` if that option is 0: select for
///         writable, then connect again (the address is ignored) returns 0 or the error, and `ANYSOCK_EALREADY` before the
///         end; `ANYSOCK_EISCONN`; `ANYSOCK_ENOENT` for a unix path that does not exist;
///         `ANYSOCK_EINVAL` for text that is no address; `ANYSOCK_EAI_NONAME` and its like;
///         `ANYSOCK_ECANCELED` when the handle is closed meanwhile; `ANYSOCK_EINTR` with option "interruptible": the
///         attempt goes on, and connect again waits for it; `ANYSOCK_EOPNOTSUPP` for a listener; `ANYSOCK_EFAULT`,
///         `ANYSOCK_EBADF`, `ANYSOCK_ENOTSOCK`.
///
/// Blocks (bounded=connect_timeout, woken=close|signal) until the handshake is done. A socket whose connect has failed stays
/// failed: each later connect and read says the same, and only a new handle may try again. With "connect_timeout" 0,
/// resolving a name may still block; `anysock_resolve` does it beforehand.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_connect(h: anysock_t, address: *const c_char) -> i64 {
    // SAFETY: the caller vouches for the text.
    call(|| connect::connect(h, unsafe { argument::text(address) }?))
}

/// Connects to an address in flat memory: as `anysock_connect` with the same address in a text.
///
/// @param h       A socket.
/// @param address (in) The address.
/// @return As `anysock_connect`; `ANYSOCK_EINVAL` for what is no address. With option "native" as connect(2): an attempt
///         under way is `ANYSOCK_EALREADY`, one that has failed may be made again, and one that was too long goes on.
///
/// Blocks as `anysock_connect`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_connect_flat(h: anysock_t, address: *const anysock_address) -> i64 {
    // SAFETY: the caller vouches for the address.
    call(|| connect::connect_flat(h, &unsafe { argument::address(address) }?))
}

/// The socket's own address as text, as getsockname(2).
///
/// @param h        A socket.
/// @param text     (out, length=capacity) Receives the address, cut if it must be, and its NUL. May be NULL when `capacity`
///                 is 0.
/// @param capacity How many bytes `text` holds. 128 hold every address but a long unix path.
/// @return The full length without the NUL; 0 for a unix socket without a name. `ANYSOCK_ENOTCONN` while the family of a
///         "tcp" or "udp" socket is not settled; `ANYSOCK_EFAULT`, `ANYSOCK_EBADF`, `ANYSOCK_ENOTSOCK`.
///
/// Does not block. An IPv4 address is never shown as a mapped IPv6 one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_local_address(h: anysock_t, text: *mut c_char, capacity: usize) -> i64 {
    call(|| {
        let out = TextOut::new(text, capacity)?;
        // SAFETY: the caller vouches for the memory.
        life::local_address(h).map(|address| unsafe { out.put(&address) })
    })
}

/// The peer's address as text, as getpeername(2).
///
/// @param h        A socket.
/// @param text     (out, length=capacity) As for `anysock_local_address`.
/// @param capacity As for `anysock_local_address`.
/// @return The full length without the NUL; 0 for a unix peer without a name. `ANYSOCK_ENOTCONN` without a peer;
///         `ANYSOCK_EFAULT`, `ANYSOCK_EBADF`, `ANYSOCK_ENOTSOCK`.
///
/// Does not block. For an accepted connection it is the address that accept(2) returned, even after the peer has gone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_peer_address(h: anysock_t, text: *mut c_char, capacity: usize) -> i64 {
    call(|| {
        let out = TextOut::new(text, capacity)?;
        // SAFETY: the caller vouches for the memory.
        life::peer_address(h).map(|address| unsafe { out.put(&address) })
    })
}

/// The socket's own address as flat memory, as getsockname(2).
///
/// @param h       A socket.
/// @param address (out) Receives it; no address (`family` 0) for a unix socket without a name.
/// @return 0. Errors as for `anysock_local_address`. On an error nothing is stored.
///
/// Does not block. An IPv4 address is never shown as a mapped IPv6 one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_local_flat(h: anysock_t, address: *mut anysock_address) -> i64 {
    call(|| {
        let out = Out::new(address)?;
        // SAFETY: the caller vouches for the place.
        life::local_flat(h).map(|flat| unsafe { out.put(flat.into()) })
    })
}

/// The peer's address as flat memory, as getpeername(2).
///
/// @param h       A socket.
/// @param address (out) As for `anysock_local_flat`.
/// @return 0. Errors as for `anysock_peer_address`. On an error nothing is stored.
///
/// Does not block. An IPv4 address is never shown as a mapped IPv6 one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_peer_flat(h: anysock_t, address: *mut anysock_address) -> i64 {
    call(|| {
        let out = Out::new(address)?;
        // SAFETY: the caller vouches for the place.
        life::peer_flat(h).map(|flat| unsafe { out.put(flat.into()) })
    })
}
