//! What happens around `fork`. Before it, no thread is in the middle of opening or closing a descriptor, and every lock of
//! the library is taken, so that none is held by a thread that the child does not have; after it, the child forgets what
//! those threads were doing. Not here: what is locked, and how descriptors and handles are kept in step (`process/section`).

use crate::core::error::{Error, Result};
use crate::core::handle::{chunks, extras, table};
use crate::core::lock::Guard;
use crate::core::process::section::{self, ForkAware};
use crate::core::process::{panics, workers};
use crate::core::wait;
use crate::sys::{self, Deposit};
use once_cell::race::OnceBool;
use std::time::{Duration, Instant};

/// Never blocks, so that no fork can catch it half-made.
static INSTALLED: OnceBool = OnceBool::new();

/// Has the system tell of forks; called before the first handle exists. An error in a child that came by a fork of which it
/// did not tell: all that the library knows is the parent's, and stays so.
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
    // Two threads may both do it: the handlers don't mind.
    INSTALLED.get_or_try_init(tell_of_forks)?;
    section::fork_aware().ok_or(Error::ENOTRECOVERABLE)
}

#[cold]
fn tell_of_forks() -> Result<bool> {
    panics::install();
    sys::stay_loaded();
    sys::on_fork(prepare, parent, child)?;
    section::begin_first_epoch();
    chunks::wipe_in_forks();
    Ok(true)
}

/// How long a fork waits for sections. One takes microseconds; but a signal handler may have interrupted it to fork, and a
/// close may linger.
const SECTION_TIMEOUT: Duration = Duration::from_secs(2);

/// So often it looks for them at once, before it sleeps in between.
const SPINS: u32 = 64;

const NAP: Duration = Duration::from_micros(100);

/// Waits until no section is under way but of closes that linger: these have taken their descriptors from the process.
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
    loose: Guard<'static, section::LooseEnds>,
}

impl Held {
    fn take() -> Self {
        let fork = section::hold_back();
        await_sections();
        // A structure's fields are made in the order in which they are written.
        Self {
            _fork: fork,
            extras: extras::lock_all(),
            table: chunks::lock(),
            wakers: wait::lock(),
            workers: workers::lock(),
            loose: section::lock_loose(),
        }
    }
}

static HELD: Deposit<Held> = Deposit::new();

extern "C" fn prepare() {
    section::count_fork();
    // Not a second time, where the handlers were installed twice.
    HELD.leave(Held::take);
}

/// What was held: the locks are free when it is dropped. None if the handlers run a second time.
fn release() -> Option<Held> {
    let held = HELD.take();
    section::let_go();
    held
}

extern "C" fn parent() {
    drop(release());
}

extern "C" fn child() {
    let Some(mut held) = release() else { return };
    held.table.restore();
    section::begin_anew();
    held.extras
        .iter_mut()
        .flat_map(|shard| shard.iter_mut().flatten())
        .for_each(|extras| extras.after_fork());
    held.wakers.forget();
    held.workers.forget();
    held.loose.close();
    drop(held);
    table::close_orphans(table::after_fork());
}
