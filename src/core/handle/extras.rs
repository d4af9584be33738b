//! What only some handles have beyond their slot: options to be replayed, watchers, a poller's state. Each is a part with its own
//! handlers for close and fork, so that this file names none of them. Kept in 64 shards with a lock each. Not here: the parts.
//!
//! A fork takes all 64 locks: no other thread ever holds two of them, waits for anything while it holds one, begins a section
//! (`process/section`) under one, or drops a reference to a slot, which may have to close it (`lock` checks that).

use crate::core::error::Result;
use crate::core::handle::chunks::slot;
use crate::core::handle::slot::{Slot, flag};
use crate::core::lock::{self, Mutex, Rank};
use crate::core::memory;
use crate::core::process::section::Section;
use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

const SHARDS: usize = 64;

/// What a handle may have besides its slot: at most one of each type.
pub trait Part: AsAny + Debug + Send {
    /// Whether it is taken away when the handle closes. Others stay for the calls that still run, until the slot is used again.
    fn ends_at_close(&self) -> bool {
        false
    }

    /// The holder, if the part holds references to other handles. Those handles' closes must find the part until it has dropped
    /// them.
    fn holder(&self) -> Option<Arc<dyn Holder>> {
        None
    }

    /// Called after the handle was closed and the part was taken away; whether all waits through the part have ended. Called
    /// without a lock, in the section in which it was taken away, which must end before anything is waited for.
    fn close(self: Box<Self>, _slot: &Slot, _section: Section) -> bool {
        true
    }

    /// Called in a forked child, under all locks; whether the child keeps the part.
    fn after_fork(&mut self) -> bool {
        true
    }
}

/// What holds references to other handles.
pub trait Holder: Send + Sync {
    /// Drops these references for good, as its own handle is closed. Called without a lock.
    fn let_go(&self);
}

/// Access to the concrete type of a part; implemented for every part.
pub trait AsAny {
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<T: Any> AsAny for T {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// The parts of one handle; mostly a single one, which needs no list.
#[derive(Debug)]
pub enum Extras {
    One(Box<dyn Part>),
    Many(Vec<Box<dyn Part>>),
}

impl Default for Extras {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Extras {
    fn parts(&self) -> &[Box<dyn Part>] {
        match self {
            Self::One(part) => std::slice::from_ref(part),
            Self::Many(parts) => parts,
        }
    }

    fn parts_mut(&mut self) -> &mut [Box<dyn Part>] {
        match self {
            Self::One(part) => std::slice::from_mut(part),
            Self::Many(parts) => parts,
        }
    }

    fn get<T: Part + 'static>(&self) -> Option<&T> {
        self.parts().iter().find_map(|part| (**part).as_any().downcast_ref())
    }

    fn get_mut<T: Part + 'static>(&mut self) -> Option<&mut T> {
        self.parts_mut().iter_mut().find_map(|part| (**part).as_any_mut().downcast_mut())
    }

    fn add(&mut self, part: Box<dyn Part>) {
        let type_of = |part: &dyn Part| part.as_any().type_id();
        debug_assert!(self.parts().iter().all(|other| type_of(&**other) != type_of(&*part)), "{part:?}");
        *self = match std::mem::take(self) {
            Self::One(first) => Self::Many(vec![first, part]),
            Self::Many(parts) if parts.is_empty() => Self::One(part),
            Self::Many(mut parts) => {
                parts.push(part);
                Self::Many(parts)
            }
        };
    }

    fn take(&mut self, is_it: impl Fn(&dyn Part) -> bool) -> Option<Box<dyn Part>> {
        let place = self.parts().iter().position(|part| is_it(&**part))?;
        match std::mem::take(self) {
            Self::One(part) => Some(part),
            Self::Many(mut parts) => {
                let part = parts.swap_remove(place);
                *self = Self::Many(parts);
                Some(part)
            }
        }
    }

    /// In a forked child: removes the parts that the child does not keep.
    pub fn after_fork(&mut self) {
        match self {
            Self::One(part) => {
                if !part.after_fork() {
                    *self = Self::default();
                }
            }
            Self::Many(parts) => parts.retain_mut(|part| part.after_fork()),
        }
    }
}

/// The extras of the slots that share a lock, by slot. While a handle is open its slot's extras are its own.
pub type Shard = Vec<Option<Box<Extras>>>;

static SHARD: [Mutex<Shard>; SHARDS] = [const { Mutex::new(Rank::Extras, Vec::new()) }; SHARDS];

/// One shard, locked.
type Guard = lock::Guard<'static, Shard>;
/// All of them.
pub type Guards = [Guard; SHARDS];

/// The slot's shard, locked, and the slot's place in it.
fn lock(index: u32) -> (Guard, usize) {
    let index = index as usize;
    (SHARD[index % SHARDS].lock(), index / SHARDS)
}

/// Runs `body` on the slot's extras, which are made if there are none; only then it can fail (`ENOMEM`).
fn with_extras<T>(index: u32, body: impl FnOnce(&mut Extras) -> T) -> Result<T> {
    let (mut shard, place) = lock(index);
    if place >= shard.len() {
        let more = place + 1 - shard.len();
        memory::grow(&mut shard, more)?;
        shard.resize_with(place + 1, || None);
    }
    note(index);
    Ok(body(shard[place].get_or_insert_default()))
}

/// Notes in the slot that it has extras; called under their lock.
fn note(index: u32) {
    if let Some(slot) = slot(index) {
        slot.set_flags(flag::HAS_EXTRAS);
    }
}

/// Runs `body` under the slot's lock on its part of this type, which is made if there is none. `ENOMEM`.
pub fn with<P: Part + Default + 'static, T>(index: u32, body: impl FnOnce(&mut P) -> T) -> Result<T> {
    with_extras(index, |extras| {
        if let Some(part) = extras.get_mut() {
            return body(part);
        }
        let mut part = Box::<P>::default();
        let done = body(&mut part);
        extras.add(part);
        done
    })
}

/// Adds a part to the slot, which must have none of its type. `ENOMEM`.
pub fn insert(index: u32, part: Box<dyn Part>) -> Result<()> {
    with_extras(index, |extras| extras.add(part))
}

/// Runs `body` under the slot's lock on its part of this type; `None` if it has none.
pub fn find<P: Part + 'static, T>(index: u32, body: impl FnOnce(&mut P) -> T) -> Option<T> {
    let (mut shard, place) = lock(index);
    shard.get_mut(place)?.as_deref_mut()?.get_mut().map(body)
}

/// Runs `body` under the slot's lock, whether or not it has a part of this type.
pub fn peek<P: Part + 'static, T>(index: u32, body: impl FnOnce(Option<&P>) -> T) -> T {
    let (shard, place) = lock(index);
    body(shard.get(place).and_then(Option::as_deref).and_then(Extras::get))
}

/// Takes the part of this type away from the slot, if `is_it` agrees.
pub fn take<P: Part + 'static>(index: u32, is_it: impl Fn(&P) -> bool) -> Option<Box<P>> {
    let is_it = |part: &dyn Part| part.as_any().downcast_ref().is_some_and(&is_it);
    take_any(index, is_it)?.into_any().downcast().ok()
}

fn take_any(index: u32, is_it: impl Fn(&dyn Part) -> bool) -> Option<Box<dyn Part>> {
    let (mut shard, place) = lock(index);
    shard.get_mut(place)?.as_deref_mut()?.take(is_it)
}

fn holder(slot: &Slot) -> Option<Arc<dyn Holder>> {
    // Only pollers and queues hold other handles.
    if !slot.has(flag::NO_SOCKET) {
        return None;
    }
    let (shard, place) = lock(slot.handle().index);
    shard.get(place)?.as_deref()?.parts().iter().find_map(|part| part.holder())
}

/// Called when the handle was closed: takes away and closes the parts that end with it; whether all waits through them have ended.
pub fn close(slot: &Slot) -> bool {
    if let Some(holder) = holder(slot) {
        holder.let_go();
    }
    let mut have_left = true;
    while slot.has(flag::HAS_EXTRAS) {
        let section = Section::begin();
        let Some(part) = take_any(slot.handle().index, |part| part.ends_at_close()) else { break };
        have_left &= part.close(slot, section);
    }
    have_left
}

/// Runs `body` under the slot's lock, for what only one thread may do at a time with the handle.
pub fn locked<T>(index: u32, body: impl FnOnce() -> T) -> T {
    let _shard = lock(index);
    body()
}

/// Drops what the slot's last owner left; called before the slot is used again.
pub fn forget(index: u32) {
    let (mut shard, place) = lock(index);
    let left = shard.get_mut(place).and_then(Option::take);
    drop(shard);
    // Outside of the lock, as a part may do anything when dropped.
    drop(left);
}

/// Takes all the locks in order, for `fork`.
pub fn lock_all() -> Guards {
    Mutex::lock_all(&SHARD)
}
