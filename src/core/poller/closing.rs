//! The end of a poller: its sockets leave it, and the waits in it end. Not here: its state (`registry`).

use crate::core::handle::extras::{self, Part};
use crate::core::handle::slot::Slot;
use crate::core::handle::table;
use crate::core::handle::watchers;
use crate::core::poller::gate::Gate;
use crate::core::poller::registry::Registry;
use crate::core::process::section::Section;
use crate::core::socket::close::wait_until;
use std::sync::Arc;

/// What is left of a poller while waits leave it that is closed: where a forked child finds it, which closes the selector too.
#[derive(Debug)]
struct Leaving(Arc<Gate>);

impl Part for Leaving {
    fn after_fork(&mut self) -> bool {
        self.0.close();
        false
    }
}

/// The poller's handle is closed: its sockets leave it, waits end. Whether they have left.
pub fn close(registry: &Registry, section: Section) -> bool {
    let poller = registry.owner();
    // The registry was there, so there is room.
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
        // A signal handler that will not end is in the middle of a wake: better a descriptor too many than a write
        // into somebody else's. A wait that never leaves keeps the selector open.
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

    /// What the parent's threads kept for their selects is not the child's. A poller's own makes its gate anew when it is used.
    fn after_fork(&mut self) -> bool {
        self.wakeup.after_fork();
        if self.is_internal {
            self.gate.close();
        }
        !self.is_internal
    }
}
