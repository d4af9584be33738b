//! What only some handles have beyond their slot: options to be replayed, poller registrations, a
//! poller's own state. Kept in 64 maps with a lock each.
//!
//! Two rules make this safe around `fork`, which takes all 64: no thread ever holds two of these
//! locks at once, and none waits for anything while it holds one. Dropping a reference to a slot under one
//! is allowed: it takes only the table's lock, which comes after these.

use super::options::Setting;
use super::poller::Registry;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 64;

/// What a handle may have.
#[derive(Default, Debug)]
pub struct Side {
    /// Options set before the connection, in order: replayed on every descriptor that stands in for it.
    pub settings: Vec<Setting>,
    /// The pollers that watch this handle.
    pub pollers: Vec<i64>,
    /// What makes this handle a poller.
    pub registry: Option<Box<Registry>>,
}

/// Handles by their slot, of which a handle has exclusive use while it is open.
pub type Shard = HashMap<u32, Side>;

static SHARD: [Mutex<Option<Shard>>; SHARDS] = [const { Mutex::new(None) }; SHARDS];

/// One lock, held.
pub type Guard = MutexGuard<'static, Option<Shard>>;

fn lock_shard(shard: usize) -> Guard {
    SHARD[shard].lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `body` on what the slot has, under its lock.
pub fn with<T>(index: u32, body: impl FnOnce(&mut Side) -> T) -> T {
    let mut shard = lock_shard(index as usize % SHARDS);
    body(shard.get_or_insert_default().entry(index).or_default())
}

/// Runs `body` under the slot's lock, if the slot has anything.
pub fn find<T>(index: u32, body: impl FnOnce(&mut Side) -> T) -> Option<T> {
    let mut shard = lock_shard(index as usize % SHARDS);
    shard.as_mut()?.get_mut(&index).map(body)
}

/// The slot has a new owner: forgets what the last one left.
pub fn forget(index: u32) {
    let side = lock_shard(index as usize % SHARDS).as_mut().and_then(|shard| shard.remove(&index));
    // Dropped outside the lock.
    drop(side);
}

/// All the locks in order, for `fork`.
pub fn lock_all() -> Vec<Guard> {
    (0..SHARDS).map(lock_shard).collect()
}

/// Runs `body` under the slot's lock, on what the slot has if it has anything.
pub fn peek<T>(index: u32, body: impl FnOnce(Option<&Side>) -> T) -> T {
    let shard = lock_shard(index as usize % SHARDS);
    body(shard.as_ref().and_then(|shard| shard.get(&index)))
}

/// Runs `body` under the slot's lock, for what only one thread may do at a time.
pub fn locked<T>(index: u32, body: impl FnOnce() -> T) -> T {
    peek(index, |_| body())
}
