//! Memory addressed by numbers: a region that is never freed, and bytes whose validity a caller guarantees. Here, because reading
//! behind a number takes unsafe code. Not here: who owns which part of a region (`core::queue::pool`).

use crate::sys::{OUT_OF_MEMORY, Piece, Result};
use std::alloc::{Layout, alloc_zeroed};
use std::mem::MaybeUninit;

/// Memory that stays mapped for as long as the process lives. Zeroed; pages that are never touched take up no memory where the
/// system's allocator allows that.
#[derive(Debug)]
pub struct Region {
    first: usize,
    length: usize,
}

impl Region {
    /// The alignment of its beginning, in bytes.
    pub const ALIGNMENT: usize = 16;

    /// Allocates `length` bytes, at least one. `ENOMEM`.
    pub fn new(length: usize) -> Result<Self> {
        let layout = Layout::from_size_align(length, Self::ALIGNMENT).map_err(|_| OUT_OF_MEMORY)?;
        if length == 0 {
            return Err(OUT_OF_MEMORY);
        }
        // SAFETY: the layout's size is not 0.
        let first = unsafe { alloc_zeroed(layout) };
        if first.is_null() {
            Err(OUT_OF_MEMORY)
        } else {
            Ok(Self { first: first.expose_provenance(), length })
        }
    }

    /// A second owner of the same memory. Only one of them may write; the other may be for a forked child, which does not use its
    /// copy of the first.
    #[must_use]
    pub const fn twin(&self) -> Self {
        Self { first: self.first, length: self.length }
    }

    /// Where it begins.
    #[must_use]
    pub const fn address(&self) -> usize {
        self.first
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length
    }

    /// A part of it, to be written.
    pub fn room(&mut self, at: usize, length: usize) -> &mut [MaybeUninit<u8>] {
        assert!(at <= self.length && length <= self.length - at);
        let first = std::ptr::with_exposed_provenance_mut(self.first + at);
        // SAFETY: it lies in the region, which is never freed and borrowed as long.
        unsafe { std::slice::from_raw_parts_mut(first, length) }
    }

    /// A part of it, to be written by the system.
    #[must_use]
    pub fn target(&self, at: usize, length: usize) -> Target {
        assert!(at <= self.length && length <= self.length - at);
        Target { address: self.first + at, length }
    }

    /// A part of it, to be read.
    #[must_use]
    pub fn bytes(&self, at: usize, length: usize) -> Bytes {
        assert!(at <= self.length && length <= self.length - at);
        Bytes { address: self.first + at, length }
    }
}

/// A part of a region that the system writes to. Its maker must not let anybody else write there meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    address: usize,
    length: usize,
}

impl Target {
    /// Where it begins.
    #[must_use]
    pub const fn address(self) -> usize {
        self.address
    }

    /// How many bytes there is room for.
    #[must_use]
    pub const fn length(self) -> usize {
        self.length
    }
}

impl From<Target> for Piece {
    fn from(target: Target) -> Self {
        Self::new(std::ptr::with_exposed_provenance_mut(target.address), target.length)
    }
}

/// Bytes to be sent. The maker guarantees that the memory is readable as long as they are used.
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    address: usize,
    length: usize,
}

impl Bytes {
    /// # Safety
    /// Until the last use of what is made here, and of its parts, so many bytes must be readable at the address.
    #[must_use]
    pub const unsafe fn new(address: usize, length: usize) -> Self {
        Self { address, length }
    }

    /// Where they begin.
    #[must_use]
    pub const fn address(self) -> usize {
        self.address
    }

    /// How many.
    #[must_use]
    pub const fn length(self) -> usize {
        self.length
    }

    /// Without the first `count`.
    #[must_use]
    pub fn from(self, count: usize) -> Self {
        let count = count.min(self.length);
        Self { address: self.address + count, length: self.length - count }
    }

    /// The bytes themselves.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        if self.length == 0 {
            return &[];
        }
        // SAFETY: whoever made it vouches for them.
        unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance(self.address), self.length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[test]
    fn a_region_is_zeroed_and_keeps_what_is_written() {
        let mut region = Region::new(64).unwrap();
        assert_eq!(region.bytes(0, 64).as_slice(), [0; 64]);
        for byte in region.room(8, 2) {
            byte.write(7);
        }
        assert_eq!(region.bytes(7, 4).as_slice(), [0, 7, 7, 0]);
        assert_eq!(region.bytes(8, 4).from(1).as_slice(), [7, 0, 0]);
        assert_eq!(region.bytes(64, 0).from(1).as_slice(), []);
    }

    #[test]
    fn more_than_there_is_is_refused() {
        // Half of what can be addressed; a 32-bit program on a 64-bit system may have that once, but not twice.
        assert!((0..2).any(|_| black_box(Region::new(isize::MAX as usize - 15)).is_err()));
        assert_eq!(Region::new(usize::MAX).unwrap_err(), OUT_OF_MEMORY);
        assert_eq!(Region::new(0).unwrap_err(), OUT_OF_MEMORY);
    }
}
