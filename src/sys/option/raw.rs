//! getsockopt(2) by the system's own numbers, as far as it is the same on every system. Not here: the calls (`raw_unix`,
//! `raw_windows`).

use crate::sys::{Fd, Result, get_option_into};
use std::mem::MaybeUninit;

/// As [`get_option_into`], for memory that has a value already.
pub fn get_option(fd: Fd, level: i32, name: i32, value: &mut [u8]) -> Result<usize> {
    // SAFETY: the system writes whole bytes and leaves the others, so all stay initialised.
    let room =
        unsafe { std::slice::from_raw_parts_mut(value.as_mut_ptr().cast::<MaybeUninit<u8>>(), value.len()) };
    get_option_into(fd, level, name, room)
}
