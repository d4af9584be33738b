//! The system's own descriptors as numbers, in the words of this system. Not here: any expectation.

use socket2::Socket;
use std::fs::File;
use std::mem::ManuallyDrop;

/// The number of a copy, as another program may have it: the same socket by another descriptor.
pub fn copied(number: i64) -> i64 {
    given(ManuallyDrop::new(taken(number)).try_clone().unwrap())
}

#[cfg(unix)]
mod unix {
    use super::{File, Socket};
    use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, RawFd};

    /// The number of a socket, which stays the caller's.
    pub fn lent(socket: &Socket) -> i64 {
        socket.as_raw_fd().into()
    }

    /// The number of a socket that is the caller's no more.
    pub fn given(socket: Socket) -> i64 {
        socket.into_raw_fd().into()
    }

    /// The socket of that number, which becomes the caller's.
    pub fn taken(number: i64) -> Socket {
        // SAFETY: the tests only take what was given away.
        unsafe { Socket::from_raw_fd(number as RawFd) }
    }

    /// The number of a file.
    pub fn number_of(file: &File) -> i64 {
        file.as_raw_fd().into()
    }

    pub fn is_blocking(number: i64) -> bool {
        // SAFETY: takes no memory.
        let flags = unsafe { libc::fcntl(number as RawFd, libc::F_GETFL) };
        assert!(flags >= 0, "descriptor {number} is not open");
        flags & libc::O_NONBLOCK == 0
    }

    /// As another process may, that has the same open file.
    pub fn set_blocking(number: i64, on: bool) {
        // SAFETY: takes no memory.
        let flags = unsafe { libc::fcntl(number as RawFd, libc::F_GETFL) };
        let flags = if on { flags & !libc::O_NONBLOCK } else { flags | libc::O_NONBLOCK };
        // SAFETY: takes no memory.
        assert_eq!(unsafe { libc::fcntl(number as RawFd, libc::F_SETFL, flags) }, 0);
    }

    /// Whether a program that is started gets it.
    pub fn is_inherited(number: i64) -> bool {
        // SAFETY: takes no memory.
        unsafe { libc::fcntl(number as RawFd, libc::F_GETFD) & libc::FD_CLOEXEC == 0 }
    }

    pub fn set_inherited(number: i64, on: bool) {
        let flags = if on { 0 } else { libc::FD_CLOEXEC };
        // SAFETY: takes no memory.
        assert_eq!(unsafe { libc::fcntl(number as RawFd, libc::F_SETFD, flags) }, 0);
    }
}
#[cfg(unix)]
pub use unix::*;

#[cfg(windows)]
mod windows {
    use super::{File, Socket};
    use std::io::ErrorKind;
    use std::mem::ManuallyDrop;
    use std::os::windows::io::{AsRawHandle, AsRawSocket, FromRawSocket, IntoRawSocket, RawSocket};
    use std::time::Duration;
    use windows_sys::Win32::Foundation::{
        GetHandleInformation, HANDLE, HANDLE_FLAG_INHERIT, SetHandleInformation,
    };

    /// The number of a socket, which stays the caller's.
    pub fn lent(socket: &Socket) -> i64 {
        socket.as_raw_socket() as i64
    }

    /// The number of a socket that is the caller's no more.
    pub fn given(socket: Socket) -> i64 {
        socket.into_raw_socket() as i64
    }

    /// The socket of that number, which becomes the caller's.
    pub fn taken(number: i64) -> Socket {
        // SAFETY: the tests only take what was given away.
        unsafe { Socket::from_raw_socket(number as RawSocket) }
    }

    /// The number of a file.
    pub fn number_of(file: &File) -> i64 {
        file.as_raw_handle() as i64
    }

    /// A stream with nothing to read tells by how it says so; Windows has no other way.
    pub fn is_blocking(number: i64) -> bool {
        let socket = ManuallyDrop::new(taken(number));
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let outcome = socket.recv(&mut [std::mem::MaybeUninit::uninit()]);
        socket.set_read_timeout(None).unwrap();
        match outcome.unwrap_err().kind() {
            ErrorKind::TimedOut => true,
            ErrorKind::WouldBlock => false,
            other => panic!("{other}"),
        }
    }

    /// Whether a program that is started gets it.
    pub fn is_inherited(number: i64) -> bool {
        let mut flags = 0;
        // SAFETY: the number outlives the call.
        assert_ne!(unsafe { GetHandleInformation(number as HANDLE, &mut flags) }, 0);
        flags & HANDLE_FLAG_INHERIT != 0
    }

    pub fn set_inherited(number: i64, on: bool) {
        let flags = if on { HANDLE_FLAG_INHERIT } else { 0 };
        // SAFETY: takes no memory.
        assert_ne!(unsafe { SetHandleInformation(number as HANDLE, HANDLE_FLAG_INHERIT, flags) }, 0);
    }
}
#[cfg(windows)]
pub use windows::*;
