//! The process and its threads on Unix: cancellation, signals, fork, and numbers of which each copy of the library has its
//! own. Not here: memory that a forked child finds empty (`wiped`).

use crate::sys::{OsError, Result};
use libc::{c_int, c_void};

unsafe extern "C" {
    #[cfg(not(target_os = "android"))]
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

/// pthread.h; the libc crate lacks it.
const DISABLE: c_int = if cfg!(target_vendor = "apple") { 0 } else { 1 };

/// Runs `body`, in which the C library may pass what elsewhere is a cancellation point.
pub fn uncancelled<T>(body: impl FnOnce() -> T) -> T {
    let before = set_state(DISABLE);
    let outcome = body();
    set_state(before);
    outcome
}

/// Android has no cancellation.
#[cfg(target_os = "android")]
const fn set_state(state: c_int) -> c_int {
    state
}

/// Says whether the thread may be cancelled, and what was said before.
#[cfg(not(target_os = "android"))]
fn set_state(state: c_int) -> c_int {
    let mut before = state;
    // SAFETY: the place outlives the call.
    unsafe { pthread_setcancelstate(state, &mut before) };
    before
}

/// Sleeps.
pub fn sleep(time: std::time::Duration) {
    uncancelled(|| std::thread::sleep(time));
}

/// Whether the calls below are cancellation points after all, so that each function of the library must keep the thread
/// from being cancelled as a whole.
pub const HAS_POINTS: bool = !cfg!(all(target_os = "linux", target_pointer_width = "64"));

/// Signals of a thread's own faults. They are not blocked: a crash handler must run, whichever thread has crashed.
const FAULTS: [c_int; 7] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS, libc::SIGABRT];

/// Starts a thread, or whatever else, while this one takes none of the program's signals; a new thread inherits that and
/// keeps it.
pub(super) fn without_signals<T>(body: impl FnOnce() -> T) -> T {
    // SAFETY: both sets are filled before they are used, and outlive the calls.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        for fault in FAULTS {
            libc::sigdelset(&mut all, fault);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &all, &mut before);
        let done = body();
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
        done
    }
}

/// How an object is opened once more that is loaded already. Linux's linker would else look for a program's file in vain.
#[cfg(target_os = "linux")]
const ONCE_MORE: c_int = libc::RTLD_LAZY | libc::RTLD_NOLOAD;

#[cfg(not(target_os = "linux"))]
const ONCE_MORE: c_int = libc::RTLD_LAZY;

/// The library may be a part of a plugin that a program loads and unloads: from now on it stays.
pub fn stay_loaded() {
    // SAFETY: plain pointers, for which null is a value.
    let mut about: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: `about` is written, and the name in it belongs to the linker. What is opened is never closed.
    unsafe {
        if libc::dladdr((stay_loaded as fn() as *const ()).cast(), &mut about) != 0
            && !about.dli_fname.is_null()
        {
            libc::dlopen(about.dli_fname, ONCE_MORE);
        }
    }
}

/// Has `prepare` run before every `fork`, and one of the others after it.
pub fn on_fork(prepare: extern "C" fn(), parent: extern "C" fn(), child: extern "C" fn()) -> Result<()> {
    // SAFETY: the functions are static.
    match unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) } {
        0 => Ok(()),
        error => Err(OsError(error)),
    }
}

/// Where numbers are claimed: places that nothing is put at unasked. Apple's systems leave the lowest 4 GB empty by force.
const CLAIMS: usize = if cfg!(target_vendor = "apple") { 0x30_0000_0000_u64 as usize } else { 0x7000_0000 };

/// So far apart that each claim has a page of its own, however large pages are.
const CLAIM: usize = 1 << 16;

/// Claims the first of these numbers that no other copy of this library in the process has, for as long as the process
/// lives; `None` if there is none.
///
/// What copies share that know nothing of each other is the address space: a number is claimed by having the page that
/// belongs to it, which holds nothing and can't be touched. Where something else lies, the number is passed over.
pub fn claim(mut numbers: std::ops::RangeInclusive<u32>) -> Option<u32> {
    numbers.find(|number| {
        let wanted = (CLAIMS + *number as usize * CLAIM) as *mut c_void;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
        // SAFETY: without MAP_FIXED the place is a wish, and nothing that is mapped there is touched.
        let got = unsafe { libc::mmap(wanted, CLAIM, libc::PROT_NONE, flags, -1, 0) };
        if got != wanted && got != libc::MAP_FAILED {
            // SAFETY: the call above has mapped it, and nobody else knows of it.
            unsafe { libc::munmap(got, CLAIM) };
        }
        got == wanted
    })
}
