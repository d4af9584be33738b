//! Edges on Windows: who watches a socket for edges, for the calls after which an event is news again. Not here: watching
//! (`readiness`).

use crate::sys::{Events, Fd, OUT_OF_MEMORY, Result};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};

/// Whoever watches sockets for edges.
pub(in crate::sys) trait Watcher: Send + Sync {
    /// These events of the socket are news again.
    fn reenable(&self, socket: Fd, events: Events);
}

/// Who watches which socket.
static WATCHERS: RwLock<BTreeMap<usize, Vec<Weak<dyn Watcher>>>> = RwLock::new(BTreeMap::new());
/// Whether anyone has ever asked for edges.
static ANY: AtomicBool = AtomicBool::new(false);

/// A call has been made on the socket after which these events are news again.
#[inline]
pub(in crate::sys) fn reenable(fd: Fd, events: Events) {
    if ANY.load(Ordering::SeqCst) {
        reenable_edges(fd, events);
    }
}

/// So many bytes were sent of so many that should be. As long as there is room for all, that there is room is no news.
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

/// Tells this watcher from now on.
pub(in crate::sys) fn watch<W: Watcher + 'static>(fd: Fd, watcher: &Arc<W>) -> Result<()> {
    ANY.store(true, Ordering::SeqCst);
    let mut watchers = WATCHERS.write().unwrap_or_else(PoisonError::into_inner);
    let of_socket = watchers.entry(fd.0).or_default();
    if !of_socket.iter().any(|other| is(other, &**watcher)) {
        of_socket.try_reserve(1).map_err(|_| OUT_OF_MEMORY)?;
        let watcher: Weak<W> = Arc::downgrade(watcher);
        of_socket.push(watcher);
    }
    Ok(())
}

/// Tells it no more.
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
