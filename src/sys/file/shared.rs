//! Reading a source of bytes for sendfile, as far as it is the same on every system. Not here: the reading (`stream`).

use crate::sys::{Fd, Piece, Result, Source, read_stream};

/// As [`read_stream`] from a pipe or terminal, into initialised memory. Does not block.
pub fn read_source(fd: Fd, data: &mut [u8]) -> Result<usize> {
    read_stream(fd, Source::Stream, &[Piece::new(data.as_mut_ptr(), data.len())])
}
