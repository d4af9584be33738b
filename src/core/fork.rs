//! What happens around `fork`. Before it, every lock of the library is taken, so that none is held by a
//! thread that the child does not have; after it, the child forgets what those threads were doing.

use super::{poller, resolve, side, table, wait};
use crate::sys;
use once_cell::sync::Lazy;
use std::cell::RefCell;
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many forks lie between the first process and this one.
static EPOCH: AtomicU32 = AtomicU32::new(0);

static INSTALLED: Lazy<()> = Lazy::new(|| sys::on_fork(prepare, parent, child));

/// Counts the forks on the way to this process: what was made in another epoch belongs to a parent.
#[inline]
pub fn epoch() -> u32 {
    EPOCH.load(Ordering::Relaxed)
}

/// Has the system tell of forks; called before the first handle exists.
pub fn install() {
    Lazy::force(&INSTALLED);
}

/// Every lock of the library. The fields are in the order in which they are taken.
struct Held {
    _table: MutexGuard<'static, table::Fresh>,
    sides: Vec<side::Guard>,
    wakers: MutexGuard<'static, wait::Wakers>,
    resolver: MutexGuard<'static, resolve::Pool>,
}

thread_local! {
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

extern "C" fn prepare() {
    let sides = side::lock_all();
    let held = Held { sides, _table: table::lock(), wakers: wait::lock(), resolver: resolve::lock() };
    let _ = HELD.try_with(|slot| slot.replace(Some(held)));
}

fn release() -> Option<Held> {
    HELD.try_with(RefCell::take).ok().flatten()
}

extern "C" fn parent() {
    drop(release());
}

extern "C" fn child() {
    EPOCH.fetch_add(1, Ordering::SeqCst);
    if let Some(mut held) = release() {
        held.sides
            .iter_mut()
            .flat_map(|shard| shard.iter_mut().flatten())
            .for_each(|side| poller::after_fork(side));
        held.wakers.forget();
        held.resolver.forget();
    }
    let orphans = table::after_fork();
    table::bury(orphans);
}
