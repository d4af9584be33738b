//! A guess whether the next read of a handle will have to wait. A wrong guess costs only time, so that races between threads do no
//! harm. Not here: reading (`transfer`) and waiting (`retry`).

use std::sync::atomic::{AtomicU8, Ordering};

/// Runs of reads that wait for readiness first, without a futile try; each run is twice as long as the one before.
///
/// Between two runs one read tries first, and if it succeeds the guess was wrong. So a run in which every read polls in vain is
/// never longer than the runs before it together, in which every read saved a try: a program whose reads alternate pays no more
/// than without the guess.
#[derive(Default, Debug)]
pub struct Run {
    length: AtomicU8,
    left: AtomicU8,
}

impl Run {
    /// The longest run. A program whose pattern changes usually does so sooner.
    const LONGEST: u8 = 64;

    /// Whether the next read belongs to the run.
    pub fn goes_on(&self) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.saturating_sub(1), Ordering::Relaxed);
        left > 0
    }

    /// A read that tried first had to wait: begins the next run.
    pub fn begin(&self) {
        let length = self.length.load(Ordering::Relaxed).saturating_mul(2).clamp(1, Self::LONGEST);
        self.length.store(length, Ordering::Relaxed);
        self.left.store(length, Ordering::Relaxed);
    }

    /// A read that tried first did not have to wait: the next run begins anew with one read.
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
