//! What pieces of memory can do on every system. Not here: their layout (`unix`, `windows`).

use crate::sys::Piece;

impl Piece {
    /// Moves those that are not empty to the front, in their order; how many there are.
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
