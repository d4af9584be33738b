//! What of a queue needs no lock: who it is, how it waits and is woken, and what others post to it. Not here: what it does
//! (`state`), and who may do what at a time (`queue`).

use crate::core::handle::number::Handle;
use crate::core::handle::slot::Slot;
use crate::core::handle::watchers::Watcher;
use crate::core::poller::wakeup::Wakeup;
use crate::core::queue::engine::Engine;
use crate::core::queue::mailbox::Mailbox;
use crate::sys::Call;
use once_cell::race::OnceBox;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How many bytes of a handle may wait, unless the program says otherwise.
const SEND_LIMIT: usize = 16 << 20;

/// What others post to a queue.
#[derive(Clone, Copy, Debug)]
pub enum Notice {
    /// The handle is not what it was.
    Changed(i64),
    /// It may be ready although nothing has come.
    Again(i64),
    /// It is the turn of the handle's operation with this stamp.
    Granted(i64, u64),
    /// That operation can't go any more.
    Broken(i64, u64),
    /// A name was looked up for an operation.
    Answered(u32, u64),
}

/// A queue as those know it who will have something to say to it, when it may be closed.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    pub handle: Handle,
    post: fn(Handle, Notice) -> bool,
}

impl Address {
    /// Posts a notice; whether there is such a queue.
    pub fn post(self, notice: Notice) -> bool {
        (self.post)(self.handle, notice)
    }
}

#[derive(Debug)]
pub struct Shared {
    pub handle: Handle,
    pub slot: &'static Slot,
    pub wakeup: &'static Wakeup,
    /// As it watches handles.
    pub watcher: Watcher,
    post: fn(Handle, Notice) -> bool,
    pub engine: OnceBox<Engine>,
    limit: AtomicUsize,
    pub mailbox: Mailbox<Notice>,
    /// Other loops wait for its descriptor.
    pub is_exposed: AtomicBool,
}

impl Shared {
    pub fn new(
        watcher: Watcher,
        slot: &'static Slot,
        wakeup: &'static Wakeup,
        post: fn(Handle, Notice) -> bool,
    ) -> Self {
        Self {
            handle: watcher.handle,
            slot,
            wakeup,
            watcher,
            post,
            engine: OnceBox::new(),
            limit: AtomicUsize::new(SEND_LIMIT),
            mailbox: Mailbox::new(),
            is_exposed: AtomicBool::new(false),
        }
    }

    pub const fn address(&self) -> Address {
        Address { handle: self.handle, post: self.post }
    }

    /// How many bytes of a handle may wait; 0 is no limit.
    pub fn send_limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    pub fn set_send_limit(&self, bytes: usize) {
        self.limit.store(bytes, Ordering::Relaxed);
    }

    /// How it waits, once it has run.
    #[inline]
    pub fn engine(&self) -> Option<&Engine> {
        self.engine.get()
    }

    pub fn carry_out(&self, calls: &mut [Call]) {
        if let Some(engine) = self.engine() {
            engine.carry_out(calls);
        }
    }

    /// Posts a notice; whether the queue will hear it.
    pub fn post(&self, notice: Notice) -> bool {
        let is_heard = self.mailbox.post(notice);
        self.kick();
        is_heard
    }

    /// Has a run that waits look again.
    pub fn kick(&self) {
        if self.mailbox.is_awaited() || self.is_exposed.load(Ordering::SeqCst) {
            // Without the lock: the queue may be closed meanwhile, and with it what would be written to.
            self.wakeup.nudge(|| self.slot.is_open_as(self.handle));
        }
    }
}
