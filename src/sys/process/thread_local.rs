//! Thread-local values that may be unavailable: unlike the standard library's `thread_local!` they do not end the process when
//! there is no memory for them, as the C library's `__cxa_thread_atexit_impl` and `__tls_get_addr` do. And a cell that belongs
//! to the thread that has filled it. Not here: memory that a fork wipes (`wiped`).

use crate::sys::is_memory_short;
use std::cell::{RefCell, UnsafeCell};
use std::ffi::c_void;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{null_mut, without_provenance_mut};
use std::sync::atomic::{AtomicUsize, Ordering};

use system::Key;

/// A value for each thread, made when the thread first uses it and dropped when the thread ends.
#[derive(Debug)]
pub struct ThreadLocal<T> {
    /// The system's key plus one; 0 before there is one.
    key: AtomicUsize,
    values: PhantomData<fn() -> T>,
}

/// A thread's value, and the key under which it is stored.
struct Kept<T> {
    key: Key,
    value: RefCell<T>,
}

/// Stored instead of a value that is being dropped.
const ENDING: usize = 1;

impl<T: Default + 'static> ThreadLocal<T> {
    /// Without a key, and without values.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "it is made for a static")]
    pub const fn new() -> Self {
        Self { key: AtomicUsize::new(0), values: PhantomData }
    }

    /// Runs `body` on the thread's value, which is made if there is none. `None` if there is no memory, the value is being
    /// dropped, or this is a signal handler that has interrupted another use of it.
    #[inline(always)]
    pub fn with<R>(&self, body: impl FnOnce(&mut T) -> R) -> Option<R> {
        let kept = self.kept().or_else(|| self.make())?;
        let mut value = kept.value.try_borrow_mut().ok()?;
        Some(body(&mut value))
    }

    /// As [`Self::with`], but `None` if the thread has no value yet.
    #[inline(always)]
    pub fn find<R>(&self, body: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut value = self.kept()?.value.try_borrow_mut().ok()?;
        Some(body(&mut value))
    }

    #[inline(always)]
    fn kept(&self) -> Option<&Kept<T>> {
        let key = self.key.load(Ordering::Acquire).checked_sub(1)?;
        let kept = system::get(key as Key).cast::<Kept<T>>();
        if kept.addr() <= ENDING {
            return None;
        }
        // SAFETY: what the thread keeps under this key came from `make`, and is there until the thread ends.
        Some(unsafe { &*kept })
    }

    #[cold]
    #[inline(never)]
    fn make(&self) -> Option<&Kept<T>> {
        let key = self.key()?;
        if system::get(key).addr() == ENDING || is_memory_short() {
            return None;
        }
        let kept = Box::into_raw(Box::new(Kept { key, value: RefCell::default() }));
        if !system::set(key, kept.cast()) {
            // SAFETY: it was made here, and nobody else has it.
            drop(unsafe { Box::from_raw(kept) });
            return None;
        }
        // SAFETY: it was made here, and is there until the thread ends.
        Some(unsafe { &*kept })
    }

    /// The key, made by the first thread.
    fn key(&self) -> Option<Key> {
        if let Some(key) = self.key.load(Ordering::Acquire).checked_sub(1) {
            return Some(key as Key);
        }
        let made = system::make::<T>()?;
        match self.key.compare_exchange(0, made as usize + 1, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Some(made),
            Err(other) => {
                system::forget(made);
                Some((other - 1) as Key)
            }
        }
    }
}

/// Called by the system when a thread ends, after it has removed the value.
fn end<T>(kept: *mut c_void) {
    if kept.addr() <= ENDING {
        return;
    }
    // SAFETY: the thread's value, which came from `make`; the system calls this once.
    let kept = unsafe { Box::from_raw(kept.cast::<Kept<T>>()) };
    let key = kept.key;
    system::set(key, without_provenance_mut(ENDING));
    // A panic must not unwind into the system's code.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(kept)));
    system::set(key, null_mut());
}

/// A cell whose value only the thread that has stored it can take out.
#[derive(Debug)]
pub struct ThreadOwned<T> {
    /// The thread that has stored a value; 0 if there is none.
    owner: AtomicUsize,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: only the owner reaches the value, and nobody else becomes the owner before it has taken the value away.
unsafe impl<T> Sync for ThreadOwned<T> {}

impl<T> ThreadOwned<T> {
    /// An empty cell.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "it is made for a static")]
    pub const fn new() -> Self {
        Self { owner: AtomicUsize::new(0), value: UnsafeCell::new(None) }
    }

    /// Stores what `make` makes, unless this thread has stored a value. `make` must exclude other threads that would store one, as
    /// taking a lock does.
    pub fn store(&self, make: impl FnOnce() -> T) {
        let own = system::thread();
        if self.owner.load(Ordering::Relaxed) == own {
            return;
        }
        let value = make();
        if self.owner.compare_exchange(0, own, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            // SAFETY: this thread is the owner.
            unsafe { *self.value.get() = Some(value) };
        }
    }

    /// Takes the value out, if this thread has stored one.
    pub fn take(&self) -> Option<T> {
        if self.owner.load(Ordering::Relaxed) != system::thread() {
            return None;
        }
        // SAFETY: this thread is the owner.
        let value = unsafe { (*self.value.get()).take() };
        self.owner.store(0, Ordering::Release);
        value
    }
}

/// pthread_key_create(3).
#[cfg(unix)]
mod system {
    use std::ffi::c_void;

    pub type Key = libc::pthread_key_t;

    extern "C" fn end<T>(kept: *mut c_void) {
        super::end::<T>(kept);
    }

    pub fn make<T>() -> Option<Key> {
        let mut key = 0;
        // SAFETY: the place outlives the call; the function is there for ever, as the library can't be unloaded.
        let failed = unsafe { libc::pthread_key_create(&mut key, Some(end::<T>)) };
        (failed == 0).then_some(key)
    }

    /// Deletes a key without values.
    pub fn forget(key: Key) {
        // SAFETY: takes no memory.
        unsafe { libc::pthread_key_delete(key) };
    }

    #[inline(always)]
    pub fn get(key: Key) -> *mut c_void {
        // SAFETY: takes no memory.
        unsafe { libc::pthread_getspecific(key) }
    }

    /// Whether it is kept: there may be no memory.
    pub fn set(key: Key, kept: *mut c_void) -> bool {
        // SAFETY: what is kept is looked at by `end` alone, and by who knows what it is.
        unsafe { libc::pthread_setspecific(key, kept) == 0 }
    }

    /// Which thread this is, and in a forked child still is; never 0.
    pub fn thread() -> usize {
        // SAFETY: takes no memory.
        unsafe { libc::pthread_self() as usize }
    }
}

/// Fiber-local storage (FlsAlloc), which unlike thread-local storage has a callback when a thread ends.
#[cfg(windows)]
mod system {
    use std::ffi::c_void;
    use windows_sys::Win32::System::Threading::{
        FLS_OUT_OF_INDEXES, FlsAlloc, FlsFree, FlsGetValue, FlsSetValue, GetCurrentThreadId,
    };

    pub type Key = u32;

    extern "system" fn end<T>(kept: *const c_void) {
        super::end::<T>(kept.cast_mut());
    }

    pub fn make<T>() -> Option<Key> {
        // SAFETY: the function is there for as long as the library.
        let key = unsafe { FlsAlloc(Some(end::<T>)) };
        (key != FLS_OUT_OF_INDEXES).then_some(key)
    }

    /// Gives back a key under which nobody keeps anything.
    pub fn forget(key: Key) {
        // SAFETY: takes no memory.
        unsafe { FlsFree(key) };
    }

    #[inline(always)]
    pub fn get(key: Key) -> *mut c_void {
        // SAFETY: takes no memory.
        unsafe { FlsGetValue(key) }
    }

    /// Whether it is kept: there may be no memory.
    pub fn set(key: Key, kept: *mut c_void) -> bool {
        // SAFETY: what is kept is looked at by `end` alone, and by who knows what it is.
        unsafe { FlsSetValue(key, kept) != 0 }
    }

    /// Which thread this is; never 0.
    pub fn thread() -> usize {
        // SAFETY: takes no memory.
        unsafe { GetCurrentThreadId() as usize }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread;

    #[derive(Default)]
    struct Number(i32, Option<Arc<()>>);

    static OWN: ThreadLocal<Number> = ThreadLocal::new();

    #[test]
    fn each_thread_has_its_own_until_it_ends() {
        let witness = Arc::new(());
        let begin = || {
            let witness = Arc::clone(&witness);
            thread::spawn(move || {
                assert_eq!(OWN.find(|_| ()), None);
                OWN.with(|own| own.1 = Some(witness)).unwrap();
                for round in 0..3 {
                    assert_eq!(OWN.with(|own| std::mem::replace(&mut own.0, round + 1)), Some(round));
                }
                assert_eq!(OWN.find(|own| own.0), Some(3));
                // A signal handler comes in the middle.
                assert_eq!(OWN.with(|_| OWN.with(|_| ())), Some(None));
            })
        };
        for thread in [begin(), begin()] {
            thread.join().unwrap();
        }
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    /// Drops call the library, too.
    struct Looks;

    static LAST: ThreadLocal<Looking> = ThreadLocal::new();

    #[derive(Default)]
    struct Looking(Option<Looks>);

    impl Drop for Looks {
        fn drop(&mut self) {
            assert_eq!(LAST.with(|_| ()), None);
            assert_eq!(LAST.find(|_| ()), None);
        }
    }

    #[test]
    fn a_value_that_is_being_dropped_is_not_there() {
        thread::spawn(|| LAST.with(|last| last.0 = Some(Looks))).join().unwrap();
    }

    #[test]
    fn what_a_thread_leaves_it_alone_takes_away() {
        static LEFT: ThreadOwned<i32> = ThreadOwned::new();
        LEFT.store(|| 7);
        LEFT.store(|| unreachable!());
        assert_eq!(thread::spawn(|| LEFT.take()).join().unwrap(), None);
        assert_eq!([LEFT.take(), LEFT.take()], [Some(7), None]);
    }
}
