//! The number of a handle: 16 bits of chunk and 8 of place, which name the slot, and 29 bits of generation. It fits a double,
//! so that every language can hold it. Not here: what is behind it (`table`).
//!
//! The upper 8 bits of a generation are the range of this copy of the library: a process that has loaded two copies never gets
//! the same number from both. No range is 0, so every handle lies above 2^32.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::RangeInclusive;

/// The number of bits of the chunk, the lowest.
const CHUNK_BITS: u32 = 16;
/// The number of bits of the chunk and the place in it.
pub const INDEX_BITS: u32 = 24;
/// How many chunks there can be.
pub const MAX_CHUNKS: u32 = 1 << CHUNK_BITS;
/// How many slots a chunk has.
pub const MAX_PLACES: u32 = MAX_SLOTS / MAX_CHUNKS;
/// How many slots there can be.
pub const MAX_SLOTS: u32 = 1 << INDEX_BITS;
/// Bits of a generation that count the owners of a slot.
const COUNT_BITS: u32 = 21;
/// The highest generation that there can be.
pub const MAX_GENERATION: u32 = (1 << 29) - 1;
/// The ranges that copies of the library have.
pub const RANGES: RangeInclusive<u32> = 1..=MAX_GENERATION >> COUNT_BITS;

/// The first generation of a range.
#[must_use]
pub const fn first_generation(range: u32) -> u32 {
    range << COUNT_BITS
}

/// Whether it is the last of its range: after it the slot is retired, so that no number ever comes again.
#[must_use]
pub const fn is_last_generation(generation: u32) -> bool {
    generation % first_generation(1) == first_generation(1) - 1
}

/// A handle, decoded. The generation is never 0, so no handle is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Handle {
    /// Which slot, counted through all chunks.
    pub index: u32,
    /// Which of the slot's owners.
    pub generation: u32,
}

impl Handle {
    /// From the number that the caller holds; `None` if no handle can look like this.
    #[must_use]
    pub const fn decode(number: i64) -> Option<Self> {
        match Self::generation(number) {
            generation @ 1.. if generation <= MAX_GENERATION as i64 => {
                let index = Self::chunk(number) as u32 * MAX_PLACES + Self::place(number) as u32;
                Some(Self { index, generation: generation as u32 })
            }
            _ => None,
        }
    }

    /// The chunk that a number would stand for.
    #[must_use]
    #[inline]
    pub const fn chunk(number: i64) -> u16 {
        number as u16
    }

    /// The place in the chunk.
    #[must_use]
    #[inline]
    pub const fn place(number: i64) -> u8 {
        (number >> CHUNK_BITS) as u8
    }

    /// The generation in a number. That of a negative or too large number is negative or too large itself, so that comparing it
    /// with a real generation is check enough.
    #[must_use]
    #[inline]
    pub const fn generation(number: i64) -> i64 {
        number >> INDEX_BITS
    }

    /// The number that the caller holds.
    #[must_use]
    #[inline]
    pub const fn encode(self) -> i64 {
        debug_assert!(self.index < MAX_SLOTS && self.generation <= MAX_GENERATION);
        let (chunk, place) = (self.index / MAX_PLACES, self.index % MAX_PLACES);
        (self.generation as i64) << INDEX_BITS | (place << CHUNK_BITS | chunk) as i64
    }
}

/// A map from handles, as numbers.
pub type Map<T> = HashMap<i64, T, BuildHasherDefault<Spread>>;

/// Hashes handles with one multiplication. That is enough: the library gives the numbers out, so nobody can choose
/// them to collide.
#[derive(Default, Debug)]
pub struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_i64(&mut self, number: i64) {
        // A map looks at the lowest and the highest bits.
        let spread = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = spread ^ spread >> 32;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_i64(self.0 as i64 ^ i64::from(*byte));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_handle_survives_the_round_trip() {
        for index in [0, 1, MAX_PLACES - 1, MAX_PLACES, 65_535, 65_536, MAX_SLOTS - 1] {
            for generation in [1, 2, MAX_GENERATION] {
                let handle = Handle { index, generation };
                let number = handle.encode();
                assert!(number > 0 && number < 1 << 53, "{number}");
                assert_eq!(Handle::decode(number), Some(handle));
            }
        }
    }

    #[test]
    fn every_range_lies_above_32_bits_and_ends_before_the_next() {
        for range in RANGES {
            let first = first_generation(range);
            assert!(Handle { index: 0, generation: first }.encode() > 1 << 32);
            assert!(is_last_generation(first - 1) && !is_last_generation(first));
        }
        assert!(is_last_generation(MAX_GENERATION));
    }

    #[test]
    fn what_is_no_handle_is_refused() {
        for number in [0, -1, i64::MIN, i64::MAX, 1 << 53, 1, i64::from(MAX_SLOTS) - 1] {
            assert_eq!(Handle::decode(number), None, "{number}");
        }
    }
}
