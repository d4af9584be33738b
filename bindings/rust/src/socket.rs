//! Sockets: open, serve, connect, bytes. Not here: options and the end (`handle`), waiting for several (`select`, `poller`).

use crate::error::{answer, check, code, count, done};
use crate::handle::Handle;
use crate::text::{Text, microseconds};
use crate::{abi, call};
use std::ffi::CStr;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::ops::Deref;
use std::time::{Duration, Instant};

/// A socket of any kind, or a pipe or terminal that was adopted. Closed when it is dropped.
///
/// `Read` and `Write` are there for `&Socket` too, so that one thread may read while another writes.
#[derive(Debug)]
pub struct Socket(Handle);

impl Socket {
    /// Opens one: "tcp", "udp4", "unix", "ip4:icmp" and the like.
    pub fn open(kind: impl Text) -> io::Result<Self> {
        Self::owning(call::open(&kind))
    }

    /// Takes over a handle that is a socket.
    #[must_use]
    pub const fn from_handle(handle: Handle) -> Self {
        Self(handle)
    }

    /// Gives it away as a handle.
    #[must_use]
    pub fn into_handle(self) -> Handle {
        self.0
    }

    /// Of the answer of a call that makes a handle.
    fn owning(result: i64) -> io::Result<Self> {
        let made = check(result)?;
        // SAFETY: it was just made, and nobody else has it.
        Ok(Self(unsafe { Handle::from_number(made) }))
    }

    // Server and client.

    /// Gives it its own address, as "127.0.0.1:80", ":80", a path or "@name".
    pub fn bind(&self, address: impl Text) -> io::Result<()> {
        done(call::bind(self.number(), &address))
    }

    /// Makes it a listener; 0 is the longest queue that the system has.
    pub fn listen(&self, backlog: i32) -> io::Result<()> {
        done(abi::anysock_listen(self.number(), backlog))
    }

    /// The next connection. Waits, for option "accept_timeout" at the longest.
    pub fn accept(&self) -> io::Result<Self> {
        Self::owning(abi::anysock_accept(self.number()))
    }

    /// The connections as they come. They end when the socket is closed; no other error ends them.
    pub const fn incoming(&self) -> Incoming<'_> {
        Incoming(self)
    }

    /// Connects. Waits, for option "connect_timeout" at the longest.
    pub fn connect(&self, address: impl Text) -> io::Result<()> {
        done(call::connect(self.number(), &address))
    }

    /// Its own address; empty for a unix socket without a name.
    pub fn local_address(&self) -> io::Result<String> {
        answer(call::local_address(self.number()))
    }

    /// The peer's address.
    pub fn peer_address(&self) -> io::Result<String> {
        answer(call::peer_address(self.number()))
    }

    /// Shuts one half of the connection, or both.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        done(abi::anysock_shutdown(self.number(), halves(how)))
    }

    // Bytes. Reading and writing what there is room for are `Read` and `Write`.

    /// Reads until the memory is full; less if the stream ended, or an error came, which the next call tells.
    pub fn read_full(&self, data: &mut [u8]) -> io::Result<usize> {
        count(call::read_full(self.number(), data))
    }

    /// Reads with flags: [`abi::ANYSOCK_FLAG_PEEK`] and its like, added up.
    pub fn recv(&self, data: &mut [u8], flags: i32) -> io::Result<usize> {
        count(call::recv(self.number(), data, flags))
    }

    /// Writes with flags: [`abi::ANYSOCK_FLAG_OOB`] and its like, added up.
    pub fn send(&self, data: &[u8], flags: i32) -> io::Result<usize> {
        count(call::send(self.number(), data, flags))
    }

    /// A datagram, and who sent it.
    pub fn recv_from(&self, data: &mut [u8], flags: i32) -> io::Result<(usize, String)> {
        answer(call::recv_from_whom(self.number(), data, flags))
    }

    /// Sends a datagram to an address.
    pub fn send_to(&self, data: &[u8], address: impl Text, flags: i32) -> io::Result<usize> {
        count(call::send_to(self.number(), data, flags, &address))
    }

    // Times.

    /// For every call that has no time of its own; `None` (the default) is for ever. With zero, what would wait is `WouldBlock`.
    pub fn set_timeout(&self, time: Option<Duration>) -> io::Result<()> {
        self.set_time(abi::ANYSOCK_OPT_TIMEOUT, time)
    }

    /// For reading.
    pub fn set_read_timeout(&self, time: Option<Duration>) -> io::Result<()> {
        self.set_time(abi::ANYSOCK_OPT_READ_TIMEOUT, time)
    }

    /// For writing.
    pub fn set_write_timeout(&self, time: Option<Duration>) -> io::Result<()> {
        self.set_time(abi::ANYSOCK_OPT_WRITE_TIMEOUT, time)
    }

    /// Waits until it can be read, for what is left of a call's time.
    fn await_bytes(&self, begun: Instant) -> io::Result<()> {
        self.await_ready([vec![self.number()], vec![], vec![]], abi::ANYSOCK_OPT_READ_TIMEOUT, begun)
    }

    /// Waits until it can be written to, for what is left of a call's time.
    fn await_room(&self, begun: Instant) -> io::Result<()> {
        self.await_ready([vec![], vec![self.number()], vec![]], abi::ANYSOCK_OPT_WRITE_TIMEOUT, begun)
    }

    fn await_ready(
        &self,
        mut sets: [Vec<abi::anysock_t>; 3],
        option: &CStr,
        begun: Instant,
    ) -> io::Result<()> {
        let mut time = self.get_time(option)?;
        if time.is_none() {
            time = self.get_time(abi::ANYSOCK_OPT_TIMEOUT)?;
        }
        // One that never waits says so itself.
        let Some(time) = time.filter(|time| !time.is_zero()) else { return Ok(()) };
        let left = time.saturating_sub(begun.elapsed());
        match call::select(&mut sets, microseconds(Some(left))) {
            0 => done(abi::ANYSOCK_ETIMEDOUT),
            answer => check(answer).map(drop),
        }
    }

    // The system's own descriptor.

    /// Gives the descriptor away; the handle is as closed then.
    #[cfg(unix)]
    pub fn release(&self) -> io::Result<std::os::fd::OwnedFd> {
        use std::os::fd::FromRawFd;
        let descriptor = check(abi::anysock_release(self.number()))?;
        // SAFETY: nobody else owns it.
        Ok(unsafe { std::os::fd::OwnedFd::from_raw_fd(descriptor as i32) })
    }
}

/// What the library calls the halves of a connection.
pub const fn halves(how: Shutdown) -> i32 {
    match how {
        Shutdown::Read => abi::ANYSOCK_SHUT_READ,
        Shutdown::Write => abi::ANYSOCK_SHUT_WRITE,
        Shutdown::Both => abi::ANYSOCK_SHUT_BOTH,
    }
}

/// The handle owns the descriptor from then on; on an error it is closed.
#[cfg(unix)]
impl TryFrom<std::os::fd::OwnedFd> for Socket {
    type Error = io::Error;

    fn try_from(descriptor: std::os::fd::OwnedFd) -> io::Result<Self> {
        use std::os::fd::{AsRawFd, IntoRawFd};
        // SAFETY: the descriptor is open, and this is its owner.
        let adopted = Self::owning(unsafe { abi::anysock_adopt(descriptor.as_raw_fd().into()) })?;
        let _ = descriptor.into_raw_fd();
        Ok(adopted)
    }
}

impl Deref for Socket {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.0
    }
}

impl Read for &Socket {
    fn read(&mut self, data: &mut [u8]) -> io::Result<usize> {
        count(call::read(self.number(), data))
    }

    fn read_vectored(&mut self, pieces: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        count(call::readv(self.number(), pieces))
    }

    /// One call, whose timeout is for all of it.
    fn read_exact(&mut self, data: &mut [u8]) -> io::Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        let mut came = self.read_full(data)?;
        // If it was not all, the time is over, or the next call tells why.
        while came < data.len() {
            self.await_bytes(begun)?;
            came += match self.read(&mut data[came..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => more,
            };
        }
        Ok(())
    }
}

impl Write for &Socket {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        count(call::write(self.number(), data))
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        count(call::writev(self.number(), pieces))
    }

    /// One call, whose timeout is for all of it.
    fn write_all(&mut self, data: &[u8]) -> io::Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        let mut sent = count(call::write_all(self.number(), data))?;
        // If it was not all, the time is over, or the next call tells why.
        while sent < data.len() {
            self.await_room(begun)?;
            sent += count(call::write(self.number(), &data[sent..]))?;
        }
        Ok(())
    }

    /// Nothing is held back.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Socket {
    fn read(&mut self, data: &mut [u8]) -> io::Result<usize> {
        (&*self).read(data)
    }

    fn read_vectored(&mut self, pieces: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(pieces)
    }

    fn read_exact(&mut self, data: &mut [u8]) -> io::Result<()> {
        (&*self).read_exact(data)
    }
}

impl Write for Socket {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        (&*self).write(data)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(pieces)
    }

    fn write_all(&mut self, data: &[u8]) -> io::Result<()> {
        (&*self).write_all(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The connections of a listener, from [`Socket::incoming`].
#[derive(Debug)]
pub struct Incoming<'a>(&'a Socket);

impl Iterator for Incoming<'_> {
    type Item = io::Result<Socket>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.0.accept() {
            Err(error) if code(&error) == Some(abi::ANYSOCK_EBADF) => None,
            accepted => Some(accepted),
        }
    }
}

/// Connects a new socket of a kind to an address.
pub fn connect(kind: impl Text, address: impl Text) -> io::Result<Socket> {
    let socket = Socket::open(kind)?;
    socket.connect(address)?;
    Ok(socket)
}

/// Connects a new socket within a time, which is for all the addresses that a name has.
pub fn connect_timeout(kind: impl Text, address: impl Text, time: Duration) -> io::Result<Socket> {
    let socket = Socket::open(kind)?;
    socket.set(abi::ANYSOCK_OPT_CONNECT_TIMEOUT, microseconds(Some(time)))?;
    socket.connect(address)?;
    Ok(socket)
}

/// A new listener.
pub fn listen(kind: impl Text, address: impl Text) -> io::Result<Socket> {
    let socket = Socket::open(kind)?;
    socket.bind(address)?;
    socket.listen(0)?;
    Ok(socket)
}

/// Two sockets that are connected to each other: "unix", "unixgram", "unixpacket", or "tcp" over the loopback.
pub fn pair(kind: impl Text) -> io::Result<(Socket, Socket)> {
    let (first, second) = answer(call::pair(&kind))?;
    Ok((Socket::owning(first)?, Socket::owning(second)?))
}
