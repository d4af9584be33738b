//! A panic of the library becomes an error code (`ffi`), and must not print to the program's standard error, as the standard
//! library's panic hook does. The hook here replaces it: it is silent for panics of this library and calls the earlier hook for
//! all others, so that a program in Rust that shares its standard library with this one sees its own panics as before. Not
//! here: catching panics.

use crate::sys::ThreadLocal;
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a thread is the library's own.
static OURS: ThreadLocal<bool> = ThreadLocal::new();

/// Marks this thread as the library's own: none of its panics is printed.
pub fn keep_quiet() {
    OURS.with(|ours| *ours = true);
}

static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Installs the hook, once. A thread that comes while another installs it does not wait: in a child that was forked at that moment
/// it would wait for ever.
pub fn install() {
    // A panicking thread must not change the hook (std::panic::set_hook). Unit tests print failed assertions as usual.
    if cfg!(test) || std::thread::panicking() || INSTALLED.swap(true, Ordering::Relaxed) {
        return;
    }
    let others = take_hook();
    set_hook(Box::new(move |panic| {
        // Debug builds print it, for a failed assertion; but not the build whose tests check the silence.
        if cfg!(all(debug_assertions, not(feature = "test-hooks"))) || !is_ours(panic) {
            others(panic);
        }
    }));
}

/// The folder of the library's source files, as panic locations name it.
fn sources() -> &'static str {
    &file!()[..file!().len() - "core/process/panics.rs".len()]
}

fn is_ours(panic: &PanicHookInfo<'_>) -> bool {
    let from_here = panic.location().is_some_and(|location| location.file().starts_with(sources()));
    from_here || OURS.find(|ours| *ours) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_those_of_the_library() {
        assert!(file!().starts_with(sources()));
        assert!(sources().ends_with(['/', '\\']) && !sources().contains("core"));
    }
}
