//! What keeps descriptors and handles consistent across a fork. The kernel copies the descriptors first and the memory later. If
//! another thread opens or closes a descriptor in between, and changes a handle accordingly, the child would have a handle without
//! its descriptor, or with whatever file gets that number next. So a descriptor and its handle change together, in a [`Section`]
//! (which a fork waits for) or under a lock that a fork takes. Not here: what is done around a fork (`fork`).

use crate::core::error::Result;
use crate::core::lock::{self, Guard, Mutex, Rank};
use crate::core::memory;
use crate::sys::{self, Wiped};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU16, AtomicU32, Ordering};

/// How many processes there are from the first one with a handle to this one, both included. 0 before the first handle, and in a
/// child made by a fork that runs no handlers (`_Fork`): the kernel has wiped it there.
static EPOCH: Wiped<AtomicU32> = Wiped::new(AtomicU32::new(0));

/// The same, but not wiped, and 1 before the first handle.
static PROCESSES: AtomicU32 = AtomicU32::new(1);

/// How many forks there have been in this process and those that it descends from; stops at the largest number.
static COUNT: AtomicU16 = AtomicU16::new(0);

/// The number of this process in its line of descent: what was made in another epoch belongs to a parent.
#[inline]
pub fn epoch() -> u32 {
    EPOCH.load(Ordering::Relaxed)
}

/// A proof, required to make a handle, that the fork handlers are installed and this process was not made by a fork that skipped
/// them.
#[derive(Clone, Copy, Debug)]
pub struct ForkAware(());

/// The proof, if that is so.
#[inline]
pub fn fork_aware() -> Option<ForkAware> {
    (epoch() != 0).then_some(ForkAware(()))
}

/// The fork handlers are installed from now on.
pub fn begin_first_epoch() {
    let _ = EPOCH.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst);
    EPOCH.wipe_in_forks();
}

/// A fork is about to be made.
pub fn count_fork() {
    let _ = COUNT.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_add(1));
}

/// The count of forks when something was made: if it has grown since, another process may share it.
#[derive(Default, Debug)]
pub struct Forks(AtomicU16);

impl Forks {
    /// Records the count now. Once the count has stopped it records 0, so that everything seems to be shared.
    #[inline]
    pub fn record(&self) {
        let count = COUNT.load(Ordering::Relaxed);
        self.0.store(if count == u16::MAX { 0 } else { count }, Ordering::Relaxed);
    }

    /// Whether there has been a fork since.
    #[inline]
    pub fn has_grown(&self) -> bool {
        self.0.load(Ordering::Relaxed) != COUNT.load(Ordering::Relaxed)
    }
}

/// Sections are counted in this many stripes, so that two threads seldom write to the same cache line.
const STRIPES: usize = 64;

/// How many sections are under way of the threads that use this stripe. In a cache line of its own and the next one, which
/// processors fetch along with it.
#[repr(align(128))]
struct Stripe(AtomicI32);

static STRIPE: [Stripe; STRIPES] = [const { Stripe(AtomicI32::new(0)) }; STRIPES];

/// A fork is being made: no section begins.
static FORKING: AtomicBool = AtomicBool::new(false);

/// Held by the thread that forks for as long as [`FORKING`] is set.
static FORK: Mutex<()> = Mutex::new(Rank::Fork, ());

/// The part of a call in which a descriptor is opened and given to a handle, or taken from it and closed: no fork happens in
/// between. It is short: nothing waits in a section, no other begins in it, and none begins under a lock that a fork takes.
#[derive(Debug)]
pub struct Section {
    stripe: &'static AtomicI32,
    /// The process in which it has begun, as [`PROCESSES`] counts them.
    process: u32,
}

impl Section {
    /// Begins one, after a fork that is being made if there is one. Both sides announce themselves first and look for the other
    /// afterwards, so that at least one of them sees the other. Panics in debug builds under a lock that a fork takes.
    #[inline]
    pub fn begin() -> Self {
        lock::check_free();
        let stripe = own_stripe();
        stripe.fetch_add(1, Ordering::SeqCst);
        if FORKING.load(Ordering::SeqCst) {
            wait_for_fork(stripe);
        }
        Self { stripe, process: PROCESSES.load(Ordering::Relaxed) }
    }
}

impl Drop for Section {
    #[inline]
    fn drop(&mut self) {
        // Not in the child of a signal handler that forked during the section: its counts were reset.
        if self.process == PROCESSES.load(Ordering::Relaxed) {
            self.stripe.fetch_sub(1, Ordering::Release);
        }
    }
}

/// The thread's stripe, by the address of its stack: cheaper than a thread-local.
#[inline]
fn own_stripe() -> &'static AtomicI32 {
    let mark = 0_u8;
    let place = (&raw const mark).addr() as u64;
    // Stacks lie far apart, at distances that are powers of two.
    let spread = (place >> 16).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    &STRIPE[(spread >> (u64::BITS - STRIPES.ilog2())) as usize].0
}

#[cold]
fn wait_for_fork(stripe: &AtomicI32) {
    while FORKING.load(Ordering::SeqCst) {
        stripe.fetch_sub(1, Ordering::SeqCst);
        drop(FORK.lock());
        stripe.fetch_add(1, Ordering::SeqCst);
    }
}

/// No section begins from now on, until [`allow_sections`] is called and the returned guard is dropped. Waits for another fork.
pub fn block_sections() -> Guard<'static, ()> {
    let fork = FORK.lock();
    FORKING.store(true, Ordering::SeqCst);
    fork
}

/// Sections may begin again.
pub fn allow_sections() {
    FORKING.store(false, Ordering::SeqCst);
}

/// How many sections are under way.
pub fn running() -> usize {
    STRIPE.iter().map(|stripe| stripe.0.load(Ordering::SeqCst).max(0) as usize).sum()
}

/// In a forked child: begins its own epoch, and forgets the sections of threads that only the parent has.
pub fn reset_in_child() {
    EPOCH.store(PROCESSES.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    STRIPE.iter().for_each(|stripe| stripe.0.store(0, Ordering::SeqCst));
}

/// Descriptors that belong to a call and not yet to a handle, while the call waits outside of a section: a forked child, which
/// does not have the call, closes them.
#[derive(Default)]
pub struct UnownedFds(Vec<sys::Fd>);

static UNOWNED: Mutex<UnownedFds> = Mutex::new(Rank::Unowned, UnownedFds(Vec::new()));

/// Takes the lock on them, for `fork`.
pub fn lock_unowned() -> Guard<'static, UnownedFds> {
    UNOWNED.lock()
}

impl UnownedFds {
    /// Takes one out; whether it was still listed.
    fn take(&mut self, fd: sys::Fd) -> bool {
        let place = self.0.iter().position(|other| *other == fd);
        place.map(|place| self.0.swap_remove(place)).is_some()
    }

    /// In a forked child: closes all.
    pub fn close(&mut self) {
        self.0.drain(..).for_each(sys::close);
    }
}

/// One of them; closed when dropped.
#[derive(Debug)]
pub struct UnownedFd(sys::Fd);

impl UnownedFd {
    /// Lists the descriptor that `open` returns, both under the lock, so that no fork happens in between.
    pub fn open(open: impl FnOnce() -> Result<sys::Fd>) -> Result<Self> {
        let mut ends = lock_unowned();
        memory::grow(&mut ends.0, 1)?;
        open().map(|fd| {
            ends.0.push(fd);
            Self(fd)
        })
    }

    pub const fn fd(&self) -> sys::Fd {
        self.0
    }

    /// Hands the descriptor over to the caller, who gives it to a handle in this section.
    pub fn give(self, _section: &Section) -> sys::Fd {
        let fd = self.0;
        lock_unowned().take(fd);
        std::mem::forget(self);
        fd
    }
}

impl Drop for UnownedFd {
    fn drop(&mut self) {
        let mut ends = lock_unowned();
        if ends.take(self.0) {
            sys::close(self.0);
        }
    }
}
