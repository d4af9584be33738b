//! The registrations that are ready whatever the kernel reports ("forced"), the longest waiting first: a doubly linked list
//! through the entries of a registry, so that adding and removing take constant time and no memory. Not here: which are on it
//! (`registry`).

use crate::core::handle::number::Map;

/// No handle has this number.
const NONE: i64 = 0;

/// A registration's neighbours on the list.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    before: i64,
    after: i64,
}

/// What can be on the list.
pub trait Linked {
    fn link(&mut self) -> &mut Option<Link>;
}

/// The list itself.
#[derive(Default, Debug)]
pub struct Forced {
    first: i64,
    last: i64,
    length: usize,
}

impl Forced {
    pub const fn len(&self) -> usize {
        self.length
    }

    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The one that has waited longest.
    pub fn first(&self) -> Option<i64> {
        (self.first != NONE).then_some(self.first)
    }

    /// Whether the two ends and the length agree that the list is empty or not.
    const fn is_sound(&self) -> bool {
        (self.first == NONE) == self.is_empty() && (self.last == NONE) == self.is_empty()
    }

    /// Puts a registration at the end, if it is not on the list.
    pub fn push(&mut self, entries: &mut Map<impl Linked>, number: i64) {
        let Some(entry) = entries.get_mut(&number) else { return };
        if entry.link().is_some() {
            return;
        }
        *entry.link() = Some(Link { before: self.last, after: NONE });
        match entries.get_mut(&self.last).and_then(|last| last.link().as_mut()) {
            Some(link) => link.after = number,
            None => self.first = number,
        }
        self.last = number;
        self.length += 1;
        debug_assert!(self.is_sound(), "{self:?}");
    }

    /// Takes a registration out, if it is on the list.
    pub fn remove(&mut self, entries: &mut Map<impl Linked>, number: i64) {
        let link = entries.get_mut(&number).and_then(|entry| entry.link().take());
        let Some(Link { before, after }) = link else { return };
        match entries.get_mut(&before).and_then(|entry| entry.link().as_mut()) {
            Some(link) => link.after = after,
            None => self.first = after,
        }
        match entries.get_mut(&after).and_then(|entry| entry.link().as_mut()) {
            Some(link) => link.before = before,
            None => self.last = before,
        }
        self.length -= 1;
        debug_assert!(self.is_sound(), "{self:?}");
    }
}
