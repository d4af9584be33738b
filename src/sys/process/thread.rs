//! Starting threads of the library's own, on Unix, by pthread_create(3), which returns an error where the standard library's
//! `spawn` may end the process out of memory. Not here: what they do (`core::process::workers`).

use super::without_signals;
use crate::sys::{OsError, Result};
use std::ffi::{CStr, c_void};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The function of a thread.
pub type Body = Box<dyn FnOnce() + Send>;

/// The thread's name in the system's tools.
const NAME: &CStr = c"anysock";

/// Starts a detached thread with `stack` bytes of stack, in which the program's signals are blocked from its first moment on.
/// An error if there is no memory or a limit is reached. Does not block.
pub fn start_thread(stack: usize, body: Body) -> Result<()> {
    let body = Box::into_raw(Box::new(body));
    let started = without_signals(|| create(stack, body.cast()));
    if started.is_err() {
        // SAFETY: it was made here, and no thread has it.
        drop(unsafe { Box::from_raw(body) });
    }
    started
}

fn create(stack: usize, body: *mut c_void) -> Result<()> {
    let check = |error| if error == 0 { Ok(()) } else { Err(OsError(error)) };
    let mut how = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
    // SAFETY: the attributes are made before they are used, and gone after; the thread gets a body that is nobody else's.
    unsafe {
        check(libc::pthread_attr_init(how.as_mut_ptr()))?;
        // Fails for a size that the system does not support, and leaves the default.
        libc::pthread_attr_setstacksize(how.as_mut_ptr(), stack);
        libc::pthread_attr_setdetachstate(how.as_mut_ptr(), libc::PTHREAD_CREATE_DETACHED);
        let created = check(libc::pthread_create(thread.as_mut_ptr(), how.as_ptr(), run, body));
        libc::pthread_attr_destroy(how.as_mut_ptr());
        created
    }
}

extern "C" fn run(body: *mut c_void) -> *mut c_void {
    // SAFETY: `start_thread` has made it for this thread.
    let body = unsafe { Box::from_raw(body.cast::<Body>()) };
    name();
    // A panic must not unwind into the C library.
    let _ = catch_unwind(AssertUnwindSafe(body));
    std::ptr::null_mut()
}

/// Names the thread, for ps(1), debuggers and the like.
fn name() {
    // SAFETY: the name is a text, and short enough for every system.
    unsafe {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        libc::pthread_setname_np(libc::pthread_self(), NAME.as_ptr());
        #[cfg(target_vendor = "apple")]
        libc::pthread_setname_np(NAME.as_ptr());
        #[cfg(any(target_os = "freebsd", target_os = "openbsd", target_os = "dragonfly"))]
        libc::pthread_set_name_np(libc::pthread_self(), NAME.as_ptr());
        #[cfg(target_os = "netbsd")]
        libc::pthread_setname_np(libc::pthread_self(), c"%s".as_ptr(), NAME.as_ptr().cast_mut().cast());
    }
}
