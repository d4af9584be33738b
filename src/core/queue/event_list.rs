//! Events that wait to be taken, the first first. Not here: who reports them.

use crate::core::memory;
use crate::core::queue::record::Done;

#[derive(Default, Debug)]
pub struct EventList {
    list: Vec<Done>,
    /// How many of them have been taken.
    taken: usize,
}

impl EventList {
    pub const fn new() -> Self {
        Self { list: Vec::new(), taken: 0 }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.list.len() - self.taken
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes room for so many more; whether there is memory for them.
    pub fn reserve(&mut self, more: usize) -> bool {
        if self.taken > self.list.len() / 2 {
            self.list.drain(..self.taken);
            self.taken = 0;
        }
        memory::grow(&mut self.list, more).is_ok()
    }

    #[inline]
    pub fn push(&mut self, done: Done) {
        self.list.push(done);
    }

    /// Takes the first `most`, or as many as there are; how many.
    #[inline]
    pub fn take(&mut self, most: usize, mut report: impl FnMut(Done)) -> usize {
        let count = most.min(self.len());
        for done in &self.list[self.taken..self.taken + count] {
            report(*done);
        }
        self.taken += count;
        if self.taken == self.list.len() {
            self.list.clear();
            self.taken = 0;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_reported_once_and_in_order() {
        let mut events = EventList::new();
        let (mut next, mut taken) = (0, Vec::new());
        for round in 0..50_usize {
            assert!(events.reserve(round));
            for _ in 0..round % 7 {
                events.push(Done { token: next, ..Done::default() });
                next += 1;
            }
            let before = events.len();
            let count = events.take(round % 5, |done| taken.push(done.token));
            assert_eq!((count, events.len()), (before.min(round % 5), before - count));
        }
        events.take(usize::MAX, |done| taken.push(done.token));
        assert!(events.is_empty() && taken.iter().copied().eq(0..next));
    }
}
