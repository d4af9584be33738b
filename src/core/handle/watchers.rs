//! The watchers of a handle: pollers and queues, called back when it changes, so that the code that changes it need not know them
//! (the observer pattern). Not here: calls that are blocked on the handle (`wait`).

use crate::core::error::Result;
use crate::core::handle::extras::{self, Part};
use crate::core::handle::number::Handle;
use crate::core::handle::slot::{Slot, flag};
use crate::core::memory;
use crate::core::process::section::Section;

/// The callbacks of a type of watcher. Called without a lock, with the watcher's handle and the watched slot.
#[derive(Debug)]
pub struct Callbacks {
    /// The state of the handle has changed.
    pub changed: fn(Handle, &Slot),
    /// An option was set, which may have made it ready although nothing has arrived.
    pub look_again: fn(Handle, &Slot),
    /// It is closed. The descriptor is still open.
    pub closed: fn(Handle, &Slot),
}

/// A watcher: its own handle, and its callbacks.
#[derive(Clone, Copy, Debug)]
pub struct Watcher {
    pub handle: Handle,
    pub callbacks: &'static Callbacks,
}

/// The watchers of a handle; mostly a single one, which needs no list.
#[derive(Debug)]
enum Watchers {
    One(Watcher),
    Many(Vec<Watcher>),
}

impl Default for Watchers {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Watchers {
    fn all(&self) -> &[Watcher] {
        match self {
            Self::One(watcher) => std::slice::from_ref(watcher),
            Self::Many(watchers) => watchers,
        }
    }

    fn add(&mut self, watcher: Watcher) -> Result<()> {
        if self.all().iter().any(|other| other.handle == watcher.handle) {
            return Ok(());
        }
        let count = self.all().len();
        *self = match count {
            0 => Self::One(watcher),
            _ => {
                let mut watchers = Vec::new();
                memory::grow_exactly(&mut watchers, count + 1)?;
                watchers.extend_from_slice(self.all());
                watchers.push(watcher);
                Self::Many(watchers)
            }
        };
        Ok(())
    }

    fn remove(&mut self, watcher: Handle) {
        match self {
            Self::One(one) if one.handle == watcher => *self = Self::default(),
            Self::One(_) => {}
            Self::Many(watchers) => watchers.retain(|other| other.handle != watcher),
        }
    }
}

impl Part for Watchers {
    fn ends_at_close(&self) -> bool {
        true
    }

    fn close(self: Box<Self>, slot: &Slot, section: Section) -> bool {
        drop(section);
        self.all().iter().for_each(|watcher| (watcher.callbacks.closed)(watcher.handle, slot));
        true
    }
}

/// Adds a watcher, unless it watches the handle already. `ENOMEM`.
pub fn add(slot: &Slot, watcher: Watcher) -> Result<()> {
    memory::check()?;
    slot.set_flags(flag::REGISTERED);
    extras::with(slot.handle().index, |watchers: &mut Watchers| watchers.add(watcher))?
}

/// Removes a watcher, if it watches the handle.
pub fn remove(index: u32, watcher: Handle) {
    extras::find(index, |watchers: &mut Watchers| watchers.remove(watcher));
}

/// Calls all watchers back: the handle has changed.
pub fn changed(slot: &Slot) {
    each(slot, |watcher| (watcher.callbacks.changed)(watcher.handle, slot));
}

/// Calls all watchers back: an option was set.
pub fn look_again(slot: &Slot) {
    each(slot, |watcher| (watcher.callbacks.look_again)(watcher.handle, slot));
}

/// How many watchers are copied out at a time, to be called without the lock.
const FEW: usize = 8;

fn each(slot: &Slot, call: impl Fn(&Watcher)) {
    if !slot.has(flag::REGISTERED) {
        return;
    }
    // From the end: a removal meanwhile does not move the watchers still to be called, and a new watcher looks by itself.
    let mut left = usize::MAX;
    while left > 0 {
        let some = extras::find(slot.handle().index, |watchers: &mut Watchers| {
            let watchers = watchers.all();
            let end = left.min(watchers.len());
            left = end.saturating_sub(FEW);
            std::array::from_fn::<_, FEW, _>(|at| watchers[..end].get(left + at).copied())
        });
        let Some(some) = some else { return };
        some.iter().flatten().for_each(&call);
    }
}
