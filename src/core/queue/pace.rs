//! How many of those that are ready a run serves: all, unless the program and its peers keep step. Not here: serving (`reads`).

/// So few transfers go by themselves, where more would go by one system call.
pub const FEW: usize = 4;

/// Of so many that are ready together, answering all may take less time than waking the peer of the first. With fewer nothing is
/// gained by answering some before the others; with more the first are awake long before the last are answered.
const SOME: std::ops::RangeInclusive<usize> = FEW + 1..=16;

/// Whether a program and its peers keep step: each answers all that the others have sent, and sleeps until all is answered in its
/// turn. Then both sleep once in every round, and nobody is ever busy while another is. To read all before the first is answered
/// keeps them in step for ever, since a peer wakes too late by just that time; so then the first is served alone, and the others a
/// few at a time.
#[derive(Debug)]
pub struct Pace {
    /// Some were ready at once when a run had nothing else to do.
    is_suspect: bool,
    /// How many are served at a time.
    most: usize,
}

impl Pace {
    pub const fn new() -> Self {
        Self { is_suspect: false, most: usize::MAX }
    }

    /// Whether it is to be known if the next wait sleeps, for which a glance comes before it.
    #[inline]
    pub const fn wants_glance(&self) -> bool {
        self.is_suspect
    }

    /// A run that had nothing to do has found so many ready. A wait that is not known to have slept has not.
    #[inline]
    pub fn note_found(&mut self, count: usize, has_slept: bool) {
        self.is_suspect = SOME.contains(&count);
        self.most = if self.is_suspect && has_slept { 1 } else { usize::MAX };
    }

    /// How many are served in this run.
    #[inline]
    pub fn next(&mut self) -> usize {
        let most = self.most;
        self.most = most.max(FEW);
        most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many are served of so many that a run finds, in it and in those behind it.
    fn portions(pace: &mut Pace, count: usize, has_slept: bool) -> [usize; 3] {
        pace.note_found(count, has_slept);
        [pace.next(), pace.next(), pace.next()].map(|most| most.min(count))
    }

    #[test]
    fn who_keeps_step_answers_the_first_alone() {
        let mut pace = Pace::new();
        assert!(!pace.wants_glance());
        assert_eq!(portions(&mut pace, 8, false), [8; 3]);
        assert!(pace.wants_glance(), "nobody knows whether that wait has slept");
        assert_eq!(portions(&mut pace, 8, true), [1, FEW, FEW]);
        assert!(pace.wants_glance());
        assert_eq!(portions(&mut pace, 8, false), [8; 3], "out of step again");
    }

    #[test]
    fn of_few_and_of_many_all_are_served() {
        let mut pace = Pace::new();
        for count in [0, 1, FEW, 17, 1_000] {
            assert_eq!(portions(&mut pace, count, true), [count; 3]);
            assert!(!pace.wants_glance());
        }
    }
}
