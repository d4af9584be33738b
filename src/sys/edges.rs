//! Edge-triggered watching on Windows, where the library must detect edges itself: a list of the watchers of each socket, which
//! the calls re-enable that consume readiness. Not here: watching (`readiness`).

use crate::sys::{Events, Fd, Result, grow};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};

/// A watcher of sockets' edges.
pub(in crate::sys) trait Watcher: Send + Sync {
    /// Called when these events of the socket are to be reported again.
    fn reenable(&self, socket: Fd, events: Events);
}

/// The watchers of each socket.
static WATCHERS: RwLock<BTreeMap<usize, Vec<Weak<dyn Watcher>>>> = RwLock::new(BTreeMap::new());
/// Whether there has ever been a watcher: nearly no program has one.
static ANY: AtomicBool = AtomicBool::new(false);

/// Called after a call on the socket that makes these events reportable again.
#[inline]
pub(in crate::sys) fn reenable(fd: Fd, events: Events) {
    if ANY.load(Ordering::SeqCst) {
        reenable_edges(fd, events);
    }
}

/// Called after a send of `sent` out of `whole` bytes: only a send that found too little room makes writability reportable again.
#[inline]
pub(in crate::sys) fn after_send(fd: Fd, sent: usize, whole: usize) {
    if sent < whole {
        reenable(fd, Events::WRITE);
    }
}

#[cold]
fn reenable_edges(fd: Fd, events: Events) {
    let watchers = WATCHERS.read().unwrap_or_else(PoisonError::into_inner);
    for watcher in watchers.get(&fd.0).into_iter().flatten().filter_map(Weak::upgrade) {
        watcher.reenable(fd, events);
    }
}

/// Adds a watcher of a socket.
pub(in crate::sys) fn watch<W: Watcher + 'static>(fd: Fd, watcher: &Arc<W>) -> Result<()> {
    ANY.store(true, Ordering::SeqCst);
    let mut watchers = WATCHERS.write().unwrap_or_else(PoisonError::into_inner);
    let of_socket = watchers.entry(fd.0).or_default();
    if !of_socket.iter().any(|other| is(other, &**watcher)) {
        grow(of_socket, 1)?;
        let watcher: Weak<W> = Arc::downgrade(watcher);
        of_socket.push(watcher);
    }
    Ok(())
}

/// Removes a watcher of a socket.
pub(in crate::sys) fn forget<W: Watcher>(fd: Fd, watcher: &W) {
    if !ANY.load(Ordering::SeqCst) {
        return;
    }
    let mut watchers = WATCHERS.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(of_socket) = watchers.get_mut(&fd.0) {
        of_socket.retain(|other| !is(other, watcher));
        if of_socket.is_empty() {
            watchers.remove(&fd.0);
        }
    }
}

fn is<W: Watcher>(one: &Weak<dyn Watcher>, other: &W) -> bool {
    std::ptr::addr_eq(one.as_ptr(), std::ptr::from_ref(other))
}
