//! What is done alike with files on every system.

use crate::sys::{Fd, Piece, Result, Source, read_stream};

/// As [`read_stream`] from what is no file, into memory that has a value already.
pub fn read_source(fd: Fd, data: &mut [u8]) -> Result<usize> {
    read_stream(fd, Source::Stream, &[Piece::new(data.as_mut_ptr(), data.len())])
}
