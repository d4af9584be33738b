//! A panic of the library's is an error code (`ffi`), and nothing that the program's standard error is told. The standard
//! library tells it by a hook, which this one replaces: it keeps silent of what is ours and hands on all else, so that a
//! program in Rust that shares its standard library with this one sees of its own panics what it saw before. Not here:
//! containing them.

use crate::sys::ThreadLocal;
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a thread is the library's own.
static OURS: ThreadLocal<bool> = ThreadLocal::new();

/// This thread is the library's own: none of its panics is told to anybody.
pub fn keep_quiet() {
    OURS.with(|ours| *ours = true);
}

static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Keeps the library's panics quiet from now on. Whoever comes while another does it does not wait for it: a child that was
/// forked in the middle of it would wait for ever.
pub fn install() {
    // A thread that panics may not change hooks. Unit tests want to be told of failed assertions.
    if cfg!(test) || std::thread::panicking() || INSTALLED.swap(true, Ordering::Relaxed) {
        return;
    }
    let others = take_hook();
    set_hook(Box::new(move |panic| {
        // An assertion of a build for debugging has failed: whoever has made one wants to know which. Not in the build that shows
        // the silence.
        if cfg!(all(debug_assertions, not(feature = "test-hooks"))) || !is_ours(panic) {
            others(panic);
        }
    }));
}

/// What the names of all source files of the library begin with, as the compiler knows them.
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
