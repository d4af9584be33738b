//! Whether the next read of a handle is likely to wait. A guess that costs time at the most if it is wrong, so threads
//! may get into each other's way here. Not here: reading (`transfer`) and waiting (`retry`).

use std::sync::atomic::{AtomicU8, Ordering};

/// Reads that are told to wait first, without a try in vain, in runs that grow twofold.
///
/// Between two runs one read tries, and if it need not wait the guess was wrong. So a run in which no read has to wait,
/// and each asks for readiness in vain, is never longer than the runs before it, in which each has spared a try: a
/// program whose reads wait by turns pays no more than without.
#[derive(Default, Debug)]
pub struct Run {
    length: AtomicU8,
    left: AtomicU8,
}

impl Run {
    /// Most programs that change their ways do so after less.
    const LONGEST: u8 = 64;

    /// Whether the next read is one of the run.
    pub fn goes_on(&self) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.saturating_sub(1), Ordering::Relaxed);
        left > 0
    }

    /// A read that tried had to wait.
    pub fn begin(&self) {
        let length = self.length.load(Ordering::Relaxed).saturating_mul(2).clamp(1, Self::LONGEST);
        self.length.store(length, Ordering::Relaxed);
        self.left.store(length, Ordering::Relaxed);
    }

    /// There is none.
    pub fn end(&self) {
        self.length.store(0, Ordering::Relaxed);
        self.left.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_grow_twofold_up_to_a_limit_and_begin_anew() {
        let run = Run::default();
        assert!(!run.goes_on());
        for length in [1, 2, 4, 8, 16, 32, 64, 64] {
            run.begin();
            assert!((0..length).all(|_| run.goes_on()));
            assert!(!run.goes_on(), "longer than {length}");
        }
        run.end();
        assert!(!run.goes_on());
        run.begin();
        assert!(run.goes_on() && !run.goes_on());
    }
}
