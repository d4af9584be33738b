//! Who watches a handle from outside of its calls: pollers and queues. Whoever changes a handle tells them here, and
//! needs not know what they are. Not here: calls that are blocked on it (`wait`).

use crate::core::error::{Error, Result};
use crate::core::handle::extras::{self, Part};
use crate::core::handle::number::Handle;
use crate::core::handle::slot::{Slot, flag};
use crate::core::memory;
use crate::core::process::section::Section;

/// What those of one kind do when something becomes of a handle that they watch. Called without a lock, with the watcher's own
/// handle.
#[derive(Debug)]
pub struct Callbacks {
    /// The handle is not what it was.
    pub changed: fn(Handle, &Slot),
    /// An option was set, which may have made it ready although nothing has come.
    pub look_again: fn(Handle, &Slot),
    /// It is closed. The descriptor is still open.
    pub closed: fn(Handle, &Slot),
}

/// One who watches: its own handle, and what it does.
#[derive(Clone, Copy, Debug)]
pub struct Watcher {
    pub handle: Handle,
    pub callbacks: &'static Callbacks,
}

/// Those who watch a handle: mostly one.
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
                watchers.try_reserve_exact(count + 1).map_err(|_| Error::ENOMEM)?;
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

/// Has somebody watch the handle, who may do so already.
pub fn add(slot: &Slot, watcher: Watcher) -> Result<()> {
    memory::check()?;
    slot.set_flags(flag::REGISTERED);
    extras::with(slot.handle().index, |watchers: &mut Watchers| watchers.add(watcher))?
}

/// Has somebody watch it no more.
pub fn remove(index: u32, watcher: Handle) {
    extras::find(index, |watchers: &mut Watchers| watchers.remove(watcher));
}

/// Tells those who watch that the handle is not what it was.
pub fn changed(slot: &Slot) {
    each(slot, |watcher| (watcher.callbacks.changed)(watcher.handle, slot));
}

/// Tells those who watch that an option was set.
pub fn look_again(slot: &Slot) {
    each(slot, |watcher| (watcher.callbacks.look_again)(watcher.handle, slot));
}

/// How many are told before the others are looked up.
const FEW: usize = 8;

fn each(slot: &Slot, tell: impl Fn(&Watcher)) {
    if !slot.has(flag::REGISTERED) {
        return;
    }
    // The last first: whoever leaves meanwhile has those before him stay where they are, and who comes looks by himself.
    let mut left = usize::MAX;
    while left > 0 {
        let some = extras::find(slot.handle().index, |watchers: &mut Watchers| {
            let watchers = watchers.all();
            let end = left.min(watchers.len());
            left = end.saturating_sub(FEW);
            std::array::from_fn::<_, FEW, _>(|at| watchers[..end].get(left + at).copied())
        });
        let Some(some) = some else { return };
        some.iter().flatten().for_each(&tell);
    }
}
