//! Waiting for some handles, as select(2). Not here: for many (`poller`).

use crate::error::count;
use crate::handle::Handle;
use crate::text::microseconds;
use crate::{abi, call};
use std::io;
use std::time::Duration;

/// A set of handles for [`select`]; after it, those that are ready.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct HandleSet(Vec<abi::anysock_t>);

impl HandleSet {
    /// An empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a handle.
    pub fn insert(&mut self, handle: &Handle) {
        self.0.push(handle.number());
    }

    /// Whether it holds a handle.
    #[must_use]
    pub fn contains(&self, handle: &Handle) -> bool {
        self.0.contains(&handle.number())
    }

    /// Takes all of them out.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a, H: std::ops::Deref<Target = Handle> + 'a> FromIterator<&'a H> for HandleSet {
    fn from_iter<I: IntoIterator<Item = &'a H>>(handles: I) -> Self {
        Self(handles.into_iter().map(|handle| handle.number()).collect())
    }
}

/// Waits until a handle of the sets is ready, and leaves in them those that are. How many these are; 0 when the time is over. On an
/// error the sets are as they were.
pub fn select(
    readable: &mut HandleSet,
    writable: &mut HandleSet,
    exceptional: &mut HandleSet,
    time: Option<Duration>,
) -> io::Result<usize> {
    let mut sets = [readable, writable, exceptional];
    let mut numbers = sets.each_mut().map(|set| std::mem::take(&mut set.0));
    let ready = call::select(&mut numbers, microseconds(time));
    for (set, numbers) in sets.into_iter().zip(numbers) {
        set.0 = numbers;
    }
    count(ready)
}
