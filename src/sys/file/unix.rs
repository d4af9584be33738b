//! The files whose bytes a caller sends, on Unix: their type, their position, reading at an offset. Not here: sending inside the
//! kernel (`linux`, `bsd`).

use crate::sys::{
    Fd, OsError, Result, Source, close, count, duplicate, file_type, lseek, offset, pread, uncancelled,
};

/// Another descriptor of the same file, close-on-exec.
pub fn duplicate_file(file: Fd) -> Result<Fd> {
    duplicate(file)
}

/// Closes what [`duplicate_file`] has made.
pub fn close_file(file: Fd) {
    close(file);
}

/// Whether a descriptor is a file with offsets or a stream of bytes; an error for a directory.
pub fn examine(file: Fd) -> Result<Source> {
    match file_type(file)? {
        libc::S_IFDIR => Err(OsError(libc::EISDIR)),
        libc::S_IFREG | libc::S_IFBLK => Ok(Source::File),
        _ => Ok(Source::Stream),
    }
}

/// The offset at which the next read of a file begins (lseek(2)).
pub fn position(file: Fd) -> Result<i64> {
    // SAFETY: takes no memory.
    match unsafe { lseek(file.0, 0, libc::SEEK_CUR) } {
        -1 => Err(OsError::last()),
        position => Ok(position as _),
    }
}

/// Sets the offset at which the next read of a file begins (lseek(2)).
pub fn set_position(file: Fd, position: i64) -> Result<()> {
    // SAFETY: takes no memory.
    match unsafe { lseek(file.0, offset(position)?, libc::SEEK_SET) } {
        -1 => Err(OsError::last()),
        _ => Ok(()),
    }
}

/// Reads a file at an offset, and leaves its position unchanged (pread(2)). Blocks as long as the disk does.
pub fn read_at(file: Fd, place: i64, data: &mut [u8]) -> Result<usize> {
    let place = offset(place)?;
    // SAFETY: the slice is writable for its length.
    uncancelled(|| count(unsafe { pread(file.0, data.as_mut_ptr().cast(), data.len(), place) }))
}
