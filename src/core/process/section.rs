//! What keeps descriptors and handles in step across a fork. The kernel copies the descriptors first and the memory later. What
//! a thread opens or closes in between, and gives to a handle or takes from it, would be right in the parent and wrong in the
//! child: a handle for nothing, or for whatever gets the number next. So a descriptor and its handle change together, in a
//! [`Section`] or under a lock that a fork takes. Not here: what is done around a fork (`fork`).

use crate::core::error::{Error, Result};
use crate::core::lock::{self, Guard, Mutex, Rank};
use crate::sys::{self, Wiped};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU16, AtomicU32, Ordering};

/// How many processes there are on the way to this one, itself included. 0 before the first handle, and in a child of
/// which nothing has told: `_Fork` runs no handlers.
static EPOCH: Wiped<AtomicU32> = Wiped::new(AtomicU32::new(0));

/// The same, but nothing is wiped here, and it is 1 before the first handle.
static PROCESSES: AtomicU32 = AtomicU32::new(1);

/// How often this process and those before it have forked, or were about to, as far as that is counted.
static COUNT: AtomicU16 = AtomicU16::new(0);

/// Counts the forks on the way to this process: what was made in another epoch belongs to a parent.
#[inline]
pub fn epoch() -> u32 {
    EPOCH.load(Ordering::Relaxed)
}

/// The system tells of forks, and this process has come by none of which it did not: said by whoever may make a handle.
#[derive(Clone, Copy, Debug)]
pub struct ForkAware(());

/// Whether that is so.
#[inline]
pub fn fork_aware() -> Option<ForkAware> {
    (epoch() != 0).then_some(ForkAware(()))
}

/// The system tells of forks from now on.
pub fn begin_first_epoch() {
    let _ = EPOCH.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst);
    EPOCH.wipe_in_forks();
}

/// A fork is about to be made.
pub fn count_fork() {
    let _ = COUNT.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_add(1));
}

/// How many forks there were when something was made, in this process or on the way to it: what was there before one may be
/// shared with another process.
#[derive(Default, Debug)]
pub struct Forks(AtomicU16);

impl Forks {
    /// It is made now. Once forks are counted no more, it is as if there were more at once.
    #[inline]
    pub fn note(&self) {
        let count = COUNT.load(Ordering::Relaxed);
        self.0.store(if count == u16::MAX { 0 } else { count }, Ordering::Relaxed);
    }

    /// Whether there are more by now.
    #[inline]
    pub fn are_more(&self) -> bool {
        self.0.load(Ordering::Relaxed) != COUNT.load(Ordering::Relaxed)
    }
}

/// Sections are counted in so many places that two threads seldom share one.
const STRIPES: usize = 64;

/// How many sections are under way of the threads that count here. A cache line of its own, and its neighbour.
#[repr(align(128))]
struct Stripe(AtomicI32);

static STRIPE: [Stripe; STRIPES] = [const { Stripe(AtomicI32::new(0)) }; STRIPES];

/// A fork is being made: no section begins.
static FORKING: AtomicBool = AtomicBool::new(false);

/// Held by the thread that forks, from before it says so until after it says that it is done.
static FORK: Mutex<()> = Mutex::new(Rank::Fork, ());

/// The part of a call in which a descriptor is opened and given to a handle, or taken from it and closed: no fork comes in
/// between. It is short: nothing waits in a section, no other begins in it, and none begins under a lock.
#[derive(Debug)]
pub struct Section {
    stripe: &'static AtomicI32,
    /// That in which it has begun, as [`PROCESSES`] counts them.
    process: u32,
}

impl Section {
    /// Begins one, after the fork that is being made if there is one. Announced and then looked for, as the fork says that
    /// it is being made and then looks for sections: one of the two sees the other.
    #[inline]
    pub fn begin() -> Self {
        lock::check_free();
        let stripe = own_stripe();
        stripe.fetch_add(1, Ordering::SeqCst);
        if FORKING.load(Ordering::SeqCst) {
            let_fork_pass(stripe);
        }
        Self { stripe, process: PROCESSES.load(Ordering::Relaxed) }
    }
}

impl Drop for Section {
    #[inline]
    fn drop(&mut self) {
        // A signal handler may have forked in the middle of it; the child has begun to count anew.
        if self.process == PROCESSES.load(Ordering::Relaxed) {
            self.stripe.fetch_sub(1, Ordering::Release);
        }
    }
}

/// Where the thread counts, which its stack tells: asking for a thread-local would cost more.
#[inline]
fn own_stripe() -> &'static AtomicI32 {
    let mark = 0_u8;
    let place = (&raw const mark).addr() as u64;
    // Stacks lie far apart, at distances that are powers of two.
    let spread = (place >> 16).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    &STRIPE[(spread >> (u64::BITS - STRIPES.ilog2())) as usize].0
}

#[cold]
fn let_fork_pass(stripe: &AtomicI32) {
    while FORKING.load(Ordering::SeqCst) {
        stripe.fetch_sub(1, Ordering::SeqCst);
        drop(FORK.lock());
        stripe.fetch_add(1, Ordering::SeqCst);
    }
}

/// No section begins from now on, until [`let_go`] is called and what this returns is dropped.
pub fn hold_back() -> Guard<'static, ()> {
    let fork = FORK.lock();
    FORKING.store(true, Ordering::SeqCst);
    fork
}

/// Sections may begin again.
pub fn let_go() {
    FORKING.store(false, Ordering::SeqCst);
}

/// How many sections are under way.
pub fn running() -> usize {
    STRIPE.iter().map(|stripe| stripe.0.load(Ordering::SeqCst).max(0) as usize).sum()
}

/// In a forked child: its own epoch begins, and the sections of threads that stayed behind do not count.
pub fn begin_anew() {
    EPOCH.store(PROCESSES.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    STRIPE.iter().for_each(|stripe| stripe.0.store(0, Ordering::SeqCst));
}

/// Descriptors that are a call's and no handle's while the call waits: a forked child, which has not the call, closes them.
#[derive(Default)]
pub struct LooseEnds(Vec<sys::Fd>);

static LOOSE: Mutex<LooseEnds> = Mutex::new(Rank::Loose, LooseEnds(Vec::new()));

/// The lock on them, for `fork`.
pub fn lock_loose() -> Guard<'static, LooseEnds> {
    LOOSE.lock()
}

impl LooseEnds {
    /// Takes one out; whether it was there still.
    fn take(&mut self, fd: sys::Fd) -> bool {
        let place = self.0.iter().position(|other| *other == fd);
        place.map(|place| self.0.swap_remove(place)).is_some()
    }

    /// In a forked child.
    pub fn close(&mut self) {
        self.0.drain(..).for_each(sys::close);
    }
}

/// One of them.
#[derive(Debug)]
pub struct Loose(sys::Fd);

impl Loose {
    /// Opens it.
    pub fn open(open: impl FnOnce() -> Result<sys::Fd>) -> Result<Self> {
        let mut ends = lock_loose();
        ends.0.try_reserve(1).map_err(|_| Error::ENOMEM)?;
        open().map(|fd| {
            ends.0.push(fd);
            Self(fd)
        })
    }

    pub const fn fd(&self) -> sys::Fd {
        self.0
    }

    /// Gives it to a handle, within the section in which that is made.
    pub fn give(self, _section: &Section) -> sys::Fd {
        let fd = self.0;
        lock_loose().take(fd);
        std::mem::forget(self);
        fd
    }
}

impl Drop for Loose {
    fn drop(&mut self) {
        let mut ends = lock_loose();
        if ends.take(self.0) {
            sys::close(self.0);
        }
    }
}
