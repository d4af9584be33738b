//! The files whose bytes a caller sends, on Windows: read at an offset, and sent like any other bytes. TransmitFile is not
//! used: it makes the caller wait even on a non-blocking socket, and a close could not end that.

use crate::sys::{Event, Fd, OsError, Result, Source, UNSUPPORTED};
use windows_sys::Win32::Foundation::{
    CloseHandle, DUPLICATE_SAME_ACCESS, DuplicateHandle, ERROR_HANDLE_EOF, ERROR_IO_PENDING, HANDLE,
};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_BEGIN, FILE_CURRENT, FILE_TYPE_DISK, GetFileType, ReadFile, SetFilePointerEx,
};
use windows_sys::Win32::System::IO::{GetOverlappedResult, OVERLAPPED, OVERLAPPED_0, OVERLAPPED_0_0};
use windows_sys::Win32::System::Threading::GetCurrentProcess;

/// The system's number for success.
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

/// Whether a handle is a file with offsets. Other types are refused: a pipe or console would make the caller wait, and a close
/// could not end that.
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

/// The offset at which the next read of a file begins.
pub fn position(file: Fd) -> Result<i64> {
    seek(file, 0, FILE_CURRENT)
}

/// Sets the offset at which the next read of a file begins.
pub fn set_position(file: Fd, position: i64) -> Result<()> {
    seek(file, position, FILE_BEGIN).map(drop)
}

/// Reads a file at an offset, and restores its position, which a read here moves. Blocks as long as the disk does.
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
    // The wait below must not end by another thread's read from the handle: so this one has an event of its own. Nor may a
    // completion port that the program has associated with the handle report this read: the event's lowest bit prevents that
    // (GetQueuedCompletionStatus, Microsoft's reference).
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
        // The handle was opened for overlapped reads: wait, as a read from a disk is short.
        0 if OsError::last().0 == ERROR_IO_PENDING as i32 => {
            // SAFETY: the request is the one that was started.
            unsafe { GetOverlappedResult(handle(file), &request, &mut count, 1) }
        }
        started => started,
    };
    if finished == 0 { Err(OsError::last()) } else { Ok(count as usize) }
}

/// There is no such call here that does not wait; the caller reads and sends instead.
pub fn send_file(_socket: Fd, _file: Fd, _place: i64, _length: usize) -> Result<Option<usize>> {
    Ok(None)
}

/// No pipe is accepted as a source.
pub fn send_pipe(_socket: Fd, _pipe: Fd, _length: usize) -> Result<Option<usize>> {
    Ok(None)
}
