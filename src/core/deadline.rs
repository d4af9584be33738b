//! The moment at which a call gives up. Absolute, so that a wait that a signal interrupts is not extended when it goes on. Not
//! here: waiting (`wait`).

use crate::core::error::{Error, Result};
use std::time::{Duration, Instant};

/// The moment at which waiting ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deadline {
    /// At once: the call does not wait.
    Now,
    /// At this moment, with `ETIMEDOUT`.
    At(Instant),
    /// At this moment, with `EAGAIN`, as for the system's own timeouts (socket(7)).
    System(Instant),
    /// Never.
    Never,
}

/// `EINVAL` for a timeout below -1, which means "for ever".
pub const fn check(timeout_us: i64) -> Result<i64> {
    if timeout_us < -1 { Err(Error::EINVAL) } else { Ok(timeout_us) }
}

impl Deadline {
    /// This many microseconds from now; a negative number, or a moment that the clock can't express, is never.
    #[must_use]
    pub fn after(timeout_us: i64) -> Self {
        match u64::try_from(timeout_us) {
            Err(_) => Self::Never,
            Ok(0) => Self::Now,
            Ok(micros) => Self::after_duration(Duration::from_micros(micros)),
        }
    }

    /// This duration from now.
    #[must_use]
    pub fn after_duration(duration: Duration) -> Self {
        Instant::now().checked_add(duration).map_or(Self::Never, Self::At)
    }

    /// The same moment as one of the system's own timeouts.
    #[must_use]
    pub const fn of_system(self) -> Self {
        match self {
            Self::At(then) => Self::System(then),
            other => other,
        }
    }

    /// How much time is left; `None` is for ever.
    #[must_use]
    #[inline]
    pub fn remaining(self) -> Option<Duration> {
        match self {
            Self::Now => Some(Duration::ZERO),
            Self::At(then) | Self::System(then) => Some(then.saturating_duration_since(Instant::now())),
            Self::Never => None,
        }
    }

    /// Whether the moment is here.
    #[must_use]
    pub fn passed(self) -> bool {
        self.remaining().is_some_and(|left| left.is_zero())
    }

    /// The earlier of two.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        match (self, other) {
            (Self::Never, earlier) | (earlier, Self::Never) => earlier,
            (Self::Now, _) | (_, Self::Now) => Self::Now,
            (Self::At(one) | Self::System(one), Self::At(two) | Self::System(two)) => {
                if one <= two {
                    self
                } else {
                    other
                }
            }
        }
    }

    /// The error of a call that has reached it.
    #[must_use]
    pub const fn error(self) -> Error {
        match self {
            Self::Now | Self::System(_) => Error::EAGAIN,
            Self::At(_) | Self::Never => Error::ETIMEDOUT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_meanings_of_a_timeout() {
        assert_eq!(Deadline::after(-1), Deadline::Never);
        assert_eq!(Deadline::after(0), Deadline::Now);
        assert!(matches!(Deadline::after(1), Deadline::At(_)));
        assert_eq!(check(-2), Err(Error::EINVAL));
    }

    #[test]
    fn the_longest_timeout_does_not_overflow() {
        let remaining = Deadline::after(i64::MAX).remaining();
        assert!(remaining.is_none_or(|left| left > Duration::from_secs(1 << 32)));
    }

    #[test]
    fn the_earlier_deadline_wins() {
        let soon = Deadline::after(1_000);
        let late = Deadline::after(1_000_000_000);
        assert_eq!(late.min(soon), soon);
        assert_eq!(soon.min(Deadline::Never), soon);
        assert_eq!(Deadline::Now.min(soon), Deadline::Now);
        let (system, later) = (soon.of_system(), late.of_system());
        assert_eq!((late.min(system), system.min(late)), (system, system));
        assert_eq!((soon.min(later), later.min(soon)), (soon, soon));
        assert_eq!((system.error(), soon.error()), (Error::EAGAIN, Error::ETIMEDOUT));
    }
}
