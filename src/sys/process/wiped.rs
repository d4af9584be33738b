//! Memory that the kernel wipes in a forked child (MADV_WIPEONFORK of madvise(2), minherit(2)), by which the child notices the
//! fork even if no handler ran. Plain memory where the system has no such thing. Not here: what is kept in it
//! (`core::process::section`, `core::handle::chunks`).

use once_cell::race::OnceRef;
use std::ops::Deref;
use std::sync::atomic::AtomicU32;

/// A type for which all zeros are a valid value.
///
/// # Safety
/// Zeros must be a valid value that may replace any other.
pub unsafe trait Empty: Sync {}

// SAFETY: a number.
unsafe impl Empty for AtomicU32 {}

// SAFETY: an atomic pointer, which is null while the cell is empty. Emptied, it leaks nothing: it owns nothing.
unsafe impl<T: Sync, const N: usize> Empty for [OnceRef<'static, T>; N] {}

/// A value alone on its pages, however large these are.
#[cfg_attr(any(target_os = "linux", target_os = "android"), repr(C, align(65536)))]
#[cfg_attr(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd"), repr(C, align(16384)))]
#[derive(Debug)]
pub struct Wiped<T>(T);

impl<T: Empty> Wiped<T> {
    /// The value must be all zeros, so that it is in `.bss`: the kernel can't wipe pages of a file.
    pub const fn new(empty: T) -> Self {
        Self(empty)
    }

    /// From now on the kernel wipes it in every child.
    pub fn wipe_in_forks(&'static self) {
        let (start, length) = (std::ptr::from_ref(self).cast_mut().cast(), size_of::<Self>());
        wipe(start, length);
    }
}

impl<T> Deref for Wiped<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

/// Has the kernel wipe the memory in children. An error (an old kernel) is ignored.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn wipe(start: *mut libc::c_void, length: usize) {
    // SAFETY: the memory belongs to one value alone, for which zeros are a value; here it stays as it is.
    unsafe { libc::madvise(start, length, libc::MADV_WIPEONFORK) };
}

#[cfg(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd"))]
fn wipe(start: *mut libc::c_void, length: usize) {
    #[cfg(target_os = "freebsd")]
    let zeros = libc::INHERIT_ZERO;
    #[cfg(not(target_os = "freebsd"))]
    let zeros = libc::MAP_INHERIT_ZERO;
    // SAFETY: the memory belongs to one value alone, for which zeros are a value; here it stays as it is.
    unsafe { libc::minherit(start, length, zeros) };
}

/// There is no such thing.
#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd"
)))]
fn wipe(_start: *mut std::ffi::c_void, _length: usize) {}
