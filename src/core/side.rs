//! What only some handles have beyond their slot: options to be replayed, poller registrations, a
//! poller's own state. Kept in 64 lists with a lock each.
//!
//! Two rules make this safe around `fork`, which takes all 64: no thread ever holds two of these
//! locks at once, and none waits for anything while it holds one. Dropping a reference to a slot under one
//! is allowed: it takes no lock.

use super::handle::Handle;
use super::options::Setting;
use super::poller::Registry;
use super::table;
use crate::sys::Fd;
use std::sync::{Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 64;

/// What a handle may have.
#[derive(Default, Debug)]
pub struct Side {
    /// Options set before the connection, in order: replayed on every descriptor that stands in for it.
    pub settings: Vec<Setting>,
    /// Descriptors with which a thread is trying several addresses.
    pub attempts: Vec<Fd>,
    /// The pollers that watch this handle.
    pub pollers: Vec<Handle>,
    /// What makes this handle a poller.
    pub registry: Option<Box<Registry>>,
}

/// What the slots of one lock have, in their order. A handle has exclusive use of its slot's while it is open.
pub type Shard = Vec<Option<Box<Side>>>;

static SHARD: [Mutex<Shard>; SHARDS] = [const { Mutex::new(Vec::new()) }; SHARDS];

/// One lock, held.
pub type Guard = MutexGuard<'static, Shard>;

fn lock_shard(shard: usize) -> Guard {
    SHARD[shard].lock().unwrap_or_else(PoisonError::into_inner)
}

/// The slot's lock, held, and the slot's place behind it.
fn lock(index: u32) -> (Guard, usize) {
    let index = index as usize;
    (lock_shard(index % SHARDS), index / SHARDS)
}

/// Runs `body` on what the slot has, under its lock. From now on the slot has something, until it is set aside again.
pub fn with<T>(index: u32, body: impl FnOnce(&mut Side) -> T) -> T {
    let (mut shard, place) = lock(index);
    if place >= shard.len() {
        shard.resize_with(place + 1, || None);
    }
    table::note_side(index);
    body(shard[place].get_or_insert_default())
}

/// Runs `body` under the slot's lock, if the slot has anything.
pub fn find<T>(index: u32, body: impl FnOnce(&mut Side) -> T) -> Option<T> {
    let (mut shard, place) = lock(index);
    shard.get_mut(place)?.as_deref_mut().map(body)
}

/// Runs `body` under the slot's lock, on what the slot has if it has anything.
pub fn peek<T>(index: u32, body: impl FnOnce(Option<&Side>) -> T) -> T {
    let (shard, place) = lock(index);
    body(shard.get(place).and_then(Option::as_deref))
}

/// Runs `body` under the slot's lock, for what only one thread may do at a time.
pub fn locked<T>(index: u32, body: impl FnOnce() -> T) -> T {
    peek(index, |_| body())
}

/// The slot has a new owner: forgets what the last one left.
pub fn forget(index: u32) {
    let (mut shard, place) = lock(index);
    let side = shard.get_mut(place).and_then(Option::take);
    drop(shard);
    // Dropped outside the lock.
    drop(side);
}

/// All the locks in order, for `fork`.
pub fn lock_all() -> Vec<Guard> {
    (0..SHARDS).map(lock_shard).collect()
}
