//! The process and its threads on Unix: cancellation, signals, fork handlers, and numbers that only one copy of the library in the
//! process can claim. Not here: memory that a fork wipes (`wiped`), starting threads (`thread`).

use crate::sys::{OsError, Result};
use libc::{c_int, c_void};

unsafe extern "C" {
    #[cfg(not(target_os = "android"))]
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

/// pthread.h; the libc crate lacks it.
const DISABLE: c_int = if cfg!(target_vendor = "apple") { 0 } else { 1 };

/// Runs `body` with cancellation of the thread disabled (pthread_setcancelstate(3)): it may contain cancellation points.
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

/// Sets the thread's cancelability state; returns the old one.
#[cfg(not(target_os = "android"))]
fn set_state(state: c_int) -> c_int {
    let mut before = state;
    // SAFETY: the place outlives the call.
    unsafe { pthread_setcancelstate(state, &mut before) };
    before
}

/// Sleeps, which is no cancellation point here.
pub fn sleep(time: std::time::Duration) {
    uncancelled(|| std::thread::sleep(time));
}

/// Whether the system calls of `calls` are cancellation points on this system after all, so that each function of the library must
/// disable cancellation as a whole.
pub const HAS_CANCELLATION_POINTS: bool = !cfg!(all(target_os = "linux", target_pointer_width = "64"));

/// Signals of a thread's own faults. They are not blocked, so that a crash handler runs in whichever thread has crashed.
const FAULTS: [c_int; 7] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS, libc::SIGABRT];

/// Runs `body` with the program's signals blocked. A thread that it starts inherits the mask, and keeps it.
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

/// The flags to open an object that is loaded already. Without RTLD_NOLOAD, Linux's linker would search for the file of a program.
#[cfg(target_os = "linux")]
const ONCE_MORE: c_int = libc::RTLD_LAZY | libc::RTLD_NOLOAD;

#[cfg(not(target_os = "linux"))]
const ONCE_MORE: c_int = libc::RTLD_LAZY;

/// Keeps the object that contains the library from being unloaded (dlclose(3)): it may be a plugin.
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

/// Installs fork handlers (pthread_atfork(3)): `prepare` runs before every fork, then `parent` or `child` after it. `ENOMEM`.
pub fn on_fork(prepare: extern "C" fn(), parent: extern "C" fn(), child: extern "C" fn()) -> Result<()> {
    // SAFETY: the functions are static.
    match unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) } {
        0 => Ok(()),
        error => Err(OsError(error)),
    }
}

/// The address where the pages of claims begin, in a region that systems do not use by themselves. Apple's systems reserve the
/// lowest 4 GB.
const CLAIMS: usize = if cfg!(target_vendor = "apple") { 0x30_0000_0000_u64 as usize } else { 0x7000_0000 };

/// The distance of two claims in bytes: at least a page on every system.
const CLAIM: usize = 1 << 16;

/// Claims the first of these numbers that no other copy of this library in the process has, for as long as the process lives;
/// `None` if there is none.
///
/// Copies of the library that know nothing of each other share the address space: a number is claimed by mapping the page that
/// belongs to it, without access. If something else is mapped there, the number is skipped.
pub fn claim(mut numbers: std::ops::RangeInclusive<u32>) -> Option<u32> {
    numbers.find(|number| {
        let wanted = (CLAIMS + *number as usize * CLAIM) as *mut c_void;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
        // SAFETY: without MAP_FIXED the address is a hint, and existing mappings are not changed.
        let got = unsafe { libc::mmap(wanted, CLAIM, libc::PROT_NONE, flags, -1, 0) };
        if got != wanted && got != libc::MAP_FAILED {
            // SAFETY: the call above has mapped it, and nobody else knows of it.
            unsafe { libc::munmap(got, CLAIM) };
        }
        got == wanted
    })
}
