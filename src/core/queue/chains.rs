//! Where chains begin: entries whose keys have the same hash are linked through themselves, so that finding one by its key costs
//! four bytes an entry and no allocation. Not here: the entries and their links.

use crate::core::handle::number::Spread;
use crate::core::memory;
use std::hash::Hasher;

/// No entry.
pub const NONE: u32 = u32::MAX;

/// The first entry of each chain.
#[derive(Default, Debug)]
pub struct Chains(Vec<u32>);

impl Chains {
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// A power of two of them; of none, this is out of all bounds.
    #[inline]
    fn place(&self, key: i64) -> usize {
        let mut spread = Spread::default();
        spread.write_i64(key);
        spread.finish() as usize & self.0.len().wrapping_sub(1)
    }

    /// Where to look for a key.
    #[inline]
    pub fn first(&self, key: i64) -> u32 {
        self.0.get(self.place(key)).copied().unwrap_or(NONE)
    }

    /// Puts another entry, or none, at the beginning of a key's chain.
    #[inline]
    pub fn set_first(&mut self, key: i64, entry: u32) {
        let place = self.place(key);
        if let Some(first) = self.0.get_mut(place) {
            *first = entry;
        }
    }

    /// Whether chains are short with so many entries.
    pub fn are_enough(&self, entries: usize) -> bool {
        entries <= self.0.len()
    }

    /// Makes enough of them, all empty: whoever asks links the entries anew. Whether there is memory; otherwise all is as it was.
    pub fn make_for(&mut self, entries: usize) -> bool {
        let count = entries.next_power_of_two();
        let more = count.saturating_sub(self.0.len());
        if memory::grow_exactly(&mut self.0, more).is_err() {
            return false;
        }
        self.clear();
        self.0.resize(count, NONE);
        true
    }

    /// All are empty.
    pub fn clear(&mut self) {
        self.0.fill(NONE);
    }
}
