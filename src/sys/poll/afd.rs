//! Polling by AFD, the driver beneath Winsock, as Winsock's own `select` does it: a request names sockets, events and a
//! timeout. Not here: waiting for the result (`windows`, and `completion_port` in `readiness`).

use crate::sys::{Events, Fd, INVALID, OUT_OF_MEMORY, OsError, Result, Timeout};
use crate::sys::{NO_SOCKET, ioctl};
use std::ffi::c_void;
use std::mem::size_of;
use std::ptr::{null, null_mut};
use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Wdk::Storage::FileSystem::{FILE_OPEN, NtCreateFile};
use windows_sys::Wdk::System::IO::NtDeviceIoControlFile;
use windows_sys::Win32::Foundation::{
    CloseHandle, HANDLE, NTSTATUS, RtlNtStatusToDosError, STATUS_INSUFFICIENT_RESOURCES,
    STATUS_INVALID_HANDLE, STATUS_NO_MEMORY, STATUS_OBJECT_TYPE_MISMATCH, UNICODE_STRING,
};
use windows_sys::Win32::Networking::WinSock as ws;
use windows_sys::Win32::Storage::FileSystem::{FILE_SHARE_READ, FILE_SHARE_WRITE, SYNCHRONIZE};
use windows_sys::Win32::System::IO::{CancelIoEx, IO_STATUS_BLOCK};

/// The driver's event bits of a socket.
mod bit {
    pub const RECEIVE: u32 = 0x001;
    pub const EXPEDITED: u32 = 0x002;
    pub const SEND: u32 = 0x004;
    pub const DISCONNECT: u32 = 0x008;
    pub const ABORT: u32 = 0x010;
    pub const LOCAL_CLOSE: u32 = 0x020;
    pub const ACCEPT: u32 = 0x080;
    pub const CONNECT_FAIL: u32 = 0x100;
}

/// The peer has finished sending, in order or not.
pub const END: u32 = bit::DISCONNECT | bit::ABORT;

/// Events that last whatever is read or written.
const FINAL: u32 = END | bit::LOCAL_CLOSE | bit::CONNECT_FAIL;

/// The driver's bits for an interest, with those that are always reported.
pub const fn question(interest: Events) -> u32 {
    let mut bits = bit::ABORT | bit::LOCAL_CLOSE | bit::CONNECT_FAIL;
    if interest.any(Events::READ) {
        bits |= bit::RECEIVE | bit::ACCEPT | bit::DISCONNECT;
    }
    if interest.any(Events::WRITE) {
        bits |= bit::SEND;
    }
    if interest.any(Events::EXCEPT) {
        bits |= bit::EXPEDITED;
    }
    bits
}

/// The readiness for the driver's bits.
pub const fn meaning(bits: u32) -> Events {
    let broken = bits & (bit::ABORT | bit::LOCAL_CLOSE | bit::CONNECT_FAIL) != 0;
    Events::READ
        .when(broken || bits & (bit::RECEIVE | bit::ACCEPT | bit::DISCONNECT) != 0)
        .or(Events::WRITE.when(broken || bits & bit::SEND != 0))
        .or(Events::EXCEPT.when(bits & bit::EXPEDITED != 0))
        .or(Events::ERROR.when(broken))
        .or(Events::HANGUP.when(bits & bit::ABORT != 0))
        .or(Events::ENDED.when(bits & bit::DISCONNECT != 0))
}

/// Those of the driver's bits that still hold whatever has been read or written since.
pub const fn lasting(bits: u32) -> u32 {
    bits & FINAL
}

/// The header of a request and of its result: `AFD_POLL_INFO`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Header {
    timeout: i64,
    /// How many lines follow.
    pub count: u32,
    exclusive: u32,
}

impl Header {
    /// A request for `count` sockets.
    pub fn new(count: u32, timeout: Timeout) -> Self {
        // A negative time is relative, in units of 100 ns.
        let units =
            |time: std::time::Duration| i64::try_from(time.as_nanos().div_ceil(100)).unwrap_or(i64::MAX);
        Self { timeout: timeout.map_or(i64::MAX, |time| -units(time)), count, exclusive: 0 }
    }
}

/// One socket of a request, and of its result if something is ready: `AFD_POLL_HANDLE_INFO`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Line {
    pub socket: usize,
    pub bits: u32,
    status: NTSTATUS,
}

impl Line {
    pub const fn new(socket: usize, bits: u32) -> Self {
        Self { socket, bits, status: 0 }
    }
}

/// The length in bytes of a request for `count` sockets.
pub const fn length(count: usize) -> usize {
    size_of::<Header>() + count * size_of::<Line>()
}

/// A handle of the driver that belongs to no socket.
#[derive(Debug)]
pub struct Driver(usize);

impl Driver {
    pub fn open() -> Result<Self> {
        let mut name: Vec<u16> = "\\Device\\Afd\\Anysock".encode_utf16().collect();
        let bytes = (name.len() * 2) as u16;
        let name = UNICODE_STRING { Length: bytes, MaximumLength: bytes, Buffer: name.as_mut_ptr() };
        let attributes = OBJECT_ATTRIBUTES {
            Length: size_of::<OBJECT_ATTRIBUTES>() as u32,
            ObjectName: &raw const name,
            ..OBJECT_ATTRIBUTES::default()
        };
        let (mut handle, mut about) = (null_mut(), IO_STATUS_BLOCK::default());
        // SAFETY: the name, what refers to it, and the two results outlive the call.
        let status = unsafe {
            let shared = FILE_SHARE_READ | FILE_SHARE_WRITE;
            let (handle, about) = (&raw mut handle, &raw mut about);
            NtCreateFile(handle, SYNCHRONIZE, &attributes, about, null(), 0, shared, FILE_OPEN, 0, null(), 0)
        };
        check(status).map(|_| Self(handle as usize))
    }

    pub fn handle(&self) -> HANDLE {
        self.0 as HANDLE
    }

    /// Sends a request. If its result comes later, the event is set, or a packet with the context comes to the completion port.
    ///
    /// # Safety
    /// The request and the status must stay where they are, and nobody may access them, until the result has come.
    pub unsafe fn ask(
        &self,
        event: HANDLE,
        context: *const c_void,
        status: *mut IO_STATUS_BLOCK,
        question: *mut Header,
        count: usize,
    ) -> Result<NTSTATUS> {
        const POLL: u32 = 0x0001_2024;
        let length = u32::try_from(length(count)).map_err(|_| INVALID)?;
        let question = question.cast::<c_void>();
        // SAFETY: the caller vouches for the memory.
        check(unsafe {
            let (input, output) = (question.cast_const(), question);
            NtDeviceIoControlFile(
                self.handle(),
                event,
                None,
                context,
                status,
                POLL,
                input,
                length,
                output,
                length,
            )
        })
    }

    /// Cancels a pending request of this handle; its result comes at once.
    pub fn cancel(&self, status: *const IO_STATUS_BLOCK) {
        // SAFETY: the address is compared with those of pending requests, and not dereferenced.
        unsafe { CancelIoEx(self.handle(), status.cast()) };
    }

    /// Cancels all pending requests of this handle.
    pub fn cancel_all(&self) {
        // SAFETY: no address means all of them.
        unsafe { CancelIoEx(self.handle(), null()) };
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // SAFETY: nobody else closes it.
        unsafe { CloseHandle(self.handle()) };
    }
}

/// A status that is no failure; else its error.
pub fn check(status: NTSTATUS) -> Result<NTSTATUS> {
    const FAILURE: u32 = 0xC000_0000;
    match status {
        _ if (status as u32) < FAILURE => Ok(status),
        STATUS_INVALID_HANDLE | STATUS_OBJECT_TYPE_MISMATCH => Err(NO_SOCKET),
        STATUS_NO_MEMORY | STATUS_INSUFFICIENT_RESOURCES => Err(OUT_OF_MEMORY),
        // SAFETY: takes no memory.
        _ => Err(OsError(unsafe { RtlNtStatusToDosError(status) } as i32)),
    }
}

/// The driver's own socket beneath one of a layered service provider (SIO_BASE_HANDLE).
pub fn base(socket: usize) -> Result<usize> {
    let mut base = [0; size_of::<usize>()];
    ioctl(Fd(socket), ws::SIO_BASE_HANDLE, &[], &mut base)?;
    Ok(usize::from_ne_bytes(base))
}
