//! Closing a poller: its sockets are removed, and the waits in it end. Not here: its state (`registry`).

use crate::core::handle::extras::{self, Part};
use crate::core::handle::slot::Slot;
use crate::core::handle::table;
use crate::core::handle::watchers;
use crate::core::poller::gate::Gate;
use crate::core::poller::registry::Registry;
use crate::core::process::section::Section;
use crate::core::socket::close::wait_until;
use std::sync::Arc;

/// A closed poller whose waits have not all ended yet: kept among the extras, so that a forked child closes its selector.
#[derive(Debug)]
struct Leaving(Arc<Gate>);

impl Part for Leaving {
    fn after_fork(&mut self) -> bool {
        self.0.close();
        false
    }
}

/// Removes the poller's sockets and ends its waits, as its handle is closed; whether all waits have ended in time. Blocks for two
/// seconds at the most (`wait_until`).
pub fn close(registry: &Registry, section: Section) -> bool {
    let poller = registry.owner();
    // Can't fail: the registry was among the extras, so that there is room.
    let _ = extras::insert(poller.index, Box::new(Leaving(Arc::clone(&registry.gate))));
    drop(section);
    for number in registry.members() {
        if let Ok((socket, _)) = table::peek(number) {
            watchers::remove(socket.index, poller);
        }
    }
    registry.wakeup.disconnect();
    wait_until(|| registry.wakeup.is_idle());
    if !registry.wakeup.is_idle() {
        // A signal handler that does not return is in the middle of a wake. Leak the selector, by a wait that never leaves: better
        // than a write into another file that gets its number.
        registry.gate.enter();
    }
    registry.gate.close();
    let have_left = wait_until(|| !registry.gate.is_busy() || !registry.gate.is_own());
    if have_left {
        extras::take(poller.index, |leaving: &Leaving| Arc::ptr_eq(&leaving.0, &registry.gate));
    }
    have_left
}

impl Part for Registry {
    fn ends_at_close(&self) -> bool {
        true
    }

    fn close(self: Box<Self>, _slot: &Slot, section: Section) -> bool {
        close(&self, section)
    }

    /// The child does not keep the internal pollers of the parent's threads. A poller with a handle opens a new gate when it is
    /// used.
    fn after_fork(&mut self) -> bool {
        self.wakeup.after_fork();
        if self.is_internal {
            self.gate.close();
        }
        !self.is_internal
    }
}
