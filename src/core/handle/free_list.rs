//! The free slots: a Treiber stack linked through the slots themselves, and those that were never used. Lock-free as long as the
//! stack is not empty. Not here: where slots lie (`chunks`), and what is put into one (`table`).

use crate::core::error::{Error, Result};
use crate::core::handle::chunks::{self, slot};
use crate::core::handle::slot::{Slot, VACANT};
use crate::core::sync::atomic::{AtomicU64, Ordering};

/// The top of the stack: in the lower half the index of the first slot plus one, or 0 for the end; the upper half counts the
/// changes, so that a stack with the same top is not taken for an unchanged one (the ABA problem).
#[derive(Debug)]
struct Stack(AtomicU64);

#[cfg(not(all(test, loom)))]
static FREE: Stack = Stack(AtomicU64::new(0));
#[cfg(all(test, loom))]
loom::lazy_static! { static ref FREE: Stack = Stack(AtomicU64::new(0)); }

const ONE_CHANGE: u64 = 1 << 32;

impl Stack {
    /// Puts another slot on top, if the stack is unchanged since `seen` was loaded; else returns what it is now.
    fn replace_top(&self, seen: u64, top: u32) -> std::result::Result<u64, u64> {
        let next = (seen & !(ONE_CHANGE - 1)).wrapping_add(ONE_CHANGE) | u64::from(top);
        self.0.compare_exchange_weak(seen, next, Ordering::SeqCst, Ordering::SeqCst)
    }

    #[inline]
    fn pop(&self, find: impl Fn(u32) -> Option<&'static Slot>) -> Option<&'static Slot> {
        let mut seen = self.0.load(Ordering::SeqCst);
        while let Some(index) = (seen as u32).checked_sub(1) {
            let slot = find(index)?;
            match self.replace_top(seen, slot.next_free()) {
                Ok(_) => return Some(slot),
                Err(now) => seen = now,
            }
        }
        None
    }

    fn push(&self, slot: &Slot) {
        let mut seen = self.0.load(Ordering::SeqCst);
        loop {
            slot.set_next_free(seen as u32);
            match self.replace_top(seen, slot.index + 1) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }
}

/// Pops a slot off the stack, or takes one that was never used. `EMFILE` if all handles are in use, `ENOMEM`.
#[inline]
pub fn pop() -> Result<&'static Slot> {
    FREE.pop(slot).map_or_else(pop_fresh, Ok)
}

#[cold]
#[inline(never)]
fn pop_fresh() -> Result<&'static Slot> {
    slot(chunks::lock().take()?).ok_or(Error::EINTERNAL)
}

/// Pushes a vacant slot onto the stack.
pub fn push(slot: &Slot) {
    // Not in models, where the load would add an order that the code does not have.
    debug_assert!(cfg!(loom) || slot.owner() & VACANT != 0, "a handle stands for a slot that is free");
    FREE.push(slot);
}

#[cfg(all(test, loom))]
pub mod models {
    use super::*;
    use crate::core::sync::model;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    /// Takes the slot off the process's stack, if it is there.
    pub fn take(slot: &'static Slot) -> Option<&'static Slot> {
        FREE.pop(|_| Some(slot))
    }

    /// Three slots, and who has each.
    struct World {
        stack: Stack,
        slots: [&'static Slot; 3],
        owned: [UnsafeCell<()>; 3],
    }

    impl World {
        fn new() -> Arc<Self> {
            let slots = std::array::from_fn(|index| &*Box::leak(Box::new(Slot::new(index as u32, 1))));
            let owned = std::array::from_fn(|_| UnsafeCell::new(()));
            let world = Self { stack: Stack(AtomicU64::new(0)), slots, owned };
            slots.into_iter().for_each(|slot| world.stack.push(slot));
            Arc::new(world)
        }

        /// loom fails where two have one at a time, or one does not see what the last owner has done.
        fn take(&self) -> Option<&'static Slot> {
            let slot = self.stack.pop(|index| self.slots.get(index as usize).copied())?;
            self.owned[slot.index as usize].with_mut(|_| ());
            Some(slot)
        }
    }

    /// Seen to fail without the count of changes, and with an exchange that is Relaxed.
    #[test]
    fn nobody_gets_what_another_has() {
        model(|| {
            let world = World::new();
            let other = world.clone();
            let thread = thread::spawn(move || {
                // The first comes back on top of another stack: ABA.
                let (first, second) = (other.take(), other.take());
                first.into_iter().for_each(|slot| other.stack.push(slot));
                second
            });
            let mine = world.take();
            let others = thread.join().unwrap();
            let left: Vec<_> = std::iter::from_fn(|| world.take()).collect();
            let all = mine.into_iter().chain(others).chain(left);
            let mut all: Vec<_> = all.map(|slot| slot.index).collect();
            all.sort_unstable();
            assert_eq!(all, [0, 1, 2]);
        });
    }
}
