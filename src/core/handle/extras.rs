//! What only some handles have beyond their slot: options to be replayed, those who watch them, a poller's own state.
//! Each is a part that knows its own end, so that nothing here names any of them. Kept in 64 lists with a lock each.
//!
//! A fork takes all 64: no thread ever holds two of these locks at once, none waits for anything while it holds one, and none
//! begins a section (`fork`) or drops a reference to a slot under one, which may have to close it (`lock` looks to that).

use crate::core::error::{Error, Result};
use crate::core::handle::chunks::slot;
use crate::core::handle::slot::{Slot, flag};
use crate::core::lock::{self, Mutex, Rank};
use crate::core::process::section::Section;
use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

const SHARDS: usize = 64;

/// What a handle may have besides its slot: at most one of a type.
pub trait Part: AsAny + Debug + Send {
    /// Whether it ends with the handle's close. Others stay for the calls that still run, until the slot has a new owner.
    fn ends_at_close(&self) -> bool {
        false
    }

    /// What holds other handles, if it does. Their closes must find it until it has let go of them.
    fn holder(&self) -> Option<Arc<dyn Holder>> {
        None
    }

    /// The handle is closed, and the part no longer among its extras; whether all who wait by its means have left. Called
    /// without a lock, in the section in which it was taken away, which ends before anything is waited for.
    fn close(self: Box<Self>, _slot: &Slot, _section: Section) -> bool {
        true
    }

    /// In a forked child, under all locks: whether the child has it too.
    fn after_fork(&mut self) -> bool {
        true
    }
}

/// What holds other handles.
pub trait Holder: Send + Sync {
    /// Its handle is closed: lets go of the others, for good. Called without a lock.
    fn let_go(&self);
}

/// A part as what it is. Every part has this.
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

/// The parts of one handle: mostly one.
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

    /// In a forked child: ends what the child does not have.
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

/// What the slots of one lock have, in their order. A handle has exclusive use of its slot's while it is open.
pub type Shard = Vec<Option<Box<Extras>>>;

static SHARD: [Mutex<Shard>; SHARDS] = [const { Mutex::new(Rank::Extras, Vec::new()) }; SHARDS];

/// One lock, held.
type Guard = lock::Guard<'static, Shard>;
/// All of them.
pub type Guards = [Guard; SHARDS];

/// The slot's lock, held, and the slot's place behind it.
fn lock(index: u32) -> (Guard, usize) {
    let index = index as usize;
    (SHARD[index % SHARDS].lock(), index / SHARDS)
}

/// Runs `body` on all that the slot has. From now on the slot has something, until it is set aside again. An error only if it had
/// nothing before.
fn with_extras<T>(index: u32, body: impl FnOnce(&mut Extras) -> T) -> Result<T> {
    let (mut shard, place) = lock(index);
    if place >= shard.len() {
        let more = place + 1 - shard.len();
        shard.try_reserve(more).map_err(|_| Error::ENOMEM)?;
        shard.resize_with(place + 1, || None);
    }
    note(index);
    Ok(body(shard[place].get_or_insert_default()))
}

/// The slot has extras from now on; called under their lock.
fn note(index: u32) {
    if let Some(slot) = slot(index) {
        slot.set_flags(flag::HAS_EXTRAS);
    }
}

/// Runs `body` on the slot's part of this type, which is made if there is none, under the slot's lock.
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

/// Gives the slot a part, of which it has none yet.
pub fn insert(index: u32, part: Box<dyn Part>) -> Result<()> {
    with_extras(index, |extras| extras.add(part))
}

/// Runs `body` under the slot's lock, if the slot has such a part.
pub fn find<P: Part + 'static, T>(index: u32, body: impl FnOnce(&mut P) -> T) -> Option<T> {
    let (mut shard, place) = lock(index);
    shard.get_mut(place)?.as_deref_mut()?.get_mut().map(body)
}

/// Runs `body` under the slot's lock, on the part if the slot has it.
pub fn peek<P: Part + 'static, T>(index: u32, body: impl FnOnce(Option<&P>) -> T) -> T {
    let (shard, place) = lock(index);
    body(shard.get(place).and_then(Option::as_deref).and_then(Extras::get))
}

/// Takes the part away from the slot, if it is the one.
pub fn take<P: Part + 'static>(index: u32, is_it: impl Fn(&P) -> bool) -> Option<Box<P>> {
    let is_it = |part: &dyn Part| part.as_any().downcast_ref().is_some_and(&is_it);
    take_any(index, is_it)?.into_any().downcast().ok()
}

fn take_any(index: u32, is_it: impl Fn(&dyn Part) -> bool) -> Option<Box<dyn Part>> {
    let (mut shard, place) = lock(index);
    shard.get_mut(place)?.as_deref_mut()?.take(is_it)
}

fn holder(slot: &Slot) -> Option<Arc<dyn Holder>> {
    // What holds others is no socket.
    if !slot.has(flag::NO_SOCKET) {
        return None;
    }
    let (shard, place) = lock(slot.handle().index);
    shard.get(place)?.as_deref()?.parts().iter().find_map(|part| part.holder())
}

/// The handle is closed: ends what ends with it. Whether all have left who wait by means of that.
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

/// Runs `body` under the slot's lock, for what only one thread may do at a time.
pub fn locked<T>(index: u32, body: impl FnOnce() -> T) -> T {
    let _shard = lock(index);
    body()
}

/// The slot has a new owner: forgets what the last one left.
pub fn forget(index: u32) {
    let (mut shard, place) = lock(index);
    let left = shard.get_mut(place).and_then(Option::take);
    drop(shard);
    // Dropped outside the lock.
    drop(left);
}

/// All the locks in order, for `fork`.
pub fn lock_all() -> Guards {
    Mutex::lock_all(&SHARD)
}
