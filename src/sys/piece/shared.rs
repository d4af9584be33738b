//! What is done alike with pieces of memory on every system.

use crate::sys::Piece;

impl Piece {
    /// Puts those that are not empty before the others, in their order; how many they are.
    pub fn compact(pieces: &mut [Self]) -> usize {
        let mut filled = 0;
        for place in 0..pieces.len() {
            if !pieces[place].is_empty() {
                pieces[filled] = pieces[place];
                filled += 1;
            }
        }
        filled
    }
}
