//! The handlers around fork(2) (pthread_atfork(3)). Before it, they wait until no thread is opening or closing a descriptor,
//! and take every lock of the library, so that none is held by a thread that the child does not have; after it, the child
//! forgets what those threads were doing. Not here: what is locked, and how descriptors and handles are kept consistent
//! (`process/section`).

use crate::core::error::{Error, Result};
use crate::core::handle::{chunks, extras, table};
use crate::core::lock::Guard;
use crate::core::process::section::{self, ForkAware};
use crate::core::process::{panics, workers};
use crate::core::wait;
use crate::sys::{self, ThreadOwned};
use once_cell::race::OnceBool;
use std::time::{Duration, Instant};

/// Never blocks, so that no fork can catch it half-made.
static INSTALLED: OnceBool = OnceBool::new();

/// Installs the handlers, once; called before the first handle is made. `ENOTRECOVERABLE` in a child that was made by a fork which
/// runs no handlers (`_Fork`): the library's state is the parent's there, and can't be repaired. Does not block.
#[inline]
pub fn install() -> Result<ForkAware> {
    match section::fork_aware() {
        Some(aware) => Ok(aware),
        None => install_now(),
    }
}

#[cold]
#[inline(never)]
fn install_now() -> Result<ForkAware> {
    // Two threads may both install them: the handlers are written to run twice.
    INSTALLED.get_or_try_init(install_handlers)?;
    section::fork_aware().ok_or(Error::ENOTRECOVERABLE)
}

#[cold]
fn install_handlers() -> Result<bool> {
    panics::install();
    sys::stay_loaded();
    sys::on_fork(prepare, parent, child)?;
    section::begin_first_epoch();
    chunks::wipe_in_forks();
    Ok(true)
}

/// How long a fork waits for sections. One takes microseconds; but the fork may be made by a signal handler that has interrupted a
/// section of its own thread, which then never ends, and a close may linger.
const SECTION_TIMEOUT: Duration = Duration::from_secs(2);

/// How often it yields between two looks, before it sleeps in between.
const SPINS: u32 = 64;

const NAP: Duration = Duration::from_micros(100);

/// Waits until no section is under way, except closes that linger: their descriptors are out of the process already.
fn await_sections() {
    let began = Instant::now();
    for round in 0_u32.. {
        let running = section::running();
        let waited_for = if round < 2 * SPINS { running } else { running.saturating_sub(table::lingering()) };
        if waited_for == 0 || began.elapsed() > SECTION_TIMEOUT {
            return;
        }
        if round < SPINS { std::thread::yield_now() } else { sys::sleep(NAP) }
    }
}

/// Every lock of the library, in the order in which they are taken.
struct Held {
    _fork: Guard<'static, ()>,
    extras: extras::Guards,
    table: Guard<'static, chunks::Fresh>,
    wakers: Guard<'static, wait::Wakers>,
    workers: Guard<'static, workers::Workers>,
    unowned: Guard<'static, section::UnownedFds>,
}

impl Held {
    fn take() -> Self {
        let fork = section::block_sections();
        await_sections();
        // The fields are evaluated in this order, which is that of the ranks.
        Self {
            _fork: fork,
            extras: extras::lock_all(),
            table: chunks::lock(),
            wakers: wait::lock(),
            workers: workers::lock(),
            unowned: section::lock_unowned(),
        }
    }
}

static HELD: ThreadOwned<Held> = ThreadOwned::new();

extern "C" fn prepare() {
    section::count_fork();
    // Does nothing the second time, if the handlers were installed twice.
    HELD.store(Held::take);
}

/// The locks, which are released when it is dropped; `None` if the handlers run a second time.
fn release() -> Option<Held> {
    let held = HELD.take();
    section::allow_sections();
    held
}

extern "C" fn parent() {
    drop(release());
}

extern "C" fn child() {
    let Some(mut held) = release() else { return };
    held.table.restore();
    section::reset_in_child();
    held.extras
        .iter_mut()
        .flat_map(|shard| shard.iter_mut().flatten())
        .for_each(|extras| extras.after_fork());
    held.wakers.forget();
    held.workers.forget();
    held.unowned.close();
    drop(held);
    table::close_orphans(table::after_fork());
}
