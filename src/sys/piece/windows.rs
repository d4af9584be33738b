//! A piece of the caller's memory as a `WSABUF`. Not here: Unix (`unix`).

use std::ptr::null_mut;
use windows_sys::Win32::Networking::WinSock as ws;

/// One piece of the caller's memory, with the layout of `WSABUF`, whose length has 32 bits.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Piece(pub(in crate::sys) ws::WSABUF);

impl Piece {
    /// Describes no memory.
    pub(in crate::sys) const EMPTY: Self = Self(ws::WSABUF { len: 0, buf: null_mut() });

    /// Describes memory whose validity the caller guarantees; nothing is accessed here.
    #[must_use]
    pub fn new(base: *mut u8, length: usize) -> Self {
        Self(ws::WSABUF { len: u32::try_from(length).unwrap_or(u32::MAX), buf: base })
    }

    /// The length of all together; `None` if it is more than a call can move.
    #[must_use]
    pub fn total(pieces: &[Self]) -> Option<usize> {
        let total = pieces.iter().try_fold(0_usize, |sum, piece| sum.checked_add(piece.0.len as usize))?;
        isize::try_from(total).ok().map(|_| total)
    }

    /// Whether there is no memory behind it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// Shortens them to `length` bytes in all.
    pub fn truncate(pieces: &mut [Self], mut length: usize) {
        for piece in pieces {
            let kept = length.min(piece.0.len as usize);
            piece.0.len = kept as u32;
            length -= kept;
        }
    }
}

/// How many pieces one system call takes.
pub const MAX_PIECES: usize = 1024;
