//! Files of the caller's on Unix, from which bytes are sent. Not here: sending them (`linux`, `bsd`).

use crate::sys::{
    Fd, OsError, Result, Source, close, count, duplicate, file_type, lseek, offset, pread, uncancelled,
};

/// Another descriptor of the same file, for this process alone.
pub fn duplicate_file(file: Fd) -> Result<Fd> {
    duplicate(file)
}

/// Closes what [`duplicate_file`] has made.
pub fn close_file(file: Fd) {
    close(file);
}

/// Says what bytes of a descriptor are to be had; an error if there are none.
pub fn examine(file: Fd) -> Result<Source> {
    match file_type(file)? {
        libc::S_IFDIR => Err(OsError(libc::EISDIR)),
        libc::S_IFREG | libc::S_IFBLK => Ok(Source::File),
        _ => Ok(Source::Stream),
    }
}

/// Where the next read of a file begins.
pub fn position(file: Fd) -> Result<i64> {
    // SAFETY: takes no memory.
    match unsafe { lseek(file.0, 0, libc::SEEK_CUR) } {
        -1 => Err(OsError::last()),
        position => Ok(position as _),
    }
}

/// Says where the next read of a file begins.
pub fn set_position(file: Fd, position: i64) -> Result<()> {
    // SAFETY: takes no memory.
    match unsafe { lseek(file.0, offset(position)?, libc::SEEK_SET) } {
        -1 => Err(OsError::last()),
        _ => Ok(()),
    }
}

/// Reads a file at a place, and leaves its position alone.
pub fn read_at(file: Fd, place: i64, data: &mut [u8]) -> Result<usize> {
    let place = offset(place)?;
    // SAFETY: the slice is writable for its length.
    uncancelled(|| count(unsafe { pread(file.0, data.as_mut_ptr().cast(), data.len(), place) }))
}
