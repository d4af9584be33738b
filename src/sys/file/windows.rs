//! Files of the caller's, from which bytes are sent: read at a place, and sent like any others. TransmitFile is not
//! used: of a socket that does not block it would still make the caller wait, and nothing could end that.

use crate::sys::{Event, Fd, OsError, Result, Source, UNSUPPORTED};
use windows_sys::Win32::Foundation::{
    CloseHandle, DUPLICATE_SAME_ACCESS, DuplicateHandle, ERROR_HANDLE_EOF, ERROR_IO_PENDING, HANDLE,
};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_BEGIN, FILE_CURRENT, FILE_TYPE_DISK, GetFileType, ReadFile, SetFilePointerEx,
};
use windows_sys::Win32::System::IO::{GetOverlappedResult, OVERLAPPED, OVERLAPPED_0, OVERLAPPED_0_0};
use windows_sys::Win32::System::Threading::GetCurrentProcess;

/// What the system numbers as success.
const NONE: i32 = 0;

/// Another handle of the same file, for this process alone.
pub fn duplicate_file(file: Fd) -> Result<Fd> {
    let mut copy = std::ptr::null_mut();
    // SAFETY: the place outlives the call.
    let done = unsafe {
        let own = GetCurrentProcess();
        DuplicateHandle(own, handle(file), own, &mut copy, 0, 0, DUPLICATE_SAME_ACCESS)
    };
    if done == 0 {
        return Err(OsError::last());
    }
    Fd::from_raw(copy as i64).ok_or(UNSUPPORTED)
}

/// Closes what [`duplicate_file`] has made.
pub fn close_file(file: Fd) {
    // SAFETY: it is nobody else's.
    unsafe { CloseHandle(handle(file)) };
}

fn handle(file: Fd) -> HANDLE {
    file.to_raw() as HANDLE
}

/// Says what bytes of a handle are to be had. Pipes and consoles would make the caller wait, and nothing could
/// end that: only files are taken.
pub fn examine(file: Fd) -> Result<Source> {
    // SAFETY: takes no memory; a number that is no handle is an error.
    match unsafe { GetFileType(handle(file)) } {
        FILE_TYPE_DISK => Ok(Source::File),
        0 if OsError::last().0 != NONE => Err(OsError::last()),
        _ => Err(UNSUPPORTED),
    }
}

fn seek(file: Fd, distance: i64, from: u32) -> Result<i64> {
    let mut position = 0;
    // SAFETY: the number outlives the call.
    match unsafe { SetFilePointerEx(handle(file), distance, &mut position, from) } {
        0 => Err(OsError::last()),
        _ => Ok(position),
    }
}

/// Where the next read of a file begins.
pub fn position(file: Fd) -> Result<i64> {
    seek(file, 0, FILE_CURRENT)
}

/// Says where the next read of a file begins.
pub fn set_position(file: Fd, position: i64) -> Result<()> {
    seek(file, position, FILE_BEGIN).map(drop)
}

/// Reads a file at a place, and leaves its position as it was: here the read itself would move it.
pub fn read_at(file: Fd, place: i64, data: &mut [u8]) -> Result<usize> {
    let before = position(file)?;
    let outcome = read_and_move(file, place, data);
    set_position(file, before)?;
    match outcome {
        Err(OsError(code)) if code == ERROR_HANDLE_EOF as i32 => Ok(0),
        other => other,
    }
}

fn read_and_move(file: Fd, place: i64, data: &mut [u8]) -> Result<usize> {
    let place = OVERLAPPED_0_0 { Offset: place as u32, OffsetHigh: (place >> 32) as u32 };
    // Whoever else reads from the handle must not be taken for this read, nor this read be told to the completion port
    // that the handle may have: an event of its own does the one, and its number with the lowest bit set the other.
    let done = Event::new()?;
    let mut request = OVERLAPPED {
        Internal: 0,
        InternalHigh: 0,
        Anonymous: OVERLAPPED_0 { Anonymous: place },
        hEvent: (done.handle() as usize | 1) as HANDLE,
    };
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut count = 0;
    // SAFETY: the slice is writable for its length, and it and the request outlive the read, which is waited for.
    let started = unsafe { ReadFile(handle(file), data.as_mut_ptr(), length, &mut count, &mut request) };
    let finished = match started {
        // A handle that was opened for such reads: a disk does not let anybody wait for long.
        0 if OsError::last().0 == ERROR_IO_PENDING as i32 => {
            // SAFETY: the request is the one that was started.
            unsafe { GetOverlappedResult(handle(file), &request, &mut count, 1) }
        }
        started => started,
    };
    if finished == 0 { Err(OsError::last()) } else { Ok(count as usize) }
}

/// The bytes pass through the program.
pub fn send_file(_socket: Fd, _file: Fd, _place: i64, _length: usize) -> Result<Option<usize>> {
    Ok(None)
}

/// No pipe is taken.
pub fn send_pipe(_socket: Fd, _pipe: Fd, _length: usize) -> Result<Option<usize>> {
    Ok(None)
}
