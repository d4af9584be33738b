//! A piece of the caller's memory as `struct iovec` has it.

/// One piece of caller memory: base and length in the order of `struct iovec`.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Piece(libc::iovec);

impl Piece {
    /// Describes memory that the caller vouches for; nothing is touched here.
    #[must_use]
    pub const fn new(base: *mut u8, length: usize) -> Self {
        Self(libc::iovec { iov_base: base.cast(), iov_len: length })
    }

    /// The length of all of them; `None` if no call can move as much.
    #[must_use]
    pub fn total(pieces: &[Self]) -> Option<usize> {
        let total = pieces.iter().try_fold(0_usize, |sum, piece| sum.checked_add(piece.0.iov_len))?;
        isize::try_from(total).ok().map(|_| total)
    }

    /// Whether there is no memory behind it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.iov_len == 0
    }

    /// Shortens them to `length` in all.
    pub fn truncate(pieces: &mut [Self], mut length: usize) {
        for piece in pieces {
            piece.0.iov_len = piece.0.iov_len.min(length);
            length -= piece.0.iov_len;
        }
    }
}

/// How many pieces one system call takes.
pub const MAX_PIECES: usize = 1024;
