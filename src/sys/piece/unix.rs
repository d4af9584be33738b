//! A piece of the caller's memory as a `struct iovec`. Not here: Windows (`windows`).

/// One piece of the caller's memory, with the layout of `struct iovec`.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Piece(libc::iovec);

impl Piece {
    /// Describes memory whose validity the caller guarantees; nothing is accessed here.
    #[must_use]
    pub const fn new(base: *mut u8, length: usize) -> Self {
        Self(libc::iovec { iov_base: base.cast(), iov_len: length })
    }

    /// The length of all together; `None` if it is more than a call can move (SSIZE_MAX).
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

    /// Shortens them to `length` bytes in all.
    pub fn truncate(pieces: &mut [Self], mut length: usize) {
        for piece in pieces {
            piece.0.iov_len = piece.0.iov_len.min(length);
            length -= piece.0.iov_len;
        }
    }
}

/// How many pieces one system call takes.
pub const MAX_PIECES: usize = 1024;
