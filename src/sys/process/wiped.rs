//! Memory that a forked child finds empty, by which it can tell that it is one although nothing has told it so. Where a
//! system has no such memory, it is memory as any other.

use once_cell::race::OnceRef;
use std::ops::Deref;
use std::sync::atomic::AtomicU32;

/// For which all zeros are a value.
///
/// # Safety
/// They must be, whatever the value was before.
pub unsafe trait Empty: Sync {}

// SAFETY: a number.
unsafe impl Empty for AtomicU32 {}

// SAFETY: an atomic pointer, which is null while the cell is empty. Emptied, it leaks nothing: it owns nothing.
unsafe impl<T: Sync, const N: usize> Empty for [OnceRef<'static, T>; N] {}

/// Alone on its pages, however large these are.
#[cfg_attr(any(target_os = "linux", target_os = "android"), repr(C, align(65536)))]
#[cfg_attr(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd"), repr(C, align(16384)))]
#[derive(Debug)]
pub struct Wiped<T>(T);

impl<T: Empty> Wiped<T> {
    /// It must be made of zeros, lest it lie in the part of a program that comes from its file.
    pub const fn new(empty: T) -> Self {
        Self(empty)
    }

    /// From now on every child finds it empty.
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

/// Memory that begins or ends in the middle of a page stays as it is: a refusal is no error.
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
